"""Kinds of the water side: CDUs, headers, pipes, valves, tanks."""

from __future__ import annotations

from dataclasses import replace

from plant_models.catalogue.kind import (
    COOLANT,
    CP,
    DENSITY,
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
    temp,
    without,
)
from plant_models.catalogue.settings import Setting, as_replacements, settings_of
from plant_models.cold_plate import OCP_1KW_OAM_PG25, ColdPlate
from plant_models.components.cdu import cdu
from plant_models.components.cdu_loop import RANGES as LOOP_RANGES
from plant_models.components.cdu_loop import LoopSettings
from plant_models.components.cdu_places import MOST_CELLS as MOST_CDU_CELLS
from plant_models.components.cdu_places import MOST_PUMPS as MOST_CDU_PUMPS
from plant_models.components.cdu_places import MOST_RACKS
from plant_models.components.cdu_racks import RackSettings
from plant_models.components.header import MOST_BRANCHES, HeaderSettings, header
from plant_models.components.header import MOST_PUMPS as MOST_HEADER_PUMPS
from plant_models.components.header import RANGES as HEADER_RANGES
from plant_models.components.pipe import MOST_CELLS, pipe
from plant_models.components.tank import MOST_LAYERS, tank
from plant_models.components.three_way import three_way
from plant_models.datasheets import DATASHEETS, CduDatasheet, datasheet_from
from plant_models.fluid import WATER, fluid_properties
from plant_models.sizing import RANGES as CDU_RANGES
from plant_models.sizing import CduSettings, settings_from, solve_design
from plant_models.start import CduStart
from plant_models.system.component import Component

_RACK_RANGES = {"racks": (1, MOST_RACKS), "pipe_cells": (1, MOST_CDU_CELLS)}
_HEADER_DEGC = 30.0
"""Where a header starts by default."""


def _make_pipe(given: Given, coolant: Coolant | None) -> Component:
    of = needed_coolant("pipe", given, coolant, 30.0)
    rest = without(given, *OF_COOLANT)
    return pipe(**rest, density_kg_m3=of.density_kg_m3, cp_j_kgk=of.heat_capacity_j_kgk)


def _make_tank(given: Given, coolant: Coolant | None) -> Component:
    of = needed_coolant("tank", given, coolant, 25.0)
    rest = without(given, *OF_COOLANT)
    return tank(**rest, density_kg_m3=of.density_kg_m3, cp_j_kgk=of.heat_capacity_j_kgk)


def _make_three_way(given: Given, coolant: Coolant | None) -> Component:
    of = needed_coolant("three_way", given, coolant, 30.0, with_density=False)
    return three_way(**without(given, *OF_COOLANT), cp_j_kgk=of.heat_capacity_j_kgk)


def _header_coolant(given: Given) -> Coolant:
    water = Coolant(fluid_properties(WATER, given.get("temp_degc", _HEADER_DEGC)), WATER)
    return said_coolant(given, _HEADER_DEGC) or water


def _make_header(given: Given, coolant: Coolant | None) -> Component:
    figures = without(given, "branches", "pumps", *OF_COOLANT)
    said = chosen_coolant(given, coolant, _HEADER_DEGC)
    if said is not None and said.fluid is not None:
        figures["coolant"] = said.fluid
    cp = None if said is None else said.properties.heat_capacity_j_kgk
    settings = HeaderSettings(**figures)
    return header(given["branches"], pumps=given["pumps"], settings=settings, cp_j_kgk=cp)


def _cdu_sheet(given: Given) -> CduDatasheet:
    name, figures = given.get("datasheet", _CDU), given.get("figures", {})
    if name is None:
        return datasheet_from(None, **{"name": "cdu", **figures})
    return datasheet_from(DATASHEETS[name], **figures)


def _cdu_coolant(given: Given) -> Coolant:
    sheet = _cdu_sheet(given)
    known = {name: given[name] for name in CDU_RANGES if name in given}
    return Coolant(solve_design(sheet, settings_from(**known)).fws, sheet.fws_fluid)


def _make_cdu(given: Given, coolant: Coolant | None) -> Component:
    sheet = _cdu_sheet(given)
    # CDUs of different sheets on one header are sized with one and the same water.
    if (
        coolant is not None
        and coolant.fluid == sheet.fws_fluid
        and sheet.fws_properties != coolant.properties
    ):
        sheet = replace(sheet, fws_properties=coolant.properties)
    plate = ColdPlate(**given["plate"]) if "plate" in given else OCP_1KW_OAM_PG25
    return cdu(sheet, plate=plate, **without(given, "datasheet", "figures", "plate"))


