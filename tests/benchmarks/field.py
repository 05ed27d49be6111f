"""The field scan against C, in one command: a whole cycle over Modbus TCP, and 100 devices at 10 Hz.

``python tests/benchmarks/field.py`` builds the C programs of ``field_c`` (libmodbus) and prints, as medians of
interleaved rounds, what a cycle of ours costs in times of C's: 32 registers read, two PID, limits, 8 registers and a
heartbeat written, blocking on both sides, the same server. ``--devices 100 --seconds 60`` runs many devices instead, in
turn with ten. Client and server have a processor each (``--shared``: wherever the system puts them) and SCHED_FIFO 50
(``--ordinary``: the ordinary class).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PRIORITY = 50
CYCLES = 600
SIDES = ("C", "plain", "rehearsed")
SHARES = ("p50", "p99")


def built(folder: Path) -> Path:
    """Build the C programs into a folder, and give it."""
    subprocess.run(["make", "-s", "-C", str(HERE / "field_c"), f"BUILD={folder}"], check=True)
    return folder


def prefix(*, real_time: bool, processor: int | None = None) -> list[str]:
    """What gives a command a processor of its own and comes before the machine's other work; nothing where refused."""
    words: list[str] = []
    if processor is not None and (os.cpu_count() or 1) > 1 and shutil.which("taskset"):
        words += ["taskset", "-c", str(processor)]
    if real_time and shutil.which("chrt"):
        asked = ["chrt", "-f", str(PRIORITY)]
        if not subprocess.run([*asked, "true"], capture_output=True, check=False).returncode:
            words += asked
    return words


@contextmanager
def serving(programs: Path, ports: int, before: Sequence[str]) -> Iterator[list[str]]:
    """While inside, as many devices as ``ports`` answer, each at its own."""
    command = [*before, str(programs / "server"), str(ports)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().split()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def said(before: Sequence[str], *command: str | Path) -> dict[str, Any]:
    """Run a program that prints one line of JSON."""
    words = [*before, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def one_cycle(
    side: str,
    programs: Path,
    before: Sequence[str],
    rate_hz: float,
    cycles: int,
    heartbeat: str,
    ports: Sequence[str],
) -> dict[str, Any]:
    """Run one side: C's, or ours plain or rehearsed."""
    if side == "C":
        return said(before, programs / "cycle", ports[0], str(rate_hz), str(cycles), heartbeat)
    ours = (sys.executable, HERE / "field_cycle.py")
    return said(before, *ours, str(rate_hz), str(cycles), heartbeat, side, *ports)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def against_c(programs: Path, asked: argparse.Namespace, server: list[str], client: list[str]) -> None:
    say(
        f"{asked.rate:g} Hz, {CYCLES} cycles a round; server: {' '.join(server)}; clients: {' '.join(client)}"
    )
    say("cycle, us                        p50        p99   of C:  p50   p99")
    with serving(programs, 1, server) as ports:
        for heartbeat in ("apart", "joined"):
            found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
            for _ in range(asked.rounds):
                for side in SIDES:
                    found[side].append(
                        one_cycle(side, programs, client, asked.rate, CYCLES, heartbeat, ports)
                    )
            for side in SIDES:
                times = [statistics.median(one[f"cycle_{q}_us"] for one in found[side]) for q in SHARES]
                ratios = [
                    statistics.median(
                        ours[f"cycle_{q}_us"] / c[f"cycle_{q}_us"]
                        for ours, c in zip(found[side], found["C"], strict=True)
                    )
                    for q in SHARES
                ]  # fmt: skip
                line = f"{side}, heartbeat {heartbeat}"
                say(f"{line:26}  {times[0]:9.1f}  {times[1]:9.1f}       {ratios[0]:5.2f} {ratios[1]:5.2f}")


def many(programs: Path, asked: argparse.Namespace, server: list[str], client: list[str]) -> None:
    say("devices at 10 Hz   overruns   CPU, share of a core   us a device   requests   replies")
    costs = {}
    with serving(programs, asked.devices, server) as ports:
        for count, seconds in ((10, 10.0), (asked.devices, asked.seconds)):
            run = one_cycle("plain", programs, client, 10, round(10 * seconds), "apart", ports[:count])
            costs[count] = run["cpu_per_device_us"]
            counters = run["counters"]
            say(
                f"{count:16}   {run['overruns']:8}   {run['cpu_share']:20.3f}   {costs[count]:11.1f}   "
                f"{counters['requests']:8}   {counters['replies']:7}"
            )
    say(
        f"a device at {asked.devices} costs {costs[asked.devices] / costs[10]:.2f} times one at 10 (target at most 1)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=500.0, help="cycles a second")
    parser.add_argument("--devices", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--ordinary", action="store_true")
    asked = parser.parse_args()
    server = prefix(real_time=not asked.ordinary, processor=None if asked.shared else 0)
    client = prefix(real_time=not asked.ordinary, processor=None if asked.shared else 1)
    with tempfile.TemporaryDirectory() as folder:
        programs = built(Path(folder))
        (many if asked.devices else against_c)(programs, asked, server, client)


if __name__ == "__main__":
    main()
