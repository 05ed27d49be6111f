"""The recorder stopped for 5 s at a time beside a loop at 1 kHz: overruns with it and without, and where rows went.

``python tests/benchmarks/recorder_stopped.py --seconds 60 --rounds 3`` runs, in each round, cyclictest and then the
loop (64 signals and a recorder with a short ring) at real-time priority, on one processor. The recorder works for 5 s
and is stopped (SIGSTOP) for 5 s in turn, so that both see the same machine. A witness (``witness.py``) on the same
processor, one priority above the loop, tells for each overrun whether the machine was away in that very time.

Exit code 1 where rows counted as lost are not those missing from the trend, an overrun is the loop's own, or its thread
slept while handing over a row.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from lateness import granted_priority, say
from witness import GRID_NS, Late, Witness, held_ns

from hil.loop.clock import NS_PER_S, WallClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.cyclictest import is_here, measure_floor
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.machine_time import machine_ns
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.realtime import RealTime, RealTimeSettings
from hil.record import CompanionRecorder, CompanionSettings, RowLayout
from hil.record.trend_file import to_parquet

PERIOD_NS = 1_000_000
SIGNALS = 64
TURN_S = 5.0
RING_S = 2.0
_SLACK_NS = GRID_NS + 250_000
"""The witness looks every half period, and the loop's cycle has a cost: so much of a delay may be hidden from it."""


@dataclass(frozen=True, slots=True)
class Overrun:
    """A cycle that was woken a period late or more, or ended after the next point of the grid.

    Attributes
    ----------
    late_ns : int
        From the point of the grid at which it was due to its end.
    stopped : bool
        Whether the recorder was stopped.
    own_ns, faults : int
        Processor time that the loop's thread used for it (the kernel counts interrupts and what the hypervisor took
        away meanwhile as the thread's), and its page faults.
    held_ns : int
        For how much of the delay the witness was held up too.
    """

    late_ns: int
    stopped: bool
    own_ns: int
    faults: int
    held_ns: int

    @property
    def whose(self) -> str:
        """The machine's, the loop's, or not known.

        Nothing that the loop computes holds up the witness, which has the higher priority; a page fault might.
        """
        if self.held_ns >= self.late_ns - _SLACK_NS and not self.faults:
            return "the machine"
        return "the loop" if self.faults or self.own_ns >= PERIOD_NS - _SLACK_NS else "not known"


