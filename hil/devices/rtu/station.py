"""One unit on a line: what is read of it, what is written to it, whether it can be believed, when it may be asked."""

from __future__ import annotations

from hil.devices.events import Events
from hil.devices.modbus.reads import ReadPlan
from hil.devices.modbus.refusals import Refusals
from hil.devices.modbus.writes import WritePlan
from hil.devices.rtu.commands import Commands, Failing
from hil.devices.rtu.doubt import Doubt
from hil.devices.rtu.polling import make_polls
from hil.devices.rtu.settings import BusSettings, StationSettings
from hil.devices.wire.coalesce import Limits, coalesce_reads
from hil.devices.wire.codec import Request, encode_request
from hil.devices.wire.rtu_frames import from_tcp
from hil.loop.image import Image


class Station:
    """A unit.

    Parameters
    ----------
    settings : StationSettings
        The unit as the rig uses it.
    bus : BusSettings
        Its line.
    image : Image
        The servant's.
    failing : Failing
        Shared by the units of one device.
    counts : dict of str to int
        The bus's, shared.
    events : Events
        The bus's, shared.
    now_ns : int
        Time at the start.

    Attributes
    ----------
    polls : list of Poll
        What is read of it.
    commands : Commands
        What is written to it.
    doubt : Doubt
        Whether it can be believed.
    free_ns : int
        When it may be asked next.
    is_silent : bool
        Whether it was told that it does not answer.
    """

    __slots__ = ("_gap_ns", "_write_pause_ns", "_writes", "commands", "doubt", "free_ns", "has_writes", "is_silent",
                 "polls", "unit_id")  # fmt: skip

    def __init__(
        self, settings: StationSettings, bus: BusSettings, image: Image, failing: Failing, counts: dict[str, int],
        events: Events, now_ns: int,
    ) -> None:  # fmt: skip
        self.unit_id = settings.unit_id
        self._gap_ns = round(settings.gap_s * 1e9)
        self._write_pause_ns = max(round(settings.write_pause_s * 1e9), self._gap_ns)
        self._writes = WritePlan(settings.writes, image, settings.limits, settings.heartbeat, counts, events)
        self.has_writes = bool(settings.writes) or settings.heartbeat is not None
        refusals = Refusals(
            ReadPlan((), image, settings.limits), self._writes, counts, events, settings.limits.probe_s
        )
        self.commands = Commands(self.unit_id, self._writes, refusals, failing, counts, events)
        self.polls = make_polls(settings, bus, image, self._writes, counts, events, now_ns)
        late_s = max(bus.late_reply_s, bus.reply_timeout_s)
        self.doubt = Doubt(
            self.unit_id, canary_questions(settings), round(late_s * 1e9), round(bus.reply_timeout_s * 1e9)
        )
        self.free_ns = 0
        self.is_silent = False

    def answered(self, now_ns: int, *, wrote: bool) -> None:
        """Note that a conversation with the unit ended: when it may be asked again."""
        self.free_ns = now_ns + (self._write_pause_ns if wrote else self._gap_ns)

    def start_over(self) -> None:
        """Note that the port was opened anew."""
        self.commands.start_over()
        for poll in self.polls:
            poll.start_over()


def canary_questions(settings: StationSettings) -> list[bytes]:
    """Give read requests of listed points, in as many shapes as they have: the first cells of each block."""
    points = [polled.point for polled in settings.reads]
    points += [point for point, _ in settings.writes if point.readable and point not in points]
    if settings.unit_id == 0:
        return []
    limits = settings.limits.limits
    requests = []
    for block in coalesce_reads(points, Limits(limits.max_registers, limits.max_bits, limits.max_gap)):
        for cell in block.cells:
            request = Request(block.unit_id, block.function, block.address, cell.end - block.address)
            requests.append(from_tcp(encode_request(request, 0)))
    return requests
