"""A drive's sequence in the cycle: typed commands from the image, the control word into its output stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.devices.drives.sequence import DriveSequence, Wish
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image
from hil.loop.output import FAILSAFE, HOLD, NORMAL, OutputStage

_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class DriveSignals:
    """Slots of the image; None for what a rig does not have.

    Attributes
    ----------
    status : int
        The status word.
    run, reset, quick_stop : int or None
        Commands: above 0.5 is yes. One that is BAD is not known, and so is a "no" that is only a failsafe; otherwise
        the last one counts.
    state : int or None
        Gets the number of the :class:`hil.devices.drives.DriveState`.
    """

    status: int
    run: int
    reset: int | None = None
    quick_stop: int | None = None
    state: int | None = None


class DriveBlock:
    """Runs one drive. While its status is STALE the last control word is held; once BAD, the failsafe word is sent.

    A word that is held is repeated, and a drive that has meanwhile stopped for want of its bus would be started by it
    when it hears again. So it is held only for as long as the drive cannot have done that.

    Parameters
    ----------
    name : str
        For counters and messages.
    image : Image
        Where everything is read from.
    sequence : DriveSequence
        What decides.
    signals : DriveSignals
        Slots.
    stage : OutputStage
        Of the control word.
    tell : callable
        Told (loop time ns, text) when what a person should know has changed.
    hold_ns : int or None
        How old a STALE status may be for the last word to be held, ns; None: until it is BAD.
    """

    def __init__(
        self,
        name: str,
        image: Image,
        sequence: DriveSequence,
        signals: DriveSignals,
        stage: OutputStage,
        tell: Callable[[int, str], None],
        hold_ns: int | None = None,
    ) -> None:
        self.name = name
        self.stage = stage
        self._image = image
        self._sequence = sequence
        self._signals = signals
        self._tell = tell
        self._hold_ns = hold_ns
        self._told = ""

    def run(self, now_ns: int, dt_s: float) -> None:  # noqa: ARG002  a block is told the time, needed or not
        """Leave the control word in the output stage."""
        image, signals, sequence = self._image, self._signals, self._sequence
        quality = image.quality[signals.status]
        status = int(image.values[signals.status]) & _WORD if quality == GOOD else None
        wish = Wish(self._is_on(signals.run), self._is_on(signals.reset), self._is_on(signals.quick_stop))
        word = sequence.step(now_ns, status, wish)
        if word is None:
            self.stage.mode = HOLD if quality != BAD and self._may_hold(now_ns) else FAILSAFE
        else:
            self.stage.request, self.stage.mode = float(word), NORMAL
        if signals.state is not None:
            image.accept(signals.state, float(sequence.state), now_ns)
        if sequence.trouble != self._told:
            self._told = sequence.trouble
            self._tell(now_ns, sequence.trouble or "follows its commands again")

    def _may_hold(self, now_ns: int) -> bool:
        age_ns = now_ns - self._image.received_ns[self._signals.status]
        return self._hold_ns is None or age_ns <= self._hold_ns

    def _is_on(self, slot: int | None) -> bool | None:
        """Give a command; None where it is not known."""
        if slot is None:
            return False
        is_on, quality = self._image.values[slot] > 0.5, self._image.quality[slot]
        is_known = quality in (GOOD, STALE) or (quality == SUBSTITUTED and is_on)
        return is_on if is_known else None

    def counters(self) -> dict[str, int]:
        """Give :data:`hil.devices.drives.sequence.COUNTERS`."""
        return dict(self._sequence.counts)
