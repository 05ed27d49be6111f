"""What the tests of ``hil`` share: runs of a few cycles, hundreds of them, in one process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from hil.loop import cycle


@pytest.fixture(scope="module", autouse=True)
def no_collection_before_each_run() -> Iterator[None]:
    """A run begins with a collection, which in a process full of tests takes longer than its forty scripted cycles.

    It is still switched off and on again around each run, and whole in the tests of ``hil run`` as a process.
    """
    quick = SimpleNamespace(
        collect=lambda: 0, freeze=gc.freeze, unfreeze=gc.unfreeze, isenabled=gc.isenabled, enable=gc.enable,
        disable=gc.disable,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycle, "gc", quick)
        yield
