"""A PID controller bound to the image: its inputs' quality decides between control and fallback."""

from __future__ import annotations

from typing import Protocol

from hil.loop.image import GOOD, STALE, Image
from hil.loop.output import FAILSAFE, HOLD, NORMAL, OutputStage


class Law(Protocol):
    """What a block runs: :class:`controller.PID`, or one that computes elsewhere."""

    @property
    def manual(self) -> bool:
        """Whether the output is held by hand."""
        ...

    @property
    def rejected(self) -> int:
        """Steps refused for a value that is not finite."""
        ...

    def step(
        self,
        setpoint: float,
        measured: float,
        dt_s: float,
        applied: float | None = None,
        feedforward: float = 0.0,
    ) -> float:
        """Output for one step of ``dt_s`` (s)."""
        ...

    def track(self, applied: float) -> None:
        """Go on from ``applied`` without a bump."""
        ...


class PidBlock:
    """Runs one PID, or its fallback where a required input is not GOOD; back to control without a bump.

    Set-point and measured value are required. The feed-forward is not: while its signal is not GOOD its last
    contribution is held, and feedback goes on; when it comes back, the integral takes up the difference.
    In manual no input is required. The incumbent's feedback (``applied``), where it is tracked, may be lost too.

    Attributes
    ----------
    fallbacks : int
        How often control was given up.
    fallback_cycles : int
        Cycles spent without control.
    feedforward_held : int
        Cycles in which the feed-forward was held for want of a GOOD signal.
    """

    __slots__ = ("_applied", "_feedforward", "_ff_bias", "_ff_gain", "_ff_last", "_ff_lost", "_image", "_in_fallback",
                 "_measured", "_on_bad", "_on_stale", "_pid", "_setpoint", "fallback_cycles", "fallbacks",
                 "feedforward_held", "name", "stage")  # fmt: skip

    def __init__(
        self,
        name: str,
        image: Image,
        pid: Law,
        stage: OutputStage,
        *,
        setpoint: int,
        measured: int,
        applied: int | None = None,
        feedforward: tuple[int, float, float] | None = None,
        on_stale: int = HOLD,
        on_bad: int = FAILSAFE,
    ) -> None:
        """Bind slots of the image; ``feedforward`` is (slot, gain, bias), ``applied`` defaults to the own output."""
        self.name = name
        self._image = image
        self._pid = pid
        self.stage = stage
        self._setpoint = setpoint
        self._measured = measured
        self._applied = stage.slot if applied is None else applied
        self._feedforward, self._ff_gain, self._ff_bias = feedforward or (-1, 0.0, 0.0)
        self._ff_last = self._ff_bias
        self._ff_lost = False
        self._on_stale = on_stale
        self._on_bad = on_bad
        self._in_fallback = False
        self.fallbacks = 0
        self.fallback_cycles = 0
        self.feedforward_held = 0

    def run(self, now_ns: int, dt_s: float) -> None:  # noqa: ARG002  a block is told the time, needed or not
        """Leave a request in the output stage for the step of ``dt_s`` (s)."""
        values, quality = self._image.values, self._image.quality
        stage, pid = self.stage, self._pid
        if quality[self._setpoint] == GOOD == quality[self._measured] or pid.manual:
            known = self._applied == stage.slot or quality[self._applied] == GOOD
            applied = values[self._applied] if known else None
            if self._in_fallback:
                self._in_fallback = False
                pid.track(values[stage.slot] if applied is None else applied)
            feedforward = self._forward(applied) if self._feedforward >= 0 else 0.0
            stage.request = pid.step(
                values[self._setpoint], values[self._measured], dt_s, applied, feedforward
            )
            stage.mode = NORMAL
            return
        if not self._in_fallback:
            self._in_fallback = True
            self.fallbacks += 1
        self.fallback_cycles += 1
        qualities = (quality[self._setpoint], quality[self._measured])
        stage.mode = self._on_stale if all(q in (GOOD, STALE) for q in qualities) else self._on_bad

    def _forward(self, applied: float | None) -> float:
        """Feed-forward, output unit: from its signal, or the last one where that is not GOOD."""
        image, slot = self._image, self._feedforward
        if image.quality[slot] != GOOD:
            self._ff_lost = True
            self.feedforward_held += 1
            return self._ff_last
        if self._ff_lost:
            self._ff_lost = False
            self._pid.track(image.values[self.stage.slot] if applied is None else applied)
        self._ff_last = self._ff_gain * image.values[slot] + self._ff_bias
        return self._ff_last

    def counters(self) -> dict[str, int]:
        """How often control was given up, cycles without control, and values the PID refused."""
        return {
            "fallbacks": self.fallbacks,
            "fallback_cycles": self.fallback_cycles,
            "feedforward_held": self.feedforward_held,
            "rejected": self._pid.rejected,
        }
