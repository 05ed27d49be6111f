"""What a DCIM gets of the rig, without a socket: layout, answers, and a loop that falls silent."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.points import load_points
from hil.devices.northbound import RegisterMap, ServedSignal, map_as_csv
from hil.devices.northbound.answers import Answers, Sight
from hil.devices.northbound.layout import FIRST, MOST_SIGNALS, scale_for
from hil.devices.northbound.process import Office
from hil.devices.northbound.settings import Desk, NorthboundSettings
from hil.devices.northbound.watch import Watch
from hil.devices.wire.codec import FUNCTIONS, Request
from hil.loop.image import BAD, GOOD, STALE
from hil.loop.table import Latest

S = 1_000_000_000
SIGNALS = (
    ServedSignal("supply_temp_degc", "degC", 0.0, 95.0),
    ServedSignal("flow_l_min", "L/min", 0.0, 4000.0, "int16", 1.0),
    ServedSignal("setpoint_degc", "degC", 15.0, 45.0, writable=True),
    ServedSignal("limit_percent", "%", -100.0, 100.0, "int16", 0.01, writable=True),
)
LATEST = Latest(
    10 * S, (28.5, 1234.4, 30.0, -12.34), bytes([GOOD, STALE, GOOD, GOOD]), (10 * S, 8 * S, 10 * S, 0)
)


class Posts:
    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    def __call__(self, signal: str, value: float) -> None:
        self.taken.append((signal, value))


def desk(silent_code: int = 11, word_order: str = "high_first") -> tuple[Answers, Posts]:
    posts = Posts()
    return Answers(RegisterMap(SIGNALS, word_order), range(4), silent_code, posts), posts


def sight(since_s: float = 0.0, *, silent: bool = False, latest: Latest | None = LATEST) -> Sight:
    return Sight(latest, 70_000, int(since_s * S), silent)


def read(
    answers: Answers, address: int, count: int, seen: Sight | None = None, function: int = 3
) -> tuple[int, list[int]]:
    return answers.answer(Request(1, function, address, count), seen or sight())


def floats(words: list[int]) -> float:
    return struct.unpack(">f", struct.pack(">HH", *words))[0]


def test_a_signal_is_value_quality_and_age_in_one_request() -> None:
    answers, _ = desk()
    code, words = read(answers, FIRST, 16, sight(0.55))
    assert code == 0
    assert floats(words[:2]) == 28.5
    assert words[2:4] == [GOOD, 5]
    assert words[4:8] == [1234, 0, STALE, 25]
    assert floats(words[8:10]) == 30.0
    assert words[12:16] == [0x10000 - 1234, 0, GOOD, 105]
    assert read(answers, FIRST, 16, sight(0.55), function=4) == (code, words)
    for first in range(16):
        for last in range(first + 1, 17):
            assert read(answers, FIRST + first, last - first, sight(0.55)) == (0, words[first:last])


def test_the_low_word_comes_first_where_it_was_asked_for() -> None:
    high, low = read(desk()[0], FIRST, 2)[1], read(desk(word_order="low_first")[0], FIRST, 2)[1]
    assert high == low[::-1] == [0x41E4, 0x0000]


def test_the_head_tells_of_the_loop_and_answers_a_dead_one_too() -> None:
    answers, _ = desk()
    assert read(answers, 0, 4) == (0, [70_000 & 0xFFFF, 0, 4, 1])
    assert read(answers, 0, 4, sight(9.0, silent=True)) == (0, [70_000 & 0xFFFF, 1, 4, 1])


@pytest.mark.parametrize("code", [11, 4])
def test_a_dead_loop_is_an_exception(code: int) -> None:
    answers, posts = desk(code)
    assert read(answers, FIRST, 4, sight(9.0, silent=True)) == (code, [])
    assert read(answers, FIRST, 4, sight(silent=True, latest=None)) == (code, [])
    write = Request(1, 16, FIRST + 8, 2, (0x41F0, 0))
    assert answers.answer(write, sight(9.0, silent=True)) == (code, [])
    assert posts.taken == []


def test_a_dead_loop_is_bad_and_never_an_old_value() -> None:
    answers, posts = desk(0)
    for latest in (LATEST, None):
        code, words = read(answers, FIRST, 16, sight(9.0, silent=True, latest=latest))
        assert code == 0
        assert [words[place + 2] for place in range(0, 16, 4)] == [BAD] * 4
        assert math.isnan(floats(words[0:2]))
        assert words[4] == words[12] == 0x8000
        assert words[3] >= 90
    assert answers.answer(Request(1, 16, FIRST + 8, 2, (0x41F0, 0)), sight(9.0, silent=True)) == (11, [])
    assert posts.taken == []


def test_a_bad_signal_of_a_live_loop_shows_no_number_either() -> None:
    latest = Latest(10 * S, LATEST.values, bytes([BAD, BAD, GOOD, GOOD]), LATEST.received_ns)
    code, words = read(desk()[0], FIRST, 8, sight(latest=latest))
    assert (code, words[2], words[4:7]) == (0, BAD, [0x8000, 0, BAD])
    assert math.isnan(floats(words[:2]))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request(1, 3, 4, 1), 2),  # behind the head
        (Request(1, 3, 3, 2), 2),
        (Request(1, 3, 99, 2), 2),
        (Request(1, 3, FIRST + 15, 2), 2),
        (Request(1, 4, 65535, 1), 2),
        (Request(1, 3, FIRST, 0), 3),  # malformed
        (Request(1, 16, 0, 0), 3),
        (Request(1, 1, FIRST, 1), 1),
        (Request(1, 5, FIRST, 1, (1,)), 1),
        (Request(1, 15, FIRST, 1, (1,)), 1),
        (Request(1, 43, 0, 0), 1),
        (Request(2, 3, FIRST, 1), 11),
        (Request(1, 6, FIRST, 1, (1,)), 2),  # read-only
        (Request(1, 16, FIRST, 2, (0, 0)), 2),
        (Request(1, 6, 0, 1, (1,)), 2),
        (Request(1, 6, FIRST + 8, 1, (0x41F0,)), 2),  # half a float
        (Request(1, 16, FIRST + 8, 3, (0x41F0, 0, 0)), 2),  # with its quality
        (Request(1, 16, FIRST + 9, 2, (0, 0)), 2),
        (Request(1, 6, FIRST + 10, 1, (0,)), 2),
        (Request(1, 16, FIRST + 8, 2, (0x4248, 0)), 3),  # 50 degC
        (Request(1, 16, FIRST + 8, 2, (0x7FC0, 0)), 3),  # not a number
        (Request(1, 16, FIRST + 8, 2, (0x7F80, 0)), 3),  # infinite
        (Request(1, 6, FIRST + 12, 1, (10_001,)), 3),  # 100.01 %
        (Request(1, 6, FIRST + 12, 1, (0x8000,)), 3),
    ],
)
def test_what_is_refused_gets_the_right_exception(request_: Request, code: int) -> None:
    answers, posts = desk()
    assert answers.answer(request_, sight()) == (code, [])
    assert posts.taken == []


@pytest.mark.parametrize("value", [3.5e38, -1e200, 1.7e308])
def test_a_value_beyond_float32_is_bad_without_a_number_and_its_neighbours_are_served(value: float) -> None:
    answers, _ = desk()
    latest = Latest(10 * S, (value, 1234.4, 30.0, -12.34), LATEST.quality, LATEST.received_ns)
    code, words = read(answers, FIRST, 16, sight(latest=latest))
    assert (code, words[:2], words[2]) == (0, [0x7FC0, 0], BAD)
    assert (floats(words[8:10]), words[10]) == (30.0, GOOD)
    assert answers.beyond_type == 1


def test_float32_is_served_to_its_end_and_int16_saturates_both_are_counted() -> None:
    answers, _ = desk()
    latest = Latest(10 * S, (3.4028234e38, 32767.4, 30.0, -12.34), LATEST.quality, LATEST.received_ns)
    assert read(answers, FIRST, 8, sight(latest=latest))[1] == [0x7F7F, 0xFFFF, GOOD, 0, 32767, 0, STALE, 20]
    assert answers.beyond_type == 0
    latest = Latest(10 * S, (28.5, 1e300, 30.0, -12.34), LATEST.quality, LATEST.received_ns)
    assert read(answers, FIRST + 4, 3, sight(latest=latest))[1] == [32767, 0, STALE]
    assert answers.beyond_type == 1


@pytest.mark.parametrize("function", [6, 16])
def test_a_mark_of_no_value_is_no_set_point_at_any_scale(function: int) -> None:
    posts = Posts()
    signals = [ServedSignal("power_w", "W", -5000.0, 5000.0, "int16", 0.1, writable=True)]
    answers = Answers(RegisterMap(signals), [0], 11, posts)
    assert answers.answer(Request(1, function, FIRST, 1, (0x8000,)), sight()) == (3, [])
    assert posts.taken == []
    assert answers.answer(Request(1, function, FIRST, 1, (0x8001,)), sight()) == (0, [])
    assert posts.taken == [("power_w", pytest.approx(-3276.7))]


@pytest.mark.parametrize("high_word", [0x7FC0, 0xFFC0, 0x7F81, 0x7F80, 0xFF80])
def test_nothing_but_a_number_is_a_set_point_however_wide_the_range(high_word: int) -> None:
    posts = Posts()
    widest = 1.7976931348623157e308
    answers = Answers(RegisterMap([ServedSignal("x", "1", -widest, widest, writable=True)]), [0], 11, posts)
    assert answers.answer(Request(1, 16, FIRST, 2, (high_word, 0)), sight()) == (3, [])
    assert posts.taken == []


def test_without_set_points_writing_is_no_function() -> None:
    posts = Posts()
    answers = Answers(RegisterMap(SIGNALS[:2]), range(2), 11, posts)
    assert answers.answer(Request(1, 6, FIRST, 1, (1,)), sight()) == (1, [])
    assert answers.answer(Request(1, 16, FIRST, 2, (1, 1)), sight()) == (1, [])


def test_set_points_within_their_limits_are_posted_and_nothing_else() -> None:
    answers, posts = desk()
    assert answers.answer(Request(1, 16, FIRST + 8, 2, (0x4206, 0x0000)), sight()) == (0, [])
    assert answers.answer(Request(255, 6, FIRST + 12, 1, (0x10000 - 2500,)), sight()) == (0, [])
    assert answers.answer(Request(0, 16, FIRST + 12, 1, (10_000,)), sight()) == (0, [])
    assert posts.taken == [("setpoint_degc", 33.5), ("limit_percent", -25.0), ("limit_percent", 100.0)]


def test_the_end_of_a_range_may_be_written_though_float32_rounds_it() -> None:
    posts = Posts()
    signals = [ServedSignal("share", "1", 0.1, 0.7, writable=True)]
    answers = Answers(RegisterMap(signals), [0], 11, posts)
    for end in (0.1, 0.7):
        words = struct.unpack(">HH", struct.pack(">f", end))
        assert answers.answer(Request(1, 16, FIRST, 2, words), sight()) == (0, [])
    assert [value for _, value in posts.taken] == [pytest.approx(0.1, rel=1e-7), pytest.approx(0.7, rel=1e-7)]
    assert all(0.1 <= value <= 0.7 for _, value in posts.taken)


@given(
    st.integers(0, 255),
    st.integers(0, 65535),
    st.integers(0, 125),
    st.booleans(),
    st.sampled_from([0, 4, 11]),
)
def test_any_request_has_an_answer_of_its_own_length(
    function: int, address: int, count: int, dead: bool, code: int
) -> None:
    answers, posts = desk(code)
    values = () if function not in FUNCTIONS or function < 5 else (0,) * count
    given_code, words = answers.answer(Request(1, function, address, count, values), sight(silent=dead))
    assert given_code in {0, 1, 2, 3, 4, 11}
    assert len(words) == (count if given_code == 0 and not values else 0)
    assert all(0 <= word <= 65535 for word in words)
    assert all(15 <= value <= 45 for signal, value in posts.taken if signal == "setpoint_degc")


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_the_scale_is_the_finest_that_holds_the_range(low: float, span: float) -> None:
    scale = scale_for(low, low + span)
    most = max(abs(low), abs(low + span))
    assert most / scale <= 32767.0001
    assert most < 1e-5 or most / (scale / 10) > 32766
    assert math.log10(scale) == pytest.approx(round(math.log10(scale)))


@given(st.floats(-200, 200), st.sampled_from([0.01, 0.1]))
def test_int16_saturates_and_never_wraps(value: float, scale: float) -> None:
    layout = RegisterMap([ServedSignal("x", "1", -100, 100, "int16", scale)])
    (word, spare), back = (
        layout.words(layout.signals[0], value * 10),
        layout.value(0, layout.words(layout.signals[0], value * 10)),
    )
    assert spare == 0
    assert word != 0x8000
    assert back == pytest.approx(min(max(value * 10, -32767 * scale), 32767 * scale), abs=scale)


def test_more_signals_than_registers_are_refused() -> None:
    with pytest.raises(ValueError, match="room for"):
        RegisterMap([SIGNALS[0]] * (MOST_SIGNALS + 1))
    assert RegisterMap([SIGNALS[0]] * MOST_SIGNALS).end <= 65536


@pytest.mark.parametrize("word_order", ["high_first", "low_first"])
def test_the_map_is_a_point_list_of_our_own(tmp_path: Path, word_order: str) -> None:
    layout = RegisterMap(SIGNALS, word_order, unit_id=7)
    (tmp_path / "map.csv").write_text(map_as_csv(layout))
    points = {point.signal: point for point in load_points(tmp_path / "map.csv").points}
    assert len(points) == 4 + 3 * len(SIGNALS)
    supply = points["supply_temp_degc"]
    assert (supply.address, supply.type, supply.word_order, supply.unit) == (
        FIRST,
        "float32",
        word_order,
        "degC",
    )
    assert (supply.access, supply.unit_id) == ("r", 7)
    written = points["limit_percent"]
    assert (written.access, written.low, written.high, written.scale) == ("rw", -100.0, 100.0, 0.01)
    assert (written.no_value, points["flow_l_min"].no_value, supply.no_value) == (0x8000, 0x8000, None)
    assert points["flow_l_min_age_s"].address == FIRST + 7
    assert points["flow_l_min_age_s"].scale == 0.1
    assert points["northbound_cycles"].address == 0


class Table:
    """The table of a loop, by hand."""

    names = tuple(signal.name for signal in SIGNALS)

    def __init__(self) -> None:
        self.sequence = 0
        self.latest: Latest | None = None

    def publish(self, now_s: float) -> None:
        self.sequence += 2
        self.latest = Latest(int(now_s * S), LATEST.values, LATEST.quality, LATEST.received_ns)

    def read(self) -> Latest | None:
        return self.latest


def test_a_loop_is_silent_before_it_begins_and_when_it_stops() -> None:
    table = Table()
    watch = Watch(table, 1.0)
    assert watch.look(5 * S) == Sight(None, 0, 5 * S, True)
    table.publish(0.0)
    assert not watch.look(6 * S).is_silent
    table.publish(0.5)
    seen = watch.look(int(6.9 * S))
    assert (seen.is_silent, seen.since_ns, seen.cycles) == (False, 0, 2)
    assert not watch.look(int(7.9 * S)).is_silent
    seen = watch.look(int(7.9 * S) + 1)
    assert (seen.is_silent, seen.since_ns) == (True, S + 1)
    assert watch.silences == 1
    table.publish(9.0)
    assert not watch.look(20 * S).is_silent
    assert watch.silences == 1


def test_a_loop_that_was_ended_while_it_wrote_is_silent_too() -> None:
    table = Table()
    watch = Watch(table, 1.0)
    table.publish(0.0)
    watch.look(S)
    table.sequence += 1
    table.latest = None
    assert not watch.look(int(1.5 * S)).is_silent
    seen = watch.look(3 * S)
    assert seen.is_silent
    assert seen.latest is not None


def test_what_the_process_is_told_comes_back_whole() -> None:
    settings = NorthboundSettings("127.0.0.1", 0, 3, SIGNALS, "low_first", 4, 2.5, 9.0)
    memory = Desk.write(settings)
    here, there = Desk(memory.map), Desk(memory.map)
    assert there.settings == settings
    assert set(here.boxes) == {"setpoint_degc", "limit_percent"}
    here.boxes["limit_percent"].put(4, -7.5)
    assert there.boxes["limit_percent"].get() == (4, -7.5)
    assert there.boxes["setpoint_degc"].get() is None
    there.count("requests", 5)
    assert (here.count("requests", 0), here.count("exceptions", 0)) == (5, 0)
    for side in (here, there):
        side.close()
    memory.close()


def test_what_is_refused_and_what_cannot_be_shown_is_counted_for_the_record() -> None:
    memory = Desk.write(NorthboundSettings("127.0.0.1", 0, 1, SIGNALS, silent_after_s=1e6))
    desk, table = Desk(memory.map), Table()
    table.publish(0.0)
    assert table.latest is not None
    table.latest = Latest(0, (1e39, 1e6, 30.0, 0.0), LATEST.quality, LATEST.received_ns)
    office = Office(desk, table)
    assert office.answer(Request(1, 3, FIRST, 16))[0] == 0
    assert office.answer(Request(1, 6, FIRST + 12, 1, (0x8000,))) == (3, [])
    assert office.answer(Request(1, 16, FIRST + 8, 2, (0x7FC0, 0))) == (3, [])
    assert [desk.count(name, 0) for name in ("values_beyond_type", "setpoints_refused", "setpoints_accepted")] == [
        2, 2, 0,
    ]  # fmt: skip
    desk.close()
    memory.close()


def test_a_server_that_was_started_again_goes_on_counting_silences() -> None:
    memory = Desk.write(NorthboundSettings("127.0.0.1", 0, 1, SIGNALS, silent_after_s=0.0))
    desk, table = Desk(memory.map), Table()
    desk.count("silences", 4)
    office = Office(desk, table)
    table.publish(0.0)
    for _ in range(5):
        office.tick(0.0)
    assert desk.count("silences", 0) == 5, "once, however often it is looked at"
    desk.close()
    memory.close()
