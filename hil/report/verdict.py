"""Requirements against figures, and the one word on top of the report.

The word is never a good one where data are missing, where there are no rows, or where a requirement could
not be computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hil.report.kpi_names import flatten, known_kpis, kpi_unit, nearest_kpi
from hil.report.numbers import bounds_text, figure_text
from hil.report.run_data import RunData, mapping, number

VERDICTS = {
    "met": "All requirements are met",
    "no requirements": "The run is whole; the rig sets no requirements",
    "not met": "A command was not taken by its device",
    "incomplete": "INCOMPLETE: this run cannot be judged",
    "interrupted": "INTERRUPTED before its end",
    "tripped": "TRIPPED: the rig stopped itself",
}

SHORT_PERIODS = 10.0
SHORT_SHARE = 0.001
"""A trend that ends earlier than both of these (periods, share of the duration) before its end is incomplete.

A few periods are allowed: the last row lies one before the end, or more where the rig has degraded its period.
"""


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """One requirement of the rig against the figure of the run.

    Attributes
    ----------
    kpi, unit : str
        Dotted name of the figure, and its unit.
    low, high : float or None
        What it must not be below or above; None for no such bound.
    value : float or None
        The figure; None where it could not be computed.
    met : bool
        Whether it is within the bounds.
    message : str
        Why there is no figure; empty where there is one. Without a figure ``met`` is only the time to a limit
        that was never reached.
    """

    kpi: str
    unit: str
    low: float | None
    high: float | None
    value: float | None
    met: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a run.

    Attributes
    ----------
    word : str
        A key of ``VERDICTS``.
    reasons : tuple of str
        Why it is not a good one; what else the reader must know.
    met : bool
        Whether the run came to its end with whole data, with every requirement met and every written point taken.
    """

    word: str
    reasons: tuple[str, ...]
    met: bool

    @property
    def whole(self) -> bool:
        """Whether the run came to its end with whole data, so that its requirements are settled."""
        return self.word in ("met", "not met", "no requirements")


def headline(verdict: Verdict, requirements: Sequence[RequirementResult]) -> str:
    """Give the verdict as a sentence, with how many requirements are met or, where any is not, how many are not."""
    sentence, count = VERDICTS[verdict.word], len(requirements)
    missed = sum(not item.met for item in requirements)
    if verdict.word == "met":
        return f"{sentence} ({count} of {count})"
    if verdict.word != "not met":
        return sentence
    if missed:
        return f"{missed} of {count} requirement{'s' * (count > 1)} {'is' if missed == 1 else 'are'} not met"
    return f"{sentence}; all requirements are met ({count} of {count})" if count else sentence


def judge_requirements(run: RunData, kpis: Mapping[str, Any]) -> tuple[RequirementResult, ...]:
    """Each requirement of the rig, in the order of the file."""
    asked = run.rig.get("requirements")
    flat = flatten(kpis)
    listed = kpis.get("limits")
    limits = {f"time_to.{limit['name']}_s": limit for limit in (listed if isinstance(listed, list) else ())}
    return tuple(
        _never_passed(judged, limits[judged.kpi]) if judged.value is None and judged.kpi in limits else judged
        for judged in (
            _judge(mapping(item), flat, run.rig) for item in (asked if isinstance(asked, list) else ())
        )
    )


def _never_passed(item: RequirementResult, limit: Mapping[str, Any]) -> RequirementResult:
    """Judge the time to a limit that was never passed: longer than it was watched for, if nothing went unseen."""
    if limit["from_s"] is None:
        return replace(item, message=f"{limit['from_fault']} did not begin")
    watched_s, unseen_s = float(limit["watched_s"]), float(limit["unseen_s"])
    told = f"never reached in {figure_text(watched_s, 's')}"
    if unseen_s > 0.0:
        return replace(item, message=f"{told}, of which {figure_text(unseen_s, 's')} were not seen")
    met = item.low is not None and item.high is None and watched_s >= item.low
    return replace(item, met=met, message=told)


