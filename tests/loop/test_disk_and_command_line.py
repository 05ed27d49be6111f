"""``hil run`` as a process: a disk that fills up, equal seeds, what goes to stdout, and who is asked first."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_rig as sr
from ruamel.yaml import YAML

from hil.report import build_report

pytestmark = pytest.mark.usefixtures("no_rings_left")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root; the same test with a limit on files runs everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def expect_full(
    done: subprocess.CompletedProcess[str], folder: Path, cycles: int, clock: str, reason: str
) -> None:
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["stop"] == "end", "the loop goes on to its end"
    # On the wall clock a busy machine makes it skip periods, and there is no room to write down how many.
    assert 0.3 * cycles < result["cycles"] <= cycles
    if clock == "virtual":
        assert result["cycles"] == cycles
    assert result["rows_lost"] > 0
    assert f"{result['rows_lost']} rows" in done.stderr
    assert reason in done.stderr
    parquet = folder / "trend.parquet"
    rows = pq.read_metadata(parquet).num_rows if parquet.exists() else len(sr.recorded(folder))
    assert rows + result["rows_lost"] == result["cycles"], "every row is on the disk or counted"


@pytest.mark.parametrize("clock", ["wall", "virtual"])
def test_a_disk_that_fills_up_costs_rows_that_are_counted_and_told(
    tmp_path: Path, tiny_disk: Path, clock: str
) -> None:
    duration_s = 2.0 if clock == "wall" else 400.0
    # So much is on the disk already that a few batches fit and no more.
    (tiny_disk / "ballast").write_bytes(bytes((256 - 8) * 1024 if clock == "wall" else 100 * 1024))
    rig = sr.write_rig(tmp_path, clock=clock, duration_s=duration_s)
    done = sr.run("run", rig, "--out", tiny_disk / "runs", "--json")
    folder = sr.run_folder(tiny_disk / "runs")
    assert folder is not None
    expect_full(done, folder, round(duration_s / 0.02), clock, "No space left")
    # Where there is room, what is left can be reported on.
    rescued = shutil.copytree(folder, tmp_path / "rescued")
    assert build_report(rescued).verdict == "incomplete"


@pytest.mark.skipif(sys.platform != "linux", reason="sets limits of a process from outside")
@pytest.mark.parametrize("clock", ["wall", "virtual"])
def test_a_limit_on_the_size_of_files_is_such_a_disk_too(tmp_path: Path, clock: str) -> None:
    duration_s = 2.0 if clock == "wall" else 400.0
    # A hundred rows alone take 3.6 kB, however few batches they come in.
    limit = 3_000 if clock == "wall" else 300_000

    # Compiled code and rings are files too, so whoever writes gets the limit once they are there: on a wall clock
    # the recorder's keeper, before it has started the recorder, which inherits it.
    set_limit = f"resource.prlimit({{}}, resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    program = (
        "import resource; from hil.record.recorder import CompanionRecorder as C, InlineRecorder as I\n"
        "start, made = C._start, I.__init__\n"
        "def started(self, *a):\n"
        f"    kept = start(self, *a); {set_limit.format('kept.process.pid')}; return kept\n"
        f"def limited(self, *a):\n    made(self, *a); {set_limit.format(0)}\n"
        "C._start, I.__init__ = started, limited\n"
        "from hil.cli import main; main()"
    )
    rig = sr.write_rig(tmp_path, clock=clock, duration_s=duration_s)
    command = [sys.executable, "-c", program, "run", str(rig), "--out", str(tmp_path / "runs"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    folder = sr.run_folder(tmp_path / "runs")
    assert folder is not None
    expect_full(done, folder, round(duration_s / 0.02), clock, "File too large")


def test_a_place_that_cannot_be_written_is_refused_before_anything_moves(tmp_path: Path) -> None:
    rig = sr.write_rig(tmp_path, clock="virtual", duration_s=4.0)
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", Path("/proc/nowhere")):
        done = sr.run("run", rig, "--out", out, "--json")
        assert done.returncode == 2
        assert "the run folder cannot be made" in done.stderr
        assert "--out" in done.stderr
        assert json.loads(done.stdout)["problems"]


def test_equal_seeds_give_trends_equal_to_the_byte_and_others_others(tmp_path: Path, root: Path) -> None:
    rig = root / "configs/rigs/cdu_sil.yaml"
    ways = {"one": (), "two": (), "other": ("--set", "seed=2")}
    running = [
        sr.start("run", rig, "--duration", 7200, "--out", tmp_path / way, "--json", *more)
        for way, more in ways.items()
    ]
    digests = {}
    for way, process in zip(ways, running, strict=True):
        _, err = process.communicate(timeout=180)
        assert process.returncode in (0, 1), err
        folder = sr.run_folder(tmp_path / way)
        assert folder is not None
        digests[way] = hashlib.sha256((folder / "trend.parquet").read_bytes()).hexdigest()
    assert digests["one"] == digests["two"]
    assert digests["one"] != digests["other"]


def test_json_is_one_object_on_stdout_and_the_rig_as_resolved_reads_as_yaml(tmp_path: Path) -> None:
    rig = sr.write_rig(tmp_path, clock="virtual", duration_s=40.0)
    rig.write_text(rig.read_text() + "description: unused signal below\n")
    rig.write_text(
        rig.read_text().replace("sources:", "  spare_percent: {unit: '%', range: [0, 1]}\nsources:", 1)
    )
    done = sr.run("run", rig, "--out", tmp_path / "runs", "--json", "--set", "seed=9")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {"simulated_s", "wall_s", "cycles", "kpis", "run_dir"} <= set(result)
    assert "never used" in done.stderr, "a warning goes to stderr"
    resolved = YAML(typ="safe").load((Path(result["run_dir"]) / "rig.yaml").read_text())
    assert (resolved["seed"], resolved["period_s"], resolved["duration_s"]) == (9, 0.02, 40.0)
    assert resolved["budget"] == {"read_percent": 40.0, "write_percent": 30.0}, "defaults are filled in"


@pytest.fixture
def remote_rig(tmp_path: Path, root: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A rig that writes to an address that is no loopback one, where somebody listens and nobody may knock."""
    listener = socket.create_server(("0.0.0.0", 0))
    listener.setblocking(False)
    text = (root / "configs/rigs/cdu_plc_io.yaml").read_text()
    text = text.replace("../", f"{root}/configs/").replace("host: 127.0.0.1", "host: 0.0.0.0")
    rig = tmp_path / "remote.yaml"
    rig.write_text(text.replace("port: 1502", f"port: {listener.getsockname()[1]}"))
    yield rig, listener
    listener.close()


