"""From the ring to the disk: the run folder."""

from hil.record.recorder import CompanionRecorder, InlineRecorder, Recorded
from hil.record.rows import RowLayout
from hil.record.run_folder import RunFolder

__all__ = ["CompanionRecorder", "InlineRecorder", "Recorded", "RowLayout", "RunFolder"]
