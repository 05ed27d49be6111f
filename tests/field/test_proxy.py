"""The loop through the fault proxy: each fault on one frame in twenty, and never a wrong value that looks right.

The fault is switched on and off several times in a run, and what each cycle and each recovery took is judged by its
middle (see ``bus_judge``). In the suite each fault has a second or so. The long form has 10,000 cycles of each::

    COLDLOOP_PROXY_CYCLES=10000 python -m pytest -s tests/field/test_proxy.py -k one_frame_in_twenty
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from bus_judge import Timekeeper, Verdict, percentile
from truthful_server import TICK_NS, TICKS, TruthfulServer, tick_now, tick_of
from witness import Witness

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.errors import DeviceError
from hil.faults.proxy import FAULT_KINDS, BusFault, ProxiedDevice, ProxyPlan, ProxyProcess
from hil.loop.clock import NS_PER_S, WallClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import GOOD, Image, Signal
from hil.loop.machine_time import machine_ns
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.schedule import Schedule

PERIOD_NS = 10_000_000
CYCLES = int(os.environ.get("COLDLOOP_PROXY_CYCLES", "60"))
SHARE = 0.05
EPISODES, QUIET_CYCLES = max(3, CYCLES // 500), 6
"""How often the fault is switched on and off, and the undisturbed cycles before each."""
BEYOND_NS = 2_000_000
"""Of a phase after its deadline: the return from the wait for it, and what the judge itself does."""
SKIPPED_SHARE = 0.10
RECOVERY_CYCLES, RECOVERIES, RUNS, LEAST_FRESH = 2, 5, 6, 6
"""A machine that takes the processor away spoils a run; what is wrong spoils them all. Mostly one is enough."""
AT = (0, 2, 4, 6, 100, 102, 104, 106)
"""Addresses of the numbers that are read, in two blocks."""

DELAYS_S = {"delay": 0.004, "jitter": 0.02, "late": 0.015, "byte_at_a_time": 0.0002}
HELD_S = {
    "delay": 0.004,
    "jitter": 0.02,
    "late": 0.015,
    "byte_at_a_time": 0.008,
    "truncate": 0.006,
    "half_open": 0.009,
}
"""How long a fault lasts beyond its cycle, s. A held frame: until it is let go. A cut reply: until those of the next
read have filled the gap, and so shown it. A dead connection: until three requests in turn have had no answer."""
FAILING = BusFault("exception", SHARE, code=4)
"""A device that says it failed, not that it is busy: the cause may be a point, and may pass."""
DENYING = BusFault("exception", SHARE, code=2)
"""A device that denies a register which it has given before."""
FAULTS = (*(BusFault(kind, SHARE, delay_s=DELAYS_S.get(kind, 0.0)) for kind in FAULT_KINDS), FAILING, DENYING)
SEEN_BY = {
    "drop": "timeouts", "late": "timeouts", "duplicate": "wrong_transaction", "exception": "exception_replies",
    "wrong_transaction": "wrong_transaction", "reset": "connections_lost", "half_open": "timeouts",
    "truncate": "timeouts",
}  # fmt: skip
"""The counter of the device that must tell of a fault."""


@pytest.fixture(scope="module")
def server() -> Iterator[TruthfulServer]:
    with TruthfulServer() as made:
        yield made


@pytest.fixture(scope="module")
def proxy(server: TruthfulServer) -> Iterator[ProxyProcess]:
    data = BusFault("corrupt", 0.2, part="data")
    devices = (
        ProxiedDevice("far", "127.0.0.1", server.port, 5, FAULTS),
        ProxiedDevice("undetectable", "127.0.0.1", server.port, 6, (data,)),
        ProxiedDevice("nowhere", "127.0.0.1", 1, 7, ()),
    )
    made = ProxyProcess(ProxyPlan(devices))
    yield made
    made.close()


@dataclass
class Watched:
    """A device between cycle and wire that knows the truth, and holds each cycle against it."""

    device: ModbusTcpDevice
    image: Image
    server: TruthfulServer
    wrong: list[str] = field(default_factory=list)
    is_fresh: bool = False
    """Whether all values are of this very cycle, and GOOD."""
    unaccounted: list[int] = field(default_factory=list)
    number: int = 0

    def read(self, now_ns: int, deadline_ns: int) -> None:
        image, asked, before = self.image, tick_now(), list(self.image.received_ns)
        self.device.read(now_ns, deadline_ns)
        fresh = True
        for slot, address in enumerate(AT):
            is_good, is_new = image.quality[slot] == GOOD, image.received_ns[slot] != before[slot]
            tick = tick_of(int(image.values[slot]), address)
            if is_good and tick is None:
                self.wrong.append(
                    f"cycle {self.number}: what is at {address} is of another place, or altered"
                )
            elif is_new and tick is not None and (tick - asked) % TICKS > 10 * NS_PER_S // TICK_NS:
                self.wrong.append(f"cycle {self.number}: {address} was answered before it was asked for")
            fresh &= is_new and is_good
        self.is_fresh = fresh

    def write(self, now_ns: int, deadline_ns: int) -> None:
        self.number += 1
        high, low = divmod(self.number, 1 << 16)
        self.image.values[-2:] = [float(high), float(low)]
        before = self.device.counters()
        self.device.write(now_ns, deadline_ns)
        after = self.device.counters()
        names = ("writes_sent", "writes_acknowledged", "writes_unacknowledged", "writes_refused_by_peer")
        sent, taken, lost, refused = (after[name] - before[name] for name in names)
        unsent = sum(
            after[name] - before[name]
            for name in ("requests_unsent", "phases_without_time", "writes_offline")
        )
        # What was queued and not sent counts as not acknowledged too.
        if sent > taken + lost + refused or (not sent and not unsent):
            self.unaccounted.append(self.number)
        # After a refusal the two words go one by one, and one may be lost without the other.
        there = {(at + n, word) for at, words in self.server.writes[-40:] for n, word in enumerate(words)}
        arrived = ((200, high) in there) + ((201, low) in there)
        if taken and arrived < (1 if lost or refused else 2):
            self.wrong.append(f"write {self.number} was acknowledged and never arrived")

    def counters(self) -> dict[str, int]:
        return self.device.counters()

    def close(self) -> None:
        self.device.close()


def signals() -> list[Signal]:
    read = [Signal(f"at_{at}", "1", 0.0, 2.0**32, 0.0, 3 * PERIOD_NS) for at in AT]
    return [*read, Signal("high", "1", 0, 65535, 0.0), Signal("low", "1", 0, 65535, 0.0)]


def watched(server: TruthfulServer, port: int, clock: WallClock) -> Watched:
    image = Image(signals())
    reads = [(Point(f"at_{at}", 1, "input_register", at, "uint32"), slot) for slot, at in enumerate(AT)]
    writes = [
        (
            Point(name, 1, "holding_register", 200 + n, "uint16", access="w", write="every_cycle"),
            len(reads) + n,
        )
        for n, name in enumerate(("high", "low"))
    ]
    # Shorter than from the read to the write: what is lost in one is begun anew in the other.
    settings = ModbusTcpSettings(
        "127.0.0.1", port, backoff_min_s=PERIOD_NS / 1e11, backoff_max_s=PERIOD_NS / 1e9
    )
    device = ModbusTcpDevice("far", settings, image, reads, writes, clock.now_ns)
    return Watched(device, image, server)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: what was watched, the cycle, its timekeeper, when the faults were switched off (ns), the witness."""

    far: Watched
    cycle: Cycle
    times: Timekeeper
    ends_ns: list[int]
    late: list[tuple[int, int]]
    periods: int


