"""The whole cycle over Modbus TCP against a C program of the same I/O on libmodbus, and 100 devices at 10 Hz.

Both sides run as processes of their own against the same server, in turn, so that what the machine does meanwhile
meets both alike. ``python tests/benchmarks/field.py`` prints the ratios; here they must not be grossly worse.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from field import built, one_cycle, prefix, serving

PORTS = 100
CYCLES = 300
# A machine that is too slow or too busy for a rate leaves requests unanswered within the budget of a phase, and such
# a round says nothing about a cycle. So rounds go on, and later ones slower, until enough were undisturbed.
RATES_HZ = (500, 500, 500, 500, 500, 500, 500, 200, 200, 200, 200, 100, 100, 100, 100)
ENOUGH_ROUNDS, LEAST_ANSWERED = 3, 0.95
TARGET = 1.5  # what is asked for; what is reached is in the README
# What only a gross regression crosses: reached are 1.4 to 1.7. At real-time priority client and server have a core each
# and both sides pay for waking the other; at normal priority they share one, and C's cycle is a third of that.
BOUND_P50, BOUND_P99 = 4.0, 6.0
BOUND_P50_NORMAL = 7.0
MOST_CPU_SHARE = 0.5  # the target, and five times what was reached; CPU time, so that others do not count
MOST_TIMES_THE_COST_AT_TEN = 1.5  # the target is 1, reached 0.7

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus"), pytest.mark.slow]


REAL_TIME = prefix(real_time=True)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("field_c"))


@pytest.fixture(scope="module")
def ports(programs: Path) -> Iterator[list[str]]:
    with serving(programs, PORTS, REAL_TIME) as found:
        yield found


def counts_add_up(counters: dict[str, int]) -> None:
    """Each request was answered in its phase or given up and counted; nothing was taken that was not asked for."""
    assert counters["replies"] + counters["timeouts"] == counters["requests"]
    assert counters["values_rejected"] == 0


def is_undisturbed(python: dict[str, Any], requests_a_cycle: int) -> bool:
    """Whether the cycles of a round did what is compared: all requests sent, and answered in time."""
    counters = python["counters"]
    return (
        counters["requests"] >= LEAST_ANSWERED * requests_a_cycle * python["cycles"]
        and counters["replies"] >= LEAST_ANSWERED * counters["requests"]
        and python["skipped_periods"] <= (1.0 - LEAST_ANSWERED) * python["cycles"]
    )


@pytest.mark.parametrize(("heartbeat", "requests_a_cycle"), [("apart", 3), ("joined", 2)])
def test_a_cycle_against_c(
    benchmark, programs: Path, ports: list[str], heartbeat: str, requests_a_cycle: int
) -> None:
    """Judged on the undisturbed rounds: see RATES_HZ. Where there is none the machine, not the loop, was measured."""
    rounds: list[tuple[dict[str, Any], dict[str, Any]]] = []
    disturbed: list[dict[str, Any]] = []

    def enough() -> None:
        for rate_hz in RATES_HZ:
            c = one_cycle("C", programs, REAL_TIME, rate_hz, CYCLES, heartbeat, ports)
            python = one_cycle("rehearsed", programs, REAL_TIME, rate_hz, CYCLES, heartbeat, ports[:1])
            counts_add_up(python["counters"])
            if not is_undisturbed(python, requests_a_cycle):
                disturbed.append(python)
                continue
            rounds.append((c, python))
            if len(rounds) == ENOUGH_ROUNDS:
                return

    benchmark.pedantic(enough, rounds=1)
    if not rounds:
        pytest.skip(
            f"this machine is too busy for a rate: no round of {len(disturbed)} had its answers in time"
        )
    # The same control acted on the same process on both sides; a few steps less of either are a few degrees.
    apart = statistics.median(abs(c["measured"] - python["measured"]) for c, python in rounds)
    assert apart <= 2.0, rounds
    of_rounds = {
        share: [python[f"cycle_{share}_us"] / c[f"cycle_{share}_us"] for c, python in rounds]
        for share in ("p50", "p99")
    }
    # The tail of one round is what others did meanwhile; a loop with a tail of its own has it in all of them.
    ratios = {"p50": statistics.median(of_rounds["p50"]), "p99": min(of_rounds["p99"])}
    benchmark.extra_info |= {f"times_c_{share}": ratio for share, ratio in ratios.items()}
    benchmark.extra_info |= {"target": TARGET, "disturbed_rounds": len(disturbed)}
    if not REAL_TIME:
        # The tail is that of whoever else computes here, on either side.
        assert ratios["p50"] <= BOUND_P50_NORMAL, rounds
        return
    assert ratios["p50"] <= BOUND_P50, rounds
    assert ratios["p99"] <= BOUND_P99, rounds


def test_a_hundred_devices_at_ten_hertz(benchmark, programs: Path, ports: list[str]) -> None:
    """What is lost to a machine that is busy must be counted; what it costs is CPU time, which it does not change."""
    runs: dict[int, dict[str, Any]] = {}

    def both() -> None:
        for devices, cycles in ((10, 20), (PORTS, 40)):
            runs[devices] = one_cycle("plain", programs, REAL_TIME, 10, cycles, "apart", ports[:devices])

    benchmark.pedantic(both, rounds=1)
    hundred, ten = runs[PORTS], runs[10]
    benchmark.extra_info |= {
        "cpu_share": hundred["cpu_share"],
        "cpu_per_device_us": hundred["cpu_per_device_us"],
        "times_the_cost_at_ten": hundred["cpu_per_device_us"] / ten["cpu_per_device_us"],
        "overruns": hundred["overruns"],
    }
    counters = hundred["counters"]
    counts_add_up(counters)
    # Each device was read, written and told the heartbeat; what the machine made them miss was counted above.
    assert counters["replies"] >= 0.2 * 3 * PORTS * hundred["cycles"]
    assert counters["heartbeats_sent"] <= PORTS * (hundred["cycles"] + 1)
    if counters["timeouts"] == 0:
        assert counters["heartbeats_sent"] == PORTS * (hundred["cycles"] + 1), (
            "the last write, in failsafe, too"
        )
    assert hundred["cpu_share"] < MOST_CPU_SHARE
    assert hundred["cpu_per_device_us"] <= MOST_TIMES_THE_COST_AT_TEN * ten["cpu_per_device_us"]
