"""What the parts cost: a simulated cycle by phase, one step of a PID and of a limiter, the loop's own overhead."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from controller import PID, Limiter
from hil.bench.result import Bench
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.cycle import Cycle, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.histogram import Histogram
from hil.loop.image import Image
from hil.loop.overhead import measure_overhead
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.trend_layout import PHASES
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink
from hil.rig import load_rig

SIGNALS = 64
_CYCLES = 5000
_BATCH, _BATCHES = 50, 400
_OVERHEAD_PERIOD_S = 0.001


def bench_costs(bench: Bench, seconds: float, rigs: Path) -> None:
    """Measure for about ``seconds`` (s), most of it the overhead."""
    _simulated_cycle(bench, rigs / "cdu_sil.yaml")
    pid = PID.ideal(2.0, 20.0, 1.0, output_low=0.0, output_high=100.0)
    limiter = Limiter(0.0, 100.0, 50.0, 10.0, 10.0)
    bench.keep("step.pid", _per_call(lambda: pid.step(30.0, 29.5, 0.1)))
    bench.keep("step.limiter", _per_call(lambda: limiter.apply(60.0, 0.1)))
    capacity = round(seconds / _OVERHEAD_PERIOD_S) + 10

    def sink_of(image: Image) -> RowSink:
        return _sink(image, capacity)

    timing = measure_overhead(sink_of, seconds, _OVERHEAD_PERIOD_S, None, signals=SIGNALS)
    bench.keep(f"overhead.{SIGNALS}_signals", timing.cycle)
    bench.figures["overhead.share_of_1_ms"] = timing.cycle.percentile(0.5) / (_OVERHEAD_PERIOD_S * NS_PER_S)


def _sink(image: Image, capacity: int) -> RowSink:
    layout = RowLayout(tuple(signal.name for signal in image.signals), ())
    return RowSink(image, Ring.private(layout.packer.size, capacity), layout)


def _simulated_cycle(bench: Bench, rig_file: Path) -> None:
    rig = load_rig(rig_file)
    clock = VirtualClock()
    parts, _ = rig.build(EventLog(), clock.now_ns)
    period_ns = round(rig.config.period_s * NS_PER_S)
    settings = CycleSettings(period_ns, _CYCLES * period_ns, period_ns, period_ns, is_virtual=True)
    sink = _sink(parts.image, _CYCLES + 1)
    cycle = Cycle(parts, clock, settings, OverrunPolicy(OverrunSettings()), sink, EventLog(), StopFlag())
    cycle.run()
    # Time not corrected for omitted periods: a virtual clock has none.
    for name, histogram in zip(PHASES, cycle.timing.phases, strict=True):
        if name != "wait":
            bench.keep(f"cycle.{name}", histogram)
    bench.keep("cycle.whole", cycle.timing.cycle)


def _per_call(function: Callable[[], object]) -> Histogram:
    """Time of one call, from batches of them: the clock itself takes as long as a limiter."""
    times, counter = Histogram(), time.perf_counter_ns
    for _ in range(_BATCHES):
        began = counter()
        for _ in range(_BATCH):
            function()
        times.record((counter() - began) // _BATCH)
    return times
