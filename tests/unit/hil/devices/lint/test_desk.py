"""What ``hil points lint`` finds at the desk: each kind of mistake, with its line and its figures, and nothing else."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.point_rules import PLAIN, WriteRules
from hil.config.point_types import BIT_TABLES, BYTE_ORDERS, DATA_TYPES, TABLES, WORD_ORDERS, Point
from hil.config.points import PointList, read_points
from hil.devices.lint import CODES, Finding, Reach, Wanted, findings_of
from hil.devices.lint.prove import parted
from hil.devices.wire.coalesce import Limits

HEADER = (
    "signal,table,address_zero_based,type,bit,scale,unit,access,write,min,max,unit_id,word_order,deadband,"
)
HEADER += "refresh_s,writes_per_day,verify,verify_point,accepted\n"


def listed(folder: Path, rows: str, header: str = HEADER) -> PointList:
    path = folder / "plc.csv"
    path.write_text(header + rows)
    points, problems = read_points(path)
    assert not problems
    return points


def found(
    folder: Path, rows: str, header: str = HEADER, **signals: tuple[str, float, float]
) -> list[Finding]:
    wanted = Wanted({name: Reach(name, *reach) for name, reach in signals.items()}) if signals else None
    findings = findings_of(listed(folder, rows, header), wanted)
    assert all(finding.file.endswith("plc.csv") and finding.what for finding in findings)
    assert all(finding.code in CODES for finding in findings)
    return findings


def short(findings: list[Finding]) -> list[tuple[str, int, str]]:
    return [(finding.code, finding.line, finding.signal) for finding in findings]


CLEAN = """\
supply_temp_degc,input_register,0,int16,,0.1,degC,r
flow_l_min,input_register,1,uint16,,0.1,L/min,r
alarm,input_register,2,bool,3,,bool,r
valve_percent,holding_register,10,uint16,,0.01,%,rw,on_change,0,100,,,0.05,60,5000,readback
energy_kwh,input_register,3,uint32,,1,kWh,r
"""


def test_a_good_list_has_no_findings(tmp_path: Path) -> None:
    signals = {"supply_temp_degc": ("degC", -20.0, 90.0), "valve_percent": ("%", 0.0, 100.0)}
    assert found(tmp_path, CLEAN) == []
    assert found(tmp_path, CLEAN, **signals) == []


@pytest.mark.parametrize(
    ("rows", "code", "line", "figures"),
    [
        ("a,coil,0\na,coil,1\n", "duplicate", 3, (None, None, "")),
        ("a,holding_register,4,uint32\nb,holding_register,5,uint16\n", "overlap", 3, (5, 6, "address")),
        (
            "a,holding_register,4,bool,2,,,r\nb,holding_register,4,bool,2,,,r\n", "bit_collision", 3,
            (4, None, "address"),
        ),
        ("a,holding_register,4,uint16\nb,holding_register,4,bool,2,,,r\n", "bit_collision", 3, (4, 5, "address")),
        (
            "".join(f"b{n},holding_register,4,bool,{n},,,w\n" for n in range(15))
            + "r,holding_register,4,bool,15,,,r\n",
            "shared_word", 17, (4, None, "address"),
        ),
        ("a,holding_register,4,bool,2,,,w\n", "unlisted_bits", 2, (15, 0, "bits")),
        (
            "a,holding_register,4,uint16\nb,input_register,5,uint16\nc,holding_register,6,uint16,,,,w\n",
            "table_mix", 3, (5, None, "address"),
        ),
        (
            "".join(f"s{n},coil,{n},,,,,,,,,1\n" for n in range(5)) + "x,coil,9,,,,,,,,,11\n", "lone_unit_id", 7,
            (11, 1, "unit id"),
        ),
        ("rack_kpa,input_register,0,uint16,,1,L/min\n", "name_unit", 2, (None, None, "")),
        ("a,holding_register,0,uint16,,1,1,w,on_change,,,,,,,,readback\n", "unverifiable", 2, (None, None, "")),
        (
            "a,holding_register,0,uint16,,1,1,rw,on_change,,,0,,,,,readback\n", "broadcast", 2, (None, None, ""),
        ),
        ("a,input_register,0,uint16,,1,1,r,,,,0\n", "broadcast", 2, (None, None, "")),
        ("a,holding_register,0,uint16,,1,1,rw,never,,,0\n", "broadcast", 2, (None, None, "")),
        ("a_percent,input_register,0,uint16,,0.001,%,r,,0,100\n", "saturation", 2, (100, 65.535, "%")),
        ("a_degc,input_register,0,int16,,0.01,degC,r,,-400,100\n", "saturation", 2, (-400, -327.68, "degC")),
        ("a_degc,input_register,0,uint16,,0.1,degC,r,,-10,100\n", "wrap", 2, (-10, 0, "degC")),
        ("a_degc,input_register,0,uint16,,0.1,degC,r\n", "wrap", 2, (-0.1, 0, "degC")),
        ("heat_kwh,input_register,0,uint16,,1,kWh,r\n", "counter_wrap", 2, (65536, 65535, "kWh")),
        ("run_hours,input_register,0,uint16,,1,h,r\n", "counter_wrap", 2, (65536, 65535, "h")),
        ("a_kw,holding_register,0,float32,,1,kW,w\n", "no_limits", 2, (None, None, "")),
        ("a_bar,input_register,0,int16,,0.5,bar,r,,0,16\n", "coarse", 2, (0.5, 0.16, "bar")),
        (
            "a_bar,holding_register,0,int16,,0.1,bar,w,on_change,0,16,,,0.05\n", "deadband", 2, (0.05, 0.1, "bar"),
        ),
        ("a_bar,holding_register,0,int16,,0.1,bar,w,on_change,0,16,,,4\n", "deadband", 2, (4, 1.6, "bar")),
        (
            "a_bar,holding_register,0,int16,,0.1,bar,w,on_change,0,16,,,,60,100\n", "wear", 2,
            (1440, 100, "writes/day"),
        ),
        (
            "a,holding_register,40100,uint16\nb,holding_register,40101,uint16\n", "book_numbers", 2,
            (40100, 40000, "address"),
        ),
        ("a,coil,1\nb,coil,2\nc,coil,3\n", "one_based", 2, (1, 0, "address")),
        (
            "".join(f"f{n}_kw,input_register,{21 + 2 * n},float32,,1,kW,r\n" for n in range(3)), "one_based", 2,
            (21, None, "address"),
        ),
        (
            "".join(f"f{n}_kw,input_register,{2 * n},float32,,1,kW,r\n" for n in range(2))
            + "z_kw,input_register,4,float32,,1,kW,r,,,,,low_first\n", "mixed_order", 4, (None, None, ""),
        ),
        (
            "a,input_register,0,uint16\nb,input_register,3,uint16\nc,input_register,90,uint16\n", "requests", 3,
            (3, 2, "requests"),
        ),
        ("a,coil,0,,,,,,,,,,,,,,,,coars\n", "unknown_code", 2, (None, None, "")),
    ],
)  # fmt: skip
def test_each_mistake_is_found_once_with_its_figures(
    tmp_path: Path, rows: str, code: str, line: int, figures: tuple[float | None, float | None, str]
) -> None:
    (finding,) = found(tmp_path, rows)
    assert (finding.code, finding.line) == (code, line), finding
    value, limit, unit = figures
    assert finding.unit == unit
    assert finding.value == (value if value is None else pytest.approx(value)), finding
    assert finding.limit == (limit if limit is None else pytest.approx(limit)), finding


@pytest.mark.parametrize(
    ("row", "reach", "code", "figures"),
    [
        ("x_kpa,input_register,0,uint16,,0.01,kPa,r", ("kPa", 0.0, 700.0), "saturation", (700, 655.35, "kPa")),
        ("x_kpa,input_register,0,uint16,,1,kPa,r", ("kPa", -10.0, 700.0), "wrap", (-10, 0, "kPa")),
        ("x_kpa,input_register,0,uint16,,1,Pa,r", ("kPa", 0.0, 0.06), "coarse", (1, 0.6, "Pa")),
        ("x_kpa,input_register,0,uint16,,1,degC,r", ("kPa", 0.0, 60.0), "unit_mismatch", (None, None, "")),
        (
            "x_kpa,holding_register,0,uint16,,1,kPa,w,on_change,50,650", ("kPa", 0.0, 700.0), "beyond_limits",
            (0, 50, "kPa"),
        ),
        (
            "x_kpa,holding_register,0,uint16,,1,kPa,w,on_change,0,650", ("kPa", 0.0, 700.0), "beyond_limits",
            (700, 650, "kPa"),
        ),
    ],
)  # fmt: skip
def test_against_the_signals_of_a_rig(
    tmp_path: Path, row: str, reach: tuple[str, float, float], code: str,
    figures: tuple[float | None, float | None, str],
) -> None:  # fmt: skip
    findings = [each for each in found(tmp_path, row + "\n", x_kpa=reach) if each.code == code]
    assert len(findings) == 1
    value, limit, unit = figures
    assert findings[0].unit == unit
    assert findings[0].value == (value if value is None else pytest.approx(value))
    assert findings[0].limit == (limit if limit is None else pytest.approx(limit))


def test_what_a_rig_reads_and_how_decides_what_gaps_cost(tmp_path: Path) -> None:
    points = listed(
        tmp_path, "a,input_register,0,uint16\nb,input_register,3,uint16\nc,input_register,5,uint16\n"
    )

    def requests(reads: tuple[str, ...], gap: int) -> list[Finding]:
        return findings_of(points, Wanted({}, ((reads, Limits(max_gap=gap)),)))

    (finding,) = requests(("a", "b", "c"), 0)
    assert (finding.value, finding.limit) == (3, 1)
    assert "max_gap_registers: 2" in finding.hint
    assert requests(("a", "b", "c"), 2) == []
    assert requests(("c",), 0) == []
    (finding,) = requests(("b", "c"), 0)
    assert "max_gap_registers: 1" in finding.hint


def test_maps_that_do_lie_there_are_left_alone(tmp_path: Path) -> None:
    # SunSpec begins at 40000 on the wire; Danfoss parameters lie at PNU x 10 - 1.
    sunspec = "signal,table,address_zero_based,type,scale_register\na,holding_register,40072,int16,40076\n"
    assert found(tmp_path, "", sunspec) == []
    danfoss = "".join(f"p{n}_a,holding_register,{16139 + 100 * n},int32,,0.01,A,r\n" for n in range(4))
    assert found(tmp_path, danfoss) == []
    book = (
        "signal,table,address_book,type\na,holding_register,40002,uint16\nb,holding_register,40003,uint16\n"
    )
    assert found(tmp_path, "c,holding_register,40004,uint16\n", book) == []


def test_a_scale_too_far_from_its_number(tmp_path: Path) -> None:
    header = "signal,table,address_zero_based,type,scale_register\n"
    (finding,) = found(tmp_path, "a,holding_register,10,int16,400\n", header)
    assert (finding.code, finding.value, finding.limit) == ("too_long", 391, 125)


@pytest.mark.parametrize(
    ("rows", "lines", "named"),
    [
        ("a,holding_register,0,int16,1\nb,holding_register,1,int16,,rw\n", [2], "line 3, which is written"),
        ("a,holding_register,0,int16,2\nb,holding_register,1,uint32\n", [2], '"b" at holding_register 1 to 2'),
        ("a,holding_register,0,uint32,1\n", [2], "one of its own"),
        ("a,holding_register,0,int16,2\nb,holding_register,1,uint16,2\nsf,holding_register,2,int16\n", [], ""),
    ],
)  # fmt: skip
def test_a_scale_register_that_is_a_number_too(
    tmp_path: Path, rows: str, lines: list[int], named: str
) -> None:
    header = "signal,table,address_zero_based,type,scale_register,access\n"
    findings = found(tmp_path, rows, header)
    assert [(each.code, each.line, each.unit) for each in findings] == [
        ("overlap", n, "address") for n in lines
    ]
    assert all(named in each.what and each.value in (1, 2) for each in findings)


def test_unit_0_is_a_broadcast_only_where_an_answer_is_wanted_on_a_serial_bus(tmp_path: Path) -> None:
    points = listed(tmp_path, "a,holding_register,0,uint16,,1,1,rw,on_change,,,0\n")

    def codes(wanted: Wanted) -> list[str]:
        return [each.code for each in findings_of(points, wanted)]

    assert codes(Wanted()) == []
    assert codes(Wanted(uses=(((), Limits()),))) == []
    assert codes(Wanted(uses=((("a",), Limits()),))) == ["broadcast"]
    assert codes(Wanted(uses=((("a",), Limits()),), serial=False)) == []


def point_of(draw: st.DrawFn) -> Point:
    table = draw(st.sampled_from(TABLES))
    kind = "bool" if table in BIT_TABLES else draw(st.sampled_from(sorted(DATA_TYPES)))
    low = draw(st.floats(-1e6, 1e6) | st.just(-math.inf))
    return Point(
        draw(st.sampled_from(["a", "b_kw", "c_degc", "total_kwh", "d_hours"])), draw(st.integers(0, 3)), table,
        draw(st.integers(0, 40)), kind, 3 if kind == "bool" and table not in BIT_TABLES else None,
        draw(st.sampled_from(WORD_ORDERS)), draw(st.sampled_from(BYTE_ORDERS)),
        draw(st.sampled_from([1.0, -1.0, 0.1, 1e-300, 1e9])), draw(st.sampled_from([0.0, 1.0, -273.15])),
        draw(st.sampled_from(["1", "kW", "degC", "kWh", "%"])), draw(st.sampled_from(["r", "w", "rw"])),
        draw(st.sampled_from(["never", "on_change"])), draw(st.sampled_from([0.0, 0.5])),
        draw(st.sampled_from([None, 5.0])), low, draw(st.floats(max(low, -1e6), 2e6) | st.just(math.inf)),
        rules=draw(st.sampled_from([PLAIN, WriteRules(writes_per_day=9, verify="readback")])),
        line=draw(st.integers(2, 99)),
    )  # fmt: skip


@given(st.lists(st.composite(point_of)(), max_size=12, unique_by=lambda point: point.line))
def test_no_list_is_too_odd_for_it(points: list[Point]) -> None:
    for finding in findings_of(PointList("x.csv", tuple(points))):
        assert finding.code in CODES
        json.dumps([finding.value, finding.limit], allow_nan=False)


def test_what_is_accepted_is_set_apart(tmp_path: Path) -> None:
    rows = "a_bar,input_register,0,int16,,0.5,bar,r,,0,16,,,,,,,,coarse\nb_bar,input_register,9,int16,,0.5,bar,r,,0,16"
    points = listed(tmp_path, rows + ",,,,,,,,requests\n")
    left, accepted = parted(findings_of(points), points.points)
    assert short(left) == [("coarse", 3, "b_bar")]
    assert short(accepted) == [("coarse", 2, "a_bar"), ("requests", 3, "b_bar")]


def test_every_code_of_the_desk_has_a_test_here() -> None:
    text = Path(__file__).read_text()
    live = {code for code, meaning in CODES.items() if meaning.startswith("live: ")}
    assert {code for code in CODES if f'"{code}"' not in text} == live
