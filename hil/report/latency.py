"""The latency contract of a run, met or not, and what the delay took of the loops' phase margins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hil.report.kpi_names import kpi_unit
from hil.report.run_data import RunData, mapping, number
from hil.report.verdict import RequirementResult

_ENDS = ("_p99_us", "_max_us")


@dataclass(frozen=True, slots=True)
class LatencyResult:
    """What became of the contract.

    Attributes
    ----------
    word : str
        ``met``, ``not met``, ``no contract``, or ``virtual clock``, on which time means nothing.
    limits : tuple of RequirementResult
        Each limit against the figure of the run.
    margins : tuple of dict
        A loop each: ``loop``, ``crossover_rad_s``, ``nominal_deg``, ``delay_s``, ``lost_deg``, ``remaining_deg``
        (None where there is no figure), ``delay`` (its parts), ``note`` (why no figure, or the warning).
    """

    word: str
    limits: tuple[RequirementResult, ...]
    margins: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """As in ``kpis.json`` and in ``hil run --json``."""
        return {
            "word": self.word,
            "limits": [asdict(limit) for limit in self.limits],
            "margins": list(self.margins),
        }


def judge_latency(run: RunData, kpis: Mapping[str, Any]) -> LatencyResult:
    """Hold the rig's ``latency`` section against the figures of the run."""
    contract = mapping(run.rig.get("latency"))
    margins = tuple(_margins(run))
    if run.rig.get("clock") == "virtual":
        return LatencyResult("virtual clock", (), margins)
    limits = tuple(_judge(name, limit, run, kpis) for name, limit in contract.items())
    if not limits:
        return LatencyResult("no contract", (), margins)
    return LatencyResult("met" if all(item.met for item in limits) else "not met", limits, margins)


def _margins(run: RunData) -> list[dict[str, Any]]:
    found = run.timing.get("margins")
    return [mapping(item) for item in found] if isinstance(found, list) else []


def _judge(name: str, limit: object, run: RunData, kpis: Mapping[str, Any]) -> RequirementResult:
    high, kpi = number(limit), limit_kpi(name)
    value: object = kpis
    for part in kpi.split("."):
        value = mapping(value).get(part)
    reached = number(value)
    unit = kpi_unit(kpi, run.rig)
    if high is None or reached is None:
        return RequirementResult(kpi, unit, None, high, None, False, "nothing was measured in this run")
    return RequirementResult(kpi, unit, None, high, reached, reached <= high)


def limit_kpi(name: str) -> str:
    """Key figure that a limit of the contract is about: ``cycle_p99_us`` is ``timing.cycle.p99_us``."""
    end = next((end for end in _ENDS if name.endswith(end)), "")
    return f"timing.{name.removesuffix(end)}.{end.removeprefix('_')}" if end else f"run.{name}"