_CDU = "deschutes_2mw"
_FIGURES = settings_of(CduDatasheet, but=("name", "source"))

WATER_SIDE = (
    Kind(
        name="cdu",
        summary="coolant distribution unit with 1 to 3 pumps, its racks and cold plates, from a datasheet",
        source="LBNL Modelica Buildings (CDU_epsNTU, PlateHeatExchangerEffectivenessNTU), OCP OAI guideline 2023",
        settings=(
            Setting(
                name="datasheet",
                type="text",
                default=_CDU,
                choices=tuple(DATASHEETS),
                about="A ready sheet; null: figures alone.",
            ),
            count("pumps", "Each with a check valve and a command.", 1, MOST_CDU_PUMPS, 1),
            number("pump_share", "Design flow of one pump over the CDU's; 1/pumps by default.", 0.1, 1.0),
            *settings_of(CduSettings, CDU_RANGES),
            *settings_of(RackSettings, _RACK_RANGES),
            *settings_of(LoopSettings, LOOP_RANGES),
            *settings_of(CduStart),
        ),
        nested={"figures": as_replacements(_FIGURES), "plate": settings_of(ColdPlate)},
        make=_make_cdu,
        own_coolant=_cdu_coolant,
        coolant_ports=("fws_",),
    ),
    Kind(
        name="header",
        summary="supply and return header with N branches, bypass and primary pumps; solves all flows",
        source="quadratic resistances in series and parallel, affinity laws; one equation in the total flow",
        settings=(
            count("branches", "How many.", 1, MOST_BRANCHES),
            count("pumps", "Duty and stand-by together.", 1, MOST_HEADER_PUMPS),
            *settings_of(HeaderSettings, HEADER_RANGES, but=("coolant",)),
            COOLANT,
            CP,
        ),
        make=_make_header,
        own_coolant=_header_coolant,
        coolant_ports=("branch_", "source_", "supply_", "return_"),
        example={"branches": 2, "pumps": 2, "flow_kg_s": 60, "head_kpa": 250, "coolant": "water"},
    ),
    Kind(
        name="pipe",
        summary="pipe as N stirred cells in a row; one cell is a stirred buffer",
        source="tanks in series (Levenspiel, Chemical Reaction Engineering, ch. 14)",
        settings=(
            number("volume_l", "What it holds.", 0.1, 1e7, needed=True),
            FLOW,
            count("cells", "The more, the nearer to a dead time.", 1, MOST_CELLS, 6),
            number("loss_w_k", "Conductance of all of its wall.", 0.0, 1e6, 0.0),
            temp(30.0),
            COOLANT,
            CP,
            DENSITY,
        ),
        make=_make_pipe,
        own_coolant=lambda given: said_coolant(given, 30.0),
        coolant_ports=("inlet_", "outlet_"),
        example={"volume_l": 1000, "flow_kg_s": 30, "coolant": "water"},
    ),
    Kind(
        name="three_way",
        summary="three-way valve: the common flow through a cooler or past it, and mixed",
        source="linear ports in series with fixed resistances",
        settings=(
            FLOW,
            number("cooler_drop_kpa", "Of the cooler at design flow.", 0.1, 2000.0, needed=True),
            number("valve_authority", "Share of the drop of valve and cooler.", 0.05, 0.95, 0.5),
            number("stroke_time_s", "Whole stroke.", 0.5, 3600.0, 60.0),
            temp(30.0),
            COOLANT,
            CP,
        ),
        make=_make_three_way,
        own_coolant=lambda given: said_coolant(given, 30.0),
        coolant_ports=("return_", "cooled_", "supply_"),
        example={"flow_kg_s": 30, "cooler_drop_kpa": 60, "coolant": "water"},
    ),
    Kind(
        name="tank",
        summary="stratified buffer tank between a load and a source",
        source="multi-layer tank (Duffie and Beckman, Solar Engineering of Thermal Processes, ch. 8)",
        settings=(
            number("volume_l", "What it holds.", 10.0, 1e7, needed=True),
            FLOW,
            count("layers", "One above the other.", 2, MOST_LAYERS, 8),
            temp(25.0),
            COOLANT,
            CP,
            DENSITY,
        ),
        make=_make_tank,
        own_coolant=lambda given: said_coolant(given, 25.0),
        coolant_ports=("load_", "source_", "bottom_", "top_"),
        example={"volume_l": 5000, "flow_kg_s": 30, "coolant": "water"},
    ),
)
