"""The floor as far as the system allows it, with a cyclictest that refuses what a system may refuse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil.loop.cyclictest import floor_as_granted

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a stand-in for cyclictest is a shell script")

STAND_IN = """#!/bin/sh
refuse() {{ echo "$1" >&2; exit 1; }}
for refused in {refused}; do
    case "$refused $* " in
        "memory "*" -m "*) refuse "mlockall: Cannot allocate memory";;
        "class "*" -p80 "*) refuse "Unable to change scheduling policy!";;
        "all "*) refuse "Unable to change scheduling policy!";;
    esac
done
echo "000004 000007"
"""


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "cyclictest"


@pytest.mark.parametrize(
    ("refused", "told", "not_told"),
    [
        ("", ["at priority 80"], ["memlock", "rtprio"]),
        ("memory", ["at priority 80", "page fault", "memlock unlimited"], ["rtprio"]),
        ("class", ["in the ordinary class", "rtprio 80"], ["memlock"]),
        ("memory class", ["in the ordinary class", "rtprio 80", "page fault", "memlock unlimited"], []),
    ],
)
def test_what_is_refused_is_left_out_and_told(
    refusing: Path, refused: str, told: list[str], not_told: list[str]
) -> None:
    refusing.write_text(STAND_IN.format(refused=refused))
    refusing.chmod(0o755)
    floor = floor_as_granted(0.1, 0.001, 80)
    assert floor.late is not None
    assert (floor.late.count, round(floor.late.percentile(0.5) / 1000, 1)) == (7, 4.5)
    assert all(text in floor.line for text in told)
    assert not any(text in floor.line for text in not_told)


def test_one_that_may_not_run_at_all_says_so_in_its_own_words_and_how_to_grant_it(refusing: Path) -> None:
    refusing.write_text(STAND_IN.format(refused="all"))
    refusing.chmod(0o755)
    floor = floor_as_granted(0.1, 0.001, 80)
    assert floor.late is None
    assert floor.line.startswith("refused (Unable to change scheduling policy!): no floor")
    assert "rtprio 80" in floor.line
    assert "Command" not in floor.line
