"""The rig as a Modbus TCP server, on real sockets: good clients, bad ones, and a loop that dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.utils import decode_ieee, encode_ieee, long_list_to_word, word_list_to_long

from hil.config.points import load_points
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.northbound import NorthboundServer, NorthboundSettings, ServedSignal, map_as_csv
from hil.devices.northbound.layout import FIRST
from hil.errors import ConfigError
from hil.loop.image import BAD, GOOD, Image, Signal
from hil.loop.machine_time import machine_ns
from hil.loop.table import LatestTable
from hil.rig import Wishes, load_rig

SIGNALS = (
    ServedSignal("supply_temp_degc", "degC", 0.0, 95.0),
    ServedSignal("flow_l_min", "L/min", 0.0, 4000.0, "int16", 1.0),
    ServedSignal("setpoint_degc", "degC", 15.0, 45.0, writable=True),
)
VALUES = (28.25, 1234.0, 30.5)
ALLOWED_S = 40.0
"""What a machine that takes the processor away may need for anything."""


def eventually(holds: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + ALLOWED_S
    while not holds():
        assert time.monotonic() < until_s, f"{what}: not within {ALLOWED_S:g} s"
        time.sleep(0.02)


@dataclass
class Loop:
    """A loop as far as a server sees one: an image, its table, and cycles on demand."""

    image: Image
    table: LatestTable
    server: NorthboundServer
    port: int = 0

    def cycle(self) -> None:
        now_ns = machine_ns()
        for slot, value in enumerate(VALUES):
            self.image.accept(slot, value, now_ns)
        self.table.publish(now_ns)

    def client(self) -> ModbusClient:
        return ModbusClient("127.0.0.1", self.port, timeout=ALLOWED_S, auto_close=True)

    def value(self) -> float:
        """Read the first signal as a DCIM does, over a connection of its own."""
        self.cycle()
        words = self.client().read_holding_registers(FIRST, 4)
        assert words is not None
        assert words[2] == GOOD
        return decode_ieee(word_list_to_long(words[:2])[0])

    def end(self) -> None:
        self.server.close()
        self.table.close()


def loop_of(silent_code: int = 11, silent_after_s: float = 5.0) -> Loop:
    image = Image([Signal(s.name, s.unit, s.low, s.high, s.low, 10**9) for s in SIGNALS])
    table = LatestTable(image)
    server = NorthboundServer(
        NorthboundSettings("127.0.0.1", 0, 1, SIGNALS, "high_first", silent_code, silent_after_s, 30.0)
    )
    made = Loop(image, table, server)
    made.cycle()
    made.port = server.start(table.path)
    return made


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = loop_of(silent_after_s=120.0)
    yield made
    made.end()


def test_our_own_client_reads_our_own_server_by_its_own_map(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "northbound.csv"
    path.write_text(map_as_csv(loop.server.settings.layout))
    points = load_points(path).points
    image = Image([Signal(point.signal, point.unit, -1e5, 1e5, 0.0, 10**9) for point in points])
    began_ns = machine_ns()
    device = ModbusTcpDevice(
        "rig", ModbusTcpSettings("127.0.0.1", loop.port), image,
        [(point, slot) for slot, point in enumerate(points)], [], lambda: machine_ns() - began_ns,
    )  # fmt: skip
    try:
        device.prove(ALLOWED_S)
        for _ in range(20):
            loop.cycle()
            now_ns = machine_ns() - began_ns
            device.read(now_ns, now_ns + 2 * 10**9)
            if all(image.quality[slot] == GOOD for slot in range(len(points))):
                break
    finally:
        device.close()
    got = {point.signal: image.values[slot] for slot, point in enumerate(points)}
    assert [got[signal.name] for signal in SIGNALS] == list(VALUES)
    assert got["supply_temp_degc_quality"] == GOOD
    assert got["northbound_signals"] == 3
    assert got["northbound_silent"] == 0
    assert got["northbound_cycles"] > 0


def test_clients_that_hang_flood_and_talk_nonsense_keep_nobody_else_out(loop: Loop) -> None:
    address = ("127.0.0.1", loop.port)
    hung = [socket.create_connection(address) for _ in range(5)]
    for connection in hung:
        connection.sendall(b"\x00\x01\x00\x00\x00\x06\x01")  # and never the rest
    deaf = socket.create_connection(address)
    deaf.setblocking(False)
    flood = b"".join(struct.pack(">HHHBBHH", n, 0, 6, 1, 3, FIRST, 12) for n in range(300))
    for _ in range(200):
        try:
            deaf.send(flood)
        except OSError:
            break  # its buffer is full, or it was shut out: either way it never reads
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(300),
        b"\xff" * 1000,
        b"\x00\x01\x00\x00\xff\xff" + b"\x00" * 50,
    ):
        with socket.create_connection(address) as connection:
            connection.sendall(garbage)
    for _ in range(100):
        with socket.create_connection(address):
            pass
    kept = [socket.create_connection(address) for _ in range(100)]
    assert loop.value() == VALUES[0]
    for connection in (*hung, deaf, *kept):
        connection.close()
    assert loop.value() == VALUES[0]
    eventually(lambda: loop.server.counters()["connections"] >= 200, "connections are counted")
    assert loop.server.counters()["restarts"] == 0


def test_a_client_that_polls_is_not_pushed_out_by_those_that_only_connect(loop: Loop) -> None:
    client = ModbusClient("127.0.0.1", loop.port, timeout=ALLOWED_S, auto_open=False)
    assert client.open()
    for _ in range(10):
        assert client.read_holding_registers(0, 4) is not None
        others = [socket.create_connection(("127.0.0.1", loop.port)) for _ in range(20)]
        for other in others:
            other.close()
    assert client.read_holding_registers(0, 4) is not None
    client.close()


def test_a_set_point_goes_into_its_box_and_anything_else_is_refused(loop: Loop) -> None:
    loop.cycle()
    client, box = loop.client(), loop.server.boxes["setpoint_degc"]
    before = box.get()
    at = FIRST + 8

    def written(value: float) -> list[int]:
        return long_list_to_word([encode_ieee(value)])

    assert client.write_multiple_registers(at, written(33.5))
    asked = box.get()
    assert asked is not None
    assert asked != before
    assert asked[1] == 33.5
    for address, words, code in ((at, written(45.5), 3), (at, written(float("nan")), 3), (FIRST, written(20.0), 2),
                                 (FIRST + 4, [1], 2), (at, [0x4200], 2), (at + 1, [0, 0], 2)):  # fmt: skip
        loop.cycle()
        assert not client.write_multiple_registers(address, words)
        assert client.last_except == code
    assert not client.write_single_coil(0, True)
    assert client.last_except == 1
    assert box.get() == asked
    eventually(lambda: loop.server.counters()["setpoints_refused"] >= 6, "refusals are counted")


@pytest.mark.parametrize("code", [11, 4, 0])
def test_a_loop_that_stands_still_is_told_and_one_that_goes_on_too(code: int) -> None:
    loop = loop_of(code, silent_after_s=0.3)
    try:
        client = loop.client()

        def is_told() -> bool:
            words = client.read_holding_registers(FIRST, 8)
            if code:
                return words is None and client.last_except == code
            return words is not None and words[2] == words[6] == BAD and words[0] & 0x7FC0 == 0x7FC0

        eventually(is_told, "a dead loop")
        assert client.read_holding_registers(1, 1) == [1]
        assert not client.write_multiple_registers(FIRST + 8, long_list_to_word([encode_ieee(20.0)]))
        assert loop.server.boxes["setpoint_degc"].get() is None

        def is_back() -> bool:
            loop.cycle()
            words = client.read_holding_registers(FIRST, 4)
            return words is not None and words[2] == GOOD

        eventually(is_back, "a loop that goes on")
    finally:
        loop.end()


def test_a_server_that_is_killed_comes_back_on_its_port() -> None:
    loop = loop_of(silent_after_s=120.0)
    try:
        before = loop.server.process_id
        os.kill(before, signal.SIGKILL)
        eventually(lambda: loop.server.process_id not in {0, before}, "another process")

        def answers() -> bool:
            loop.cycle()
            return loop.client().read_holding_registers(FIRST, 4) is not None

        eventually(answers, "the server on its old port")
        assert loop.server.counters()["restarts"] >= 1
    finally:
        loop.end()


RIG = """\
rig: northbound
clock: wall
period_s: 0.05
duration_s: {duration}
signals:
  wanted_degc: {{unit: degC, range: [15, 60], rate_up_per_s: 20}}
  shown_degc: {{unit: degC, range: [0, 100]}}
