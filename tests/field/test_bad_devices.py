"""A PLC that is not there, not the one meant, or refuses: ``hil run`` says so before anything moves, exit code 2."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.devices.stand_in import RunningPlc, launch_cdu_plc


@pytest.fixture(scope="module")
def plc() -> Iterator[RunningPlc]:
    with launch_cdu_plc(prefer="python") as running:
        yield running


@pytest.fixture
def configs(tmp_path: Path, root: Path) -> Path:
    return Path(shutil.copytree(root / "configs", tmp_path / "configs"))


def line_of(path: Path, text: str) -> int:
    return next(n for n, row in enumerate(path.read_text().splitlines(), start=1) if row.startswith(text))


def run(configs: Path, *overrides: str) -> list[dict[str, object]]:
    """Run the rig through the command; gives the problems it told, after checking how it ended."""
    command = [
        sys.executable,
        "-m",
        "hil",
        "run",
        str(configs / "rigs" / "cdu_plc_io.yaml"),
        "--duration",
        "2",
    ]
    for override in overrides:
        command += ["--set", override]
    out = configs.parent / "runs"
    done = subprocess.run(
        [*command, "--out", str(out), "--json"], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists(), "nothing ran, so nothing is left behind"
    problems: list[dict[str, object]] = json.loads(done.stdout)["problems"]
    for problem in problems:
        assert str(problem["what"]) in done.stderr
    return problems


def test_port_closed(configs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    rig = configs / "rigs" / "cdu_plc_io.yaml"
    (problem,) = run(configs, f"devices.plc.port={port}")
    assert (problem["file"], problem["line"]) == (str(rig), line_of(rig, "  plc:"))
    assert problem["what"] == f'device "plc" at 127.0.0.1:{port}: nothing listens on 127.0.0.1:{port}'
    assert "start it, or correct host and port" in str(problem["hint"])


def test_unknown_host(configs: Path) -> None:
    (problem,) = run(
        configs,
        "devices.plc.host=plc.invalid",
        "devices.plc.write=[]",
        "devices.plc.heartbeat=null",
        "latency=null",
    )
    assert 'unknown host "plc.invalid"' in str(problem["what"])
    assert "IP address" in str(problem["hint"])


def test_wrong_unit_id(configs: Path, plc: RunningPlc) -> None:
    points = configs / "points" / "cdu_plc.csv"
    rows = [",".join((row.split(",")[0], "7", *row.split(",")[2:])) if n else row
            for n, row in enumerate(points.read_text().splitlines())]  # fmt: skip
    points.write_text("\n".join(rows))
    (problem,) = run(configs, f"devices.plc.port={plc.port}")
    assert problem["file"] == str(configs / "rigs" / "cdu_plc_io.yaml")
    assert "unit id 7" in str(problem["what"])
    assert "cdu_plc.csv:" in str(problem["what"]), "the point that was asked for, with its line"
    assert "correct unit_id in" in str(problem["hint"])
    assert "unit id 1" in str(problem["hint"])


def test_the_plc_refuses_an_address(configs: Path, plc: RunningPlc) -> None:
    points = configs / "points" / "cdu_plc.csv"
    text = points.read_text()
    assert "tcs_flow_l_min,1,input_register,4," in text
    points.write_text(
        text.replace("tcs_flow_l_min,1,input_register,4,", "tcs_flow_l_min,1,input_register,400,")
    )
    (problem,) = run(configs, f"devices.plc.port={plc.port}")
    assert (problem["file"], problem["line"]) == (str(points), line_of(points, "tcs_flow_l_min"))
    assert 'refuses "tcs_flow_l_min" (input_register 400, unit id 1)' in str(problem["what"])
    assert "address" in str(problem["what"]) + str(problem["hint"])


def test_a_list_that_counts_from_one(configs: Path, plc: RunningPlc) -> None:
    points = configs / "points" / "cdu_plc.csv"
    text = points.read_text()
    assert "plc_remote,1,input_register,8," in text
    points.write_text(
        text.replace("plc_remote,1,input_register,8,", "plc_remote,1,input_register,9,")
        .replace("plc_failsafe,1,input_register,8,", "plc_failsafe,1,input_register,9,")
    )  # fmt: skip
    problems = run(configs, f"devices.plc.port={plc.port}")
    assert [problem["line"] for problem in problems] == [
        line_of(points, "plc_remote"),
        line_of(points, "plc_failsafe"),
    ]
    assert any("8 answers" in str(problem["hint"]) for problem in problems)


def test_something_that_is_no_modbus_device(configs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = (
            "import socket, sys\n"
            "listener = socket.socket(fileno=int(sys.argv[1]))\n"
            "connection, _ = listener.accept()\n"
            "connection.recv(100)\n"
            "connection.sendall(b'HTTP/1.0 400 Bad Request\\r\\n\\r\\n')\n"
            "connection.recv(100)\n"
        )
        far = subprocess.Popen([sys.executable, "-c", code, str(server.fileno())], pass_fds=[server.fileno()])
        try:
            (problem,) = run(configs, f"devices.plc.port={port}")
        finally:
            far.kill()
            far.wait()
    assert "does not speak Modbus TCP" in str(problem["what"])
    assert "check host and port" in str(problem["hint"])
