"""Write ``kpis.json`` and ``report.html`` of a run folder, from the folder alone."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
    not_written : tuple of str
        Which of the two files could not be written, and why.
    """

    path: Path
    kpis: dict[str, Any]
    requirements: tuple[RequirementResult, ...]
    latency: LatencyResult
    verdict: str
    reasons: tuple[str, ...]
    met: bool
    not_written: tuple[str, ...] = ()

    @property
    def has_page(self) -> bool:
        """Whether the page at ``path`` is of this report."""
        return not any(lost.startswith(f"{self.path.name}:") for lost in self.not_written)


def build_report(run_dir: Path) -> ReportResult:
    """Compute the key figures of a run and write them and the page into its folder.

    The run may have been killed: what is there is shown, and what is not is said. A file that cannot be written takes
    neither the figures nor the verdict with it: it is named in the result.

    Raises
    ------
    RunFolderError
        The folder is no run folder, or what is in it cannot be read.
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
    not_written = [
        *_replace(run_dir / "kpis.json", json.dumps(record, indent=1, allow_nan=False) + "\n"),
        *_replace(path, page_html(run, kpis, requirements, latency, verdict)),
    ]
    return ReportResult(
        path, kpis, requirements, latency, verdict.word, verdict.reasons, verdict.met, tuple(not_written)
    )


def _replace(path: Path, text: str) -> list[str]:
    """Write beside and rename: a report half written must not stand where a whole one stood.

    Gives the file's name and why it could not be written; nothing where it was.
    """
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        # On a full disk the draft would hold the space that the other files still need.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        return [f"{path.name}: {error}"]
    return []