sources: {{wanted_degc: 30}}
plants:
  vessel:
    type: transfer_function
    numerator: [1]
    denominator: [0.1, 1]
    inputs: [wanted_degc]
    outputs: [shown_degc]
    input_levels: [30]
    output_levels: [30]
northbound: {{port: {port}, setpoints: [wanted_degc], types: {{shown_degc: int16}}{more}}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def hil_run(tmp_path: Path, text: str) -> subprocess.Popen[str]:
    (tmp_path / "rig.yaml").write_text(text)
    command = [
        sys.executable,
        "-m",
        "hil",
        "run",
        str(tmp_path / "rig.yaml"),
        "--json",
        "--out",
        str(tmp_path / "runs"),
    ]
    # What stays behind a killed loop keeps its stderr: a pipe would never end.
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_run_takes_a_set_point_by_the_normal_road_and_says_so(tmp_path: Path) -> None:
    port = free_port()
    run = hil_run(tmp_path, RIG.format(port=port, duration=120, more=""))
    client = ModbusClient("127.0.0.1", port, timeout=2.0)

    def shown() -> float:
        words = client.read_holding_registers(FIRST + 4, 1)
        return float("nan") if words is None else words[0] * 0.01

    try:
        eventually(lambda: abs(shown() - 30) < 0.1, "the signal as the rig began")
        assert client.write_multiple_registers(FIRST, long_list_to_word([encode_ieee(40.0)]))
        eventually(lambda: abs(shown() - 40) < 0.1, "the plant at the new set-point")
    finally:
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=60)
    result = json.loads(out)
    folder = Path(result["run_dir"])
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert any(e["kind"] == "setpoint" and e["text"] == "to 40, asked from northbound" for e in events)
    counters = json.loads((folder / "run.json").read_text())["counters"]
    assert counters["northbound"]["setpoints_accepted"] == counters["northbound"]["setpoints_taken"] == 1
    trend = pq.read_table(folder / "trend.parquet").to_pydict()
    before_s = max(t_s for t_s, value in zip(trend["t_s"], trend["wanted_degc"], strict=True) if value == 30)
    after_s = min(t_s for t_s, value in zip(trend["t_s"], trend["wanted_degc"], strict=True) if value == 40)
    assert after_s - before_s > 0.35  # 10 K at 20 K/s, not at once: the limits of any other source
    assert len(load_points(folder / "northbound.csv").points) == 4 + 3 * 2
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()


