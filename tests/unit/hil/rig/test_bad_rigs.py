"""Every mistake in a rig file: refused with file, line, what and the nearest right thing. "#!" marks the line."""

from __future__ import annotations

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


def marked_line(path: Path) -> int:
    (line,) = [n for n, row in enumerate(path.read_text().splitlines(), start=1) if "#!" in row]
    return line


def assert_told(problems: tuple[Problem, ...], file: Path, line: int | None, what: str, hint: str) -> None:
    for problem in problems:
        if (
            problem.file == str(file)
            and problem.line == line
            and what in problem.what
            and hint in problem.hint
        ):
            return
    raise AssertionError(f"{file}:{line}: {what!r} / {hint!r} is not among\n" + "\n".join(map(str, problems)))


SIL_CASES = [
    # keys and types
    ("period_s: 1.0", "perod_s: 1.0 #!", "unknown key 'perod_s'", 'did you mean "period_s"?'),
    ("clock: virtual", "clock: virtuel #!", '"virtuel" is not one of wall, virtual', 'did you mean "virtual"?'),
    ("    datasheet: deschutes_2mw", "    datasheat: xdu1350 #!", "plants.cdu: unknown key 'datasheat'", "datasheet"),
    ("    gain: 0.03", "    gian: 0.03 #!", "controllers.supply: unknown key 'gian'", 'did you mean "gain"?'),
    ("band: 1", "bnad: 1 #!", "loops.supply: unknown key 'bnad'", 'did you mean "band"?'),
    ("failsafe: 100,", "fialsafe: 100, #!\n    ", "signals.valve_percent: unknown key 'fialsafe'", "failsafe"),
    ("min: 50}", "mni: 50} #!", "requirements.0: unknown key 'mni'", 'did you mean "min"?'),
    ("type: cdu", "type: cud #!", "unknown type 'cud'", 'did you mean "cdu"?'),
    ("    setpoint: supply", "    type: pdi #!\n    setpoint: supply", "unknown type 'pdi'", 'mean "pid"'),
    ("period_s: 1.0", 'period_s: "1.0" #!', 'period_s: must be a number, not "1.0"', "without quotes: 1.0"),
    ("period_s: 1.0", "period_s: 1,0 #!", "must be a number", "with a decimal point: 1.0"),
    ("period_s: 1.0", "period_s: 1 s #!", "must be a number", "without the unit s: 1"),
    ("period_s: 1.0", "period_s: 500ms #!", "must be a number", "in s, without the unit ms: 0.5"),
    ("duration_s: 60", "latency: {lateness_p99_us: 5ms} #!\nduration_s: 60", "must be a number",
     "in us, without the unit ms: 5000"),
    ("{valve_stroke_time_s: 30}", "{valve_stroke_time_s: 300ms} #!", "must be a number", "without the unit ms: 0.3"),
    ("failsafe: 100,", "failsafe: 0.5 kW, #!\n    ", "must be a number", "in the unit that is meant here"),
    ("range: [0, 2400]", 'range: "0-2400" #!\n    ', "must be a list", "brackets: [0, 2400]"),
    ("period_s: 1.0", "period_s: true #!", "must be a number, not true", ""),
    ("period_s: 1.0", "period_s: #!", "must be a number, not nothing", ""),
    ("period_s: 1.0", "period_s: .nan #!", "period_s: must be", "not nan"),
    ("duration_s: 60", "duration_s: .inf #!", "duration_s: must be", "not inf"),
    ("period_s: 1.0", "period_s: 2024-01-01 #!", "neither text, number", "quotes"),
    ("range: [0, 2400]", "range: 2400 #!\n    ", "heat_kw.range: must be a list, not 2400", "brackets: [2400]"),
    ("range: [0, 2400]", "range: [0] #!\n    ", "needs one more entry, not [0]", ""),
    ("range: [0, 2400]", "range: [0, 1, 2] #!\n    ", "takes at most 2 entries, not [0, 1, 2]", ""),
    ("range: [0, 2400]", 'range: ["0", 2400] #!\n    ', 'range.0: must be a number, not "0"', "quotes: 0"),
    ("unit: kW", "unit: 1 #!\n    ", "heat_kw.unit: must be a text, not 1", 'put it in quotes: "1"'),
    ("    outputs:\n      tcs_supply_temp_degc: supply_temp_degc\n      rack_differential_pressure_kpa: drop_kpa",
     "    outputs: [supply_temp_degc] #!", "plants.cdu.outputs: must be a mapping of keys to values", ""),
    ("    parameters:", "    figures: {duty_kw: [1, 2]} #!\n    parameters:", "must be a number, not [1, 2]", ""),
    ("    parameters:", "    figures: {pump_curve_head_kpa: 9} #!\n    parameters:", "must be a list of numbers", ""),
    ("    parameters:",
     "    figures: {pump_curve_flow_kg_s: [0, 40], pump_curve_head_kpa: [700, 900]} #!\n    parameters:",
     "must fall", ""),
    ("  cdu:\n    type: cdu\n    datasheet: deschutes_2mw", "  cdu: #!\n    type: cdu\n    datasheet: null",
     "cdu: a datasheet needs duty_kw, approach_k", ""),
    ("      rack_heat_kw: heat_kw", "      rack_heat_kw: [heat_kw] #!", "must be a text or a number, not [", ""),
    ("rig: bench", "rig: My Bench #!", '"My Bench" cannot be a name', "small letters"),
    # numbers beyond their limits
    ("period_s: 1.0", "period_s: 0 #!", "period_s: must be at least 1e-06, not 0", ""),
    ("period_s: 1.0", "period_s: -1 #!", "not -1", ""),
    ("duration_s: 60", "duration_s: 0.5 #!", "duration 0.5 s is shorter than the period 1 s", ""),
    ("duration_s: 60", "duration_s: -60 #!", "duration_s: must be above 0, not -60", ""),
    ("duration_s: 60", "seed: 1.5 #!\nduration_s: 60", "seed: must be a whole number, not 1.5", ""),
    ("duration_s: 60", "budget: {read_percent: 70, #!\n  write_percent: 60}\nduration_s: 60", "130 %", "leave"),
    # signals
    ("unit: kW", "unit: kw #!\n    ", "signal heat_kw: unknown unit 'kw'", 'did you mean "kW"?'),
    ("range: [0, 2400]", "range: [2400, 0] #!\n    ", "range [2400, 0] kW is inverted", "[0, 2400]"),
    ("failsafe: 100,", "failsafe: 110, #!\n    ", "failsafe 110 % is outside the range [0, 100]", "inside: 100"),
    ("initial: 80}", "\n    initial: -1} #!", "initial -1 % is outside", "inside: 0"),
    ("  supply_temp_degc: {unit: degC, range: [0, 95]}",
     "  supply_temp_degc: {unit: degC, range: [0, 95], mirrors: hat_kw} #!", "is no signal", '"heat_kw"'),
    ("  supply_temp_degc: {unit: degC, range: [0, 95]}",
     "  supply_temp_degc: {unit: degC, range: [0, 95], mirrors: drop_kpa} #!",
     "unit mismatch: signal supply_temp_degc in degC mirrors drop_kpa in kPa", "unit of its original"),
    # wiring
    ("      rack_heat_kw: heat_kw", "      rack_heat_kw: haet_kw #!", "'haet_kw'", 'did you mean "heat_kw"?'),
    ("      rack_heat_kw: heat_kw", "      rak_heat_kw: heat_kw #!", "no port 'rak_heat_kw'", '"rack_heat_kw"'),
    ("    measured: supply_temp_degc", "    measured: suply_temp_degc #!", "'suply_temp_degc'", '"supply_temp_degc"'),
    ("      tcs_supply_temp_degc: supply_temp_degc",
     "      tcs_supply_temp_degc: supply_temp_degc\n      tcs_return_temp_degc: supply_temp_degc #!",
     "two writers: plants.cdu.tcs_return_temp_degc writes supply_temp_degc, and so does "
     "plants.cdu.tcs_supply_temp_degc (line 28)", "exactly one"),
    ("      tcs_supply_temp_degc: supply_temp_degc", "      tcs_supply_temp_degc: drop_kpa #!",
     "unit mismatch: plants.cdu.tcs_supply_temp_degc writes drop_kpa in degC, and the signal is in kPa", "in degC"),
    ("      rack_differential_pressure_kpa: drop_kpa", "      rack_differential_pressure_kpa: supply_temp_degc #!",
     "in kPa, and the signal is in degC", "wire a signal in kPa here"),
    ("    setpoint: supply_setpoint_degc", "    setpoint: drop_setpoint_kpa #!",
     "unit mismatch: controllers.supply reads drop_setpoint_kpa in degC, and the signal is in kPa", "in degC"),
    ("    measured: drop_kpa", "    measured: drop_setpoint_kpa #!", "measured and setpoint are both", ""),
    ("load: heat_kw", "load: haet_kw #!", "'haet_kw' is no source", 'did you mean "heat_kw"?'),
    ("load: heat_kw", "scenario: nowhere.yaml #!\nload: heat_kw", "nowhere.yaml: file not found", ""),
    # gains and action
    ("gain_unit: 1/K", "gain_unit: 1/kPa #!", "kPa does not fit the measured value, which is in K", "it is %/K"),
    ("gain_unit: 1/K", "gain_unit: kW/K #!", "kW does not fit the output, which is in %", "it is %/K"),
    ("gain_unit: 1/K", "gain_unit: percent #!", "not of the form output/measured", "it is %/K"),
    ("gain_unit: 1/K", "gain_unit: 1/k #!", "unknown unit 'k'", "it is %/K"),
    ("gain_unit: 1/K", "gain_unit: 1/design range #!", "needs the range", "design_range: <"),
    ("gain_unit: 1/K", "design_range: 10 #!\n    gain_unit: 1/K", "goes with gain_unit: 1/design range", "leave it"),
    ("gain_unit: 1/K", "design_range: 0 #!\n    gain_unit: 1/design range", "must be above 0", ""),
    ("    gain: 0.03", "    gain: -0.03 #!", "-0.03 is negative, and a gain is given by its size (0.03)", "action"),
    ("action: direct", "action: reverse #!",
     "action reverse is the wrong way round: supply_temp_degc falls when valve_percent rises", "action: direct"),
    ("action: reverse", "action: direct #!", "drop_kpa rises when pump_percent rises", "action: reverse"),
    ("    gain: 0.03", "    kp: 0.03 #!\n    gain: 0.03", "form ideal has no kp", "gain"),
    ("    gain: 0.03\n", "    form: ideal #!\n", "form ideal needs gain", "gain"),
    # plants
    ("deschutes_2mw", "deschuts_2mw #!", "no datasheet 'deschuts_2mw'", 'did you mean "deschutes_2mw"?'),
    ("{valve_stroke_time_s: 30}", "{valve_strok_time_s: 30} #!", "no parameter 'valve_strok_time_s'", "stroke"),
    ("{valve_stroke_time_s: 30}", "{valve_stroke_time_s: -1} #!", "valve_stroke_time_s = -1", ""),
    ("{valve_stroke_time_s: 30}", "{plate: 30} #!", "a CDU has no parameter 'plate'", "parameters: "),
    ("    parameters:", "    figures: {duty: 3000} #!\n    parameters:", "no 'duty'", 'did you mean "duty_kw"?'),
    ("    parameters:", "    figures: {name: x} #!\n    parameters:", "no 'name'", ""),
    ("    parameters:", "    figures: {duty_kw: 2 MW} #!\n    parameters:", 'must be a number, not "2 MW"',
     "kW, without the unit MW: 2000"),
    ("    parameters:", "    figures: {tcs_fluid: 5} #!\n    parameters:", "must be a text", ""),
    ("    parameters:", "    figures: {tcs_fluid: PG25} #!\n    parameters:", "PG25", ""),
    ("    parameters:", "    figures: {duty_kw: -5} #!\n    parameters:", "duty_kw = -5", ""),
    ("    parameters:", "    figures: {tcs_return_temp_degc: 70} #!\n    parameters:", "tcs_return_temp_degc", ""),
    ("      rack_heat_kw: heat_kw", "      rack_heat_kw: -50 #!", "rack_heat_kw = -50", ""),
    # loops and requirements
    ("min: 50}", "min: 50, max: 40} #!", "min 50 is above max 40", "min: 40, max: 50"),
    (", min: 50}", "} #!", "loops.supply.within_band_percent has no limit", "min, max or both"),
    ("band: 1", "band: 0 #!", "loops.supply.band: must be above 0, not 0", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "what", "hint"), SIL_CASES)
