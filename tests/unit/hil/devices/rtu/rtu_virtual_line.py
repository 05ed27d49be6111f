"""A serial line of its own physics: characters take time, frames collide, units need time, are late, or do not hear.

Every number a unit gives says whose it is, where it lies and when it was made: so a value in the image can be judged
wrong by itself, without a look at what went over the line.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.config.points import Point
from hil.devices.bridge.orders import Orders, Stage
from hil.devices.events import Events
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.rtu.commands import Failing
from hil.devices.rtu.master import Master
from hil.devices.rtu.settings import COUNTERS, BusSettings, PolledPoint, StationSettings
from hil.devices.rtu.station import Station
from hil.devices.wire.rtu_frames import crc16, sealed
from hil.loop.image import GOOD, Image, Signal

MS = 1_000_000
STAMP_MS = 4
"""Resolution of the time in a value; 20 bits of it last for more than an hour."""


def told(unit_id: int, place: int, now_ns: int) -> int:
    """What a unit gives for the number at ``place`` at ``now_ns``: 5 bits unit, 7 bits place, 20 bits time."""
    return unit_id << 27 | place << 20 | (now_ns // MS // STAMP_MS & 0xFFFFF)


@dataclass
class Sent:
    """Bytes on their way: byte k lies on the line from ``start`` + k to k + 1 characters."""

    start_ns: int
    data: bytearray
    by: int  # unit id; 0: the master
    delivered: int = 0


@dataclass
class VirtualUnit:
    """A unit; ``fate(request number)`` gives how late its reply is (ns), or None where it hears nothing."""

    unit_id: int
    delay_ns: int = 4 * MS
    takes_turns: bool = False
    fate: Callable[[int], int | None] = lambda _: 0
    refuses: Callable[[bytes], int] = lambda _: 0
    knows_diagnostics: bool = True
    repeats: Callable[[int], bool] = lambda _: False
    """Whether the reply to this request comes twice, one right behind the other."""
    requests: int = 0
    busy_until_ns: int = 0
    written: dict[int, int] = field(default_factory=dict)
    writes: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    lates: list[tuple[int, int]] = field(default_factory=list)
    """End of the request and its address, of each read whose reply is late."""

    def hear(self, frame: bytes, end_ns: int) -> tuple[int, bytes] | None:
        """Give when it answers, and what; the answer is made when the request is carried out."""
        number, self.requests = self.requests, self.requests + 1
        late_ns = self.fate(number)
        if late_ns is None:
            return None
        if late_ns > 20 * MS and frame[1] in (3, 4):
            self.lates.append((end_ns, int.from_bytes(frame[2:4], "big")))
        begin_ns = max(end_ns, self.busy_until_ns) if self.takes_turns else end_ns
        at_ns = begin_ns + self.delay_ns + late_ns
        self.busy_until_ns = at_ns
        body = self.answer(frame[:-2], begin_ns)
        return (at_ns, sealed(body)) if body else None

    def answer(self, body: bytes, now_ns: int) -> bytes:
        function = body[1]
        code = self.refuses(body) or (0 if function in (1, 2, 3, 4, 5, 6, 8, 15, 16) else 1)
        if function == 8 and not self.knows_diagnostics:
            return b""
        if code:
            return bytes((self.unit_id, function | 0x80, code))
        address, count = int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big")
        if function in (1, 2):
            bits = sum(self.bit(address + k) << k for k in range(count))
            data = bits.to_bytes((count + 7) // 8, "little")
            return bytes((self.unit_id, function, len(data))) + data
        if function in (3, 4):
            words = [self.word(address + k, now_ns) for k in range(count)]
            return bytes((self.unit_id, function, 2 * count)) + b"".join(w.to_bytes(2, "big") for w in words)
        if function in (5, 6):
            self.take(now_ns, address, (count,))
        elif function == 15:
            bits = int.from_bytes(body[7:], "little")
            self.take(now_ns, address, tuple(bits >> k & 1 for k in range(count)))
        elif function == 16:
            words_ = tuple(int.from_bytes(body[k : k + 2], "big") for k in range(7, len(body), 2))
            self.take(now_ns, address, words_)
        return body[:6]

    def take(self, now_ns: int, address: int, words: tuple[int, ...]) -> None:
        self.writes.append((now_ns, address, words))
        for place, word in enumerate(words):
            self.written[address + place] = word

    def bit(self, address: int) -> int:
        return 1 if self.written.get(address, address % 3 == 0) else 0

    def word(self, address: int, now_ns: int) -> int:
        if address in self.written:
            return self.written[address]
        number = told(self.unit_id, address // 2, now_ns)
        return number >> 16 if address % 2 == 0 else number & 0xFFFF


class VirtualLine:
    """The line, its units, and the master's end of it."""

    def __init__(
        self, settings: BusSettings, units: list[VirtualUnit], *, noise: float = 0.0, seed: int = 1
    ) -> None:
        self.settings = settings
        self.units = {unit.unit_id: unit for unit in units}
        self.chance = random.Random(seed)
        self.noise = noise
        self.now_ns = 0
        self.traffic: list[Sent] = []
        self.char_ns = settings.wire_ns(1)
        self.replies_due: list[tuple[int, bytes, int]] = []
        self.requests: list[tuple[int, bytes]] = []
        self.least_gap_ns = 10**18
        self.busy_ns = 0
        self.end_ns = 0

    def send(self, data: bytes) -> bool:
        self.requests.append((self.now_ns, data))
        if self.end_ns:
            self.least_gap_ns = min(self.least_gap_ns, self.now_ns - self.end_ns)
        self._put(data, 0)
        return True

    def _put(self, data: bytes, by: int) -> None:
        self.traffic.append(Sent(self.now_ns, bytearray(data), by))
        end_ns = self.now_ns + len(data) * self.char_ns
        self.busy_ns += len(data) * self.char_ns
        self.end_ns = max(self.end_ns, end_ns)

    def next_ns(self) -> int:
        times = [at for at, _, _ in self.replies_due]
        times += [sent.start_ns + (sent.delivered + 1) * self.char_ns for sent in self.traffic]
        return min(times, default=10**18)

    def advance(self) -> bytes:
        """Let happen what happens now; gives what the master hears."""
        heard = bytearray()
        for due in [due for due in self.replies_due if due[0] <= self.now_ns]:
            self.replies_due.remove(due)
            self._put(due[1], due[2])
        for sent in list(self.traffic):
            while sent.start_ns + (sent.delivered + 1) * self.char_ns <= self.now_ns:
                self._spoil(sent, sent.delivered)
                if sent.by or self.settings.local_echo:
                    heard.append(sent.data[sent.delivered])
                sent.delivered += 1
                if sent.delivered == len(sent.data):
                    self.traffic.remove(sent)
                    if not sent.by:
                        self._heard_by_units(bytes(sent.data))
                    break
        return bytes(heard)

    def _spoil(self, sent: Sent, place: int) -> None:
        begin_ns = sent.start_ns + place * self.char_ns
        collides = any(
            other is not sent and other.start_ns < begin_ns + self.char_ns
            and begin_ns < other.start_ns + len(other.data) * self.char_ns
            for other in self.traffic
        )  # fmt: skip
        if collides or self.chance.random() < self.noise:
            sent.data[place] ^= self.chance.randint(1, 255)

    def _heard_by_units(self, frame: bytes) -> None:
        if crc16(frame):
            return
        for unit in self.units.values():
            if frame[0] in (0, unit.unit_id):
                answer = unit.hear(frame, self.now_ns)
                if answer is not None and frame[0]:
                    at_ns, data = answer
                    again = 2 if unit.repeats(unit.requests) else 1
                    self.replies_due += [
                        (at_ns + k * len(data) * self.char_ns, data, unit.unit_id) for k in range(again)
                    ]