def nobody_knocked(listener: socket.socket) -> bool:
    return not select.select([listener], [], [], 0)[0]


def test_without_a_terminal_a_rig_that_writes_elsewhere_needs_yes(
    tmp_path: Path, remote_rig: tuple[Path, socket.socket]
) -> None:
    rig, listener = remote_rig
    done = sr.run("run", rig, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "fws_valve_command_percent" in done.stderr, "it says what would be written"
    assert nobody_knocked(listener)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("answer", ["n\n", "\x04", "y\n"])
def test_at_a_terminal_it_asks_before_it_connects(
    tmp_path: Path, remote_rig: tuple[Path, socket.socket], answer: str
) -> None:
    pty = pytest.importorskip("pty")
    rig, listener = remote_rig
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hil", "run", str(rig), "--out", str(tmp_path / "runs")]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    until = time.monotonic() + 120
    while b"[y/N]" not in shown and time.monotonic() < until:
        shown += os.read(ours, 4096)
    assert b"[y/N]" in shown
    assert nobody_knocked(listener)
    os.write(ours, answer.encode())
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the far end of a terminal is gone with its last process
            break
    os.close(ours)
    assert process.wait(120) == 2
    if answer == "y\n":
        assert not nobody_knocked(listener), "and only then; here nobody answers, so there is no run"
    else:
        assert b"nothing was written" in shown
        assert nobody_knocked(listener)
    assert not (tmp_path / "runs").exists()
