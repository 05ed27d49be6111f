"""Order of evaluation by direct feedthrough; algebraic loops are found and named."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def in_order(before: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Nodes so ordered that each comes after those in ``before``; otherwise as given.

    Parameters
    ----------
    before : mapping of node to nodes
        What each node needs.

    Raises
    ------
    ValueError
        There is no such order.
    """
    waiting = dict(before)
    done: dict[Node, None] = {}
    while waiting:
        ready = [node for node, needs in waiting.items() if all(need in done for need in needs)]
        if not ready:
            raise ValueError("a cycle")
        for node in ready:
            done[node] = None
            del waiting[node]
    return list(done)


def cycle_in(before: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Nodes of one cycle, each needed by the next; empty where there is none."""
    waiting = {node: list(needs) for node, needs in before.items()}
    while True:
        ready = {node for node, needs in waiting.items() if not needs}
        if not ready:
            break
        waiting = {
            node: [need for need in needs if need not in ready]
            for node, needs in waiting.items()
            if node not in ready
        }
    if not waiting:
        return []
    # Every node left needs another that is left: going from need to need must come round.
    path: list[Node] = [next(iter(waiting))]
    while True:
        following = waiting[path[-1]][0]
        if following in path:
            return path[path.index(following) :][::-1]
        path.append(following)
