"""A drive by typed commands through ``hil run``, against the C stub of an Altivar: started, tripped, reset, stopped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from firmware_bench import GENEROUS_S, Stub, build

from hil.devices.drives import DriveState
from hil.errors import ConfigError
from hil.rig import load_rig

ETA, RFR, CMD, ACC, FAULT_NOW, BENCH_FAULT = 3201, 3202, 8501, 9001, 8606, 61001

RIG = """\
rig: drive
clock: wall
period_s: 0.05
duration_s: {duration_s}
overrun: {{policy: skip}}
signals:
  pump_run: {{unit: bool, range: [0, 1], failsafe: 0}}
  pump_reset: {{unit: bool, range: [0, 1], failsafe: 0}}
  pump_state: {{unit: "1", range: [0, 8]}}
  pump_drive_status_word: {{unit: "1", range: [0, 65535], max_age_s: {age_s}}}
  pump_drive_output_frequency_hz: {{unit: Hz, range: [-100, 100], max_age_s: {age_s}}}
  pump_drive_speed_reference_hz: {{unit: Hz, range: [0, 50], failsafe: 0}}
  pump_drive_command_word: {{unit: "1", range: [0, 65535], failsafe: {failsafe}{limits}}}
sources:
  pump_run: {{type: step, before: 0, steps: [{{at_s: 0.5, level: 1}}, {{at_s: 11, level: 0}}, {{at_s: 13, level: 1}}]}}
  pump_reset: {{type: step, before: 0, steps: [{{at_s: 9, level: 1}}, {{at_s: 10, level: 0}}]}}
  pump_drive_speed_reference_hz: 30
devices:
  drive:
    type: modbus_tcp
    host: 127.0.0.1
    port: {port}
    points: {points}
    prefix: pump_
    read: [pump_drive_status_word, pump_drive_output_frequency_hz]
    write: [pump_drive_command_word, pump_drive_speed_reference_hz]
