"""From the rig's ``controllers`` to PIDs and changeovers, in the order in which they depend on each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from graphlib import CycleError, TopologicalSorter

from controller import PID, ControllerError, PidOptions, Stages
from hil.config.schema import PidConfig, SignalConfig
from hil.config.units import UNITS
from hil.errors import DeviceError, Problem
from hil.loop.control import PidBlock
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.multirate import Pace, SlowerBlock
from hil.loop.output import FAILSAFE, HOLD, OutputStage
from hil.loop.protocols import Block
from hil.loop.staged import StagesBlock
from hil.loop.worker import RemoteLaw, WorkerBlock
from hil.rig.draft import Draft
from hil.rig.gain_units import PER_RANGE, gain_factor, gain_unit_for, range_factor
from hil.rig.plants import pace_of
from hil.rig.stages import bind_changeover, make_changeover, note_changeover

_MODES = {"hold": HOLD, "failsafe": FAILSAFE}


def note_uses(draft: Draft) -> None:
    """Note what each controller reads and writes, and check that its units fit together."""
    for name, controller in draft.config.controllers.items():
        if isinstance(controller, PidConfig):
            _note_pid(draft, name, controller)
        else:
            note_changeover(draft, name, controller)


def _note_pid(draft: Draft, name: str, loop: PidConfig) -> None:
    signals, path, block = draft.config.signals, ("controllers", name), f"controllers.{name}"
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
        what = f"controller {name}: measured and setpoint are both {loop.measured}"
        draft.refuse((*path, "measured"), what)


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


def make_laws(draft: Draft) -> dict[str, PID | Stages]:
    """Make every controller, in order of dependence; what cannot be made is a problem of the draft."""
    laws: dict[str, PID | Stages] = {}
    for name in _in_order(draft):
        controller = draft.config.controllers[name]
        law = (
            _make_pid(draft, name, controller)
            if isinstance(controller, PidConfig)
            else make_changeover(draft, name, controller)
        )
        if law is not None:
            laws[name] = law
    return laws


def _make_pid(draft: Draft, name: str, loop: PidConfig) -> PID | None:
    output, measured = draft.config.signals.get(loop.output), draft.config.signals.get(loop.measured)
    if output is None or measured is None or not {output.unit, measured.unit} <= set(UNITS):
        return None
    if output.range[0] >= output.range[1]:
        return None  # told with the signal
    try:
        factor = _factor(loop, output, measured)
    except ValueError as error:
        hint = f"here it is {gain_unit_for(output.unit, measured.unit)}"
        draft.refuse(("controllers", name, "gain_unit"), f"controller {name}: {error}", hint)
        return None
    initial = output.initial if output.initial is not None else output.failsafe
    try:
        return _pid(loop, factor, initial)
    except ControllerError as error:
        draft.refuse(("controllers", name), f"controller {name}: {error}")
        return None


def _factor(loop: PidConfig, output: SignalConfig, measured: SignalConfig) -> float:
    """From the loop's gain to one in its signals' units. Raises ``ValueError`` where the units do not fit."""
    if loop.gain_unit == PER_RANGE and loop.design_range is not None:
        return range_factor(output.range, loop.design_range)
    return gain_factor(loop.gain_unit, output.unit, measured.unit)


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
    writer = {signal: name for name, loop in loops.items() for signal in loop.written}
    graph = {name: {writer[read] for read in loop.read if read in writer} for name, loop in loops.items()}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        ring = " -> ".join(error.args[1])
        what = f"controllers depend on each other in a ring: {ring}"
        hint = "an outer loop writes the set-point of an inner one, never the other way round"
        draft.refuse(("controllers", error.args[1][0]), what, hint)
        return ()


class OuterLoop:
    """What another controller follows: its limits at once, so that one follows what was applied this very cycle."""

    def __init__(self, block: PidBlock | WorkerBlock | StagesBlock | SlowerBlock) -> None:
        self.name = block.name
        self.stage = block.stage
        self._block = block
        self._stages = stages_of(block)

    @property
    def inner(self) -> PidBlock | WorkerBlock | StagesBlock | SlowerBlock:
        """The controller inside."""
        return self._block

    def run(self, now_ns: int, dt_s: float) -> None:
        """Compute one step and pass it through the limits, at loop time ``now_ns`` over ``dt_s`` (s)."""
        self._block.run(now_ns, dt_s)
        for stage in self._stages:
            stage.run(now_ns, dt_s)

    def counters(self) -> dict[str, int]:
        """As of the controller inside."""
        return self._block.counters()


Bound = PidBlock | WorkerBlock | StagesBlock | SlowerBlock | OuterLoop


def stages_of(block: Bound) -> tuple[OutputStage, ...]:
    """Give the output stages of all signals that a controller writes."""
    inner: object = block
    while isinstance(inner, OuterLoop | SlowerBlock):
        inner = inner.inner
    return inner.output_stages if isinstance(inner, StagesBlock) else (block.stage,)


def bind_laws(
    draft: Draft,
    image: Image,
    laws: Mapping[str, PID | Stages],
    stages: Mapping[str, OutputStage],
    events: EventLog,
) -> list[Bound]:
    """Bind each controller to its slots of the image; ``stages`` by signal."""
    blocks: list[Bound] = []
    config = draft.config
    followed = {signal for controller in config.controllers.values() for signal in controller.read}
    for name, law in laws.items():
        controller = config.controllers[name]
        block = (
            bind_changeover(name, config.changeovers[name], image, law, stages, events)
            if isinstance(law, Stages)
            else _bind(name, config.pids[name], image, law, stages[config.pids[name].output])
        )
        pace = pace_of(draft, controller)
        paced = block if pace is None else SlowerBlock(block, block.stage, Pace(*pace))
        blocks.append(paced if followed.isdisjoint(controller.written) else OuterLoop(paced))
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
