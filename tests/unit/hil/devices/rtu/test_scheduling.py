"""Who is served when on a line: commands first, slow points spread, nobody left out, pauses kept."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from rtu_virtual_line import MS, Bench, VirtualLine, VirtualUnit, signal

from hil.config.point_rules import WriteRules
from hil.config.points import Point
from hil.devices.bridge.orders import Orders, Stage
from hil.devices.events import Events
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.rtu.commands import Failing
from hil.devices.rtu.load import reckon
from hil.devices.rtu.master import Master
from hil.devices.rtu.settings import COUNTERS, BusSettings, PolledPoint, StationSettings
from hil.devices.rtu.station import Station
from hil.loop.image import BAD, GOOD, Image

BUS = BusSettings("line", baud=19200, reply_timeout_s=0.05, late_reply_s=0.3, scan_s=0.2)
SPREAD = [(0, 1), (10, 1), (20, 1)]


def written(
    unit_id: int, address: int = 200, *, every_cycle: bool = False, rules: WriteRules | None = None
) -> Point:
    return Point(
        f"w{unit_id}_{address}", unit_id, "holding_register", address, "uint16", access="rw",
        write="every_cycle" if every_cycle else "on_change", rules=rules or WriteRules(),
    )  # fmt: skip


def beat(unit_id: int) -> Point:
    return Point("beat", unit_id, "holding_register", 300, "uint16", access="rw", write="every_cycle")


def addresses(bench: Bench, unit_id: int, *, function: int = 3) -> list[tuple[int, int]]:
    return [
        (at, int.from_bytes(frame[2:4], "big"))
        for at, frame in bench.line.requests
        if frame[0] == unit_id and frame[1] == function
    ]


def test_a_command_waits_for_one_request_at_most_however_much_is_to_be_read() -> None:
    busy = replace(BUS, scan_s=0.001)
    bench = Bench(busy, [VirtualUnit(1), VirtualUnit(2)], {1: SPREAD, 2: SPREAD}, {2: [written(2)]})
    bench.run(1000 * MS)
    for number in range(1, 30):
        ordered_ns = bench.line.now_ns
        bench.command(number, {"w2_200": float(number)})
        bench.run(ordered_ns + 60 * MS)
        (taken_ns, _, words) = bench.line.units[2].writes[-1]
        assert words == (number,)
        assert taken_ns - ordered_ns < 45 * MS  # one exchange of 22 ms, and its own request
    assert bench.counts["writes_acknowledged"] == 29


def test_commands_of_every_cycle_do_not_starve_the_reads() -> None:
    units = [VirtualUnit(n) for n in (1, 2)]
    writes = {n: [written(n, 200 + 10 * k, every_cycle=True) for k in range(5)] for n in (1, 2)}
    bench = Bench(BUS, units, {1: SPREAD, 2: SPREAD}, writes)
    values = {point.signal: 7.0 for points in writes.values() for point in points}
    for number in range(1, 1500):
        bench.command(number, values)
        bench.run(number * 10 * MS)
    reads = bench.counts["replies"] - bench.counts["writes_acknowledged"]
    assert bench.counts["writes_acknowledged"] > 6 * reads
    assert reads > 60
    assert {addr for n in (1, 2) for _, addr in addresses(bench, n)} == {0, 20, 40}
    assert all(bench.image.quality[slot] == GOOD for slot in range(6))


def test_slow_points_are_spread_over_the_scans_and_read_at_their_pace() -> None:
    places = {1: [(5 * k, 10) for k in range(10)]}
    bench = Bench(BUS, [VirtualUnit(1)], places)
    bench.run(20_500 * MS)
    asked = addresses(bench, 1)
    scans = [0] * 103
    for at_ns, _ in asked[20:]:
        scans[at_ns // (200 * MS)] += 1
    assert max(scans) == 1
    for place in range(10):
        times = [at for at, address in asked if address == 10 * place][2:]
        gaps = {(b - a) // MS for a, b in itertools.pairwise(times)}
        assert gaps <= set(range(1990, 2011))


def test_the_background_fills_an_idle_line_and_is_read_in_time_on_a_busy_one() -> None:
    idle = Bench(replace(BUS, background_s=30.0), [VirtualUnit(1)], {1: [(0, 1), (10, 0)]})
    idle.run(20_000 * MS)
    times = [at for at, address in addresses(idle, 1) if address == 20]
    assert 8 <= len(times) <= 11  # once in ten scans
    busy = Bench(
        replace(BUS, scan_s=0.02, background_s=3.0), [VirtualUnit(1)], {1: [(0, 1), (5, 1), (20, 0)]}
    )
    busy.run(30_000 * MS)
    times = [at for at, address in addresses(busy, 1) if address == 40]
    assert max(b - a for a, b in itertools.pairwise(times)) < 3100 * MS
    assert busy.counts["polls_skipped"] > 100


def test_silence_gap_and_pause_after_a_write_are_kept() -> None:
    for baud in (9600, 115200):
        settings = replace(BUS, baud=baud, scan_s=0.001)
        bench = Bench(settings, [VirtualUnit(1), VirtualUnit(2)], {1: SPREAD, 2: SPREAD})
        bench.run(3000 * MS)
        assert bench.line.least_gap_ns >= settings.silence_ns
        assert bench.counts["replies"] > 60
    paced = Bench(
        replace(BUS, scan_s=0.001),
        [VirtualUnit(1)],
        {1: SPREAD},
        {1: [written(1)]},
        gap_s=0.025,
        write_pause_s=0.2,
    )
    paced.run(1000 * MS)
    assert paced.line.least_gap_ns >= 25 * MS
    paced.command(1, {"w1_200": 5.0})
    paced.run(2000 * MS)
    times = [at for at, frame in paced.line.requests]
    wrote = next(k for k, (_, frame) in enumerate(paced.line.requests) if frame[1] in (6, 16))
    assert times[wrote + 1] - times[wrote] >= 200 * MS


def test_a_request_to_all_units_is_followed_by_its_turnaround_and_answered_by_none() -> None:
    units = [VirtualUnit(1), VirtualUnit(2)]
    bench = Bench(BUS, units, {1: SPREAD, 2: SPREAD}, {0: [written(0)]})
    bench.command(1, {"w0_200": 77.0})
    bench.run(1000 * MS)
    assert [unit.writes[0][2] for unit in units] == [(77,), (77,)]
    place = next(k for k, (_, frame) in enumerate(bench.line.requests) if frame[0] == 0)
    sent_ns, frame = bench.line.requests[place]
    next_ns = bench.line.requests[place + 1][0]
    assert next_ns - sent_ns >= 100 * MS + BUS.wire_ns(len(frame))
    assert (bench.counts["broadcasts"], bench.counts["timeouts"], bench.counts["quarantines"]) == (1, 0, 0)


def test_a_refusal_splits_the_block_and_is_no_reason_for_doubt() -> None:
    def refuses(body: bytes) -> int:
        first, count = int.from_bytes(body[2:4], "big"), int.from_bytes(body[4:6], "big")
        return 2 if first <= 4 < first + count else 0

    unit = VirtualUnit(1, refuses=refuses)
    bench = Bench(BUS, [unit], {1: [(place, 1) for place in range(5)]})
    bench.run(3000 * MS)
    assert [bench.image.quality[slot] for slot in range(5)] == [GOOD, GOOD, BAD, GOOD, GOOD]
    assert bench.wrong == []
    assert bench.counts["blocks_split"] >= 2
    assert (bench.counts["quarantines"], bench.counts["timeouts"]) == (0, 0)
    assert any("u1_2 refused" in text for _, text in bench.events.drain())


def test_an_adapter_that_hears_itself() -> None:
    bench = Bench(replace(BUS, local_echo=True), [VirtualUnit(1)], {1: SPREAD}, {1: [written(1)]})
    bench.command(1, {"w1_200": 9.0})
    bench.run(3000 * MS)
    assert all(quality == GOOD for quality in bench.image.quality[:3])
    assert bench.counts["bad_frames"] == bench.counts["mismatched_replies"] == 0
    assert bench.counts["writes_acknowledged"] == 1


def test_the_heartbeat_counts_up_behind_the_writes_and_stands_still_when_one_is_lost() -> None:
    deaf = False
    units = [VirtualUnit(1, fate=lambda _: None if deaf else 0), VirtualUnit(2)]
    bench = Bench(BUS, units, {1: SPREAD, 2: SPREAD}, {1: [written(1)], 2: [written(2)]}, heartbeat=beat(2))
    values = {"w1_200": 1.0, "w2_200": 1.0}

    def cycles(first: int, last: int) -> list[int]:
        before = len(units[1].writes)
        for number in range(first, last):
            bench.command(number, values | {"w1_200": float(number)})
            bench.run(number * 100 * MS)
        return [words[0] for _, address, words in units[1].writes[before:] if address == 300]

    assert cycles(1, 11) == list(range(10))
    deaf = True
    heard = cycles(11, 31)
    assert len(heard) <= 1
    assert bench.counts["heartbeats_withheld"] > 10
    deaf = False
    cycles(31, 200)
    assert bench.counts["trust_regained"] >= 1
    assert units[0].writes[-1][2] == (199,)
    assert units[1].writes[-1][1] == 300


def test_the_last_orders_and_the_failsafe_are_done_when_every_unit_has_acknowledged() -> None:
    units = [VirtualUnit(1), VirtualUnit(2)]
    bench = Bench(BUS, units, {1: SPREAD, 2: SPREAD}, {1: [written(1)], 2: [written(2)]}, heartbeat=beat(1))
    same = {"w1_200": 50.0, "w2_200": 50.0}
    bench.command(1, same)
    bench.run(500 * MS)
    beats = sum(address == 300 for _, address, _ in units[0].writes)
    bench.command(1, same, Stage.FAILSAFE)
    assert not bench.master.has_done
    bench.run(1000 * MS)
    assert bench.master.has_done
    assert [len([w for w in unit.writes if w[1] == 200]) for unit in units] == [2, 2]
    assert sum(address == 300 for _, address, _ in units[0].writes) == beats
    bench.command(1, same, Stage.REST)
    bench.run(3000 * MS)
    assert [len([w for w in unit.writes if w[1] == 200]) for unit in units] == [2, 2]
    bench.command(2, same, Stage.LAST)
    bench.run(3500 * MS)
    assert bench.master.has_done


def test_the_last_orders_reach_a_unit_in_doubt_and_are_not_believed_before_it_is() -> None:
    silent = False
    unit = VirtualUnit(1, fate=lambda _: None if silent else 0)
    bench = Bench(BUS, [unit], {1: SPREAD}, {1: [written(1)]})
    bench.command(1, {"w1_200": 5.0})
    bench.run(500 * MS)
    silent = True
    bench.run(1000 * MS)
    bench.command(2, {"w1_200": 20.0}, Stage.LAST)
    bench.run(2000 * MS)
    assert not bench.master.has_done
    silent = False
    bench.run(4000 * MS)
    assert bench.master.has_done
    assert unit.written[200] == 20


def test_a_write_is_read_back_and_one_that_is_ignored_is_counted() -> None:
    class Ignoring(VirtualUnit):
        def take(self, now_ns: int, address: int, words: tuple[int, ...]) -> None:
            self.writes.append((now_ns, address, words))

    rules = WriteRules(verify="readback", verify_delay_s=0.3, verify_every_s=1.0)
    units = [VirtualUnit(1), Ignoring(2)]
    bench = Bench(
        BUS, units, {1: SPREAD, 2: SPREAD}, {1: [written(1, rules=rules)], 2: [written(2, rules=rules)]}
    )
    bench.command(1, {"w1_200": 50.0, "w2_200": 50.0})
    bench.run(5000 * MS)
    assert bench.counts["writes_verified"] >= 1
    assert bench.counts["writes_ignored"] >= 1
    assert any("w2_200" in text for _, text in bench.events.drain())


def test_the_load_reckoned_is_the_load_there_is() -> None:
    settings = replace(BUS, scan_s=0.5)
    places = {1: SPREAD, 2: [(0, 1), (1, 1), (30, 5)]}
    bench = Bench(settings, [VirtualUnit(1), VirtualUnit(2)], places)
    bench.run(60_000 * MS)
    stations = [
        StationSettings(
            "device", unit_id,
            tuple(PolledPoint(point, 0, every) for point, every in bench.read_points if point.unit_id == unit_id),
            (), None, ModbusTcpSettings(host="line"),
        )
        for unit_id in places
    ]  # fmt: skip
    load = reckon(settings, stations, 0.1, 0.004)
    requests = len(bench.line.requests) / 120
    assert abs(load.requests - requests) < 0.05
    silent_s = 2 * settings.silence_ns / 1e9 + 0.004
    assert abs(load.reads_s - (bench.line.busy_ns / 1e9 / 120 + requests * silent_s)) < 0.001


@pytest.mark.parametrize(("single", "function", "held"), [(False, 15, 1), (True, 5, 0xFF00)])
def test_coils_are_read_and_written_like_registers(single: bool, function: int, held: int) -> None:
    unit = VirtualUnit(1)
    settings = BusSettings("line", scan_s=0.1)
    coils = [Point(f"c{k}", 1, "coil", 30 + k, "bool") for k in range(12)]
    command = Point("w1_200", 1, "coil", 200, "bool", access="rw", write="on_change")
    image = Image([*(signal(point.signal) for point in coils), signal(command.signal)])
    counts, events, line = dict.fromkeys(COUNTERS, 0), Events(), VirtualLine(settings, [unit])
    polled = tuple(PolledPoint(point, slot) for slot, point in enumerate(coils))
    limits = ModbusTcpSettings(host="line", single_write_functions=single)
    station = StationSettings("device", 1, polled, ((command, 12),), None, limits)
    made = Station(station, settings, image, Failing(), counts, events, line.now_ns)
    master = Master(settings, [made], image, counts, events, line.send)
    image.values[12] = 1.0
    master.order(Orders(Stage.GO, 1, line.now_ns, (1.0,)))
    while line.now_ns < 500 * MS:
        line.now_ns += MS
        master.received(line.advance(), line.now_ns)
        master.step(line.now_ns)
    assert [image.values[slot] for slot in range(12)] == [float((30 + k) % 3 == 0) for k in range(12)]
    assert [frame[1] for _, frame in line.requests if frame[1] != 1] == [function]
    assert counts["writes_acknowledged"] == 1
    assert unit.written[200] == held


@pytest.mark.parametrize(("late_ns", "is_written_anew"), [(None, True), (80 * MS, False)])
def test_a_unit_that_may_have_been_without_power_is_written_anew_and_one_that_was_only_late_is_not(
    late_ns: int | None, is_written_anew: bool
) -> None:
    """What it holds after a power-up is its own, and a point that is written on change alone would stay so."""
    fates: list[int | None] = []
    unit = VirtualUnit(1, fate=lambda _: fates.pop() if fates else 0)
    bench = Bench(BUS, [unit], {1: SPREAD}, {1: [written(1)]})
    bench.command(1, {"w1_200": 40.0})
    bench.run(1000 * MS)
    assert [words for _, _, words in unit.writes] == [(40,)]
    fates.append(late_ns)
    unit.written.clear()
    for number in range(2, 40):
        bench.command(number, {"w1_200": 40.0})
        bench.run((1000 + 50 * number) * MS)
    assert bench.counts["trust_regained"] == 1
    assert (unit.written.get(200) == 40) is is_written_anew
    assert len(unit.writes) == 1 + is_written_anew
