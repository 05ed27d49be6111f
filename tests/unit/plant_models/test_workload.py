import itertools
import math
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant_models.workload import (
    AiWorkload,
    Constant,
    Profile,
    Ramp,
    Sampled,
    SquarePulse,
    Step,
    WorkloadError,
)

TIMES_S = (0.0, 15.0, 30.0, 60.0)
LEVELS = (10.0, 40.0, 20.0, 50.0)

PROFILES: dict[str, Profile] = {
    "constant": Constant(0.1),
    "step": Step(10.0, ((5.0, 20.0), (30.0, 5.0), (31.0, 7.0))),
    "one step": Step(10.0, ((5.0, 20.0),)),
    "ramp": Ramp(10.0, 60.0, 20.0, 70.0),
    "square": SquarePulse(2.0, 8.0, period_s=20.0, duty=0.3, edge_time_s=0.2, start_s=7.0),
    "sharp square": SquarePulse(2.0, 8.0, period_s=20.0, duty=0.3),
    "triangle": SquarePulse(0.0, 1.0, period_s=7.0, duty=0.5, edge_time_s=3.5),
    "linear": Sampled(TIMES_S, LEVELS),
    "hold": Sampled(TIMES_S, LEVELS, "hold"),
    "linear, repeated": Sampled(TIMES_S, LEVELS, repeat=True),
    "hold, repeated": Sampled(TIMES_S, LEVELS, "hold", repeat=True),
    "ai": AiWorkload(seed=3, racks=8, duration_s=4000.0, job_s=(300.0, 600.0), idle_s=(20.0, 60.0)),
}
every_profile = pytest.mark.parametrize("name", PROFILES)


def numerical_mean(profile: Profile, t0_s: float, t1_s: float, n: int = 20000) -> float:
    width_s = (t1_s - t0_s) / n
    return math.fsum(profile.value(t0_s + (k + 0.5) * width_s) for k in range(n)) / n


@every_profile
@pytest.mark.parametrize(
    ("t0_s", "t1_s"), [(-20.0, 3.0), (0.0, 1.0), (4.3, 31.7), (29.0, 140.0), (55.0, 61.0), (-5.0, 300.0)]
)
def test_mean_is_the_integral_of_the_value(name: str, t0_s: float, t1_s: float) -> None:
    profile = PROFILES[name]
    levels = [profile.value(t0_s + k * (t1_s - t0_s) / 500) for k in range(501)]
    scale = max(map(abs, levels))
    # The rectangles miss at most one jump's worth each: at most 30 jumps in the longest interval.
    assert profile.mean(t0_s, t1_s) == pytest.approx(
        numerical_mean(profile, t0_s, t1_s), abs=30 * scale / 20000
    )


@every_profile
@given(
    cuts_s=st.lists(st.floats(-50, 5000), min_size=3, max_size=12, unique_by=lambda t_s: round(t_s, 3)).map(
        sorted
    )
)
def test_means_of_parts_add_up(name: str, cuts_s: list[float]) -> None:
    """Whatever the control period, the same energy passes."""
    profile = PROFILES[name]
    parts = [profile.mean(a, b) * (b - a) for a, b in itertools.pairwise(cuts_s)]
    whole = profile.mean(cuts_s[0], cuts_s[-1]) * (cuts_s[-1] - cuts_s[0])
    assert math.fsum(parts) == pytest.approx(whole, rel=1e-9, abs=1e-6)


@every_profile
def test_the_same_time_has_the_same_level_in_any_order(name: str) -> None:
    profile = PROFILES[name]
    times_s = [-3.0 + 0.37 * k for k in range(3000)]
    forwards = {t_s: (profile.value(t_s), profile.mean(t_s, t_s + 1.0)) for t_s in times_s}
    random.Random(1).shuffle(times_s)
    for t_s in times_s:
        assert (profile.value(t_s), profile.mean(t_s, t_s + 1.0)) == forwards[t_s]


@every_profile
@given(t0_s=st.floats(-1e4, 1e5), t1_s=st.floats(-1e4, 1e5))
def test_mean_lies_between_the_extremes_and_has_no_direction(name: str, t0_s: float, t1_s: float) -> None:
    profile = PROFILES[name]
    low, high = (0.0, 8 * 132e3) if name == "ai" else (0.0, 60.0)
    mean = profile.mean(t0_s, t1_s)
    assert low - 1e-9 <= mean <= high * (1 + 1e-9)
    assert mean == profile.mean(t1_s, t0_s)
    assert profile.mean(t0_s, t0_s) == profile.value(t0_s)


def test_constant_is_exact() -> None:
    assert Constant(0.1).value(12345.678) == 0.1
    assert Constant(0.1).mean(0.3, 777.7) == pytest.approx(0.1, rel=1e-15)


