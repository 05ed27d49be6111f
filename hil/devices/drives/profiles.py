"""What a drive's status word says, and which control word asks for what, for each maker's profile. No time, no state.

================  ==========================================================================================
profile           source
================  ==========================================================================================
``cia402``        CiA 402 (IEC 61800-7-201) as the Schneider Altivar ATV320/340/6xx have it at CMD 8501 and ETA 3201
``abb_drives``    ABB Drives profile of the ACS580 (firmware manual, "Control Word for the ABB Drives profile")
``danfoss_fc``    FC profile of the Danfoss VLT FC 102 (design guide, "Control Word According to FC Profile")
``magic_words``   one word for each command, as small PLCs have it; status from bits of their status word
================  ==========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from hil.devices.drives.sequence import DriveState, Wish


class Profile(Protocol):
    """How a drive is spoken to."""

    @property
    def words(self) -> frozenset[int]:
        """Every control word that may be sent."""
        ...

    def state(self, status: int) -> DriveState:
        """Read a status word."""
        ...

    def word(self, status: int, wish: Wish) -> int:
        """Give the control word that leads from ``status`` towards ``wish``, one step of the drive at a time."""
        ...


class Cia402:
    """The state machine of CiA 402: each state has its own next word, and none is skipped."""

    SHUTDOWN, SWITCH_ON, ENABLE, QUICK_STOP, DISABLE_VOLTAGE, RESET = 0x06, 0x07, 0x0F, 0x02, 0x00, 0x80
    words = frozenset({SHUTDOWN, SWITCH_ON, ENABLE, QUICK_STOP, DISABLE_VOLTAGE, RESET})
    _REMOTE = 0x200
    _STATES: ClassVar = {
        0x21: DriveState.READY,
        0x23: DriveState.SWITCHED_ON,
        0x27: DriveState.RUNNING,
        0x07: DriveState.QUICK_STOP,
    }
    """By ``status & 0x6F``; faults and what cannot switch on do not hang on bit 5."""

    def state(self, status: int) -> DriveState:
        """See :class:`Profile`."""
        if status & 0x4F in (0x08, 0x0F):
            return DriveState.FAULT
        if not status & self._REMOTE:
            return DriveState.LOCAL
        if status & 0x4F == 0x40:
            return DriveState.DISABLED
        return self._STATES.get(status & 0x6F, DriveState.NOT_READY)

    def word(self, status: int, wish: Wish) -> int:
        """See :class:`Profile`."""
        state = self.state(status)
        if state is DriveState.FAULT:
            return self.RESET if wish.reset else self.DISABLE_VOLTAGE
        if state is DriveState.LOCAL:
            # Not obeyed now; it is what the drive finds when it comes back, and must neither start nor stop it.
            state = self._STATES.get(status & 0x6F, DriveState.DISABLED)
            wish = Wish(wish.run and state is DriveState.RUNNING, quick_stop=wish.quick_stop)
        if wish.quick_stop and state is DriveState.RUNNING:
            return self.QUICK_STOP
        if state is DriveState.QUICK_STOP:
            return self.QUICK_STOP if wish.quick_stop else self.DISABLE_VOLTAGE
        if not wish.run or wish.quick_stop:
            # Operation is disabled first, so that the drive stops by its ramp and does not coast.
            return self.SWITCH_ON if state is DriveState.RUNNING else self.SHUTDOWN
        following = {
            DriveState.READY: self.SWITCH_ON,
            DriveState.SWITCHED_ON: self.ENABLE,
            DriveState.RUNNING: self.ENABLE,
        }
        return following.get(state, self.SHUTDOWN)


class AbbDrives:
    """Control word in which all enables are set: OFF1 starts and stops, OFF3 stops quickly, bit 7 resets."""

    STOP, RUN, OFF3, RESET = 0x047E, 0x047F, 0x047A, 0x04FE
    words = frozenset({STOP, RUN, OFF3, RESET})
    _READY_ON, _READY_RUN, _OPERATING, _TRIPPED, _INHIBITED, _REMOTE = 0x01, 0x02, 0x04, 0x08, 0x40, 0x200

    def state(self, status: int) -> DriveState:
        """See :class:`Profile`."""
        if status & self._TRIPPED:
            return DriveState.FAULT
        if not status & self._REMOTE:
            return DriveState.LOCAL
        if status & self._INHIBITED:
            return DriveState.DISABLED
        if status & self._OPERATING:
            return DriveState.RUNNING
        if status & self._READY_RUN:
            return DriveState.SWITCHED_ON
        return DriveState.READY if status & self._READY_ON else DriveState.NOT_READY

    def word(self, status: int, wish: Wish) -> int:
        """See :class:`Profile`."""
        state = self.state(status)
        if state is DriveState.FAULT:
            return self.RESET if wish.reset else self.STOP
        if wish.quick_stop:
            return self.OFF3
        # After a fault, a reset or OFF3 the drive wants to see OFF1 first: 047E, then 047F. In local the word is not
        # obeyed, but found when the drive comes back: it must neither start nor stop it.
        may_start = state in (DriveState.READY, DriveState.SWITCHED_ON, DriveState.RUNNING)
        may_start = may_start or (state is DriveState.LOCAL and bool(status & self._OPERATING))
        return self.RUN if wish.run and may_start else self.STOP


class DanfossFc:
    """Control word of which bit 10 says that it counts, bit 6 starts, bit 4 low stops quickly, bit 7 resets."""

    STOP, RUN, QUICK, RESET = 0x043C, 0x047C, 0x042C, 0x04BC
    words = frozenset({STOP, RUN, QUICK, RESET})
    _CONTROL_READY, _DRIVE_READY, _TRIP, _TRIP_LOCK, _BUS, _OPERATING = 0x01, 0x02, 0x08, 0x40, 0x200, 0x800

    def state(self, status: int) -> DriveState:
        """See :class:`Profile`."""
        if status & (self._TRIP | self._TRIP_LOCK):
            return DriveState.FAULT
        if not status & self._BUS:
            return DriveState.LOCAL
        if status & self._OPERATING:
            return DriveState.RUNNING
        ready = status & self._CONTROL_READY and status & self._DRIVE_READY
        return DriveState.READY if ready else DriveState.NOT_READY

    def word(self, status: int, wish: Wish) -> int:
        """See :class:`Profile`."""
        state = self.state(status)
        if state is DriveState.FAULT:
            return self.RESET if wish.reset else self.STOP
        if wish.quick_stop:
            return self.QUICK
        # In local the word is not obeyed, but found when the drive comes back: it must neither start nor stop it.
        runs_in_local = state is DriveState.LOCAL and bool(status & self._OPERATING)
        may_start = runs_in_local or state in (DriveState.READY, DriveState.RUNNING)
        return self.RUN if wish.run and may_start else self.STOP


@dataclass(frozen=True, slots=True)
class MagicWords:
    """One word for each command.

    Attributes
    ----------
    start, stop, reset : int
        The words.
    running, fault, remote : int
        Masks of the status word: any bit of it says so. 0 where the device has no such bit: then it never runs, never
        has a fault, is always in remote.
    """

    start: int = 2321
    stop: int = 2322
    reset: int = 2323
    running: int = 0x01
    fault: int = 0
    remote: int = 0

    @property
    def words(self) -> frozenset[int]:
        """See :class:`Profile`; 0 is no command."""
        return frozenset({0, self.start, self.stop, self.reset})

    def state(self, status: int) -> DriveState:
        """See :class:`Profile`."""
        if status & self.fault:
            return DriveState.FAULT
        if self.remote and not status & self.remote:
            return DriveState.LOCAL
        return DriveState.RUNNING if status & self.running else DriveState.READY

    def word(self, status: int, wish: Wish) -> int:
        """See :class:`Profile`. A command stands until the device has followed it, then there is none."""
        state = self.state(status)
        if state is DriveState.FAULT:
            return self.reset if wish.reset else 0
        run = wish.run and not wish.quick_stop
        if run == (state is DriveState.RUNNING):
            return 0
        return self.start if run else self.stop


PROFILES: dict[str, Profile] = {"cia402": Cia402(), "abb_drives": AbbDrives(), "danfoss_fc": DanfossFc()}