def test_a_loop_that_is_killed_is_told_and_the_next_run_has_the_port_at_once(tmp_path: Path) -> None:
    port = free_port()
    text = RIG.format(
        port=port, duration=60, more=", when_silent: exception_4, silent_after_s: 0.5, linger_s: 120"
    )
    run = hil_run(tmp_path, text)
    client = ModbusClient("127.0.0.1", port, timeout=2.0)
    again = None
    try:
        eventually(lambda: client.read_holding_registers(FIRST, 8) is not None, "the first run")
        run.kill()
        run.communicate(timeout=30)
        eventually(
            lambda: client.read_holding_registers(FIRST, 8) is None and client.last_except == 4,
            "the death of the loop",
        )
        again = hil_run(tmp_path, text)
        eventually(lambda: client.read_holding_registers(FIRST, 8) is not None, "the second run")
    finally:
        run.kill()
        if again is not None:
            again.send_signal(signal.SIGINT)
            again.communicate(timeout=60)


def test_a_port_in_use_is_named_before_the_first_cycle(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = hil_run(tmp_path, RIG.format(port=port, duration=5, more=""))
        out, _ = run.communicate(timeout=60)
    assert run.returncode == 2
    assert f"127.0.0.1:{port}" in out
    assert "in use" in out


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (", signals: [shown_degc, wanted_deg]", "wanted_deg"),
        (", types: {wrong: int16}", "wrong is not among the signals that are served"),
        (", scales: {wanted_degc: 0.1}", "float32, which has no scale"),
        (", signals: [shown_degc, shown_degc]", "2 times"),
        (", when_silent: last_value", "exception_11"),
        (", portt: 3", "portt"),
        (", bind: dcim.example", "not an IPv4 address"),
    ],
)
def test_a_mistake_in_the_section_is_named(tmp_path: Path, more: str, what: str) -> None:
    text = RIG.format(port=15020, duration=5, more=more)
    if "types" in more:
        text = text.replace("types: {shown_degc: int16}, ", "")
    (tmp_path / "rig.yaml").write_text(text)
    with pytest.raises(ConfigError) as told:
        load_rig(tmp_path / "rig.yaml")
    assert what in str(told.value)


