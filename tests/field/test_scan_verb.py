"""``hil scan`` as a user runs it: over TCP and on a serial line, with somebody there and with nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from firmware_bench import Stub, build
from misbehaving_server import MisbehavingServer
from rtu_bench import Socat

from hil.cli.scan import _how_long
from hil.config.points import load_points

needs_stubs = pytest.mark.needs("gcc", "libmodbus")


def scan(*arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "hil", "scan", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@needs_stubs
def test_units_behind_a_host_the_list_that_fits_and_a_draft(tmp_path: Path) -> None:
    out = tmp_path / "drafted.csv"
    with Stub(build("vfd"), "--units", "1,5") as stub:
        code, found, _ = scan(
            f"127.0.0.1:{stub.port}", "--units", "1-6", "--registers", "3190-3220", "--out", out
        )
        written = [stub.word(8501, unit) for unit in (1, 5)]
    assert code == 0
    assert [unit["unit_id"] for unit in found["units"]] == [1, 5]
    for unit in found["units"]:
        fit = next(fit for fit in unit["lists"] if fit["file"].endswith("altivar.csv"))
        assert fit["points"] == fit["answered"] == fit["plausible"]
    points = load_points(out).points
    assert {(point.unit_id, point.address) for point in points} >= {(1, 3201), (5, 3202)}
    assert {point.access for point in points} == {"r"}
    assert written == [0, 0]


@needs_stubs
def test_where_nothing_is_drafted_it_is_said_that_the_file_was_not_written_and_why(tmp_path: Path) -> None:
    out = tmp_path / "drafted.csv"
    with Stub(build("vfd"), "--units", "1") as stub:
        code, _, err = scan(f"127.0.0.1:{stub.port}", "--units", "1", "--out", out)
    assert code == 0
    assert "was not written: no unit has SunSpec" in " ".join(err.split())
    assert not out.exists()


@needs_stubs
@pytest.mark.needs("socat")
def test_units_on_a_serial_line(tmp_path: Path) -> None:
    with (
        Socat(tmp_path) as line,
        Stub(build("valve_actuator"), "--units", "2,4", "--pace", "none", device=line.theirs) as stub,
    ):
        code, found, err = scan(line.ours, "--units", "1-5", "--timeout", "1.5")
        assert stub.process.poll() is None
    assert code == 0, err
    assert [unit["unit_id"] for unit in found["units"]] == [2, 4]
    fit = next(fit for fit in found["units"][0]["lists"] if fit["file"].endswith("belimo_energy_valve.csv"))
    assert fit["answered"] == fit["points"]


def test_what_a_list_cannot_hold_is_left_out_with_the_reason_and_the_rest_is_drafted(tmp_path: Path) -> None:
    out = tmp_path / "drafted.csv"
    with MisbehavingServer() as server:
        modules = (
            8  # from the seventh on, its numbers lie further from their powers of ten than a request reaches
        )
        head = [0x5375, 0x6E53, 160, 8 + 20 * modules]
        server.registers[40000 : 40000 + len(head)] = head
        server.registers[40000 + 12 + 20 * modules] = 0xFFFF
        code, found, err = scan(f"127.0.0.1:{server.port}", "--units", "1", "--out", out)
    assert code == 0, err
    assert found["units"][0]["sunspec_models"] == [{"id": 160, "address": 40002, "length": 168}]
    assert len(found["left_out"]) == 8
    assert "160.module[7].DCA and its power of ten lie 138 registers apart" in found["left_out"][0]
    assert out.read_text().count("# Left out: unit id 1: 160.module[") == 8
    assert len(load_points(out).points) == found["drafted_points"] > 60


def test_replies_that_are_none_are_told_and_nothing_is_made_of_them() -> None:
    with MisbehavingServer() as server:
        server.mode = "other_unit"
        code, found, err = scan(f"127.0.0.1:{server.port}", "--units", "1")
        assert (code, found["units"]) == (1, [])
        assert "2; it answers as unit id 2 where 1 was asked" in " ".join(err.split())
        server.mode = "short"
        server.registers[5] = 77
        code, found, err = scan(f"127.0.0.1:{server.port}", "--units", "1", "--registers", "5-7")
    assert (code, found["drafted_points"]) == (0, 3)
    assert "wrong replies, none of which was believed" in err
    assert "Traceback" not in err


def test_nobody_and_nothing() -> None:
    code, _, err = scan("127.0.0.1:1")
    assert code == 2
    assert "nothing listens on 127.0.0.1:1" in err
    code, _, err = scan("/dev/ttyUSB99")
    assert code == 2
    assert "there is no port /dev/ttyUSB99" in err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--units", "3-9x"), "'3-9x' is no number"),
        (("--units", "300"), "300 is outside 0 to 255"),
        (("--registers", "9"), "is no range of addresses"),
    ],
)
def test_options_that_cannot_be(options: tuple[str, ...], what: str) -> None:
    code, _, err = scan("127.0.0.1:1", *options)
    assert code == 2
    assert what in err


def test_how_long_a_silent_bus_takes_is_said_beforehand() -> None:
    told = _how_long("/dev/ttyUSB0", 247, 0.3)
    assert told == (
        "/dev/ttyUSB0: asking 247 unit ids, 0.6 s for each that is silent, 158 s if all are; "
        "--units and --timeout make it shorter"
    )
