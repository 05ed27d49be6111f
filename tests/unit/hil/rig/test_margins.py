"""Phase margins of rigs: by hand, by python-control, and through a PLC."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import control
import numpy as np
import pytest

from hil.rig import Wishes, load_rig
from hil.rig.margins import lost_margins, measured_delay_s

WriteRig = Callable[..., Path]
PURE_LAG = ("    integral_time_s: 40\n", "")


def test_first_order_with_dead_time_under_p_control_by_hand(write_rig: WriteRig) -> None:
    # 0.5 K/kW, 60 s, 5 s of dead time, 10 kW/K: the open loop is 5 exp(-5 s)/(60 s + 1).
    rig = load_rig(write_rig("linear", PURE_LAG))
    delay_s = 0.7
    crossover = math.sqrt(5.0**2 - 1.0) / 60.0
    nominal_deg = 180.0 - math.degrees(math.atan(60.0 * crossover) + 5.0 * crossover)
    (found,) = lost_margins(rig, delay_s)
    assert found.loop == "temp"
    assert found.crossover_rad_s == pytest.approx(crossover, rel=1e-6)
    assert found.nominal_deg == pytest.approx(nominal_deg, abs=0.1)
    assert found.lost_deg == pytest.approx(math.degrees(crossover * delay_s), abs=0.1)
    assert found.remaining_deg == pytest.approx(nominal_deg - math.degrees(crossover * delay_s), abs=0.1)
    assert found.note == ""


def test_pi_control_of_its_own_lag_by_hand(write_rig: WriteRig) -> None:
    # With the integral time equal to the lag the open loop is an integrator: (10 x 0.5/60)/s exp(-5 s).
    rig = load_rig(write_rig("linear", ("integral_time_s: 40", "integral_time_s: 60")))
    crossover = 5.0 / 60.0
    (found,) = lost_margins(rig, 0.0)
    assert found.crossover_rad_s == pytest.approx(crossover, rel=1e-6)
    assert found.nominal_deg == pytest.approx(90.0 - math.degrees(5.0 * crossover), abs=0.1)


def test_a_loop_with_little_margin_is_warned_of(write_rig: WriteRig) -> None:
    rig = load_rig(
        write_rig(
            "linear", ("dead_time_s: 5", "dead_time_s: 10"), ("integral_time_s: 40", "integral_time_s: 60")
        )
    )
    (found,) = lost_margins(rig, 0.25)
    assert found.remaining_deg == pytest.approx(90.0 - math.degrees(10.25 * 5.0 / 60.0), abs=0.1)
    assert "less than 45" in found.note


def test_a_cascade_closes_its_inner_loop(root: Path) -> None:
    rig = load_rig(root / "configs" / "rigs" / "tank_ss.yaml")
    config = rig.config
    plant = next(iter(config.plants.values()))
    names = {"inputs": list(plant.inputs), "outputs": list(plant.outputs)}
    through = plant.D or np.zeros((len(plant.outputs), len(plant.inputs)))
    tank = control.ss(plant.A, plant.B, plant.C, through, **names)

    outer, inner = config.controllers["process"], config.controllers["jacket"]
    assert outer.output == inner.setpoint
    assert inner.setpoint_weight_b == 1.0
    assert inner.feedforward is None
    assert outer.feedforward is None
    assert rig.pids["jacket"].gains.kd == 0.0
    signs = {name: 1 if loop.action == "reverse" else -1 for name, loop in config.controllers.items()}

    def law(name: str, s: complex) -> complex:
        gains = rig.pids[name].gains
        return signs[name] * (gains.kp + gains.ki / s + gains.kd * s / (1.0 + gains.filter_time_s * s))

    def opened(s: complex) -> complex:
        dead = np.exp(-s * plant.dead_time_s)
        to_jacket = law("jacket", s) * complex(tank[inner.measured, inner.output](s)) * dead
        to_process = law("jacket", s) * complex(tank[outer.measured, inner.output](s)) * dead
        return law("process", s) * to_process / (1.0 + to_jacket)

    margins = {found.loop: found for found in lost_margins(rig, 0.0)}
    found = margins["process"]
    assert found.crossover_rad_s is not None
    at_crossover = opened(1j * found.crossover_rad_s)
    assert abs(at_crossover) == pytest.approx(1.0, rel=1e-6)
    assert found.nominal_deg == pytest.approx(180.0 + math.degrees(np.angle(at_crossover)), abs=0.1)


def test_through_a_plc_as_without_it(root: Path) -> None:
    rigs = root / "configs" / "rigs"
    through = {m.loop: m for m in lost_margins(load_rig(rigs / "cdu_plc_io.yaml"), 0.05)}
    shadow = {m.loop: m for m in lost_margins(load_rig(rigs / "cdu_shadow.yaml"), 0.05)}
    for name, found in through.items():
        assert found.remaining_deg is not None
        assert found.remaining_deg > 45.0
        assert found.lost_deg == pytest.approx(math.degrees(found.crossover_rad_s * 0.05), rel=1e-9)
        # In shadow the other loop is the incumbent's, and open here: the same to within their interaction.
        assert shadow[name].crossover_rad_s == pytest.approx(found.crossover_rad_s, rel=0.3)


def test_finding_the_margins_leaves_the_rig_as_it_was(root: Path) -> None:
    rig = load_rig(root / "configs" / "rigs" / "cdu_sil.yaml")
    before = [wired.plant.snapshot() for wired in rig.wired_plants.values()]
    lost_margins(rig, 0.5)
    assert [wired.plant.snapshot() for wired in rig.wired_plants.values()] == before


def test_what_cannot_be_linearised_is_said(write_rig: WriteRig) -> None:
    # No loop holds the pressure, so the valve stays where it starts: on its limit.
    rig = load_rig(write_rig("plc"))
    (found,) = lost_margins(rig, 0.05)
    assert found.remaining_deg is None
    assert "limit" in found.note


def test_the_delay_is_the_sum_of_what_was_measured(root: Path) -> None:
    rig = load_rig(root / "configs" / "rigs" / "cdu_plc_io.yaml", Wishes())
    phases = {
        "cycle": {"p99_us": 9000.0},
        "lateness": {"p99_us": 400.0},
        "sensor_to_actuator": {"p99_us": 1600.0},
    }
    assert measured_delay_s(rig, phases) == pytest.approx(0.05 + 0.0004 + 0.0016)
    del phases["sensor_to_actuator"]
    assert measured_delay_s(rig, phases) == pytest.approx(0.05 + 0.0004 + 0.009)
