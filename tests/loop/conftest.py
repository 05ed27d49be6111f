"""Makes the small rig importable under pytest's importlib mode, and checks that no test leaves anything running."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import small_rig

_SHARED = Path("/dev/shm")


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """End what a failed test has left behind."""
    yield
    small_rig.end_all()


@pytest.fixture
def no_rings_left() -> Iterator[None]:
    """Fail where a ring file appears and stays."""

    def rings() -> set[str]:
        return {entry.name for entry in _SHARED.glob("coldloop-*")} if _SHARED.is_dir() else set()

    before = rings()
    yield
    # Another run on this machine has the name of its ring for as long as it takes to make room for it.
    small_rig.wait_for(lambda: rings() <= before, "the end of what was there under a name", timeout_s=30)
