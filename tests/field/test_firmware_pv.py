"""The inverter's stub: sun, conversion, ramps, orders that revert, states, on the device's own time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import firmware_bench as fb
import pytest

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

M103, M121, M123, M701, M704 = 40070, 40150, 40182, 40208, 40363
W, DCW, ST, EVT1 = M103 + 14, M103 + 31, M103 + 38, M103 + 40
INV_ST, CONN_ST, ALRM, THROT_SRC = M701 + 4, M701 + 5, M701 + 6, M701 + 111
WMAX, WGRA = M121 + 2, M121 + 12
CONN_WIN, CONN_RVRT, CONN, LIMIT, WIN, RVRT, RMP, ENA = range(M123 + 2, M123 + 10)
D_ENA, D_LIMIT, D_AFTER, D_ENA_AFTER, D_RVRT, D_REM = (M704 + place for place in (14, 15, 16, 17, 18, 20))
D_SET_ENA, D_SET_MOD, D_SET_W, D_SET_PCT, D_SET_RVRT = (M704 + place for place in (22, 23, 24, 28, 31))
SUN, AMBIENT, FREQUENCY, VOLTAGE, EARTH_FAULT, POWER_SF, SUN_NOW, AVAILABLE = range(61000, 61008)
SLEEPING, STARTING, MPPT, THROTTLED, SHUTTING_DOWN, FAULT, STANDBY = 2, 3, 4, 5, 6, 7, 8
RATED_W = 100_000
MUCH_SUN_W = 87_000
"""What 800 W/m2 give at least, beyond every limit here."""


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0") as stub:
        stub.step(0.01)
        yield stub


def power_w(stub: fb.Stub, unit: int = 1) -> int:
    return stub.signed(W, unit) * 10 ** stub.word(W + 1, unit)


def states(stub: fb.Stub) -> tuple[int, int]:
    """In the enumerations of 103 and of 701: there each state has a number one lower."""
    return stub.word(ST), stub.word(INV_ST)


def limit_by_123(stub: fb.Stub, percent: float, reverts_s: int = 0) -> None:
    stub.put(LIMIT, round(100 * percent), 0, reverts_s, 0)
    stub.put(ENA, 1)


def limit_by_704(stub: fb.Stub, percent: float, reverts_s: int = 0) -> None:
    stub.put(D_LIMIT, round(10 * percent), 1000, 0, 0, reverts_s)
    stub.put(D_ENA, 1)


def set_by_704(stub: fb.Stub, percent: float, reverts_s: int = 0) -> None:
    stub.put(D_SET_MOD, 0)
    stub.put(D_SET_PCT, round(10 * percent))
    stub.put(D_SET_RVRT, 0, reverts_s)
    stub.put(D_SET_ENA, 1)


ORDERS = [(limit_by_123, ENA, 1), (limit_by_704, D_ENA, 1), (set_by_704, D_SET_ENA, 2)]
ORDER_NAMES = ["123", "704 limit", "704 set-point"]


class TestSunAndConversion:
    def test_dc_power_is_ac_power_and_the_losses(self, stub: fb.Stub) -> None:
        ac_w, dc_w = power_w(stub), 10 * stub.signed(DCW)
        assert MUCH_SUN_W < ac_w < RATED_W
        assert 0.97 < ac_w / dc_w < 0.985
        assert stub.word(AVAILABLE) == pytest.approx(ac_w / RATED_W * 1e4, abs=2)
        ampere_total, *ampere_phase = stub.words(M103 + 2, 4)
        assert ampere_total == pytest.approx(10 * ac_w / 230.0, abs=1)
        assert sum(ampere_phase) == pytest.approx(ampere_total, abs=2)

    def test_hot_panels_give_less_and_the_rating_is_never_passed(self, stub: fb.Stub) -> None:
        cool_w = power_w(stub)
        stub.put(AMBIENT, 450)
        stub.step(1500)
        assert 0.85 < power_w(stub) / cool_w < 0.95
        stub.put(AMBIENT, 0)
        stub.put(SUN, 1100)
        stub.step(1500)
        assert (power_w(stub), states(stub)) == (RATED_W, (MPPT, MPPT - 1))
        assert stub.word(M701 + 9) & 1 << 2  # clipped by the rating: no throttling that was ordered

    def test_a_throttled_inverter_leaves_the_maximum_power_point_upward(self, stub: fb.Stub) -> None:
        dc_v = M103 + 29
        before, _ = stub.word(dc_v), limit_by_123(stub, 30)
        stub.step(5)
        assert stub.word(dc_v) > 1.1 * before

    def test_a_day_has_a_night_and_its_energy_is_counted(self) -> None:
        with fb.Stub(
            fb.build("pv_inverter"),
            "--time-scale",
            "0",
            "--day-s",
            "240",
            "--start-hour",
            "0",
            "--start-s",
            "1",
        ) as stub:
            began_wh = stub.words(M103 + 24, 2)
            seen: list[tuple[int, int]] = []
            summed_ws = 0.0
            for _ in range(240):
                stub.step(1.0)
                seen.append((stub.word(SUN_NOW), stub.word(ST)))
                summed_ws += power_w(stub)
            suns = [sun for sun, _ in seen]
            assert suns[:59] == [0] * 59
            assert suns[185:] == [0] * 55
            assert max(suns) > 6000
            assert [state for sun, state in seen if sun == 0] == [1] * suns.count(0)
            assert {state for _, state in seen} >= {STARTING, MPPT}
            ended_wh = stub.words(M103 + 24, 2)
            wh = (ended_wh[0] - began_wh[0]) * 65536 + ended_wh[1] - began_wh[1]
            assert wh == pytest.approx(summed_ws / 3600, rel=0.03)


class TestOrders:
    @pytest.mark.parametrize(("order", "enable", "source"), ORDERS, ids=ORDER_NAMES)
    def test_it_holds_a_second_before_the_reversion_and_has_reverted_at_it(
        self, stub: fb.Stub, order: Callable[[fb.Stub, float, int], None], enable: int, source: int
    ) -> None:
        order(stub, 40.0, 30)
        stub.step(29.0)
        assert (stub.word(enable), power_w(stub), states(stub)) == (1, 40_000, (THROTTLED, THROTTLED - 1))
        assert stub.word(THROT_SRC + 1) == source
        stub.step(1.0)
        assert stub.word(enable) == 0
        assert power_w(stub) > 40_000
        stub.step(1.0)
        assert power_w(stub) > MUCH_SUN_W
        assert states(stub) == (MPPT, MPPT - 1)

    @pytest.mark.parametrize(("order", "enable", "source"), ORDERS, ids=ORDER_NAMES)
    def test_enabling_again_renews_it_and_no_time_means_for_ever(
        self, stub: fb.Stub, order: Callable[[fb.Stub, float, int], None], enable: int, source: int
    ) -> None:
        del source
        order(stub, 40.0, 30)
        for _ in range(4):
            stub.step(29.0)
            stub.put(enable, 1)
        assert power_w(stub) == 40_000
        order(stub, 40.0, 0)
        stub.step(1000.0)
        assert power_w(stub) == 40_000
        stub.put(enable, 0)
        stub.step(1.0)
        assert power_w(stub) > MUCH_SUN_W

    def test_704_goes_over_to_what_was_declared_for_the_reversion(self, stub: fb.Stub) -> None:
        stub.put(D_LIMIT, 400, 700, 1, 0, 30)
        stub.put(D_ENA, 1)
        stub.step(10.0)
        assert stub.words(D_REM, 2) == [0, 20]
        stub.step(20.0)
        assert (stub.word(D_ENA), stub.word(D_LIMIT), stub.words(D_REM, 2)) == (1, 700, [0, 0])
        stub.step(1000.0)
        assert power_w(stub) == 70_000

    def test_a_reversion_of_more_than_a_word_has_two(self, stub: fb.Stub) -> None:
        stub.put(D_LIMIT, 400, 1000, 0, 1, 4464)  # 70,000 s
        stub.put(D_ENA, 1)
        assert stub.words(D_REM, 2) == [1, 4464]
        stub.step(4465.0)
        assert stub.words(D_REM, 2) == [0, 65535]

    @pytest.mark.parametrize("values", [(LIMIT, (5000, 0, 30, 0)), (D_LIMIT, (500, 1000, 0, 0, 30))])
    def test_without_enable_nothing_happens(self, stub: fb.Stub, values: tuple[int, tuple[int, ...]]) -> None:
        before_w = power_w(stub)
        stub.put(values[0], *values[1])
        stub.step(100.0)
        assert power_w(stub) == before_w
        assert stub.words(values[0], len(values[1])) == list(values[1])

    def test_the_lower_of_two_limits_holds(self, stub: fb.Stub) -> None:
        limit_by_123(stub, 60)
        limit_by_704(stub, 50)
        stub.step(2.0)
        assert power_w(stub) == 50_000
        stub.put(D_ENA, 0)
        stub.step(2.0)
        assert power_w(stub) == 60_000

    def test_values_written_while_enabled_count_at_once_and_do_not_renew(self, stub: fb.Stub) -> None:
        limit_by_704(stub, 40, 30)
        stub.step(20.0)
        stub.put(D_LIMIT, 600)
        stub.step(5.0)
        assert power_w(stub) == 60_000
        stub.step(5.0)
        assert stub.word(D_ENA) == 0

    def test_or_when_enabled_again_where_the_device_is_of_that_kind(self) -> None:
        with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0", "--values", "at-enable") as stub:
            limit_by_123(stub, 40)
            stub.step(5.0)
            stub.put(LIMIT, 6000)
            stub.step(5.0)
            assert power_w(stub) == 40_000
            stub.put(ENA, 1)
            stub.step(5.0)
            assert power_w(stub) == 60_000

    def test_a_reversion_time_given_after_the_enable_runs_from_then(self, stub: fb.Stub) -> None:
        """A client that writes a model in the order of its addresses: 704's enable lies before its time."""
        stub.put(D_ENA, 1, 400)
        stub.step(10.0)
        stub.put(D_RVRT, 0, 30)
        stub.step(29.0)
        assert (stub.word(D_ENA), power_w(stub)) == (1, 40_000)
        stub.step(1.0)
        assert stub.word(D_ENA) == 0

    def test_ramp_time_window_and_gradient(self, stub: fb.Stub) -> None:
        began_w = power_w(stub)
        stub.put(LIMIT, 4000, 5, 0, 20)  # begins in 5 s at the latest, then 20 s
        stub.put(ENA, 1)
        stub.step(4.9)
        assert power_w(stub) == began_w
        stub.step(10.1)
        assert power_w(stub) == pytest.approx((began_w + 40_000) / 2, rel=0.02)
        stub.step(10.0)
        assert power_w(stub) == 40_000
        stub.put(WGRA, 50)  # 5 %/s of WMax
        stub.put(ENA, 0)
        stub.step(4.0)
        assert power_w(stub) == pytest.approx(60_000, abs=200)

    def test_wmax_is_what_the_limits_are_percent_of(self, stub: fb.Stub) -> None:
        stub.put(WMAX, 5000)
        limit_by_123(stub, 40)
        stub.step(2.0)
        assert power_w(stub) == 20_000
        assert stub.say(f"write 1 {WMAX} 10001") == "exception 3"

    def test_watts_or_percent_as_the_mode_says(self, stub: fb.Stub) -> None:
        stub.put(D_SET_ENA, 1, 1, 0, 33_000)
        stub.step(2.0)
        assert power_w(stub) == 33_000
        assert stub.say(f"write 1 {D_SET_W} -1 -1") == "exception 3"  # -1 W: an inverter without battery
        stub.put(D_SET_MOD, 0)
        stub.put(D_SET_PCT, 250)
        stub.step(2.0)
        assert power_w(stub) == 25_000


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("address", "words"),
        [
            (LIMIT, (10_001, 0, 30, 0, 1)),
            (LIMIT, (5000, 0, 65_535, 0, 1)),  # "not implemented" is no number of seconds
            (LIMIT, (5000, 0, 30, 0, 2)),
            (D_ENA, (1, 1001, 1000, 0, 0, 30)),
            (D_ENA, (1, 500, 1000, 0, 0xFFFF, 0xFFFF)),
            (D_ENA, (1, 500, 1000, 2, 0, 30)),
            (D_LIMIT, (500, 1000, 0, 0)),  # half of a number of two registers
        ],
    )
    def test_a_block_with_one_bad_value_changes_nothing(
        self, stub: fb.Stub, address: int, words: tuple[int, ...]
    ) -> None:
        limit_by_123(stub, 80, 60)
        limit_by_704(stub, 70, 60)
        stub.step(1.0)
        before = stub.words(M123, 26), stub.words(M704, 67), power_w(stub)
        assert stub.say(f"write 1 {address} " + " ".join(map(str, words))) == "exception 3"
        assert (stub.words(M123, 26), stub.words(M704, 67), power_w(stub)) == before
        stub.step(5.0)
        assert power_w(stub) == before[2]

    def test_measurements_and_what_this_inverter_has_not_are_read_only(self, stub: fb.Stub) -> None:
        for address in (40000, 40003, W, M123 + 11, M123 + 23, D_REM, M704 + 38, 40430):
            assert stub.say(f"write 1 {address} 0") == "exception 2"
        assert stub.say("write 1 40432 0") == "exception 2"  # behind the end of the chain

    def test_the_power_of_ten_moves_with_all_powers_at_once(self, stub: fb.Stub) -> None:
        before_w = power_w(stub)
        stub.put(POWER_SF, 3)
        stub.step(0.01)
        assert stub.words(W, 2) == [round(before_w / 1000), 3]
        assert [stub.word(M701 + place) for place in (116, 118, 119)] == [3, 3, 3]
        assert stub.say(f"write 1 {POWER_SF} 0") == "exception 3"  # 100,000 W are no int16


