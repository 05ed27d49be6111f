"""ABB Drives and FC drives through ``hil run``, against the C stub in their profile: started, cut off, found again.

Run and reset come from another device, whose registers the test sets, so that nothing hangs on the time of day.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import firmware_bench as fb
import pyarrow.parquet as pq
import pytest
from rtu_bench import Socat

from hil.devices.drives import DriveState

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

PANEL_RUN, PANEL_RESET = 204, 205
"""Registers of the CDU PLC stub that hold what is written to them: 0 or 1."""
SHAFT_RPM = 61003

PANEL = """signal,table,address_zero_based,type,unit,access,write
pump_run,holding_register,204,uint16,bool,r,never
pump_reset,holding_register,205,uint16,bool,r,never
"""
RIG = """\
rig: drive
clock: wall
period_s: 0.05
duration_s: 300
overrun: {{policy: skip}}
signals:
  pump_run: {{unit: bool, range: [0, 1], failsafe: 0, max_age_s: 5}}
  pump_reset: {{unit: bool, range: [0, 1], failsafe: 0, max_age_s: 5}}
  pump_state: {{unit: "1", range: [0, 8]}}
  pump_drive_status_word: {{unit: "1", range: [0, 65535], max_age_s: {max_age_s}}}
  pump_drive_actual_speed_percent: {{unit: "%", range: [-110, 110], max_age_s: {max_age_s}}}
  pump_drive_speed_reference_percent: {{unit: "%", range: [0, 100], failsafe: 0}}
  pump_drive_command_word: {{unit: "1", range: [0, 65535], failsafe: {stop}}}
sources:
  pump_drive_speed_reference_percent: 60
{buses}devices:
  panel: {{type: modbus_tcp, host: 127.0.0.1, port: {panel}, points: {panel_points}, read: [pump_run, pump_reset]}}
  drive:
{wire}
    points: {points}
    prefix: pump_
    read: [pump_drive_status_word, pump_drive_actual_speed_percent]
    write: [pump_drive_command_word, pump_drive_speed_reference_percent]
drives:
  pump:
    profile: {profile}
    bus_timeout_s: {timeout_s}
    status_word: pump_drive_status_word
    command_word: pump_drive_command_word
    run: pump_run
    reset: pump_reset
    state: pump_state
"""


@dataclass(frozen=True)
class Make:
    """One make of drive: its stub, its words, where its status lies, and how quickly it ramps there."""

    profile: str
    timeout_s: float
    """Its own time-out for its bus."""
    stub: str
    points: str
    status: int
    run: int
    stop: int
    reset: int
    ramps: dict[int, tuple[int, ...]]
    running: int
    """Bits of the status word that are set only while it runs."""


ABB = Make("abb_drives", 3.0, "vfd_acs580", "acs580.csv", 3, 0x047F, 0x047E, 0x04FE, {2871: (5, 5)}, 0x04)
FC = Make(
    "danfoss_fc",
    2.5,
    "vfd_fc102",
    "fc102.csv",
    50199,
    0x047C,
    0x043C,
    0x04BC,
    {3409: (0, 50), 3419: (0, 50)},
    0x800,
)


class Bench:
    """A run of ``hil`` with a drive and a panel."""

    def __init__(self, make: Make, drive: fb.Stub, panel: fb.Stub, run: subprocess.Popen[str]) -> None:
        self.make, self.drive, self.panel, self.process = make, drive, panel, run

    def ask(self, *, run: bool, reset: bool = False) -> None:
        """Set the panel, and have the rig look at it a few times."""
        self.panel.put(PANEL_RUN, int(run))
        self.panel.put(PANEL_RESET, int(reset))
        seen = self.looks()
        self.until("the rig looks at its panel", lambda: self.looks() > seen + 3)

    def looks(self) -> int:
        return int(self.panel.ok("counts")[0].partition("=")[2])

    def status(self) -> int:
        return self.drive.word(self.make.status)

    def is_running(self) -> bool:
        return bool(self.status() & self.make.running)

    def rpm(self) -> int:
        return self.drive.signed(SHAFT_RPM)

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 6 * fb.GENEROUS_S
        while not is_so():
            assert self.process.poll() is None, (what, self.process.communicate())
            assert time.monotonic() < deadline_s, (what, hex(self.status()), self.rpm())
            time.sleep(0.05)

    def stays(self, seconds: float, is_so: Callable[[], bool]) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            assert is_so(), (hex(self.status()), self.rpm())
            time.sleep(0.01)

    def end(self) -> Path:
        """Interrupt the run as a person would; gives its folder."""
        self.process.send_signal(signal.SIGINT)
        out, errors = self.process.communicate(timeout=6 * fb.GENEROUS_S)
        assert out, errors
        return Path(json.loads(out)["run_dir"])


@contextmanager
def bench(
    make: Make, folder: Path, *options: str, line: Socat | None = None, max_age_s: float = 0.5
) -> Iterator[Bench]:
    configs = Path(__file__).parents[2] / "configs" / "points"
    panel_points = folder / "panel.csv"
    panel_points.write_text(PANEL)
    with (
        fb.Stub(fb.build("cdu_plc")) as panel,
        fb.Stub(
            fb.build(make.stub),
            "--baud",
            "19200",
            "--timeout-s",
            str(make.timeout_s),
            *options,
            device=line and line.theirs,
            tcp=line is None,
        ) as drive,
    ):
        for address, words in make.ramps.items():
            drive.put(address, *words)
        buses, wire = "", f"    type: modbus_tcp\n    host: 127.0.0.1\n    port: {drive.port}"
        if line is not None:
            buses = (
                f"buses:\n  cabinet: {{port: {line.ours}, baud: 19200, scan_s: 0.1, reply_timeout_s: 0.2}}\n"
            )
            wire = "    type: modbus_rtu\n    bus: cabinet"
        path = folder / "drive.yaml"
        path.write_text(
            RIG.format(
                max_age_s=max_age_s, stop=make.stop, timeout_s=make.timeout_s, buses=buses, panel=panel.port,
                panel_points=panel_points, wire=wire, points=configs / make.points, profile=make.profile,
            )
        )  # fmt: skip
        command = [sys.executable, "-m", "hil", "run", path, "--json", "--out", folder / "runs"]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield Bench(make, drive, panel, run)
        finally:
            if run.poll() is None:
                run.kill()
                run.communicate()


def start(bench: Bench) -> None:
    """Give the run command and have the drive at 60 % of its speed."""
    bench.ask(run=True)
    bench.until("the drive runs at 60 %", lambda: bench.is_running() and bench.rpm() > 850)


def told(folder: Path) -> list[str]:
    return [json.loads(line)["text"] for line in (folder / "events.jsonl").read_text().splitlines()]


def states(folder: Path) -> list[str]:
    trend = pq.read_table(folder / "trend.parquet")
    found = [DriveState(int(state)).name for state in trend["pump_state"].to_pylist()]
    return [name for name, _ in groupby(name for name in found if name in ("RUNNING", "FAULT", "READY"))]


def words_sent(folder: Path) -> set[int]:
    trend = pq.read_table(folder / "trend.parquet")
    return {int(word) for word in trend["pump_drive_command_word"].to_pylist()}


def words_unseen(folder: Path) -> set[tuple[int, int]]:
    """Give the control words while the drive's status was lost, one for each change, as pairs of one and the next."""
    trend = pq.read_table(folder / "trend.parquet")
    pairs = zip(trend["pump_state"].to_pylist(), trend["pump_drive_command_word"].to_pylist(), strict=True)
    words = [int(word) for state, word in pairs if int(state) == DriveState.UNKNOWN]
    return set(pairwise(word for word, _ in groupby(words)))


