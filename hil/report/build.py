"""Write ``kpis.json`` and ``report.html`` of a run folder, from the folder alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hil.errors import Problem, RunFolderError
from hil.report.kpis import compute_kpis
from hil.report.latency import LatencyResult, judge_latency
from hil.report.page import page_html
from hil.report.run_data import read_run
from hil.report.verdict import RequirementResult, judge_requirements, judge_run


@dataclass(frozen=True, slots=True)
class ReportResult:
    """What came of a report.

    Attributes
    ----------
    path : Path
        The page, ``report.html`` in the run folder.
    kpis : dict
        Nested key figures, as in ``kpis.json``.
    requirements : tuple of RequirementResult
        In the order of the rig.
    latency : LatencyResult
        The latency contract against the run, and the loops' phase margins.
    verdict : str
        ``met``, ``no requirements``, ``not met``, ``incomplete``, ``interrupted`` or ``tripped``.
    reasons : tuple of str
        Why the verdict is not a good one.
    met : bool
        Whether the run is whole, every requirement and the latency contract are met; true for a whole run without any.
    """

    path: Path
    kpis: dict[str, Any]
    requirements: tuple[RequirementResult, ...]
    latency: LatencyResult
    verdict: str
    reasons: tuple[str, ...]
    met: bool


def build_report(run_dir: Path) -> ReportResult:
    """Compute the key figures of a run and write them and the page into its folder.

    The run may have been killed: what is there is shown, and what is not is said.

    Raises
    ------
    RunFolderError
        The folder is no run folder, or cannot be written to.
    """
    run = read_run(run_dir)
    kpis = compute_kpis(run)
    requirements = judge_requirements(run, kpis)
    latency = judge_latency(run, kpis)
    verdict = judge_run(run, kpis, (*requirements, *latency.limits))
    judged = {"word": verdict.word, "met": verdict.met, "reasons": list(verdict.reasons)}
    required = [asdict(item) for item in requirements]
    record = {"verdict": judged, "requirements": required, "latency": latency.as_json(), "kpis": kpis}
    path = run_dir / "report.html"
    try:
        _replace(run_dir / "kpis.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
        _replace(path, page_html(run, kpis, requirements, latency, verdict))
    except OSError as error:
        raise RunFolderError(Problem(str(run_dir), None, f"the report cannot be written: {error}")) from error
    return ReportResult(path, kpis, requirements, latency, verdict.word, verdict.reasons, verdict.met)


def _replace(path: Path, text: str) -> None:
    """Write beside and rename: a report half written must not stand where a whole one stood."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        # On a full disk the draft would hold the space that the other files still need.
        draft.unlink(missing_ok=True)
        raise
