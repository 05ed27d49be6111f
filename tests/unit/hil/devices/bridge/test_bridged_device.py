"""Both ends of a bridge in one process, on clocks of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hil.devices.bridge import BridgedDevice, BridgeSettings, Port, Stage
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal

MS = 1_000_000
BOOTED_NS = 5_000_000 * MS
"""Loop time 0 on the machine's clock."""


@dataclass(frozen=True)
class Spec:
    counters: tuple[str, ...] = ("requests",)

    def run(self, port: Port) -> None:
        raise NotImplementedError


class Time:
    now_ns = 0

    def loop(self) -> int:
        return self.now_ns

    def machine(self) -> int:
        return BOOTED_NS + self.now_ns


SIGNALS = (
    Signal("other", "1", 0, 1, 0),
    Signal("tcs_supply_temp_degc", "degC", -20, 80, 30, max_age_ns=300 * MS),
    Signal("tcs_flow_kg_s", "kg/s", 0, 40, 0, max_age_ns=300 * MS),
    Signal("valve_percent", "percent", 0, 100, failsafe=70),
)


class Bridge:
    def __init__(self) -> None:
        self.time = Time()
        self.image = Image(SIGNALS)
        settings = BridgeSettings(loop_timeout_s=1.0, last_s=0.2)
        self.device = BridgedDevice(
            "bus", Spec(), self.image, (1, 2), (3,), self.time.loop, settings, self.time.machine
        )
        self.view = memoryview(self.device.shared.map)
        self.port = self.another_port()

    def another_port(self) -> Port:
        return Port(self.view, self.device.port_spec, self.time.machine)

    def at(self, ms: float) -> None:
        self.time.now_ns = round(ms * MS)

    def cycle(self, *, force: bool = False) -> None:
        now_ns = self.time.now_ns
        self.device.read(now_ns, now_ns + MS)
        self.image.age(now_ns)
        self.device.write(now_ns, now_ns + MS, force=force)

    def close(self) -> None:
        self.port.close()
        self.view.release()
        self.device.close()


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


def received(bridge: Bridge, place: int, value: float) -> None:
    bridge.port.image.accept(place, value, bridge.time.machine())
    bridge.port.publish()


def test_a_value_comes_up_with_its_own_time_of_receipt_in_loop_time(bridge: Bridge) -> None:
    bridge.at(100)
    bridge.cycle()
    bridge.at(130)
    received(bridge, 0, 31.5)
    bridge.at(200)
    bridge.cycle()
    assert bridge.image.values[1] == 31.5
    assert bridge.image.quality[1] == GOOD
    assert bridge.image.received_ns[1] == 130 * MS
    assert bridge.image.quality[2] == SUBSTITUTED  # never received


def test_what_is_not_received_again_grows_old_and_bad(bridge: Bridge) -> None:
    received(bridge, 0, 31.5)
    for ms, quality in ((0, GOOD), (300, GOOD), (301, STALE), (900, STALE), (901, BAD)):
        bridge.at(ms)
        bridge.cycle()
        assert bridge.image.quality[1] == quality


def test_a_mark_of_the_servant_is_taken_over_and_a_fresh_value_lifts_it(bridge: Bridge) -> None:
    received(bridge, 0, 31.5)
    bridge.cycle()
    bridge.port.image.quality[0] = STALE
    bridge.port.publish()
    bridge.at(10)
    bridge.cycle()
    assert bridge.image.quality[1] == STALE
    bridge.at(20)
    received(bridge, 0, 32.0)
    bridge.cycle()
    assert (bridge.image.quality[1], bridge.image.values[1]) == (GOOD, 32.0)
    bridge.port.image.quality[0] = BAD
    bridge.port.publish()
    bridge.cycle()
    assert bridge.image.quality[1] == BAD


def test_a_value_out_of_range_is_refused_and_counted_in_the_loops_image(bridge: Bridge) -> None:
    bridge.port.image.accept(0, 500.0, bridge.time.machine())
    bridge.port.publish()
    bridge.cycle()
    assert (bridge.image.quality[1], bridge.image.values[1], bridge.image.rejected[1]) == (BAD, 30.0, 1)
    bridge.cycle()
    assert bridge.image.rejected[1] == 1


def test_orders_go_down_with_each_cycle(bridge: Bridge) -> None:
    assert bridge.port.orders().stage is Stage.WAIT
    bridge.image.values[3] = 42.5
    bridge.at(100)
    bridge.cycle()
    bridge.at(110)
    orders = bridge.port.orders()
    assert (orders.stage, orders.number, orders.stamp_ns) == (Stage.GO, 1, BOOTED_NS + 100 * MS)
    assert orders.values == (42.5,)
    assert bridge.port.image.values[bridge.port.write_slots[0]] == 42.5


