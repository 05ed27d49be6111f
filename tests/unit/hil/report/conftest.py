"""The maker of run folders, and one solved case, for the tests of the report."""

import sys
from pathlib import Path

import pytest

# Test files are imported by path alone, so a module that they share must be put on the path.
sys.path.insert(0, str(Path(__file__).parent))

import run_folders


@pytest.fixture(scope="session")
def case():
    return run_folders.Case()


@pytest.fixture(scope="session")
def fine(case):
    """The case solved every 0.1 s."""
    return run_folders.solve(case)


@pytest.fixture
def whole_run(case, fine):
    """A run at 1 s that came to its end."""
    return run_folders.whole(case, run_folders.sampled(fine, 1.0), 1.0)
