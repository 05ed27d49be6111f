import subprocess
import sys
from pathlib import Path

import numpy as np
from numba import njit

from plant_models import _jit
from plant_models.valve import opening


def test_a_building_block_keeps_its_plain_function():
    assert _jit.plain(opening) is not opening
    assert _jit.plain(opening)(0.5, 50.0) == opening(0.5, 50.0)


def test_the_stamp_changes_with_the_code_of_any_building_block(monkeypatch):
    def stamp_of(function) -> int:
        monkeypatch.setattr(_jit, "_codes", [])
        _jit.inner(function)
        return _jit.physics_stamp()

    assert stamp_of(lambda x: 2.0 * x) == stamp_of(lambda x: 2.0 * x)
    assert stamp_of(lambda x: 2.0 * x) != stamp_of(lambda x: 3.0 * x)
    assert stamp_of(lambda x: 2.0 * x) != stamp_of(lambda x: 2.0 + x)


BLOCK = """
from plant_models._jit import inner

@inner
def factor(x):
    return {factor} * x
"""
ENTRY = """
from block import factor
from plant_models._jit import entry, physics_stamp

_STAMP = physics_stamp()

@entry
def scaled(x, _stamp=_STAMP):
    return factor(x)

print(scaled(10.0), sum(scaled.stats.cache_hits.values()))
"""


def test_an_edited_building_block_is_never_taken_from_the_cache(tmp_path: Path):
    """numba by itself would: it looks at the file of the entry alone."""
    (tmp_path / "main.py").write_text(ENTRY)

    def run(factor: float) -> str:
        (tmp_path / "block.py").write_text(BLOCK.format(factor=factor))
        root = Path(_jit.__file__).parents[1]
        code = f"import sys; sys.path[:0] = [{str(root)!r}, {str(tmp_path)!r}]; import main"
        done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert run(2.0) == "20.0 0"
    assert run(2.0) == "20.0 1"
    assert run(3.0) == "30.0 0"


def test_the_stamp_of_a_module_is_the_same_whatever_else_is_loaded():
    """Otherwise a process that loads more, or in another order, would compile everything again."""

    def stamps(first: str) -> str:
        code = (
            f"{first}\nfrom plant_models import cdu_entries\nfrom plant_models.system import executor\n"
            "from plant_models._jit import physics_stamp as stamp\n"
            "print(stamp(cdu_entries.__name__), stamp(executor.__name__))"
        )
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    one = stamps("")
    assert one == stamps("import plant_models.components.tank, plant_models.linear, plant_models.cold_plate")
    assert len(set(one.split())) == 2


@njit
def _shifted(array, by):  # a slice of the array, written to
    part = _jit.unowned(array)[1:]
    for i in range(part.size):
        part[i] += by


def test_an_unowned_array_is_the_same_memory_and_keeps_no_count():
    array = np.arange(4.0)
    before = sys.getrefcount(array)
    for _ in range(3):
        _shifted(array, 10.0)
    assert array.tolist() == [0.0, 31.0, 32.0, 33.0]
    assert sys.getrefcount(array) == before
