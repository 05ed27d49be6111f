"""What ``hil plants`` lists: components, whole plants, weather and datasheets, as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from plant_models.catalogue import Kind, Setting, kinds, make
from plant_models.catalogue.settings import settings_of
from plant_models.cdu import CduPlant
from plant_models.cdu_physics import INPUT_HIGH, INPUT_LOW, INPUT_PORTS
from plant_models.components.cooler_sheet import COOLER_SHEETS
from plant_models.datasheets import DATASHEETS, CduDatasheet
from plant_models.facility.spec import RANGES as FACILITY_RANGES
from plant_models.facility.spec import FacilitySpec
from plant_models.ports import Port
from plant_models.pv.layout import INPUT_DEFAULTS, OUTPUT_PORTS
from plant_models.pv.layout import INPUT_HIGH as PV_HIGH
from plant_models.pv.layout import INPUT_LOW as PV_LOW
from plant_models.pv.layout import INPUT_PORTS as PV_INPUTS
from plant_models.pv.settings import RANGES as PV_RANGES
from plant_models.pv.settings import PvSettings
from plant_models.sizing import RANGES as CDU_RANGES
from plant_models.sizing import CduSettings
from plant_models.weather.climate import CLIMATES
from plant_models.weather.series import QUANTITIES

Entry = dict[str, Any]
Sections = dict[str, dict[str, Entry]]


def plant_list(name: str | None = None) -> Sections:
    """Give all entries by section and name, or those called ``name``; empty where there is none."""
    sections: Mapping[str, Mapping[str, Callable[[], Entry]]] = {
        "components": {kind.name: _lazily(_component, kind) for kind in kinds().values()},
        "plants": _PLANTS,
        "weather": {site: _lazily(_weather, site) for site in CLIMATES},
        "datasheets": {sheet: _lazily(_datasheet, sheet) for sheet in (*DATASHEETS, *COOLER_SHEETS)},
    }
    found = {
        section: {each: made() for each, made in entries.items() if name in {None, each}}
        for section, entries in sections.items()
    }
    return {section: entries for section, entries in found.items() if entries}


def _lazily(make_entry: Callable[[Any], Entry], of: Any) -> Callable[[], Entry]:
    return lambda: make_entry(of)


def _component(kind: Kind) -> Entry:
    made = make(kind.name, kind.example)
    nested = [
        {**_setting(setting), "name": f"{key}.{setting.name}"}
        for key, inner in kind.nested.items()
        for setting in inner
    ]
    counted = ", ".join(f"{key} = {value}" for key, value in kind.example.items())
    return {
        "summary": kind.summary,
        "source": kind.source,
        "inputs": [
            {"name": port.name, "unit": port.unit, "range": [port.low, port.high], "start": port.start,
             "optional": port.optional}
            for port in made.inputs
        ],
        "outputs": _ports(made.outputs),
        "settings": [_setting(setting) for setting in kind.settings] + nested,
        "faults": list(made.faults),
        "notes": [f"ports are those with {counted}"] if counted else [],
    }  # fmt: skip


def _setting(setting: Setting) -> Entry:
    ends = [None if math.isinf(end) else end for end in (setting.low, setting.high)]
    limits = None if ends == [None, None] else ends
    default = "needed" if setting.is_needed else setting.default
    about = setting.about or (f"one of {', '.join(setting.choices)}" if setting.choices else "")
    return {"name": setting.name, "type": setting.type, "default": default, "range": limits, "about": about}


def _ports(ports: Sequence[Port]) -> list[Entry]:
    return [{"name": port.name, "unit": port.unit} for port in ports]


def _inputs(
    ports: Sequence[Port], low: Sequence[float], high: Sequence[float], start: Mapping[str, float]
) -> list[Entry]:
    return [
        {"name": port.name, "unit": port.unit, "range": [float(least), float(most)], "start": start.get(port.name),
         "optional": port.name in start}
        for port, least, most in zip(ports, low, high, strict=True)
    ]  # fmt: skip


def _cdu() -> Entry:
    plant = CduPlant.from_datasheet("deschutes_2mw")
    return {
        "summary": "a CDU with its racks by itself (type: cdu), from a datasheet; settings under parameters",
        "source": kinds()["cdu"].source,
        "inputs": _inputs(INPUT_PORTS, INPUT_LOW.tolist(), INPUT_HIGH.tolist(), plant.default_inputs),
        "outputs": _ports(plant.output_ports),
        "settings": [_setting(setting) for setting in settings_of(CduSettings, CDU_RANGES)],
        "faults": list(plant.faults),
    }


def _pv_plant() -> Entry:
    defaults = dict(zip((port.name for port in PV_INPUTS), INPUT_DEFAULTS, strict=True))
    return {
        "summary": "a PV plant up to its point of interconnection (type: pv_plant); settings under parameters",
        "source": "pvlib, PVWatts 5 (NREL/TP-6A20-62641), Faiman 2008, Kasten and Czeplak 1980",
        "inputs": _inputs(PV_INPUTS, PV_LOW, PV_HIGH, defaults),
        "outputs": _ports(OUTPUT_PORTS),
        "settings": [_setting(setting) for setting in settings_of(PvSettings, PV_RANGES)],
        "faults": ["poi_meter_lost", "poi_breaker_open", "station_<n>_trip"],
    }


def _facility() -> Entry:
    return {
        "summary": "a whole facility, sized from a few figures under spec (type: facility)",
        "source": "sizing: plant_models/facility, each step with its equation; classes: ASHRAE TC 9.9",
        "settings": [_setting(setting) for setting in settings_of(FacilitySpec, FACILITY_RANGES)],
        "notes": ["its inputs and outputs are those of its components: cdu_1.tcs_supply_temp_degc …"],
    }


def _plain(summary: str, source: str, **more: Any) -> Callable[[], Entry]:
    return lambda: {"summary": summary, "source": source, **more}


_PLANTS: Mapping[str, Callable[[], Entry]] = {
    "cdu": _cdu,
    "pv_plant": _pv_plant,
    "facility": _facility,
    "system": _plain(
        "components wired in the rig (type: system): components, wires, share, hold, expose",
        "one integrator over all components; see the components",
    ),
    "wan": _plain(
        "a link with delay, jitter and loss (type: wan): delay_s, jitter_s, loss_share, message_period_s, seed",
        "whole periods, nothing overtakes",
        inputs=[{"name": "<channel>", "unit": "its signal's"}],
        outputs=[{"name": "received_<channel>", "unit": "its signal's"}, {"name": "wan_age_s", "unit": "s"}],
        faults=["wan_cut"],
    ),
    "transfer_function": _plain(
        "one input, one output (type: transfer_function): numerator, denominator, dead_time_s, levels",
        "zero-order hold, exact (Franklin, Powell and Workman)",
    ),
    "state_space": _plain(
        "matrices A, B, C, D (type: state_space), dead_time_s, levels",
        "zero-order hold, exact (Franklin, Powell and Workman)",
    ),
}


_CLIMATE_SOURCES = {"bizerte": "temperatures: weather2visit.com", "tozeur": "temperatures: lachainemeteo.com"}


def _weather(site: str) -> Entry:
    place = CLIMATES[site]
    where = f"{place.latitude_deg:g} N, {place.longitude_deg:g} E, {place.altitude_m:g} m"
    return {
        "summary": f"seeded synthetic years at {where}, for sources of type: weather and for pv_plant",
        "source": f"{_CLIMATE_SOURCES[site]}; humidity, cloud, wind and hot spells are assumptions",
        "outputs": [{"name": name, "unit": unit} for name, (unit, _, _) in QUANTITIES.items()],
        "figures": [
            {"name": f"{name} of month {month}", "value": f"{value:g}"}
            for name in ("min_temp_degc", "max_temp_degc")
            for month, value in enumerate(getattr(place, name), 1)
        ],
    }


def _datasheet(name: str) -> Entry:
    sheet = DATASHEETS.get(name) or COOLER_SHEETS[name]
    kind = "CDU" if isinstance(sheet, CduDatasheet) else "dry cooler"
    shown = [
        (item.name, getattr(sheet, item.name))
        for item in fields(sheet)
        if item.name not in {"name", "source"}
    ]
    return {
        "summary": f"{kind}: {sheet.name}, {sheet.duty_kw:g} kW",
        "source": sheet.source,
        "figures": [{"name": key, "value": str(value)} for key, value in shown if value not in (None, ())],
    }
