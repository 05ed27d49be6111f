"""A PID controller bound to the image: its inputs' quality decides between control and fallback."""

from __future__ import annotations

from controller import PID
from hil.loop.image import GOOD, STALE, Image
from hil.loop.output import FAILSAFE, HOLD, NORMAL, OutputStage


class PidBlock:
    """Runs one PID, or its fallback where a required input is not GOOD; back to control without a bump.

    Attributes
    ----------
    fallbacks : int
        How often control was given up.
    fallback_cycles : int
        Cycles spent without control.
    """

    __slots__ = ("_applied", "_feedforward", "_ff_bias", "_ff_gain", "_image", "_in_fallback", "_measured", "_on_bad",
                 "_on_stale", "_pid", "_setpoint", "fallback_cycles", "fallbacks", "name", "stage")  # fmt: skip

    def __init__(
        self,
        name: str,
        image: Image,
        pid: PID,
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
        self._feedforward, self._ff_gain, self._ff_bias = feedforward or (setpoint, 0.0, 0.0)
        self._on_stale = on_stale
        self._on_bad = on_bad
        self._in_fallback = False
        self.fallbacks = 0
        self.fallback_cycles = 0

    def run(self, now_ns: int, dt_s: float) -> None:  # noqa: ARG002  a block is told the time, needed or not
        """Leave a request in the output stage for the step of ``dt_s`` (s)."""
        values, quality = self._image.values, self._image.quality
        stage = self.stage
        if quality[self._setpoint] == GOOD == quality[self._measured] and quality[self._feedforward] == GOOD:
            # The incumbent's feedback, where it is tracked, may be lost without this controller losing its inputs.
            known = self._applied == stage.slot or quality[self._applied] == GOOD
            applied = values[self._applied] if known else None
            if self._in_fallback:
                self._in_fallback = False
                self._pid.track(values[stage.slot] if applied is None else applied)
            feedforward = self._ff_gain * values[self._feedforward] + self._ff_bias if self._ff_gain else 0.0
            stage.request = self._pid.step(
                values[self._setpoint], values[self._measured], dt_s, applied, feedforward
            )
            stage.mode = NORMAL
            return
        if not self._in_fallback:
            self._in_fallback = True
            self.fallbacks += 1
        self.fallback_cycles += 1
        qualities = (quality[self._setpoint], quality[self._measured], quality[self._feedforward])
        stage.mode = self._on_stale if all(q in (GOOD, STALE) for q in qualities) else self._on_bad

    def counters(self) -> dict[str, int]:
        """How often control was given up, cycles without control, and values the PID refused."""
        return {
            "fallbacks": self.fallbacks,
            "fallback_cycles": self.fallback_cycles,
            "rejected": self._pid.rejected,
        }
