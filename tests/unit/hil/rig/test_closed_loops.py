"""Linear plants in closed loop through a whole rig, against python-control; cascades; the start in equilibrium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import control
import numpy as np
import pyarrow.parquet as pq
import pytest

from hil.errors import ConfigError
from hil.rig import Rig, load_rig, run_rig

WriteRig = Callable[..., Path]
Trend = dict[str, np.ndarray]


def trend_of(rig: Rig, out: Path) -> Trend:
    table = pq.read_table(run_rig(rig, out).run_dir / "trend.parquet")
    return {name: table[name].to_numpy() for name in table.column_names}


def pi_run(
    trend: Trend, sampled: control.StateSpace, gain: float, integral_s: float, dt_s: float, delay: int
) -> Trend:
    """Same loop by python-control's sampled plant and a trapezoidal PI, both written out here."""
    A, B, C = sampled.A, sampled.B, sampled.C
    x = np.zeros((A.shape[0], 1))
    setpoint = trend["setpoint_degc"]
    past = [0.0] * (delay + 1)  # deviations from 20 kW, newest last
    measured, heater = [], []
    integral = error_before = None
    for k, wanted in enumerate(setpoint):
        if k:
            x = A @ x + B * past[-1 - delay]
        y = 30.0 + float((C @ x)[0, 0])
        error = wanted - y
        if k == 0:
            measured.append(y)  # no time has passed yet, so the first cycle keeps the initial output
            heater.append(20.0)
            past.append(0.0)
            continue
        if integral is None:
            integral = 20.0 - gain * error  # the loop takes over from the initial output without a bump
        else:
            integral += gain / integral_s * dt_s * 0.5 * (error_before + error)
        error_before = error
        u = gain * error + integral
        past.append(u - 20.0)
        measured.append(y)
        heater.append(u)
    return {"temp_degc": np.array(measured), "heater_kw": np.array(heater)}


@pytest.mark.parametrize(("dead_time_s", "delay"), [(0.0, 0), (5.0, 10)])
def test_transfer_function_matches_python_control(
    write_rig: WriteRig, tmp_path: Path, dead_time_s: float, delay: int
) -> None:
    rig = load_rig(
        write_rig("linear", ("dead_time_s: 5", f"dead_time_s: {dead_time_s}"), ("duration_s: 60", "duration_s: 300"),
                  ("range: [0, 100], failsafe", "range: [-500, 500], failsafe"))
    )  # fmt: skip
    trend = trend_of(rig, tmp_path / "runs")
    sampled = control.sample_system(control.ss(control.tf([0.5], [60, 1])), 0.5, method="zoh")
    expected = pi_run(trend, sampled, 10.0, 40.0, 0.5, delay)
    assert np.abs(trend["temp_degc"] - 30).max() > 4, "the loop has moved"
    np.testing.assert_allclose(trend["temp_degc"], expected["temp_degc"], atol=1e-9)
    np.testing.assert_allclose(trend["heater_kw"], expected["heater_kw"], atol=1e-8)


