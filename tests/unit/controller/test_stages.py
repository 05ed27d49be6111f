"""A staged changeover: dead band, delay, minimum times, second conditions, bad inputs, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import Condition, StageError, Stages

FREE, PARTLY, MECHANICAL = range(3)


def cooling(**changes: object) -> Stages:
    options: dict[str, object] = {
        "up_at": [26, 28],
        "down_at": [24, 25.5],
        "minimum_time_s": 60,
        "delay_s": 5,
    }
    options |= changes
    up_at, down_at = options.pop("up_at"), options.pop("down_at")
    return Stages(up_at, down_at, **options)  # type: ignore[arg-type]


def steps(
    law: Stages, measured: float, count: int, dt_s: float = 1.0, conditions: tuple[float, ...] = ()
) -> list[int]:
    return [law.step(measured, dt_s, conditions) for _ in range(count)]


def test_nothing_changes_inside_the_dead_band() -> None:
    law = cooling(initial_stage=PARTLY)
    assert set(steps(law, 26.5, 1000)) == {PARTLY}
    assert set(steps(law, 24.0, 1000)) == {PARTLY}, "on the threshold is not below it"
    assert set(steps(law, 28.0, 1000)) == {PARTLY}
    assert (law.changes, law.waits) == (0, 0)
    assert law.time_in_stage_s == 3000.0


def test_a_stage_is_left_when_its_time_and_the_delay_are_over_and_one_at_a_time() -> None:
    law = cooling()
    seen = steps(law, 35.0, 200)
    # Seen above at step 1; 60 s in the stage are over at step 60, and again 60 s later.
    assert [n for n in range(1, 200) if seen[n] != seen[n - 1]] == [59, 119]
    assert seen[-1] == MECHANICAL
    assert law.counters() == {"changes": 2, "waits": (59 - 5) + (59 - 5), "rejected": 0}


def test_the_delay_counts_from_the_first_look_and_anew_after_a_break() -> None:
    law = cooling(minimum_time_s=0)
    assert steps(law, 27.0, 5) == [FREE] * 5
    assert law.step(25.0, 1.0) == FREE
    assert steps(law, 27.0, 6) == [FREE] * 5 + [PARTLY]


def test_no_delay_and_no_minimum_time_follow_at_once() -> None:
    law = cooling(minimum_time_s=0, delay_s=0)
    assert [law.step(value, 1.0) for value in (27, 29, 29, 25, 23, 23)] == [1, 2, 2, 1, 0, 0]


def test_each_stage_may_have_a_time_of_its_own() -> None:
    law = cooling(minimum_time_s=[0, 30, 100], delay_s=0)
    assert steps(law, 29.0, 1) == [PARTLY]
    assert steps(law, 29.0, 30) == [PARTLY] * 29 + [MECHANICAL]
    assert steps(law, 20.0, 100) == [MECHANICAL] * 99 + [PARTLY]


def test_reverse_rises_as_the_value_falls() -> None:
    law = cooling(up_at=[10, 5], down_at=[12, 7], action="reverse", minimum_time_s=0, delay_s=0)
    assert [law.step(value, 1.0) for value in (11, 9, 4, 6, 8, 11, 13)] == [0, 1, 2, 2, 1, 1, 0]


def test_a_second_condition_must_hold_as_long_as_the_threshold() -> None:
    warm = Condition((18.0, 22.0), is_above=True)
    cool = Condition((15.0, 15.0), is_above=False)
    law = cooling(minimum_time_s=0, delay_s=3, up_if=[warm], down_if=[cool])
    assert set(steps(law, 27.0, 100, conditions=(17.0, 17.0))) == {FREE}
    assert steps(law, 27.0, 4, conditions=(19.0, 19.0)) == [FREE] * 3 + [PARTLY]
    assert set(steps(law, 29.0, 100, conditions=(19.0, 19.0))) == {PARTLY}, (
        "the next change has a level of its own"
    )
    assert set(steps(law, 20.0, 100, conditions=(16.0, 16.0))) == {PARTLY}
    assert steps(law, 20.0, 4, conditions=(14.0, 14.0))[-1] == FREE


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_holds_is_counted_and_breaks_off_the_crossing(bad: float) -> None:
    law = cooling(minimum_time_s=0, up_if=[Condition((0.0, 0.0), is_above=True)])
    steps(law, 27.0, 5, conditions=(1.0,))
    assert law.step(bad, 1.0, (1.0,)) == FREE
    assert steps(law, 27.0, 5, conditions=(1.0,)) == [FREE] * 5
    assert law.step(27.0, 1.0, (bad,)) == FREE
    assert law.step(27.0, bad, (1.0,)) == FREE
    assert law.step(27.0, -1.0, (1.0,)) == FREE
    assert law.rejected == 4
    assert law.time_in_stage_s == 12.0


def test_a_hold_counts_the_stages_time_but_not_the_crossings() -> None:
    law = cooling(minimum_time_s=10)
    steps(law, 27.0, 5)
    for _ in range(20):
        law.hold(1.0)
    assert law.time_in_stage_s == 25.0
    assert steps(law, 27.0, 6) == [FREE] * 5 + [PARTLY]


def test_force_goes_at_once_and_its_stage_has_a_minimum_time_too() -> None:
    law = cooling(delay_s=0)
    assert law.force(MECHANICAL) == MECHANICAL
    for _ in range(10):
        law.force(MECHANICAL, 1.0)
    assert law.time_in_stage_s == 10.0, "forced to where it is, its time counts on"
    assert steps(law, 20.0, 50) == [MECHANICAL] * 49 + [PARTLY]
    assert law.changes == 1


def test_by_hand_nothing_moves_it_but_the_hand() -> None:
    law = cooling(delay_s=0)
    law.to_manual(PARTLY)
    assert set(steps(law, math.nan, 100)) == {PARTLY}
    assert law.force(MECHANICAL) == PARTLY
    assert law.rejected == 0
    law.to_auto()
    assert law.step(29.0, 1.0) == MECHANICAL, "its minimum time is over since the hand put it there"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"down_at": [26, 27]}, "down_at[0] is 26 and must be below up_at[0], which is 26"),
        ({"up_at": [28, 26]}, "up_at[1] is 26, below up_at[0], which is 28"),
        ({"down_at": [24, 23]}, "down_at[1] is 23, below down_at[0]"),
        ({"down_at": [24]}, "up_at has 2 thresholds, down_at 1"),
        ({"up_at": [], "down_at": []}, "at least 1"),
        ({"up_at": [26, math.nan]}, "up_at[1] is nan"),
        ({"action": "reverse"}, "up_at[1] is 28, above up_at[0]"),
        ({"action": "up"}, "action 'up'"),
        ({"minimum_time_s": -1}, "minimum_time_s is -1"),
        ({"minimum_time_s": [1, 2]}, "minimum_time_s has 2 times for 3 stages"),
        ({"delay_s": math.inf}, "delay_s is inf"),
        ({"initial_stage": 3}, "stage 3 is none of 0 to 2"),
        ({"up_if": [Condition((1.0,), is_above=True)]}, "it needs 2 finite ones"),
    ],
)  # fmt: skip
def test_what_would_flutter_or_cannot_be_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(StageError) as caught:
        cooling(**changes)
    assert told in str(caught.value)


@given(
    st.lists(st.sampled_from([20.0, 24.0, 24.5, 25.0, 25.5, 27.0, 28.0, 30.0]), min_size=1, max_size=150),
    st.sampled_from([0.1, 0.5, 1.0, 7.0]),
    st.sampled_from([0.0, 0.3, 3.0, 10.0]),
    st.sampled_from([0.0, 2.0, 12.0, 40.0]),
    st.booleans(),
)
def test_no_stage_is_left_early_and_every_change_was_asked_for_all_along(
    values: list[float], dt_s: float, delay_s: float, minimum_s: float, is_reverse: bool
) -> None:
    up_at, down_at, sign = [26.0, 28.0], [24.0, 25.5], -1.0 if is_reverse else 1.0
    law = Stages(
        [sign * each for each in up_at], [sign * each for each in down_at], minimum_time_s=minimum_s, delay_s=delay_s,
        action="reverse" if is_reverse else "direct",
    )  # fmt: skip
    entered, before = 0, 0
    for number, value in enumerate(values, start=1):
        stage = law.step(sign * value, dt_s)

        def asks(direction: int, at: int, stage: int = before) -> bool:
            if direction > 0:
                return stage < 2 and values[at - 1] > up_at[stage]
            return stage > 0 and values[at - 1] < down_at[stage - 1]

        # As many looks as the delay is long, and the one it begins with; none from before the stage was entered.
        looks = math.ceil(delay_s / dt_s - 1e-9)
        first = number - looks
        due = {
            way: first > entered and all(asks(way, at) for at in range(first, number + 1)) for way in (1, -1)
        }
        long_enough = (number - entered) * dt_s >= minimum_s - 1e-9
        expected = before + (due[1] - due[-1] if long_enough else 0)
        assert stage == expected, f"step {number}: {before} -> {stage}"
        if stage != before:
            entered, before = number, stage
