"""The only road to an actuator: every value that a source or a controller writes passes here.

A block leaves its request in its stage; the limits phase turns requests into applied values. What was applied
goes into the image, where devices send it from and where the controller reads it back for its anti-windup.
"""

from __future__ import annotations

from controller import Limiter
from hil.loop.image import GOOD, SUBSTITUTED, Image

NORMAL, HOLD, FAILSAFE = range(3)


class OutputStage:
    """The limits of one written signal.

    Attributes
    ----------
    request : float
        What the block asks for, in the signal's unit.
    mode : int
        ``NORMAL`` applies the request; ``HOLD`` keeps the last applied value; ``FAILSAFE`` goes to the failsafe
        at the signal's rate limits.
    slot : int
        Slot of the signal in the image.
    """

    __slots__ = ("_image", "limiter", "mode", "request", "slot")

    def __init__(self, image: Image, slot: int, limiter: Limiter) -> None:
        self._image = image
        self.slot = slot
        self.limiter = limiter
        self.request = image.values[slot]
        self.mode = NORMAL

    def run(self, now_ns: int, dt_s: float) -> None:
        """Apply the request within the limits; ``dt_s`` (s) since the last call bounds the rate."""
        image, slot = self._image, self.slot
        if self.mode == NORMAL:
            image.values[slot] = self.limiter.apply(self.request, dt_s)
            image.quality[slot] = GOOD
        else:
            image.values[slot] = (
                self.limiter.force_failsafe(dt_s)
                if self.mode == FAILSAFE
                else self.limiter.apply(image.values[slot], dt_s)
            )
            image.quality[slot] = SUBSTITUTED
        image.limited[slot] = self.limiter.reason
        image.received_ns[slot] = now_ns

    @property
    def at_rest(self) -> bool:
        """Whether the next :meth:`run`, with the same request, would apply just what the last one did."""
        limiter = self.limiter
        return self.mode == NORMAL and limiter.reason == 0 and limiter.applied == self.request

    def repeat(self, now_ns: int) -> None:
        """Apply once more what was applied; what :meth:`run` does where it is :attr:`at_rest`."""
        image, slot = self._image, self.slot
        image.values[slot] = self.limiter.applied
        image.quality[slot] = GOOD
        image.received_ns[slot] = now_ns

    def shut_down(self, now_ns: int) -> None:
        """Go to the failsafe at once: the last write of a run, when no later one could complete a ramp."""
        self.mode = FAILSAFE
        self._image.values[self.slot] = self.limiter.force_failsafe(0.0, immediate=True)
        self._image.quality[self.slot] = SUBSTITUTED
        self._image.limited[self.slot] = self.limiter.reason
        self._image.received_ns[self.slot] = now_ns
