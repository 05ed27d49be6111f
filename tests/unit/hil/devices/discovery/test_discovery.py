"""Finding out by reading alone, against units that hold registers, refuse, or stay silent."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.points import Point, load_points
from hil.devices.discovery import draft_list, find_unit, fits, left_out, list_as_csv, runs_that_answer
from hil.devices.discovery.drafts import _named
from hil.devices.sunspec.chain import END, MARK
from hil.devices.sunspec.models import model_of
from hil.devices.wire.codec import READ_FUNCTIONS, Reply, Request


@dataclass
class Line:
    """Units by number; each holds holding registers at some addresses and refuses all others."""

    units: dict[int, dict[int, int]]
    gateway_code: int = 0
    deaf_to: set[int] = field(default_factory=set)
    wrong: str = ""
    asked: list[Request] = field(default_factory=list)

    @property
    def out_of_time(self) -> bool:
        return False

    def ask(self, request: Request, timeout_s: float) -> Reply | None:
        self.asked.append(request)
        assert request.function in READ_FUNCTIONS, "a scan never writes"
        if len(self.asked) in self.deaf_to:
            return None
        held = self.units.get(request.unit_id)
        if held is None:
            return self.reply(request, self.gateway_code) if self.gateway_code else None
        places = range(request.address, request.address + request.count)
        if request.function != 3 or not all(place in held for place in places):
            return self.reply(request, 2)
        return self.reply(request, 0, tuple(held[place] for place in places))

    @staticmethod
    def reply(request: Request, exception: int, values: tuple[int, ...] = ()) -> Reply:
        return Reply(0, request.unit_id, request.function, values, exception)


def inverter(base: int = 40000) -> dict[int, int]:
    held = dict(enumerate(MARK, start=base))
    address = base + 2
    for model_id, length in ((1, 66), (103, 50)):
        held |= {address: model_id, address + 1: length} | {address + 2 + n: 0 for n in range(length)}
        model = model_of(model_id, length)
        for name, text in (("Mn", "Maker"), ("Md", "Big One"), ("SN", "007")):
            point = model.point(name)
            if model_id == 1 and point is not None:
                words = struct.unpack(f">{point.registers}H", text.encode().ljust(2 * point.registers, b"\0"))
                held |= dict(enumerate(words, start=address + point.offset))
        address += 2 + length
    held |= {address: END, address + 1: 0}
    held |= {40072 + 12: 1234, 40072 + 13: 0xFFFE}
    return held


def test_who_answers_and_who_does_not() -> None:
    line = Line({3: {100: 7}, 7: {}})
    assert [unit for unit in range(1, 10) if find_unit(line, unit, 0.1)] == [3, 7]
    behind_a_gateway = Line({3: {100: 7}}, gateway_code=11)
    assert [unit for unit in range(1, 10) if find_unit(behind_a_gateway, unit, 0.1)] == [3]


def test_one_lost_reply_hides_nobody() -> None:
    assert find_unit(Line({3: {}}, deaf_to={1}), 3, 0.1) is not None


def test_an_inverter_says_what_it_is_and_its_points_are_drafted_with_their_scales(tmp_path: Path) -> None:
    line = Line({1: inverter()})
    unit = find_unit(line, 1, 0.1)
    assert unit is not None
    assert unit.identity == ("Maker", "Big One", "", "007")
    assert [model.id for model in unit.chain.models] == [1, 103]
    path = tmp_path / "drafted.csv"
    path.write_text(list_as_csv(draft_list(unit, prefix="inv_"), notes=["from a test"]))
    points = {point.signal: point for point in load_points(path).points}
    power = points["inv_s103_w_w"]
    assert (power.address, power.scale_register, power.no_value, power.type) == (
        40084,
        40085,
        0x8000,
        "int16",
    )
    assert points["inv_s103_tmp_cab_degc"].unit == "degC"
    assert points["inv_s103_hz_hz"].unit == "Hz"
    assert all(point.access == "r" for point in points.values())
    assert not any("sf" in name.split("_") for name in points)


def test_a_list_fits_the_device_it_was_made_for(tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text(
        "signal,table,address_zero_based,type,min,max\n"
        "a,holding_register,10,uint16,0,100\nb,holding_register,11,uint16,0,100\nc,holding_register,20,int16,,\n"
    )
    known = load_points(path)
    whole = fits(Line({5: {10: 1, 11: 100, 20: 0}}), 5, known, 0.1)
    assert whole.is_whole
    assert whole.telling == 2  # c has no limits: whatever it holds is plausible
    other = fits(Line({5: {10: 1, 11: 101}}), 5, known, 0.1)
    assert (other.points, other.answered, other.plausible, other.is_whole) == (3, 2, 1, False)


def string_combiner(modules: int, length: int | None = None) -> dict[int, int]:
    """MPPT inverters have model 160: powers of ten at its head, then modules of 20 registers each."""
    words = [
        *MARK,
        160,
        8 + 20 * modules if length is None else length,
        0xFFFF,
        0xFFFE,
        0,
        0,
        0,
        0,
        modules,
        0,
    ]
    words += [number for n in range(1, modules + 1) for number in (n, *[0x4100] * 8, *[10] * 11)]
    return dict(enumerate([*words, END, 0], start=40000)) | {0: 1}


def test_what_no_request_holds_with_its_scale_is_left_out_and_told(tmp_path: Path) -> None:
    unit = find_unit(Line({1: string_combiner(8)}), 1, 0.1)
    assert unit is not None
    reasons = left_out(unit)
    assert [reason.split()[3] for reason in reasons] == [
        f"160.module[{n}].{name}" for n in (7, 8) for name in ("DCA", "DCV", "DCW", "DCWH")
    ]
    assert "lie 138 registers apart" in reasons[0]
    path = tmp_path / "drafted.csv"
    path.write_text(list_as_csv(draft_list(unit), notes=reasons))
    drafted = {point.signal for point in load_points(path).points}
    assert {"s160_module_6_dca_a", "s160_module_8_tms_s", "s160_module_8_id"} <= drafted
    assert not {"s160_module_7_dca_a", "s160_module_8_dcwh_wh"} & drafted
    within = find_unit(Line({1: string_combiner(6)}), 1, 0.1)
    assert within is not None
    assert left_out(within) == []


def test_a_model_that_claims_to_end_beyond_the_last_address_is_left_out() -> None:
    unit = find_unit(Line({1: string_combiner(2, length=65535)}), 1, 0.1)
    assert unit is not None
    assert draft_list(unit) == []
    assert "65535 registers long: beyond address 65535" in left_out(unit)[0]


def test_registers_drafted_beside_a_model_are_not_its_scales(tmp_path: Path) -> None:
    line = Line({1: string_combiner(1)})
    unit = find_unit(line, 1, 0.1)
    assert unit is not None
    points = draft_list(unit, runs_that_answer(line, 1, 40000, 40040, 0.1))
    path = tmp_path / "drafted.csv"
    path.write_text(list_as_csv(points))
    scales = {point.scale_register for point in load_points(path).points} - {None}
    assert {40004, 40005} <= scales
    assert not scales & {point.address for point in points}


def test_a_choice_whose_name_ends_like_a_unit_is_drafted_as_a_code() -> None:
    point = Point("s121_clc_tot_va", 1, "holding_register", 30, "uint16", unit="1")
    assert _named(point, "s121_clc_tot_va").signal == "s121_clc_tot_va_code"
    assert _named(replace(point, unit="VA"), "s121_va_max").signal == "s121_va_max_va"


@given(st.sets(st.integers(0, 600)))
def test_the_registers_that_answer_are_found_to_the_last_one(held: set[int]) -> None:
    line = Line({1: {address: address ^ 0x55 for address in held}})
    runs = runs_that_answer(line, 1, 50, 500, 0.1)
    found = {run.address + n: word for run in runs for n, word in enumerate(run.words)}
    assert found == {address: address ^ 0x55 for address in held if 50 <= address <= 500}
    assert all(later.address > earlier.end for earlier, later in pairwise(runs))


@pytest.mark.parametrize("base", [0, 40000, 50000])
def test_registers_of_a_model_are_not_drafted_twice(base: int) -> None:
    line = Line({1: inverter(base) | {200: 5}})
    unit = find_unit(line, 1, 0.1)
    assert unit is not None
    points = draft_list(unit, runs_that_answer(line, 1, 0, 300, 0.1))
    places = [(point.address, point.type) for point in points]
    assert len(set(places)) == len(places)
    assert "holding_200" in {point.signal for point in points} or base == 0
