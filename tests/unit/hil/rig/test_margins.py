"""Phase margins of rigs: by hand, by python-control, and through a PLC."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import control
import numpy as np
import pytest

from hil.cli.margins import parts_of_delay
from hil.rig import Rig, Wishes, load_rig
from hil.rig.delay import Latency, delay_of, measured_latency, planned_latency
from hil.rig.margins import LoopMargin, lost_margins
from plant_models import NoEquilibriumError

WriteRig = Callable[..., Path]
PURE_LAG = ("    integral_time_s: 40\n", "")
JACKET = "    setpoint: jacket_temp_setpoint_degc\n"
AT_ONCE = Latency(0.0, is_measured=False)


def with_delay(rig: Rig, delay_s: float) -> list[LoopMargin]:
    """Margins with ``delay_s`` (s) in all, half a period of it for the hold."""
    return lost_margins(rig, Latency(delay_s - 0.5 * rig.config.period_s, is_measured=True))


def test_first_order_with_dead_time_under_p_control_by_hand(write_rig: WriteRig) -> None:
    # 0.5 K/kW, 60 s, 5 s of dead time, 10 kW/K: the open loop is 5 exp(-5 s)/(60 s + 1).
    rig = load_rig(write_rig("linear", PURE_LAG))
    delay_s = 0.7
    crossover = math.sqrt(5.0**2 - 1.0) / 60.0
    nominal_deg = 180.0 - math.degrees(math.atan(60.0 * crossover) + 5.0 * crossover)
    (found,) = with_delay(rig, delay_s)
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
    (found,) = lost_margins(rig, AT_ONCE)
    assert found.crossover_rad_s == pytest.approx(crossover, rel=1e-6)
    assert found.nominal_deg == pytest.approx(90.0 - math.degrees(5.0 * crossover), abs=0.1)


def test_a_loop_with_little_margin_is_warned_of(write_rig: WriteRig) -> None:
    rig = load_rig(
        write_rig(
            "linear", ("dead_time_s: 5", "dead_time_s: 10"), ("integral_time_s: 40", "integral_time_s: 60")
        )
    )
    (found,) = with_delay(rig, 0.25)
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
        # The inner loop is closed with what its own hold delays.
        dead = np.exp(-s * (plant.dead_time_s + 0.5 * config.period_s))
        to_jacket = law("jacket", s) * complex(tank[inner.measured, inner.output](s)) * dead
        to_process = law("jacket", s) * complex(tank[outer.measured, inner.output](s)) * dead
        return law("process", s) * to_process / (1.0 + to_jacket)

    margins = {found.loop: found for found in lost_margins(rig, AT_ONCE)}
    found = margins["process"]
    assert found.crossover_rad_s is not None
    at_crossover = opened(1j * found.crossover_rad_s)
    assert abs(at_crossover) == pytest.approx(1.0, rel=1e-6)
    assert found.nominal_deg == pytest.approx(180.0 + math.degrees(np.angle(at_crossover)), abs=0.1)


def test_through_a_plc_as_without_it(root: Path) -> None:
    rigs = root / "configs" / "rigs"
    through = {m.loop: m for m in with_delay(load_rig(rigs / "cdu_plc_io.yaml"), 0.05)}
    shadow = {m.loop: m for m in with_delay(load_rig(rigs / "cdu_shadow.yaml"), 0.05)}
    for name, found in through.items():
        assert found.remaining_deg is not None
        assert found.remaining_deg > 45.0
        assert found.lost_deg == pytest.approx(math.degrees(found.crossover_rad_s * 0.05), rel=1e-9)
        # In shadow the other loop is the incumbent's, and open here: the same to within their interaction.
        assert shadow[name].crossover_rad_s == pytest.approx(found.crossover_rad_s, rel=0.3)


def test_a_cdu_under_a_cascade_is_linearised_where_the_cascade_starts(root: Path) -> None:
    """The set-point of the supply is another loop's output, and three rates delay three loops differently."""
    rig = load_rig(root / "configs" / "rigs" / "cdu_multirate.yaml")
    margins = {margin.loop: margin for margin in lost_margins(rig, AT_ONCE)}
    assert {name: margin.delay_s for name, margin in margins.items()} == pytest.approx(
        {"rack_pressure": 0.05, "supply_temp": 0.25, "warm_water": 5.0 + 10.0}
    )
    for margin in margins.values():
        assert margin.remaining_deg is not None
        assert margin.remaining_deg > 45.0


