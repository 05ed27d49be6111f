"""Whether a loop's action is right for its plant: the wrong one runs away to a limit as soon as it is switched on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from hil.config.schema import PidConfig
from hil.rig.draft import Draft

Effects = Mapping[tuple[str, str], int]
"""Sign of the steady effect of an input signal on an output signal of a plant."""
_Graph = Mapping[str, Mapping[str, int]]


def check_actions(draft: Draft, effects: Effects) -> None:
    """Refuse every controller whose action gives positive feedback through the plants of this rig.

    The effect is followed from plant to plant, through devices (``mirrors``), and through the inner loop of a
    cascade. Where paths disagree, or none is known, nothing is said.
    """
    for name, loop in draft.config.pids.items():
        graph = _graph(draft, effects, apart_from=name)
        # In shadow it is the incumbent's actuator that moves the plant; ours would move it the same way.
        starts = {loop.output, loop.applied or loop.output}
        signs = {sign for start in starts for sign in _signs(graph, start, loop.measured, 1, (start,))}
        if len(signs) != 1:
            continue
        sign = signs.pop()
        right = "direct" if sign < 0 else "reverse"
        if loop.action != right:
            way = "falls" if sign < 0 else "rises"
            what = (
                f"controller {name}: action {loop.action} is the wrong way round: {loop.measured} {way} "
                f"when {loop.output} rises, so the loop would run away"
            )
            draft.refuse(("controllers", name, "action"), what, f"action: {right}")


def _graph(draft: Draft, effects: Effects, apart_from: str) -> _Graph:
    """Tell what moves what, and which way, with the loop in question open."""
    graph: dict[str, dict[str, int]] = defaultdict(dict)
    for (cause, effect), sign in effects.items():
        graph[cause][effect] = sign
    for name, signal in draft.config.signals.items():
        if signal.mirrors is not None:
            graph[signal.mirrors][name] = 1
    for name, loop in draft.config.pids.items():
        if name != apart_from:
            graph[loop.setpoint][loop.output] = _answer_to_setpoint(loop)
    return graph


def _answer_to_setpoint(loop: PidConfig) -> int:
    return 1 if loop.action == "reverse" else -1


def _signs(graph: _Graph, at: str, goal: str, sign: int, passed: tuple[str, ...]) -> Iterator[int]:
    """Sign of the effect along every path from ``at`` to ``goal``."""
    if at == goal:
        yield sign
        return
    for following, factor in graph.get(at, {}).items():
        if following not in passed:
            yield from _signs(graph, following, goal, sign * factor, (*passed, following))
