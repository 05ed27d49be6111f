"""``hil points lint --live`` against real servers: the C stubs, a stand-in of the list, and a server that refuses."""

from __future__ import annotations

import json
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import firmware_bench as fb
import pytest
from misbehaving_server import MisbehavingServer
from rtu_bench import Socat

from hil.cli import app
from hil.config.points import load_points
from hil.devices.stand_in import serve

HEADER = "signal,table,address_zero_based,type,word_order,scale,unit,access,min,max,unit_id\n"


@pytest.fixture
def lint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run the verb on a list; gives what it prints as JSON."""

    def run(rows: str, port: int, header: str = HEADER) -> dict[str, Any]:
        path = tmp_path / "list.csv"
        path.write_text(header + rows)
        arguments = ["hil", "points", "lint", str(path), "--live", f"127.0.0.1:{port}", "--json"]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            app.main()
        out, err = capsys.readouterr()
        report = json.loads(out)
        assert (report["exit_code"], err) == (ended.value.code, "")
        assert isinstance(report, dict)
        return report

    return run


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as server:
        yield server


def words(code: str, value: float, *, low_first: bool) -> list[int]:
    numbers = struct.unpack(f">{struct.calcsize(code) // 2}H", struct.pack(">" + code, value))
    return list(reversed(numbers)) if low_first else list(numbers)


def short(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["code"], finding["signal"]) for finding in report["findings"]]


def test_the_right_word_order_is_told_from_live_values(lint: Any, server: MisbehavingServer) -> None:
    server.registers[0:2] = words("f", 21.37, low_first=True)
    server.registers[2:4] = words("I", 800, low_first=True)
    server.registers[4:8] = words("d", 3.25, low_first=True)
    rows = (
        "a_bar,input_register,0,float32,{0},1,bar,r,0,60\nb_kw,input_register,2,uint32,{0},0.1,kW,r,0,100\n"
        "c_bar,input_register,4,float64,{0},1,bar,r,0,60\n"
    )
    right = lint(rows.format("low_first"), server.port)
    assert (right["exit_code"], right["findings"], right["answered"]) == (0, [], 3)
    wrong = lint(rows.format("high_first"), server.port)
    assert wrong["exit_code"] == 1
    assert short(wrong) == [("word_order", "a_bar"), ("word_order", "b_kw"), ("word_order", "c_bar")]
    first, second, _ = wrong["findings"]
    assert first["hint"].startswith('word_order "low_first"')
    assert "give 21.37 bar" in first["what"]
    assert (second["value"], second["unit"], second["limit"]) == (800 * 65536 * 0.1, "kW", 100)
    assert [finding["line"] for finding in wrong["findings"]] == [2, 3, 4]
    assert all(request.function in (3, 4) for request in server.seen), "nothing is ever written"


def test_an_order_that_nothing_tells_is_said_to_be_open_once_for_a_unit(
    lint: Any, server: MisbehavingServer
) -> None:
    """Without a range: 131,073 kWh one way is 65,538 the other, and a serial number may be anything."""
    server.registers[0:2] = words("I", 0x0002_0001, low_first=True)
    server.registers[2:4] = words("I", 0x0102_0304, low_first=True)
    rows = (
        "a_kwh,input_register,0,uint32,low_first,1,kWh,r,,\nb,input_register,2,uint32,low_first,1,1,r,{0}\n"
    )
    report = lint(rows.format(","), server.port)
    assert short(report) == [("order_open", "a_kwh")]
    told = report["findings"][0]
    assert told["what"].startswith(
        "low_first gives 131073 kWh, high_first 65538 kWh: both are likely (and 1 more"
    )
    assert "min and max" in told["hint"]
    assert lint(rows.format("0,17000000"), server.port)["findings"] == [], (
        "one number with a range proves the unit"
    )
    server.registers[0:2] = words("I", 800, low_first=True)
    assert lint(rows.format(","), server.port)["findings"] == [], "52,428,800 the other way"
    server.registers[0:4] = [0, 0, 0, 0]
    assert lint(rows.format(","), server.port)["findings"] == [], "a 0 says nothing"


def test_a_value_that_is_none_or_too_large(lint: Any, server: MisbehavingServer) -> None:
    server.registers[0:2] = [0x7FC0, 0x7FC0]
    server.registers[2] = 65486
    report = lint(
        "a_bar,holding_register,0,float32,,1,bar,r,0,60\nb_degc,holding_register,2,uint16,,0.1,degC,r,0,90\n",
        server.port,
    )
    assert short(report) == [("not_a_number", "a_bar"), ("implausible", "b_degc")]
    assert report["findings"][0]["value"] is None
    assert report["findings"][1]["value"] == pytest.approx(6548.6)


def test_refused_points_and_what_answers_beside_them(lint: Any, server: MisbehavingServer) -> None:
    server.missing = {10, 50, 51, 52}
    report = lint(
        "a,holding_register,9,uint16,,,1,r\nb,holding_register,10,uint16,,,1,r\nc,holding_register,51,uint16,,,1,r\n",
        server.port,
    )
    assert report["answered"] == 1
    assert short(report) == [("off_by_one", "b"), ("refused", "c")]
    assert "9 answers: the numbers may be one_based" in report["findings"][0]["hint"]
    assert (report["findings"][0]["value"], report["findings"][0]["limit"]) == (10, 9)


def test_a_unit_that_does_not_answer(lint: Any, server: MisbehavingServer) -> None:
    server.unit_ids = {1}
    rows = "a,holding_register,0,uint16,,,1,r,,,1\nb,holding_register,5,uint16,,,1,r,,,2\n"
    report = lint(rows, server.port)
    assert short(report) == [("silent", "b")]
    server.mode = "silent"
    report = lint(rows, server.port)
    assert report["exit_code"] == 2
    assert "does not answer" in report["problems"][0]["what"]
    server.mode = "garbage"
    assert lint(rows, server.port)["exit_code"] == 2


def test_a_list_on_a_stand_in_of_itself_is_clean(lint: Any, tmp_path: Path) -> None:
    rows = (
        "a_bar,input_register,0,float32,low_first,1,bar,r,0,60\nb_degc,input_register,2,int16,,0.1,degC,r,-20,90\n"
        "c_kwh,input_register,3,uint32,low_first,1,kWh,r,0,4000000\n"
    )
    (tmp_path / "served.csv").write_text(HEADER + rows)
    ready, stopping, ports = threading.Event(), threading.Event(), []

    def on_ready(host: str, port: int, behaviour: str) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(
        target=serve, args=(load_points(tmp_path / "served.csv"),),
        kwargs={"on_ready": on_ready, "stop": stopping.is_set},
    )  # fmt: skip
    thread.start()
    try:
        assert ready.wait(60.0)
        report = lint(rows, ports[0])
    finally:
        stopping.set()
        thread.join(60.0)
    assert (report["findings"], report["answered"]) == ([], 3)


@pytest.mark.parametrize(
    ("mode", "told"),
    [("long", "answers with 3 registers instead of 2"), ("other_unit", "answers as unit id 2")],
)
def test_a_device_none_of_whose_replies_is_an_answer(
    lint: Any, server: MisbehavingServer, mode: str, told: str
) -> None:
    server.mode = mode
    report = lint("a_bar,input_register,0,float32,,1,bar,r,0,60\n", server.port)
    assert report["exit_code"] == 2
    assert told in report["problems"][0]["what"]


def test_a_reply_that_is_too_short_is_a_finding_and_the_rest_is_read(
    lint: Any, server: MisbehavingServer
) -> None:
    server.mode = "short"
    rows = "a_bar,input_register,0,float32,,1,bar,r,0,60\nb_bar,input_register,9,uint16,,0.1,bar,r,0,60\n"
    report = lint(rows, server.port)
    assert (report["exit_code"], report["answered"]) == (1, 1)
    assert [each["what"] for each in report["findings"] if each["code"] == "wrong_reply"] == [
        "2 addresses from 0: the device answers with 1 register instead of 2"
    ]


@pytest.mark.needs("gcc")
@pytest.mark.needs("libmodbus")
def test_the_shipped_lists_on_the_c_stubs(lint: Any, root: Path) -> None:
    folder = root / "configs" / "points"
    with fb.Stub(fb.build("valve_actuator"), "--time-scale", "0") as stub:
        stub.put(0, 6000)
        stub.step(100.0)
        text = (folder / "belimo_energy_valve.csv").read_text()
        report = lint(text, stub.port, header="")
        assert (report["findings"], report["exit_code"]) == ([], 0)
        assert report["answered"] == report["points"]
        # Without a range of its own a flow has the widest that any flow has; the list's author knows a better one.
        row = "valve_flow_l_min,holding_register,11,uint32,low_first,0.001,L/min,r,never,,,"
        assert row in text
        narrow = text.replace(row, row.replace("low_first", "high_first").replace("never,,,", "never,,0,700"))
        report = lint(narrow, stub.port, header="")
        assert short(report) == [("word_order", "valve_flow_l_min")]
        assert 'word_order "low_first"' in report["findings"][0]["hint"]
    with fb.Stub(fb.build("cdu_plc"), "--time-scale", "0") as stub:
        report = lint((folder / "cdu_plc.csv").read_text(), stub.port, header="")
        # The bench has written no sensor yet: broken wires, and that is what is said, not another byte order.
        assert short(report) == [
            ("implausible", "tcs_supply_temp_degc"),
            ("implausible", "tcs_return_temp_degc"),
            ("implausible", "rack_differential_pressure_kpa"),
        ]
        assert all(finding["hint"].startswith("0x8000: a broken wire") for finding in report["findings"])


@pytest.mark.needs("gcc", "libmodbus", "socat")
def test_a_word_order_on_a_serial_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    row = "valve_flow_l_min,holding_register,10,uint32,{},0.001,L/min,r,0,1000,1\n"
    ends = []
    with (
        Socat(tmp_path) as line,
        fb.Stub(fb.build("valve_actuator"), "--start-position", "50", "--pace", "none", device=line.theirs),
    ):
        for order in ("low_first", "high_first"):
            path.write_text(HEADER + row.format(order))
            monkeypatch.setattr(
                sys, "argv", ["hil", "points", "lint", str(path), "--live", line.ours, "--json"]
            )
            with pytest.raises(SystemExit) as ended:
                app.main()
            ends.append((ended.value.code, short(json.loads(capsys.readouterr().out))))
    assert ends == [(0, []), (1, [("word_order", "valve_flow_l_min")])]
