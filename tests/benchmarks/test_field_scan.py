"""The whole cycle over Modbus TCP against a C program of the same I/O on libmodbus, and 100 devices at 10 Hz.

Both sides run as processes of their own against the same server, in turn, so that what the machine does meanwhile
meets both alike. Figures are ratios of medians over the rounds; the README of ``hil/devices`` gives them.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PORTS = 100
ROUNDS, RATE_HZ, CYCLES = 5, 500, 300
TARGET = 1.5  # what is asked for; not reached with a margin, see the README
# What holds here, with room for a machine that is shared. At real-time priority client and server have a core each
# and both sides pay for waking the other; at normal priority they share one, and C's cycle is a third of that.
BOUND_P50, BOUND_P99 = 2.5, 4.0
BOUND_P50_NORMAL = 4.5
MOST_CPU_SHARE = 0.5

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus"), pytest.mark.slow]


def at_real_time() -> list[str]:
    """Give what runs a command above the machine's other work, for both sides and the server alike; else nothing."""
    command = ["chrt", "-f", "50"]
    if shutil.which("chrt") is None:
        return []
    return [] if subprocess.run([*command, "true"], capture_output=True, check=False).returncode else command


REAL_TIME = at_real_time()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("field_c")
    subprocess.run(["make", "-s", "-C", str(HERE / "field_c"), f"BUILD={folder}"], check=True)
    return folder


@pytest.fixture(scope="module")
def ports(programs: Path) -> Iterator[list[str]]:
    server = subprocess.Popen(
        [*REAL_TIME, programs / "server", str(PORTS)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    yield server.stdout.readline().split()
    server.kill()
    server.wait()
    server.stdout.close()


def said(*command: str | Path) -> dict[str, Any]:
    done = subprocess.run(
        [*REAL_TIME, *map(str, command)], capture_output=True, text=True, check=True, timeout=120
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def python_cycle(rate_hz: float, cycles: int, heartbeat: str, ports: list[str]) -> dict[str, Any]:
    return said(sys.executable, HERE / "field_cycle.py", str(rate_hz), str(cycles), heartbeat, *ports)


@pytest.mark.parametrize("heartbeat", ["apart", "joined"])
def test_a_cycle_against_c(benchmark, programs: Path, ports: list[str], heartbeat: str) -> None:
    rounds: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def round_() -> None:
        c = said(programs / "cycle", ports[0], str(RATE_HZ), str(CYCLES), heartbeat)
        rounds.append((c, python_cycle(RATE_HZ, CYCLES, heartbeat, ports[:1])))

    benchmark.pedantic(round_, rounds=ROUNDS)
    for c, python in rounds:
        # The same control acted on the same process on both sides, and no cycle was quick for want of an answer.
        assert c["measured"] == pytest.approx(python["measured"], abs=2.0)
        counters = python["counters"]
        assert counters["requests"] >= (3 if heartbeat == "apart" else 2) * 0.9 * python["cycles"]
        assert counters["replies"] >= 0.95 * counters["requests"]
        assert counters["values_rejected"] == 0
    ratios = {
        share: statistics.median(python[f"cycle_{share}_us"] for _, python in rounds)
        / statistics.median(c[f"cycle_{share}_us"] for c, _ in rounds)
        for share in ("p50", "p99")
    }
    benchmark.extra_info |= {f"times_c_{share}": ratio for share, ratio in ratios.items()}
    benchmark.extra_info["target"] = TARGET
    if not REAL_TIME:
        # The tail is that of whoever else computes here, on either side.
        assert ratios["p50"] <= BOUND_P50_NORMAL, rounds
        return
    assert ratios["p50"] <= BOUND_P50, rounds
    assert ratios["p99"] <= BOUND_P99, rounds


def test_a_hundred_devices_at_ten_hertz(benchmark, ports: list[str]) -> None:
    runs: dict[int, dict[str, Any]] = {}

    def both() -> None:
        for devices, cycles in ((10, 30), (PORTS, 100)):
            runs[devices] = python_cycle(10, cycles, "apart", ports[:devices])

    benchmark.pedantic(both, rounds=1)
    hundred, ten = runs[PORTS], runs[10]
    benchmark.extra_info |= {
        "cpu_share": hundred["cpu_share"],
        "cpu_per_device_us": hundred["cpu_per_device_us"],
        "times_the_cost_at_ten": hundred["cpu_per_device_us"] / ten["cpu_per_device_us"],
    }
    assert hundred["overruns"] == 0
    assert hundred["counters"]["replies"] == hundred["counters"]["requests"]
    # Each device was read, written and told the heartbeat in every cycle, the last write in failsafe included.
    assert hundred["counters"]["heartbeats_sent"] == PORTS * (hundred["cycles"] + 1)
    assert hundred["cpu_share"] < MOST_CPU_SHARE
    assert hundred["cpu_per_device_us"] <= ten["cpu_per_device_us"]
