"""Parts for whole cycles without real time: a clock that only moves as scripted, and a device that stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hil.loop.cycle import Cycle, CycleEnd, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog, LoopEvent
from hil.loop.image import Image, Signal
from hil.loop.overrun import OverrunPolicy, OverrunSettings

PERIOD_NS = 100_000_000
PERIOD_S = 0.1


class ScriptedClock:
    """Virtual time that a part can spend and the script can lose while asleep.

    ``asleep_ns`` gives, for each wake-up at a deadline in turn, how late it comes; on time when it runs out.
    """

    def __init__(self, asleep_ns: Iterable[int] = ()) -> None:
        self.now = 0
        self._asleep = iter(asleep_ns)
        self.wakes: list[tuple[int, int]] = []

    def start(self) -> None:
        self.now = 0

    def now_ns(self) -> int:
        return self.now

    def wait_until(self, deadline_ns: int) -> int:
        self.now = max(self.now, deadline_ns) + next(self._asleep, 0)
        self.wakes.append((deadline_ns, self.now))
        return self.now

    def spend(self, ns: int) -> None:
        self.now += ns


class Station:
    """A device with a register for each signal: reads give the register, writes store the image's value."""

    def __init__(
        self, image: Image, clock: ScriptedClock, reads: Sequence[int], writes: Sequence[int]
    ) -> None:
        self._image, self._clock = image, clock
        self._reads, self._writes = reads, writes
        self.registers = {slot: image.signals[slot].start for slot in (*reads, *writes)}
        self.answers = True
        self.log: list[tuple[str, int, int, bool]] = []

    def read(self, now_ns: int, deadline_ns: int) -> None:
        self.log.append(("read", now_ns, deadline_ns, False))
        if self.answers:
            for slot in self._reads:
                self._image.accept(slot, self.registers[slot], self._clock.now_ns())

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        self.log.append(("write", now_ns, deadline_ns, force))
        for slot in self._writes:
            self.registers[slot] = self._image.values[slot]

    def counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        self.answers = False


class Rows:
    """Keeps every row: stamp, values, qualities."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self.rows: list[tuple[int, tuple[float, ...], bytes]] = []

    def push(self, now_ns: int) -> None:
        self.rows.append((now_ns, tuple(self._image.values), bytes(self._image.quality)))

    @property
    def stamps(self) -> list[int]:
        return [now_ns for now_ns, _, _ in self.rows]


class Spender:
    """A controller that takes time: ``costs_ns`` for each cycle in turn, none when they run out."""

    name = "spender"

    def __init__(self, clock: ScriptedClock, costs_ns: Iterable[int] = ()) -> None:
        self._clock = clock
        self._costs = iter(costs_ns)
        self.steps: list[tuple[int, float]] = []
        self.then: Callable[[int], None] = lambda now_ns: None

    def run(self, now_ns: int, dt_s: float) -> None:
        self.steps.append((now_ns, dt_s))
        self._clock.spend(next(self._costs, 0))
        self.then(now_ns)

    def counters(self) -> dict[str, int]:
        return {}


class Bench:
    """A cycle whose only part takes scripted time."""

    def __init__(
        self,
        *,
        cycles: int | None = 20,
        costs: Iterable[float] = (),
        asleep: Iterable[float] = (),
        policy: OverrunSettings | None = None,
    ) -> None:
        """``costs`` and ``asleep`` in periods."""
        self.image = Image([Signal("a", "1", 0, 1, 0.5)])
        self.clock = ScriptedClock(round(late * PERIOD_NS) for late in asleep)
        self.spender = Spender(self.clock, (round(cost * PERIOD_NS) for cost in costs))
        self.rows = Rows(self.image)
        self.events = EventLog()
        self.stop = StopFlag()
        self.overrun = OverrunPolicy(policy or OverrunSettings())
        self.duration_ns = None if cycles is None else cycles * PERIOD_NS

    def run(self, **parts: object) -> CycleEnd:
        """Run to the end, with more parts where given."""
        filled = CycleParts(self.image, controllers=(self.spender,), **parts)  # type: ignore[arg-type]
        settings = CycleSettings(PERIOD_NS, self.duration_ns, 40_000_000, 30_000_000, is_virtual=False)
        self.cycle = Cycle(filled, self.clock, settings, self.overrun, self.rows, self.events, self.stop)
        return self.cycle.run()

    @property
    def grid(self) -> list[float]:
        """Cycles' stamps, in periods."""
        return [now_ns / PERIOD_NS for now_ns, _ in self.spender.steps]

    @property
    def elapsed(self) -> list[int]:
        """Elapsed time each cycle was told, in periods."""
        return [round(dt_s / PERIOD_S) for _, dt_s in self.spender.steps]

    def told(self, kind: str) -> list[LoopEvent]:
        """Events of one kind."""
        return [event for event in self.events.take() if event.kind == kind]
