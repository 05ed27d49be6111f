"""Sequences against drives that behave as their makers say, in virtual time: one step a word, faults that latch."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import Limiter
from hil.devices.drives import PROFILES, DriveSequence, DriveState, MagicWords, Profile, Wish
from hil.devices.drives.block import DriveBlock, DriveSignals
from hil.devices.drives.sequence import SequenceSettings
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal
from hil.loop.output import OutputStage

S = 1_000_000_000
RUN, STOP = Wish(run=True), Wish()


@dataclass
class Altivar:
    """CiA 402 by the table of its transitions; the fault reset acts on its rising edge."""

    status: int = 0x240
    last: int = 0
    log: list[int] = field(default_factory=list)

    def take(self, word: int) -> None:
        state, low = self.status & 0x6F, word & 0x0F
        rising = word & ~self.last
        self.last = word
        if self.status & 0x4F == 0x08:
            self.status = 0x240 if rising & 0x80 else self.status
        elif not word & 0x02:
            self.status = 0x240
        elif not word & 0x04:
            self.status = 0x207 if state == 0x27 else 0x240
        elif self.status & 0x4F == 0x40:
            self.status = 0x221 if low & 0x07 == 0x06 else self.status
        elif state == 0x21:
            self.status = 0x223 if low & 0x07 == 0x07 else self.status
        elif state == 0x23:
            self.status = 0x221 if not low & 1 else 0x227 if low & 8 else self.status
        elif state == 0x27:
            self.status = 0x221 if not low & 1 else 0x223 if not low & 8 else self.status
        self.log.append(self.status)

    def trip(self) -> None:
        self.status = 0x208

    @property
    def runs(self) -> bool:
        return self.status & 0x6F == 0x27


@dataclass
class Acs580:
    """ABB Drives: after power-up, a trip or OFF3 it is inhibited until it has seen OFF1."""

    status: int = 0x240
    last: int = 0

    def take(self, word: int) -> None:
        rising = word & ~self.last
        self.last = word
        if self.status & 0x08:
            self.status = 0x240 if rising & 0x80 else self.status
        elif not word & 0x04:
            self.status = 0x240
        elif not word & 0x01:
            self.status = 0x201
        elif not self.status & 0x40:
            self.status = 0x207 if word & 0x08 else 0x203

    def trip(self) -> None:
        self.status = 0x208

    @property
    def runs(self) -> bool:
        return bool(self.status & 0x04)


@dataclass
class Fc102:
    """FC profile: a word without bit 10 is not looked at."""

    status: int = 0x203
    last: int = 0

    def take(self, word: int) -> None:
        rising = word & ~self.last
        self.last = word
        if not word & 0x400:
            return
        if self.status & 0x08:
            self.status = 0x203 if rising & 0x80 else self.status
        else:
            self.status = 0xA03 if word & 0x40 and word & 0x10 else 0x203

    def trip(self) -> None:
        self.status = 0x208

    @property
    def runs(self) -> bool:
        return bool(self.status & 0x800)


@dataclass
class SmallPlc:
    """Starts and stops by a word; a word that stays is taken once."""

    status: int = 0
    last: int = 0

    def take(self, word: int) -> None:
        if word != self.last:
            if word == 2321 and not self.status & 2:
                self.status |= 1
            elif word == 2322:
                self.status &= ~1
            elif word == 2323:
                self.status &= ~2
        self.last = word

    def trip(self) -> None:
        self.status = 2

    @property
    def runs(self) -> bool:
        return bool(self.status & 1)


Drive = Altivar | Acs580 | Fc102 | SmallPlc
KINDS: dict[str, tuple[Profile, type[Drive]]] = {
    "cia402": (PROFILES["cia402"], Altivar),
    "abb_drives": (PROFILES["abb_drives"], Acs580),
    "danfoss_fc": (PROFILES["danfoss_fc"], Fc102),
    "magic_words": (MagicWords(fault=2), SmallPlc),
}


class Bench:
    """A sequence and its drive, ten steps a second."""

    def __init__(self, kind: str, **settings: float) -> None:
        profile, drive = KINDS[kind]
        self.kind = kind
        self.profile, self.drive = profile, drive()
        self.sequence = DriveSequence(profile, SequenceSettings(**settings))  # type: ignore[arg-type]
        self.now_ns = 0
        self.words: list[int] = []

    def run(self, wish: Wish, seconds: float = 1.0, *, seen: bool = True) -> None:
        for _ in range(round(10 * seconds)):
            word = self.sequence.step(self.now_ns, self.drive.status if seen else None, wish)
            if word is not None:
                assert word in self.profile.words
                self.words.append(word)
                self.drive.take(word)
            self.now_ns += S // 10


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def test_a_drive_starts_and_stops(bench: Bench) -> None:
    bench.run(STOP)
    assert not bench.drive.runs
    bench.run(RUN)
    assert bench.drive.runs
    assert bench.sequence.state is DriveState.RUNNING
    assert bench.sequence.trouble == ""
    bench.run(STOP)
    assert not bench.drive.runs
    assert (bench.sequence.counts["starts"], bench.sequence.counts["stops"]) == (1, 1)


def test_an_altivar_is_led_6_7_15_by_its_state_and_stopped_by_its_ramp() -> None:
    bench = Bench("cia402")
    bench.run(RUN)
    assert list(dict.fromkeys(bench.words)) == [6, 7, 15]
    bench.words.clear()
    bench.run(STOP)
    assert list(dict.fromkeys(bench.words)) == [7, 6]
    assert bench.drive.status == 0x221


def test_after_a_fault_nothing_starts_by_itself_and_a_reset_starts_nothing(bench: Bench) -> None:
    bench.run(RUN)
    bench.drive.trip()
    bench.run(RUN)
    assert bench.sequence.state is DriveState.FAULT
    assert bench.sequence.trouble == "fault"
    bench.run(Wish(run=True, reset=True))
    assert bench.sequence.state is not DriveState.FAULT
    assert not bench.drive.runs
    assert "take the run command away" in bench.sequence.trouble
    bench.run(STOP)
    bench.run(RUN)
    assert bench.drive.runs
    assert bench.sequence.counts["faults"] == bench.sequence.counts["starts_withheld"] == 1


def test_with_restart_it_starts_again_once_the_fault_is_reset() -> None:
    for kind in KINDS:
        bench = Bench(kind, restart=True)
        bench.run(RUN)
        bench.drive.trip()
        bench.run(RUN)
        assert not bench.drive.runs
        bench.run(Wish(run=True, reset=True))
        bench.run(RUN)
        assert bench.drive.runs


def test_a_reset_command_that_stays_is_one_reset(bench: Bench) -> None:
    bench.drive.trip()
    bench.run(Wish(reset=True))
    bench.drive.trip()
    bench.run(Wish(reset=True), 5.0)
    assert bench.sequence.state is DriveState.FAULT, "the second fault needs a reset of its own"
    assert bench.sequence.counts["resets"] == 1


def test_a_status_that_is_lost_sends_nothing_new_and_a_drive_found_running_goes_on(bench: Bench) -> None:
    bench.run(RUN)
    bench.words.clear()
    bench.run(RUN, seen=False)
    assert bench.words == []
    assert bench.sequence.state is DriveState.UNKNOWN
    bench.run(RUN)
    assert bench.drive.runs
    assert set(bench.words) <= {0, 15, 0x047F, 0x047C}, "no word stopped it in between"
    assert bench.sequence.trouble == ""
    assert (bench.sequence.counts["status_lost"], bench.sequence.counts["starts_withheld"]) == (1, 0)


def test_a_drive_found_at_rest_after_its_status_was_lost_is_not_started(bench: Bench) -> None:
    bench.run(RUN)
    bench.run(RUN, seen=False)
    bench.drive = KINDS[bench.kind][1]()  # it had lost its power
    bench.run(RUN)
    assert not bench.drive.runs
    assert "take the run command away" in bench.sequence.trouble
    bench.run(STOP)
    bench.run(RUN)
    assert bench.drive.runs


def test_a_run_command_that_stands_before_the_first_status_starts_the_drive(bench: Bench) -> None:
    bench.run(RUN, seen=False)
    bench.run(RUN)
    assert bench.drive.runs


@pytest.mark.parametrize("kind", ["cia402", "abb_drives", "danfoss_fc"])
@pytest.mark.parametrize("runs", [True, False])
def test_on_the_way_back_from_local_a_drive_goes_on_and_is_not_started(kind: str, runs: bool) -> None:
    bench = Bench(kind)
    bench.run(RUN if runs else STOP)
    bench.drive.status &= ~0x200
    for _ in range(10):
        word = bench.sequence.step(bench.now_ns, bench.drive.status, RUN)
        bench.now_ns += S // 10
    assert bench.sequence.state is DriveState.LOCAL
    assert "in local" in bench.sequence.trouble
    assert word is not None
    bench.drive.status |= 0x200
    # The last word of the local time is what the drive finds.
    bench.drive.take(word)
    bench.run(RUN)
    assert bench.drive.runs is runs
    assert ("take the run command away" in bench.sequence.trouble) is not runs


def test_quick_stop_comes_before_run(bench: Bench) -> None:
    bench.run(RUN)
    bench.run(Wish(run=True, quick_stop=True))
    assert not bench.drive.runs


@pytest.mark.parametrize("restart", [False, True])
def test_a_quick_stop_that_is_released_starts_nothing(bench: Bench, restart: bool) -> None:
    bench = Bench(bench.kind, restart=restart)
    bench.run(RUN)
    bench.run(Wish(run=True, quick_stop=True))
    bench.run(RUN)
    assert not bench.drive.runs
    assert "take the run command away" in bench.sequence.trouble
    bench.run(STOP, 0.1)
    bench.run(RUN)
    assert bench.drive.runs
    assert bench.sequence.counts["starts_withheld"] == 1


def test_a_run_command_given_during_a_quick_stop_does_not_wait_for_its_end(bench: Bench) -> None:
    bench.run(RUN)
    bench.run(Wish(quick_stop=True))
    bench.run(Wish(run=True, quick_stop=True))
    bench.run(RUN)
    assert not bench.drive.runs


def test_a_quick_stop_whose_signal_is_lost_goes_on() -> None:
    sequence = DriveSequence(PROFILES["cia402"])
    words = [
        sequence.step(S, 0x207, Wish(run=True, quick_stop=quick_stop)) for quick_stop in (True, None, None)
    ]
    assert words == [2, 2, 2], "nothing makes it coast before its ramp is over"


def test_a_lost_run_command_is_no_edge_after_a_fault(bench: Bench) -> None:
    bench.run(RUN)
    bench.drive.trip()
    bench.run(RUN)
    bench.run(Wish(run=True, reset=True))
    for lost_s in (0.1, 2.0):
        bench.run(Wish(run=None), lost_s)
        bench.run(RUN)
        assert not bench.drive.runs
    bench.run(STOP, 0.1)
    bench.run(RUN)
    assert bench.drive.runs
    assert (bench.sequence.counts["starts"], bench.sequence.counts["stops"]) == (2, 1)


def test_a_run_command_that_is_lost_stops_the_drive_and_must_be_given_anew(bench: Bench) -> None:
    bench.run(RUN)
    bench.run(Wish(run=None))
    assert not bench.drive.runs
    assert "is lost" in bench.sequence.trouble
    bench.run(RUN)
    assert not bench.drive.runs
    bench.run(STOP, 0.1)
    bench.run(RUN)
    assert bench.drive.runs


def test_with_restart_a_run_command_that_is_back_starts_the_drive(bench: Bench) -> None:
    bench = Bench(bench.kind, restart=True)
    bench.run(RUN)
    bench.run(Wish(run=None))
    assert not bench.drive.runs
    bench.run(RUN)
    assert bench.drive.runs


def test_a_run_command_lost_while_there_was_none_withholds_nothing(bench: Bench) -> None:
    bench.run(Wish(run=None))
    bench.run(RUN)
    assert bench.drive.runs
    bench.run(STOP)
    bench.run(Wish(run=None))
    bench.run(RUN)
    assert bench.drive.runs


def test_a_fault_while_the_run_command_is_lost_needs_it_anew(bench: Bench) -> None:
    bench.run(STOP)
    bench.drive.trip()
    bench.run(Wish(run=None))
    bench.run(Wish(run=None, reset=True))
    bench.run(RUN)
    assert not bench.drive.runs, "it may have been given before the fault"


def test_command_and_status_that_are_lost_together_stop_nothing(bench: Bench) -> None:
    bench.run(RUN)
    bench.run(Wish(run=None), seen=False)
    bench.run(RUN)
    assert bench.drive.runs
    assert bench.sequence.counts["starts_withheld"] == 0


def test_a_drive_that_still_slows_down_after_its_status_was_lost_too_is_not_started() -> None:
    sequence, stop, run = DriveSequence(PROFILES["abb_drives"]), 0x047E, 0x047F
    seen = [(0x207, RUN), (0x207, Wish(run=None)), (None, RUN), (0x207, RUN), (0x203, RUN)]
    words = [sequence.step(k, status, wish) for k, (status, wish) in enumerate(seen)]
    assert words == [run, stop, None, stop, stop]


def test_a_reset_whose_signal_was_lost_is_no_new_reset(bench: Bench) -> None:
    bench.drive.trip()
    bench.run(Wish(reset=True))
    bench.drive.trip()
    bench.run(Wish(reset=None))
    bench.run(Wish(reset=True))
    assert bench.sequence.state is DriveState.FAULT
    assert bench.sequence.counts["resets"] == 1


def test_a_drive_that_does_not_stop_is_told_although_its_start_is_withheld() -> None:
    bench = Bench("abb_drives", follow_s=2.0)
    bench.run(RUN)
    bench.drive.take = lambda word: None  # type: ignore[method-assign]
    bench.run(Wish(run=None), 3.0)
    assert bench.sequence.trouble == "told to stop and has not in 2 s (RUNNING)"


def test_a_drive_that_does_not_follow_is_told_once() -> None:
    bench = Bench("danfoss_fc", follow_s=2.0)
    bench.drive.take = lambda word: None  # type: ignore[method-assign]  # its bus control is switched off
    bench.run(RUN, 10.0)
    assert bench.sequence.counts["not_followed"] == 1
    assert bench.sequence.trouble == "told to run and has not in 2 s (READY)"


EVENTS = st.sampled_from(["", "", "trip", "lost", "wild"])
ASKED = st.sampled_from([False, True, None])
STEPS = st.tuples(ASKED, ASKED, ASKED, EVENTS, st.integers(0, 0xFFFF))


@given(st.sampled_from(sorted(KINDS)), st.lists(STEPS, max_size=80))
def test_whatever_comes_nothing_that_stopped_a_drive_leads_to_running_without_the_run_command_going_away(
    kind: str, steps: list[tuple[bool | None, bool | None, bool | None, str, int]]
) -> None:
    bench = Bench(kind)
    needs_edge = stands = quick_stop = False
    for run, reset, quick, event, wild in steps:
        wish, before = Wish(run, reset, quick), bench.drive.runs
        if event == "trip":
            bench.drive.trip()
        if event == "wild":
            bench.sequence.step(bench.now_ns, wild, wish)
        # A trip that is never seen, for want of a status, cannot be held against the next start.
        quick_stop = quick_stop if quick is None else quick
        stops = event == "trip" or (event != "lost" and (quick_stop or (run is None and stands)))
        needs_edge = run is not False and (needs_edge or stops)
        stands = stands if run is None else run
        bench.run(wish, 0.1, seen=event != "lost")
        if bench.drive.runs and not before:
            assert run
            assert not quick_stop
            assert not needs_edge


def bound(kind: str = "cia402", hold_ns: int | None = None) -> tuple[Image, DriveBlock, list[str]]:
    names = ("status", "run", "reset", "quick", "state", "command")
    image = Image([Signal(name, "1", 0.0, 65535.0, 6.0 if name == "command" else 0.0) for name in names])
    image.quality[:] = bytes([GOOD]) * len(names)
    stage = OutputStage(image, 5, Limiter(0.0, 65535.0, 6.0))
    told: list[str] = []
    signals = DriveSignals(0, 1, 2, 3, 4)
    block = DriveBlock(
        "pump", image, DriveSequence(PROFILES[kind]), signals, stage, lambda at, text: told.append(text),
        hold_ns,
    )  # fmt: skip
    return image, block, told


def test_in_the_cycle_a_stale_status_holds_the_word_and_a_bad_one_sends_the_failsafe() -> None:
    image, block, _ = bound()
    image.values[0], image.values[1] = 0x227, 1.0
    for quality, sent in ((GOOD, 15.0), (STALE, 15.0), (BAD, 6.0)):
        image.quality[0] = quality
        block.run(0, 0.1)
        block.stage.run(0, 0.1)
        assert image.values[5] == sent
    assert image.values[4] == float(DriveState.UNKNOWN)


def test_in_the_cycle_a_word_is_held_no_longer_than_the_drive_cannot_have_stopped_by_itself() -> None:
    image, block, _ = bound("danfoss_fc", hold_ns=2 * S)
    image.values[0], image.values[1] = 0xA03, 1.0
    words = []
    for now_ns, quality in ((0, GOOD), (2 * S, STALE), (2 * S + 1, STALE), (3 * S, GOOD)):
        image.quality[0] = quality
        image.received_ns[0] = now_ns if quality == GOOD else 0
        block.run(now_ns, 0.1)
        block.stage.run(now_ns, 0.1)
        words.append(image.values[5])
        image.values[0] = 0x203
    assert words == [0x047C, 0x047C, 6.0, 0x043C], "it is found at rest, and is not started"


@pytest.mark.parametrize(("lost", "value"), [(BAD, 1.0), (SUBSTITUTED, 0.0)])
def test_in_the_cycle_a_command_that_is_lost_and_back_starts_nothing(lost: int, value: float) -> None:
    image, block, _ = bound()
    image.values[0] = 0x227
    words = []
    for run, quality in ((1.0, GOOD), (value, lost), (1.0, GOOD), (0.0, GOOD), (1.0, STALE)):
        image.values[1], image.quality[1] = run, quality
        block.run(0, 0.1)
        block.stage.run(0, 0.1)
        words.append(image.values[5])
    assert words == [15.0, 7.0, 7.0, 7.0, 15.0]


def test_in_the_cycle_trouble_is_told_when_it_changes() -> None:
    image, block, told = bound()
    image.values[0] = 0x208
    block.run(0, 0.1)
    block.run(1, 0.1)
    image.values[0] = 0x240
    block.run(2, 0.1)
    assert told == ["fault", "follows its commands again"]
