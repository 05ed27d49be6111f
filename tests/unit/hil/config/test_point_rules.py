"""Columns for what holds a write back and how it is verified: read, and refused where they contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.point_rules import PLAIN, RULE_COLUMNS, WriteRules, unheeded_problems
from hil.config.point_types import COLUMNS
from hil.config.points import load_points, read_points
from hil.errors import ConfigError

HEADER = (
    "signal,table,address_zero_based,type,unit,access,write,min_interval_s,writes_per_day,verify,verify_point,"
    "verify_tolerance,verify_delay_s,verify_every_s,on_mismatch,rewrites_per_min,accepted\n"
)


def load(folder: Path, rows: str) -> list:
    path = folder / "plc.csv"
    path.write_text(HEADER + rows)
    return list(load_points(path).points)


def fault(folder: Path, rows: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, rows)
    return str(caught.value).replace(str(folder), "")


def test_a_full_row(tmp_path: Path) -> None:
    point, feedback = load(
        tmp_path,
        "set_percent,holding_register,0,uint16,%,w,on_change,2.5,100,readback,pos_percent,3,0.5,20,rewrite,4,"
        "gap coarse\npos_percent,input_register,7,uint16,%,r\n",
    )
    assert point.rules == WriteRules(2.5, 100, "readback", "pos_percent", 3.0, 0.5, 20.0, "rewrite", 4)
    assert point.feedback == feedback
    assert point.accepted == ("gap", "coarse")
    assert feedback.rules is PLAIN
    assert feedback.rules.plain


def test_defaults_where_only_the_verification_is_asked_for(tmp_path: Path) -> None:
    (point,) = load(tmp_path, "set_percent,holding_register,0,uint16,%,rw,every_cycle,,,readback\n")
    assert point.rules == WriteRules(verify="readback")
    assert (point.feedback, point.rules.plain, point.rules.verify_delay_s) == (None, False, 1.0)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("a,holding_register,0,uint16,1,r,,5", "min_interval_s on a point that is not written"),
        ("a,holding_register,0,uint16,1,rw,never,,5", "writes_per_day on a point that is not written"),
        ("a,holding_register,0,uint16,1,w,every_cycle,5", "min_interval_s on a point that is written every"),
        ("a,holding_register,0,uint16,1,w,on_change,-5", "min_interval_s -5 is negative"),
        ("a,holding_register,0,uint16,1,w,on_change,,0", "writes_per_day 0 is outside 1 to"),
        ("a,holding_register,0,uint16,1,rw,on_change,,,reedback", 'did you mean "readback"?'),
        ("a,holding_register,0,uint16,1,rw,on_change,,,,,3", 'verify_tolerance without verify "readback"'),
        ("a,holding_register,0,uint16,1,rw,on_change,,,readback,,,5,2", "verify_every_s 2 is shorter than"),
        ("a,holding_register,0,uint16,1,rw,on_change,,,readback,,,,,rewrit", 'did you mean "rewrite"?'),
        ("a,holding_register,0,uint16,1,rw,on_change,,,readback,,,,,report,3", "rewrites_per_min without"),
        (
            "a,holding_register,0,uint16,1,rw,on_change,,,readback,,,,,rewrite,0",
            "rewrites_per_min 0 is outside",
        ),
        ("a,holding_register,0,uint16,1,w,on_change,,,readback", "the device does not give it back"),
        ("a,holding_register,0,uint16,1,w,on_change,,,readback,bb", 'verify_point "bb" is not in the list'),
        (
            "a,holding_register,0,uint16,1,w,on_change,,,readback,b\nb,holding_register,1,uint16,1,w",
            'verify_point "b" (line 3) cannot be read',
        ),
        (
            "a,holding_register,0,uint16,%,w,on_change,,,readback,b\nb,input_register,1,uint16,kPa,r",
            'verify_point "b" is in kPa, the point in %',
        ),
    ],
)
def test_contradictions_are_named(tmp_path: Path, row: str, what: str) -> None:
    message = fault(tmp_path, row + "\n")
    assert "plc.csv:2: " in message
    assert what in message


def test_bad_is_refused_where_there_is_no_heartbeat_to_withhold(tmp_path: Path) -> None:
    points = load(tmp_path, "a,holding_register,0,uint16,1,rw,on_change,,,readback,,,,,bad\n")
    assert unheeded_problems(points, has_heartbeat=True) == []
    (problem,) = unheeded_problems(points, has_heartbeat=False)
    assert (problem.line, '"a": on_mismatch "bad"' in problem.what) == (2, True)


def test_rows_that_are_right_are_given_beside_what_is_wrong_with_the_others(tmp_path: Path) -> None:
    path = tmp_path / "plc.csv"
    path.write_text(HEADER + "a,holding_register,0,uint16,1,r\nb,holding_register,0,uint61,1,r\n")
    points, problems = read_points(path)
    assert [point.signal for point in points.points] == ["a"]
    assert [problem.line for problem in problems] == [3]


def test_the_columns_are_known_and_described() -> None:
    import hil.config.points as module

    assert set(RULE_COLUMNS) | {"accepted"} <= set(COLUMNS)
    assert all(f"``{column}``" in module.__doc__ for column in (*RULE_COLUMNS, "accepted"))


def test_a_rig_that_verifies_by_the_heartbeat_it_has_not_is_refused(tmp_path: Path) -> None:
    from hil.rig import load_rig

    load(tmp_path, "set_percent,holding_register,0,uint16,%,rw,on_change,,,readback,,,,,bad\n")
    rig = tmp_path / "rig.yaml"
    rig.write_text(
        "rig: r\nperiod_s: 0.1\nduration_s: 1\nclock: wall\n"
        'signals:\n  set_percent: {unit: "%", range: [0, 100], failsafe: 0}\n'
        "sources:\n  set_percent: {type: constant, level: 10}\n"
        "devices:\n  plc: {type: modbus_tcp, host: 127.0.0.1, points: plc.csv, write: [set_percent]}\n"
    )
    with pytest.raises(
        ConfigError, match=r'plc.csv:2: "set_percent": on_mismatch "bad" withholds the heartbeat'
    ):
        load_rig(rig)
