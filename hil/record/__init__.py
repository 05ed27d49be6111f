"""From the ring to the disk: the run folder."""

from hil.loop.table import Latest, LatestReader, LatestTable
from hil.record.recorder import CompanionRecorder, CompanionSettings, InlineRecorder, Recorded
from hil.record.rows import RowLayout
from hil.record.run_folder import RunFolder

__all__ = [
    "CompanionRecorder",
    "CompanionSettings",
    "InlineRecorder",
    "Latest",
    "LatestReader",
    "LatestTable",
    "Recorded",
    "RowLayout",
    "RunFolder",
]
