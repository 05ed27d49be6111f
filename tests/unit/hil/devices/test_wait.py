"""Both waits keep one contract: who has something is given back, once for each, and nobody else."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from hil.devices import wait as waits
from hil.devices.wait import SelectorWait, Wait, new_wait

KINDS = [SelectorWait] + ([waits.EpollWait] if sys.platform == "linux" else [])


@pytest.fixture(params=KINDS)
def wait(request: pytest.FixtureRequest) -> Iterator[Wait[str]]:
    made: Wait[str] = request.param()
    yield made
    made.close()
    made.close()


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    made = [socket.socketpair() for _ in range(3)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def test_only_those_with_bytes_or_an_end_are_given(
    wait: Wait[str], pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    for name, (ours, _) in zip("abc", pairs, strict=True):
        wait.register(ours, name, connecting=False)
    assert wait.ready(0) == []
    pairs[0][1].send(b"x")
    pairs[2][1].close()
    assert sorted(wait.ready(0.1)) == ["a", "c"]
    assert sorted(wait.ready(0)) == ["a", "c"], "what is not taken is told again"


def test_who_is_unregistered_is_passed_over_and_may_come_back(
    wait: Wait[str], pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    ours, theirs = pairs[0]
    wait.register(ours, "a", connecting=False)
    theirs.send(b"x")
    wait.unregister(ours)
    wait.unregister(ours)
    assert wait.ready(0) == []
    wait.register(ours, "b", connecting=False)
    assert wait.ready(0.1) == ["b"]


def test_an_attempt_to_connect_is_told_when_it_is_decided(wait: Wait[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as caller:
        caller.setblocking(False)
        caller.connect_ex(listener.getsockname())
        wait.register(caller, "caller", connecting=True)
        assert wait.ready(1.0) == ["caller"]


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_a_part_of_a_millisecond_is_waited_and_not_polled(
    pairs: list[tuple[socket.socket, socket.socket]],
) -> None:
    made: Wait[str] = new_wait()
    ours, theirs = pairs[0]
    made.register(ours, "a", connecting=False)
    wall_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
    for _ in range(100):
        assert made.ready(0.0008) == []
    wall_ns, cpu_ns = time.perf_counter_ns() - wall_ns, time.thread_time_ns() - cpu_ns
    assert wall_ns >= 80_000_000, "it came back before its time"
    assert cpu_ns < wall_ns / 3, "it polled"
    theirs.send(b"x")
    assert made.ready(0.0008) == ["a"]
    made.close()


@pytest.fixture
def thousand_files() -> Iterator[None]:
    """More open files than select(2) can count; skipped by name where that many are not allowed."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip(f"no more than {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    yield
    for descriptor in held:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
@pytest.mark.usefixtures("thousand_files")
def test_beyond_the_thousandth_descriptor_a_part_of_a_millisecond_is_one_too() -> None:
    made = waits.EpollWait[str]()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert made._epoll.fileno() >= 1024
        assert ours.fileno() >= 1024
        made.register(ours, "a", connecting=False)
        waited_s = []
        for _ in range(200):
            began = time.perf_counter()
            assert made.ready(0.0003) == []
            waited_s.append(time.perf_counter() - began)
        assert min(waited_s) >= 0.0003, "it came back before its time"
        assert min(waited_s) < 0.0009, "none of two hundred ended within the millisecond"
        theirs.send(b"x")
        assert made.ready(0.0003) == ["a"]
        assert made.ready(0.1) == ["a"]
        made.close()


def test_this_system_gets_its_quickest() -> None:
    made: Wait[str] = new_wait()
    assert type(made) is KINDS[-1]
    made.close()
