"""From a run folder to figures and a report to sign."""

from hil.report.build import ReportResult, build_report
from hil.report.kpi_names import known_kpis, nearest_kpi
from hil.report.kpis import compute_kpis
from hil.report.latency import LatencyResult
from hil.report.run_data import RunData, read_run
from hil.report.summary import summary_rows
from hil.report.verdict import RequirementResult

__all__ = [
    "LatencyResult",
    "ReportResult",
    "RequirementResult",
    "RunData",
    "build_report",
    "compute_kpis",
    "known_kpis",
    "nearest_kpi",
    "read_run",
    "summary_rows",
]
