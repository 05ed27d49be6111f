"""The Modbus TCP device on a clock of its own: a far end that stores, lags, refuses and lies."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator

import pytest

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.scan import Scan
from hil.devices.wire import codec
from hil.devices.wire.codec import Request, RequestStream
from hil.errors import ConfigError
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal

MS = 1_000_000
STEP_NS = 20_000
"""What one look at the clock costs, so that time passes while the device works."""


class Peer:
    """The far end of a socket pair: holding registers and coils, a delay, and registers it does not have."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.registers = [0] * 200
        self.coils = [0] * 64
        self.missing: set[int] = set()
        self.refused_writes: set[int] = set()
        self.delay_ns = 0
        self.silent = False
        self.twist: Callable[[int, Request, bytes], bytes] = lambda tid, request, frame: frame
        self.seen: list[Request] = []
        self.asked_ns: list[int] = []
        self.answered_ns: list[int] = []
        self._stream = RequestStream()
        self._due: list[tuple[int, bytes]] = []

    def work(self, now_ns: int) -> None:
        try:
            data = self.end.recv(65536)
        except BlockingIOError:
            data = b""
        for tid, request in self._stream.feed(data):
            self.seen.append(request)
            self.asked_ns.append(now_ns)
            if not self.silent:
                self._due.append(
                    (now_ns + self.delay_ns, self.twist(tid, request, self._answer(tid, request)))
                )
        ready = [frame for due_ns, frame in self._due if due_ns <= now_ns]
        self._due = [entry for entry in self._due if entry[0] > now_ns]
        if ready:
            self.answered_ns.append(now_ns)
            self.end.send(b"".join(ready))

    def _answer(self, tid: int, request: Request) -> bytes:
        span = range(request.address, request.address + request.count)
        store = self.coils if request.function in codec.BIT_FUNCTIONS else self.registers
        if self.missing & set(span) or (request.values and self.refused_writes & set(span)):
            return codec.encode_exception(request, tid, codec.ILLEGAL_ADDRESS)
        for address, value in zip(span, request.values, strict=False):
            store[address] = value
        return codec.encode_reply(
            request, tid, [] if request.values else [store[address] for address in span]
        )

    def written(self) -> list[tuple[int, tuple[int, ...]]]:
        """Writes since the last call, as (address, values)."""
        writes = [(request.address, request.values) for request in self.seen if request.values]
        self.seen.clear()
        return writes


class Bench:
    """A device, its image, its far end and the clock that moves them both."""

    def __init__(
        self, reads: list[Point], writes: list[Point], heartbeat: Point | None, **settings: object
    ) -> None:
        self.now_ns = 0
        points = [*reads, *writes]
        self.image = Image([Signal(p.signal, p.unit, -1000.0, 70000.0, 0.0, 100 * MS) for p in points])
        slots = {point.signal: slot for slot, point in enumerate(points)}
        self.slots = slots
        self.peers: list[Peer] = []
        self.ends: list[socket.socket] = []
        self.device = ModbusTcpDevice(
            "plc", ModbusTcpSettings("plc.test", **settings), self.image,
            [(p, slots[p.signal]) for p in reads], [(p, slots[p.signal]) for p in writes], self.clock,
            heartbeat,
        )  # fmt: skip

    def connect(self) -> Peer:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.ends.append(theirs)
        self.peers.append(Peer(theirs))
        self.device.adopt(ours)
        return self.peers[-1]

    def clock(self) -> int:
        self.now_ns += STEP_NS
        for peer in self.peers[-1:]:
            peer.work(self.now_ns)
        return self.now_ns

    def read(self, budget_ms: float = 5) -> None:
        deadline_ns = self.now_ns + int(budget_ms * MS)
        self.device.read(self.now_ns, deadline_ns)
        assert self.now_ns <= deadline_ns + 3 * STEP_NS, "the budget was stretched"

    def write(self, budget_ms: float = 5) -> None:
        deadline_ns = self.now_ns + int(budget_ms * MS)
        self.device.write(self.now_ns, deadline_ns)
        assert self.now_ns <= deadline_ns + 3 * STEP_NS, "the budget was stretched"

    def value(self, name: str) -> float:
        return self.image.values[self.slots[name]]

    def quality(self, name: str) -> int:
        return self.image.quality[self.slots[name]]

    def put(self, name: str, value: float) -> None:
        self.image.values[self.slots[name]] = value

    def count(self, counter: str) -> int:
        return self.device.counters()[counter]


