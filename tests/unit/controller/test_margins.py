"""Phase margins against hand calculation and python-control."""

from __future__ import annotations

import math

import control
import numpy as np
import pytest

from controller.margins import least_margin, phase_margins


def first_order(gain: float, time_s: float, dead_s: float):
    return lambda s: gain / (time_s * s + 1.0) * np.exp(-s * dead_s)


@pytest.mark.parametrize(("gain", "time_s", "dead_s"), [(3.0, 60.0, 5.0), (10.0, 2.0, 0.1), (1.5, 1.0, 3.0)])
def test_first_order_with_dead_time_by_hand(gain: float, time_s: float, dead_s: float) -> None:
    crossover = math.sqrt(gain**2 - 1.0) / time_s
    margin_deg = 180.0 - math.degrees(math.atan(crossover * time_s) + crossover * dead_s)
    (found,) = phase_margins(first_order(gain, time_s, dead_s), 1e-4 / time_s, 1e2 / dead_s)
    assert found.crossover_rad_s == pytest.approx(crossover, rel=1e-9)
    assert found.margin_deg == pytest.approx(margin_deg, abs=1e-6)
    # Dead time in the loop and delay on top of a loop without it are one and the same.
    (without,) = phase_margins(first_order(gain, time_s, 0.0), 1e-4 / time_s, 1e2 / dead_s)
    assert without.left_deg(dead_s) == pytest.approx(margin_deg, abs=1e-6)


def test_dead_time_beyond_a_turn_of_the_phase_is_not_taken_for_a_good_margin() -> None:
    gain, time_s = 8.0, 10.0
    crossover = math.sqrt(gain**2 - 1.0) / time_s
    dead_s = math.radians(400.0) / crossover
    (found,) = phase_margins(first_order(gain, time_s, dead_s), 1e-5, 10.0)
    expected = 180.0 - math.degrees(math.atan(crossover * time_s)) - 400.0
    assert found.margin_deg == pytest.approx(expected, abs=1e-6)
    assert expected < -300.0


@pytest.mark.parametrize(
    "system",
    [
        control.tf([4.0], [1.0, 3.0, 3.0, 1.0]),
        control.tf([2.0, 2.0], [5.0, 1.0, 0.0]),
        control.tf([1.0, 0.3], [1.0, 0.0, 0.0]),
        control.ss([[-0.1, 1.0], [0.0, -3.0]], [[0.0], [2.0]], [[5.0, 0.0]], [[0.0]]),
    ],
)
def test_systems_of_python_control_as_its_own_margin(system: control.lti.LTI) -> None:
    _, margin_deg, _, crossover = control.margin(system)
    found = least_margin(phase_margins(system, 1e-4, 1e3))
    assert found is not None
    assert found.margin_deg == pytest.approx(margin_deg, abs=0.01)
    assert found.crossover_rad_s == pytest.approx(crossover, rel=1e-4)


def test_the_crossover_that_a_delay_hurts_most_counts() -> None:
    # A slow crossover with little margin, and a fast one (a resonance) with more.
    system = control.tf([0.5], [1.0, 0.0]) + control.tf([0.3 * 25.0, 0.0], [1.0, 0.6, 25.0])
    margins = phase_margins(system, 1e-3, 1e2)
    assert len(margins) == 3
    slow, fast = least_margin(margins, 0.0), least_margin(margins, 0.4)
    assert slow is not None
    assert fast is not None
    assert fast.left_deg(0.4) == min(each.left_deg(0.4) for each in margins)
    assert fast.crossover_rad_s > margins[0].crossover_rad_s


def test_no_crossover_is_no_margin() -> None:
    assert phase_margins(first_order(0.5, 1.0, 1.0), 1e-3, 1e2) == ()
    assert least_margin(()) is None


def test_frequencies_out_of_order_and_loops_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot look"):
        phase_margins(first_order(2.0, 1.0, 0.0), 1.0, 0.1)
    with pytest.raises(ValueError, match="not finite"):
        phase_margins(lambda s: s * np.nan, 0.1, 1.0)