def test_the_mistake_is_told_where_it_stands(
    write_rig: WriteRig, old: str, new: str, what: str, hint: str
) -> None:
    path = write_rig("sil", (old, new))
    line = marked_line(path)
    problems = problems_of(path)
    told = [p for p in problems if (p.file, p.line) == (str(path), line)]
    assert any(what in p.what and (hint in p.hint or hint in p.what) for p in told), "\n".join(
        map(str, problems)
    )
    assert all("should be" not in str(p) for p in problems), "pydantic speaks"


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("period_s: 1.0\n", "", 1, "the key 'period_s' is missing", ""),
        ("    gain_unit: 1/K\n", "", 31, "controllers.supply: the key 'gain_unit' is missing", ""),
        ("    type: cdu\n", "", 19, "plants.cdu: the key 'type' is missing", ""),
        ("failsafe: 70, ", "", 10, "signal pump_percent has no failsafe, and controllers.drop needs one", "in %"),
        ("      rack_heat_kw: heat_kw\n", "", 23, "the input rack_heat_kw [kW] is not wired", "a number to hold it"),
        ("  drop_setpoint_kpa: 400", "  valve_percent: 40", 17,
         "sources.valve_percent writes valve_percent, and so does "
         "controllers.supply (line 34)", "exactly one block"),
        ("  drop_setpoint_kpa: 400\n", "", 39, "no writer: nothing writes drop_setpoint_kpa, which controllers.drop",
         "sources: {drop_setpoint_kpa: <number>}"),
        ("loops.supply.within_band_percent", "loops.supply.within_band_precent", 54, "unknown key figure",
         'did you mean "loops.supply.within_band_percent"?'),
        ("duration_s: 60\n", "", 2, "virtual clock needs a duration", "duration_s"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_where_it_belongs(
    write_rig: WriteRig, old: str, new: str, line: int, what: str, hint: str
) -> None:
    path = write_rig("sil", (old, new))
    assert_told(problems_of(path), path, line, what, hint)


def test_everything_wrong_is_told_at_once(write_rig: WriteRig) -> None:
    path = write_rig(
        "sil",
        ("period_s: 1.0", "perod_s: 1.0"),
        ("range: [0, 2400]", "range: [0, none]"),
        ("    gain: 0.03", "    gain: high"),
        ("band: 1", "band: -1"),
    )
    problems = problems_of(path)
    assert [problem.line for problem in problems] == [3, 6, 36, 52]
    assert not any("missing" in problem.what for problem in problems), (
        "a misspelt key is one mistake, not two"
    )


def test_mistakes_between_blocks_are_told_at_once(write_rig: WriteRig) -> None:
    path = write_rig(
        "sil",
        ("action: direct", "action: reverse"),
        ('gain_unit: "%/kPa"', 'gain_unit: "%/K"'),
        ("range: [0, 95]", "range: [95, 0]"),
        ("rack_heat_kw: heat_kw", "rack_heat_kw: heat_w"),
        ("within_band_percent", "within_band"),
    )
    assert {problem.line for problem in problems_of(path)} >= {11, 24, 35, 45, 54}


PLC_CASES = [
    ("host: 127.0.0.1", "host: 300.1.2.3 #!", 'devices.plc.host: "300.1.2.3" is not the name', "0 to 255"),
    ("clock: wall", "clock: virtual #!", "device plc is on a real wire", "clock: wall"),
    ("read: [supply_temp_degc, position_percent]",
     "read: [supply_temp_degc, position_percent, supply_temp_degc] #!", "two writers", "exactly one"),
    ("write: [valve_percent,", "write: [valve_percent, valve_percent, #!\n     ", "writes valve_percent twice", ""),
    ("write: [valve_percent,", "write: [supply_temp_degc, valve_percent, #!\n     ",
     "supply_temp_degc cannot be written: its access is 'r' at", "another point"),
    ("read: [supply_temp_degc,", "read: [supply_temp_degc, valve_percent, #!\n     ",
     "valve_percent cannot be read: its access is 'w'", "another point"),
    ("heartbeat: beat", "heartbeat: bet #!", "has no point for the signal 'bet'", 'did you mean "beat"?'),
    ("heartbeat: beat", "heartbeat: bench_temp_degc #!", "is of type int16 in the table holding_register", "uint16"),
    ("heartbeat: beat", "heartbeat: alarm #!", "alarm cannot be written", ""),
    ("heartbeat: beat", "heartbeat: valve_percent #!", "valve_percent is also under write", "take it out"),
    ("points: plc.csv", "points: plk.csv #!", "plk.csv: cannot be read", "plc.csv"),
    ("type: modbus_tcp", "type: modbus_tpc #!", "unknown type 'modbus_tpc'", '"modbus_tcp"'),
    ("port: 1502", "port: 99999 #!", "devices.plc.port: must be at most 65535, not 99999", ""),
    ("port: 1502", 'port: "1502" #!', "must be a whole number", "without quotes: 1502"),
    ("host: 127.0.0.1", 'host: "" #!', "must not be empty", ""),
    ("host: 127.0.0.1", 'host: "10.0.0.7:502" #!', "is not the name or address of a host", "host: 10.0.0.7, port: 502"),
    ("host: 127.0.0.1", 'host: "http://plc" #!', "is not the name or address of a host", "host: plc"),
    ("    read: [", "    raed: [ #!\n    ", "unknown key 'raed'", 'did you mean "read"?'),
    ("action: direct", "action: reverse #!", "supply_temp_degc falls when valve_percent rises", "action: direct"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "what", "hint"), PLC_CASES)
def test_devices(write_rig: WriteRig, old: str, new: str, what: str, hint: str) -> None:
    path = write_rig("plc", (old, new))
    assert_told(problems_of(path), path, marked_line(path), what, hint)


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("supply_temp_degc, position", "supply_tmp_degc, position", 38, "no point for the signal 'supply_tmp_degc'",
         'did you mean "supply_temp_degc"?'),
        ("mirrors: bench_temp_degc}", "max_age_s: 0.05}", 9,
         "max_age_s 0.05 s is shorter than the period 0.1 s", "0.2"),
        ("failsafe: 100, mirrors", "mirrors", 11, "position_percent has no failsafe, and plants.cdu", "in %"),
    ],
)  # fmt: skip
def test_signals_of_devices(write_rig: WriteRig, old: str, new: str, line: int, what: str, hint: str) -> None:
    path = write_rig("plc", (old, new))
    assert_told(problems_of(path), path, line, what, hint)


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("int16,0.1,degC,r", "int16,0.1,kPa,r", 2, "the point is in kPa, the signal in degC", "different things"),
        ("int16,0.1,degC,r", "int16,0.001,degC,r", 2, "needs raw 95000, but int16 ends at 32767", "0.005"),
        ("bench_temp_degc,holding_register,200,", "bench_temp_degc,holding_register,101,", 6,
         "overlaps \"valve_percent\" at holding_register 101", "102"),
        ("beat,holding_register,103,uint16", "beat,holding_register,65535,uint32", 5,
         "beyond the table's last", "65534"),
        ("valve_percent,holding_register,101,uint16", "valve_percent,holding_register,101,unit16", 4,
         'unknown type "unit16"', 'did you mean "uint16"?'),
        ("valve_percent,holding_register", "valve_percent,holding", 4, 'unknown table "holding"', "holding_register"),
    ],
)  # fmt: skip
def test_point_lists_used_by_a_rig(
    write_rig: WriteRig, old: str, new: str, line: int, what: str, hint: str
) -> None:
    points = (Path(__file__).parent / "conftest.py").read_text().split('POINTS = """\\\n')[1].split('"""')[0]
    assert old in points
    path = write_rig("plc", points=points.replace(old, new))
    assert_told(problems_of(path), path.parent / "plc.csv", line, what, hint)


