"""The blocks of a cycle written the plain way, one value at a time: what the quick ones must equal to the bit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from controller import Limit, Limiter
from hil.loop.clock import NS_PER_S
from hil.loop.image import BAD, GOOD, SUBSTITUTED, Image
from hil.loop.output import FAILSAFE, NORMAL
from hil.loop.protocols import Plant
from hil.loop.source import Profile


class PlainLimiter(Limiter):
    """Clamp, then rate: no short cut for what passes."""

    def apply(self, requested: float, dt_s: float) -> float:
        if not (math.isfinite(requested) and math.isfinite(dt_s)):
            self.reason = int(Limit.NONFINITE)
            self._by_reason[self.reason] += 1
            return self.applied
        value, reason = requested, 0
        if value > self.high:
            value, reason = self.high, int(Limit.HIGH)
        elif value < self.low:
            value, reason = self.low, int(Limit.LOW)
        return self._move_to(value, dt_s, reason)


class PlainStage:
    """Limits one signal."""

    def __init__(self, image: Image, slot: int, limiter: Limiter) -> None:
        self.image, self.slot, self.limiter = image, slot, limiter
        self.request, self.mode = image.values[slot], NORMAL

    def run(self, now_ns: int, dt_s: float) -> None:
        image, slot, limiter = self.image, self.slot, self.limiter
        if self.mode == NORMAL:
            value = limiter.apply(self.request, dt_s)
        elif self.mode == FAILSAFE:
            value = limiter.force_failsafe(dt_s)
        else:
            value = limiter.apply(image.values[slot], dt_s)
        image.values[slot] = value
        image.quality[slot] = GOOD if self.mode == NORMAL else SUBSTITUTED
        image.limited[slot] = limiter.reason
        image.received_ns[slot] = now_ns


class PlainSource:
    """Asks its profile in every cycle."""

    def __init__(self, stage: PlainStage, profile: Profile, factor: float = 1.0, offset: float = 0.0) -> None:
        self.stage, self.profile, self.factor, self.offset = stage, profile, factor, offset
        self.last_s = 0.0

    def run(self, now_ns: int, dt_s: float) -> None:
        now_s = now_ns / NS_PER_S
        moved = now_s > self.last_s
        level = self.profile.mean(self.last_s, now_s) if moved else self.profile.value(now_s)
        self.last_s = now_s if moved else self.last_s
        self.stage.request = level * self.factor + self.offset
        self.stage.run(now_ns, dt_s)

    def follow(self, profile: Profile, now_ns: int) -> None:
        self.profile, self.factor, self.offset = profile, 1.0, 0.0
        self.last_s = max(self.last_s, now_ns / NS_PER_S)


class PlainPlant:
    """Takes each input and puts each output by itself."""

    def __init__(
        self, image: Image, plant: Plant, inputs: Sequence[int | float], outputs: Sequence[int | None]
    ) -> None:
        self.image, self.plant, self.inputs, self.outputs = image, plant, inputs, outputs

    def run(self, now_ns: int, dt_s: float) -> None:
        image = self.image
        taken = [self._input(entry) if isinstance(entry, int) else entry for entry in self.inputs]
        for slot, value in zip(self.outputs, self.plant.step(taken, dt_s), strict=True):
            if slot is not None:
                image.accept(slot, value, now_ns)

    def _input(self, slot: int) -> float:
        return (
            self.image.signals[slot].failsafe if self.image.quality[slot] == BAD else self.image.values[slot]
        )