def _judge(item: Mapping[str, Any], flat: Mapping[str, Any], rig: Mapping[str, Any]) -> RequirementResult:
    name = str(item.get("kpi", ""))
    low, high, value = number(item.get("min")), number(item.get("max")), number(flat.get(name))
    unit = kpi_unit(name, rig)
    if low is None and high is None:
        return RequirementResult(
            name, unit, low, high, value, False, "the requirement has neither min nor max"
        )
    if value is None:
        return RequirementResult(name, unit, low, high, None, False, _why_no_figure(name, flat, rig))
    met = (low is None or value >= low) and (high is None or value <= high)
    return RequirementResult(name, unit, low, high, value, met)


def _why_no_figure(name: str, flat: Mapping[str, Any], rig: Mapping[str, Any]) -> str:
    known = known_kpis(rig)
    if name not in known and name not in flat:
        nearest = nearest_kpi(name, known)
        return f"no such KPI; did you mean {nearest}?" if nearest else "no such KPI"
    loop = name.rpartition(".")[0]
    if name.endswith((".worst_settling_s", ".worst_overshoot")):
        count = flat.get(f"{loop}.step_count")
        if count and count == flat.get(f"{loop}.steps_not_judged"):
            return "every set-point step is too small to be told from the noise or increment of the signal"
        if count:
            return "a set-point step was not settled within the run, or had no good measured value"
        return "no set-point step in the run after the warm-up" if count == 0 else "no data for this loop"
    return "could not be computed: the data for it are missing"


def judge_run(run: RunData, kpis: Mapping[str, Any], requirements: tuple[RequirementResult, ...]) -> Verdict:
    """Give the verdict on a run; a stop before the end weighs more than what was reached until then."""
    gaps = _missing_data(run, kpis)
    failed = tuple(f"{item.kpi}: {item.message or _outside(item)}" for item in requirements if not item.met)
    failed = (*_not_taken(run), *failed)
    stop, why = str(run.run.get("stop", "")), str(run.run.get("stop_reason") or "")
    stopped = f"stopped at {_end_s(run):g} s: {why or stop}"
    if stop == "tripped":
        return Verdict("tripped", (stopped, *gaps, *failed), False)
    # Without a duration in the rig, being stopped by hand is the way such a run ends.
    if stop == "interrupted" and run.duration_s is not None:
        return Verdict("interrupted", (stopped, *gaps, *failed), False)
    if stop not in ("end", "interrupted", ""):
        gaps = (stopped, *gaps)
    if gaps:
        return Verdict("incomplete", (*gaps, *failed), False)
    if failed:
        return Verdict("not met", failed, False)
    return Verdict("met" if requirements else "no requirements", (), True)


def _not_taken(run: RunData) -> tuple[str, ...]:
    """Written points that a device did not take: what the run was to show it has not shown, whatever the figures."""
    told = run.run.get("writes_not_taken")
    return tuple(str(each) for each in told) if isinstance(told, list) else ()


def _outside(item: RequirementResult) -> str:
    bounds = f"{bounds_text(item.low, item.high)} {item.unit}".rstrip()
    return f"{figure_text(item.value, item.unit)}, required {bounds}"


def _missing_data(run: RunData, kpis: Mapping[str, Any]) -> tuple[str, ...]:
    """All that is missing of the run's data, in words; nothing for a whole run."""
    reasons = list(run.missing)
    figures = mapping(kpis.get("run"))
    lost, unrecorded_s = figures.get("rows_lost") or 0.0, figures.get("unrecorded_s") or 0.0
    if run.trend.rows < 2:
        reasons.append(f"only {run.trend.rows} rows were recorded")
    if lost:
        reasons.append(f"{lost:g} rows were lost by the recorder")
    if run.run.get("recorder_error"):
        reasons.append(f"the recorder failed: {run.run['recorder_error']}")
    if unrecorded_s:
        reasons.append(f"{unrecorded_s:g} s of the run were not recorded")
    short_s = (run.duration_s or 0.0) - _end_s(run)
    if run.duration_s is not None and short_s > max(
        SHORT_PERIODS * run.period_s, SHORT_SHARE * run.duration_s
    ):
        reasons.append(f"the trend ends at {_end_s(run):g} s of {run.duration_s:g} s")
    return tuple(reasons)


def _end_s(run: RunData) -> float:
    return float(run.trend.t_s[-1]) if run.trend.rows else 0.0
