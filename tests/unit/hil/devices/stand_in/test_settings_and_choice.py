from pathlib import Path

import pytest

from hil.config.points import PointList, load_points
from hil.devices.stand_in import CduPlcSettings, choose_behaviour
from hil.devices.stand_in.launch import build_c_stub
from hil.errors import ConfigError

POINTS_FILE = Path(__file__).parents[5] / "configs" / "points" / "cdu_plc.csv"


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