class TestStates:
    def test_night_sleep_and_start(self, stub: fb.Stub) -> None:
        stub.put(SUN, 0)
        stub.step(1.0)
        assert (states(stub), power_w(stub)) == ((1, 0), 0)
        stub.put(SUN, 5)
        stub.step(1.0)
        assert states(stub) == (SLEEPING, SLEEPING - 1)
        stub.put(SUN, 800)
        stub.step(1.0)
        assert (states(stub), power_w(stub)) == ((STARTING, STARTING - 1), 0)
        stub.step(18.0)
        assert states(stub) == (STARTING, STARTING - 1)
        stub.step(3.0)
        assert states(stub) == (MPPT, MPPT - 1)
        assert power_w(stub) > MUCH_SUN_W

    def test_disconnected_by_order_until_it_reverts(self, stub: fb.Stub) -> None:
        stub.put(CONN_WIN, 0, 30, 0)
        stub.step(0.5)
        assert states(stub) == (SHUTTING_DOWN, SHUTTING_DOWN - 1)
        stub.step(28.5)
        assert (stub.word(CONN), stub.word(CONN_ST), power_w(stub)) == (0, 0, 0)
        assert states(stub) == (STANDBY, STANDBY - 1)
        assert stub.word(EVT1 + 1) == stub.word(ALRM + 1) == 1 << 6
        stub.step(1.0)
        assert stub.word(CONN) == 1
        stub.step(22.0)
        assert power_w(stub) > MUCH_SUN_W

    @pytest.mark.parametrize(
        ("address", "bad", "good", "bit"),
        [
            (FREQUENCY, 5200, 5000, 8),
            (FREQUENCY, 4700, 5000, 9),
            (VOLTAGE, 2700, 2300, 10),
            (VOLTAGE, 0, 2300, 11),
        ],
    )
    def test_a_grid_out_of_range_trips_and_is_waited_for(
        self, stub: fb.Stub, address: int, bad: int, good: int, bit: int
    ) -> None:
        stub.put(address, bad)
        stub.step(0.1)
        assert states(stub) == (MPPT, MPPT - 1)  # not for a moment's sake
        stub.step(0.2)
        assert (states(stub), power_w(stub)) == ((STANDBY, STANDBY - 1), 0)
        assert stub.word(EVT1 + 1) == stub.word(ALRM + 1) == 1 << 4 | 1 << bit
        stub.put(address, good)
        stub.step(10.0)
        assert states(stub) == (STARTING, STARTING - 1)
        stub.step(12.0)
        assert power_w(stub) > MUCH_SUN_W

    def test_grid_values_are_shown_in_both_models(self, stub: fb.Stub) -> None:
        stub.put(FREQUENCY, 5013)
        stub.put(VOLTAGE, 2345)
        stub.step(0.01)
        assert (stub.word(M103 + 16), stub.words(M701 + 17, 2)) == (5013, [0, 50130])
        assert stub.word(M103 + 10) == stub.word(M701 + 16) == 2345
        assert stub.word(M103 + 7) == stub.word(M701 + 15) == 4062

    def test_an_earth_fault_stops_it_at_once(self, stub: fb.Stub) -> None:
        stub.put(EARTH_FAULT, 1)
        stub.step(0.01)
        assert (states(stub), power_w(stub), stub.word(ALRM + 1)) == ((FAULT, FAULT - 1), 0, 1)
        stub.put(EARTH_FAULT, 0)
        stub.step(22.0)
        assert states(stub) == (MPPT, MPPT - 1)

    def test_a_limit_above_what_the_sun_gives_does_not_throttle(self, stub: fb.Stub) -> None:
        limit_by_123(stub, 95)
        stub.step(2.0)
        assert states(stub) == (MPPT, MPPT - 1)
        limit_by_123(stub, 0)
        stub.step(2.0)
        assert (power_w(stub), states(stub)) == (0, (THROTTLED, THROTTLED - 1))


def test_units_have_their_own_sun_orders_and_serial_number() -> None:
    with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0", "--units", "1,7") as stub:
        stub.put(ENA, 1, unit=7)
        stub.put(LIMIT, 2000, unit=7)
        stub.step(2.0)
        assert (power_w(stub, 7), power_w(stub, 1) > MUCH_SUN_W) == (20_000, True)
        assert stub.words(40052, 16, 1) != stub.words(40052, 16, 7)
