"""The real-time set-up against the real system: what is granted is held, refused in words, and given back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_rig as sr

from hil.errors import ConfigError
from hil.loop.clock import WallClock
from hil.loop.realtime import RealTime, RealTimeSettings, be_ordinary
from hil.rig import load_rig

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at what Linux granted")

PERIOD_NS = 1_000_000
EVERYTHING = "priority=40, cpu=min(os.sched_getaffinity(0)), lock_memory=True, wait='spin'"


def has_root() -> bool:
    return os.geteuid() == 0


def in_a_process(program: str) -> dict[str, object]:
    """Run a program that prints JSON: what it asks of the system stays with it."""
    head = (
        "import json, os, resource\n"
        "from hil.loop.realtime import RealTime, RealTimeSettings, be_ordinary\n"
        "def status(key):\n"
        "    return int(open('/proc/self/status').read().split(key + ':')[1].split()[0])\n"
        "def held():\n"
        "    return {'class': os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK,\n"
        "            'cpus': len(os.sched_getaffinity(0)), 'files': len(os.listdir('/proc/self/fd')),\n"
        "            'locked_kb': status('VmLck'), 'stack_kb': status('VmStk'),\n"
        "            'slack': int(open('/proc/self/timerslack_ns').read())}\n"
        f"settings = RealTimeSettings({EVERYTHING})\n"
    )
    command = [sys.executable, "-c", head + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.skipif(not has_root(), reason="root is granted all of it; the refusals are tested below")
def test_everything_granted_is_held_inside_and_given_back() -> None:
    found = in_a_process(
        "before = held()\n"
        "with RealTime(settings, 10**6) as asked:\n"
        "    inside = held()\n"
        "print(json.dumps({'before': before, 'inside': inside, 'after': held(),\n"
        "                  'refused': [g.line for g in asked.grants if not g.granted]}))"
    )
    assert found["refused"] == []
    before, inside, after = found["before"], found["inside"], found["after"]
    assert isinstance(before, dict)
    assert isinstance(inside, dict)
    assert isinstance(after, dict)
    assert inside["class"] == os.SCHED_FIFO
    assert inside["cpus"] == 1
    assert inside["locked_kb"] > 1000
    assert inside["stack_kb"] >= 128
    assert inside["files"] == before["files"] + 1, "the wish for the idle state lives as long as its file"
    for key in ("class", "cpus", "locked_kb", "files", "slack"):
        assert after[key] == before[key]


def test_refused_each_is_one_line_that_says_what_is_lost_and_how_to_grant_it_and_nothing_ends() -> None:
    found = in_a_process(
        "import hil.loop.realtime_linux  # while its file may be read\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))\n"
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "if os.geteuid() == 0:\n"
        "    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "settings = RealTimeSettings(priority=40, cpu=4000, lock_memory=True)\n"
        "with RealTime(settings, 10**6) as asked:\n"
        "    inside = os.sched_getscheduler(0)\n"
        "print(json.dumps({'lines': {g.asked: [g.granted, g.line] for g in asked.grants}, 'inside': inside}))"
    )
    lines = found["lines"]
    assert isinstance(lines, dict)
    hints = {
        "memory locked": ("wait for the disk", "memlock unlimited", "cap_ipc_lock"),
        "processor 4000": ("caches cold", "taskset"),
        "SCHED_FIFO priority 40": ("may delay a cycle", "rtprio 40", "limits.d", "setcap cap_sys_nice"),
        "CPU DMA latency 0": ("deep idle", "udev rule"),
    }
    for asked, words in hints.items():
        granted, line = lines[asked]
        assert not granted
        assert "\n" not in line
        assert all(word in line for word in ("refused", *words)), line
    assert lines["timer slack 1 ns"][0], "which needs no permission"
    assert found["inside"] == os.SCHED_OTHER


@pytest.mark.skipif(not has_root(), reason="needs SCHED_FIFO to see that it is not inherited")
def test_a_child_started_inside_is_ordinary() -> None:
    found = in_a_process(
        "import subprocess, sys\n"
        "child = '''import json, os\n"
        "from hil.loop.realtime import be_ordinary\n"
        "first = os.sched_getscheduler(0)\n"
        "be_ordinary()\n"
        "print(json.dumps([first, len(os.sched_getaffinity(0)), int(open('/proc/self/timerslack_ns').read()),\n"
        "    int(open('/proc/self/status').read().split('VmLck:')[1].split()[0])]))'''\n"
        "with RealTime(settings, 10**6):\n"
        "    out = subprocess.run([sys.executable, '-c', child], capture_output=True, text=True, check=True).stdout\n"
        "print(json.dumps({'child': json.loads(out)}))"
    )
    assert found["child"] == [os.SCHED_OTHER, os.cpu_count(), 50_000, 0]


def test_a_run_records_what_it_was_granted_and_its_recorder_is_ordinary(tmp_path: Path) -> None:
    rig = sr.write_rig(tmp_path, period_s=0.01, duration_s=4.0)
    rig.write_text(rig.read_text() + "realtime: {priority: 30, cpu: 4000, lock_memory: true, wait: spin}\n")
    process = sr.start("run", rig, "--out", tmp_path / "runs", "--json")
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for(lambda: sr.recorded_to_s(folder) > 0.5, "the first rows")
    family = [child for parent in (process.pid, *sr.children(process.pid)) for child in sr.children(parent)]
    assert family
    assert {os.sched_getscheduler(child) for child in family} == {os.SCHED_OTHER}
    if has_root():
        assert os.sched_getscheduler(process.pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "real time processor 4000: refused" in err
    told = json.loads(out)["realtime"]
    assert told == json.loads((folder / "run.json").read_text())["realtime"]
    assert {grant["asked"]: grant["granted"] for grant in told}["processor 4000"] is False
    events = [event for event in sr.events(folder) if event["kind"] == "realtime"]
    assert [event["text"] for event in events] == [grant["line"] for grant in told]


@pytest.mark.parametrize(("period_s", "granted"), [(0.01, True), (0.001, False)])
def test_a_rehearsal_is_told_and_refused_where_the_period_leaves_no_time(
    tmp_path: Path, period_s: float, granted: bool
) -> None:
    rig = sr.write_rig(tmp_path, period_s=period_s, duration_s=0.5)
    rig.write_text(rig.read_text() + "realtime: {rehearse: true}\n")
    process = sr.start("run", rig, "--out", tmp_path / "runs", "--json")
    out, err = process.communicate(timeout=60)
    told = {grant["asked"]: grant for grant in json.loads(out)["realtime"]}["rehearsal"]
    assert told["granted"] is granted
    assert ("Take it from 1600 us on" in err) is not granted


def test_spinning_wakes_at_the_deadline_and_the_margin_is_never_over_half_the_period() -> None:
    with RealTime(RealTimeSettings(wait="spin", spin_margin_us=400.0), PERIOD_NS) as asked:
        assert asked.spin_ns == 400_000
        assert "as set" in asked.grants[-1].line
        # The first of a few runs in which nobody else took the processor from half of the waits.
        for _ in range(60):
            clock = WallClock(asked.spin_ns)
            late = sorted(clock.wait_until(at) - at for at in range(PERIOD_NS, 200 * PERIOD_NS, PERIOD_NS))
            assert late[0] >= 0
            if late[len(late) // 2] < 20_000:
                break
    assert late[len(late) // 2] < 20_000, "not even a system call lies between the deadline and the return"
    with RealTime(RealTimeSettings(wait="spin", spin_margin_us=800.0), PERIOD_NS) as asked:
        assert asked.spin_ns == PERIOD_NS // 2
        assert "cut to half the period" in asked.grants[-1].line
    with RealTime(RealTimeSettings(wait="spin"), 100 * PERIOD_NS) as asked:
        assert 100_000 <= asked.spin_ns <= 5_000_000
        assert "as measured" in asked.grants[-1].line


def test_being_ordinary_where_nothing_is_special_changes_nothing_but_the_slack() -> None:
    before = os.sched_getscheduler(0), os.sched_getaffinity(0)
    be_ordinary()
    assert (os.sched_getscheduler(0), os.sched_getaffinity(0)) == before


@pytest.mark.parametrize(
    ("wishes", "what"),
    [
        ("{wait: spin, spin_margin_us: 600}", "spin_margin_us 600 is more than half the period of 1000 us"),
        ("{spin_margin_us: 60}", "spin_margin_us 60 has no use where the loop waits by block"),
        ("{prority: 80}", "unknown key 'prority'"),
    ],
)
def test_a_wish_that_makes_no_sense_is_told_with_its_line(tmp_path: Path, wishes: str, what: str) -> None:
    rig = sr.write_rig(tmp_path, period_s=0.001, duration_s=1.0)
    line = len(rig.read_text().splitlines()) + 1
    rig.write_text(rig.read_text() + f"realtime: {wishes}\n")
    with pytest.raises(ConfigError) as caught:
        load_rig(rig)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(rig), line)
    assert what in problem.what


@pytest.mark.parametrize(
    ("clock", "wishes", "what"),
    [
        ("virtual", "{priority: 50}", "realtime has no effect on the virtual clock"),
        ("wall", "{cpu: 4000}", "processor 4000 is not on this machine"),
        ("wall", "{rehearse: true}", "too much of a period of 1000 us"),
    ],
)
def test_a_wish_without_effect_is_told_before_the_run(
    tmp_path: Path, clock: str, wishes: str, what: str
) -> None:
    path = sr.write_rig(tmp_path, clock=clock, period_s=0.001)
    path.write_text(path.read_text() + f"realtime: {wishes}\n")
    warnings = [str(problem.what) for problem in load_rig(path).warnings]
    assert any(what in text for text in warnings), warnings
