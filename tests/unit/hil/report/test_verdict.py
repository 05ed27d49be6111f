import json

import numpy as np
import pytest
import run_folders as rf

from hil.errors import RunFolderError
from hil.report import build_report, known_kpis, read_run, summary_rows
from hil.report.verdict import RequirementResult, Verdict, headline

GENEROUS = [{"kpi": "loops.supply_temperature.max_abs_error", "max": 50.0}]


@pytest.fixture
def good(whole_run):
    """A run that is whole and meets what is required."""
    whole_run.rig["requirements"] = GENEROUS
    return whole_run


def test_a_whole_run_that_meets_everything(good, tmp_path):
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met, result.reasons) == ("met", True, ())
    written = json.loads((tmp_path / "r" / "kpis.json").read_text())
    assert written["kpis"] == result.kpis
    assert written["verdict"]["met"] is True


def test_a_requirement_that_is_not_met(good, tmp_path):
    good.rig["requirements"] = [{"kpi": "loops.supply_temperature.max_abs_error", "max": 0.1}]
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == ("not met", False)
    assert "required ≤ 0.1 K" in result.reasons[0]
    assert "<strong>1 of 1 requirement is not met</strong>" in result.path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("word", "met", "said"),
    [
        ("not met", (True, False, False), "2 of 3 requirements are not met"),
        ("not met", (False, True), "1 of 2 requirements is not met"),
        ("not met", (False,), "1 of 1 requirement is not met"),
        ("met", (True, True), "All requirements are met (2 of 2)"),
        ("not met", (True,), "A command was not taken by its device; all requirements are met (1 of 1)"),
        ("not met", (), "A command was not taken by its device"),
        ("no requirements", (), "The run is whole; the rig sets no requirements"),
        ("incomplete", (False, True), "INCOMPLETE: this run cannot be judged"),
    ],
)
def test_the_headline_counts_what_it_names(word, met, said):
    required = [RequirementResult("run.cycles", "1", 1.0, None, 1.0, each) for each in met]
    assert headline(Verdict(word, (), all(met)), required) == said


def test_a_killed_run_is_reported_as_incomplete(good, tmp_path):
    good.stream, good.run, good.timing = True, None, None
    path = good.write(tmp_path / "r")
    trend = path / "trend.arrow"
    trend.write_bytes(trend.read_bytes()[: trend.stat().st_size // 2])
    with (path / "events.jsonl").open("a") as file:
        file.write('{"t_s": 12.0, "kind": "no')
    result = build_report(path)
    assert (result.verdict, result.met) == ("incomplete", False)
    assert 1000 < result.kpis["run"]["rows"] < 2600
    assert result.kpis["run"]["rows"] % 100 == 0, "whole batches alone"
    assert result.kpis["loops"]["supply_temperature"]["iae"] > 0.0
    said = " ".join(result.reasons)
    for word in (
        "run.json is missing",
        "timing.json is missing",
        "breaks off",
        "events.jsonl",
        "the trend ends at",
    ):
        assert word in said
    assert "INCOMPLETE" in result.path.read_text()


@pytest.mark.parametrize("size", [0, 5, 200])
def test_a_stream_cut_before_its_first_batch_has_no_rows(good, tmp_path, size):
    good.stream, good.run, good.timing = True, None, None
    path = good.write(tmp_path / "r")
    (path / "trend.arrow").write_bytes((path / "trend.arrow").read_bytes()[:size])
    result = build_report(path)
    assert (result.verdict, result.met, result.kpis["run"]["rows"]) == ("incomplete", False, 0)
    assert not result.requirements[0].met


def test_a_broken_parquet_file_falls_back_to_the_stream(good, tmp_path):
    good.stream = True
    path = good.write(tmp_path / "r")
    (path / "trend.parquet").write_bytes(b"PAR1 cut short")
    result = build_report(path)
    assert result.kpis["run"]["rows"] == 3601
    assert result.verdict == "incomplete"


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({"stop": "tripped", "stop_reason": "10 periods missed"}, "tripped", "10 periods missed"),
        ({"stop": "interrupted"}, "interrupted", "interrupted"),
        ({"stop": "crashed"}, "incomplete", "crashed"),
        ({"rows_lost": 3}, "incomplete", "3 rows were lost"),
        ({"recorder_error": "No space left on device"}, "incomplete", "No space left"),
    ],
)
def test_how_the_run_ended_outweighs_what_it_met(good, tmp_path, change, verdict, said):
    good.run |= change
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == (verdict, False)
    assert said in " ".join(result.reasons)