def run(server: TruthfulServer, proxy: ProxyProcess, name: str, faults: list[int]) -> Ran:
    """Run, with the faults on for ``CYCLES`` cycles in ``EPISODES`` parts; the loop and the witness beside it."""
    clock = WallClock()
    far = watched(server, proxy.ports[name], clock)
    times = Timekeeper(far, clock.now_ns, lambda: sum(proxy.injected(name, fault) for fault in faults))
    far.device.prove(5.0)

    def switch(on: bool) -> None:
        for fault in faults:
            proxy.switch(name, fault, on=on)

    part = CYCLES // EPISODES + QUIET_CYCLES
    ends_ns = [part * (n + 1) * PERIOD_NS for n in range(EPISODES)]
    begins_ns = [(part * n + QUIET_CYCLES) * PERIOD_NS for n in range(EPISODES)]
    periods = part * EPISODES + QUIET_CYCLES
    schedule = Schedule(
        [(at_ns, lambda _: switch(True)) for at_ns in begins_ns]
        + [(at_ns, lambda _: switch(False)) for at_ns in ends_ns]
    )
    settings = CycleSettings(
        PERIOD_NS, periods * PERIOD_NS, int(0.6 * PERIOD_NS), int(0.3 * PERIOD_NS), is_virtual=False
    )
    parts = CycleParts(far.image, devices=(times,), controllers=(times,), schedule=schedule)
    cycle = Cycle(parts, clock, settings, OverrunPolicy(OverrunSettings()), _NoSink(), EventLog(), StopFlag())
    try:
        with Witness(None, None) as witness:
            cycle.run()
            times.settle()
            began_ns = machine_ns() - clock.now_ns()
    finally:
        switch(False)
        far.close()
    return Ran(
        far, cycle, times, ends_ns, [(due_ns - began_ns, by_ns) for due_ns, by_ns in witness.late], periods
    )