def holding(name: str, address: int, **more: object) -> Point:
    return Point(name, 1, "holding_register", address, str(more.pop("type", "uint16")), **more)


def written(name: str, address: int, **more: object) -> Point:
    return holding(name, address, access="rw", **({"write": "on_change"} | more))


HEARTBEAT = written("beat", 50)


@pytest.fixture(autouse=True)
def no_real_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # Time is the bench's: the selector looks, and does not wait.
    monkeypatch.setattr("hil.devices.scan._timeout_s", lambda left_ns: 0.0)


@pytest.fixture
def make() -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(
        reads: list[Point],
        writes: list[Point] | None = None,
        heartbeat: Point | None = None,
        **settings: object,
    ) -> Bench:
        benches.append(Bench(reads, writes or [], heartbeat, **settings))
        return benches[-1]

    yield build
    for bench in benches:
        bench.device.close()
        bench.device.close()
        for end in bench.ends:
            end.close()


Make = Callable[..., Bench]


def test_values_are_scaled_converted_and_stamped_with_their_own_time(make: Make) -> None:
    bench = make([holding("t", 0, type="int16", scale=0.1, unit="degC"), holding("u", 100)], gap_ms=1.0)
    peer = bench.connect()
    peer.registers[0], peer.registers[100] = 235, 7
    bench.read()
    assert (bench.value("t"), bench.value("u")) == (23.5, 7.0)
    assert bench.quality("t") == bench.quality("u") == GOOD
    first, second = (bench.image.received_ns[bench.slots[name]] for name in "tu")
    assert 0 < first < second, "the later block must carry the later time"
    assert second - first >= MS, "the gap between requests was not kept"
    assert bench.device.last_reply_ns == second


def test_point_unit_becomes_signal_unit_both_ways(make: Make) -> None:
    bench = make([holding("p", 0, scale=10.0, unit="mbar")], [written("q", 1, scale=0.1, unit="bar")])
    signals = [Signal("p", "kPa", 0, 500, 0), Signal("q", "kPa", 0, 500, 0)]
    image = Image(signals)
    reads = [(holding("p", 0, scale=10.0, unit="mbar"), 0)]
    writes = [(written("q", 1, scale=0.1, unit="bar"), 1)]
    bench.device.close()
    bench.device = ModbusTcpDevice("plc", ModbusTcpSettings("x"), image, reads, writes, bench.clock)
    peer = bench.connect()
    peer.registers[0] = 25
    image.values[1] = 250.0
    bench.read()
    bench.write()
    assert image.values[0] == pytest.approx(25.0)
    assert peer.registers[1] == 25


def test_non_finite_and_out_of_range_values_are_refused(make: Make) -> None:
    bench = make([holding("f", 0, type="float32"), holding("g", 2, type="float32")])
    peer = bench.connect()
    peer.registers[0:4] = [0x7FC0, 0, 0x7F00, 0]  # NaN, 1.7e38
    bench.read()
    assert bench.count("values_rejected") == 2
    assert bench.quality("f") == bench.quality("g") == BAD
    assert math.isfinite(bench.value("f"))


def test_a_late_reply_is_counted_and_never_used(make: Make) -> None:
    bench = make([holding("x", 0)], max_timeouts=10)
    peer = bench.connect()
    peer.registers[0], peer.delay_ns = 111, 8 * MS
    bench.read(budget_ms=5)
    assert (bench.count("timeouts"), bench.value("x")) == (1, 0.0)
    peer.delay_ns = 0
    bench.now_ns += 10 * MS
    peer.registers[0] = 222
    bench.read(budget_ms=5)
    assert (bench.count("late_replies"), bench.value("x")) == (1, 222.0)
    assert bench.image.rejected[0] == 0


