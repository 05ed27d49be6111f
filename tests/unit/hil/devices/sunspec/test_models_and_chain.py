"""Models flattened from the definitions, against offsets known otherwise; chains walked, sound and broken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.device import get_model_def

from hil.devices.sunspec.chain import BASES, END, MARK, MOST_MODELS, Ask, Chain, Found, walk
from hil.devices.sunspec.models import CODING, UnknownModelError, model_of

# Offsets from the ID register that were read off real devices' maps, not off the definitions.
KNOWN = {
    (120, 26): {"WRtg": 3},
    (121, 30): {"WMax": 2, "WGra": 12},
    (103, 50): {"W": 14, "W_SF": 15, "Hz": 16, "St": 38},
    (123, 24): {"WMaxLimPct": 5, "WMaxLimPct_RvrtTms": 7, "WMaxLim_Ena": 9, "OutPFSet": 10, "WMaxLimPct_SF": 23},
    (701, 153): {"InvSt": 4, "W": 10},
    (704, 65): {"WMaxLimPctEna": 14, "WMaxLimPct": 15, "WMaxLimPctRvrtTms": 18, "WSetEna": 22, "WSet": 24},
}  # fmt: skip


@pytest.mark.parametrize(("model", "offsets"), KNOWN.items())
def test_offsets_are_those_of_real_devices(model: tuple[int, int], offsets: dict[str, int]) -> None:
    points = {point.name: point for point in model_of(*model).points}
    assert {name: points[name].offset for name in offsets} == offsets


def test_points_carry_type_unit_scale_access_and_symbols() -> None:
    inverter = model_of(103, 50)
    power, state = inverter.point("W"), inverter.point("St")
    assert power is not None
    assert state is not None
    assert (power.type, power.unit, power.scale, power.writable) == ("int16", "W", "W_SF", False)
    scale = inverter.scale_of(power)
    assert scale is not None
    assert (scale.name, scale.type, scale.offset) == ("W_SF", "sunssf", 15)
    assert state.symbols[5] == "THROTTLED"
    # The same word has another number in the newer model.
    newer = model_of(701, 153).point("InvSt")
    assert newer is not None
    assert newer.symbols[4] == "THROTTLED"
    limit = model_of(704, 65).point("WMaxLimPct")
    assert limit is not None
    assert limit.writable


def test_repeating_groups_fill_the_length_and_find_their_scales_outside() -> None:
    trackers = model_of(160, 8 + 20 * 3)
    names = [point.name for point in trackers.points if point.name.endswith(".DCW")]
    assert names == ["module[1].DCW", "module[2].DCW", "module[3].DCW"]
    offsets = [point.offset for point in trackers.points if point.name.endswith(".DCW")]
    assert offsets[1] - offsets[0] == offsets[2] - offsets[1] == 20
    second = trackers.point("module[2].DCW")
    assert second is not None
    scale = trackers.scale_of(second)
    assert scale is not None
    assert scale.name == "DCW_SF"


def test_groups_that_stand_once_have_no_number() -> None:
    names = [point.name for point in model_of(704, 65).points]
    assert "PFWInj.PF" in names
    assert model_of(704, 65).points[-1].offset < 67


def test_a_device_of_an_older_edition_has_fewer_points() -> None:
    whole, cut = model_of(103, 50), model_of(103, 30)
    assert whole.point("St") is not None
    assert cut.point("St") is None
    assert cut.registers == 32


def test_no_definition_is_told() -> None:
    with pytest.raises(UnknownModelError, match="64999"):
        model_of(64999, 10)


@given(
    st.sampled_from(
        [1, 101, 102, 103, 111, 120, 121, 122, 123, 124, 160, 201, 203, 701, 702, 704, 705, 712, 713, 714]
    ),
    st.integers(1, 300),
)
def test_every_model_of_any_length_is_flat_and_within_it(model_id: int, length: int) -> None:
    model = model_of(model_id, length)
    end = 0
    for point in model.points:
        assert point.offset >= end
        end = point.offset + point.registers
        assert end <= model.registers
        if point.is_number:
            assert CODING[point.type]
    assert model.points == () or model.points[0].name == "ID"
    assert get_model_def(model_id, mapping=False)["group"]["points"][0]["name"] == "ID"


class Registers:
    """A device's holding registers; a read that touches one it does not have is refused."""

    def __init__(self, at: dict[int, int]) -> None:
        self.at = at
        self.asked: list[Ask] = []

    def read(self, ask: Ask) -> Sequence[int] | None:
        self.asked.append(ask)
        places = range(ask.address, ask.address + ask.count)
        return [self.at[place] for place in places] if all(place in self.at for place in places) else None


def walked(device: Registers) -> Chain:
    steps = walk()
    ask = next(steps)
    while True:
        try:
            ask = steps.send(device.read(ask))
        except StopIteration as end:
            chain: Chain = end.value
            return chain


def device_of(base: int, *models: tuple[int, int], end: bool = True) -> Registers:
    at = dict(enumerate(MARK, start=base))
    address = base + 2
    for model_id, length in models:
        at |= {address: model_id, address + 1: length} | {address + 2 + n: 0 for n in range(length)}
        address += 2 + length
    if end:
        at |= {address: END, address + 1: 0}
    return Registers(at)


@pytest.mark.parametrize("base", BASES)
def test_a_chain_is_followed_from_wherever_it_begins(base: int) -> None:
    chain = walked(device_of(base, (1, 66), (103, 50), (123, 24)))
    assert chain.base == base
    assert chain.trouble == ""
    assert chain.models == (
        Found(1, base + 2, 66), Found(103, base + 70, 50), Found(123, base + 122, 24),
    )  # fmt: skip
    assert chain.model(103) == chain.models[1]
    assert chain.model(704) is None


@pytest.mark.parametrize(
    ("device", "found", "trouble"),
    [
        (Registers({}), 0, "no SunS at 40000, 50000, 0"),
        (Registers({40000: MARK[0], 40001: 0}), 0, "no SunS"),
        (device_of(40000, (1, 66), end=False), 1, "no answer for the head of a model at 40070"),
        (device_of(40000, (1, 66), (0, 0)), 1, "no head of a model at 40070: ID 0, length 0"),
        (device_of(0, *[(103, 1)] * 200), MOST_MODELS, "more than 100 models"),
        (device_of(0, (1, 66), (103, 65535)), 2, "beyond address 65535"),
    ],
)  # fmt: skip
def test_a_broken_chain_gives_what_was_found_and_why_it_ended(
    device: Registers, found: int, trouble: str
) -> None:
    chain = walked(device)
    assert len(chain.models) == found
    assert trouble in chain.trouble


@given(st.dictionaries(st.integers(0, 400), st.integers(0, 65535)))
def test_whatever_a_device_holds_the_walk_ends(at: dict[int, int]) -> None:
    device = Registers({**at, 0: MARK[0], 1: MARK[1]})
    chain = walked(device)
    assert chain.base == 0
    assert len(device.asked) <= MOST_MODELS + len(BASES) + 1
