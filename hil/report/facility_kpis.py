"""PUE, WUE and hours by cooling mode of a run, as a whole and by period.

PUE is the energy of the facility over that of the IT equipment (ISO/IEC 30134-2), WUE the water used over the
energy of the IT equipment (ISO/IEC 30134-9); both are ratios of integrals, never means of ratios. An interval
counts where both its rows are GOOD for every signal of the figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hil.config.units import UNITS, affine
from hil.report.integrals import held_s, interval_weights
from hil.report.kpi_names import signal_unit
from hil.report.run_data import RunData, mapping
from hil.report.running_integrals import held_up_to, integral_up_to
from hil.report.trend_data import Floats

MODES = ("free_cooling", "partly_mechanical", "mechanical")
"""Cooling modes, by their number."""

HOUR_S, DAY_S = 3600.0, 86_400.0
HOURLY_UP_TO_S = 8 * DAY_S
"""A longer run is shown by day."""

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FacilityTrend:
    """What the facility's figures are made of, in one unit each; None for what was not named or not recorded.

    Attributes
    ----------
    t_s, weights_s : ndarray
        Rows and the length of the intervals between them.  # (n_rows,), (n_rows - 1,)
    it_kw, facility_kw, water_kg_s, mode : ndarray or None
        # (n_rows,)
    it_good, facility_good, water_good, mode_good : ndarray
        Where the values can be believed.  # (n_rows,)
    """

    t_s: Floats
    weights_s: Floats
    it_kw: Floats | None
    facility_kw: Floats | None
    water_kg_s: Floats | None
    mode: Floats | None
    it_good: Rows
    facility_good: Rows
    water_good: Rows
    mode_good: Rows

    @property
    def powers_good(self) -> Rows:
        """Where both powers can be believed: what PUE is made of."""
        return self.it_good & self.facility_good


def facility_trend(run: RunData) -> FacilityTrend:
    """Read the facility's signals out of the trend."""
    named = mapping(run.rig.get("facility"))
    weights_s, _ = interval_weights(run.trend.t_s, run.period_s)

    def read(role: str, unit: str) -> tuple[Floats | None, Rows]:
        signal = str(named.get(role))
        values = in_unit(run, signal, unit) if role in named else None
        return values, np.zeros(run.trend.rows, dtype=bool) if values is None else run.trend.good(signal)

    it_kw, it_good = read("it_power", "kW")
    facility_kw, facility_good = read("facility_power", "kW")
    water_kg_s, water_good = read("water_use", "kg/s")
    mode, mode_good = read("cooling_mode", "1")
    return FacilityTrend(
        run.trend.t_s, weights_s, it_kw, facility_kw, water_kg_s, mode,
        it_good, facility_good, water_good, mode_good,
    )  # fmt: skip


def in_unit(run: RunData, signal: str, wanted: str) -> Floats | None:
    """Give a recorded signal in ``wanted``; None where it is not recorded or measures something else.

    A volume flow of water becomes kg/s at 1 kg/L.
    """
    values = run.trend.values.get(signal)
    unit = signal_unit(mapping(run.rig.get("signals")), signal)
    if values is None or unit not in UNITS:
        return None
    if wanted == "kg/s" and UNITS[unit].dimension == "volume flow":
        wanted = "L/s"
    if UNITS[unit].dimension != UNITS[wanted].dimension:
        return None
    factor, offset = affine(unit, wanted)
    return values if (factor, offset) == (1.0, 0.0) else values * factor + offset


def facility_kpis(run: RunData) -> dict[str, Any]:
    """All key figures of the facility; nothing where the rig names none. ``periods`` is a list, by hour or day."""
    if not mapping(run.rig.get("facility")):
        return {}
    trend = facility_trend(run)
    ends = trend.t_s[[0, -1]] if trend.t_s.size else np.zeros(2)
    whole = _between(trend, ends)[0]
    return {
        "pue": whole["pue"],
        "wue_l_kwh": whole["wue_l_kwh"],
        "it_energy_mwh": _mwh(whole["it_energy_kwh"]),
        "facility_energy_mwh": _mwh(whole["facility_energy_kwh"]),
        "water_l": whole["water_l"],
        **{f"{mode}_h": whole[f"{mode}_h"] for mode in MODES},
        "mode_changes": _mode_changes(trend),
        "hottest_case_temp_degc": _hottest(run),
        "not_good_s": held_s(~trend.powers_good, trend.weights_s),
        "periods": _by_period(trend),
    }


