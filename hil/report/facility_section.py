"""The page's section on the facility: PUE, WUE, hours by cooling mode, by period, and their boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.report.facility_kpis import MODES
from hil.report.kpi_names import FACILITY_KPIS, shown_unit
from hil.report.markup import Html, table, tag
from hil.report.numbers import figure_text, time_text
from hil.report.run_data import mapping
from hil.report.sections import section

BOUNDARIES = (
    "PUE is the energy of the facility over the energy of the IT equipment, WUE the water used over the energy of the "
    "IT equipment, each of integrals over the same time. Boundary of PUE (ISO/IEC 30134-2): facility energy is what "
    "the rig names facility_power, at the utility meter; IT energy is what it names it_power: metered at the UPS "
    "output this is category 1, at the output of the distribution units category 2, at the input of the IT equipment "
    "category 3. Boundary of WUE (ISO/IEC 30134-9): the water used on the site, without that of generating the "
    "electricity; 1 kg counts as 1 L. Both standards mean a whole year: the figures of a shorter run are interim ones. "
    "Intervals with a value that was not GOOD, or that were not recorded, are left out of both integrals."
)

_LABELS = {
    "pue": "PUE",
    "wue_l_kwh": "WUE",
    "it_energy_mwh": "energy of the IT equipment",
    "facility_energy_mwh": "energy of the facility",
    "water_l": "water used",
    "free_cooling_h": "free cooling",
    "partly_mechanical_h": "partly mechanical cooling",
    "mechanical_h": "mechanical cooling",
    "mode_changes": "changes of the cooling mode",
    "hottest_case_temp_degc": "hottest case temperature",
    "not_good_s": "time left out: a power was not GOOD",
}

_WATER, _LEAST_WATER = ("wue_l_kwh", "water_l"), 0.001


def facility_section(kpis: Mapping[str, Any], drawn: bool) -> Html:
    """Show the facility's figures, by period too; nothing where the rig names no facility."""
    figures = mapping(kpis.get("facility"))
    if not figures:
        return Html("")
    rows = [(_LABELS[kpi], _figure(kpi, figures.get(kpi), unit)) for kpi, unit in FACILITY_KPIS.items()]
    parts: list[Html] = [table(("", ""), rows, "pairs"), tag("p", BOUNDARIES, "note")]
    if drawn:
        parts.append(Html('<div class="figure" data-figure="facility"></div>'))
    if figures.get("periods"):
        parts.append(tag("div", _period_table(figures["periods"]), "long"))
    return section("Facility", *parts)


def _figure(kpi: str, value: float | None, unit: str = "") -> str:
    """Give a figure; of water, what no meter would show is not written out."""
    if kpi in _WATER and value is not None and 0.0 < value < _LEAST_WATER:
        return f"< {_LEAST_WATER} {unit}".rstrip()
    return figure_text(value, unit)


def _period_table(periods: list[dict[str, Any]]) -> Html:
    heads = ("from", "to", "PUE", "WUE (L/kWh)", "IT energy (kWh)", "facility energy (kWh)", "water (L)",
             "free (h)", "partly mechanical (h)", "mechanical (h)")  # fmt: skip
    columns = (
        "pue",
        "wue_l_kwh",
        "it_energy_kwh",
        "facility_energy_kwh",
        "water_l",
        *(f"{m}_h" for m in MODES),
    )
    rows = [
        (
            time_text(each["start_s"]),
            time_text(each["end_s"]),
            *(_figure(name, each[name]) for name in columns),
        )
        for each in periods
    ]
    return table(heads, rows, "figures")


def limits_section(kpis: Mapping[str, Any], drawn: bool) -> Html:
    """Show the times to the limits and what the faults did, where that is ``drawn``; nothing where there is neither."""
    limits = kpis.get("limits") or []
    place = Html('<div class="figure" data-figure="faults"></div>') if drawn else Html("")
    if not limits:
        return section("Faults", place) if drawn else place
    heads = ("limit", "signal", "passed when", "watched from", "passed after", "watched for", "nearest to it")
    rows = [
        (tag("code", each["name"]), tag("code", each["signal"]),
         f"{each['side']} {figure_text(each['limit'], shown_unit(each['unit']))}",
         _beginning(each), _passed(each),
         figure_text(each["watched_s"], "s") + _unseen(each["unseen_s"]),
         figure_text(each["worst"], shown_unit(each["unit"])))
        for each in limits
    ]  # fmt: skip
    return section("Time to a limit", table(heads, rows), place)


def _beginning(limit: Mapping[str, Any]) -> str:
    if limit["from_s"] is None:
        return f"{limit['from_fault']}, which did not begin"
    return f"{time_text(limit['from_s'])} ({limit['from_fault'] or 'no fault in the run'})"


def _passed(limit: Mapping[str, Any]) -> str:
    if limit["time_s"] is None:
        return "never" if limit["watched_s"] else figure_text(None)
    return "was before" if limit["passed_before"] else figure_text(limit["time_s"], "s")


def _unseen(unseen_s: float) -> str:
    return f", {figure_text(unseen_s, 's')} of it unseen" if unseen_s else ""
