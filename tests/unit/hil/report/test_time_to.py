"""The time to a limit after the first fault, against lines whose crossing is known."""

import json

import numpy as np
import pytest
import run_folders as rf

from hil.report import build_report, compute_kpis, known_kpis, read_run
from hil.report.fault_figure import fault_figure
from hil.report.summary import summary_rows

LIMIT = {"name": "supply_45", "signal": rf.SUPPLY, "above": 45.0}


def run_of(tmp_path, values, t=None, faults=(100.0,), limits=(LIMIT,), quality=None, **changes):
    t = np.arange(0.0, 601.0, 1.0) if t is None else t
    columns = {"t_s": t, rf.SUPPLY: values(t)}
    if quality is not None:
        columns[f"{rf.SUPPLY}.quality"] = quality(t).astype(np.uint8)
    made = rf.whole(rf.Case(duration_s=600.0), columns, 1.0)
    made.rig |= {"loops": {}, "requirements": [], "limits": list(limits), **changes}
    made.events = [{"t_s": at, "kind": "fault_start", "source": "cdu", "text": "pump trip"} for at in faults]
    return made.write(tmp_path / f"r{len(list(tmp_path.iterdir()))}")


def time_to(path):
    return compute_kpis(read_run(path))["time_to"]["supply_45_s"]


def rising(t):
    return 32.0 + np.clip(t - 100.0, 0.0, None) * 0.08


@pytest.mark.parametrize("period_s", [1.0, 7.0, 15.0])
def test_the_crossing_is_found_between_rows(tmp_path, period_s):
    t = np.arange(0.0, 601.0, period_s)
    late = run_of(tmp_path, lambda t: 32.0 + t * 0.08, t, faults=(50.0, 20.0))
    assert time_to(late) == pytest.approx(13.0 / 0.08 - 20.0, abs=1e-9)


def test_the_time_starts_with_the_first_fault(tmp_path):
    assert time_to(run_of(tmp_path, rising)) == pytest.approx(13.0 / 0.08)
    assert time_to(run_of(tmp_path, rising, faults=())) == pytest.approx(100.0 + 13.0 / 0.08)
    assert time_to(run_of(tmp_path, rising, faults=(400.0,))) == 0.0, "passed already"


def test_the_time_starts_with_the_fault_that_is_named(tmp_path):
    named = {**LIMIT, "from_fault": "valve stuck"}
    path = run_of(tmp_path, rising, faults=(100.0, 160.0), limits=[named])
    rows = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    rows[1]["text"] = "valve stuck"
    (path / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (limit,) = compute_kpis(read_run(path))["limits"]
    assert (limit["from_s"], limit["from_fault"]) == (160.0, "valve stuck")
    assert limit["time_s"] == pytest.approx(13.0 / 0.08 - 60.0)
    result = build_report(path)
    assert "00:02:40 (valve stuck)" in result.path.read_text(encoding="utf-8")
    assert ("time_to.supply_45_s", "102.5 s from valve stuck", "") in summary_rows(result.kpis, ())


def test_a_fault_that_never_began_gives_no_time(tmp_path):
    asked = [{"kpi": "time_to.supply_45_s", "min": 0}]
    path = run_of(tmp_path, rising, limits=[{**LIMIT, "from_fault": "valve stuck"}], requirements=asked)
    result = build_report(path)
    assert (result.kpis["time_to"]["supply_45_s"], result.requirements[0].met) == (None, False)
    assert "valve stuck, which did not begin" in result.path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("start_s", "was_before"), [(400.0, True), (263.0, False)])
def test_what_was_passed_before_the_fault_says_nothing_of_it(tmp_path, start_s, was_before):
    """In the row of its start a sensor's fault shows already: the row before decides."""
    (limit,) = compute_kpis(read_run(run_of(tmp_path, rising, faults=(start_s,))))["limits"]
    assert (limit["time_s"], limit["passed_before"]) == (0.0, was_before)


def test_the_figure_shows_limits_and_trend_about_the_faults(tmp_path):
    shown = {"scenario": "x", "trend": [rf.LOAD, "not_recorded"], "limits": []}
    path = run_of(tmp_path, rising, faults=(100.0,), scenario=shown)
    ends = {"t_s": 300.0, "kind": "fault_end", "source": "cdu", "text": "pump trip"}
    (path / "events.jsonl").write_text((path / "events.jsonl").read_text() + json.dumps(ends) + "\n")
    figure = fault_figure(read_run(path))
    assert figure is not None
    assert figure.layout["xaxis"]["range"] == [60.0, 400.0], (
        "200 s of fault, 0.2 of it before, half of it after"
    )
    (mark,) = [trace for trace in figure.data if trace.get("text")]
    assert (mark["x"], mark["y"], mark["text"]) == ([pytest.approx(262.5)], [45.0], ["after 162.5 s"])
    (line,) = [trace for trace in figure.data if trace["name"] == "supply_45: above 45 °C"]
    assert line["yaxis"] == "y"
    assert [shape["x0"] for shape in figure.layout["shapes"]] == [100.0]
    assert [label["text"] for label in figure.layout["annotations"]] == ["pump trip"]
    assert fault_figure(read_run(run_of(tmp_path, rising, faults=()))) is None


def test_a_limit_below_and_one_of_the_scenario(tmp_path):
    limit = {"name": "cold", "signal": rf.SUPPLY, "below": 20.0}
    path = run_of(
        tmp_path, lambda t: 40.0 - 0.1 * t, limits=(), scenario={"scenario": "x", "limits": [limit]}
    )
    assert compute_kpis(read_run(path))["time_to"] == {"cold_s": pytest.approx(100.0)}


def test_what_is_never_reached_has_no_time_and_says_how_long_it_was_watched(tmp_path):
    asked = [{"kpi": "time_to.supply_45_s", "min": 300}, {"kpi": "time_to.supply_45_s", "min": 501},
             {"kpi": "time_to.supply_45_s", "max": 900}]  # fmt: skip
    result = build_report(run_of(tmp_path, lambda t: np.full(t.size, 44.9), requirements=asked))
    assert result.kpis["time_to"]["supply_45_s"] is None
    assert [item.met for item in result.requirements] == [True, False, False]
    assert result.requirements[0].message == "never reached in 500 s"
    assert ("time_to.supply_45_s", "never in 500 s", "") in summary_rows(result.kpis, ())
    assert "Time to a limit" in result.path.read_text(encoding="utf-8")


def test_a_limit_that_could_have_been_passed_unseen_does_not_meet_a_requirement(tmp_path):
    def flat(t):
        return np.full(t.size, 44.0)

    asked = [{"kpi": "time_to.supply_45_s", "min": 300}]
    path = run_of(tmp_path, flat, quality=lambda t: (t > 200) & (t < 203), requirements=asked)
    (item,) = build_report(path).requirements
    assert not item.met
    assert "3 s were not seen" in item.message


def test_a_value_that_is_not_good_passes_no_limit(tmp_path):
    def spike(t):
        return np.where(t == 150.0, 99.0, rising(t))

    path = run_of(tmp_path, spike, quality=lambda t: t == 150.0)
    assert time_to(path) == pytest.approx(13.0 / 0.08)


def test_times_are_known_before_the_run(tmp_path):
    rig = read_run(run_of(tmp_path, rising)).rig
    assert "time_to.supply_45_s" in known_kpis(rig)
    assert "facility.pue" not in known_kpis(rig)