@pytest.mark.parametrize(
    ("twist", "counter"),
    [
        (lambda tid, request, frame: (tid + 9).to_bytes(2, "big") + frame[2:], "wrong_transaction"),
        (lambda tid, request, frame: frame[:6] + b"\x09" + frame[7:], "mismatched_replies"),
        (lambda tid, request, frame: frame[:7] + b"\x04" + frame[8:], "mismatched_replies"),
        (
            lambda tid, request, frame: codec.encode_reply(Request(1, 3, 0, 2), tid, [1, 2]),
            "mismatched_replies",
        ),
        (
            lambda tid, request, frame: codec.encode_reply(Request(1, 6, 0, 1, (5,)), tid),
            "mismatched_replies",
        ),
    ],
)
def test_replies_that_are_not_the_answer_are_dropped(
    make: Make, twist: Callable[[int, Request, bytes], bytes], counter: str
) -> None:
    bench = make([holding("x", 0)])
    peer = bench.connect()
    peer.registers[0], peer.twist = 111, twist
    bench.read()
    assert (bench.count(counter), bench.count("timeouts"), bench.count("replies")) == (1, 1, 0)
    assert (bench.value("x"), bench.quality("x")) == (0.0, SUBSTITUTED)


def test_silence_drops_the_connection_after_three(make: Make) -> None:
    bench = make([holding("x", 0)])
    bench.connect().silent = True
    for _ in range(3):
        bench.read()
    assert (bench.count("timeouts"), bench.count("connections_lost")) == (3, 1)
    before_ns = bench.now_ns
    bench.read()
    assert bench.now_ns - before_ns < MS, "a phase without a connection costs nothing"
    texts = [text for _, text in bench.device.drain_events()]
    assert texts == ["connected to plc.test:502", "lost plc.test:502: no answer to 3 requests"]


def test_values_grow_old_by_the_image_alone(make: Make) -> None:
    bench = make([holding("x", 0)])
    peer = bench.connect()
    bench.read()
    peer.silent = True
    qualities = []
    for _ in range(40):
        bench.now_ns += 10 * MS
        bench.read()
        bench.image.age(bench.now_ns)
        qualities.append(bench.quality("x"))
    changes = [
        quality for index, quality in enumerate(qualities) if qualities[index - 1 : index] != [quality]
    ]
    assert changes == [GOOD, STALE, BAD]


@pytest.mark.parametrize("damage", [b"HTTP/1.0 400\r\n", b"\x00\x01\x00\x07\x00\x06\x01"])
def test_framing_errors_drop_the_connection(make: Make, damage: bytes) -> None:
    bench = make([holding("x", 0)])
    bench.connect().twist = lambda tid, request, frame: damage
    bench.read()
    assert (bench.count("framing_errors"), bench.count("connections_lost")) == (1, 1)


def test_a_closed_connection_is_noticed_and_the_next_one_counted(make: Make) -> None:
    bench = make([holding("x", 0)])
    bench.connect().end.close()
    bench.peers.clear()
    bench.read()
    assert bench.count("connections_lost") == 1
    peer = bench.connect()
    peer.registers[0] = 5
    bench.read()
    assert (bench.count("reconnections"), bench.value("x")) == (1, 5.0)


def test_a_bad_point_is_isolated_and_probed_rarely(make: Make) -> None:
    bench = make([holding(f"s{address}", address) for address in range(8)], probe_s=1.0)
    peer = bench.connect()
    peer.registers[:8] = range(10, 18)
    peer.missing = {5}
    bench.read()
    assert [bench.quality(f"s{address}") for address in range(8)] == [GOOD] * 5 + [BAD] + [GOOD] * 2
    assert bench.count("blocks_split") == 3
    assert bench.count("points_refused") == 1
    peer.seen.clear()
    bench.read()
    assert bench.count("exception_replies") == 4, "the bad point must not be asked every cycle"
    assert [(request.address, request.count) for request in peer.seen] == [(0, 4), (4, 1), (6, 2)]
    peer.missing.clear()
    bench.now_ns += 1100 * MS
    bench.read()
    bench.read()
    assert (bench.value("s5"), bench.quality("s5")) == (15.0, GOOD)
    assert [text for _, text in bench.device.drain_events()][1:] == [
        "s5 refused: illegal data address: the device has no such register",
        "s5 answers again",
    ]


