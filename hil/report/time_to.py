"""How long a signal took from a fault until it passed a limit: from the run's first, or from the one that is named.

A pump that trips at full load is judged by the time until the supply is at 45 °C. The crossing is found on the line
between two rows, so that the time does not depend on the period. What is never reached has no time: how long
it was watched for is told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    from_s : float or None
        Loop time from which it was watched, s: a fault's first start, or 0 in a run without a fault; None where the
        fault that it is to count from did not begin.
    from_fault : str
        That fault; empty in a run without one.
    passed_before : bool
        Whether it had been passed when the watch began; ``time_s`` is then 0 and says nothing of the fault.
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
    from_s: float | None
    from_fault: str
    passed_before: bool
    time_s: float | None
    watched_s: float
    unseen_s: float
    worst: float | None


def limit_times(run: RunData) -> list[LimitTime]:
    """Every timed limit of rig and scenario, in their order."""
    return [_timed(run, limit, *_beginning(run, limit)) for limit in timed_limits(run.rig)]


def _beginning(run: RunData, limit: Mapping[str, object]) -> tuple[float | None, str]:
    """When the fault began from which a limit counts, s, and its name; None where it never did."""
    named = str(limit.get("from_fault") or "")
    starts = [
        (event.t_s, named or event.text or event.source)
        for event in run.events
        if event.kind == "fault_start" and named in ("", event.source, event.text)
    ]
    return min(starts, default=(None, named) if named else (0.0, ""))


def _timed(run: RunData, limit: Mapping[str, object], from_s: float | None, from_fault: str) -> LimitTime:
    signal = str(limit["signal"])
    above, below = number(limit.get("above")), number(limit.get("below"))
    side, bound = ("below", below) if below is not None else ("above", above)
    bound = 0.0 if bound is None else bound
    sign = -1.0 if side == "below" else 1.0
    unit = signal_unit(mapping(run.rig.get("signals")), signal)
    base = (str(limit["name"]), signal, unit, side, bound, from_s, from_fault)
    good = run.trend.good(signal)
    if from_s is None or not good.any() or run.trend.t_s[good][-1] < from_s:
        return LimitTime(*base, False, None, 0.0, 0.0, None)
    all_s, excess = run.trend.t_s[good], sign * (run.trend.values[signal][good] - bound)
    t_s, watched = _watched(all_s, excess, from_s)
    unseen_s = float(np.diff(run.trend.t_s)[_unseen(run, good, from_s)].sum())
    passed_s = _first_passing(t_s, watched)
    time_s = None if passed_s is None else passed_s - from_s
    # The row before decides: a fault of a sensor is in the row of its start already.
    passed_before = time_s == 0.0 and bool((excess[all_s < from_s][-1:] >= 0.0).all())
    worst = bound + sign * float(watched.max())
    return LimitTime(*base, passed_before, time_s, float(t_s[-1]) - from_s, unseen_s, worst)


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
