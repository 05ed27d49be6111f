"""What a person must know at the end of a run of the points a device was written: which it did not take.

Whatever the loop did to it, a command that never arrived is a test that was not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.devices.modbus.cell import WriteCell
from hil.devices.wire.codec import exception_in_words

TOLD_COUNTERS = (
    "writes_sent",
    "writes_acknowledged",
    "writes_unacknowledged",
    "writes_refused_by_peer",
    "writes_refused",
    "writes_offline",
    "heartbeats_sent",
    "heartbeats_unacknowledged",
    "heartbeats_withheld",
    "last_writes_unacknowledged",
)
"""Told with a point that was not taken, where they are not 0: of its whole device."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Written points of a device that it did not take.

    Attributes
    ----------
    device : str
        Its name.
    points : tuple of str
        Their signals.
    why : str
        When, and how that showed.
    counts : dict of str to int
        The device's counters of writes that are not 0.
    """

    device: str
    points: tuple[str, ...]
    why: str
    counts: Mapping[str, int]

    def __str__(self) -> str:
        counted = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        return f"device {self.device}: {', '.join(self.points)} {self.why} ({counted or 'nothing was sent'})"


def told_counts(counters: Mapping[str, int]) -> dict[str, int]:
    """Give those of a device's counters that say what became of its writes."""
    return {name: counters[name] for name in TOLD_COUNTERS if counters.get(name)}


class WriteRecord:
    """What became of one device's written points, noted before and after the last write of a run.

    Parameters
    ----------
    cells : sequence of WriteCell
        What is written.
    heartbeat : str
        Signal of the heartbeat; empty for none.
    """

    __slots__ = ("_before", "_cells", "_force_ns", "_heartbeat")

    def __init__(self, cells: Sequence[WriteCell], heartbeat: str) -> None:
        self._cells = tuple(cells)
        self._heartbeat = heartbeat
        self._before: dict[str, str] = {}
        self._force_ns = -1

    @property
    def names(self) -> tuple[str, ...]:
        """All signals that are written, the heartbeat last."""
        beat = (self._heartbeat,) if self._heartbeat else ()
        return (*(cell.names for cell in self._cells), *beat)

    @property
    def is_known(self) -> bool:
        """Whether the last write of every point, the heartbeat aside, was acknowledged."""
        return all(cell.is_known for cell in self._cells)

    def before_last(self, now_ns: int, heartbeat_ack_ns: int) -> None:
        """Note how things stand after the last cycle: that the failsafe is taken says nothing of what came before."""
        self._force_ns = now_ns
        for cell in self._cells:
            if not cell.was_taken:
                self._before[cell.names] = "never acknowledged in any cycle" + _code(cell)
            elif cell.refused:
                self._before[cell.names] = "refused to the end" + _code(cell)
        if self._heartbeat and not heartbeat_ack_ns:
            self._before[self._heartbeat] = "never acknowledged in any cycle"

    def not_taken(self, heartbeat_ack_ns: int) -> dict[str, tuple[str, ...]]:
        """Give the points that were not taken, by why; nothing before the last write of a run.

        ``heartbeat_ack_ns`` is the loop time of the heartbeat's last acknowledgement.
        """
        if self._force_ns < 0:
            return {}
        found = dict(self._before)
        last = "not acknowledged at the last write of the run, which is the failsafe"
        for cell in self._cells:
            if not cell.is_known:
                found.setdefault(cell.names, last + _code(cell))
        if self._heartbeat and heartbeat_ack_ns < self._force_ns:
            found.setdefault(self._heartbeat, last)
        by_why: dict[str, tuple[str, ...]] = {}
        for names, why in found.items():
            by_why[why] = (*by_why.get(why, ()), names)
        return by_why


def _code(cell: WriteCell) -> str:
    return f", {exception_in_words(cell.refused)}" if cell.refused else ""
