"""The loops of a rig as one linear system of its signals, and each of them opened in it.

With all loops closed the signals answer to what is injected as ``(I - S)^-1``, S having what moves what: plants,
devices (``mirrors``, taken as 1) and PIDs with the delays of their loops. Column k of it is the answer to an injection
at signal k, the loops through k at work. Divided by what k itself became, it is the answer to a k that nothing else
moves, which is the loop broken there. So one solution per frequency serves all loops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from controller import PID
from controller.margins import Complex, OpenLoop
from hil.config.schema import PidConfig
from hil.rig.build import Rig
from hil.rig.frequency_response import FrequencyResponse
from hil.rig.linear_models import LinearModel, reached, ways

_AT_ONCE = 50
"""Frequencies whose systems are held in memory together."""


class LoopSystem:
    """All loops of a rig in their linear models.

    Parameters
    ----------
    rig : Rig
    models : sequence of LinearModel
        Of those plants that have one.
    delays_s : mapping of str to float
        Delay of each loop, s.
    """

    def __init__(self, rig: Rig, models: Sequence[LinearModel], delays_s: Mapping[str, float]) -> None:
        self._rig, self._delays_s = rig, delays_s
        self._loops = rig.config.pids
        signals = _on_a_way(rig)
        self._slot = {signal: number for number, signal in enumerate(sorted(signals))}
        joined = [part for model in models if (part := model.between(self._slot)) is not None]
        self._plants = [(part, FrequencyResponse(part.matrices)) for part in joined]
        self._grids: dict[bytes, dict[str, Complex]] = {}

    def opened(self, name: str) -> OpenLoop:
        """L(s) of one loop, broken at its output, everything else closed."""
        config, pid = self._loops[name], self._rig.pids[name]

        def response(s: Complex) -> Complex:
            if _start(config) != config.output:
                moved = self._answers([name], s, apart_from=name)[name]
            elif s.size < _AT_ONCE:
                moved = self._answers([name], s)[name]
            else:
                # The frequencies from which the search starts are those of all loops that run as often.
                key = s.tobytes()
                if key not in self._grids:
                    self._grids[key] = self._answers(self._at_their_outputs(), s)
                moved = self._grids[key][name]
            return _direction(config) * _law(pid, s) * self._seen(config.measured, s) * moved

        return response

    def _at_their_outputs(self) -> list[str]:
        return [name for name, config in self._loops.items() if _start(config) == config.output]

    def _answers(self, names: Sequence[str], s: Complex, apart_from: str | None = None) -> dict[str, Complex]:
        """Answer of each loop's measured signal where it is broken; ``apart_from`` writes to nothing."""  # (n_s,) each
        starts = [self._slot[_start(self._loops[name])] for name in names]
        ends = [self._slot[self._loops[name].measured] for name in names]
        columns = np.arange(len(names))
        found = np.empty((len(names), s.size), complex)
        injected = np.eye(len(self._slot))[:, starts]
        for first in range(0, s.size, _AT_ONCE):
            some = s[first : first + _AT_ONCE]
            closed = np.eye(len(self._slot)) - self._system(some, apart_from)
            moved = np.linalg.solve(closed, np.broadcast_to(injected, (some.size, *injected.shape)))
            with np.errstate(
                divide="ignore", invalid="ignore"
            ):  # on a pole; whoever asked looks at what came
                found[:, first : first + _AT_ONCE] = (moved[:, ends, columns] / moved[:, starts, columns]).T
        return dict(zip(names, found, strict=True))

    def _system(self, s: Complex, apart_from: str | None) -> Complex:
        """Give what each signal does to each other one, directly."""  # (n_s, n_signals, n_signals)
        system = np.zeros((s.size, len(self._slot), len(self._slot)), complex)
        for name, signal in self._rig.config.signals.items():
            if name in self._slot and signal.mirrors in self._slot:
                system[:, self._slot[name], self._slot[signal.mirrors]] = 1.0
        for model, answers in self._plants:
            effects = [self._slot[signal] for signal in model.outputs if signal is not None]
            causes = [self._slot[signal] for signal in model.inputs if signal is not None]
            late = np.exp(-s * model.dead_time_s)[:, None, None]
            system[:, np.array(effects)[:, None], np.array(causes)] += answers(s) * late
        for name, loop in self._loops.items():
            if name != apart_from:
                self._close(system, loop, self._rig.pids[name], s, self._delays_s[name])
        return system

    def _close(self, system: Complex, loop: PidConfig, pid: PID, s: Complex, delay_s: float) -> None:
        """Put a closed loop into the system: its output's answer to measured value, set-point and feed-forward."""
        late = np.exp(-s * delay_s)
        later = _direction(loop) * late
        output = self._slot[loop.output]
        system[:, output, self._slot[loop.measured]] -= later * _law(pid, s) * self._seen(loop.measured, s)
        if loop.setpoint in self._slot:
            weighted = _law(pid, s, loop.setpoint_weight_b, loop.setpoint_weight_c)
            system[:, output, self._slot[loop.setpoint]] += later * weighted
        if loop.feedforward is not None and loop.feedforward.signal in self._slot:
            system[:, output, self._slot[loop.feedforward.signal]] += loop.feedforward.gain * late

    def _seen(self, measured: str, s: Complex) -> Complex:
        """Give the lag of the signal's sensor as a transfer function; 1 where it has none."""
        sensor = self._rig.config.sensors.get(measured)
        return 1.0 / (1.0 + s * (0.0 if sensor is None else sensor.lag_s))


def _on_a_way(rig: Rig) -> set[str]:
    """Signals that a loop moves and that move a loop, and those that loops read and write."""
    loops = rig.config.pids.values()
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for cause, effect in ways(rig):
        after.setdefault(cause, set()).add(effect)
        before.setdefault(effect, set()).add(cause)
    starts, ends = {_start(loop) for loop in loops}, {loop.measured for loop in loops}
    ends |= {loop.setpoint for loop in loops}
    ends |= {loop.feedforward.signal for loop in loops if loop.feedforward is not None}
    of_loops = starts | {loop.measured for loop in loops} | {loop.output for loop in loops}
    return (reached(after, starts) & reached(before, ends)) | of_loops


def _start(loop: PidConfig) -> str:
    """Where a loop is broken; in shadow it is the incumbent's actuator that moves the plant."""
    return loop.applied or loop.output


def _direction(loop: PidConfig) -> float:
    return 1.0 if loop.action == "reverse" else -1.0


def _law(pid: PID, s: Complex, b: float = 1.0, c: float = 1.0) -> Complex:
    """Give the PID's transfer function of the error; ``b`` and ``c`` weigh its parts."""
    gains = pid.gains
    return b * gains.kp + gains.ki / s + c * gains.kd * s / (1.0 + gains.filter_time_s * s)
