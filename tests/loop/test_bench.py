"""``hil bench --quick`` as a process: table, JSON and picture, with figures that hang together."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest
import small_rig

from hil.loop import cyclictest

DEVICES = (1, 10, 100)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    folder = tmp_path_factory.mktemp("bench")
    began = time.monotonic()
    done = small_rig.run(
        "bench", "--quick", "--json", folder / "bench.json", "--html", folder / "bench.html", timeout_s=400.0
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout, time.monotonic() - began


def test_figures_hang_together(found: tuple[Path, str, float]) -> None:
    folder, table, took_s = found
    made = json.loads((folder / "bench.json").read_text())
    assert set(made) == {"when_utc", "told", "figures", "histograms"}
    histograms, figures = made["histograms"], made["figures"]
    names = {"wake_up.block", "wake_up.spin", "step.pid", "step.limiter", "overhead.64_signals",
             "field.round_trip", "field.sensor_to_actuator", "field.data_age", "field.cycle", "cycle.whole",
             *(f"cycle.{phase}" for phase in ("read", "plant", "control", "limits", "write", "record")),
             *(f"devices.{n}.{what}" for n in DEVICES for what in ("cycle", "sensor_to_actuator"))}  # fmt: skip
    assert set(histograms) - {"wake_up.cyclictest"} == names
    for name, summary in histograms.items():
        assert name in table
        assert summary["count"] == sum(count for _, count in summary["buckets"]), name
        # Where the machine lets no cycle of many devices come through whole, it is the timeouts that are counted.
        assert summary["count"] > 0 or figures[name.rpartition(".")[0] + ".timeouts"] > 0, name
        assert 0.0 <= summary["p50_us"] <= summary["p99_us"] <= summary["max_us"], name
    assert all(map(math.isfinite, figures.values()))
    # A round trip is a part of the whole loop, which is a part of its cycle; ten devices cost more than one.
    assert histograms["field.round_trip"]["p50_us"] < histograms["field.cycle"]["p50_us"]
    assert histograms["field.sensor_to_actuator"]["p50_us"] < histograms["field.cycle"]["p50_us"]
    assert histograms["step.pid"]["p50_us"] < histograms["cycle.whole"]["p50_us"]
    if histograms["devices.100.cycle"]["count"]:
        assert histograms["devices.1.cycle"]["p50_us"] < histograms["devices.100.cycle"]["p50_us"]
    # Ten seconds and its servers' starts, 14 s in all, on a machine that may be many times slower.
    assert took_s < 300.0


def test_what_answered_and_what_was_refused_is_told(found: tuple[Path, str, float]) -> None:
    made = json.loads((found[0] / "bench.json").read_text())
    assert made["told"]["field.server"].startswith(("C stub (", "Python stand-in ("))
    assert "Python stand-in" in made["told"]["devices.server"]
    assert made["told"]["real_time"]
    assert made["told"]["cyclictest"]
    has_floor = "wake_up.cyclictest" in made["histograms"]
    assert has_floor == (cyclictest.is_here() and "no floor" not in made["told"]["cyclictest"])
    assert ("wake_up.block_over_cyclictest_p99_ratio" in made["figures"]) == has_floor


def test_the_picture_is_whole(found: tuple[Path, str, float]) -> None:
    page = (found[0] / "bench.html").read_text()
    for group in ("wake_up", "cycle", "step", "overhead", "field", "devices"):
        assert f'data-figure="{group}"' in page
        assert f'"name":"{group}"' in page


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    done = small_rig.run("bench", "--quick", "--json", tmp_path / "none" / "bench.json")
    assert done.returncode == 2
    assert "none" in done.stderr
    assert "..." not in done.stderr, "no measurement was begun"