def test_a_busy_device_is_not_split(make: Make) -> None:
    bench = make([holding("a", 0), holding("b", 1)])
    bench.connect().twist = lambda tid, request, frame: codec.encode_exception(request, tid, 6)
    bench.read()
    bench.read()
    assert (bench.count("blocks_split"), bench.count("exception_replies")) == (0, 2)
    assert bench.quality("a") == SUBSTITUTED


def test_several_requests_in_flight(make: Make) -> None:
    reads = [holding(f"s{address}", address) for address in range(0, 40, 10)]
    one, four = make(reads, max_in_flight=1), make(reads, max_in_flight=4)
    for bench in (one, four):
        bench.connect().delay_ns = 2 * MS
        bench.read(budget_ms=5)
    assert (one.count("replies"), one.count("requests_unsent")) == (2, 1)
    assert (four.count("replies"), four.count("timeouts")) == (4, 0)


def test_the_gap_counts_from_the_reply(make: Make) -> None:
    bench = make([holding("a", 0), holding("b", 10)], gap_ms=1.0)
    peer = bench.connect()
    peer.delay_ns = 3 * MS // 2
    bench.read(budget_ms=10)
    assert peer.asked_ns[1] - peer.answered_ns[0] >= MS


def test_an_answer_makes_the_next_wait_short_again(make: Make) -> None:
    bench = make([holding("a", 0)])
    for _ in range(6):
        bench.device._link.drop(bench.now_ns, "refused")
    bench.connect()
    bench.read()
    assert bench.count("replies") == 1
    assert bench.device._link.attempts == 0


def test_a_phase_without_time_asks_nothing(make: Make) -> None:
    bench = make([holding("x", 0)], [], HEARTBEAT, max_timeouts=1)
    peer = bench.connect()
    bench.now_ns = 10 * MS
    bench.device.read(9 * MS, 10 * MS)
    bench.device.write(9 * MS, 10 * MS)
    assert (bench.count("phases_without_time"), bench.count("timeouts"), len(peer.seen)) == (2, 0, 0)


def test_no_block_starves_when_the_budget_is_short(make: Make) -> None:
    names = [f"s{address}" for address in range(0, 50, 10)]
    bench = make([holding(name, 10 * place) for place, name in enumerate(names)], max_timeouts=100)
    bench.connect().delay_ns = 2 * MS
    for _ in range(4):
        bench.now_ns += 10 * MS
        bench.read(budget_ms=5)
    assert all(bench.quality(name) == GOOD for name in names)
    assert bench.count("requests_unsent") > 0


def test_a_refused_heartbeat_is_told_once(make: Make) -> None:
    bench = make([], [], HEARTBEAT)
    bench.connect().refused_writes = {50}
    bench.write()
    bench.write()
    assert bench.count("heartbeats_unacknowledged") == 2
    assert [text for _, text in bench.device.drain_events()][1:] == [
        "the heartbeat is refused: illegal data address: the device has no such register"
    ]


def test_a_flood_of_frames_does_not_hold_the_phase(make: Make) -> None:
    bench = make([holding("x", 0)])
    stranger = codec.encode_reply(Request(1, 3, 0, 1), 999, [666])
    bench.connect().twist = lambda tid, request, frame: stranger * 5000 + frame
    bench.read()
    assert bench.value("x") != 666.0
    assert bench.count("wrong_transaction") > 100


