"""From a ``type: stages`` controller of the rig to a changeover in the cycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller import Condition, ControllerError, Stages
from hil.config.schema import SignalConfig
from hil.config.stages import StagesConfig
from hil.config.yaml_lines import Path_
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.output import FAILSAFE, HOLD, OutputStage
from hil.loop.staged import StagesBlock
from hil.rig.draft import Draft

_MODES = {"hold": HOLD, "failsafe": FAILSAFE}


def note_changeover(draft: Draft, name: str, config: StagesConfig) -> None:
    """Note what a changeover reads and writes, and check that its signals can carry it."""
    path, block = ("controllers", name), f"controllers.{name}"
    draft.reads(config.measured, (*path, "measured"), block)
    for key, conditions in (("up_if", config.up_if), ("down_if", config.down_if)):
        for number, condition in enumerate(conditions):
            draft.reads(condition.signal, (*path, key, number, "signal"), block)
    draft.writes(config.output, (*path, "output"), block, "1")
    for signal in config.outputs:
        draft.writes(signal, (*path, "outputs", signal), block)
    own = set(config.written) & set(config.read)
    for signal in sorted(own):
        draft.refuse(
            path, f"controller {name}: {signal} is both followed and written", "give it its own output"
        )
    _check_thresholds(draft, name, config)
    _check_number(draft, name, config)
    _check_table(draft, name, config)


def _levels(config: StagesConfig) -> Iterator[tuple[str, Path_, tuple[float, ...]]]:
    """Give every row of thresholds as (signal, keys below the controller, levels)."""
    yield config.measured, ("up_at",), config.up_at
    yield config.measured, ("down_at",), config.down_at
    for key, conditions in (("up_if", config.up_if), ("down_if", config.down_if)):
        for number, condition in enumerate(conditions):
            yield condition.signal, (key, number), condition.levels(config.count - 1)


def _check_thresholds(draft: Draft, name: str, config: StagesConfig) -> None:
    """Refuse a threshold that no good value of its signal can cross: a stage that is never reached, or never left."""
    for signal, keys, levels in _levels(config):
        found = draft.config.signals.get(signal)
        for level in levels:
            if found is not None and not found.range[0] < level < found.range[1]:
                what = (
                    f"controller {name}: the threshold {level:g} {found.unit} is not inside the range "
                    f"[{found.range[0]:g}, {found.range[1]:g}] of {signal}: it can never be crossed"
                )
                draft.refuse(("controllers", name, *keys), what, "choose it inside, or widen the range")


def _check_number(draft: Draft, name: str, config: StagesConfig) -> None:
    """Refuse a signal that cannot hold the number of the stage: a range too small, a ramp, half a stage."""
    found, most = draft.config.signals.get(config.output), config.count - 1
    if found is None:
        return
    path = ("signals", config.output)
    if not (found.range[0] <= 0 and found.range[1] >= most):
        reach = f"{found.range[0]:g} to {found.range[1]:g}"
        what = f"{config.output} ranges from {reach}, the stages of controller {name} from 0 to {most}"
        draft.refuse(("controllers", name, "output"), what, f"range: [0, {most}]")
    if found.rate_up_per_s is not None or found.rate_down_per_s is not None:
        what = f"{config.output} is the number of a stage: a rate limit would give stages between stages"
        draft.refuse(path, what, "limit the signals of the table instead")
    for key, value in (("failsafe", found.failsafe), ("initial", found.initial)):
        if value is not None and value not in range(config.count):
            what = f"{config.output}: {key} {value:g} is no stage of controller {name}"
            draft.refuse((*path, key), what, f"one of {', '.join(map(str, range(config.count)))}")


def _check_table(draft: Draft, name: str, config: StagesConfig) -> None:
    """Refuse values out of their signal's range; warn where the failsafe stage and a signal's failsafe disagree."""
    stage = _failsafe_stage(draft.config.signals.get(config.output))
    for signal, values in config.outputs.items():
        found, path = draft.config.signals.get(signal), ("controllers", name, "outputs", signal)
        if len(values) != config.count:
            what = f"{signal} has {len(values)} values for {config.count} stages"
            draft.refuse(path, f"controller {name}: {what}", "one for each stage")
        if found is None:
            continue
        low, high = found.range
        for number, value in enumerate(values):
            if not low <= value <= high:
                what = f"{signal} is {value:g} {found.unit} in stage {number}, outside its range [{low:g}, {high:g}]"
                hint = f"nearest inside: {min(max(value, low), high):g}"
                draft.refuse(path, f"controller {name}: {what}", hint)
        if found.failsafe is not None and stage < len(values) and values[stage] != found.failsafe:
            what = f"failsafe {found.failsafe:g} {found.unit}, and {values[stage]:g} in the failsafe stage {stage}"
            draft.warn(
                path, f"controller {name}: {signal} has the {what}", "let them agree, or it jumps on return"
            )


def _failsafe_stage(found: SignalConfig | None) -> int:
    return 0 if found is None or found.failsafe is None else int(found.failsafe)


def make_changeover(draft: Draft, name: str, config: StagesConfig) -> Stages | None:
    """Make the law, in its output's initial or else failsafe stage; what it refuses is a problem of the draft."""
    found, changes = draft.config.signals.get(config.output), config.count - 1
    initial = found.initial if found is not None and found.initial is not None else _failsafe_stage(found)
    if initial not in range(config.count):
        return None  # told with the signal

    def conditions(which: str) -> list[Condition]:
        return [Condition(each.levels(changes), each.above is not None) for each in getattr(config, which)]

    try:
        return Stages(
            config.up_at, config.down_at, minimum_time_s=config.minimum_time_s, delay_s=config.delay_s,
            action=config.action, up_if=conditions("up_if"), down_if=conditions("down_if"), initial_stage=int(initial),
        )  # fmt: skip
    except ControllerError as error:
        key = next((key for key in ("down_at", "up_at") if str(error).startswith(key)), "type")
        draft.refuse(("controllers", name, key), f"controller {name}: {error}")
        return None


def bind_changeover(
    name: str,
    config: StagesConfig,
    image: Image,
    law: Stages,
    stages: Mapping[str, OutputStage],
    events: EventLog,
) -> StagesBlock:
    """Bind a law to its slots of the image; a change of stage is an event."""

    def tell(now_ns: int, text: str) -> None:
        events.emit(now_ns / NS_PER_S, "stage", name, text)

    table = {stages[signal]: values for signal, values in config.outputs.items()}
    return StagesBlock(
        name, image, law, stages[config.output], table,
        inputs=[image.index[signal] for signal in config.read], names=config.names,
        failsafe_stage=int(image.signals[image.index[config.output]].failsafe),
        on_stale=_MODES[config.on_stale], on_bad=_MODES[config.on_bad], tell=tell,
    )  # fmt: skip
