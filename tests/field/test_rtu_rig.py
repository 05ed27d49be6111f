"""A rig with valves on a serial line, from its file to its run folder; and a line on which something is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import firmware_bench as fb
import pytest
from rtu_bench import Socat

from hil.errors import DeviceError
from hil.rig import load_rig, run_rig

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus"), pytest.mark.needs("socat")]

POINTS = Path(__file__).parents[2] / "configs" / "points" / "belimo_energy_valve.csv"
RIG = """rig: valves
clock: wall
period_s: 0.1
duration_s: 3
overrun: {{policy: skip}}
signals:
  a_valve_position_percent: {{unit: "%", range: [0, 100], max_age_s: 2}}
  a_valve_flow_l_min: {{unit: L/min, range: [0, 5000], max_age_s: 10}}
  a_valve_setpoint_percent: {{unit: "%", range: [0, 100], failsafe: 80}}
  b_valve_position_percent: {{unit: "%", range: [0, 100], max_age_s: 2}}
  b_valve_setpoint_percent: {{unit: "%", range: [0, 100], failsafe: 90}}
sources:
  a_valve_setpoint_percent: 30
  b_valve_setpoint_percent: 60
buses:
  cabinet: {{port: {port}, baud: 19200, scan_s: 0.2, reply_timeout_s: {timeout_s}}}
devices:
  valve_a:
    type: modbus_rtu
    bus: cabinet
    points: {points}
    prefix: a_
    unit_id: {unit_a}
    read: [a_valve_position_percent, a_valve_flow_l_min]
    write: [a_valve_setpoint_percent]
    poll: {{a_valve_flow_l_min: 5}}
    gap_ms: 5
  valve_b:
    type: modbus_rtu
    bus: cabinet
    points: {points}
    prefix: b_
    unit_id: 5
    read: [b_valve_position_percent]
    write: [b_valve_setpoint_percent]
"""


def rig_file(folder: Path, port: str, unit_a: int = 3, timeout_s: float = 1.0) -> Path:
    path = folder / "rig.yaml"
    path.write_text(RIG.format(port=port, points=POINTS, unit_a=unit_a, timeout_s=timeout_s))
    return path


@pytest.fixture
def socat(tmp_path: Path) -> Iterator[Socat]:
    with Socat(tmp_path) as socat:
        yield socat


def valves(device: str) -> fb.Stub:
    options = ("--baud", "19200", "--units", "3,5", "--stroke-s", "2", "--time-scale", "4")
    return fb.Stub(fb.build("valve_actuator"), *options, device=device, tcp=False)


def assert_good_run(stub: fb.Stub, path: Path, out: Path) -> None:
    result = run_rig(load_rig(path), out)
    assert result.end.stop == "end"
    record = json.loads((result.run_dir / "run.json").read_text())
    counts = record["counters"]["devices"]
    assert counts["cabinet.replies"] > 10
    assert counts["cabinet.writes_acknowledged"] >= 4
    assert counts["cabinet.last_writes_unacknowledged"] == 0
    assert counts["cabinet.companion_restarts"] == 0
    # The last act of a run is the failsafe, acknowledged by every unit.
    assert [stub.word(0, unit=3), stub.word(0, unit=5)] == [8000, 9000]
    events = (result.run_dir / "events.jsonl").read_text()
    assert "cabinet: " in events


def test_a_run_over_a_serial_line(socat: Socat, tmp_path: Path) -> None:
    with valves(socat.theirs) as stub:
        assert_good_run(stub, rig_file(tmp_path, os.path.realpath(socat.ours)), tmp_path / "runs")


class Gateway:
    """Passes the bytes of a TCP connection on to a serial line and back, as a gateway in transparent mode does."""

    def __init__(self, device: str) -> None:
        self._line = os.open(device, os.O_RDWR | os.O_NOCTTY)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._connection: socket.socket | None = None
        self._ended = False
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._accept, self._up)]
        for thread in self._threads:
            thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, contextlib.suppress(OSError):
                    self._connection = connection
                    while data := connection.recv(512):
                        os.write(self._line, data)

    def _up(self) -> None:
        while not self._ended:
            if select.select([self._line], (), (), 0.05)[0]:
                data = os.read(self._line, 512)
                # Nobody there: a gateway drops what it hears.
                with contextlib.suppress(OSError):
                    if self._connection is not None:
                        self._connection.sendall(data)

    def close(self) -> None:
        self._ended = True
        # Closing alone would leave a thread waiting in accept() for ever.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(fb.GENEROUS_S)
        os.close(self._line)


def test_a_run_through_a_gateway_that_passes_frames_on(socat: Socat, tmp_path: Path) -> None:
    gateway = Gateway(socat.ours)
    try:
        with valves(socat.theirs) as stub:
            assert_good_run(stub, rig_file(tmp_path, f"tcp://127.0.0.1:{gateway.port}"), tmp_path / "runs")
    finally:
        gateway.close()


def refusal(path: Path, out: Path) -> str:
    with pytest.raises(DeviceError) as caught:
        run_rig(load_rig(path), out)
    return str(caught.value)


def test_a_unit_that_is_not_there_is_named_with_those_that_are(socat: Socat, tmp_path: Path) -> None:
    with valves(socat.theirs):
        told = refusal(rig_file(tmp_path, socat.ours, unit_a=4), tmp_path)
    assert 'device "valve_a"' in told
    assert "19200 baud, 8E1: unit 4 does not answer within 1 s" in told
    assert "unit 3, 5 answers: correct unit_id" in told


def test_a_line_on_which_nobody_answers(socat: Socat, tmp_path: Path) -> None:
    told = refusal(rig_file(tmp_path, socat.ours, timeout_s=0.05), tmp_path)
    assert "units 1 to 10 are silent too" in told
    assert "station address off" in told


def test_ports_that_are_not_there_not_ours_or_no_ports(socat: Socat, tmp_path: Path) -> None:
    assert "there is no port /dev/ttyNONE" in refusal(rig_file(tmp_path, "/dev/ttyNONE"), tmp_path)
    assert "is not a serial port" in refusal(rig_file(tmp_path, "/dev/null"), tmp_path)
    gone = refusal(rig_file(tmp_path, "tcp://127.0.0.1:9"), tmp_path)
    assert "cannot connect to tcp://127.0.0.1:9: nobody listens there" in gone
    import serial

    with serial.Serial(socat.ours, exclusive=True):
        assert "is in use by another program" in refusal(rig_file(tmp_path, socat.ours), tmp_path)


def test_an_adapter_that_hears_itself_is_found_out(tmp_path: Path) -> None:
    near, far = os.openpty()
    import tty

    tty.setraw(near)
    tty.setraw(far)

    def echo() -> None:
        while True:
            try:
                os.write(near, os.read(near, 512))
            except OSError:
                return

    threading.Thread(target=echo, daemon=True).start()
    try:
        told = refusal(rig_file(tmp_path, os.ttyname(far)), tmp_path)
    finally:
        os.close(far)
        os.close(near)
    assert "the adapter hears what it sends" in told
    assert "local_echo: true under buses.cabinet" in told