def test_on_change_writes_once_and_coalesced(make: Make) -> None:
    bench = make([], [written("a", 0), written("b", 1), written("c", 2, write="every_cycle")])
    peer = bench.connect()
    bench.write()
    assert peer.written() == [(0, (0, 0, 0))]
    bench.write()
    assert peer.written() == [(2, (0,))]
    bench.put("b", 9.0)
    bench.write()
    assert peer.written() == [(1, (9, 0))]
    assert bench.count("writes_sent") == bench.count("writes_acknowledged") == 3
    assert bench.device.last_write_ack_ns > 0


def test_deadband_and_refresh(make: Make) -> None:
    bench = make([], [written("a", 0, scale=0.1, deadband=0.5), written("b", 10, refresh_s=1.0)])
    peer = bench.connect()
    bench.write()
    peer.written()
    bench.put("a", 0.4)
    bench.write()
    assert peer.written() == []
    bench.put("a", 0.5)
    bench.write()
    assert peer.written() == [(0, (5,))]
    bench.now_ns += 1000 * MS
    bench.write()
    assert peer.written() == [(10, (0,))]


def test_everything_is_written_again_after_a_reconnection_and_when_forced(make: Make) -> None:
    bench = make([], [written("a", 0), written("b", 5)])
    bench.connect()
    bench.write()
    peer = bench.connect()
    bench.write()
    assert peer.written() == [(0, (0,)), (5, (0,))]
    bench.write()
    assert peer.written() == []
    bench.device.force_writes()
    bench.write()
    assert peer.written() == [(0, (0,)), (5, (0,))]


def test_a_write_without_acknowledgement_is_due_again(make: Make) -> None:
    bench = make([], [written("a", 0)], max_timeouts=10)
    peer = bench.connect()
    bench.write()
    peer.delay_ns = 50 * MS
    bench.put("a", 7.0)
    bench.write()
    assert bench.count("writes_unacknowledged") == 1
    bench.put("a", 0.0)
    peer.delay_ns, peer.seen = 0, []
    bench.now_ns += 100 * MS
    bench.write()
    assert peer.written() == [(0, (0,))], "the far end may hold the 7 that was never acknowledged"
    assert bench.count("late_replies") == 1


def test_heartbeat_comes_last_and_counts_up(make: Make) -> None:
    bench = make([], [written("a", 0), written("b", 60)], HEARTBEAT)
    peer = bench.connect()
    for cycle in range(3):
        bench.put("a", cycle)
        bench.write()
        writes = peer.written()
        assert writes[-1] == (50, (cycle,))
        assert [address for address, _ in writes[:-1]] == ([0, 60] if cycle == 0 else [0])
    assert bench.device.last_heartbeat_ack_ns > bench.device.last_write_ack_ns


def test_heartbeat_beats_when_nothing_is_due_and_wraps(make: Make) -> None:
    bench = make([], [], HEARTBEAT)
    peer = bench.connect()
    bench.device._plan._heartbeat_count = 65535
    bench.write()
    bench.write()
    assert peer.written() == [(50, (65535,)), (50, (0,))]


def test_no_heartbeat_without_acknowledged_writes(make: Make) -> None:
    bench = make([], [written("a", 0)], HEARTBEAT, max_timeouts=10)
    peer = bench.connect()
    peer.refused_writes = {0}
    bench.write()
    assert peer.written() == [(0, (0,))]
    peer.refused_writes, peer.silent = set(), True
    bench.write()
    assert peer.written() == [(0, (0,))]
    peer.silent = False
    bench.put("a", -5.0)
    bench.write()
    assert peer.written() == []
    assert (bench.count("heartbeats_sent"), bench.count("heartbeats_withheld")) == (0, 3)
    assert (bench.count("writes_refused"), bench.count("writes_refused_by_peer")) == (1, 1)
    bench.put("a", 5.0)
    bench.write()
    assert [address for address, _ in peer.written()] == [0, 50]


