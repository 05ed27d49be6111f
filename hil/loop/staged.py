"""A staged changeover bound to the image: the number of its stage, and the values of that stage, into signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from controller import Stages
from hil.loop.image import GOOD, STALE, Image, Quality
from hil.loop.output import FAILSAFE, HOLD, NORMAL, OutputStage

Tell = Callable[[int, str], None]
"""Told (loop time in ns, what has changed in words)."""


class StagesBlock:
    """Runs one changeover; holds, or goes to the failsafe stage, where an input is not GOOD.

    Every input is required: the measured value and the signals of all conditions. In manual none is.

    Attributes
    ----------
    fallbacks : int
        How often the changeover was given up.
    fallback_cycles : int
        Runs without it.
    output_stages : tuple of OutputStage
        That of the stage's number, then those of the table.
    """

    __slots__ = ("_failsafe_stage", "_image", "_in_fallback", "_law", "_modes", "_names", "_slots", "_table", "_tell",
                 "_told", "fallback_cycles", "fallbacks", "name", "output_stages")  # fmt: skip

    def __init__(
        self,
        name: str,
        image: Image,
        law: Stages,
        stage: OutputStage,
        table: Mapping[OutputStage, Sequence[float]] | None = None,
        *,
        inputs: Sequence[int],
        names: Sequence[str] = (),
        failsafe_stage: int = 0,
        on_stale: int = HOLD,
        on_bad: int = FAILSAFE,
        tell: Tell = lambda _now_ns, _text: None,
    ) -> None:
        """Bind ``inputs`` (slots: the measured value, then the conditions' in the law's order) and the outputs."""
        self.name = name
        self.output_stages = (stage, *(table or {}))
        self._image = image
        self._law = law
        self._slots = tuple(inputs)
        # One row of requests a stage, in the order of the output stages.
        columns = [range(law.count), *(table or {}).values()]
        self._table = [tuple(float(column[n]) for column in columns) for n in range(law.count)]
        self._names = names
        self._failsafe_stage = failsafe_stage
        self._modes = (on_stale, on_bad)
        self._tell = tell
        self._told = law.stage
        self._in_fallback = False
        self.fallbacks = self.fallback_cycles = 0

    @property
    def stage(self) -> OutputStage:
        """The output stage of the stage's number."""
        return self.output_stages[0]

    def run(self, now_ns: int, dt_s: float) -> None:
        """Leave the requests of the present stage in the output stages, after a step of ``dt_s`` (s)."""
        image, law, slots = self._image, self._law, self._slots
        values, quality = image.values, image.quality
        if law.manual or all(quality[slot] == GOOD for slot in slots):
            self._in_fallback = False
            law.step(values[slots[0]], dt_s, [values[slot] for slot in slots[1:]])
            for output, request in zip(self.output_stages, self._table[law.stage], strict=True):
                output.request, output.mode = request, NORMAL
        else:
            self._fall_back(dt_s)
        if law.stage != self._told:
            self._tell(now_ns, self._change())
            self._told = law.stage

    def _fall_back(self, dt_s: float) -> None:
        """Hold, or go to the failsafe stage and every signal to its own failsafe."""
        if not self._in_fallback:
            self._in_fallback = True
            self.fallbacks += 1
        self.fallback_cycles += 1
        quality, law = self._image.quality, self._law
        mode = self._modes[0 if all(quality[slot] in (GOOD, STALE) for slot in self._slots) else 1]
        if mode == FAILSAFE:
            law.force(self._failsafe_stage, dt_s)
        else:
            law.hold(dt_s)
        for output in self.output_stages:
            output.mode = mode

    def _change(self) -> str:
        """Say from which stage to which, and on what."""
        image, on = self._image, []
        for slot in self._slots:
            signal, quality = image.signals[slot], image.quality[slot]
            told = "" if quality == GOOD else f" {Quality(quality).name}"
            on.append(f"{signal.name} {image.values[slot]:.4g} {signal.unit}{told}")
        why = "by hand" if self._law.manual else ", ".join(on)
        why = f"failsafe, {why}" if self._in_fallback else why
        return f"{self._called(self._told)} -> {self._called(self._law.stage)}: {why}"

    def _called(self, stage: int) -> str:
        return f"stage {stage}" + (f" ({self._names[stage]})" if self._names else "")

    def counters(self) -> dict[str, int]:
        """Give those of the law, and how often and for how many runs the changeover was given up."""
        return self._law.counters() | {"fallbacks": self.fallbacks, "fallback_cycles": self.fallback_cycles}