def test_a_negative_value_into_an_unsigned_register(write_rig: WriteRig) -> None:
    path = write_rig(
        "plc", ('valve_percent: {unit: "%", range: [0, 100]', 'valve_percent: {unit: "%", range: [-10, 100]')
    )
    told = problems_of(path)
    assert_told(told, path.parent / "plc.csv", 4, "at -10 % needs raw -1000, but uint16 is unsigned", "int16")


def test_only_a_loopback_address_is_this_machine(write_rig: WriteRig) -> None:
    for host, dangerous in (("127.0.0.1", False), ("localhost", False), ("::1", False), ("127.plc.example", True),
                            ("192.168.0.5", True), ("0.0.0.0", True)):  # fmt: skip
        rig = load_rig(write_rig("plc", ("host: 127.0.0.1", f'host: "{host}"')))
        assert bool(rig.dangers) == dangerous, host


LINEAR_CASES = [
    ("numerator: [0.5]", "numerator: [1, 0, 0.5] #!", "improper", ""),
    ("numerator: [0.5]", "numerator: [] #!", "numerator: needs at least 1 entry, not []", ""),
    ("numerator: [0.5]", "numerator: 0.5 #!", "must be a list, not 0.5", "brackets: [0.5]"),
    ("denominator: [60, 1]", "denominator: [0, 0] #!", "denominator is zero", ""),
    ("denominator: [60, 1]", "denominator: [60, .nan] #!", "must be a finite number", ""),
    ("dead_time_s: 5", "dead_time_s: -5 #!", "dead_time_s: must be at least 0, not -5", ""),
    ("dead_time_s: 5", "dead_time_s: 9e8 #!", "dead time 9e+08 s is 1.8e+09 periods", "at most 50000 s"),
    (
        "input_levels: [20]",
        "input_levels: [20, 30] #!",
        "2 numbers for 1 signals (heater_kw)",
        "one number a signal",
    ),
    (
        "output_levels: [30]",
        "output_levels: [300] #!",
        "300 degC of temp_degc is outside its range [-50, 150]",
        "inside: 150",
    ),
    ("input_levels: [20]", "input_levels: [-1] #!", "-1 kW of heater_kw is outside its range", "inside: 0"),
    ("outputs: [temp_degc]", "outputs: [tmp_degc] #!", "'tmp_degc'", 'did you mean "temp_degc"?'),
    ("action: reverse", "action: direct #!", "temp_degc rises when heater_kw rises", "action: reverse"),
    ("gain_unit: kW/K", "gain_unit: kW/degC #!", "degC does not fit", "it is kW/K"),
    ("denominator: [60, 1]", "denominater: [60, 1] #!", "unknown key 'denominater'", '"denominator"'),
]


