"""The PID in a closed loop, against the same loop built and discretised by python-control and scipy.

The reference shares nothing with the controller but the law: a continuous state-space PID with inputs
(set-point, measured), discretised by scipy's first-order hold, interconnected by python-control with the
plant under zero-order hold.
"""

import control
import numpy as np
import pytest
from scipy.signal import cont2discrete

from controller import PID, PidGains

STEP_S = 0.05
N_STEPS = 2000

PLANT = control.ss(control.tf([2.0], [30.0, 13.0, 1.0]))
"""Two lags of 10 s and 3 s, gain 2: a valve and the exchanger behind it, about."""

CASES = {
    "P": (PidGains.ideal(1.5), 1.0, 0.0),
    "PI": (PidGains.ideal(1.5, 12.0), 1.0, 0.0),
    "PI, set-point weighted": (PidGains.ideal(1.5, 12.0), 0.4, 0.0),
    "I": (PidGains.parallel(0.0, 0.02), 1.0, 0.0),
    "PID on measurement": (PidGains.ideal(3.0, 12.0, 2.0, filter_n=8.0), 0.7, 0.0),
    "PID on error": (PidGains.ideal(3.0, 12.0, 2.0, filter_time_s=0.3), 1.0, 1.0),
    "PID parallel": (PidGains.parallel(2.0, 0.25, 5.0, filter_time_s=0.5), 1.0, 0.0),
    "PD": (PidGains.parallel(2.0, 0.0, 5.0, filter_n=5.0), 1.0, 0.0),
}


def continuous_pid(gains: PidGains, b: float, c: float) -> tuple[np.ndarray, ...]:
    """Matrices of the law, inputs (r, y), states (integral, filtered derivative input)."""
    tf = gains.filter_time_s or 1.0
    A = np.array([[0.0, 0.0], [0.0, -1.0 / tf]])  # (2, 2)
    B = np.array([[gains.ki, -gains.ki], [c / tf, -1.0 / tf]])  # (2, 2)
    C = np.array([[1.0, -gains.kd / tf]])  # (1, 2)
    D = np.array([[gains.kp * b + gains.kd * c / tf, -gains.kp - gains.kd / tf]])  # (1, 2)
    return A, B, C, D


def setpoints() -> np.ndarray:
    """At rest, a step up, a step down, a ramp."""
    r = np.zeros(N_STEPS)
    r[1:800] = 1.0
    r[800:1200] = -0.5
    r[1200:] = -0.5 + 0.002 * np.arange(N_STEPS - 1200)
    return r


def disturbances() -> np.ndarray:
    d = np.zeros(N_STEPS)
    d[500:] = 0.3
    return d


def reference(gains: PidGains, b: float, c: float) -> tuple[np.ndarray, np.ndarray]:
    """Measured value and controller output of the interconnected discrete loop."""
    *pid_matrices, _ = cont2discrete(continuous_pid(gains, b, c), STEP_S, method="foh")
    pid = control.ss(*pid_matrices, STEP_S, inputs=["r", "y"], outputs=["u"], name="pid")
    plant = control.ss(control.c2d(PLANT, STEP_S, "zoh"), inputs=["v"], outputs=["y"], name="plant")
    sum_ = control.summing_junction(["u", "d"], "v", name="sum")
    loop = control.interconnect([pid, plant, sum_], inputs=["r", "d"], outputs=["y", "u"])
    response = control.forced_response(loop, U=np.vstack([setpoints(), disturbances()]))
    return response.outputs[0], response.outputs[1]


def ours(pid: PID) -> tuple[np.ndarray, np.ndarray]:
    plant = control.c2d(PLANT, STEP_S, "zoh")
    A, B, C = np.asarray(plant.A), np.asarray(plant.B)[:, 0], np.asarray(plant.C)[0]
    x = np.zeros(2)
    ys, us = [], []
    for r, d in zip(setpoints().tolist(), disturbances().tolist(), strict=True):
        y = float(C @ x)
        u = pid.step(r, y, STEP_S)
        x = A @ x + B * (u + d)
        ys.append(y)
        us.append(u)
    return np.array(ys), np.array(us)


@pytest.mark.parametrize("case", CASES)
def test_same_trajectory_as_python_control(case: str) -> None:
    gains, b, c = CASES[case]
    y_reference, u_reference = reference(gains, b, c)
    y, u = ours(PID(gains, b=b, c=c, tracking_time_s=10.0))
    assert np.max(np.abs(y_reference)) > 0.5  # the loop does something
    np.testing.assert_allclose(y, y_reference, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(u, u_reference, rtol=0.0, atol=1e-9)


def test_direct_action_is_the_same_loop_with_the_plant_turned_round() -> None:
    """A plant of negative gain under direct action: same measured values, opposite outputs."""
    gains, b, c = CASES["PID on measurement"]
    plant = control.c2d(PLANT, STEP_S, "zoh")
    A, B, C = np.asarray(plant.A), -np.asarray(plant.B)[:, 0], np.asarray(plant.C)[0]
    pid = PID(gains, b=b, c=c, action="direct")
    y_reference, u_reference = reference(gains, b, c)
    x = np.zeros(2)
    for k, (r, d) in enumerate(zip(setpoints().tolist(), disturbances().tolist(), strict=True)):
        y = float(C @ x)
        u = pid.step(r, y, STEP_S)
        assert y == pytest.approx(y_reference[k], abs=1e-9)
        assert u == pytest.approx(-u_reference[k], abs=1e-9)
        x = A @ x + B * (u - d)


@pytest.mark.parametrize("case", ["PI", "PID on error"])
def test_nears_the_continuous_loop_as_the_step_shrinks(case: str) -> None:
    """Against the loop that was never discretised: what is left, the held output, falls with the step."""
    gains, b, c = CASES[case]
    errors = []
    for step_s in (0.04, 0.02, 0.01):
        times_s = np.arange(0.0, 30.0, step_s)
        pid_c = control.ss(*continuous_pid(gains, b, c), inputs=["r", "y"], outputs=["u"], name="pid")
        plant_c = control.ss(PLANT, inputs=["u"], outputs=["y"], name="plant")
        loop = control.interconnect([pid_c, plant_c], inputs=["r"], outputs=["y"])
        r = np.minimum(times_s / 5.0, 1.0)
        exact = control.forced_response(loop, times_s, r).outputs
        plant = control.c2d(PLANT, step_s, "zoh")
        A, B, C = np.asarray(plant.A), np.asarray(plant.B)[:, 0], np.asarray(plant.C)[0]
        pid = PID(gains, b=b, c=c)
        x = np.zeros(2)
        worst = 0.0
        for k, setpoint in enumerate(r.tolist()):
            y = float(C @ x)
            worst = max(worst, abs(y - exact.ravel()[k]))
            x = A @ x + B * pid.step(setpoint, y, step_s)
        errors.append(worst)
    assert errors[-1] < 2e-3
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.1)
