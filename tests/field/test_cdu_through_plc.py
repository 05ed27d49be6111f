"""A CDU through the C stub of the PLC, on the wall clock: as in simulation, and through the loss of the PLC.

Both runs go on side by side, as a user would start them: half a minute each, or with COLDLOOP_LONG=1 a whole one.

The machine may take the processor from loop or PLC for some tenths of a second at any time. That is an overrun, or a
reply that comes too late; it is counted, it may even cost the connection for a moment, and the README has the figures
of a minute without it. Asserted is what holds in spite of it, and what only a loop that waits for its wires breaks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from hil.devices.stand_in import launch_cdu_plc
from hil.loop.image import BAD, GOOD, SUBSTITUTED

LONG = os.environ.get("COLDLOOP_LONG") == "1"
DURATION_S, KILL_S, RESTART_S = (60.0, 20.0, 30.0) if LONG else (32.0, 8.0, 15.0)
PERIOD_S = 0.1
READ_SHARE, WRITE_SHARE = 0.40, 0.30
"""Of the period: the budgets of a rig that sets none."""
SENSORS = ("tcs_supply_temp_degc", "rack_differential_pressure_kpa", "tcs_flow_l_min")

pytestmark = [pytest.mark.needs("gcc", "libmodbus"), pytest.mark.slow]


@dataclass
class Run:
    """What a finished run left behind."""

    result: dict[str, Any]
    columns: dict[str, np.ndarray]
    timing: dict[str, Any]
    counters: dict[str, Any]
    events: list[dict[str, Any]]
    folder: Path

    def at(self, name: str, t_s: float) -> float:
        """Value of a column in the last row not after ``t_s``."""
        return float(self.columns[name][np.searchsorted(self.columns["t_s"], t_s, side="right") - 1])

    def between(self, name: str, start_s: float, end_s: float) -> np.ndarray:
        """Values of a column from ``start_s`` to ``end_s``."""
        t_s = self.columns["t_s"]
        return self.columns[name][(t_s >= start_s) & (t_s < end_s)]


def hil_run(root: Path, rig: str, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "hil",
        "run",
        str(root / "configs" / "rigs" / rig),
        "--json",
        "--out",
        str(out),
    ]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str], timeout_s: float = 300.0) -> Run:
    stdout, _ = process.communicate(timeout=timeout_s)
    result = json.loads(stdout)
    folder = Path(result["run_dir"])
    table = pq.read_table(folder / "trend.parquet")
    return Run(
        result,
        {name: table[name].to_numpy() for name in table.column_names},
        json.loads((folder / "timing.json").read_text()),
        json.loads((folder / "run.json").read_text())["counters"],
        [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()],
        folder,
    )


def wait_for_loop(out: Path, at_s: float) -> None:
    """Wait until the loop's own time has come to ``at_s``, as its trend shows."""
    deadline = time.monotonic() + at_s + 180.0
    while time.monotonic() < deadline:
        streams = list(out.glob("*/trend.arrow"))
        # A row takes the same bytes each time, so the recorder's progress is the loop's, give or take a quarter second.
        if streams and _last_time_s(streams[0]) >= at_s:
            return
        time.sleep(0.2)
    pytest.fail(f"the loop did not come to {at_s} s")


def _last_time_s(stream: Path) -> float:
    from hil.report import read_run

    trend = read_run(stream.parent).trend
    return float(trend.t_s[-1]) if trend.t_s.size else -1.0


@pytest.fixture(scope="module")
def runs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    out = {name: tmp_path_factory.mktemp(name) for name in ("whole", "lost", "sil")}
    length = ("--duration", str(DURATION_S))
    whole_plc, lost_plc = launch_cdu_plc(prefer="c"), launch_cdu_plc(prefer="c")
    try:
        whole = hil_run(
            root, "cdu_plc_io.yaml", out["whole"], "--set", f"devices.plc.port={whole_plc.port}", *length
        )
        lost = hil_run(
            root, "cdu_plc_io.yaml", out["lost"], "--set", f"devices.plc.port={lost_plc.port}", *length
        )
        wait_for_loop(out["lost"], KILL_S)
        lost_plc.kill()
        wait_for_loop(out["lost"], RESTART_S)
        lost_plc = launch_cdu_plc(prefer="c", port=lost_plc.port)
        load = str(root / "configs" / "loads" / "training_pulses.yaml")
        sil = hil_run(
            root, "cdu_sil.yaml", out["sil"], "--load", load, "--set", f"period_s={PERIOD_S}", *length
        )
        return {"whole": finished(whole), "lost": finished(lost), "sil": finished(sil)}
    finally:
        whole_plc.stop()
        lost_plc.stop()


def check_grid_and_budgets(run: Run) -> None:
    """Phases keep their budgets and the run its pace but for what the machine takes: a loop that waits loses most."""
    phases, timing = run.timing["phases"], run.timing
    for phase, share in (("read", READ_SHARE), ("write", WRITE_SHARE)):
        assert phases[phase]["p50_us"] < 1e6 * PERIOD_S * share
    # A last cycle that is held up counts points of the grid after the end.
    planned = round(DURATION_S / PERIOD_S)
    assert planned <= timing["cycles"] + timing["skipped_periods"] <= planned + 3.0 / PERIOD_S
    assert timing["cycles"] > 0.5 * planned