@pytest.mark.parametrize(("old", "new", "what", "hint"), LINEAR_CASES)
def test_linear_plants(write_rig: WriteRig, old: str, new: str, what: str, hint: str) -> None:
    path = write_rig("linear", (old, new))
    line = marked_line(path)
    problems = problems_of(path)
    near = {line, 12} if "improper" in what or "zero" in what else {line}
    assert any(p.line in near and what in p.what and hint in p.hint for p in problems), problems


def test_a_negative_gain_of_the_plant_turns_the_right_action_round(write_rig: WriteRig) -> None:
    path = write_rig("linear", ("numerator: [0.5]", "numerator: [-0.5]"))
    assert_told(problems_of(path), path, 26, "temp_degc falls when heater_kw rises", "action: direct")
    load_rig(
        write_rig("linear", ("numerator: [0.5]", "numerator: [-0.5]"), ("action: reverse", "action: direct"))
    )


STATE_SPACE = """\
    type: state_space
    A: [[-0.1, 0], [0.02, -0.02]]
    B: [[0.06], [0]]
    C: [[0, 1]]
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("B: [[0.06], [0]]", "B: [[0.06]] #!", "B is 1 x 1"),
        ("C: [[0, 1]]", "C: [[0, 1, 2]] #!", "C is 1 x 3"),
        ("A: [[-0.1, 0], [0.02, -0.02]]", "A: [[-0.1, 0]] #!", "A is 1 x 2"),
        ("A: [[-0.1, 0], [0.02, -0.02]]", "A: [[-0.1, 0], [0.02]] #!", "A has rows of 2, 1 numbers"),
        ("C: [[0, 1]]", "C: [[0, 1]]\n    D: [[0, 1]] #!", "D is 1 x 2"),
    ],
)
def test_matrices_that_do_not_fit(write_rig: WriteRig, old: str, new: str, what: str) -> None:
    own = "    type: transfer_function\n    numerator: [0.5]\n    denominator: [60, 1]\n"
    assert load_rig(write_rig("linear", (own, STATE_SPACE)))
    path = write_rig("linear", (own, STATE_SPACE.replace(old, new)))
    assert_told(problems_of(path), path, marked_line(path), what, "")


def test_a_matrix_of_outputs_that_are_not_named(write_rig: WriteRig) -> None:
    own = "    type: transfer_function\n    numerator: [0.5]\n    denominator: [60, 1]\n"
    two = STATE_SPACE.replace("C: [[0, 1]]", "C: [[0, 1], [1, 0]]")
    path = write_rig("linear", (own, two), ("outputs: [temp_degc]", "outputs: [temp_degc] #!"))
    assert_told(
        problems_of(path), path, marked_line(path), "1 outputs (temp_degc) are named, the model has 2", ""
    )


def test_an_unstable_plant_is_held_by_the_action_that_holds_it(write_rig: WriteRig) -> None:
    unstable = ("denominator: [60, 1]", "denominator: [60, -1]")
    assert load_rig(write_rig("linear", unstable))
    path = write_rig("linear", unstable, ("action: reverse", "action: direct #!"))
    assert_told(
        problems_of(path), path, marked_line(path), "action direct is the wrong way round", "action: reverse"
    )


TWO_WAYS = """\
  fan:
    type: transfer_function
    numerator: [0.5]
    denominator: [5, 1]
    inputs: [heater_kw]
    outputs: [fan_percent]
  vessel:
    type: state_space
    A: [[-0.02]]
    B: [[0.01, COOLING]]
    C: [[1]]
    inputs: [heater_kw, fan_percent]
