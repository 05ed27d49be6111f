"""Our SunSpec device against an inverter: found, read, limited, and not deceived by it."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import firmware_bench as fb
import pytest
import sunspec_bench as sb
from misbehaving_server import MisbehavingServer

from hil.config.points import load_points
from hil.devices.sunspec.points import parse_reference, point_of
from hil.errors import DeviceError
from hil.loop.image import GOOD

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

M123, M704 = 40182, 40363
ENABLES = {123: M123 + 9, 704: M704 + 14}
LIMITS = {123: (M123 + 5, 100.0), 704: (M704 + 15, 10.0)}
"""Register of the limit, and counts a percent."""
SUN, POWER_SF = 61000, 61005
POWER_W = 40084
MUCH_SUN_W = 87_000
SHORT_S = 0.8
"""A phase in which an answer is missing."""
MODELS = pytest.mark.parametrize("model", [123, 704])


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0", "--units", "1,9") as stub:
        stub.step(0.01)
        yield stub


def held_percent(stub: fb.Stub, model: int) -> float | None:
    """Limit the inverter has enabled, by its own registers; None where it has none."""
    address, counts = LIMITS[model]
    return stub.word(address) / counts if stub.word(ENABLES[model]) else None


def true_power_w(stub: fb.Stub) -> float:
    return stub.signed(POWER_W) * 10.0 ** stub.word(POWER_W + 1)


class TestReading:
    def test_it_finds_the_chain_and_reads_numbers_with_their_scales(self, stub: fb.Stub) -> None:
        with sb.Field(stub.port) as field:
            found = [(model.id, model.address, model.length) for model in field.device.chain.models]
            assert [number for number, *_ in found] == [1, 103, 120, 121, 123, 701, 704]
            assert found[-1] == (704, M704, 65)
            assert field.device.chain.trouble == ""
            field.cycle()
            assert all(field.good(name) for name in sb.READS)
            assert field.value("power_w") == field.value("power_old_w") == true_power_w(stub) > MUCH_SUN_W
            assert field.value("frequency_hz") == pytest.approx(50.0)
            assert field.value("phase_v") == pytest.approx(230.0)
            assert (field.value("state"), field.value("inverter_state")) == (4, 3)
            assert field.value("energy_wh") == 100_000_000

    def test_many_units_behind_one_address(self, stub: fb.Stub) -> None:
        stub.put(SUN, 200, unit=9)
        stub.step(1.0)
        with sb.Field(stub.port, unit=9) as field:
            field.cycle()
            assert 10_000 < field.value("power_w") < 30_000

    def test_what_the_device_has_not_is_told_with_what_it_has(self, stub: fb.Stub) -> None:
        field = sb.Field(stub.port, reads={"power_w": "701.W", "meter_w": "203.W", "battery": "802.SoC"})
        with pytest.raises(DeviceError) as caught:
            field.device.prove(fb.GENEROUS_S)
        text = str(caught.value)
        assert "no model 203" in text
        assert "no model 802" in text
        assert "1, 103, 120, 121, 123, 701, 704" in text
        field.device.close()

    def test_the_shipped_list_says_what_the_device_s_own_chain_says(self, stub: fb.Stub, root: Path) -> None:
        points = load_points(root / "configs" / "points" / "sunspec_inverter.csv").points
        reads = {point.signal: point.comment.split()[0] for point in points}
        assert len(reads) == len(points) > 20
        with sb.Field(stub.port, reads=reads) as field:
            field.cycle()
            for listed in points:
                own = point_of(
                    field.device.chain, parse_reference(reads[listed.signal]), listed.signal, 1, ("", 1)
                )
                for what in ("address", "type", "scale", "scale_register", "no_value", "unit", "table"):
                    assert getattr(own, what) == getattr(listed, what), (listed.signal, what)
                assert field.good(listed.signal) is (listed.signal != "pv_vendor_state")

    def test_a_device_of_short_requests(self, stub: fb.Stub) -> None:
        reads = {"power_old_w": "103.W", "frequency_hz": "103.Hz"}
        with sb.Field(stub.port, 123, reads=reads, max_registers=40) as field:
            field.cycle(40.0)
            assert field.value("power_old_w") == true_power_w(stub)
            assert held_percent(stub, 123) == 40.0
        for model, far, expected in (
            (704, reads, "limiting by model 704 takes requests of 55 registers"),
            (123, {"power_w": "701.W"}, "701.W and its power of ten lie 107 registers apart"),
        ):
            refused = sb.Field(stub.port, model, reads=far, max_registers=40)
            with pytest.raises(DeviceError, match=expected):
                refused.device.prove(fb.GENEROUS_S)
            refused.device.close()

    def test_a_unit_that_is_not_there_and_a_device_that_is_no_sunspec(self, stub: fb.Stub) -> None:
        field = sb.Field(stub.port, unit=3)
        with pytest.raises(DeviceError, match="unit id 3, is no SunSpec device"):
            field.device.prove(fb.GENEROUS_S)
        field.device.close()

    def test_what_the_inverter_does_not_have_is_no_value(self, stub: fb.Stub) -> None:
        with sb.Field(stub.port, reads={"power_w": "701.W", "transformer_degc": "701.TmpTrns"}) as field:
            field.cycle()
            assert (field.good("power_w"), field.good("transformer_degc")) == (True, False)

    def test_a_power_of_ten_that_moves_tears_no_value(self, stub: fb.Stub) -> None:
        truth_w = true_power_w(stub)
        stop = threading.Event()

        def toggle() -> None:
            while not stop.is_set():
                stub.put(POWER_SF, 3)
                stub.put(POWER_SF, 1)

        with sb.Field(stub.port, reads={"power_w": "701.W", "power_old_w": "103.W"}) as field:
            torn_apart = False
            client = fb.Tcp(stub.port)
            thread = threading.Thread(target=toggle)
            thread.start()
            try:
                seen: set[float] = set()
                until_s = time.monotonic() + fb.GENEROUS_S
                cycles = 0
                while cycles < 300 or (len(seen) < 2 and time.monotonic() < until_s):
                    cycles += 1
                    field.cycle()
                    assert field.good("power_w")
                    seen |= {field.value("power_w"), field.value("power_old_w")}
                until_s = time.monotonic() + fb.GENEROUS_S
                # Apart, as FIELD warns of: else this test could not fail.
                while not torn_apart and time.monotonic() < until_s:
                    count, power = (
                        struct.unpack(">h", client.ask(struct.pack(">BHH", 3, POWER_W + place, 1))[2:])[0]
                        for place in (0, 1)
                    )
                    torn_apart = abs(count * 10.0**power - truth_w) > 1000
            finally:
                stop.set()
                thread.join()
                client.close()
            assert seen == {truth_w, round(truth_w, -3)}
            assert torn_apart


class TestLimiting:
    @MODELS
    def test_it_holds_while_renewed_and_reverts_when_this_side_is_silent(
        self, stub: fb.Stub, model: int
    ) -> None:
        with sb.Field(stub.port, model) as field:
            for _ in range(20):
                field.cycle(40.0)
                assert held_percent(stub, model) == 40.0
                sb.together(stub, field, 5.0)
            assert true_power_w(stub) == 40_000
            field.cycle(40.0)
            assert (field.value("state"), field.value("inverter_state")) == (5, 4)
            assert 5 <= field.count("curtail_renewals") <= 10
            assert field.count("curtail_mismatches") == field.count("curtail_reverted") == 0
            assert field.told == []
            field.cycle(39.0)
            # From here on this side is silent, as a process is that was killed.
            stub.step(29.0)
            assert (held_percent(stub, model), true_power_w(stub)) == (39.0, 39_000)
            stub.step(1.0)
            assert held_percent(stub, model) is None
            stub.step(1.0)
            assert true_power_w(stub) > MUCH_SUN_W
            # And back again: it finds the limit gone, says so, and sets it again.
            field.clock.leap(31.0)
            field.cycle(39.0)
            assert held_percent(stub, model) == 39.0
            assert field.count("curtail_reverted") == 1
            assert "given up by the inverter" in field.told[0]

    def test_where_704_reverts_to_is_declared(self, stub: fb.Stub) -> None:
        with sb.Field(stub.port, 704, reverts_to_percent=20.0) as field:
            field.cycle(60.0)
            stub.step(30.0)
            assert held_percent(stub, 704) == 20.0
            stub.step(100.0)
            assert true_power_w(stub) == 20_000
            field.clock.leap(130.0)
            field.cycle(60.0)
            assert (held_percent(stub, 704), field.count("curtail_mismatches")) == (60.0, 1)
            assert field.told == ["a limit of 60 % was acknowledged, the inverter holds 20 %"]

    def test_123_takes_its_ramp_time(self, stub: fb.Stub) -> None:
        began_w = true_power_w(stub)
        with sb.Field(stub.port, 123, ramp_s=10) as field:
            field.cycle(40.0)
            stub.step(5.0)
            assert true_power_w(stub) == pytest.approx((began_w + 40_000) / 2, rel=0.02)

    @MODELS
    def test_a_new_limit_never_passes_through_none(self, stub: fb.Stub, model: int) -> None:
        with sb.Field(stub.port, model) as field:
            for limit in (70.0, 33.3, 0.0, 55.5):
                field.cycle(limit)
                assert held_percent(stub, model) == pytest.approx(max(limit, 1.0))
                stub.step(2.0)
                assert true_power_w(stub) == pytest.approx(1000 * max(limit, 1.0), abs=10)
            assert field.count("curtail_raised_to_least") == 1

    @MODELS
    def test_somebody_else_s_limit_is_replaced_and_told(self, stub: fb.Stub, model: int) -> None:
        address, counts = LIMITS[model]
        with sb.Field(stub.port, model) as field:
            field.cycle(40.0)
            stub.put(address, round(90 * counts))
            field.cycle(40.0)
            assert held_percent(stub, model) == 40.0
            assert field.told == ["a limit of 40 % was acknowledged, the inverter holds 90 %"]

    @MODELS
    def test_a_device_that_wants_pauses_is_limited_over_several_phases(
        self, stub: fb.Stub, model: int
    ) -> None:
        """Look, values and enable take longer than the budget of one phase: they go on in the next."""
        with sb.Field(stub.port, model, reads={"power_w": "701.W"}, gap_ms=60.0, budget_s=0.1) as field:
            eventually(field, 40.0, lambda: held_percent(stub, model) == 40.0)
            eventually(field, 25.0, lambda: held_percent(stub, model) == 25.0)
            assert field.count("requests_unsent") > 0

    def test_two_kinds_of_inverters_take_a_new_value(self) -> None:
        with (
            fb.Stub(fb.build("pv_inverter"), "--time-scale", "0", "--values", "at-enable") as stub,
            sb.Field(stub.port, 704) as field,
        ):
            for limit in (40.0, 60.0):
                field.cycle(limit)
                stub.step(2.0)
                assert true_power_w(stub) == 1000 * limit

    def test_the_last_write_of_a_run_is_whole_in_one_phase(self, stub: fb.Stub) -> None:
        with sb.Field(stub.port, 704) as field:
            field.cycle(40.0)
            field.cycle(15.0, force=True)
            assert held_percent(stub, 704) == 15.0


class TestMisbehaviour:
    @MODELS
    def test_a_refused_block_changes_nothing_and_is_told(self, stub: fb.Stub, model: int) -> None:
        with sb.Field(stub.port, model) as field:
            field.cycle(80.0)
            before = stub.words(M123, 26), stub.words(M704, 67)
            stub.ok("misbehave 1 exception count=1 parameter=3 scope=writes")
            field.cycle(40.0)
            assert (stub.words(M123, 26), stub.words(M704, 67)) == before
            assert field.count("curtail_refused") == 1
            field.cycle(40.0)
            assert held_percent(stub, model) == 80.0  # not hammered: the next attempt is a second away
            field.clock.leap(1.1)
            field.cycle(40.0)
            assert held_percent(stub, model) == 40.0
            assert field.told == ["the inverter refuses the values of its limit (exception 3)"]

    @pytest.mark.parametrize(
        ("model", "skip", "carried_out"), [(123, 0, 0), (123, 1, 1), (704, 0, 1), (704, 1, 0)]
    )
    def test_an_order_that_is_not_answered_is_counted_and_given_again(
        self, stub: fb.Stub, model: int, skip: int, carried_out: int
    ) -> None:
        with sb.Field(stub.port, model, budget_s=SHORT_S) as field:
            stub.ok(f"misbehave 1 silent count=1 parameter={carried_out} scope=writes skip={skip}")
            field.cycle(40.0)
            assert field.count("curtail_unacknowledged") >= 1
            eventually(field, 40.0, lambda: held_percent(stub, model) == 40.0)

    @MODELS
    def test_acknowledged_and_not_done_is_found(self, stub: fb.Stub, model: int) -> None:
        with sb.Field(stub.port, model) as field:
            stub.ok("misbehave 1 ignore-write count=1 skip=1")
            field.cycle(40.0)
            assert held_percent(stub, model) is None
            assert field.count("curtail_acknowledged") == 1
            field.cycle(40.0)
            assert (held_percent(stub, model), field.count("curtail_reverted")) == (40.0, 1)
            field.cycle(40.0)
            assert field.value("limit_enabled") == 1

    @MODELS
    def test_taken_and_given_up_a_while_later_is_found(self, stub: fb.Stub, model: int) -> None:
        with sb.Field(stub.port, model) as field:
            stub.ok("misbehave 1 revert count=2 parameter=2000")
            field.cycle(40.0)
            sb.together(stub, field, 1.0)
            field.cycle(40.0)
            assert held_percent(stub, model) == 40.0
            sb.together(stub, field, 2.0)
            assert held_percent(stub, model) is None
            field.cycle(40.0)
            assert (held_percent(stub, model), field.count("curtail_reverted")) == (40.0, 1)

    def test_a_late_answer_is_no_answer(self, stub: fb.Stub) -> None:
        with sb.Field(stub.port, reads={"power_w": "701.W"}, budget_s=SHORT_S) as field:
            slot = field.image.index["power_w"]
            field.cycle()
            for sun in (600, 400):
                stub.ok("misbehave 1 late count=1 parameter=1500 scope=reads")
                timeouts, late = field.count("timeouts"), field.count("late_replies")
                field.cycle()
                assert field.count("timeouts") == timeouts + 1
                stub.put(SUN, sun)
                stub.step(1.0)
                changed_ns = field.clock.now_ns()
                until_s = time.monotonic() + fb.GENEROUS_S
                # The answer to the question of before comes now; it says what was true then.
                while field.count("late_replies") == late or field.image.received_ns[slot] < changed_ns:
                    assert time.monotonic() < until_s
                    field.cycle()
                    if field.image.received_ns[slot] > changed_ns:
                        assert field.value("power_w") == true_power_w(stub)

    @pytest.mark.parametrize(
        "kind", ["wrong-id", "truncated parameter=11", "garbage parameter=200", "exception parameter=6"]
    )
    def test_nothing_wrong_is_good(self, stub: fb.Stub, kind: str) -> None:
        name, _, parameter = kind.partition(" ")
        with sb.Field(stub.port, budget_s=SHORT_S) as field:
            stub.ok(f"misbehave 1 {name} count=always probability=0.2 seed=4 {parameter}")
            truths = [true_power_w(stub)]
            fresh = 0
            for sun in range(750, 390, -30):
                stub.put(SUN, sun)
                stub.step(1.0)
                truths.append(true_power_w(stub))
                changed_ns = field.clock.now_ns()
                field.clock.leap(0.5)
                field.cycle()
                for signal in ("power_w", "power_old_w"):
                    slot = field.image.index[signal]
                    is_new = field.image.received_ns[slot] > changed_ns
                    fresh += is_new and field.good(signal)
                    if field.good(signal):
                        assert field.value(signal) in (truths[-1:] if is_new else truths)
            assert fresh > 0
            stub.ok("misbehave all off")
            eventually(field, None, lambda: field.value("power_w") == true_power_w(stub))

    def test_silence_makes_values_old_and_told(self, stub: fb.Stub) -> None:
        with sb.Field(stub.port, 123, budget_s=SHORT_S) as field:
            field.cycle(50.0)
            assert field.good("power_w")
            stub.ok("misbehave 1 silent count=always")
            for _ in range(4):
                field.cycle(50.0)
            field.clock.leap(sb.MOST_AGE_S)
            field.cycle(50.0)
            assert not any(field.good(name) for name in sb.READS)
            assert field.count("timeouts") >= 3
            assert any("no answer" in text for text in field.told)
            stub.step(30.0)
            assert held_percent(stub, 123) is None  # the failsafe: nobody renews it
            stub.ok("misbehave all off")
            eventually(field, 50.0, lambda: held_percent(stub, 123) == 50.0 and field.good("power_w"))


def eventually(field: sb.Field, limit: float | None, is_so: Callable[[], bool]) -> None:
    """Cycle, with time passing, until it is so."""
    until_s = time.monotonic() + fb.GENEROUS_S
    while not is_so():
        assert time.monotonic() < until_s
        field.clock.leap(0.2)
        field.cycle(limit)


def moved(words: list[int], by: int) -> dict[int, int]:
    """Give the registers of a chain with a vendor's model behind the first one."""
    first_end = 40070
    before = {40000 + place: word for place, word in enumerate(words[: first_end - 40000])}
    between = {first_end: 64001, first_end + 1: by - 2}
    after = {first_end + by + place: word for place, word in enumerate(words[first_end - 40000 :])}
    return before | between | after


