"""``hil check`` and ``hil signals`` as a user meets them: exit codes, streams, never a traceback."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from hil.cli import app


@pytest.fixture
def rig(tmp_path: Path, root: Path) -> Path:
    return Path(shutil.copytree(root / "configs", tmp_path / "configs")) / "rigs" / "cdu_sil.yaml"


def hil(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command with these arguments; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["hil", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


def test_a_good_rig(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path) -> None:
    assert hil(monkeypatch, "check", str(rig)) == 0
    out, err = capsys.readouterr()
    assert "cdu_sil.yaml: ok: 17 signals, 1 plants, 2 controllers, 0 devices" in out
    assert err == ""


def test_problems_go_to_stderr_with_their_places(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path
) -> None:
    text = rig.read_text()
    rig.write_text(
        text.replace("action: direct", "action: reverse").replace("gain_unit: 1/K", "gain_unit: 1/kPa")
    )
    assert hil(monkeypatch, "check", str(rig)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    rows = rig.read_text().splitlines()
    for mistake in ("1/kPa", "action: reverse"):
        line = next(n for n, row in enumerate(rows, start=1) if mistake in row)
        assert f"error {rig}:{line}: controller supply_temp: " in err
    assert "      action: direct" in err
    assert "      here it is %/K" in err


def test_square_brackets_in_a_message_are_not_eaten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path
) -> None:
    rig.write_text(rig.read_text().replace("range: [0, 2400]", "range: [2400, 0]"))
    assert hil(monkeypatch, "check", str(rig)) == 2
    err = capsys.readouterr().err
    assert "range [2400, 0] kW is inverted" in err
    assert "did you mean [0, 2400]?" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "{rig}x"), "file not found"),
        (("check", "{rig}", "--load", "nan"), "not a finite number"),
        (("check", "{rig}", "--set", "perod_s=1"), 'did you mean "period_s"?'),
        (("check", "{rig}", "--scenario", "{rig}"), "this file is a rig"),
        (("check",), "Missing argument"),
        (("chek",), "No such command"),
        (("signals", "{rig}x"), "file not found"),
        (("run", "{rig}", "--duration", "0"), "must be above 0"),
        (("run", "{rig}", "--duration", "nan"), "must be above 0"),
        (("run", "{rig}", "--duration", "long"), "--duration"),
        (("run", "{rig}", "--clock", "sundial"), "sundial"),
    ],
)
def test_bad_arguments_end_with_2_and_a_message(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rig: Path,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    assert hil(monkeypatch, *(argument.format(rig=rig) for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_warnings_do_not_forbid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path
) -> None:
    rig.write_text(rig.read_text().replace("load: rack", "  spare_kw: {unit: kW, range: [0, 1]}\nload: rack"))
    assert hil(monkeypatch, "check", str(rig)) == 0
    out, err = capsys.readouterr()
    assert "1 warnings" in out
    assert "spare_kw is declared and never used" in err


def test_warnings_of_margins_are_counted_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path
) -> None:
    assert hil(monkeypatch, "check", str(rig), "--set", "controllers.supply_temp.gain=3") == 0
    out, err = capsys.readouterr()
    assert "1 warnings" in out
    assert "unstable as sampled" in " ".join(err.split())
    assert err.count("warning") == 1


def test_a_section_that_the_rig_does_not_have_can_be_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path
) -> None:
    assert "latency:" not in rig.read_text()
    assert "realtime:" not in rig.read_text()
    settings = ("--set", "latency.overruns=0", "--set", "realtime.priority=80")
    assert hil(monkeypatch, "check", str(rig), *settings) == 0
    capsys.readouterr()
    assert hil(monkeypatch, "check", str(rig), "--set", "latency.overrun=0") == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "--set latency.overrun=0" in err
    assert 'did you mean "overruns"' in err


def test_signals(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rig: Path) -> None:
    assert hil(monkeypatch, "signals", str(rig)) == 0
    out = capsys.readouterr().out
    for signal in ("rack_heat_kw", "fws_valve_command_percent", "energy_residual_kw"):
        assert signal in out
    assert "controllers.supply_temp" in out
    assert "sources.rack_heat_kw" in out
    (row,) = [row for row in out.splitlines() if row.startswith(" fws_valve_command_percent ")]
    assert "0 … 100" in row
    assert "controllers.supply_temp" in row, "one line a signal, for grep"