def test_step_takes_the_level_after_it_at_its_time() -> None:
    step = Step(10.0, ((5.0, 20.0), (30.0, 5.0)))
    assert [step.value(t_s) for t_s in (-1.0, 4.999, 5.0, 29.999, 30.0, 1e6)] == [
        10.0,
        10.0,
        20.0,
        20.0,
        5.0,
        5.0,
    ]
    assert step.mean(4.0, 6.0) == 15.0


def test_ramp() -> None:
    ramp = Ramp(10.0, 60.0, 20.0, 70.0)
    assert [ramp.value(t_s) for t_s in (0.0, 20.0, 45.0, 70.0, 100.0)] == [10.0, 10.0, 35.0, 60.0, 60.0]
    assert ramp.mean(20.0, 70.0) == 35.0


def test_square_pulse_edges_and_duty() -> None:
    pulse = SquarePulse(2.0, 8.0, period_s=20.0, duty=0.3, edge_time_s=0.2, start_s=7.0)
    assert pulse.value(6.99) == 2.0
    assert pulse.value(7.1) == pytest.approx(5.0)
    assert pulse.value(10.0) == 8.0
    assert pulse.value(13.1) == pytest.approx(5.0)
    assert pulse.value(20.0) == 2.0
    assert pulse.value(7.0 + 20.0 * 4000 + 3.0) == 8.0
    for periods in (1, 1000):
        assert pulse.mean(7.0, 7.0 + periods * 20.0) == pytest.approx(2.0 + 0.3 * 6.0, rel=1e-12)


def test_a_fast_edge_loses_no_energy_at_a_long_period() -> None:
    """Sampled once a second, 0.2 s edges would alias; the means of the seconds do not."""
    pulse = SquarePulse(37e3, 132e3, period_s=21.3, duty=0.93, edge_time_s=0.2)
    seconds = 2130
    energy = math.fsum(pulse.mean(float(k), k + 1.0) for k in range(seconds))
    assert energy == pytest.approx(100 * 21.3 * (37e3 + 0.93 * 95e3), rel=1e-12)


def test_samples_hold_interpolate_and_repeat() -> None:
    linear, hold = Sampled(TIMES_S, LEVELS), Sampled(TIMES_S, LEVELS, "hold")
    for t_s, level in zip(TIMES_S, LEVELS, strict=True):
        assert linear.value(t_s) == hold.value(t_s) == level
    assert linear.value(7.5) == 25.0
    assert hold.value(14.9) == 10.0
    assert [linear.value(-9.0), linear.value(99.0)] == [10.0, 50.0]
    # The last sample lasts 30 s, as the one before it did: the period is 90 s.
    again = Sampled(TIMES_S, LEVELS, repeat=True)
    assert again.value(90.0) == 10.0
    assert again.value(90.0 * 7 + 15.0) == 40.0
    assert again.value(75.0) == pytest.approx(30.0)
    assert Sampled(TIMES_S, LEVELS, "hold", repeat=True).value(89.0) == 50.0
    assert Sampled((5.0,), (3.0,)).value(-1.0) == Sampled((5.0,), (3.0,)).value(9.0) == 3.0


# --- the AI workload -----------------------------------------------------------------------------------


def spells(workload: AiWorkload, end_s: float, grid_s: float = 0.05) -> list[tuple[float, float]]:
    """Level and length (s) of each stretch at one level."""
    found: list[tuple[float, float]] = []
    for k in range(int(end_s / grid_s)):
        level = workload.value(k * grid_s)
        if found and found[-1][0] == level:
            found[-1] = (level, found[-1][1] + grid_s)
        else:
            found.append((level, grid_s))
    # The last one is cut by the end; on an edge a level lasts one point of the grid or two.
    return [(level, length_s) for level, length_s in found[:-1] if length_s > 0.3]


def test_ai_workload_has_the_published_crests_troughs_and_swing() -> None:
    racks = 10
    seen = spells(AiWorkload(seed=11, racks=racks, idle=15e3), 20000.0)
    crest = racks * 132e3
    crests = [length_s for level, length_s in seen if level == crest]
    troughs = [(level, length_s) for level, length_s in seen if racks * 15e3 < level < crest]
    assert len(crests) > 300
    assert all(9.85 <= length_s <= 30.1 for length_s in crests)
    assert all(55e3 <= (crest - level) / racks <= 95e3 for level, _ in troughs)
    short = [length_s for _, length_s in troughs if length_s < 10.0]
    assert all(0.9 <= length_s <= 2.1 for length_s in short)
    checkpoints = [length_s for _, length_s in troughs if length_s >= 10.0]
    assert checkpoints
    assert all(length_s == pytest.approx(60.0, abs=0.11) for length_s in checkpoints)
    assert max(length_s for level, length_s in seen if level == racks * 15e3) > 100.0
    assert len({level for level, _ in troughs}) > 1  # each job has its own