def test_what_no_source_writes_is_no_set_point(tmp_path: Path) -> None:
    text = RIG.format(port=15020, duration=5, more="").replace(
        "setpoints: [wanted_degc]", "setpoints: [shown_degc]"
    )
    (tmp_path / "rig.yaml").write_text(text)
    with pytest.raises(ConfigError, match="shown_degc is no set-point"):
        load_rig(tmp_path / "rig.yaml")


def test_a_range_that_no_register_holds_is_refused_and_a_scale_too_fine_is_told(tmp_path: Path) -> None:
    text = RIG.format(port=15020, duration=5, more=", scales: {shown_degc: 0.001}")
    (tmp_path / "rig.yaml").write_text(text)
    (told,) = [each for each in load_rig(tmp_path / "rig.yaml").warnings if "shown_degc" in each.what]
    assert "0 to 100 degC, and int16 at scale 0.001 shows no more than ±32.767 degC" in told.what
    assert told.line == text.splitlines().index(next(x for x in text.splitlines() if "northbound:" in x)) + 1
    (tmp_path / "rig.yaml").write_text(text.replace("[15, 60]", "[15, 1e300]"))
    with pytest.raises(ConfigError) as refused:
        load_rig(tmp_path / "rig.yaml")
    (problem,) = refused.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "rig.yaml"), 6)
    assert (
        "wanted_degc has a range of 15 to 1e+300 degC, and float32 ends at ±3.40282e+38 degC" in problem.what
    )


def test_letting_others_in_is_asked_for_and_a_virtual_clock_serves_nobody(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(RIG.format(port=15020, duration=5, more=", bind: 0.0.0.0"))
    (danger,) = load_rig(tmp_path / "rig.yaml").dangers
    assert "0.0.0.0:15020" in danger.what
    assert "wanted_degc" in danger.what
    rig = load_rig(tmp_path / "rig.yaml", Wishes(clock="virtual"))
    assert rig.dangers == []
    assert any("wall clock" in warning.what for warning in rig.warnings)
    (tmp_path / "rig.yaml").write_text(RIG.format(port=15020, duration=5, more=""))
    assert load_rig(tmp_path / "rig.yaml").dangers == []


def test_the_map_is_printed_before_a_run(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(RIG.format(port=15020, duration=5, more=""))
    command = [sys.executable, "-m", "hil", "northbound", str(tmp_path / "rig.yaml")]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    (tmp_path / "map.csv").write_text(printed)
    assert load_points(tmp_path / "map.csv").point("shown_degc_quality") is not None
    (tmp_path / "rig.yaml").write_text("\n".join(RIG.format(port=1, duration=5, more="").splitlines()[:-1]))
    without = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert without.returncode == 2
    assert "serves nothing" in without.stderr
