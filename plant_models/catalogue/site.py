"""Kinds around the water: heat rejection, power, meters."""

from __future__ import annotations

from dataclasses import replace

from plant_models.catalogue.kind import (
    COOLANT,
    CP,
    FLOW,
    OF_COOLANT,
    Coolant,
    Given,
    Kind,
    chosen_coolant,
    count,
    needed_coolant,
    number,
    said_coolant,
    without,
)
from plant_models.catalogue.settings import Setting, as_replacements, settings_of
from plant_models.components.chiller import chiller
from plant_models.components.chiller_layout import MOST_MACHINES
from plant_models.components.chiller_settings import RANGES as CHILLER_RANGES
from plant_models.components.chiller_settings import ChillerSettings
from plant_models.components.cooler_settings import RANGES as COOLER_RANGES
from plant_models.components.cooler_settings import DryCoolerSettings
from plant_models.components.cooler_sheet import COOLER_SHEETS, CoolerDatasheet, cooler_sheet
from plant_models.components.dry_cooler import MOST_UNITS, dry_cooler
from plant_models.components.power_chain import power_chain
from plant_models.components.power_settings import MOST_FEEDS, PowerSettings
from plant_models.components.power_settings import RANGES as POWER_RANGES
from plant_models.components.site_meter import MOST_CASES, site_meter
from plant_models.system.component import Component

_COOLER = "bac_tdfs1238n"
_COOLER_DEGC, _CHILLER_DEGC = 30.0, 25.0
"""Where a cooler and a chiller start by default."""
_COOLER_FIGURES = settings_of(CoolerDatasheet, but=("name", "source"))


def _cooler_coolant(given: Given) -> Coolant:
    sheet = cooler_sheet(given.get("datasheet", _COOLER), **given.get("figures", {}))
    return said_coolant(given, _COOLER_DEGC) or Coolant(sheet.properties, sheet.coolant)


def _make_dry_cooler(given: Given, coolant: Coolant | None) -> Component:
    said = chosen_coolant(given, coolant, _COOLER_DEGC)
    sheet = cooler_sheet(given.get("datasheet", _COOLER), **given.get("figures", {}))
    if said is not None and said.fluid is not None and said.fluid != sheet.coolant:
        sheet = replace(sheet, coolant=said.fluid, coolant_properties=None)
    cp = None if said is None else said.properties.heat_capacity_j_kgk
    return dry_cooler(sheet, cp_j_kgk=cp, **without(given, "datasheet", "figures", *OF_COOLANT))


def _make_chiller(given: Given, coolant: Coolant | None) -> Component:
    of = needed_coolant("chiller", given, coolant, _CHILLER_DEGC, with_density=False)
    return chiller(**without(given, *OF_COOLANT), cp_j_kgk=of.heat_capacity_j_kgk)


def _make_power_chain(given: Given, _: Coolant | None) -> Component:
    settings = PowerSettings(**without(given, *_FEEDS))
    return power_chain(**{name: given[name] for name in _FEEDS if name in given}, settings=settings)


_FEEDS = ("it_feeds", "mechanical_feeds")

SITE = (
    Kind(
        name="dry_cooler",
        summary="bank of dry coolers with fan groups, free convection and adiabatic pads, from a datasheet",
        source="LBNL Modelica Buildings (DryCooler); psychrometrics after ASHRAE",
        settings=(
            Setting(
                name="datasheet",
                type="text",
                default=_COOLER,
                choices=tuple(COOLER_SHEETS),
                about="Of one unit.",
            ),
            count("count", "Equal units in parallel.", 1, MOST_UNITS, 1),
            count("fan_groups", "Of the whole bank; the sheet's by default.", 1, MOST_UNITS, 2),
            *settings_of(DryCoolerSettings, COOLER_RANGES),
            COOLANT,
            CP,
        ),
        nested={"figures": as_replacements(_COOLER_FIGURES)},
        make=_make_dry_cooler,
        own_coolant=_cooler_coolant,
        coolant_ports=("inlet_", "outlet_"),
    ),
    Kind(
        name="chiller",
        summary="bank of air-cooled chillers in series: COP by lift and load, staging, start sequence, trips",
        source="Carnot's share at the nominal point (AHRI 550/590), ASHRAE 90.1-2019 table 6.8.1-3",
        settings=(
            number("capacity_kw", "Of one machine at its nominal point.", 1.0, 50_000.0, needed=True),
            count("machines", "Equal ones.", 1, MOST_MACHINES, 2),
            replace(FLOW, low=0.01),
            *settings_of(ChillerSettings, CHILLER_RANGES),
            COOLANT,
            CP,
        ),
        make=_make_chiller,
        own_coolant=lambda given: said_coolant(given, _CHILLER_DEGC),
        coolant_ports=("inlet_", "outlet_"),
        example={"capacity_kw": 1000, "flow_kg_s": 50, "coolant": "water"},
    ),
    Kind(
        name="power_chain",
        summary="transformer, UPS with battery and bypass, generator and distribution, from the meter to the racks",
        source="Commission Regulation (EU) 548/2014, ISO/IEC 30134-2, Peukert's law",
        settings=(
            count("it_feeds", "Loads behind the UPS.", 1, MOST_FEEDS, 1),
            count("mechanical_feeds", "Pumps, fans, chillers.", 0, MOST_FEEDS, 1),
            *settings_of(PowerSettings, POWER_RANGES),
        ),
        make=_make_power_chain,
        example={"ups_kw": 3000, "transformer_kva": 4000},
    ),
    Kind(
        name="site_meter",
        summary="hottest case, PUE, WUE, energies and water since the start",
        source="ISO/IEC 30134-2 (PUE), ISO/IEC 30134-9 (WUE)",
        settings=(count("cases", "Case temperatures.", 1, MOST_CASES, 1),),
        make=lambda given, _: site_meter(**given),
    ),
)