def test_a_lost_loop_leads_to_the_failsafe_values_told_and_counted(bridge: Bridge) -> None:
    bridge.image.values[3] = 42.5
    bridge.cycle()
    bridge.port.orders()
    bridge.at(1001)
    orders = bridge.port.orders()
    assert (orders.stage, orders.values) == (Stage.FAILSAFE, (70.0,))
    assert bridge.port.image.values[2] == 70.0
    bridge.port.done()
    assert bridge.port.orders().stage is Stage.REST
    assert bridge.port.counts["loop_losses"] == bridge.port.counts["failsafes_written"] == 1
    assert bridge.device.counters()["failsafes_written"] == 1
    bridge.at(1100)
    bridge.cycle()
    assert bridge.port.orders().stage is Stage.GO  # the loop was only stopped
    bridge.at(1400)
    bridge.cycle()
    assert "nothing from the loop for 1.0 s" in bridge.device.drain_events()[0][1]


def test_where_nothing_is_written_nothing_is_said_or_counted_of_failsafe_values() -> None:
    image, time = Image(SIGNALS), Time()
    settings = BridgeSettings(loop_timeout_s=1.0, last_s=0.2)
    device = BridgedDevice("bus", Spec(), image, (1, 2), (), time.loop, settings, time.machine)
    view = memoryview(device.shared.map)
    port = Port(view, device.port_spec, time.machine)
    for ms, is_done in ((0, True), (3000, False)):
        time.now_ns = ms * MS
        device.read(time.now_ns, time.now_ns)
        device.write(time.now_ns, time.now_ns)
        port.orders()
        time.now_ns += 1001 * MS
        assert port.orders().stage is Stage.FAILSAFE
        if is_done:
            port.done()
        time.now_ns += 201 * MS
        assert port.orders().stage is Stage.REST
    time.now_ns += 1000 * MS
    device.read(time.now_ns, time.now_ns)
    assert [text for _, text in device.drain_events()] == [
        "nothing from the loop for 1.0 s: nothing is written here"
    ] * 2
    assert port.counts["loop_losses"] == 2
    assert port.counts["failsafes_written"] == port.counts["failsafes_unacknowledged"] == 0
    port.close()
    view.release()
    device.close()


def test_a_loop_that_ended_without_a_word_is_told_from_one_that_said_so(bridge: Bridge) -> None:
    bridge.cycle()
    bridge.port.orders()
    told = [bridge.port.has_vanished]
    assert not bridge.port.has_ended
    bridge.port.orphaned = True
    assert bridge.port.orders().stage is Stage.FAILSAFE
    told.append(bridge.port.has_vanished)
    bridge.device.publish(bridge.time.now_ns, last=True)
    bridge.port.orders()
    told.append(bridge.port.has_vanished)
    assert told == [False, True, False], "its last orders are a word"
    assert bridge.port.has_ended
    bridge.at(500)
    bridge.device.read(bridge.time.now_ns, bridge.time.now_ns)
    assert "the loop is gone" in bridge.device.drain_events()[0][1]


def test_a_servant_started_again_goes_on_counting_and_repeats_nothing_settled(bridge: Bridge) -> None:
    bridge.cycle()
    bridge.port.orders()
    bridge.port.counts["requests"] += 5
    bridge.at(1001)
    bridge.port.orders()
    bridge.port.done()
    bridge.port.publish()
    second = bridge.another_port()
    assert second.counts["requests"] == 5
    assert second.orders().stage is Stage.WAIT
    second.close()


def test_the_loop_s_clock_may_start_anew_after_the_bridge_was_built(bridge: Bridge) -> None:
    bridge.at(0)
    bridge.cycle()
    start_ns = 700 * MS
    bridge.time.loop = lambda: bridge.time.now_ns - start_ns  # type: ignore[method-assign]
    bridge.device._now_ns = bridge.time.loop
    bridge.at(800)
    received(bridge, 0, 31.0)
    bridge.device.read(100 * MS, 101 * MS)
    assert bridge.image.received_ns[1] == 100 * MS


def test_text_and_counters_of_the_servant_reach_the_loop(bridge: Bridge) -> None:
    bridge.at(40)
    bridge.port.event("the port is gone")
    bridge.cycle()
    assert bridge.device.drain_events() == [(40 * MS, "the port is gone")]
    assert bridge.device.drain_events() == []


def test_closing_twice_is_allowed_and_counters_stay() -> None:
    bridge = Bridge()
    bridge.port.counts["requests"] += 3
    bridge.port.publish()
    bridge.close()
    bridge.device.close()
    assert bridge.device.counters()["requests"] == 3