class TimedRows:
    """A recorder as the cycle's sink, stopped and continued in turn; notes each cycle in memory made beforehand."""

    def __init__(
        self, image: Image, recorder: CompanionRecorder, clock: WallClock, policy: OverrunPolicy, cycles: int
    ) -> None:
        self.image, self.recorder, self._clock, self._policy = image, recorder, clock, policy
        self.count = self.sleeps = self.origin_ns = 0
        self.now_ns, self.end_ns, self.used_ns, self.faults, self.overrun = (
            array("q", bytes(8 * cycles)) for _ in range(5)
        )
        self.stopped = bytearray(cycles)
        self._is_stopped = False
        self._turn_ns = round(TURN_S * NS_PER_S)

    def push(self, now_ns: int) -> None:
        number = self.count
        if number == 0:
            self.origin_ns = machine_ns() - self._clock.now_ns()
        self.now_ns[number], self.stopped[number] = now_ns, self._is_stopped
        self.overrun[number] = self._policy.overruns
        self.image.accept(0, number, now_ns)
        before = resource.getrusage(resource.RUSAGE_THREAD)
        self.recorder.push(now_ns)
        after = resource.getrusage(resource.RUSAGE_THREAD)
        self.sleeps += after.ru_nvcsw - before.ru_nvcsw
        self.faults[number] = after.ru_minflt + after.ru_majflt
        if now_ns >= self._turn_ns:
            self._turn_ns += round(TURN_S * NS_PER_S)
            self._is_stopped = not self._is_stopped
            os.kill(self.recorder.process_id, signal.SIGSTOP if self._is_stopped else signal.SIGCONT)
        self.used_ns[number] = time.thread_time_ns()
        self.end_ns[number] = self._clock.now_ns()
        self.count = number + 1

    def lateness(self) -> Iterator[tuple[int, int]]:
        """Each cycle but the first, and how late it was woken, ns."""
        for number in range(1, self.count):
            yield number, self.now_ns[number] - self._due_ns(number)

    def _due_ns(self, number: int) -> int:
        """Give the point of the grid that was planned for this cycle: the first after the end of the one before."""
        return (self.end_ns[number - 1] // PERIOD_NS + 1) * PERIOD_NS

    def overruns(self, witnessed: Sequence[Late]) -> list[Overrun]:
        found = []
        for number in range(1, self.count - 1):
            # The policy hears of a cycle when that is over, so its count shows in the next one.
            if self.overrun[number + 1] > self.overrun[number]:
                due_ns, after_ns = self._due_ns(number), self.now_ns[number + 1] // PERIOD_NS * PERIOD_NS
                if self.end_ns[number] < due_ns + PERIOD_NS:
                    # The delay fell between the note of the end and the loop's own look at the clock.
                    self.end_ns[number] = max(self.end_ns[number], after_ns - PERIOD_NS)
                end_ns = self.end_ns[number]
                held = held_ns(witnessed, self.origin_ns + due_ns, self.origin_ns + end_ns)
                own_ns = self.used_ns[number] - self.used_ns[number - 1]
                faults = self.faults[number] - self.faults[number - 1]
                found.append(Overrun(end_ns - due_ns, bool(self.stopped[number]), own_ns, faults, held))
        return found


@dataclass(frozen=True, slots=True)
class Part:
    """One run of the loop: rows lost as counted, rows missing from the trend, and how late it was by state."""

    cycles: int
    rows_lost: int
    rows_missing: int
    rows_twice: int
    sleeps: int
    overruns: list[Overrun]
    counted_overruns: int
    max_late_ns: tuple[int, int]
    """While the recorder worked, and while it was stopped."""

    @property
    def failed(self) -> bool:
        own = [each for each in self.overruns if each.whose == "the loop"]
        return self.rows_lost != self.rows_missing or bool(self.rows_twice or self.sleeps or own)

    def said(self, *, stopped: bool) -> str:
        mine = [each for each in self.overruns if each.stopped == stopped]
        whose = [each.whose for each in mine]
        own_us = max((each.own_ns for each in mine), default=0) / 1000
        counts = "  ".join(f"{whose.count(name):6}" for name in ("the machine", "not known", "the loop"))
        return f"{len(mine):9}  {counts}  {self.max_late_ns[stopped] / 1000:9.1f}  {own_us:9.1f}"


def run_part(wait: str, seconds: float, priority: int | None, cpu: int, folder: Path) -> Part:
    image = Image([Signal(f"s{n}", "1", -1e9, 1e9, 0) for n in range(SIGNALS)])
    layout = RowLayout(tuple(signal.name for signal in image.signals), ())
    events, clock, policy = EventLog(), WallClock(), OverrunPolicy(OverrunSettings())
    companion = CompanionSettings(ring_s=RING_S, keep_off_cpu=cpu)
    recorder = CompanionRecorder(image, layout, events, folder, PERIOD_NS / NS_PER_S, companion)
    while not (folder / "events.jsonl").exists():
        time.sleep(0.01)
    timing = CycleSettings(PERIOD_NS, round(seconds * NS_PER_S), 1, 1, is_virtual=False)
    rows = TimedRows(image, recorder, clock, policy, round(seconds * NS_PER_S / PERIOD_NS) + 2)
    cycle = Cycle(CycleParts(image), clock, timing, policy, rows, events, StopFlag())
    way = RealTimeSettings(priority, cpu, priority is not None, "spin" if wait == "spin" else "block")
    with Witness(priority and priority + 1, cpu) as witness, RealTime(way, PERIOD_NS) as granted:
        clock.spin_ns = granted.spin_ns
        cycles = cycle.run().cycles
    os.kill(recorder.process_id, signal.SIGCONT)
    lost = recorder.finish().rows_lost
    to_parquet(folder / "trend.arrow", folder / "trend.parquet")
    numbers = [
        round(number) for number in pq.read_table(folder / "trend.parquet", columns=["s0"])["s0"].to_pylist()
    ]
    most = [0, 0]
    for number, late_ns in rows.lateness():
        most[rows.stopped[number]] = max(most[rows.stopped[number]], late_ns)
    missing = len(set(range(cycles)) - set(numbers))
    twice, overruns = len(numbers) - len(set(numbers)), rows.overruns(witness.late)
    return Part(cycles, lost, missing, twice, rows.sleeps, overruns, policy.overruns, (most[0], most[1]))


def one_round(number: int, asked: argparse.Namespace, priority: int | None) -> tuple[Part, int]:
    """Print one round; gives the loop's part, and how often cyclictest woke a period late or more."""
    gaps = 0
    if is_here():
        floor = measure_floor(asked.seconds, PERIOD_NS / NS_PER_S, priority, cpu=asked.cpu)
        gaps = sum(n for upper_us, n in floor.summary()["buckets"] if upper_us >= PERIOD_NS / 1000)
        say(f"{number:5}  {'cyclictest':16}  {gaps:9}  {'':22}  {floor.max_ns / 1000:9.1f}")
    with tempfile.TemporaryDirectory() as folder:
        part = run_part(asked.wait, asked.seconds, priority, asked.cpu, Path(folder))
    for stopped, name in enumerate(("recorder working", "recorder stopped")):
        say(f"{number:5}  {name:16}  {part.said(stopped=bool(stopped))}")
    for each in part.overruns:
        if each.whose != "the machine":
            say(
                f"{number:5}  {each.whose}: {each.late_ns / 1e6:.2f} ms, witness held {each.held_ns / 1e6:.2f}; "
                f"own time {each.own_ns / 1e6:.2f} ms, page faults {each.faults}"
            )
    say(
        f"{number:5}  {part.cycles} cycles, {part.counted_overruns} overruns as the loop counts them; {part.rows_lost} "
        f"rows counted as lost, {part.rows_missing} missing from the trend, {part.rows_twice} twice; "
        f"{part.sleeps} sleeps in handing over a row"
    )
    return part, gaps


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait", choices=("block", "spin"), default="block")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    priority = granted_priority()
    klass = f"SCHED_FIFO {priority}" if priority else "ordinary class"
    say(
        f"1 kHz on processor {asked.cpu}, {klass}, {asked.wait}; {asked.seconds:g} s each, recorder stopped half of it"
    )
    say(
        "                         overruns  whose: machine, not known, loop   max late, us; own time in one, us"
    )
    found = [one_round(number + 1, asked, priority) for number in range(asked.rounds)]
    parts = [part for part, _ in found]
    by_state = [
        sum(each.stopped == stopped for part in parts for each in part.overruns) for stopped in (False, True)
    ]
    say(
        f"overruns in all: {by_state[0]} working, {by_state[1]} stopped, cyclictest {sum(gaps for _, gaps in found)} "
        f"in twice the time; the loop's own {sum(e.whose == 'the loop' for p in parts for e in p.overruns)}, "
        f"not known {sum(e.whose == 'not known' for p in parts for e in p.overruns)}"
    )
    return int(any(part.failed for part in parts))


if __name__ == "__main__":
    sys.exit(main())