class _NoSink:
    def push(self, now_ns: int) -> None:
        """Forget the row."""


def assert_nothing_wrong_or_lost(ran: Ran) -> None:
    far, counts = ran.far, ran.far.counters()
    assert far.wrong == []
    assert far.unaccounted == []
    assert counts["writes_sent"] <= sum(
        counts[name] for name in ("writes_acknowledged", "writes_unacknowledged", "writes_refused_by_peer")
    )


def assert_on_the_grid(ran: Ran) -> None:
    """Each cycle has a point of the grid of its own and is stamped in its period; no point is gone uncounted."""
    cycles, cycle = ran.times.cycles, ran.cycle
    assert all(seen.grid_ns % PERIOD_NS == 0 for seen in cycles)
    assert all(0 <= seen.at_ns - seen.grid_ns < PERIOD_NS for seen in cycles)
    assert all(after.grid_ns > before.grid_ns for before, after in pairwise(cycles))
    assert cycle.cycles + cycle.overrun.skipped_periods >= ran.periods


def is_enough(verdict: Verdict, fresh: int, injected: int, seen: int) -> bool:
    """Whether another run could tell nothing more."""
    return (
        len(verdict.recoveries) + len(verdict.spoiled) >= RECOVERIES
        and verdict.recovery_cycles <= RECOVERY_CYCLES
        and verdict.skipped_share <= SKIPPED_SHARE
        and percentile(verdict.beyond_ns, 0.75) <= BEYOND_NS
        and percentile(verdict.beyond_disturbed_ns, 0.5) <= BEYOND_NS
        and min(fresh - LEAST_FRESH + 1, injected, seen) > 0
    )


@pytest.mark.parametrize(
    "fault", [*range(len(FAULTS)), -1], ids=[*FAULT_KINDS, "exception_4", "exception_2", "all_of_them"]
)
def test_one_frame_in_twenty_is_disturbed_and_no_wrong_value_is_good(
    server: TruthfulServer, proxy: ProxyProcess, fault: int
) -> None:
    chosen = [fault] if fault >= 0 else list(range(len(FAULTS)))
    kind = FAULTS[fault].kind if fault >= 0 else "drop"
    held_s = max(HELD_S.get(FAULTS[each].kind, 0.0) for each in chosen)
    before, verdict, fresh, seen = proxy.counters(), Verdict(), 0, 0
    injected = dict.fromkeys(FAULT_KINDS, 0)
    for _ in range(RUNS):
        ran = run(server, proxy, "far", chosen)
        assert_nothing_wrong_or_lost(ran)
        assert_on_the_grid(ran)
        verdict.take(ran.times.cycles, ran.ends_ns, held_s, PERIOD_NS, ran.late)
        counts = ran.far.counters()
        fresh += sum(cycle.fresh for cycle in ran.times.cycles)
        seen += counts[SEEN_BY[kind]] if fault >= 0 and kind in SEEN_BY else 1
        injected = {kind: proxy.counters()[f"far.{kind}"] - before[f"far.{kind}"] for kind in FAULT_KINDS}
        if is_enough(verdict, fresh, injected[kind], seen):
            break
    told = {name: count for name, count in counts.items() if count and "heartbeat" not in name}
    print(f"\n{FAULTS[fault].kind if fault >= 0 else 'all'}: {json.dumps(figures(verdict, ran) | told)}")  # noqa: T201
    assert percentile(verdict.beyond_disturbed_ns, 0.5) <= BEYOND_NS
    assert percentile(verdict.beyond_ns, 0.75) <= BEYOND_NS
    assert verdict.skipped_share <= SKIPPED_SHARE
    assert verdict.recovery_cycles <= RECOVERY_CYCLES
    assert fresh >= LEAST_FRESH
    assert injected[kind] > 0
    if fault >= 0:
        assert sum(injected.values()) == injected[kind]
    assert seen > 0