def test_through_the_plc_nothing_is_missing_but_what_is_counted(runs: dict[str, Run]) -> None:
    run = runs["whole"]
    check_grid_and_budgets(run)
    counts = run.counters["devices"]
    assert counts["plc.late_replies"] <= counts["plc.timeouts"] <= 0.5 * counts["plc.requests"]
    assert counts["plc.writes_unacknowledged"] <= counts["plc.timeouts"]
    # The last write, in failsafe, has one of its own.
    assert 0.5 * run.timing["cycles"] <= counts["plc.heartbeats_sent"] <= run.timing["cycles"] + 1


def test_the_supply_temperature_is_where_the_simulation_puts_it(runs: dict[str, Run]) -> None:
    """Same plant, controllers and load; between them only the PLC's filter, rounding and a period of delay."""
    wired, simulated = runs["whole"].columns, runs["sil"].columns
    t_s = np.arange(1.0, DURATION_S - 1.0, 0.5)
    through_plc = np.interp(t_s, wired["t_s"][:-1], wired["bench_tcs_supply_temp_degc"][:-1])
    without = np.interp(t_s, simulated["t_s"], simulated["tcs_supply_temp_degc"])
    # Reached: 0.15 K and 0.05 K where neither side is held up.
    assert np.max(np.abs(through_plc - without)) < 1.0
    assert abs(through_plc[-20:].mean() - without[-20:].mean()) < 0.5


def test_the_loop_keeps_its_period_while_the_plc_is_gone(runs: dict[str, Run]) -> None:
    run = runs["lost"]
    check_grid_and_budgets(run)
    # A loop that waited for the PLC, or for a connection, would have a cycle a second or fewer.
    assert run.between("t_s", KILL_S + 1.0, RESTART_S).size > 0.3 * (RESTART_S - KILL_S - 1.0) / PERIOD_S


@pytest.mark.parametrize("signal", SENSORS)
def test_signals_go_stale_then_bad_then_good(runs: dict[str, Run], signal: str) -> None:
    run = runs["lost"]
    changes = [
        e["text"]
        for e in run.events
        if e["kind"] == "quality" and e["source"] == signal and e["t_s"] > KILL_S
    ]
    # The PLC itself, just started, reports its sensors as broken until the bench has written them.
    lost = next(place for place, text in enumerate(changes) if text.endswith("-> BAD"))
    # By way of STALE, unless the loop itself was held up for as long as that lasts.
    assert changes[lost] == "GOOD -> BAD" or changes[lost - 1 : lost + 1] == ["GOOD -> STALE", "STALE -> BAD"]
    assert "BAD -> GOOD" in changes[lost:]
    before = run.between(f"{signal}.quality", 3.0, KILL_S - 0.5)
    assert np.mean(before == GOOD) > 0.5
    assert BAD in run.columns[f"{signal}.quality"]


def test_outputs_hold_and_then_take_the_failsafe(runs: dict[str, Run]) -> None:
    run = runs["lost"]
    for name, failsafe in (("fws_valve_command_percent", 100.0), ("tcs_pump_speed_command_percent", 70.0)):
        lost = run.between(name, RESTART_S - 3.0, RESTART_S - 0.5)
        assert set(lost.tolist()) == {failsafe}
        assert set(run.between(f"{name}.quality", RESTART_S - 3.0, RESTART_S - 0.5).tolist()) == {SUBSTITUTED}


def test_reconnection_is_without_a_bump(runs: dict[str, Run]) -> None:
    """No command jumps from the failsafe on return, and the plant comes back to where it was."""
    run = runs["lost"]
    assert run.counters["devices"]["plc.reconnections"] >= 1
    for name, most_percent in (("fws_valve_command_percent", 0.5), ("tcs_pump_speed_command_percent", 1.0)):
        since = (RESTART_S - 0.5, DURATION_S - 1.0)
        moves = np.abs(np.diff(run.between(name, *since)))
        # Into the failsafe it may jump: where the machine held the PLC up for long once more.
        moves[run.between(f"{name}.quality", *since)[1:] == SUBSTITUTED] = 0.0
        # A cycle after skipped periods moves by as much as they would have.
        periods = np.maximum(np.diff(run.between("t_s", *since)) / PERIOD_S, 1.0)
        assert np.max(moves / periods) < most_percent
    end = (DURATION_S - 6.0, DURATION_S - 0.5)
    assert np.mean(run.between("plc_remote", *end)) > 0.5
    assert abs(np.median(run.between("rack_differential_pressure_kpa", *end)) - 350.0) < (
        10.0 if LONG else 25.0
    )


def test_the_report_shows_the_outage(runs: dict[str, Run]) -> None:
    run = runs["lost"]
    assert run.result["verdict"] == "not met"
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "STALE -&gt; BAD" in page or "STALE -> BAD" in page
    # From a value's age of half a second after the loss to the first connection after the return.
    not_good_s = run.result["kpis"]["signals"]["tcs_supply_temp_degc"]["not_good_s"]
    assert RESTART_S - KILL_S - 2.5 <= not_good_s <= RESTART_S - KILL_S + 14.0
