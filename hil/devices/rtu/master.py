"""The master of one line: one request in flight, commands first, and no answer given to the wrong question.

A state machine without clock or port: :meth:`Master.step` sends what may be sent at the time given,
:meth:`Master.received` takes what came. Between requests the line is silent for 3.5 characters and for the pauses that
units ask for. After a time-out or a bad frame the whole line is listened to until it is silent, and the unit that was
asked is held until it has proved that it owes nothing (:mod:`hil.devices.rtu.doubt`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.devices.bridge.orders import Orders, Stage
from hil.devices.events import Events
from hil.devices.modbus.exchange import ReadExchange, WriteExchange
from hil.devices.rtu.doubt import Canary
from hil.devices.rtu.line import Line
from hil.devices.rtu.polling import Poll, choose
from hil.devices.rtu.settings import BusSettings
from hil.devices.rtu.station import Station
from hil.devices.wire.rtu_frames import ReplyFrame, from_tcp, reply_bytes, reply_prefix
from hil.loop.image import GOOD, STALE, Image

_WRITES_IN_A_ROW = 8
"""Commands that may go before a read that is due: some loops command more than the line can carry."""
_IDLE_NS = 1_000_000_000
_SILENT_CANARIES = 3

Question = ReadExchange | WriteExchange | Canary


@dataclass(frozen=True, slots=True)
class Pending:
    """The request in flight.

    Attributes
    ----------
    station : Station
        Who was asked.
    question : ReadExchange, WriteExchange or Canary
        What for.
    request, prefix : bytes
        The frame, and what its reply begins with.
    poll : Poll or None
        Whose round a read belongs to.
    sent_ns, deadline_ns : int
        When the last character had left; when the reply must be whole.
    """

    station: Station
    question: Question
    request: bytes
    prefix: bytes
    poll: Poll | None
    sent_ns: int
    deadline_ns: int


class Master:
    """One line and its units.

    Parameters
    ----------
    settings : BusSettings
        The line.
    stations : sequence of Station
        The units, each id once.
    image : Image
        The servant's.
    counts : dict of str to int
        With all of ``settings.COUNTERS``.
    events : Events
        What a person wants to know.
    send : callable
        Puts bytes on the line; gives False where the port is gone.
    """

    def __init__(
        self, settings: BusSettings, stations: Sequence[Station], image: Image, counts: dict[str, int],
        events: Events, send: Callable[[bytes], bool],
    ) -> None:  # fmt: skip
        self._settings, self._image, self._counts, self._events = settings, image, counts, events
        self._stations = {station.unit_id: station for station in stations}
        self._polls = [poll for station in stations for poll in station.polls]
        self._send = send
        self._line = Line(settings)
        self._pending: Pending | None = None
        self._orders = Orders(Stage.WAIT, 0, 0, ())
        self._writes_in_a_row = 0
        self._timeout_ns = round(settings.reply_timeout_s * 1e9)

    # From outside -------------------------------------------------------------------------------------

    def order(self, orders: Orders) -> None:
        """Take the orders of now; the values are in the image already."""
        self._orders = orders

    @property
    def has_done(self) -> bool:
        """Whether the orders of stage LAST or FAILSAFE were acknowledged by every unit."""
        return all(s.commands.has_done(self._orders) for s in self._stations.values() if s.has_writes)

    def opened(self, now_ns: int) -> None:
        """Note that the port was opened anew: nothing is known of what is under way."""
        self._line.opened(now_ns)
        for station in self._stations.values():
            station.start_over()

    def closed(self, now_ns: int) -> None:
        """Note that the port is gone: what was asked may be answered on the next one."""
        if self._pending is not None:
            self._abandon(self._pending, now_ns)

    # Sending ------------------------------------------------------------------------------------------

    def step(self, now_ns: int) -> int:
        """Do what is due at ``now_ns``; gives when to call again, unless something is received before."""
        self._note_bad_frames(now_ns)
        pending = self._pending
        if pending is not None:
            if now_ns < pending.deadline_ns:
                return min(pending.deadline_ns, now_ns + self._settings.patience_ns)
            self._time_out(pending, now_ns)
        for station in self._stations.values():
            if station.doubt.look(now_ns):
                self._counts["trust_regained"] += 1
                if station.doubt.was_away:
                    station.commands.renew()
                self._tell_back(station, now_ns)
        wake_ns = self._line.wake_ns(now_ns)
        if wake_ns > now_ns:
            return wake_ns
        return self._start_next(now_ns)

    def _start_next(self, now_ns: int) -> int:
        """Send the request that is due first; gives when to look again."""
        order = (self._start_command, self._start_canary, self._start_read)
        if self._writes_in_a_row >= _WRITES_IN_A_ROW:
            order = (self._start_read, self._start_canary, self._start_command)
        if any(start(now_ns) for start in order):
            return self._after_send(now_ns)
        return self._next_wake_ns(now_ns)

    def _start_command(self, now_ns: int) -> bool:
        return any(self._write(station, now_ns) for station in self._stations.values())

    def _start_canary(self, now_ns: int) -> bool:
        return any(self._try_canary(station, now_ns) for station in self._stations.values())

    def _start_read(self, now_ns: int) -> bool:
        while (poll := self._due_poll(now_ns)) is not None:
            exchange = poll.take(now_ns)
            if exchange is not None:
                station = self._stations[poll.unit_id]
                self._ask(station, exchange, from_tcp(exchange.frame(0)), poll, now_ns)
                return True
        return False

    def _after_send(self, now_ns: int) -> int:
        pending = self._pending
        return now_ns if pending is None else min(pending.deadline_ns, now_ns + self._settings.patience_ns)

    def _due_poll(self, now_ns: int) -> Poll | None:
        def is_free(unit_id: int) -> bool:
            station = self._stations[unit_id]
            return not station.doubt.is_held and station.free_ns <= now_ns

        return choose(self._polls, now_ns, is_free)

    def _write(self, station: Station, now_ns: int) -> bool:
        """Send the next command of a unit; gives whether there was one."""
        forced = self._orders.stage in (Stage.LAST, Stage.FAILSAFE)
        if not station.has_writes or station.free_ns > now_ns or (station.doubt.is_held and not forced):
            return False
        exchange = station.commands.take(self._orders, now_ns)
        if exchange is None:
            return False
        self._writes_in_a_row += 1
        self._counts["writes_sent"] += bool(exchange.cells)
        self._counts["heartbeats_sent"] += exchange.beats
        self._ask(station, exchange, from_tcp(exchange.frame(0)), None, now_ns)
        return True

    def _try_canary(self, station: Station, now_ns: int) -> bool:
        if not station.doubt.is_held or station.free_ns > now_ns:
            return False
        canary = station.doubt.canary(now_ns)
        if canary is None:
            return False
        self._counts["canaries"] += 1
        self._ask(station, canary, canary.request, None, now_ns)
        return True

    def _ask(
        self, station: Station, question: Question, request: bytes, poll: Poll | None, now_ns: int
    ) -> None:
        settings = self._settings
        if not isinstance(question, WriteExchange):
            self._writes_in_a_row = 0
        self._counts["requests"] += 1
        sent_ns = now_ns + settings.wire_ns(len(request))
        deadline_ns = sent_ns + self._timeout_ns + settings.wire_ns(reply_bytes(request))
        self._line.asked(request)
        prefix = reply_prefix(request)
        self._pending = Pending(station, question, request, prefix, poll, sent_ns, deadline_ns)
        if not self._send(request):
            self._abandon(self._pending, now_ns)
        elif station.unit_id == 0 and isinstance(question, WriteExchange):
            # Nobody answers a request to all; that it was sent is all that can be known.
            self._pending = None
            self._counts["broadcasts"] += 1
            station.commands.acknowledged(question, now_ns)
            self._line.free_ns = sent_ns + round(settings.broadcast_turnaround_s * 1e9)

    def _next_wake_ns(self, now_ns: int) -> int:
        times = [now_ns + _IDLE_NS]
        for poll in self._polls:
            station = self._stations[poll.unit_id]
            if not station.doubt.is_held:
                times.append(max(min(poll.due_ns, poll.next_fill_ns()), station.free_ns))
        for station in self._stations.values():
            if station.doubt.is_held:
                times.append(max(station.doubt.wake_ns(now_ns), station.free_ns))
            if station.has_writes and station.free_ns > now_ns:
                times.append(station.free_ns)
        return max(min(times), now_ns + 1)

    # Receiving ----------------------------------------------------------------------------------------

    def received(self, data: bytes, now_ns: int) -> None:
        """Take what came from the line at ``now_ns``."""
        pending = self._pending
        if pending is not None and now_ns >= pending.deadline_ns:
            # Late is late, even where this process was away meanwhile.
            self._time_out(pending, now_ns)
        for frame in self._line.feed(data, now_ns):
            self._take(frame, now_ns)
        self._note_bad_frames(now_ns)

    def _note_bad_frames(self, now_ns: int) -> None:
        new = self._line.new_bad_frames(now_ns)
        if not new:
            return
        self._counts["bad_frames"] += new
        pending = self._pending
        if pending is not None:
            self._counts["framing_errors"] += 1
            self._abandon(pending, now_ns)
        elif self._settings.quarantine:
            self._line.drain(now_ns)

    def _take(self, frame: ReplyFrame, now_ns: int) -> None:
        pending = self._pending
        if pending is None or self._line.is_draining or not self._is_answer(frame, pending):
            self._take_stray(frame, now_ns)
            return
        self._pending = None
        station, question = pending.station, pending.question
        station.answered(now_ns, wrote=isinstance(question, WriteExchange))
        if isinstance(question, Canary):
            station.doubt.answered(question, now_ns)
            return
        self._counts["replies"] += 1
        if isinstance(question, WriteExchange) and station.doubt.could_be_owed(pending.request):
            # Sent to a unit in doubt all the same, since it was the last or the failsafe: whose answer this is
            # cannot be told, so the command counts as lost and goes out again.
            station.doubt.owe(pending.request, pending.sent_ns, now_ns)
            station.commands.lost(question)
        elif frame.exception:
            self._counts["exception_replies"] += 1
            self._refused(pending, frame.exception, now_ns)
        elif isinstance(question, WriteExchange):
            station.commands.acknowledged(question, now_ns)
        else:
            self._read(pending, question, frame, now_ns)

    def _is_answer(self, frame: ReplyFrame, pending: Pending) -> bool:
        if isinstance(pending.question, Canary):
            return pending.question.is_answered_by(frame)
        if frame.exception:
            same = (frame.unit_id, frame.function) == (pending.prefix[0], pending.prefix[1])
            return same and not pending.station.doubt.refusal_could_be_owed(frame.function)
        return frame.body.startswith(pending.prefix)

    def _read(self, pending: Pending, exchange: ReadExchange, frame: ReplyFrame, now_ns: int) -> None:
        # The decoders count from the beginning of a TCP frame.
        self._counts["values_rejected"] += exchange.take_from(bytearray(6) + frame.body, 0, now_ns)
        assert pending.poll is not None
        pending.poll.answered()
        if exchange.refused:
            pending.poll.refusals.answers_again(exchange, now_ns)
        self._part_over(pending.poll, now_ns)

    def _refused(self, pending: Pending, code: int, now_ns: int) -> None:
        question, poll = pending.question, pending.poll
        if isinstance(question, WriteExchange):
            pending.station.commands.refused(question, code, now_ns)
        elif isinstance(question, ReadExchange) and poll is not None:
            poll.answered()
            poll.parts.extendleft(reversed(poll.refusals.of_read(question, code, now_ns)))
            self._part_over(poll, now_ns)

    def _part_over(self, poll: Poll, now_ns: int) -> None:
        if not poll.parts:
            self._counts["polls_skipped"] += poll.round_over(now_ns)

    def _take_stray(self, frame: ReplyFrame, now_ns: int) -> None:
        """Take a frame that answers nothing that is asked: late, or not of this bus."""
        station = self._stations.get(frame.unit_id)
        if not self._settings.quarantine or station is None:
            self._counts["mismatched_replies"] += 1
            return
        was_held = station.doubt.is_held
        if station.doubt.settle(frame, now_ns):
            self._counts["late_replies"] += 1
        else:
            self._counts["mismatched_replies"] += 1
            if not was_held:
                self._count_hold(station)
        if not station.doubt.owes:
            self._line.drain_no_longer(now_ns)

    # Doubt --------------------------------------------------------------------------------------------

    def _time_out(self, pending: Pending, now_ns: int) -> None:
        self._counts["timeouts"] += not isinstance(pending.question, Canary)
        self._abandon(pending, now_ns)

    def _abandon(self, pending: Pending, now_ns: int) -> None:
        """Give up the request in flight: mark what it was to bring, hold its unit, and empty the line."""
        self._pending = None
        station, question = pending.station, pending.question
        station.answered(now_ns, wrote=isinstance(question, WriteExchange))
        if self._settings.quarantine:
            # A unit that has been silent for long is likely to be off: the others need not wait for it.
            self._line.drain(now_ns, patient=not station.is_silent)
            if not station.doubt.is_held:
                self._count_hold(station)
            if isinstance(question, Canary):
                self._counts["canaries_unanswered"] += 1
                station.doubt.unanswered(question, pending.sent_ns, now_ns)
                self._tell_silent(station, now_ns)
            else:
                station.doubt.owe(pending.request, pending.sent_ns, now_ns)
        if isinstance(question, WriteExchange):
            station.commands.lost(question)
        elif isinstance(question, ReadExchange) and pending.poll is not None:
            self._mark(question)
            self._counts["polls_skipped"] += pending.poll.unanswered(now_ns)

    def _count_hold(self, station: Station) -> None:
        self._counts["quarantines"] += 1
        if station.has_writes:
            station.commands.hold()

    def _mark(self, exchange: ReadExchange) -> None:
        quality = self._image.quality
        for member in exchange.block.members:
            slot = exchange.bindings[member].slot
            if quality[slot] == GOOD:
                quality[slot] = STALE
                self._counts["points_marked"] += 1

    def _tell_silent(self, station: Station, now_ns: int) -> None:
        if station.doubt.failures == _SILENT_CANARIES:
            station.is_silent = True
            self._events.add(
                now_ns, f"unit {station.unit_id} does not answer; asked now and then from here on"
            )

    def _tell_back(self, station: Station, now_ns: int) -> None:
        if station.is_silent:
            station.is_silent = False
            self._events.add(now_ns, f"unit {station.unit_id} answers again")