LOW_SIGNAL, HIGH_SIGNAL = 0.0, 2.0**32


def signal(name: str, *, failsafe: float = 0.0) -> Signal:
    return Signal(name, "1", LOW_SIGNAL, HIGH_SIGNAL, failsafe, max_age_ns=10**9)


def read_point(unit_id: int, place: int) -> Point:
    return Point(f"u{unit_id}_{place}", unit_id, "holding_register", 2 * place, "uint32")


class Bench:
    """A master with its image on a virtual line; ``places`` of each unit are numbers to be read."""

    def __init__(
        self, settings: BusSettings, units: list[VirtualUnit], places: dict[int, list[tuple[int, int]]],
        writes: dict[int, list[Point]] | None = None, heartbeat: Point | None = None, noise: float = 0.0,
        gap_s: float = 0.0, write_pause_s: float = 0.0, seed: int = 1,
    ) -> None:  # fmt: skip
        self.line = VirtualLine(settings, units, noise=noise, seed=seed)
        self.read_points = [
            (read_point(unit_id, place), every) for unit_id, these in places.items() for place, every in these
        ]
        writes = writes or {}
        self.write_points = [point for these in writes.values() for point in these]
        self.image = Image(
            [
                *(signal(point.signal) for point, _ in self.read_points),
                *(signal(point.signal) for point in self.write_points),
            ]
        )
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.events = Events()
        failing = Failing()
        slots = self.image.index
        self.stations = [
            Station(
                StationSettings(
                    "device", unit_id,
                    tuple(PolledPoint(p, slots[p.signal], e) for p, e in self.read_points if p.unit_id == unit_id),
                    tuple((p, slots[p.signal]) for p in writes.get(unit_id, ())),
                    heartbeat if heartbeat is not None and heartbeat.unit_id == unit_id else None,
                    ModbusTcpSettings(host="line"), gap_s, write_pause_s,
                ),
                settings, self.image, failing, self.counts, self.events, 0,
            )
            for unit_id in sorted({*places, *writes})
        ]  # fmt: skip
        self.master = Master(settings, self.stations, self.image, self.counts, self.events, self.line.send)
        self.wrong: list[str] = []
        self.judged = self.unmarked = 0
        self.seen: dict[int, int] = {}
        self.orders = Orders(Stage.WAIT, 0, 0, ())

    def run(self, until_ns: int) -> None:
        """Let time pass; every value that comes in is judged at once."""
        wake_ns = self.line.now_ns
        while self.line.now_ns < until_ns:
            self.line.now_ns = now_ns = min(
                max(min(wake_ns, self.line.next_ns()), self.line.now_ns), until_ns
            )
            heard = self.line.advance()
            if heard:
                self.master.received(heard, now_ns)
                self.judge()
            wake_ns = self.master.step(now_ns)
            while wake_ns <= now_ns:
                wake_ns = self.master.step(now_ns)
            self.judge_marks()

    def judge_marks(self) -> None:
        """A point whose reply is later than the time-out must not stay GOOD with its old value."""
        patience_ns = round(self.line.settings.reply_timeout_s * 1e9) + self.line.settings.wire_ns(40)
        for unit in self.line.units.values():
            while unit.lates and unit.lates[0][0] + patience_ns < self.line.now_ns:
                asked_ns, address = unit.lates.pop(0)
                slot = self.image.index[f"u{unit.unit_id}_{address // 2}"]
                self.judged += 1
                if self.image.quality[slot] == GOOD and self.image.received_ns[slot] < asked_ns:
                    self.unmarked += 1

    def judge(self) -> None:
        """A value is wrong where it is another's, or older than any reply in time could be."""
        image, settings = self.image, self.line.settings
        oldest_ms = settings.reply_timeout_s * 1e3 + settings.wire_ns(40) / MS + STAMP_MS
        for slot, (point, _) in enumerate(self.read_points):
            if image.quality[slot] != GOOD or self.seen.get(slot) == image.received_ns[slot]:
                continue
            self.seen[slot] = image.received_ns[slot]
            raw = int(image.values[slot])
            age_ms = image.received_ns[slot] / MS - (raw & 0xFFFFF) * STAMP_MS
            if raw >> 20 != point.unit_id << 7 | point.address // 2 or age_ms > oldest_ms:
                self.wrong.append(f"{point.signal}: {raw >> 27}/{raw >> 20 & 127}, {age_ms:.0f} ms old")

    def command(self, number: int, values: dict[str, float], stage: Stage = Stage.GO) -> None:
        """Give orders, as the bridge does."""
        for name, value in values.items():
            self.image.values[self.image.index[name]] = value
        self.orders = Orders(stage, number, self.line.now_ns, tuple(values.values()))
        self.master.order(self.orders)
