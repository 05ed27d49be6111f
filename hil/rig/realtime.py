"""The rig's wishes of the machine, for the time of its loop, told where they are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hil.config.realtime import RealTimeConfig
from hil.loop.clock import VirtualClock, WallClock
from hil.loop.events import EventLog
from hil.loop.realtime import Grant, RealTime, RealTimeSettings

Tell = Callable[[str], None]
"""Told each refusal, one line."""


@contextmanager
def real_time(
    config: RealTimeConfig,
    clock: VirtualClock | WallClock,
    period_ns: int,
    events: EventLog,
    tell: Tell | None,
) -> Iterator[tuple[Grant, ...]]:
    """While inside, the thread has what the system granted; ``clock`` spins where asked. Gives the grants.

    A virtual clock is in time by definition and asks for nothing.
    """
    if isinstance(clock, VirtualClock):
        yield ()
        return
    with RealTime(RealTimeSettings(**config.model_dump()), period_ns) as granted:
        clock.spin_ns = granted.spin_ns
        asks_for_nothing = config == RealTimeConfig()
        for grant in granted.grants:
            if not (grant.granted and asks_for_nothing):
                events.emit(0.0, "realtime", grant.asked, grant.line)
            if not grant.granted and tell is not None:
                tell(grant.line)
        yield granted.grants