"""


@pytest.mark.parametrize("action", ["reverse", "direct"])
def test_where_paths_disagree_no_action_is_refused(write_rig: WriteRig, action: str) -> None:
    own = "  vessel:\n    type: transfer_function\n    numerator: [0.5]\n    denominator: [60, 1]\n"
    own += "    inputs: [heater_kw]\n"
    changes = (
        ("  temp_degc: {", '  fan_percent: {unit: "%", range: [-100, 100]}\n  temp_degc: {'),
        ("    input_levels: [20]\n", ""),
        ("action: reverse", f"action: {action}"),
    )
    assert load_rig(write_rig("linear", (own, TWO_WAYS.replace("COOLING", "-0.01")), *changes))
    agreeing = write_rig("linear", (own, TWO_WAYS.replace("COOLING", "0.01")), *changes)
    if action == "reverse":
        assert load_rig(agreeing)
    else:
        assert any("the wrong way round" in problem.what for problem in problems_of(agreeing))


def test_a_ring_of_controllers(write_rig: WriteRig) -> None:
    path = write_rig(
        "sil",
        ("    setpoint: supply_setpoint_degc\n    measured: supply_temp_degc",
         "    setpoint: pump_percent\n    measured: drop_kpa"),
        ("    setpoint: drop_setpoint_kpa", "    setpoint: valve_percent"),
    )  # fmt: skip
    told = problems_of(path)
    assert any("ring: " in p.what and "outer loop" in p.hint and p.line in {31, 39} for p in told)


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("", 1, "the file is empty", ""),
        ("- a\n- b\n", 1, "the file is a list", ""),
        ("just words\n", 1, "the file is a single value", ""),
        ("rig: x\nclock: [wall\nperiod_s: 1\n", 3, "not YAML", ""),
        ("rig: x\nsignals:\n\tx: 1\n", 3, "not YAML", "spaces, and this line has a tab"),
        (
            "rig: x\nclock: wall\nrig: y\n",
            3,
            'not YAML: found duplicate key "rig"',
            "take one of the two out",
        ),
        (
            "signals:\n  v: {unit: %, range: [0, 1]}\n",
            2,
            "cannot start any token",
            "that begins with % in quotes",
        ),
        ("rig: a: b\n", 1, "not YAML: mapping values are not allowed", "needs quotes"),
        ("a: 1\nb: !thing 5\n", 2, "the tag !thing", "quotes"),
        ("a: " + "[" * 600 + "]" * 600, None, "nested too deeply", ""),
        ("a: 1\n\x00", 2, "not YAML: the character U+0000", ""),
        ("a: *nowhere\n", 1, "not YAML: found undefined alias", ""),
        ("---\na: 1\n---\nb: 2\n", 3, "not YAML", ""),
    ],
)
def test_not_yaml(tmp_path: Path, text: str, line: int | None, what: str, hint: str) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    (problem,) = problems_of(path)
    assert (problem.file, problem.line) == (str(path), line)
    assert what in problem.what
    assert hint in problem.hint


def test_aliases_that_explode_are_refused(tmp_path: Path) -> None:
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    path = tmp_path / "rig.yaml"
    path.write_text("\n".join(rows))
    assert "too large" in problems_of(path)[0].what


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    path.write_bytes(b"rig: x\nclock: \xff\n")
    (problem,) = problems_of(path)
    assert (problem.line, problem.hint) == (2, "save it as UTF-8")
    (problem,) = problems_of(tmp_path)
    assert "cannot be read: Is a directory" in problem.what


def test_a_file_that_is_not_there(write_rig: WriteRig) -> None:
    path = write_rig("sil")
    (problem,) = problems_of(path.with_name("rigg.yaml"))
    assert (problem.file, problem.what) == (str(path.with_name("rigg.yaml")), "file not found")
    assert problem.hint == 'did you mean "rig.yaml"?'
    (problem,) = problems_of(path.parent / "rgs" / "rig.yaml")
    assert "rgs does not exist" in problem.hint


def test_an_unused_signal_is_worth_a_warning(write_rig: WriteRig) -> None:
    path = write_rig("sil", ("load: heat_kw", "  idle_kw: {unit: kW, range: [0, 1]}\nload: heat_kw"))
    (warning,) = load_rig(path).warnings
    assert (warning.file, warning.line) == (str(path), 13)
    assert "idle_kw is declared and never used" in warning.what


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "load: heat_kw",
            "  supply.quality: {unit: kW, range: [0, 1]} #!\nload: heat_kw",
            '"supply.quality" cannot be',
        ),
        ("load: heat_kw", "  t_s: {unit: s, range: [0, 1]} #!\nload: heat_kw", "trend's column of time"),
        ("load: heat_kw", "  größe: {unit: s, range: [0, 1]} #!\nload: heat_kw", "cannot be a name"),
        ("  supply:\n    setpoint", "  sup.ply: #!\n    setpoint", '"sup.ply" cannot be a name'),
        ("  cdu:", "  c d u: #!", '"c d u" cannot be a name'),
    ],
)
def test_names_that_would_collide_later(write_rig: WriteRig, old: str, new: str, what: str) -> None:
    path = write_rig("sil", (old, new))
    assert_told(problems_of(path), path, marked_line(path), what, "")


def test_a_name_that_says_another_unit_is_worth_a_warning(write_rig: WriteRig) -> None:
    path = write_rig(
        "sil",
        ("heat_kw: {unit: kW, range: [0, 2400]}", "heat_kw: {unit: MW, range: [0, 2.4]}"),
        ("heat_kw: 1000", "heat_kw: 1"),
        ("      rack_heat_kw: heat_kw", "      rack_heat_kw: 1000"),
    )
    assert [(w.line, w.what) for w in load_rig(path).warnings][-1] == (
        6,
        "signal heat_kw is in MW, and its name says kW",
    )


def test_the_action_is_checked_in_shadow_by_the_incumbents_actuator(write_rig: WriteRig) -> None:
    changes = [
        ("  position_percent: {unit: \"%\", range: [0, 100], failsafe: 100, mirrors: valve_percent}",
         "  position_percent: {unit: \"%\", range: [0, 100], failsafe: 100}"),
        ("    output: valve_percent\n", "    output: valve_percent\n    applied: position_percent\n"),
        ("write: [valve_percent, bench_temp_degc]", "write: [bench_temp_degc]"),
    ]  # fmt: skip
    load_rig(write_rig("plc", *changes))
    path = write_rig("plc", *changes, ("action: direct", "action: reverse #!"))
    assert_told(
        problems_of(path), path, marked_line(path), "falls when valve_percent rises", "action: direct"
    )