class TestAfterAnUpdateOfItsFirmware:
    def restarted(self, stub: fb.Stub, registers: dict[int, int]) -> MisbehavingServer:
        stub.__exit__(None, None, None)
        server = MisbehavingServer(stub.port)
        for address, word in registers.items():
            server.registers[address] = word
        return server

    def test_a_model_of_a_wrong_length_that_hides_those_behind_it_is_told(self) -> None:
        """The next head is then looked for where there is none."""
        stub = fb.Stub(fb.build("pv_inverter"), "--time-scale", "0")
        registers = {40000 + place: word for place, word in enumerate(stub.words(40000, 432))}
        length_of_103 = 40071
        assert registers[length_of_103 - 1] == 103
        registers[length_of_103] += 1
        with self.restarted(stub, registers) as server:
            field = sb.Field(server.port, reads={"power_w": "701.W"})
            with pytest.raises(DeviceError, match="no model 701") as caught:
                field.device.prove(fb.GENEROUS_S)
            field.device.close()
        told = str(caught.value)
        assert "its models: 1, 103" in told
        assert "its chain of models ends early: no head of a model at" in told or "without an end" in told

    @MODELS
    def test_of_models_that_lie_elsewhere_nothing_is_believed_and_nothing_is_written(
        self, model: int
    ) -> None:
        stub = fb.Stub(fb.build("pv_inverter"), "--time-scale", "0")
        stub.step(0.01)
        with sb.Field(stub.port, model, budget_s=SHORT_S) as field:
            field.cycle(40.0)
            words = stub.words(40000, 432)
            power_w = field.value("power_w")
            with self.restarted(stub, moved(words, 12)) as server:
                eventually(field, 40.0, lambda: field.count("models_elsewhere") > 0)
                eventually(field, 30.0, lambda: field.count("curtail_withheld") > 1)
                before = list(server.registers)
                # None is taken from where a number of another model now lies, and none that was known stays GOOD.
                assert {field.value(name) for name in ("power_w", "power_old_w")} == {power_w}
                field.clock.leap(sb.MOST_AGE_S)
                field.cycle(20.0)
                assert [name for name in sb.READS if field.good(name)] == []
                assert server.registers == before
                assert not any(request.function in (6, 16) for request in server.seen)
                assert any("no longer at" in text for text in field.told)
                assert any("start the run anew" in text for text in field.told)
                # A new run finds them where they are.
                with sb.Field(stub.port, model, budget_s=SHORT_S) as anew:
                    anew.cycle(20.0)
                    assert anew.value("power_w") == field.value("power_w")
                    assert anew.good("power_w")

    @MODELS
    def test_another_power_of_ten_of_the_limit_is_heeded(self, model: int) -> None:
        stub = fb.Stub(fb.build("pv_inverter"), "--time-scale", "0")
        stub.step(0.01)
        address = LIMITS[model][0]
        scale = {123: M123 + 23, 704: M704 + 54}[model]
        with sb.Field(stub.port, model, budget_s=SHORT_S) as field:
            field.cycle(40.0)
            registers = {40000 + place: word for place, word in enumerate(stub.words(40000, 432))}
            registers |= {scale: 0, address: 100, ENABLES[model]: 0}
            with self.restarted(stub, registers) as server:
                eventually(field, 40.0, lambda: server.registers[ENABLES[model]] == 1)
                assert server.registers[address] == 40  # and not 400 or 4000
                assert field.count("curtail_rescaled") == 1
                field.cycle(40.0)
                assert field.value("limit_back_percent") == 40.0
                assert field.quality("limit_back_percent") == GOOD
