"""The rig's wishes of the machine, for the time of its loop, told where they are refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hil.config.realtime import RealTimeConfig
from hil.devices.rehearsal import REHEARSE_NS, Rehearsal
from hil.loop.clock import NS_PER_S, VirtualClock, WallClock
from hil.loop.events import EventLog
from hil.loop.realtime import Grant, RealTime, RealTimeSettings
from hil.rig.devices import FieldBus
from hil.rig.draft import Draft

_LEAST_PERIODS = 4
"""A rehearsal may take a quarter of the period, or else it would be more of a load than a help."""

Tell = Callable[[str], None]
"""Told each refusal, one line."""


def check_realtime(draft: Draft) -> None:
    """Warn of wishes that this rig, or this machine, cannot be granted."""
    config, wishes = draft.config, draft.config.realtime
    if config.clock == "virtual":
        if wishes != RealTimeConfig():
            draft.warn(
                ("realtime",), "realtime has no effect on the virtual clock", "--clock wall, or leave it out"
            )
        return
    processors = os.cpu_count() or 1
    if wishes.cpu is not None and wishes.cpu >= processors:
        what = f"processor {wishes.cpu} is not on this machine, which has 0 to {processors - 1}"
        draft.warn(("realtime", "cpu"), what, "one of these, if this is the machine of the run")
    period_ns = round(config.period_s * NS_PER_S)
    if wishes.rehearse and period_ns < _LEAST_PERIODS * REHEARSE_NS:
        draft.warn(("realtime", "rehearse"), _too_short(period_ns))


@contextmanager
def real_time(
    config: RealTimeConfig,
    clock: VirtualClock | WallClock,
    period_ns: int,
    events: EventLog,
    tell: Tell | None,
    bus: FieldBus | None = None,
) -> Iterator[tuple[Grant, ...]]:
    """While inside, the thread has what the system granted; ``clock`` spins where asked. Gives the grants.

    A virtual clock is in time by definition and asks for nothing.
    """
    if isinstance(clock, VirtualClock):
        yield ()
        return
    asked = RealTimeSettings(**config.model_dump(exclude={"rehearse"}))
    with RealTime(asked, period_ns) as granted:
        clock.spin_ns = granted.spin_ns
        grants = (*granted.grants, *([_rehearse(clock, period_ns, bus)] if config.rehearse else []))
        asks_for_nothing = config == RealTimeConfig()
        for grant in grants:
            if not (grant.granted and asks_for_nothing):
                events.emit(0.0, "realtime", grant.asked, grant.line)
            if not grant.granted and tell is not None:
                tell(grant.line)
        yield grants


def _rehearse(clock: WallClock, period_ns: int, bus: FieldBus | None) -> Grant:
    """Have a cycle rehearsed before each deadline and, with devices, while their replies are waited for."""
    if period_ns < _LEAST_PERIODS * REHEARSE_NS:
        return Grant("rehearsal", granted=False, line=_too_short(period_ns))
    rehearsal = Rehearsal()
    clock.rehearse, clock.rehearse_ns = rehearsal.run, REHEARSE_NS
    if bus is not None:
        bus.rehearse(rehearsal.run)
    line = f"rehearsal: {REHEARSE_NS / 1000:.0f} us before each deadline" + (
        ", and while replies are waited for" if bus is not None else ""
    )
    return Grant("rehearsal", granted=True, line=line)


def _too_short(period_ns: int) -> str:
    return (
        f"rehearsal: refused, {REHEARSE_NS / 1000:.0f} us before each deadline are too much of a period of "
        f"{period_ns / 1000:.0f} us; a cycle may find the caches cold. "
        f"Take it from {_LEAST_PERIODS * REHEARSE_NS / 1000:.0f} us on"
    )
