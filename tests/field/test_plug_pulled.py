"""The README's table of pulled plugs: every row names a test that is there; and the row that no other file shows."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from firmware_bench import GENEROUS_S, Stub, Tcp, build

MODE_WORD, VALVE_POSITION = 8, 5
REMOTE, FAILSAFE = 1, 2
FAILSAFE_VALVE = 100_00
"""Counts of .01 %, the PLC's own failsafe."""


def rows(root: Path) -> list[str]:
    """Last cells of the table under the heading of pulled plugs."""
    text = (root / "README.md").read_text().partition("## When a plug is pulled")[2].partition("\n## ")[0]
    return [
        line.rstrip(" |").rpartition("|")[2].strip() for line in text.splitlines() if line.startswith("| ")
    ][1:]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_of_the_table_has_a_test(root: Path) -> None:
    named = [re.findall(r"\[`?([\w ]+)`?\]\((tests/[\w/]+\.py)\)", cell) for cell in rows(root)]
    assert len(named) >= 15
    for row, links in zip(rows(root), named, strict=True):
        assert links, f"no test in this row: {row}"
        for name, file in links:
            assert name in names_in(root / file), f"{file} has no {name}"


def eventually(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 6 * GENEROUS_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.needs("gcc", "libmodbus")
def test_a_loop_that_is_killed_leaves_the_plc_in_its_own_failsafe(root: Path, tmp_path: Path) -> None:
    with Stub(build("cdu_plc"), "--watchdog-s", "1", "--stroke-s", "2") as plc:
        other = Tcp(plc.port)  # somebody who only looks

        def shown(address: int) -> int:
            return int.from_bytes(other.ask(bytes([4, 0, address, 0, 1]))[2:], "big")

        command = [
            sys.executable, "-m", "hil", "run", root / "configs" / "rigs" / "cdu_plc_io.yaml", "--out", tmp_path,
            "--set", f"devices.plc.port={plc.port}", "--duration", "60", "--json",
        ]  # fmt: skip
        loop = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        eventually("the loop has the PLC", lambda: shown(MODE_WORD) & (REMOTE | FAILSAFE) == REMOTE)
        os.kill(loop.pid, signal.SIGKILL)
        loop.wait()
        eventually("the watchdog has bitten", lambda: bool(shown(MODE_WORD) & FAILSAFE))
        eventually("its failsafe has the valve open", lambda: shown(VALVE_POSITION) == FAILSAFE_VALVE)
        other.close()
