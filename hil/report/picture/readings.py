"""The figures of a picture: the mean of each signal over the run, or over its hottest hour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hil.report.integrals import interval_weights
from hil.report.kpi_names import shown_unit
from hil.report.numbers import time_text
from hil.report.picture.plan import Plan
from hil.report.run_data import RunData, mapping, number
from hil.report.running_integrals import integral_up_to
from hil.report.trend_data import Floats

HOUR_S = 3600.0
_SHORTEST_S = 2 * HOUR_S
"""In a shorter run an hour is nearly all of it."""
MACHINE_STATE = r"machine_(\d{1,3})_state"
_PASSES, _INLETS = ("pipe", "tank"), ("inlet_temp_degc", "source_return_temp_degc")
_AIR = ("dry_bulb_temp_degc", "condenser_air_temp_degc")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a port showed: ``value`` in ``unit`` (as printed), by ``signal``."""

    value: float
    unit: str
    signal: str


@dataclass(frozen=True, slots=True)
class Readings:
    """Figures of all ports of a plan that have a signal, over one time.

    Attributes
    ----------
    plan : Plan
    means : mapping of str to float
        By signal, in its unit.
    basis : str
        Over which time, in words.
    states : mapping of str to int
        Of the signals that number a machine's states, the one held for longest: a mean of them tells nothing.
    """

    plan: Plan
    means: Mapping[str, float]
    basis: str
    states: Mapping[str, int] = field(default_factory=dict)

    def state(self, name: str, port: str) -> int | None:
        """Give the state that a port was in for longest; None without a reading."""
        return self.states.get(self.plan.signal(name, port) or "")

    def of(self, name: str, *ports: str) -> Reading | None:
        """Give the reading of the first of ``ports`` that has one."""
        for port in ports:
            signal = self.plan.signal(name, port)
            if signal is not None and signal in self.means:
                return Reading(self.means[signal], shown_unit(self.plan.unit(name, port)), signal)
        return None

    def value(self, name: str, *ports: str) -> float | None:
        """Give the value alone."""
        reading = self.of(name, *ports)
        return None if reading is None else reading.value

    def near(self, name: str, port: str) -> float | None:
        """Give a temperature to colour by: the port's own, else that of what flows into the pipe or tank before it."""
        place: tuple[str, str] | None = self.plan.sources.get((name, port), (name, port))
        value, seen = self.value(name, port), set()
        while value is None and place is not None and place[0] not in seen:
            value = self.value(*place)
            seen.add(place[0])
            inlets = (
                [(place[0], inlet) for inlet in _INLETS] if self.plan.parts[place[0]].kind in _PASSES else []
            )
            place = next((self.plan.sources[inlet] for inlet in inlets if inlet in self.plan.sources), None)
        return value

    def known(self, places: Iterable[tuple[str, str]]) -> list[float]:
        """Give the values of those ports that have one."""
        return [value for name, port in places if (value := self.value(name, port)) is not None]


def means_of_run(plan: Plan, run: RunData, kpis: Mapping[str, Any]) -> Readings:
    """Means over the run, as the table of signals has them."""
    figures = mapping(kpis.get("signals")).items()
    found = {name: number(mapping(each).get("mean")) for name, each in figures}
    means = {name: mean for name, mean in found.items() if mean is not None}
    t_s = run.trend.t_s
    states = _states(plan, run, float(t_s[0]), float(t_s[-1])) if t_s.size else {}
    return Readings(plan, means, "means over the run", states)


def means_of_hottest_hour(plan: Plan, run: RunData) -> Readings | None:
    """Means over the hour in which the outdoor air was hottest; None in a short run or without such a signal."""
    air = next(
        (s for name in plan.parts for port in _AIR if (s := plan.signal(name, port)) is not None), None
    )
    t_s = run.trend.t_s
    if air is None or t_s.size < 2 or t_s[-1] - t_s[0] < _SHORTEST_S:
        return None
    starts = np.arange(t_s[0], t_s[-1] - HOUR_S + 1.0, HOUR_S)
    weights_s, _ = interval_weights(t_s, run.period_s)
    temps = _window_means(run, air, starts, weights_s)
    if not np.isfinite(temps).any():
        return None
    start = starts[[int(np.nanargmax(temps))]]
    signals = dict.fromkeys(plan.signals.values())
    means = {signal: float(_window_means(run, signal, start, weights_s)[0]) for signal in signals}
    at_s = float(start[0])
    basis = f"means over the hottest hour, from {time_text(at_s)}"
    known = {name: mean for name, mean in means.items() if np.isfinite(mean)}
    return Readings(plan, known, basis, _states(plan, run, at_s, at_s + HOUR_S))


def _states(plan: Plan, run: RunData, start_s: float, end_s: float) -> dict[str, int]:
    """Give the state held for longest, by signal of a machine's state."""
    signals = {signal for (_, port), signal in plan.signals.items() if re.fullmatch(MACHINE_STATE, port)}
    if not signals:
        return {}
    weights_s, _ = interval_weights(run.trend.t_s, run.period_s)
    inside = (run.trend.t_s[:-1] >= start_s) & (run.trend.t_s[:-1] < end_s)
    found: dict[str, int] = {}
    for signal in sorted(signals):
        good = run.trend.good(signal)[:-1] & inside
        if good.any():
            levels, rows = np.unique(np.rint(run.trend.values[signal][:-1][good]), return_inverse=True)
            found[signal] = int(levels[np.argmax(np.bincount(rows, weights_s[good]))])
    return found


def _window_means(run: RunData, signal: str, starts_s: Floats, weights_s: Floats) -> Floats:
    """Mean of the GOOD values in the hour from each start; NaN where there is none."""
    values, good = run.trend.values.get(signal), run.trend.good(signal)
    if values is None:
        return np.full(starts_s.size, np.nan)
    # One hour of a day at 10 Hz is a small part of its rows.
    first = max(int(np.searchsorted(run.trend.t_s, starts_s[0], side="right")) - 1, 0)
    last = int(np.searchsorted(run.trend.t_s, starts_s[-1] + HOUR_S)) + 1
    t_s, good, weights_s = run.trend.t_s[first:last], good[first:last], weights_s[first : last - 1]

    def between(column: Floats) -> Floats:
        upto = [integral_up_to(edge, t_s, column, weights_s, good) for edge in (starts_s, starts_s + HOUR_S)]
        return upto[1] - upto[0]

    time_s = between(np.ones(t_s.size))
    means: Floats = between(values[first:last]) / np.where(time_s > 0.0, time_s, np.nan)
    return means
