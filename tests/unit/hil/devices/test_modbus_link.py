"""The connection: waits that grow, jitter that repeats, and no attempt that blocks."""

from __future__ import annotations

import itertools
import socket

import pytest

from hil.devices.events import Events
from hil.devices.modbus.link import Link
from hil.devices.modbus.settings import COUNTERS, ModbusTcpSettings
from hil.devices.wait import Wait, new_wait

MS = 1_000_000
S = 1000 * MS


class Run:
    """A link aimed at an address, on a clock that is stepped by hand."""

    def __init__(self, address: tuple[str, int], seed: int = 0) -> None:
        self.now_ns = 0
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.events = Events()
        self.wait: Wait[Link] = new_wait()
        self.link = Link(
            ModbusTcpSettings(*address, seed=seed), lambda: self.now_ns, self.counts, self.events
        )
        self.link.attach(self.wait, self.link)
        self.link.aim((socket.AF_INET, address))

    def failures_ns(self, until_ns: int) -> list[int]:
        times = []
        while self.now_ns < until_ns:
            before = self.counts["connect_failures"]
            self.link.maintain(self.now_ns)
            for link in self.wait.ready(0):
                link.receive()
            if self.counts["connect_failures"] > before:
                times.append(self.now_ns)
            self.now_ns += 10 * MS
        return times

    def close(self) -> None:
        self.link.close()
        self.wait.close()


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_waits_double_to_the_longest_and_start_again_after_an_answer(closed_port: int) -> None:
    run = Run(("127.0.0.1", closed_port))
    times = run.failures_ns(60 * S)
    waits_s = [(b - a) / S for a, b in itertools.pairwise(times)]
    for place, wait_s in enumerate(waits_s):
        nominal_s = min(0.1 * 2**place, 5.0)
        assert 0.8 * nominal_s - 0.02 <= wait_s <= 1.2 * nominal_s + 0.02
    assert len(set(waits_s[6:])) > 1, "the jitter must differ from one wait to the next"
    run.link.attempts = 0
    again = run.failures_ns(run.now_ns + 7 * S)
    assert (again[1] - again[0]) / S < 0.2
    run.close()


def test_only_the_first_failures_are_news(closed_port: int) -> None:
    run = Run(("127.0.0.1", closed_port))
    run.failures_ns(20 * S)
    assert len(run.events.drain()) == 1
    assert run.counts["connect_failures"] > 5
    run.close()


def test_equal_seeds_give_equal_waits(closed_port: int) -> None:
    runs = [Run(("127.0.0.1", closed_port), seed) for seed in (1, 1, 2)]
    times = [run.failures_ns(20 * S) for run in runs]
    assert times[0] == times[1] != times[2]
    for run in runs:
        run.close()


def test_an_attempt_without_any_answer_is_given_up() -> None:
    # A listener whose queue is full lets further connections hang, as an absent host does.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        run = Run(address)
        times = run.failures_ns(3 * S)
        assert times, "an attempt hung for ever"
        assert times[0] == pytest.approx(1 * S, abs=20 * MS)
        run.close()
        for filler in fillers:
            filler.close()


def test_a_peer_that_does_not_read_is_dropped() -> None:
    ours, theirs = socket.socketpair()
    run = Run(("127.0.0.1", 1))
    run.link.adopt(ours)
    sent = 0
    while run.link.connected and sent < 100_000:
        run.link.send(b"\x00" * 260, run.now_ns)
        sent += 1
    assert not run.link.connected
    assert run.counts["connections_lost"] == 1
    theirs.close()
    run.close()


def test_connecting_takes_no_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run = Run(listener.getsockname())
        run.failures_ns(1 * S)
        assert run.link.connected
        assert (run.counts["connections"], run.counts["reconnections"]) == (1, 0)
        run.link.drop(run.now_ns, "for the test")
        run.failures_ns(run.now_ns + 1 * S)
        assert (run.counts["connections"], run.counts["reconnections"]) == (2, 1)
        run.close()
