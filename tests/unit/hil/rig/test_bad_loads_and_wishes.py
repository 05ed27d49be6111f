"""What the command line and the files it names can get wrong: --load, --set, --duration, --clock, --scenario, CSV."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import ConfigError, Problem
from hil.rig import Wishes, load_rig

WriteRig = Callable[..., Path]


def problems_of(path: Path, wishes: Wishes | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_rig(path, wishes)
    return caught.value.problems


def csv(folder: Path, text: str, name: str = "day.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


GOOD = "time_s,cdu_heat_w,other\n0,1e6,1\n60,1.5e6,1\n120,1e6,1\n"


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz", "DAY.CSV"])
def test_a_column_in_watts_reaches_a_signal_in_kilowatts(
    write_rig: WriteRig, tmp_path: Path, name: str
) -> None:
    path = csv(tmp_path, GOOD, name)
    rig = load_rig(write_rig("sil"), Wishes(load=f"{path}:cdu_heat_w"))
    built = rig._profiles["heat_kw"]
    assert (built.low, built.high) == pytest.approx((1000.0, 1500.0))
    assert built.profile.mean(0.0, 60.0) * built.factor == pytest.approx(1250.0)
    assert rig.warnings == ()


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("tim_s,cdu_heat_w\n0,1\n", 1, "no column 'time_s'", 'did you mean "tim_s"?'),
        ("time_s,cdu_heat_kw\n0,1\n", 1, "no column 'cdu_heat_w'", 'did you mean "cdu_heat_kw"?'),
        ("time_s,cdu_heat_w,cdu_heat_w\n0,1,1\n", 1, "stands 2 times", "keep one"),
        ("time_s,cdu_heat_w\n0,1e6\n60,\n120,1e6\n", 3, "cdu_heat_w: the cell is empty", "fill it in"),
        ("time_s,cdu_heat_w\n0,1e6\n60\n120,1e6\n", 3, "cdu_heat_w: the cell is empty", "fill it in"),
        ("time_s,cdu_heat_w\n0,1e6\n60,NaN\n120,1e6\n", 3, "'NaN' is not a finite number", "fill it in"),
        ("time_s,cdu_heat_w\n0,1e6\n60,inf\n120,1e6\n", 3, "'inf' is not a finite number", "fill it in"),
        ("time_s,cdu_heat_w\n0,1e6\n60,n/a\n120,1e6\n", 3, "'n/a' is not a finite number", "fill it in"),
        ("time_s,cdu_heat_w\n0,1e6\n60,1e6\n\n30,1e6\n", 5, "time_s 30 s does not increase: line 3 has 60", "sort"),
        ("time_s,cdu_heat_w\n0,1e6\n60,1e6\n60,1e6\n", 4, "time_s 60 s does not increase", "one row a time"),
        ("time_s,cdu_heat_w\n0,1\n1,1\n2,1\n3,1\n99,1\n", 6, "gap of 96 s in time_s (3 to 99 s)", "max_gap_s: 96"),
        ("time_s,cdu_heat_w\n0,1e6\n60,1,000,000\n120,1e6\n", 3, "4 cells, and the header has 2", "separators"),
        ('time_s,cdu_heat_w\n0,1e6\n60,"2000,5"\n', 3, "'2000,5' is not a finite", "with a decimal point: 2000.5"),
        ('time_s,cdu_heat_w\n0,1e6\n"0,5",1e6\n', 3, "time_s: '0,5'", "with a decimal point: 0.5"),
        ("time_s,cdu_heat_w\n0,1e6\n60,2 kW\n", 3, "'2 kW' is not a finite", "in W, without the unit kW: 2000"),
        ("time_s,cdu_heat_w\n0,1e6\n", None, "1 rows of data", ""),
    ],
)  # fmt: skip
def test_bad_csv(
    write_rig: WriteRig, tmp_path: Path, text: str, line: int | None, what: str, hint: str
) -> None:
    path = csv(tmp_path, text)
    (problem,) = problems_of(write_rig("sil"), Wishes(load=f"{path}:cdu_heat_w"))
    assert (problem.file, problem.line) == (str(path), line)
    assert what in problem.what
    assert hint in problem.hint


def rows_of(*times_s: float) -> str:
    return "time_s,cdu_heat_w\n" + "".join(f"{time_s:g},1e6\n" for time_s in times_s)


def test_one_row_missing_of_those_a_clock_wrote_is_a_gap(write_rig: WriteRig, tmp_path: Path) -> None:
    times_s = [15 * number + (0.2 if number % 2 else 0) for number in range(40)]
    whole = csv(tmp_path, rows_of(*times_s))
    assert load_rig(write_rig("sil"), Wishes(load=f"{whole}:cdu_heat_w"))
    path = csv(tmp_path, rows_of(*times_s[:20], *times_s[21:]))
    (problem,) = problems_of(write_rig("sil"), Wishes(load=f"{path}:cdu_heat_w"))
    assert (problem.line, problem.hint) == (22, "fill the gap, or allow it with max_gap_s: 30 in a load file")
    assert "gap of 30 s in time_s (285.2 to 315.2 s); at most 22" in problem.what


def test_rows_written_on_change_may_be_apart(write_rig: WriteRig, tmp_path: Path) -> None:
    path = csv(tmp_path, rows_of(*(10 * number + 3 * (number % 3) for number in range(30)), 340))
    assert load_rig(write_rig("sil"), Wishes(load=f"{path}:cdu_heat_w"))


def test_a_file_that_ends_before_the_run_is_told_with_both_times(write_rig: WriteRig, tmp_path: Path) -> None:
    short = csv(tmp_path, rows_of(0, 10), "short.csv")
    (warning,) = load_rig(write_rig("sil"), Wishes(load=f"{short}:cdu_heat_w")).warnings
    assert warning.what == "heat_kw: the file ends at 20 s, the run at 60 s; its last value is held"
    assert "repeat: true" in warning.hint
    enough = csv(tmp_path, rows_of(0, 30), "enough.csv")
    assert not load_rig(write_rig("sil"), Wishes(load=f"{enough}:cdu_heat_w")).warnings
    load = tmp_path / "load.yaml"
    load.write_text("type: csv\nfile: short.csv\ncolumn: cdu_heat_w\nrepeat: true\n")
    assert not load_rig(write_rig("sil"), Wishes(load=str(load))).warnings


def test_many_bad_rows_are_counted_not_listed(write_rig: WriteRig, tmp_path: Path) -> None:
    path = csv(tmp_path, "time_s,x_kw\n" + "".join(f"{n},nan\n" for n in range(500)))
    problems = problems_of(write_rig("sil"), Wishes(load=f"{path}:x_kw"))
    assert len(problems) == 11
    assert "and 490 more" in "".join(problem.what for problem in problems)


def test_semicolons_and_decimal_commas(write_rig: WriteRig, tmp_path: Path) -> None:
    path = csv(tmp_path, "\ufefftime_s;heat_kw\r\n0;900,5\r\n1,5;1000,5\r\n")
    built = load_rig(write_rig("sil"), Wishes(load=f"{path}:heat_kw"))._profiles["heat_kw"]
    assert (built.low, built.high) == (900.5, 1000.5)


def test_a_column_without_a_unit_is_taken_in_the_signals_and_told(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    path = csv(tmp_path, GOOD.replace("cdu_heat_w", "power").replace("e6", "e3"))
    rig = load_rig(write_rig("sil"), Wishes(load=f"{path}:power"))
    assert [(w.file, "taken as kW" in w.what) for w in rig.warnings] == [("--load", True)]


@pytest.mark.parametrize(
    ("load", "what", "hint"),
    [
        ("{day}", "day.csv: which column?", "day.csv:<column>"),
        ("{day}:", "day.csv: which column?", "day.csv:<column>"),
        ("C:\\data\\day.csv", "C:\\data\\day.csv: which column?", "C:\\data\\day.csv:<column>"),
        ("C:\\data\\day.csv:heat_w", "day.csv: file not found", ""),
        ("{folder}/dya.csv:cdu_heat_w", "dya.csv: file not found", 'did you mean "day.csv"?'),
        ("nan", "nan is not a finite number", "a number, FILE.yaml"),
        ("inf", "inf is not a finite number", ""),
        ("-5", "takes -5 kW, outside the signal's range [0, 2400]", "widen"),
        ("9999", "takes 9999 kW, outside", "widen"),
        ("1,5", "'1,5' is not a load", "with a decimal point: 1.5"),
        ("500 W", "'500 W' is not a load", "the number alone, in the unit that is meant here"),
        ("heavy", "'heavy' is not a load", "FILE.csv:COLUMN"),
        ("", "'' is not a load", "FILE.csv:COLUMN"),
        ("{folder}/pulse.yml", "file not found", "pulse.yaml"),
        ("{folder}/broken.csv.gz:x", "cannot be read", ""),
        ("{folder}/empty.csv:x", "the file is empty", "time_s,x"),
        ("{folder}/rows.csv:heat_kpa", "the column 'heat_kpa' is in kPa, and the signal is in kW", ""),
        ("{folder}/rows.csv:heat_mw", "heat_mw 1000 is 1e+06 kW, outside the signal's range [0, 2400], and 1 more", ""),
    ],
)  # fmt: skip
def test_bad_load(write_rig: WriteRig, tmp_path: Path, load: str, what: str, hint: str) -> None:
    csv(tmp_path, GOOD)
    csv(tmp_path, "time_s,heat_kpa,heat_mw\n0,1,1000\n1,2,2000\n", "rows.csv")
    (tmp_path / "broken.csv.gz").write_bytes(b"no gzip")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "pulse.yaml").write_text("type: constant\nlevel: 5\n")
    (problem,) = problems_of(
        write_rig("sil"), Wishes(load=load.format(day=tmp_path / "day.csv", folder=tmp_path))
    )
    assert what in problem.what
    assert hint in problem.hint
    assert problem.file == "--load" or problem.file.startswith(str(tmp_path))


SPIKE = "time_s,heat_kw,heat_w\n0,100,1e5\n\n60,2500,2.5e6\n120,200,2e5\n180,-1,-1e3\n"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{type: csv, file: spike.csv, column: heat_kw}", "heat_kw 2500 kW, outside the signal's range [0, 2400]"),
        ("{type: csv, file: spike.csv, column: heat_w}", "heat_w 2.5e+06 is 2500 kW, outside"),
        ("{type: file, file: spike.yaml}", "heat_kw 2500 kW, outside"),
        ("{type: share, of: {type: file, file: spike.yaml}, weight: 0.98}", "heat_kw 2500 is 2450 kW, outside"),
        ("{type: share, of: {type: share, of: {type: csv, file: spike.csv, column: heat_w}, weight: 0.7}, weight: 1.4}",
         "heat_w 2.5e+06 is 2450 kW, outside"),
    ],
)  # fmt: skip
def test_the_first_cell_outside_the_range_is_told_at_its_line(
    write_rig: WriteRig, source: str, what: str
) -> None:
    rig = write_rig("sil", ("heat_kw: 1000", f"heat_kw: {source}"))
    path = csv(rig.parent, SPIKE, "spike.csv")
    rig.with_name("spike.yaml").write_text("description: x\ntype: csv\nfile: spike.csv\ncolumn: heat_kw\n")
    (problem,) = problems_of(rig)
    assert (problem.file, problem.line) == (str(path), 4)
    assert problem.what.startswith(f"heat_kw: {what}")
    assert ", and 1 more of 4 rows (asked for at " in problem.what


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("type: sqare\nlow: 1\n", 1, "unknown type 'sqare'", 'did you mean "square"?'),
        ("low: 1\nhigh: 2\n", 1, "a number, or a mapping with the key 'type'", ""),
        ("type: constant\nlevl: 5\n", 2, "unknown key 'levl'", 'did you mean "level"?'),
        ("type: constant\nlevel: high\n", 2, "level: must be a number", ""),
        ("type: constant\nlevel: 5\nunit: kPa\n", 3, "unit mismatch: the profile is in kPa", "levels in kW"),
        ("type: constant\nlevel: 5\nunit: kw\n", 3, "unknown unit 'kw'", '"kW"'),
        ("type: step\nbefore: 1\nsteps: []\n", 3, "steps: needs at least 1 entry", ""),
        ("type: step\nbefore: 1\nsteps:\n  - {at_s: 5, level: 1}\n  - {at_s: 5, lvel: 1}\n", 5, "'lvel'", "level"),
        ("type: step\nbefore: 1\nsteps:\n  - {at_s: 9, level: 1}\n  - {at_s: 5, level: 1}\n", None, "", ""),
        ("type: ramp\nstart_level: 1\nend_level: 5\nstart_s: 9\nend_s: 3\n", None, "", ""),
        ("type: square\nlow: 1\nhigh: 5\nperiod_s: 10\nduty: 1.5\n", 5, "duty: must be below 1, not 1.5", ""),
        ("type: square\nlow: 1\nhigh: 5\nperiod_s: 10\nduty: .nan\n", 5, "duty", ""),
        ("type: square\nlow: 1\nhigh: 5\nperiod_s: 0\n", 4, "period_s: must be above 0, not 0", ""),
        ("type: square\nlow: 1\nhigh: 5\nperiod_s: 1\nedge_time_s: 2\n", None, "edge", ""),
        ("type: csv\nfile: nope.csv\ncolumn: x\n", None, "nope.csv: file not found", ""),
        ("type: csv\nfile: day.csv\ncolumn: x\n", None, "no column 'x'", ""),
        ("type: file\nfile: other.yaml\n", 2, "not the name of another file", ""),
        ("type: ai_workload\nracks: 0\n", 2, "racks: must be above 0, not 0", ""),
        ("type: ai_workload\nracks: 5\nswing_kw: [95, 55]\n", None, "swing", ""),
        ("type: ai_workload\nracks: 5\ncrest_s: [30, 10]\n", None, "crest", ""),
        ("type: ai_workload\nracks: 50\n", None, "outside the signal's range", ""),
        ("type: inference\nracks: 5\nnight_share: 2\n", 3, "night_share", ""),
        ("type: inference\nracks: 5\nburst_s: [9, 2]\n", None, "burst_s is 9.0 to 2.0", ""),
        ("type: inference\nracks: 500\n", None, "outside the signal's range", ""),
        ("type: jobs\nracks: 5\njobs:\n  - {kind: trainin, start_s: 0, end_s: 9, racks: 1}\n", 4, "kind", "training"),
        ("type: jobs\nracks: 5\njobs:\n  - {kind: idle, start_s: 0, end_s: 9, racks: 6}\n", None, "hold 6 racks", ""),
        ("type: share\nof: 5\n", None, "either a weight", "parts: 12"),
        ("type: share\nof: 5\nweight: 1\nparts: 3\n", 3, "either a weight", ""),
        ("type: share\nof: 5\nparts: 12\nnumber: 13\n", 4, "there are 12 parts", "number: 1 to 12"),
        ("type: share\nof: 5\nweight: 1\nnumber: 1\n", 4, "number goes with parts", ""),
        ("type: share\nof: {type: file, file: nope.yaml}\nweight: 1\n", 2, "nope.yaml: file not found", ""),
        ("type: share\nof: {type: step, before: 1}\nweight: 1\n", 2, "steps", ""),
        ("type: share\nof: {type: weather, site: tozeur, quantity: ghi_w_m2}\nweight: 1\n", 2, "no shares", ""),
        ("type: share\nof: {type: constant, level: 5, unit: MW}\nunit: kW\nweight: 0.1\n", 3, "the whole is in MW", ""),
        ("type: share\nof: {type: constant, level: 5, unit: degC}\nweight: 0.1\n", None, "unit mismatch", ""),
    ],
)  # fmt: skip
def test_bad_load_file(
    write_rig: WriteRig, tmp_path: Path, text: str, line: int | None, what: str, hint: str
) -> None:
    csv(tmp_path, GOOD)
    path = tmp_path / "load.yaml"
    path.write_text(text)
    rig = write_rig("sil", ("heat_kw: 1000", "heat_kw: {type: file, file: load.yaml}"))
    for wishes in (Wishes(load=str(path)), None):
        (problem,) = problems_of(rig, wishes)
        assert what in problem.what
        assert hint in problem.hint
        if line is not None:
            assert (problem.file, problem.line) == (str(path), line)


def test_a_load_file_that_is_not_there_is_told_in_the_rig(write_rig: WriteRig) -> None:
    rig = write_rig("sil", ("heat_kw: 1000", "heat_kw: {type: file, file: laod.yaml}"))
    rig.with_name("load.yaml").write_text("type: constant\nlevel: 1\n")
    (problem,) = problems_of(rig)
    assert (problem.file, problem.line) == (str(rig), 15)
    assert "laod.yaml: file not found" in problem.what
    assert problem.hint == 'did you mean "load.yaml"?'


@pytest.mark.parametrize("kind", ["csv", "file"])
def test_a_key_named_as_a_kind_of_profile_keeps_its_line(write_rig: WriteRig, kind: str) -> None:
    text = f"\n    type: {kind}\n    file: x.csv\n    column: y\n    unti: kW #!"
    path = write_rig("sil", ("heat_kw: 1000", "heat_kw:" + text))
    assert any(
        p.line == 19 and "unknown key 'unti'" in p.what and "unit" in p.hint for p in problems_of(path)
    )


@pytest.mark.parametrize(
    ("override", "place", "what", "hint"),
    [
        ("period_s=-1", "--set period_s=-1", "period_s: must be at least 1e-06, not -1", ""),
        ("controllers.supply.gian=1", "--set controllers.supply.gian=1", "unknown key 'gian'", '"gain"'),
        ("controllers.suply.gain=1", "--set", "the rig has no controllers.suply", 'did you mean "supply"?'),
        ("period_s", "--set", "not of the form key.key=value", ""),
        ("=5", "--set", "not of the form", ""),
        ("a..b=5", "--set", "not of the form", ""),
        ("period_s.x=5", "--set", "period_s is a single value", ""),
        ("requirements.5.min=1", "--set", "the rig has no requirements.5", ""),
        ("requirements.9=1", "--set", "they run from 0 to 0", ""),
        ("requirements.\u00b2=1", "--set", "not the number of an item", ""),
        ("period_s=[1", "--set", "the value is not YAML", "quotes"),
        ("period_s=*x", "--set", "the value is not YAML", ""),
        ("period_s=2024-01-01", "--set", "neither text, number", "quotes"),
        ("seed=!!bool maybe", "--set", "neither text, number, true, false, list nor mapping: it has a tag", "quotes"),
        ("seed=!!omap [a: 1]", "--set", "it has a tag", "quotes"),
        ("seed=&a [*a]", "--set", "the value is not YAML", ""),
        ("period_s=", "--set period_s=", "must be a number, not nothing", ""),
        ("plants.cdu.datasheet=xdu1351", "--set plants.cdu.datasheet=xdu1351", "no datasheet", '"xdu1350"'),
        ("controllers.supply.action=reverse", "--set controllers.supply.action=reverse", "wrong way round", "direct"),
    ],
)  # fmt: skip
def test_bad_set(write_rig: WriteRig, override: str, place: str, what: str, hint: str) -> None:
    problems = problems_of(write_rig("sil"), Wishes(overrides=(override,)))
    assert any(p.file == place and p.line is None and what in p.what and hint in p.hint for p in problems), (
        problems
    )


@pytest.mark.parametrize("duration_s", [0.0, -5.0, float("nan"), float("inf"), 1e12])
def test_bad_duration(write_rig: WriteRig, duration_s: float) -> None:
    (problem,) = problems_of(write_rig("sil"), Wishes(duration_s=duration_s))
    assert problem.file == "--duration"
    assert "must be above 0" in problem.what


def test_a_wish_that_does_not_fit_the_rig_is_told_of_the_wish(write_rig: WriteRig) -> None:
    (problem,) = problems_of(write_rig("sil"), Wishes(duration_s=0.5))
    assert problem.file == "--duration 0.5"
    assert "shorter than the period 1 s" in problem.what
    (problem,) = problems_of(write_rig("plc"), Wishes(clock="virtual"))
    assert problem.file == "--clock virtual"
    assert "needs the wall clock" in problem.what


def test_a_rig_that_names_no_load(write_rig: WriteRig) -> None:
    (problem,) = problems_of(write_rig("sil", ("load: heat_kw\n", "")), Wishes(load="5"))
    assert "the rig names none" in problem.what
    assert "heat_kw" in problem.hint


EVENTS = "scenario: s\nevents:\n"


@pytest.mark.parametrize(
    ("event", "what", "hint"),
    [
        ("{type: set, at_s: 5, signal: heat_kv, to: 5}", "not 'heat_kv'", 'did you mean "heat_kw"?'),
        ("{type: set, at_s: 5, signal: valve_percent, to: 5}", "needs a signal that a source writes", "sources: heat"),
        ("{type: set, at_s: 5, signal: heat_kw, to: 5000}", "5000 kW is outside its range [0, 2400]", "inside: 2400"),
        ("{type: set, at_s: 5, signal: heat_kw, too: 5}", "unknown key 'too'", 'did you mean "to"?'),
        ("{type: set, at_s: -5, signal: heat_kw, to: 5}", "at_s: must be at least 0, not -5", ""),
        ("{type: ste, at_s: 5, signal: heat_kw, to: 5}", "unknown type 'ste'", 'did you mean "set"?'),
        ("{type: set, at_s: 5, signal: heat_kw, to: high}", "to: must be a number", ""),
        ("{type: equipment, at_s: 5, plant: cud, fault: pump_trip}", "no plant 'cud'", 'did you mean "cdu"?'),
        ("{type: equipment, at_s: 5, plant: cdu, fault: pumptrip}", "no fault 'pumptrip'", '"pump_trip"'),
        ("{type: equipment, at_s: 5, for_s: 0, plant: cdu, fault: pump_trip}", "for_s: must be above 0", ""),
        ("{type: sensor, at_s: 5, signal: supply_tmp_degc, bias: 1}", "'supply_tmp_degc'", '"supply_temp_degc"'),
        ("{type: sensor, at_s: 5, signal: heat_kw, bias: 1}", "a device or a plant writes, not 'heat_kw'", ""),
        ("{type: sensor, at_s: 5, signal: supply_temp_degc}", "the sensor fault does nothing", "bias, noise_std"),
        ("{type: sensor, at_s: 5, signal: supply_temp_degc, frozen: true, bias: 1}", "no effect beside it", "take"),
        ("{type: sensor, at_s: 5, signal: supply_temp_degc, frozen: yes}", "must be true or false", ""),
        ("{at_s: 5, signal: heat_kw, to: 5}", "the key 'type' is missing", ""),
        ("pump_trip", "must be a mapping of keys to values", ""),
    ],
)  # fmt: skip
def test_bad_scenario(write_rig: WriteRig, event: str, what: str, hint: str) -> None:
    rig = write_rig("sil")
    path = rig.with_name("s.yaml")
    path.write_text(EVENTS + "  - {type: set, at_s: 1, signal: heat_kw, to: 7}\n  - " + event + "\n")
    (problem,) = problems_of(rig, Wishes(scenario=path))
    assert (problem.file, problem.line) == (str(path), 4)
    assert what in problem.what
    assert hint in problem.hint


def test_a_scenario_that_is_not_there(write_rig: WriteRig) -> None:
    rig = write_rig("sil")
    (problem,) = problems_of(rig, Wishes(scenario=rig.with_name("rig.yml")))
    assert (problem.what, problem.hint) == ("file not found", 'did you mean "rig.yaml"?')


def test_an_event_after_the_end_is_worth_a_warning(write_rig: WriteRig) -> None:
    rig = write_rig("sil")
    path = rig.with_name("s.yaml")
    path.write_text(EVENTS + "  - {type: set, at_s: 60, signal: heat_kw, to: 7}\n")
    (warning,) = load_rig(rig, Wishes(scenario=path)).warnings
    assert (warning.file, warning.line) == (str(path), 3)
    assert "never happens: the run ends at 60 s" in warning.what


def test_a_synthetic_load_longer_than_the_memory_is_refused(write_rig: WriteRig) -> None:
    rig = write_rig("sil", ("heat_kw: 1000", "heat_kw: {type: ai_workload, racks: 10}"))
    (problem,) = problems_of(rig, Wishes(duration_s=1e9))
    assert (problem.file, problem.line) == (str(rig), 15)
    assert "11574.1 days" in problem.what
