"""The stand-in's server with plain registers, over a real socket, and as a process."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.config.points import load_points
from hil.devices.stand_in import launch, launch_cdu_plc, serve
from hil.errors import DeviceError

LIST = """signal,table,address_one_based,type,word_order,scale,unit,access,write
level_percent,holding_register,1,float32,low_first,1,%,rw,every_cycle
valve_open,coil,3,bool,,,bool,rw,on_change
pressure_kpa,input_register,1,int16,,0.1,kPa,r,never
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "list.csv").write_text(LIST)
    points = load_points(tmp_path / "list.csv")
    ready, stopping = threading.Event(), threading.Event()
    heard: list[tuple[str, int, str]] = []

    def on_ready(host: str, port: int, behaviour: str) -> None:
        heard.append((host, port, behaviour))
        ready.set()

    thread = threading.Thread(
        target=serve, args=(points,), kwargs={"on_ready": on_ready, "stop": stopping.is_set}
    )
    thread.start()
    assert ready.wait(60.0)
    assert heard[0][0] == "127.0.0.1"
    assert heard[0][2] == "registers"
    yield heard[0][1]
    stopping.set()
    thread.join(60.0)
    assert not thread.is_alive()


def _ask(port: int, pdu: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30.0) as wire:
        wire.sendall(struct.pack(">HHHB", 7, 0, len(pdu) + 1, 1) + pdu)
        head = wire.recv(7)
        assert head[:4] == b"\x00\x07\x00\x00"
        return wire.recv(struct.unpack(">H", head[4:6])[0] - 1)


def test_what_is_written_is_answered(port: int) -> None:
    words = struct.unpack(">HH", struct.pack(">f", 42.5))[::-1]
    assert _ask(port, struct.pack(">BHHBHH", 16, 0, 2, 4, *words)) == struct.pack(">BHH", 16, 0, 2)
    assert _ask(port, struct.pack(">BHH", 3, 0, 2)) == struct.pack(">BBHH", 3, 4, *words)
    assert _ask(port, struct.pack(">BHH", 5, 2, 0xFF00)) == struct.pack(">BHH", 5, 2, 0xFF00)
    assert _ask(port, struct.pack(">BHH", 1, 2, 1)) == b"\x01\x01\x01"
    assert _ask(port, struct.pack(">BHH", 4, 0, 1)) == b"\x04\x02\x00\x00"
    assert _ask(port, struct.pack(">BHH", 6, 2, 1)) == b"\x86\x02"


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeviceError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(load_points(launch.POINTS_FILE), port=port)
        with pytest.raises(DeviceError, match=r"\(python\) did not start: .*cannot listen"):
            launch_cdu_plc("python", port)


def test_bad_point_list_ends_with_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("signal,table,address_zero_based\nx,coyl,1\n")
    command = [sys.executable, "-m", "hil.devices.stand_in", "--points", str(tmp_path / "bad.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "bad.csv:2" in done.stderr
    assert "coil" in done.stderr


def test_falls_back_to_python_and_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("hil.devices.stand_in.launch.shutil.which", lambda tool: None)
    with launch_cdu_plc("c") as plc:
        assert plc.kind == "python"
        assert "not installed" in plc.why
        assert _ask(plc.port, struct.pack(">BHH", 4, 5, 1)) == b"\x04\x02\x27\x10"  # valve at 100 %
