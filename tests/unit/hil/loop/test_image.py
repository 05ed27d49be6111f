"""Acceptance, ageing and the promise that no non-finite number ever gets into the image."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal

AGE_NS = 100


def make(max_age_ns: int = AGE_NS) -> Image:
    return Image([Signal("a_degc", "degC", 0.0, 90.0, 20.0, max_age_ns), Signal("b", "1", -1.0, 1.0, 0.0)])


def test_before_the_first_receipt_the_failsafe_stands_in() -> None:
    image = make()
    assert image.values == [20.0, 0.0]
    assert list(image.quality) == [SUBSTITUTED, SUBSTITUTED]


def test_an_initial_value_goes_before_the_failsafe() -> None:
    assert Image([Signal("a", "1", 0, 10, 5, initial=2.0)]).values == [2.0]


@pytest.mark.parametrize(
    "wrong", [{"low": -math.inf}, {"high": math.nan}, {"failsafe": math.nan}, {"initial": math.inf}]
)
def test_a_signal_that_is_not_finite_is_refused(wrong: dict[str, float]) -> None:
    fields = {"low": 0.0, "high": 1.0, "failsafe": 0.5} | wrong
    with pytest.raises(ValueError, match="signal a"):
        Signal("a", "1", **fields)


@pytest.mark.parametrize("value", [0.0, 90.0, 45.5])
def test_the_ends_of_the_range_belong_to_it(value: float) -> None:
    image = make()
    assert image.accept(0, value, 7)
    assert (image.values[0], image.quality[0], image.received_ns[0]) == (value, GOOD, 7)


@pytest.mark.parametrize("value", [-0.001, 90.001, math.nan, math.inf, -math.inf])
def test_a_refused_value_leaves_the_last_one_as_bad(value: float) -> None:
    image = make()
    image.accept(0, 30.0, 7)
    assert not image.accept(0, value, 8)
    assert (image.values[0], image.quality[0], image.received_ns[0]) == (30.0, BAD, 7)
    assert image.rejected == [1, 0]
    assert image.accept(0, 31.0, 9)
    assert image.quality[0] == GOOD


def test_age_turns_good_to_stale_to_bad_and_a_new_value_back_to_good() -> None:
    image = make()
    image.accept(0, 30.0, 1000)
    seen = []
    for age_ns in (0, AGE_NS, AGE_NS + 1, 3 * AGE_NS, 3 * AGE_NS + 1):
        image.age(1000 + age_ns)
        seen.append(image.quality[0])
    assert seen == [GOOD, GOOD, STALE, STALE, BAD]
    assert image.values[0] == 30.0
    image.accept(0, 31.0, 2000)
    image.age(2000)
    assert image.quality[0] == GOOD


def test_a_refused_value_does_not_get_better_with_age() -> None:
    image = make()
    image.accept(0, 30.0, 0)
    image.accept(0, math.nan, 50)
    image.age(AGE_NS + 1)
    assert image.quality[0] == BAD


def test_what_was_never_received_turns_bad_too() -> None:
    image = make()
    image.age(3 * AGE_NS)
    assert image.quality[0] == SUBSTITUTED
    image.age(3 * AGE_NS + 1)
    assert image.quality[0] == BAD


def test_a_signal_made_anew_each_cycle_does_not_age() -> None:
    image = make(max_age_ns=0)
    image.accept(0, 30.0, 0)
    image.age(1 << 60)
    assert image.quality[0] == GOOD


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 1 << 40)),
        max_size=40,
    )
)
def test_whatever_is_received_values_are_finite_and_in_range(
    received: list[tuple[int, float, int]],
) -> None:
    image = make()
    for slot, value, now_ns in received:
        image.accept(slot, value, now_ns)
        image.age(now_ns + 1)
        for signal, held in zip(image.signals, image.values, strict=True):
            assert signal.low <= held <= signal.high


@given(
    st.lists(st.sampled_from([0, 5, 5, 12, 40]), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(1, 30), st.sets(st.integers(0, 5))), max_size=30),
)
def test_looking_only_when_something_can_be_old_finds_the_same_as_looking_at_each(
    max_ages: list[int], steps: list[tuple[int, set[int]]]
) -> None:
    """``steps``: time that passes, and which slots receive then."""
    image = Image([Signal(f"s{n}", "1", 0, 1, 0, max_age_ns=age) for n, age in enumerate(max_ages)])
    expected, now = bytearray(image.quality), 0
    for passed, receiving in steps:
        now += passed
        for slot in receiving & set(range(len(max_ages))):
            image.accept(slot, 0.5, now)
            expected[slot] = GOOD
        image.age(now)
        for slot, max_age in enumerate(max_ages):
            age = now - image.received_ns[slot]
            if max_age and age > 3 * max_age:
                expected[slot] = BAD
            elif max_age and age > max_age and expected[slot] == GOOD:
                expected[slot] = STALE
        assert image.quality == expected