drives:
  pump:
    profile: cia402
    status_word: pump_drive_status_word
    command_word: pump_drive_command_word
    run: pump_run
    reset: pump_reset
    state: pump_state
{more}"""


def write_rig(
    folder: Path, root: Path, port: int, failsafe: str = "6", limits: str = "", more: str = "", age_s: float = 1,
    duration_s: float = 10,
) -> Path:  # fmt: skip
    path = folder / "drive.yaml"
    points = root / "configs" / "points" / "altivar.csv"
    path.write_text(
        RIG.format(
            port=port,
            points=points,
            failsafe=failsafe,
            limits=limits,
            more=more,
            age_s=age_s,
            duration_s=duration_s,
        )
    )
    return path


@contextmanager
def running(rig: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    """Give ``hil run`` of a rig as a process that does not outlive its test."""
    command = [sys.executable, "-m", "hil", "run", rig, "--json", "--out", out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            if run.poll() is None:
                run.kill()


def wait_until(what: str, is_so: object) -> None:
    deadline = time.monotonic() + 3 * GENEROUS_S
    while not is_so():  # type: ignore[operator]  # a plain callable
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.needs("gcc", "libmodbus")
def test_started_tripped_reset_and_left_stopped(root: Path, tmp_path: Path) -> None:
    with (
        Stub(build("vfd")) as stub,
        running(write_rig(tmp_path, root, stub.port, age_s=3, duration_s=15), tmp_path / "runs") as run,
    ):
        stub.put(ACC, 5)
        wait_until("the drive runs", lambda: stub.word(ETA) & 0x6F == 0x27 and stub.signed(RFR) > 100)
        stub.put(BENCH_FAULT, 8)
        wait_until("the drive has tripped", lambda: stub.word(ETA) & 0x4F == 0x08)
        stub.put(BENCH_FAULT, 0)
        out, _ = run.communicate(timeout=120)
        folder = Path(json.loads(out)["run_dir"])
        wait_until("the drive has been left stopped", lambda: stub.word(ETA) & 0x6F in (0x21, 0x40))
    trend = pq.read_table(folder / "trend.parquet")
    states = [DriveState(int(state)).name for state, _ in groupby(trend["pump_state"].to_pylist())]
    stable = [state for state in states if state in ("RUNNING", "FAULT")]
    # Reset at 9 s while the run command stood: nothing ran before it had gone and come back.
    assert [state for state, _ in groupby(stable)] == ["RUNNING", "FAULT", "RUNNING"]
    words = {int(word) for word in trend["pump_drive_command_word"].to_pylist()}
    assert {0x06, 0x07, 0x0F, 0x80} <= words <= {0x00, 0x02, 0x06, 0x07, 0x0F, 0x80}
    counters = json.loads((folder / "run.json").read_text())["counters"]["drives.pump"]
    expected = {"starts": 2, "faults": 1, "resets": 1, "starts_withheld": 1}
    assert {name: counters[name] for name in expected} == expected
    told = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    texts = [event["text"] for event in told]
    assert "fault" in texts
    assert any("take the run command away" in text for text in texts)


@pytest.mark.needs("gcc", "libmodbus")
def test_replies_that_are_lost_for_a_while_stop_no_drive(root: Path, tmp_path: Path) -> None:
    with Stub(build("vfd")) as stub:
        stub.put(ACC, 5)
        rig = write_rig(tmp_path, root, stub.port, age_s=2)
        always = "pump_run: {type: step, before: 0, steps: [{at_s: 0.5, level: 1}]}"
        rig.write_text(re.sub(r"  pump_run: {type.*", "  " + always, rig.read_text()))
        with running(rig, tmp_path / "runs") as run:
            wait_until("the drive runs", lambda: stub.word(ETA) & 0x6F == 0x27 and stub.signed(RFR) > 250)
            # Long enough for STALE, far short of BAD: three times the maximum age of 2 s.
            stub.ok("misbehave 1 silent count=always scope=reads")
            time.sleep(2.4)
            stub.ok("misbehave 1 off")
            seen = set()
            end = time.monotonic() + 2.0
            while time.monotonic() < end:
                seen.add(stub.word(ETA) & 0x6F)
                time.sleep(0.02)
            out, _ = run.communicate(timeout=120)
    assert seen == {0x27}, "the drive ran on"
    folder = Path(json.loads(out)["run_dir"])
    counters = json.loads((folder / "run.json").read_text())["counters"]["drives.pump"]
    assert counters["status_lost"] >= 1
    assert counters["starts_withheld"] == 0


@pytest.mark.parametrize(
    ("failsafe", "limits", "what"),
    [
        ("5", "", "the failsafe 5, which is no word of cia402"),
        ("6", ", rate_up_per_s: 10", "a rate limit would send words that mean something else"),
    ],
)
def test_limits_that_would_change_a_control_word_are_refused(
    root: Path, tmp_path: Path, failsafe: str, limits: str, what: str
) -> None:
    path = write_rig(tmp_path, root, 502, failsafe, limits)
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    assert what in str(caught.value)
    assert f"{path}:" in str(caught.value)


def test_how_long_a_word_is_held_is_judged_by_the_drives_own_time_out(root: Path, tmp_path: Path) -> None:
    path = write_rig(tmp_path, root, 502)
    (warning,) = load_rig(path).warnings
    assert "drive pump: while pump_drive_status_word is STALE, for up to 3 s, the last word" in str(warning)
    assert "bus_timeout_s" in str(warning)
    path = write_rig(tmp_path, root, 502, more="    bus_timeout_s: 2\n")
    assert load_rig(path).warnings == ()
    path = write_rig(tmp_path, root, 502, more="    bus_timeout_s: 1.2\n")
    with pytest.raises(ConfigError, match=r"is believed for 1 s .*after 1.2 s .*before 0.9 s") as caught:
        load_rig(path)
    assert f"{path}:10" in str(caught.value)