def _between(trend: FacilityTrend, edges_s: Floats) -> list[dict[str, Any]]:
    """Figures of each stretch between two neighbours of ``edges_s``, s."""

    def parts(values: Floats | None, good: Rows, factor: float) -> Sequence[float | None]:
        """Integral in each stretch, in the value's unit times s, times ``factor``; None without a good row."""
        if values is None or not good.any():
            return [None] * (edges_s.size - 1)
        sums = np.diff(integral_up_to(edges_s, trend.t_s, values, trend.weights_s, good))
        return [float(each) * factor for each in sums]

    kwh, powers, both = 1.0 / HOUR_S, trend.powers_good, trend.it_good & trend.water_good
    it, facility = parts(trend.it_kw, powers, kwh), parts(trend.facility_kw, powers, kwh)
    water = parts(trend.water_kg_s, trend.water_good, 1.0)
    wet, beside = parts(trend.water_kg_s, both, 1.0), parts(trend.it_kw, both, kwh)
    hours = {f"{mode}_h": _hours(trend, number, edges_s) for number, mode in enumerate(MODES)}
    return [
        {
            "start_s": float(edges_s[n]),
            "end_s": float(edges_s[n + 1]),
            "pue": _ratio(facility[n], it[n]),
            "wue_l_kwh": _ratio(wet[n], beside[n]),
            "it_energy_kwh": it[n],
            "facility_energy_kwh": facility[n],
            "water_l": water[n],
            **{name: values[n] for name, values in hours.items()},
        }
        for n in range(edges_s.size - 1)
    ]


def _hours(trend: FacilityTrend, number: int, edges_s: Floats) -> Sequence[float | None]:
    if trend.mode is None or not trend.mode_good.any():
        return [None] * (edges_s.size - 1)
    state = trend.mode_good & (np.abs(trend.mode - number) < 0.5)
    return [float(each) / HOUR_S for each in np.diff(held_up_to(edges_s, trend.t_s, state, trend.weights_s))]


def _mwh(energy_kwh: float | None) -> float | None:
    return None if energy_kwh is None else energy_kwh / 1000.0


def _ratio(above: float | None, below: float | None) -> float | None:
    """Give the ratio; None where there is nothing below it (no IT energy): never a NaN or an infinity."""
    if above is None or below is None or below <= 0.0:
        return None
    ratio = above / below
    return ratio if math.isfinite(ratio) else None


def _mode_changes(trend: FacilityTrend) -> int | None:
    if trend.mode is None or not trend.mode_good.any():
        return None
    modes = np.rint(trend.mode[trend.mode_good])
    return int(np.count_nonzero(np.diff(modes)))


def _hottest(run: RunData) -> float | None:
    """Give the highest GOOD case temperature of the run, degC."""
    hottest: list[float] = []
    for signal in case_signals(mapping(run.rig.get("facility"))):
        values = in_unit(run, signal, "degC")
        if values is not None and (good := run.trend.good(signal)).any():
            hottest.append(float(values[good].max()))
    return max(hottest) if hottest else None


def case_signals(named: Mapping[str, Any]) -> list[str]:
    """Signals of case temperatures that the rig's facility names."""
    listed = named.get("case_temps")
    one = named.get("hottest_case_temp")
    return (
        [str(each) for each in listed] if isinstance(listed, list) and listed else [str(one)] if one else []
    )


def _by_period(trend: FacilityTrend) -> list[dict[str, Any]]:
    """Figures by hour of the run, or by day where it is long; the last one ends with the run."""
    if trend.t_s.size < 2:
        return []
    start_s, end_s = float(trend.t_s[0]), float(trend.t_s[-1])
    step_s = period_length_s(end_s)
    inner = np.arange(math.floor(start_s / step_s) + 1, math.ceil(end_s / step_s)) * step_s
    return _between(trend, np.concatenate(([start_s], inner, [end_s])))


def period_length_s(end_s: float) -> float:
    """Length of the periods of a run that ends at ``end_s``, s."""
    return HOUR_S if end_s <= HOURLY_UP_TO_S else DAY_S
