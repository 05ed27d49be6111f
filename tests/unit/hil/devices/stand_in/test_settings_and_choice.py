import os
import shutil
from pathlib import Path

import pytest

from hil.config.points import PointList, load_points
from hil.devices.stand_in import CduPlcSettings, choose_behaviour
from hil.devices.stand_in.launch import build_c_stub
from hil.errors import ConfigError

ROOT = Path(__file__).parents[5]
POINTS_FILE = ROOT / "configs" / "points" / "cdu_plc.csv"
NO_COMPILER = """\
#!/bin/sh
if [ "$1" = rcs ]; then : >"$2"; fi
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then : >"$2"; fi
    shift
done
"""
"""Stands for compiler and archiver: makes what it is asked for, empty."""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stroke_s": 0.0}, "--stroke-s 0: expected 0.1 to 600 s"),
        ({"failsafe_valve": 100.5}, "--failsafe-valve 100.5: expected 0 to 100 %"),
        ({"watchdog_s": float("nan")}, "--watchdog-s nan"),
        ({"failsafe_pump": 10.0}, "--failsafe-pump 10 is outside --pump-min 20 to --pump-max 100"),
        ({"start_mode": "remote"}, "--start-mode remote: expected remote-allowed or local"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        CduPlcSettings(**settings)


def test_arguments_are_those_of_the_c_stub() -> None:
    arguments = CduPlcSettings(stroke_s=12.5).arguments()
    assert arguments[arguments.index("--stroke-s") + 1] == "12.5"
    assert arguments[arguments.index("--start-mode") + 1] == "remote-allowed"


def test_auto_takes_the_program_for_a_whole_list_only() -> None:
    whole = load_points(POINTS_FILE)
    part = PointList("part.csv", whole.points[:-1])
    assert choose_behaviour(whole) == "cdu_plc"
    assert choose_behaviour(whole, "registers") == "registers"
    assert choose_behaviour(part) == "registers"
    with pytest.raises(ConfigError, match=r"part\.csv: .*1 signals.*bench_pump_trip"):
        choose_behaviour(part, "cdu_plc")
    with pytest.raises(ConfigError, match="registers"):
        choose_behaviour(whole, "register")


def test_a_stub_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    assert build_c_stub(tmp_path / "nowhere").executable is None
    (tmp_path / "Makefile").write_text("all:\n\t@echo 'modbus/modbus.h: error: no such file' >&2; exit 1\n")
    build = build_c_stub(tmp_path)
    assert build.executable is None
    assert "install" in build.why


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("main.c:1: fatal error: modbus/modbus.h: No such file\n", "libmodbus is not installed"),
        ("ld: cannot find -lmodbus\ncollect2: error: ld returned 1", "libmodbus is not installed"),
        ("warning: x\nplc.c:7: error: 'y' undeclared", "does not compile: plc.c:7: error: 'y' undeclared"),
        ("make: *** No rule to make target 'z'.  Stop.", "No rule to make target 'z'"),
        ("cannot start\nso it ends\n", "does not compile: cannot start"),
    ],
)
def test_what_make_tells_is_passed_on(tmp_path: Path, told: str, why: str) -> None:
    (tmp_path / "told").write_text(told)
    (tmp_path / "Makefile").write_text("all:\n\t@cat told >&2; exit 1\n")
    assert why in build_c_stub(tmp_path).why


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed: apt-get install make")
def test_a_checkout_in_a_folder_with_spaces_builds_the_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(NO_COMPILER)
    compiler.chmod(0o755)
    monkeypatch.setenv(
        "PATH", str(tmp_path), prepend=os.pathsep
    )  # where no compiler is installed, this one is
    for variable in ("CC", "AR"):
        monkeypatch.setenv(variable, str(compiler))
    checkout = tmp_path / "my checkout"
    for name in ("common", "cdu_plc"):
        shutil.copytree(
            ROOT / "firmware_stubs" / name, checkout / name, ignore=shutil.ignore_patterns("build")
        )
    build = build_c_stub(checkout / "cdu_plc")
    assert build.executable is not None, build.why
    assert build.executable.is_file()