def test_state_space_with_dead_time_off_the_grid_matches_python_control(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    own = "    type: transfer_function\n    numerator: [0.5]\n    denominator: [60, 1]\n"
    matrices = (
        "    type: state_space\n    A: [[-0.1, 0], [0.02, -0.02]]\n    B: [[0.05], [0]]\n    C: [[0, 1]]\n"
    )
    fine = 10
    rig = load_rig(
        write_rig("linear", (own, matrices), ("dead_time_s: 5", "dead_time_s: 1.35"),
                  ("duration_s: 60", "duration_s: 240"),
                  ("range: [0, 100], failsafe", "range: [-500, 500], failsafe"))
    )  # fmt: skip
    trend = trend_of(rig, tmp_path / "runs")
    # Open loop on the recorded heater, on a grid ten times as fine, where 1.35 s are 27 whole steps of 0.05 s.
    system = control.ss([[-0.1, 0], [0.02, -0.02]], [[0.05], [0]], [[0, 1]], [[0]])
    sampled = control.sample_system(system, 0.5 / fine, method="zoh")
    u = np.repeat(trend["heater_kw"] - 20.0, fine)
    delayed = np.concatenate([np.zeros(27), u[:-27]])
    _, y = control.forced_response(sampled, inputs=delayed, return_states=False)
    assert np.abs(trend["temp_degc"] - 30).max() > 4
    np.testing.assert_allclose(trend["temp_degc"], 30.0 + np.squeeze(y)[::fine], atol=1e-9)


def test_a_linear_plant_starts_at_its_levels(write_rig: WriteRig, tmp_path: Path) -> None:
    trend = trend_of(
        load_rig(write_rig("linear", ("setpoint_degc: 35", "setpoint_degc: 30"))), tmp_path / "runs"
    )
    np.testing.assert_allclose(trend["temp_degc"], 30.0, atol=1e-12)
    np.testing.assert_allclose(trend["heater_kw"], 20.0, atol=1e-12)


def test_a_cdu_starts_in_equilibrium_with_the_first_values(write_rig: WriteRig, tmp_path: Path) -> None:
    without_loops = write_rig("sil").read_text().split("controllers:")[0]
    path = tmp_path / "rig.yaml"
    path.write_text(
        without_loops.replace("  drop_setpoint_kpa: 400", "  valve_percent: 55\n  pump_percent: 75")
    )
    text = path.read_text()
    for unused in ("supply_setpoint_degc", "drop_setpoint_kpa"):
        text = "\n".join(row for row in text.splitlines() if not row.startswith(f"  {unused}"))
    path.write_text(text)
    trend = trend_of(load_rig(path), tmp_path / "runs")
    for name in ("supply_temp_degc", "drop_kpa"):
        assert np.ptp(trend[name]) < 1e-6, "nothing moves while nothing changes"
    assert 26.8 < trend["supply_temp_degc"][0] < 60


CASCADE = """\
rig: cascade
clock: virtual
period_s: 1.0
duration_s: 5
signals:
  outer_setpoint_degc: {unit: degC, range: [0, 100]}
  inner_setpoint_degc: {unit: degC, range: [0, 100], failsafe: 20, initial: 25, rate_up_per_s: 0.5}
  valve_percent: {unit: "%", range: [0, 100], failsafe: 0, initial: 25}
  jacket_degc: {unit: degC, range: [-500, 500]}
  process_degc: {unit: degC, range: [-500, 500]}
sources: {outer_setpoint_degc: 30}
plants:
  tanks:
    type: state_space
    A: [[-0.10, 0.0], [0.02, -0.02]]
    B: [[0.06], [0.0]]
    C: [[1.0, 0.0], [0.0, 1.0]]
    inputs: [valve_percent]
    outputs: [jacket_degc, process_degc]
    input_levels: [25]
    output_levels: [25, 25]
controllers:
  inner: {setpoint: inner_setpoint_degc, measured: jacket_degc, output: valve_percent,
          action: reverse, gain: 3, gain_unit: "%/K", integral_time_s: 10}
  outer: {setpoint: outer_setpoint_degc, measured: process_degc, output: inner_setpoint_degc,
          action: reverse, gain: 2, gain_unit: K/K, integral_time_s: 50}
"""


def test_the_inner_loop_follows_what_the_outer_one_applied_in_the_same_cycle(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text(CASCADE)
    trend = trend_of(load_rig(path), tmp_path / "runs")
    wanted = trend["inner_setpoint_degc"]
    assert wanted[2] > wanted[1], "the outer loop moves"
    assert np.diff(wanted).max() <= 0.5 + 1e-12, "and keeps to its rate limit"
    error = wanted - trend["jacket_degc"]
    steps = 3.0 * np.diff(error) + 3.0 / 10.0 * 0.5 * (error[1:] + error[:-1])
    np.testing.assert_allclose(np.diff(trend["valve_percent"])[1:], steps[1:], atol=1e-9)
    assert not trend["valve_percent.quality"].any(), "no fallback, not even in the first cycle"


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("reverse, gain: 2", "direct, gain: 2", 26, "process_degc rises when inner_setpoint_degc rises"),
        ("reverse, gain: 3", "direct, gain: 3", 24, "jacket_degc rises when valve_percent rises"),
        ("B: [[0.06], [0.0]]", "B: [[-0.06], [0.0]]", 24, "jacket_degc falls when valve_percent rises"),
    ],
)
def test_the_action_is_checked_through_a_cascade(
    tmp_path: Path, old: str, new: str, line: int, what: str
) -> None:
    path = tmp_path / "rig.yaml"
    assert old in CASCADE
    path.write_text(CASCADE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    assert any(p.line == line and what in p.what for p in caught.value.problems), caught.value


def test_the_action_is_checked_along_a_chain_of_plants(tmp_path: Path) -> None:
    text = CASCADE.split("controllers:", maxsplit=1)[0].replace("  tanks:", """  cooler:
    {type: transfer_function, numerator: [-1], denominator: [5, 1], inputs: [jacket_degc], outputs: [air_degc]}
  tanks:""").replace("  process_degc:", "  air_degc: {unit: degC, range: [-500, 500]}\n  process_degc:")  # fmt: skip
    text = text.replace("initial: 25, rate_up_per_s: 0.5}", "initial: 25}")
    text = text.replace("{outer_setpoint_degc: 30}", "{outer_setpoint_degc: 30, inner_setpoint_degc: 25}")
    loop = "controllers: {air: {setpoint: outer_setpoint_degc, measured: air_degc, output: valve_percent,\n"
    loop += '  action: ACTION, gain: 3, gain_unit: "%/K", integral_time_s: 10}}\n'
    path = tmp_path / "rig.yaml"
    path.write_text(text + loop.replace("ACTION", "direct"))
    load_rig(path)
    path.write_text(text + loop.replace("ACTION", "reverse"))
    with pytest.raises(ConfigError, match="air_degc falls when valve_percent rises"):
        load_rig(path)
