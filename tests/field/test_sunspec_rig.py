"""The shipped rig on the inverter's stub, as a user starts it: what is recorded, what a run leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import firmware_bench as fb
import pyarrow.parquet as pq
import pytest

from hil.loop.image import GOOD, SUBSTITUTED

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

M704 = 40363
D_ENA, D_LIMIT, D_AFTER, POWER_W = M704 + 14, M704 + 15, M704 + 16, 40084
LONGEST_S = 90.0
"""A run of some seconds on a machine that is busy with something else."""


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    """An inverter whose time stands."""
    with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0") as stub:
        stub.step(0.01)
        yield stub


def started(root: Path, stub: fb.Stub, out: Path, *options: str) -> subprocess.Popen[str]:
    rig = root / "configs" / "rigs" / "pv_curtailment.yaml"
    command = [sys.executable, "-m", "hil", "run", str(rig), "--json", "--out", str(out)]
    command += ["--set", f"devices.pv.port={stub.port}", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_limit(stub: fb.Stub, process: subprocess.Popen[str], counts: int) -> None:
    until_s = time.monotonic() + LONGEST_S
    while (stub.word(D_ENA), stub.word(D_LIMIT)) != (1, counts):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until_s
        time.sleep(0.05)


def recorded(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    table = pq.read_table(folder / "trend.parquet")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    return columns, json.loads((folder / "run.json").read_text())["counters"]


def one_run(root: Path, stub: fb.Stub, out: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Give trend and the device's counters of a short run at 45 %, whose failsafe is 20 %."""
    process = started(
        root, stub, out, "--duration", "6", "--set", "sources.pv_limit_percent=45",
        "--set", "signals.pv_limit_percent.failsafe=20",
    )  # fmt: skip
    wait_for_limit(stub, process, 450)
    stub.step(2.0)
    said, _ = process.communicate(timeout=LONGEST_S)
    assert process.returncode in (0, 1), (
        said
    )  # 1: a requirement on overruns, missed by a machine that is busy
    columns, counters = recorded(Path(json.loads(said)["run_dir"]))
    return columns, {name.removeprefix("pv."): count for name, count in counters["devices"].items()}


def test_a_run_limits_records_and_leaves_the_failsafe_behind(
    root: Path, stub: fb.Stub, tmp_path: Path
) -> None:
    for _ in range(3):
        columns, counts = one_run(root, stub, tmp_path)
        if stub.word(D_LIMIT) == 200:
            break
        # A machine that took the processor away for half a second: the last write was lost, and that is known.
        assert counts["curtail_unacknowledged"] + counts["requests_unsent"] > 0
    # Its last write is the failsafe; it holds for the reversion, and then what was declared for it.
    assert (stub.word(D_ENA), stub.word(D_LIMIT)) == (1, 200)
    stub.step(29.0)
    assert stub.words(POWER_W, 2) == [2000, 1]
    stub.step(2.0)
    assert (stub.word(D_LIMIT), stub.words(POWER_W, 2)) == (600, [6000, 1])
    good = [
        power
        for power, quality in zip(columns["pv_power_kw"], columns["pv_power_kw.quality"], strict=True)
        if quality == GOOD
    ]
    assert set(good) <= {max(good), 45.0}
    assert 45.0 in good
    assert columns["pv_limit_percent"][-1] == 20.0
    assert columns["pv_limit_percent.quality"][-1] == SUBSTITUTED
    assert counts["curtail_acknowledged"] >= 2
    assert counts["curtail_refused"] == 0


def test_after_a_kill_of_the_loop_the_inverter_reverts_by_itself(
    root: Path, stub: fb.Stub, tmp_path: Path
) -> None:
    process = started(root, stub, tmp_path, "--set", "sources.pv_limit_percent=45")
    wait_for_limit(stub, process, 450)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=LONGEST_S)
    assert process.stdout is not None
    process.stdout.close()
    stub.step(29.0)
    assert (stub.word(D_LIMIT), stub.words(POWER_W, 2)) == (450, [4500, 1])
    stub.step(1.0)
    assert (stub.word(D_ENA), stub.word(D_LIMIT), stub.word(D_AFTER)) == (1, 600, 600)
    stub.step(1.0)
    assert stub.words(POWER_W, 2) == [6000, 1]


def test_a_rig_whose_inverter_is_not_there_or_lacks_a_model_says_so(
    root: Path, stub: fb.Stub, tmp_path: Path
) -> None:
    for option, expected in (
        ("devices.pv.unit_id=4", "is no SunSpec device"),
        ("devices.pv.read.pv_power_kw=203.W", "its models: 1, 103, 120, 121, 123, 701, 704"),
    ):
        process = started(root, stub, tmp_path, "--duration", "2", "--set", option)
        said, _ = process.communicate(timeout=LONGEST_S)
        assert process.returncode not in (0, 1), said
        assert expected in " ".join(said.split()), said