def figures(verdict: Verdict, ran: Ran) -> dict[str, object]:
    """Give what the long form is run for."""
    return {
        "recovery_cycles": sorted(Counter(verdict.recoveries).items()),
        "recovery_cycles_machine_away": sorted(Counter(verdict.spoiled).items()),
        "beyond_budget_ms": {
            "disturbed, median": percentile(verdict.beyond_disturbed_ns, 0.5) / 1e6,
            "all, 75 %": percentile(verdict.beyond_ns, 0.75) / 1e6,
            "all, 99 %": percentile(verdict.beyond_ns, 0.99) / 1e6,
        },
        "periods": sum(verdict.periods),
        "skipped": sum(verdict.skipped),
        "cycles": ran.cycle.cycles,
        "skipped, machine away too": ran.cycle.overrun.skipped_periods,
        "disturbed": len(verdict.beyond_disturbed_ns),
        "fresh": sum(cycle.fresh for cycle in ran.times.cycles),
    }


def test_changed_data_is_what_nobody_can_notice_and_the_judge_here_does(
    server: TruthfulServer, proxy: ProxyProcess
) -> None:
    """Modbus TCP has no checksum: this fault passes every client, so the check above is known to be able to fail."""
    ran = run(server, proxy, "undetectable", [0])
    assert any("altered" in what for what in ran.far.wrong)


def test_a_device_that_is_not_there_is_told_by_a_reset(proxy: ProxyProcess) -> None:
    clock = WallClock()
    image = Image(signals())
    point = (Point("at_0", 1, "input_register", 0, "uint32"), 0)
    settings = ModbusTcpSettings("127.0.0.1", proxy.ports["nowhere"])
    device = ModbusTcpDevice("nowhere", settings, image, [point], [], clock.now_ns)
    with pytest.raises(DeviceError, match="nowhere"):
        device.prove(5.0)
    device.close()
    assert proxy.counters()["nowhere.unreachable"] > 0


def test_a_proxy_that_is_killed_comes_back_on_its_port_and_goes_on_counting(server: TruthfulServer) -> None:
    device = ProxiedDevice("far", "127.0.0.1", server.port, 5, (BusFault("duplicate"),))
    made = ProxyProcess(ProxyPlan((device,)))
    try:
        port = made.ports["far"]
        made.switch("far", 0, on=True)
        far = watched(server, port, WallClock())
        far.device.prove(5.0)
        far.close()
        counted, before = made.injected("far", 0), made.process_id
        assert counted > 0
        os.kill(before, signal.SIGKILL)
        until_s = time.monotonic() + 30.0
        while made.injected("far", 0) == counted:
            assert time.monotonic() < until_s
            again = watched(server, port, WallClock())
            with contextlib.suppress(DeviceError):
                again.device.prove(2.0)
            again.close()
            time.sleep(0.05)
        assert made.ports["far"] == port
        assert made.process_id != before
        assert made.counters()["restarts"] >= 1
        assert made.counters()["far.duplicate"] > counted
    finally:
        made.close()
