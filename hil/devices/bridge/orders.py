"""What a servant is to write, and whether: decided from what the loop left and how long ago. Pure: time is an argument.

::

    WAIT ──first orders──► GO ──last orders of the run──► LAST ──done, or out of time──► REST
                           │ ▲
              loop is lost │ │ fresh orders
                           ▼ │
                        FAILSAFE ──done, or out of time──► REST (until fresh orders)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Stage(Enum):
    """What is to be done with the values."""

    WAIT = "wait"
    """Write nothing: the loop has not said anything yet."""
    GO = "go"
    """Write by each point's policy, then the heartbeat."""
    LAST = "last"
    """Write everything, whatever its policy: the last orders of the run. Then say so with ``Port.done``."""
    FAILSAFE = "failsafe"
    """Write everything, without the heartbeat: the values are the declared failsafe. Then ``Port.done``."""
    REST = "rest"
    """Write nothing, no refresh and no heartbeat: the far end's watchdog is to act."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What to write now.

    Attributes
    ----------
    stage : Stage
        What to do with the values.
    number : int
        Of the loop's orders, one higher each cycle; 0 before the first.
    stamp_ns : int
        The cycle that gave them, ns of the machine's clock.
    values : tuple of float
        In the signals' units; the failsafe values where that is the stage.  # (n_writes,)
    """

    stage: Stage
    number: int
    stamp_ns: int
    values: tuple[float, ...]


class LoopWatch:
    """Follows what the loop leaves and decides the stage.

    Parameters
    ----------
    failsafe : sequence of float
        What to write where the loop is lost, in the signals' units.  # (n_writes,)
    loop_timeout_ns : int
        Age of the loop's stamp at which it is lost, ns.
    last_ns : int
        How long the failsafe or the last orders are tried, ns.
    settled : int
        Number of the last orders that a servant before this one brought to their end.

    Attributes
    ----------
    done_number : int
        The last orders of a run that were acknowledged in full; 0 before.
    settled : int
        The last orders that need nothing more: acknowledged, or tried for long enough.
    losses : int
        How often the loop was lost.
    """

    def __init__(
        self, failsafe: Sequence[float], loop_timeout_ns: int, last_ns: int, settled: int = 0
    ) -> None:
        self._failsafe = tuple(failsafe)
        self._loop_timeout_ns = loop_timeout_ns
        self._last_ns = last_ns
        self._orders = Orders(Stage.WAIT, 0, 0, self._failsafe)
        self._until_ns = 0
        self.done_number = 0
        self.settled = settled
        self.losses = 0

    @property
    def orders(self) -> Orders:
        """As of the last look."""
        return self._orders

    def take(self, number: int, stamp_ns: int, *, last: bool, values: tuple[float, ...], now_ns: int) -> None:
        """Take the orders found at ``now_ns``; of a loop that is lost by then, only the last ones of its run."""
        if number <= max(self._orders.number, self.settled):
            return
        stage = Stage.GO
        if last:
            stage = Stage.LAST
            self._until_ns = now_ns + self._last_ns
        # What is too old goes to the failsafe at the next look: so it is with a servant that follows on one that
        # died while the loop was lost.
        self._orders = Orders(stage, number, stamp_ns, values)

    def look(self, now_ns: int, *, loop_is_gone: bool) -> Orders:
        """Give the orders at ``now_ns``; ``loop_is_gone`` where its process is known to have ended without a word."""
        orders = self._orders
        if orders.stage is Stage.GO:
            if loop_is_gone or now_ns - orders.stamp_ns > self._loop_timeout_ns:
                self.losses += 1
                self._until_ns = now_ns + self._last_ns
                self._set(Stage.FAILSAFE, self._failsafe)
        elif orders.stage in (Stage.LAST, Stage.FAILSAFE) and now_ns > self._until_ns:
            self._settle()
        return self._orders

    def done(self) -> None:
        """Note that the orders of stage LAST or FAILSAFE have been acknowledged in full."""
        orders = self._orders
        if orders.stage in (Stage.LAST, Stage.FAILSAFE):
            if orders.stage is Stage.LAST:
                self.done_number = orders.number
            self._settle()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be written for a loop that has ended."""
        return self._orders.stage in (Stage.WAIT, Stage.REST)

    def _settle(self) -> None:
        self.settled = self._orders.number
        self._set(Stage.REST, self._orders.values)

    def _set(self, stage: Stage, values: tuple[float, ...]) -> None:
        self._orders = Orders(stage, self._orders.number, self._orders.stamp_ns, values)