def test_ai_workload_edges_are_fast_but_not_jumps() -> None:
    workload = AiWorkload(seed=5, racks=1)
    grid_s = 0.005
    levels = [workload.value(k * grid_s) for k in range(int(3000 / grid_s))]
    moving = [a != b for a, b in itertools.pairwise(levels)]
    lengths_s, run = [], 0
    for is_moving in moving:
        if is_moving:
            run += 1
        elif run:
            lengths_s.append(run * grid_s)
            run = 0
    assert len(lengths_s) > 20
    assert all(0.09 <= length_s <= 0.21 for length_s in lengths_s)


def test_ai_workload_scales_with_racks_and_repeats_by_seed() -> None:
    one, ten, again, other = (AiWorkload(seed=s, racks=n) for s, n in ((7, 1), (7, 10), (7, 1), (8, 1)))
    times_s = [1.7 * k for k in range(5000)]
    assert [ten.value(t_s) for t_s in times_s] == pytest.approx([10 * one.value(t_s) for t_s in times_s])
    assert [again.value(t_s) for t_s in times_s] == [one.value(t_s) for t_s in times_s]
    assert [other.value(t_s) for t_s in times_s] != [one.value(t_s) for t_s in times_s]


def test_ai_workload_idles_after_its_duration() -> None:
    workload = AiWorkload(seed=7, racks=2, idle=20e3, duration_s=3600.0)
    assert workload.value(3600.0) == workload.value(1e6) == 40e3
    assert workload.mean(3600.0, 7200.0) == 40e3


# --- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Constant(math.nan), "level is nan"),
        (lambda: Step(1.0, ()), "at least one"),
        (lambda: Step(1.0, ((5.0, 1.0), (5.0, 2.0))), "step 1 at 5.0 s is not later"),
        (lambda: Step(math.inf, ((5.0, 1.0),)), "before is inf"),
        (lambda: Ramp(0.0, 1.0, 10.0, 10.0), "ramp from 10.0 s to 10.0 s"),
        (lambda: Ramp(0.0, math.nan, 0.0, 10.0), "end_level is nan"),
        (lambda: SquarePulse(0.0, 1.0, 0.0), "period_s is 0.0"),
        (lambda: SquarePulse(0.0, 1.0, 10.0, duty=1.0), "duty is 1.0"),
        (
            lambda: SquarePulse(0.0, 1.0, 10.0, duty=0.1, edge_time_s=1.5),
            "edge_time_s is 1.5.*between 0 and 1.0",
        ),
        (lambda: Sampled((0.0, 1.0, 1.0), (1.0, 2.0, 3.0)), r"sample 2 at 1.0 s is not later .* at 1.0 s"),
        (lambda: Sampled((0.0, 1.0), (1.0, math.nan)), "sample 1 at 1.0 s: level nan"),
        (lambda: Sampled((0.0, math.inf), (1.0, 2.0)), "sample 1: time inf"),
        (lambda: Sampled((0.0, 1.0), (1.0,)), "2 times and 1 levels"),
        (lambda: Sampled((), ()), "at least one"),
        (lambda: Sampled((0.0,), (1.0,), repeat=True), "cannot repeat"),
        (lambda: Sampled((0.0, 1.0), (1.0, 2.0), "cubic"), "interpolation is 'cubic'"),
        (lambda: AiWorkload(1, 0), "racks is 0"),
        (lambda: AiWorkload(1, 1, swing=(55e3, 140e3)), "swing up to 140000.0 is more than"),
        (lambda: AiWorkload(1, 1, crest_s=(30.0, 10.0)), "crest_s is 30.0 to 10.0"),
        (lambda: AiWorkload(1, 1, idle=200e3), "idle is 200000.0"),
        (lambda: AiWorkload(1, 1, edge_time_s=0.0), "edge_time_s is 0.0"),
    ],
)
def test_refused_by_name(make, words: str) -> None:
    with pytest.raises(WorkloadError, match=words):
        make()


def test_profiles_are_values() -> None:
    assert Constant(1.0) == Constant(1.0)
    assert hash(Sampled(TIMES_S, LEVELS)) == hash(Sampled(TIMES_S, LEVELS))
    with pytest.raises(AttributeError):
        PROFILES["constant"].level = 2.0


def test_a_day_of_seconds_costs_little() -> None:
    """Processor time, best of three, with ten times the aimed-at 2 µs a call allowed to a slow machine."""
    day = Sampled(tuple(15.0 * k for k in range(5760)), tuple(1e6 + 1e3 * (k % 37) for k in range(5760)))
    best_s = math.inf
    for _ in range(3):
        start_s = time.process_time()
        for k in range(86400):
            day.mean(float(k), k + 1.0)
        best_s = min(best_s, time.process_time() - start_s)
    assert best_s / 86400 < 20e-6
