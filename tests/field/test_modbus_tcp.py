"""The Modbus TCP device on real sockets, against a server that misbehaves.

Client and server share a process, and that shares a machine, either of which may stand still for half a second. So what
must be answered has time for it, what must come back is waited for, and that no phase waits for an answer is told from
most phases: one that did would be late in every cycle.
"""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.scan import Scan
from hil.errors import DeviceError
from hil.loop.image import BAD, GOOD, Image, Signal


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


MisbehavingServer = _load("misbehaving_server").MisbehavingServer

MS = 1_000_000
READ_BUDGET_MS, PERIOD_MS = 10, 30
TOLERANCE_MS = 8
"""What the scheduler adds to half of the phases at most."""
STALLED_MS, STALLED_SHARE = 50, 0.25
"""More than this it adds to few: a phase that waits for a reply (0.2 s and more) or a connection would be among them in
every cycle."""
EVENTUALLY_S = 20.0
PATIENT_MS = 2000
"""Budget where each request must be answered; it takes no time where all are."""

READS = [
    Point("flow", 1, "holding_register", 0, "uint16", scale=0.1, unit="L/min", file="plc.csv", line=2),
    Point("temp", 1, "holding_register", 1, "int16", scale=0.1, unit="degC", file="plc.csv", line=3),
]
VALVE = Point(
    "valve",
    1,
    "holding_register",
    10,
    "uint16",
    unit="%",
    access="rw",
    write="on_change",
    file="plc.csv",
    line=4,
)
HEARTBEAT = Point(
    "beat", 1, "holding_register", 11, "uint16", access="rw", write="every_cycle", file="plc.csv", line=5
)