def test_stopping_by_hand_is_how_a_run_without_duration_ends(good, tmp_path):
    good.run["stop"], good.rig["duration_s"] = "interrupted", None
    assert build_report(good.write(tmp_path / "r")).verdict == "met"


def test_a_trend_that_ends_too_soon_is_incomplete(good, tmp_path):
    good.columns = {name: values[:3000] for name, values in good.columns.items()}
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == ("incomplete", False)
    assert "2999 s of 3600 s" in result.reasons[0]


def test_no_rows_is_never_met_even_without_requirements(good, tmp_path):
    good.rig["requirements"] = []
    good.columns = {name: values[:0] for name, values in good.columns.items()}
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == ("incomplete", False)


@pytest.mark.parametrize(
    ("kpi", "said"),
    [
        (
            "loops.supply_temperature.within_band_percnt",
            "did you mean loops.supply_temperature.within_band_percent?",
        ),
        ("supply_temperature.iae", "did you mean loops.supply_temperature.iae?"),
        ("xyzzy", "no such KPI"),
    ],
)
def test_a_misspelt_kpi_is_not_met_and_names_the_nearest(good, tmp_path, kpi, said):
    good.rig["requirements"] = [{"kpi": kpi, "max": 1.0}]
    assert kpi not in known_kpis(good.rig)
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == ("not met", False)
    assert result.requirements[0].value is None
    assert said in result.requirements[0].message


def test_a_requirement_without_a_figure_is_not_met(good, tmp_path):
    good.rig["requirements"] = [{"kpi": "loops.supply_temperature.worst_settling_s", "max": 1e9}]
    good.columns[rf.SUPPLY_SP][:] = 30.0
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == ("not met", False)
    assert "no set-point step" in result.requirements[0].message


@pytest.mark.parametrize(
    ("step_k", "said"), [(0.4, "was not settled"), (0.06, "too small to be told from the noise")]
)
def test_a_dead_loop_meets_no_requirement_on_settling(good, tmp_path, step_k, said):
    """A step below the band of 0.5 K: the value is within the band from the first, and never answers."""
    rows = good.columns["t_s"].size
    good.rig["requirements"] = [{"kpi": "loops.supply_temperature.worst_settling_s", "max": 1e9}]
    good.columns[rf.SUPPLY_SP] = np.where(good.columns["t_s"] >= 1200.0, 30.0 + step_k, 30.0)
    good.columns[rf.SUPPLY] = 30.0 + 0.01 * np.random.default_rng(1).standard_normal(rows)
    result = build_report(good.write(tmp_path / "r"))
    assert (result.verdict, result.met) == ("not met", False)
    assert result.requirements[0].value is None
    assert said in result.requirements[0].message


def test_rows_out_of_order_are_left_out_and_told(good, tmp_path):
    good.columns["t_s"] = np.array(good.columns["t_s"])
    good.columns["t_s"][[100, 200]] = [50.0, np.nan]
    run = read_run(good.write(tmp_path / "r"))
    assert run.trend.rows == 3599
    assert "2 rows" in " ".join(run.missing)


def test_what_is_no_run_folder_is_refused_by_name(tmp_path):
    with pytest.raises(RunFolderError, match="no such run folder"):
        build_report(tmp_path / "nothing")
    with pytest.raises(RunFolderError, match=r"has no rig\.yaml"):
        build_report(tmp_path)
    for spoilt, why in (
        ("a: [1, 2", "cannot be read"),
        ("a: 1\nseed: !!bool maybe\n", r"rig\.yaml:2: cannot be read: the tag !!bool"),
        ("a: 2025-02-30\n", "cannot be read: day is out of range"),
    ):
        (tmp_path / "rig.yaml").write_text(spoilt)
        with pytest.raises(RunFolderError, match=why):
            build_report(tmp_path)


def test_what_requirements_and_latency_contract_both_ask_for_is_one_row(good, tmp_path):
    result = build_report(good.write(tmp_path / "r"))
    twice = summary_rows(result.kpis, [*result.requirements, *result.requirements])
    assert twice == summary_rows(result.kpis, result.requirements)


def test_summary_for_the_terminal(good, tmp_path):
    result = build_report(good.write(tmp_path / "r"))
    rows = summary_rows(result.kpis, result.requirements)
    name, value, verdict = rows[0]
    assert (name, verdict) == ("loops.supply_temperature.max_abs_error", "met (≤ 50)")
    assert value.endswith(" K")
    assert any(name == "supply_temperature: within band" and value.endswith("%") for name, value, _ in rows)
