"""From the rig's ``controllers`` to PID objects in the order in which they depend on each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from graphlib import CycleError, TopologicalSorter

from controller import PID, ControllerError, PidOptions
from hil.config.schema import PidConfig
from hil.config.units import UNITS
from hil.errors import DeviceError, Problem
from hil.loop.control import PidBlock
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.multirate import Pace, SlowerBlock
from hil.loop.output import FAILSAFE, HOLD, OutputStage
from hil.loop.protocols import Block
from hil.loop.worker import RemoteLaw, WorkerBlock
from hil.rig.draft import Draft
from hil.rig.gain_units import gain_factor, gain_unit_for
from hil.rig.plants import pace_of

_MODES = {"hold": HOLD, "failsafe": FAILSAFE}


def note_uses(draft: Draft) -> None:
    """Note what each controller reads and writes, and check that its units fit together."""
    signals = draft.config.signals
    for name, loop in draft.config.controllers.items():
        path, block = ("controllers", name), f"controllers.{name}"
        _check_worker(draft, name, loop)
        measured = signals.get(loop.measured)
        draft.reads(loop.setpoint, (*path, "setpoint"), block, measured.unit if measured else None)
        draft.reads(loop.measured, (*path, "measured"), block)
        draft.writes(loop.output, (*path, "output"), block)
        if loop.applied is not None:
            output = signals.get(loop.output)
            draft.reads(loop.applied, (*path, "applied"), block, output.unit if output else None)
        if loop.feedforward is not None:
            draft.reads(loop.feedforward.signal, (*path, "feedforward", "signal"), block)
        if loop.measured == loop.setpoint:
            draft.refuse(
                (*path, "measured"), f"controller {name}: measured and setpoint are both {loop.measured}"
            )


def _check_worker(draft: Draft, name: str, loop: PidConfig) -> None:
    """Refuse a deadline beyond the next point: the plan, and the inputs after it, would be a point late on time."""
    own_s = loop.every * draft.config.period_s
    if loop.worker is None or loop.worker.deadline_s <= own_s * (1.0 + 1e-9):
        return
    deadline_s = loop.worker.deadline_s
    what = f"controller {name}: deadline_s {deadline_s:g} s is longer than its own period of {own_s:g} s"
    every = math.ceil(deadline_s / draft.config.period_s - 1e-9)
    hint = f"at most {own_s:g}; or every: {every}, which is a period of {every * draft.config.period_s:g} s"
    draft.refuse(("controllers", name, "worker", "deadline_s"), what, hint)


def make_pids(draft: Draft) -> dict[str, PID]:
    """Make every PID, in order of dependence; what cannot be made is a problem of the draft."""
    pids: dict[str, PID] = {}
    for name in _in_order(draft):
        loop = draft.config.controllers[name]
        output, measured = draft.config.signals.get(loop.output), draft.config.signals.get(loop.measured)
        if output is None or measured is None or not {output.unit, measured.unit} <= set(UNITS):
            continue
        if output.range[0] >= output.range[1]:
            continue  # told with the signal
        try:
            factor = gain_factor(loop.gain_unit, output.unit, measured.unit)
        except ValueError as error:
            hint = f"here it is {gain_unit_for(output.unit, measured.unit)}"
            draft.refuse(("controllers", name, "gain_unit"), f"controller {name}: {error}", hint)
            continue
        initial = output.initial if output.initial is not None else output.failsafe
        try:
            pids[name] = _pid(loop, factor, initial)
        except ControllerError as error:
            draft.refuse(("controllers", name), f"controller {name}: {error}")
    return pids


def _pid(loop: PidConfig, factor: float, initial: float | None) -> PID:
    """Make one PID without limits of its own: it asks, the output stage limits, and says that it did."""
    options: PidOptions = {
        "action": loop.action,
        "b": loop.setpoint_weight_b,
        "c": loop.setpoint_weight_c,
        "initial_output": initial,
        "tracking_time_s": loop.tracking_time_s,
        "anti_windup": loop.anti_windup,
    }
    if loop.form == "ideal":
        return PID.ideal(
            (loop.gain or 0.0) * factor, loop.integral_time_s, loop.derivative_time_s,
            filter_n=loop.derivative_filter_n, **options,
        )  # fmt: skip
    return PID.parallel(
        (loop.kp or 0.0) * factor, (loop.ki_per_s or 0.0) * factor, (loop.kd_s or 0.0) * factor,
        filter_n=loop.derivative_filter_n if loop.kp else None, **options,
    )  # fmt: skip


def _in_order(draft: Draft) -> tuple[str, ...]:
    """Put controllers after those whose outputs they read (a cascade's inner loop after its outer one)."""
    loops = draft.config.controllers
    writer = {loop.output: name for name, loop in loops.items()}
    graph = {
        name: {writer[read] for read in _read_by(loop) if read in writer} for name, loop in loops.items()
    }
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        ring = " -> ".join(error.args[1])
        what = f"controllers depend on each other in a ring: {ring}"
        hint = "an outer loop writes the set-point of an inner one, never the other way round"
        draft.refuse(("controllers", error.args[1][0]), what, hint)
        return ()


def _read_by(loop: PidConfig) -> tuple[str, ...]:
    forward = (loop.feedforward.signal,) if loop.feedforward is not None else ()
    return (loop.setpoint, loop.measured, *forward)


class OuterLoop:
    """An outer loop of a cascade: its limits at once, so the inner loop follows what was applied this very cycle."""

    def __init__(self, block: PidBlock | WorkerBlock | SlowerBlock) -> None:
        self.name = block.name
        self.stage = block.stage
        self._block = block

    @property
    def inner(self) -> PidBlock | WorkerBlock | SlowerBlock:
        """The loop inside."""
        return self._block

    def run(self, now_ns: int, dt_s: float) -> None:
        """Compute one step and pass it through the limits, at loop time ``now_ns`` over ``dt_s`` (s)."""
        self._block.run(now_ns, dt_s)
        self.stage.run(now_ns, dt_s)

    def counters(self) -> dict[str, int]:
        """As of the loop inside."""
        return self._block.counters()


Bound = PidBlock | WorkerBlock | SlowerBlock | OuterLoop


def bind_pids(
    draft: Draft, image: Image, pids: Mapping[str, PID], stages: Mapping[str, OutputStage]
) -> list[Bound]:
    """Bind each PID to its slots of the image; ``stages`` by signal."""
    blocks: list[Bound] = []
    followed = {signal for loop in draft.config.controllers.values() for signal in _read_by(loop)}
    for name, pid in pids.items():
        loop = draft.config.controllers[name]
        block = _bind(name, loop, image, pid, stages[loop.output])
        pace = pace_of(draft, loop)
        paced = block if pace is None else SlowerBlock(block, block.stage, Pace(*pace))
        blocks.append(OuterLoop(paced) if loop.output in followed else paced)
    return blocks


def _bind(name: str, loop: PidConfig, image: Image, pid: PID, stage: OutputStage) -> PidBlock | WorkerBlock:
    slot, forward, worker = image.index, loop.feedforward, loop.worker
    law = None if worker is None else RemoteLaw(pid, worker.deadline_s, worker.fallback_after, stage.request)
    block = PidBlock(
        name, image, pid if law is None else law, stage,
        setpoint=slot[loop.setpoint], measured=slot[loop.measured],
        applied=slot[loop.applied] if loop.applied is not None else None,
        feedforward=(slot[forward.signal], forward.gain, forward.bias) if forward is not None else None,
        on_stale=_MODES[loop.on_stale], on_bad=_MODES[loop.on_bad],
    )  # fmt: skip
    return block if law is None else WorkerBlock(block, law, _MODES[loop.on_bad])


@contextmanager
def workers_running(
    blocks: Iterable[Block], events: EventLog, keep_off_cpu: int | None = None
) -> Iterator[None]:
    """Inside, controllers with a worker compute in processes of their own; ``DeviceError`` where there is none.

    These keep off ``keep_off_cpu``, the loop's own processor.
    On the virtual clock this is left out, and they compute in the loop.
    """
    with ExitStack() as stack:
        for block in blocks:
            worker = worker_in(block)
            if worker is None:
                continue
            worker.events = events
            stack.callback(worker.law.close)
            try:
                worker.law.start(keep_off_cpu)
            except OSError as error:
                what = f"controller {block.name}: its worker cannot be started: {error.strerror or error}"
                raise DeviceError(Problem("", None, what)) from error
        yield


def worker_in(block: object) -> WorkerBlock | None:
    """Give the part of a controller that computes in a worker; None where it has none."""
    while isinstance(block, OuterLoop | SlowerBlock):
        block = block.inner
    return block if isinstance(block, WorkerBlock) else None