class Rig:
    """One device in a cycle on the wall clock; notes how long each phase took beyond its budget."""

    def __init__(self, port: int, budget_ms: int = READ_BUDGET_MS, **settings: object) -> None:
        self.start_ns = time.monotonic_ns()
        self.budget_ms = budget_ms
        points = [*READS, VALVE]
        self.image = Image(
            [Signal(p.signal, p.unit, -500.0, 7000.0, 0.0, 3 * PERIOD_MS * MS) for p in points]
        )
        self.device = ModbusTcpDevice(
            "plc", ModbusTcpSettings("127.0.0.1", port, **settings), self.image,
            [(READS[0], 0), (READS[1], 1)], [(VALVE, 2)], self.now_ns, HEARTBEAT, ("rig.yaml", 12),
        )  # fmt: skip
        self.flows: list[float] = []
        self.overshoot_ms: list[float] = []

    def now_ns(self) -> int:
        return time.monotonic_ns() - self.start_ns

    def cycle(self, count: int) -> None:
        for _ in range(count):
            stamp_ns = self.now_ns()
            for phase in (self.device.read, self.device.write):
                began_ns = self.now_ns()
                phase(stamp_ns, began_ns + self.budget_ms * MS)
                self.overshoot_ms.append((self.now_ns() - began_ns) / MS - self.budget_ms)
            self.image.age(self.now_ns())
            self.flows.append(self.image.values[0])
            time.sleep(max(0.0, (stamp_ns + PERIOD_MS * MS - self.now_ns()) / 1e9))

    def until(self, condition: Callable[[], bool]) -> None:
        """Go on with cycles until it holds; fails after EVENTUALLY_S."""
        end_s = time.monotonic() + EVENTUALLY_S
        while not condition():
            assert time.monotonic() < end_s, self.device.counters()
            self.cycle(1)

    def is_good(self) -> bool:
        return self.image.quality[0] == GOOD

    def count(self, counter: str) -> int:
        return self.device.counters()[counter]

    def assert_in_budget(self) -> None:
        late = sorted(self.overshoot_ms)
        assert late[len(late) // 2] <= TOLERANCE_MS, f"phases over budget by {late} ms"
        stalled = sum(ms > STALLED_MS for ms in late)
        assert stalled <= STALLED_SHARE * len(late), f"phases over budget by {late} ms"


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


@pytest.fixture
def connect(server: MisbehavingServer) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def build(**settings: object) -> Rig:
        rigs.append(Rig(server.port, **settings))
        rigs[-1].device.prove(30.0)
        return rigs[-1]

    yield build
    for rig in rigs:
        rig.device.close()


def test_values_in_and_out(server: MisbehavingServer, connect: Callable[..., Rig]) -> None:
    server.registers[0:2] = [123, 65535 - 54]
    rig = connect(budget_ms=PATIENT_MS)
    rig.image.values[2] = 55.0
    rig.cycle(5)
    assert rig.image.values[:2] == [pytest.approx(12.3), pytest.approx(-5.5)]
    assert server.registers[10] == 55
    assert rig.count("timeouts") == 0
    assert 0 < rig.device.last_write_ack_ns < rig.device.last_heartbeat_ack_ns
    rig.assert_in_budget()


def test_bytes_that_come_one_by_one(server: MisbehavingServer, connect: Callable[..., Rig]) -> None:
    rig = connect(budget_ms=PATIENT_MS)
    server.registers[0], server.mode = 77, "byte_at_a_time"
    rig.cycle(5)
    assert rig.image.values[0] == pytest.approx(7.7)
    assert rig.count("framing_errors") == 0


@pytest.mark.parametrize("mode", ["late", "wrong_id", "silent", "truncated", "exception", "reset", "garbage"])
def test_no_fault_stretches_a_phase_or_gets_a_value_in(
    server: MisbehavingServer, connect: Callable[..., Rig], mode: str
) -> None:
    server.registers[0] = 100
    rig = connect(backoff_max_s=0.2, probe_s=0.2)
    rig.until(lambda: bool(rig.flows) and rig.flows[-1] == 10.0)
    server.registers[0], server.mode = 999, mode
    rig.flows.clear()
    rig.cycle(20)
    assert set(rig.flows) == {10.0}, "a value came in through a fault"
    assert rig.image.quality[0] == BAD
    server.registers[0], server.mode = 200, "good"
    rig.until(lambda: rig.flows[-1] == 20.0 and rig.is_good())
    assert set(rig.flows) == {10.0, 20.0}
    rig.assert_in_budget()


def test_late_replies_are_counted_and_never_used(
    server: MisbehavingServer, connect: Callable[..., Rig]
) -> None:
    server.registers[0] = 100
    rig = connect(max_timeouts=1000)
    rig.until(lambda: bool(rig.flows) and rig.flows[-1] == 10.0)
    server.delay_s, server.mode, server.registers[0] = 0.1, "late", 555
    rig.flows.clear()
    rig.until(lambda: rig.count("late_replies") >= 5)
    assert set(rig.flows) == {10.0}
    assert rig.count("connections_lost") == 0
    rig.assert_in_budget()


def test_server_gone_and_back(server: MisbehavingServer, connect: Callable[..., Rig]) -> None:
    rig = connect(backoff_max_s=0.2)
    rig.image.values[2] = 40.0
    rig.until(lambda: rig.is_good() and server.registers[10] == 40)
    server.stop()
    rig.until(lambda: rig.image.quality[0] == BAD)
    with MisbehavingServer(server.port) as again:
        rig.until(rig.is_good)
        # An unchanged on_change value must be written to a device that restarted.
        rig.until(lambda: again.registers[10] == 40)
        assert rig.count("reconnections") == 1
        rig.assert_in_budget()
    texts = [text.split(" ")[0] for _, text in rig.device.drain_events()]
    assert texts[:2] == ["connected", "lost"]
    assert "reconnected" in texts


@pytest.mark.parametrize(
    ("joined", "expected"),
    [
        (False, [(10, (10,)), (11, (0,)), (10, (20,)), (11, (1,)), (10, (30,)), (11, (2,))]),
        (True, [(10, (10, 0)), (10, (20, 1)), (10, (30, 2))]),
    ],
)
def test_heartbeat_is_last_and_stops_with_the_values(
    server: MisbehavingServer,
    connect: Callable[..., Rig],
    joined: bool,
    expected: list[tuple[int, tuple[int, ...]]],
) -> None:
    rig = connect(budget_ms=PATIENT_MS, heartbeat_joined=joined)
    server.seen.clear()
    for value in (10.0, 20.0, 30.0):
        rig.image.values[2] = value
        rig.cycle(1)
    assert [(request.address, request.values) for request in server.seen if request.values] == expected
    assert server.registers[10:12] == [30, 2]
    server.mode = "silent"
    rig.image.values[2] = 40.0
    server.seen.clear()
    rig.device.write(rig.now_ns(), rig.now_ns() + 5 * MS)
    sent_s = time.monotonic()
    while not server.seen and time.monotonic() < sent_s + EVENTUALLY_S:
        time.sleep(0.01)
    time.sleep(0.05)
    assert [request.address for request in server.seen] == [10]
    assert rig.device.last_heartbeat_ack_ns < rig.now_ns() - 40 * MS


def test_twenty_dead_addresses_cost_nothing(server: MisbehavingServer, connect: Callable[..., Rig]) -> None:
    good = connect()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    dead = [Rig(port) for _ in range(20)]
    for rig in dead:
        rig.device._link.aim((socket.AF_INET, ("127.0.0.1", port)))
    scan = Scan([good.device, *(rig.device for rig in dead)], good.now_ns)
    spent_ms = []
    for _ in range(20):
        began_ns = good.now_ns()
        scan.read(began_ns, began_ns + PATIENT_MS * MS)
        spent_ms.append((good.now_ns() - began_ns) / MS)
    assert good.count("replies") == 20
    # Reached: below 1. Had the scan waited for them, each phase would have taken its whole budget.
    assert sorted(spent_ms)[10] < PATIENT_MS / 20, "a device that is absent took time from the others"
    scan.close()


def proof(port: int, host: str = "127.0.0.1", unit_id: int = 1, reply_timeout_s: float = 5.0) -> str:
    """Give the refusal; a server that answers has five seconds for it."""
    points = [Point("flow", unit_id, "holding_register", address, "uint16", file="plc.csv", line=address)
              for address in (2, 3, 4)]  # fmt: skip
    image = Image([Signal(f"s{slot}", "1", 0, 70000, 0) for slot in range(3)])
    device = ModbusTcpDevice(
        "plc", ModbusTcpSettings(host, port, reply_timeout_s=reply_timeout_s), image,
        [(point, slot) for slot, point in enumerate(points)], [], time.monotonic_ns, place=("rig.yaml", 12),
    )  # fmt: skip
    with pytest.raises(DeviceError) as caught:
        device.prove(60.0)
    device.close()
    return str(caught.value)


def test_proof_names_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    message = proof(port)
    assert message.startswith(
        f'rig.yaml:12: device "plc" at 127.0.0.1:{port}: nothing listens on 127.0.0.1:{port}'
    )
    assert "start it, or" in message


def test_proof_names_an_unknown_host() -> None:
    assert 'unknown host "no-such-plc.invalid"' in proof(502, "no-such-plc.invalid")


def test_proof_names_the_unit_ids_that_answer(server: MisbehavingServer) -> None:
    server.unit_ids = {255, 7}
    # Ten units do not answer, so there is not much time for each; where the server stood still for it, once more.
    for _ in range(5):
        message = proof(server.port, reply_timeout_s=0.2)
        if "unit id 255, 7 answers" in message:
            break
    assert 'unit id 1: does not answer within 0.2 s (asked for plc.csv:2 "flow")' in message
    assert "unit id 255, 7 answers: correct unit_id in plc.csv" in message


def test_proof_of_a_silent_device(server: MisbehavingServer) -> None:
    server.mode = "silent"
    assert "no other unit id answers either (tried 255, 0, 2, 3" in proof(server.port, reply_timeout_s=0.1)


def test_proof_names_each_refused_point_with_its_line(server: MisbehavingServer) -> None:
    server.missing = {3}
    message = proof(server.port)
    assert message.count("refuses") == 1
    assert message.startswith("plc.csv:3: ")
    assert "(holding_register 3, unit id 1): illegal data address" in message
    assert "2 answers: the numbers may be one_based" in message


def test_proof_checks_written_points_and_the_heartbeat(server: MisbehavingServer) -> None:
    server.missing = {10, 11}
    rig = Rig(server.port)
    with pytest.raises(DeviceError) as caught:
        rig.device.prove(30.0)
    assert [problem.line for problem in caught.value.problems] == [4, 5]
    assert server.registers[10:12] == [0, 0], "a proof reads, it never writes"
    rig.device.close()


def write_only(unit_id: int, port: int) -> ModbusTcpDevice:
    """One point read of unit 1, one only written of ``unit_id``."""
    image = Image([Signal("flow", "1", 0, 70000, 0), Signal("valve", "1", 0, 70000, 0)])
    read = Point("flow", 1, "holding_register", 2, "uint16", file="plc.csv", line=2)
    valve = Point("valve", unit_id, "holding_register", 10, "uint16", access="w", write="every_cycle",
                  file="plc.csv", line=3)  # fmt: skip
    return ModbusTcpDevice(
        "plc", ModbusTcpSettings("127.0.0.1", port, reply_timeout_s=1.0), image, [(read, 0)], [(valve, 1)],
        time.monotonic_ns, place=("rig.yaml", 12),
    )  # fmt: skip


def test_proof_finds_the_wrong_unit_id_of_a_point_that_is_only_written(server: MisbehavingServer) -> None:
    server.unit_ids = {1}
    device = write_only(9, server.port)
    with pytest.raises(DeviceError) as caught:
        device.prove(60.0)
    device.close()
    (problem,) = caught.value.problems
    assert 'unit id 9: does not answer within 1 s (asked for plc.csv:3 "valve")' in problem.what
    assert problem.hint == "unit id 1 answers: correct unit_id in plc.csv"
    assert server.registers[10] == 0, "a proof reads, it never writes"


def test_a_refused_read_is_an_answer_of_a_unit_that_is_only_written(server: MisbehavingServer) -> None:
    server.missing = {10}
    device = write_only(9, server.port)
    device.prove(60.0)
    device.close()
    assert [request.unit_id for request in server.seen] == [1, 9]


def test_proof_that_runs_out_of_time_says_so(server: MisbehavingServer) -> None:
    rig = Rig(server.port)
    server.delay_s, server.mode = 0.2, "late"
    with pytest.raises(DeviceError, match="time for the start-up proof ran out"):
        rig.device.prove(0.25)
    rig.device.close()


def test_proof_of_a_gateway_without_the_unit(server: MisbehavingServer) -> None:
    server.mode, server.exception_code = "exception", 11
    assert "gateway target did not respond" in proof(server.port)


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("short", "registers instead of"),
        ("long", "registers instead of"),
        ("other_unit", "answers as unit id 2 where 1 was asked"),
    ],
)
def test_proof_of_a_device_whose_replies_are_others(server: MisbehavingServer, mode: str, told: str) -> None:
    server.mode = mode
    assert told in proof(server.port)


def test_proof_of_something_that_is_no_modbus_device(server: MisbehavingServer) -> None:
    server.mode = "garbage"
    assert "does not speak Modbus TCP" in proof(server.port)
    server.mode = "reset"
    assert "drops the connection" in proof(server.port)
