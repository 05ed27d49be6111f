"""The latency contract at its limits: the figure itself is still met, the next one above it is not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.report.latency import judge_latency
from hil.report.run_data import RunData
from hil.report.trend_data import Trend

KPIS: dict[str, Any] = {
    "run": {"overruns": 2.0},
    "timing": {
        "cycle": {"p99_us": 250.0, "max_us": 900.0},
        "lateness": {"p99_us": 55.0},
        "data_age": {"p99_us": math.nan},
    },
}


def run(contract: dict[str, float], clock: str = "wall") -> RunData:
    return RunData(Path(), {"clock": clock, "latency": contract}, "", NO_TREND, (), {}, {}, ())


NO_TREND = Trend(np.zeros(0), {}, {}, {})


@pytest.mark.parametrize(
    ("name", "kpi", "reached"),
    [
        ("overruns", "run.overruns", 2.0),
        ("cycle_p99_us", "timing.cycle.p99_us", 250.0),
        ("cycle_max_us", "timing.cycle.max_us", 900.0),
        ("lateness_p99_us", "timing.lateness.p99_us", 55.0),
    ],
)
def test_a_limit_is_met_up_to_its_figure(name: str, kpi: str, reached: float) -> None:
    for limit, word in ((reached, "met"), (math.nextafter(reached, 0.0), "not met")):
        result = judge_latency(run({name: limit}), KPIS)
        (judged,) = result.limits
        assert (result.word, judged.met) == (word, word == "met")
        assert (judged.kpi, judged.high, judged.value) == (kpi, limit, reached)


def test_one_limit_of_many_that_is_not_met_breaks_the_contract() -> None:
    result = judge_latency(run({"overruns": 5, "cycle_max_us": 899, "lateness_p99_us": 60}), KPIS)
    assert result.word == "not met"
    assert [limit.met for limit in result.limits] == [True, False, True]


@pytest.mark.parametrize("name", ["sensor_to_actuator_p99_us", "data_age_p99_us"])
def test_what_was_not_measured_is_not_met(name: str) -> None:
    result = judge_latency(run({name: 1e6}), KPIS)
    assert (result.word, result.limits[0].message) == ("not met", "nothing was measured in this run")


def test_without_a_contract_and_on_the_virtual_clock_there_is_nothing_to_keep() -> None:
    assert judge_latency(run({}), KPIS).word == "no contract"
    assert judge_latency(run({"overruns": 0}, "virtual"), KPIS).word == "virtual clock"
