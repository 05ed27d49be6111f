"""Whether a loop's action is right for its plant: the wrong one runs away to a limit as soon as it is switched on."""

from __future__ import annotations

from collections.abc import Mapping

from hil.config.schema import PidConfig
from hil.rig.draft import Draft

Effects = Mapping[tuple[str, str], int]
"""Sign of the steady effect of an input signal on an output signal of a plant."""


def check_actions(draft: Draft, effects: Effects) -> None:
    """Refuse every controller whose action gives positive feedback through a plant of this rig."""
    for name, loop in draft.config.controllers.items():
        sign = _effect(draft, loop, effects)
        if sign == 0:
            continue
        right = "direct" if sign < 0 else "reverse"
        if loop.action != right:
            way = "falls" if sign < 0 else "rises"
            what = (
                f"controller {name}: action {loop.action} is the wrong way round: {loop.measured} {way} "
                f"when {loop.output} rises, so the loop would run away"
            )
            draft.refuse(("controllers", name, "action"), what, f"action: {right}")


def _effect(draft: Draft, loop: PidConfig, effects: Effects) -> int:
    """Sign of the effect of the loop's output on its measured value, 0 where the rig does not tell."""
    signs = {
        sign
        for (cause, effect), sign in effects.items()
        if _same(draft, loop.output, cause) and _same(draft, loop.measured, effect)
    }
    return signs.pop() if len(signs) == 1 else 0


def _same(draft: Draft, one: str, other: str) -> bool:
    """Whether two signals are one, or copies of one by way of a device."""
    return bool(_copies(draft, one) & _copies(draft, other))


def _copies(draft: Draft, name: str) -> set[str]:
    copies = {name}
    while (
        (signal := draft.config.signals.get(name)) is not None
        and signal.mirrors
        and signal.mirrors not in copies
    ):
        name = signal.mirrors
        copies.add(name)
    return copies