def test_a_refused_write_does_not_keep_the_others_from_going_out(make: Make) -> None:
    bench = make([], [written(f"s{address}", address) for address in range(4)])
    peer = bench.connect()
    peer.refused_writes = {2}
    for address in range(4):
        bench.put(f"s{address}", 10.0 + address)
    bench.write()
    assert peer.registers[:4] == [10, 11, 0, 13]
    peer.written()
    bench.write()
    assert peer.written() == [(2, (12,))]
    for address in range(4):
        bench.put(f"s{address}", 20.0 + address)
    bench.write()
    assert peer.written() == [(0, (20, 21)), (2, (22,)), (3, (23,))], (
        "the refused one must go alone from now on"
    )
    peer.refused_writes.clear()
    bench.write()
    assert peer.registers[2] == 22
    texts = [text for _, text in bench.device.drain_events()]
    assert [text.split(":")[0] for text in texts[1:]] == ["writing s2 refused", "writing s2 is taken again"]


def test_single_write_functions(make: Make) -> None:
    coil = Point("c", 1, "coil", 3, "bool", unit="bool", access="rw", write="on_change")
    bench = make(
        [],
        [written("a", 0), written("b", 1), written("d", 8, type="uint32"), coil],
        single_write_functions=True,
    )
    peer = bench.connect()
    bench.put("c", 1.0)
    bench.write()
    assert sorted((request.function, request.address) for request in peer.seen) == [
        (5, 3),
        (6, 0),
        (6, 1),
        (16, 8),
    ]
    assert peer.coils[3] == 1


def test_bits_of_a_word_are_written_together(make: Make) -> None:
    bits = [written(f"b{bit}", 4, type="bool", bit=bit, unit="bool") for bit in (0, 3)]
    bench = make([], bits)
    peer = bench.connect()
    bench.put("b3", 1.0)
    bench.write()
    assert peer.registers[4] == 8


def test_one_scan_serves_all_devices_and_none_waits_for_another(make: Make) -> None:
    quick, dead, slow = (make([holding("x", 0)]) for _ in range(3))
    clock_ns = 0

    def clock() -> int:
        nonlocal clock_ns
        clock_ns += STEP_NS
        for bench in (quick, dead, slow):
            for peer in bench.peers:
                peer.work(clock_ns)
        return clock_ns

    for bench in (quick, dead, slow):
        peer = bench.connect()
        peer.registers[0] = 42
    dead.peers[0].silent = True
    slow.peers[0].delay_ns = 3 * MS
    for bench, name in ((quick, "quick"), (dead, "dead"), (slow, "slow")):
        bench.device.name = name
        bench.device._now_ns = clock
    scan = Scan([quick.device, dead.device, slow.device], clock)
    scan.read(0, 5 * MS)
    assert clock_ns <= 5 * MS + 6 * STEP_NS
    assert (quick.value("x"), dead.value("x"), slow.value("x")) == (42.0, 0.0, 42.0)
    counters = scan.counters()
    assert (counters["quick.replies"], counters["dead.timeouts"], counters["slow.replies"]) == (1, 1, 1)
    assert len(scan.drain_events()) == 3
    scan.close()


def test_only_writable_points_may_be_bound(make: Make) -> None:
    with pytest.raises(ConfigError, match='"a" is to be written, but has access "r"'):
        make([], [holding("a", 0, file="plc.csv", line=3)])
    with pytest.raises(ConfigError, match='heartbeat "beat" is a int16'):
        make([], [], written("beat", 0, type="int16"))
    with pytest.raises(ConfigError, match='heartbeat "beat" is also written'):
        make([], [HEARTBEAT], HEARTBEAT)


def test_full_event_list_counts_what_it_drops(make: Make) -> None:
    bench = make([holding("x", 0)])
    for _ in range(300):
        bench.connect()
    assert bench.count("events_dropped") == 300 - len(bench.device.drain_events())
    assert bench.count("events_dropped") > 0


@pytest.mark.parametrize(
    "settings", [{"port": 0}, {"max_registers": 126}, {"max_in_flight": 0}, {"max_timeouts": 0}]
)
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))} .* is outside"):
        ModbusTcpSettings("x", **settings)
