"""The alliance's own client (pysunspec2) against our inverter: another hand's reading of the same definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import firmware_bench as fb
import pytest
import rtu_bench as rb
from sunspec2.modbus.client import (
    SunSpecModbusClientDevice,
    SunSpecModbusClientDeviceRTU,
    SunSpecModbusClientDeviceTCP,
    SunSpecModbusClientError,
)
from sunspec2.modbus.modbus import ModbusClientException

from hil.devices.sunspec.models import Model, model_of

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

CHAIN = {1: 66, 103: 50, 120: 26, 121: 30, 123: 24, 701: 153, 704: 65}


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0", "--units", "1,5") as stub:
        stub.step(0.01)
        yield stub


@pytest.fixture
def client(stub: fb.Stub) -> Iterator[SunSpecModbusClientDeviceTCP]:
    device = SunSpecModbusClientDeviceTCP(
        slave_id=5, ipaddr="127.0.0.1", ipport=stub.port, timeout=fb.GENEROUS_S
    )
    device.connect()
    device.scan(connect=False)
    yield device
    device.disconnect()


def models(device: SunSpecModbusClientDevice) -> dict[int, Any]:
    return {number: found[0] for number, found in device.models.items() if isinstance(number, int)}


def check_all_models(device: SunSpecModbusClientDevice) -> None:
    found = models(device)
    assert {number: model.model_len for number, model in found.items()} == CHAIN
    address = 40002
    for number, model in found.items():
        assert (model.model_addr, model.error_info) == (address, ""), number
        address += CHAIN[number] + 2


def test_it_finds_all_models_of_their_defined_length_without_an_error(
    client: SunSpecModbusClientDeviceTCP,
) -> None:
    assert client.base_addr == 40000
    check_all_models(client)
    defined = {
        number: sum(point.registers for point in model_of(number, 1000).points) - 2 for number in CHAIN
    }
    assert defined == CHAIN


@pytest.mark.needs("socat")
@pytest.mark.parametrize("baud", [19200, 115200])
def test_over_a_serial_line_too(baud: int, tmp_path: Path) -> None:
    with (
        rb.Socat(tmp_path) as line,
        fb.Stub(
            fb.build("pv_inverter"), "--units", "5", "--baud", str(baud), device=line.theirs, tcp=False
        ) as stub,
    ):
        device = SunSpecModbusClientDeviceRTU(
            slave_id=5, name=line.ours, baudrate=baud, timeout=fb.GENEROUS_S
        )
        device.scan()
        check_all_models(device)
        device.close()
        assert stub.process.poll() is None


def test_mandatory_points_have_values_and_scales_that_are_none_stand_beside_none(
    client: SunSpecModbusClientDeviceTCP,
) -> None:
    for number, model in models(client).items():
        ours: Model = model_of(number, CHAIN[number])
        for name, point in model.points.items():
            if point.pdef.get("mandatory") == "M":
                assert point.value is not None, (number, name)
            mine = ours.point(name)
            assert mine is not None
            scale = ours.scale_of(mine)
            if point.value is not None and scale is not None:
                assert model.points[scale.name].value is not None, (number, name)


def test_values_are_plausible_and_agree_between_models(client: SunSpecModbusClientDeviceTCP) -> None:
    found = models(client)
    old, new = found[103], found[701]
    assert found[120].WRtg.cvalue == found[121].WMax.cvalue == 100_000
    assert 85_000 < old.W.cvalue < 100_000
    assert (old.W.cvalue, old.Hz.cvalue, old.PhVphA.cvalue) == (new.W.cvalue, new.Hz.cvalue, new.LNV.cvalue)
    assert old.W.cvalue == pytest.approx(old.A.cvalue * 230.0, rel=1e-3)
    assert old.PPVphAB.cvalue == pytest.approx(230.0 * math.sqrt(3), abs=0.1)
    assert old.DCW.cvalue == pytest.approx(old.DCA.cvalue * old.DCV.cvalue, rel=1e-3)
    assert (old.St.cvalue, new.InvSt.cvalue, new.ConnSt.cvalue) == (4, 3, 1)
    assert sum(new.points[f"WL{phase}"].cvalue for phase in (1, 2, 3)) == pytest.approx(old.W.cvalue, abs=30)
    assert new.TotWhInj.cvalue == old.WH.cvalue > 0
    assert found[1].Mn.cvalue == "coldloop"
    assert found[1].SN.cvalue == "PV000002"


@pytest.mark.parametrize("number", [123, 704])
def test_its_limit_holds_a_second_before_the_reversion_and_has_reverted_at_it(
    stub: fb.Stub, client: SunSpecModbusClientDeviceTCP, number: int
) -> None:
    model, measured = models(client)[number], models(client)[103]
    times, enable = {
        123: ("WMaxLimPct_RvrtTms", "WMaxLim_Ena"),
        704: ("WMaxLimPctRvrtTms", "WMaxLimPctEna"),
    }[number]
    # All of it in one go: 704 then has its enable written before its time, for it lies before it.
    model.points["WMaxLimPct"].cvalue = 37.5
    model.points[times].cvalue = 30
    model.points[enable].cvalue = 1
    model.write()
    stub.step(29.0)
    model.read()
    measured.read()
    assert (model.points[enable].cvalue, measured.W.cvalue, measured.St.cvalue) == (1, 37_500, 5)
    stub.step(1.0)
    model.read()
    assert model.points[enable].cvalue == 0
    stub.step(1.0)
    measured.read()
    assert (measured.W.cvalue > 85_000, measured.St.cvalue) == (True, 4)


def test_a_bad_value_of_its_is_refused_with_the_whole_block(
    stub: fb.Stub, client: SunSpecModbusClientDeviceTCP
) -> None:
    before = stub.words(40182, 26, unit=5)
    model = models(client)[123]
    model.WMaxLimPct.cvalue = 50.0
    model.WMaxLimPct_WinTms.cvalue = 0
    model.WMaxLimPct_RvrtTms.cvalue = 30
    model.WMaxLimPct_RmpTms.cvalue = 0
    model.WMaxLim_Ena.cvalue = 7
    with pytest.raises((SunSpecModbusClientError, ModbusClientException)):
        model.write()
    assert stub.words(40182, 26, unit=5) == before
