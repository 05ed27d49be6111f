"""How long a signal took from the first fault of the run until it passed a limit.

A pump that trips at full load is judged by the time until the supply is at 45 °C. The crossing is found on the line
between two rows, so that the time does not depend on the period. What is never reached has no time: how long
it was watched for is told beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.report.integrals import interval_weights
from hil.report.kpi_names import signal_unit, timed_limits
from hil.report.run_data import RunData, mapping, number
from hil.report.trend_data import Floats


@dataclass(frozen=True, slots=True)
class LimitTime:
    """What came of one limit.

    Attributes
    ----------
    name, signal, unit : str
        As the rig or the scenario has them.
    side : {"above", "below"}
        Where the limit is passed.
    limit : float
        In the signal's unit.
    from_s : float
        Loop time from which it was watched, s: the first fault's start, or 0 in a run without a fault.
    after_fault : bool
        Whether that was a fault.
    time_s : float or None
        From then until the limit was passed, s; None where it never was.
    watched_s : float
        From then to the last row in which the signal was GOOD, s.
    unseen_s : float
        Since then, what lay between rows one of which was not GOOD, or was not recorded, s: there the limit could
        have been passed unseen.
    worst : float or None
        Of the GOOD values since, the one farthest towards the limit.
    """

    name: str
    signal: str
    unit: str
    side: str
    limit: float
    from_s: float
    after_fault: bool
    time_s: float | None
    watched_s: float
    unseen_s: float
    worst: float | None


def limit_times(run: RunData) -> list[LimitTime]:
    """Every timed limit of rig and scenario, in their order."""
    starts = [event.t_s for event in run.events if event.kind == "fault_start"]
    from_s = min(starts, default=0.0)
    return [_timed(run, limit, from_s, bool(starts)) for limit in timed_limits(run.rig)]


def _timed(run: RunData, limit: dict[str, object], from_s: float, after_fault: bool) -> LimitTime:
    signal = str(limit["signal"])
    above, below = number(limit.get("above")), number(limit.get("below"))
    side, bound = ("below", below) if below is not None else ("above", above)
    bound = 0.0 if bound is None else bound
    sign = -1.0 if side == "below" else 1.0
    unit = signal_unit(mapping(run.rig.get("signals")), signal)
    base = (str(limit["name"]), signal, unit, side, bound, from_s, after_fault)
    good = run.trend.good(signal)
    if not good.any() or run.trend.t_s[good][-1] < from_s:
        return LimitTime(*base, None, 0.0, 0.0, None)
    t_s, values = _watched(run.trend.t_s[good], run.trend.values[signal][good], from_s)
    excess = sign * (values - bound)
    unseen_s = float(np.diff(run.trend.t_s)[_unseen(run, good, from_s)].sum())
    worst = bound + sign * float(excess.max())
    passed_s = _first_passing(t_s, excess)
    time_s = None if passed_s is None else passed_s - from_s
    return LimitTime(*base, time_s, float(t_s[-1]) - from_s, unseen_s, worst)


def _watched(t_s: Floats, values: Floats, from_s: float) -> tuple[Floats, Floats]:
    """Give the rows from ``from_s`` on, the first of them on the line to it where it lies between two rows."""
    first = int(np.searchsorted(t_s, from_s))
    if first == 0 or t_s[first] == from_s:
        return t_s[first:], values[first:]
    at_start = float(np.interp(from_s, t_s, values))
    return np.concatenate(([from_s], t_s[first:])), np.concatenate(([at_start], values[first:]))


def _unseen(run: RunData, good: NDArray[np.bool_], from_s: float) -> NDArray[np.bool_]:
    """Intervals after ``from_s`` with an end that is not GOOD, or of which nothing was recorded."""
    weights_s, _ = interval_weights(run.trend.t_s, run.period_s)
    hidden: NDArray[np.bool_] = ~(good[:-1] & good[1:] & (weights_s > 0.0)) & (run.trend.t_s[1:] > from_s)
    return hidden


def _first_passing(t_s: Floats, excess: Floats) -> float | None:
    """Time at which ``excess`` first reaches 0 from below, on the line between rows; None where it never does."""
    over = np.flatnonzero(excess >= 0.0)
    if over.size == 0:
        return None
    row = int(over[0])
    if row == 0 or excess[row] == 0.0:
        return float(t_s[row])
    share = -excess[row - 1] / (excess[row] - excess[row - 1])
    return float(t_s[row - 1] + share * (t_s[row] - t_s[row - 1]))
