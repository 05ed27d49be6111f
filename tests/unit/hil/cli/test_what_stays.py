"""What a verb leaves of files that were there, and says of those that it could not write."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import hil.bench
from hil.cli import app
from hil.cli.run import show
from hil.errors import DeviceError, Problem


def test_a_benchmark_that_fails_leaves_the_files_of_the_last_one_and_no_empty_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise DeviceError(Problem("", None, "no PLC could be started"))

    monkeypatch.setattr(hil.bench, "run_bench", fail)
    (tmp_path / "bench.json").write_text("the last one")
    asked = ["--json", str(tmp_path / "bench.json"), "--html", str(tmp_path / "bench.html")]
    monkeypatch.setattr(sys, "argv", ["hil", "bench", *asked])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 2
    assert (tmp_path / "bench.json").read_text() == "the last one"
    assert not (tmp_path / "bench.html").exists()


def test_a_report_that_was_not_written_is_not_pointed_to(capsys: pytest.CaptureFixture[str]) -> None:
    end = SimpleNamespace(simulated_s=1.0, cycles=10, stop="end", reason="the duration is over")
    show(SimpleNamespace(report=None, end=end, wall_s=1.0, run_dir=Path("runs/x")))
    shown = capsys.readouterr().out
    assert "report.html" not in shown
    assert "run folder: runs/x" in shown