def drive_counts(folder: Path) -> dict[str, int]:
    counters: dict[str, int] = json.loads((folder / "run.json").read_text())["counters"]["drives.pump"]
    return counters


def test_an_acs580_that_trips_for_want_of_its_bus_is_not_started_by_its_return(tmp_path: Path) -> None:
    """Modbus TCP: both sides end in what they declare, and each step back is somebody's."""
    with bench(ABB, tmp_path, max_age_s=1.0) as here:
        start(here)
        here.drive.ok("misbehave 1 silent count=always")
        here.until("the drive has tripped", lambda: bool(here.status() & 0x08))
        assert here.drive.word(400) == 0x6681
        here.until("it coasts", lambda: here.rpm() < 500)
        here.ask(run=True)
        here.drive.ok("misbehave 1 off")
        here.until("the rig is back", lambda: here.drive.word(0) == ABB.stop)
        here.stays(0.6, lambda: not here.is_running())
        here.ask(run=True, reset=True)
        here.until("the fault is reset", lambda: not here.status() & 0x08)
        here.stays(0.6, lambda: not here.is_running())
        here.ask(run=False)
        here.ask(run=True)
        here.until("it runs again", lambda: here.is_running() and here.rpm() > 850)
        folder = here.end()
        assert here.drive.word(0) == ABB.stop
    assert [name for name in states(folder) if name != "READY"] == ["RUNNING", "FAULT", "RUNNING"]
    assert (ABB.run, ABB.stop) in words_unseen(folder), "held for a while, then the declared failsafe"
    assert words_sent(folder) == {ABB.run, ABB.stop, ABB.reset}
    counts = drive_counts(folder)
    assert [counts[name] for name in ("starts", "faults", "resets")] == [2, 1, 1]
    assert counts["status_lost"] >= 1
    assert any("take the run command away" in text for text in told(folder))


@pytest.mark.needs("socat")
def test_an_fc_drive_that_stops_for_want_of_its_bus_is_not_started_by_its_return(tmp_path: Path) -> None:
    """Modbus RTU, and the drive does not trip: the next run word would start it, so none may come.

    Its status is BAD only after 4.5 s, and its own time-out is 2.5 s: without ``bus_timeout_s`` it is started again.
    """
    options = ("--timeout-action", "stop")
    with Socat(tmp_path) as line, bench(FC, tmp_path, *options, line=line, max_age_s=1.5) as here:
        start(here)
        here.drive.ok("misbehave 1 silent count=always")
        here.until("the drive stands", lambda: here.rpm() == 0 or not here.is_running())
        here.drive.ok("misbehave 1 off")
        here.until("the rig is back", lambda: here.drive.word(49999) == FC.stop)
        here.stays(0.6, lambda: not here.is_running())
        here.ask(run=False)
        here.ask(run=True)
        here.until("it runs again", lambda: here.is_running() and here.rpm() > 850)
        folder = here.end()
        assert here.drive.word(49999) == FC.stop
    assert states(folder)[-3:] in (["RUNNING", "READY", "RUNNING"], ["READY", "RUNNING", "READY"])
    assert (FC.run, FC.stop) in words_unseen(folder)
    counts = drive_counts(folder)
    assert [counts[name] for name in ("starts", "faults", "starts_withheld")] == [2, 0, 1]