def test_finding_the_margins_leaves_the_rig_as_it_was(root: Path) -> None:
    rig = load_rig(root / "configs" / "rigs" / "cdu_sil.yaml")
    before = [wired.plant.snapshot() for wired in rig.wired_plants.values()]
    lost_margins(rig, AT_ONCE)
    assert [wired.plant.snapshot() for wired in rig.wired_plants.values()] == before


def test_a_plant_with_a_command_on_its_limit_has_a_margin(write_rig: WriteRig) -> None:
    # No loop holds the pressure, so the valve stays where it starts: on its limit.
    rig = load_rig(write_rig("plc"))
    (found,) = with_delay(rig, 0.05)
    assert found.remaining_deg is not None
    assert found.remaining_deg > 45.0


def test_what_cannot_be_linearised_is_said(write_rig: WriteRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NoEquilibriumError("it does not settle")

    monkeypatch.setattr("plant_models.io_system.linearize", refuse)
    rig = load_rig(write_rig("plc"))
    (found,) = with_delay(rig, 0.05)
    assert found.remaining_deg is None
    assert "it does not settle" in found.note


@pytest.mark.parametrize("every", [1, 5, 10])
@pytest.mark.parametrize("worker", ["", "    worker: {deadline_s: 0.5}\n"], ids=["in the loop", "worker"])
def test_as_the_sampled_loop_of_python_control(write_rig: WriteRig, every: int, worker: str) -> None:
    """0.5/(60 s + 1) exp(-5 s) under a PI, sampled as often as the block runs; a worker's plan is one sample old."""
    slower = ("    measured: temp_degc\n", f"    measured: temp_degc\n    every: {every}\n{worker}")
    rig = load_rig(write_rig("linear", slower))
    (found,) = lost_margins(rig, AT_ONCE)

    sample_s = 0.5 * every
    late = round(5.0 / sample_s) + bool(worker)
    z = control.tf("z")
    z.dt = sample_s
    plant = control.sample_system(control.tf([0.5], [60.0, 1.0]), sample_s, method="zoh")
    law = 10.0 * (1.0 + sample_s / (2.0 * 40.0) * (z + 1.0) / (z - 1.0))
    _, exact_deg, _, exact_rad_s = control.margin(law * plant * z**-late)
    assert found.crossover_rad_s == pytest.approx(exact_rad_s, rel=0.02)
    assert found.remaining_deg == pytest.approx(exact_deg, abs=1.5)
    # At every: 10 the old count, half a base period, was 10 degrees and more from it.
    assert found.delay.hold_s == pytest.approx(0.5 * sample_s)
    assert found.delay.worker_s == pytest.approx(sample_s if worker else 0.0)


@pytest.mark.parametrize(("loop", "plant"), [(1, 10), (2, 10), (10, 10)])
def test_a_slower_plant_holds_its_outputs(write_rig: WriteRig, loop: int, plant: int) -> None:
    rig = load_rig(
        write_rig(
            "linear",
            ("    measured: temp_degc\n", f"    measured: temp_degc\n    every: {loop}\n"),
            ("    type: transfer_function\n", f"    type: transfer_function\n    every: {plant}\n"),
        )
    )
    assert delay_of(rig, "temp", AT_ONCE).hold_s == pytest.approx(0.5 * 10 * 0.5)


def test_an_inner_loop_that_computes_late_costs_the_outer_one_margin_too(root: Path, tmp_path: Path) -> None:
    text = (root / "configs" / "rigs" / "tank_ss.yaml").read_text()
    slow = tmp_path / "slow.yaml"
    slow.write_text(text.replace(JACKET, JACKET + "    every: 3\n    worker: {deadline_s: 1}\n", 1))
    quick, late = (
        {margin.loop: margin for margin in lost_margins(load_rig(path), AT_ONCE)}
        for path in (root / "configs" / "rigs" / "tank_ss.yaml", slow)
    )
    assert late["jacket"].delay.total_s == pytest.approx(quick["jacket"].delay.total_s * 9)
    assert late["process"].delay == quick["process"].delay
    assert late["process"].nominal_deg != pytest.approx(quick["process"].nominal_deg, abs=0.5)


def test_the_delay_is_the_sum_of_what_was_measured_the_hold_and_the_worker(write_rig: WriteRig) -> None:
    slower = "    setpoint: supply_setpoint_degc\n    every: 5\n    worker: {deadline_s: 0.2}\n"
    rig = load_rig(write_rig("plc", ("    setpoint: supply_setpoint_degc\n", slower)))
    phases = {
        "cycle": {"p99_us": 9000.0},
        "lateness": {"p99_us": 400.0},
        "sensor_to_actuator": {"p99_us": 1600.0},
    }
    delay = delay_of(rig, "supply", measured_latency(phases))
    assert delay.latency_s == pytest.approx(0.0004 + 0.0016)
    assert (delay.hold_s, delay.worker_s) == pytest.approx((0.25, 0.5))
    assert delay.total_s == pytest.approx(0.752)
    del phases["sensor_to_actuator"]
    assert measured_latency(phases).latency_s == pytest.approx(0.0004 + 0.009)


def test_what_is_planned_is_the_contract_else_the_devices_budgets(write_rig: WriteRig) -> None:
    contract = "latency: {sensor_to_actuator_p99_us: 20000, lateness_p99_us: 1000, cycle_p99_us: 50000}\n"
    changed = ("signals:\n", contract + "signals:\n")
    assert planned_latency(load_rig(write_rig("plc", changed)).config).latency_s == pytest.approx(0.021)
    assert planned_latency(load_rig(write_rig("plc")).config).latency_s == pytest.approx(0.1 * 0.7)
    assert planned_latency(load_rig(write_rig("linear")).config).latency_s == 0.0
    changed = ("signals:\n", "latency: {cycle_p99_us: 50000}\nsignals:\n")
    assert planned_latency(load_rig(write_rig("linear", changed)).config).latency_s == pytest.approx(0.05)


def test_the_parts_are_told(write_rig: WriteRig) -> None:
    slower = (
        "    measured: temp_degc\n",
        "    measured: temp_degc\n    every: 4\n    worker: {deadline_s: 1}\n",
    )
    (found,) = lost_margins(load_rig(write_rig("linear", slower)), Latency(0.02, is_measured=True))
    assert parts_of_delay(dataclasses.asdict(found)) == (
        "delay 3.02 s = 20 ms latency (measured) + 1 s hold + 2 s worker; "
        "the plant's dead time of 5 s is in the phase margin"
    )
    assert parts_of_delay({"delay_s": 0.02}) == "delay 20 ms"


def test_a_gain_above_one_at_half_the_rate_is_unstable_as_sampled(root: Path) -> None:
    # The rack's pressure with a hundred times the gain: the run is a limit cycle from stop to stop.
    rig = load_rig(
        root / "configs" / "rigs" / "cdu_sil.yaml", Wishes(overrides=("controllers.rack_pressure.gain=3",))
    )
    found = {margin.loop: margin for margin in lost_margins(rig, AT_ONCE)}["rack_pressure"]
    assert "gain above 1 at half its own rate" in found.note
    assert "unstable as sampled" in found.note
    assert found.remaining_deg is not None
    assert found.remaining_deg <= 0.0
    assert found.crossover_rad_s is None


def test_an_integrating_loop_too_fast_for_its_rate_has_a_pole_outside_the_circle(write_rig: WriteRig) -> None:
    # Gain times period over lag, sampled: z = exp(-h/T) - k (1 - exp(-h/T)), by hand.
    rig = load_rig(
        write_rig("linear", PURE_LAG, ("dead_time_s: 5", "dead_time_s: 0"), ("gain: 10", "gain: 2000"))
    )
    decay = math.exp(-rig.config.period_s / 60.0)
    assert abs(decay - 2000 * 0.5 * (1.0 - decay)) > 1.0
    (found,) = lost_margins(rig, AT_ONCE)
    assert "unstable as sampled" in found.note
    assert found.remaining_deg is not None
    assert found.remaining_deg <= 0.0


def test_three_reasons_for_no_crossover_are_three_texts(write_rig: WriteRig) -> None:
    weak = write_rig("linear", PURE_LAG, ("gain: 10", "gain: 0.5"))
    (below,) = lost_margins(load_rig(weak), AT_ONCE)
    assert (below.note, below.remaining_deg) == ("its gain is below 1 everywhere", None)
    loose = write_rig("linear", ("    inputs: [heater_kw]", "    inputs: [setpoint_degc]"))
    (open_one,) = lost_margins(load_rig(loose), AT_ONCE)
    assert (open_one.note, open_one.remaining_deg) == ("no plant closes it", None)
