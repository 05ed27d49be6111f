"""What all tests share: tools that may be missing, and where the checkout is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
TRACE = ROOT.parent / "shared" / "data" / "frontier_cdu_heat_2024-04-07.csv.gz"

# No deadline: the first example of a kernel compiles it. In CI the examples are the same each time.
settings.register_profile("home", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
# What differs between Pythons shows in few examples: see .ci/pythons.
settings.register_profile("ports", deadline=None, derandomize=True, max_examples=15)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "home")

_PACKAGES = {
    "gcc": "gcc libc6-dev make",
    "libmodbus": "libmodbus-dev pkg-config",
    "mbpoll": "mbpoll",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "openssl": "openssl",
    "socat": "socat",
    "chromium": "chromium",
    "cyclictest": "rt-tests",
}


def _has_libmodbus() -> bool:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return False
    program = b"#include <modbus/modbus.h>\nint main(void) { return modbus_new_tcp(0, 0) == 0; }\n"
    command = [compiler, "-xc", "-", "-lmodbus", "-o", os.devnull]
    return subprocess.run(command, input=program, capture_output=True, check=False).returncode == 0


def _has(tool: str) -> bool:
    if tool == "libmodbus":
        return _has_libmodbus()
    # Debian puts the broker where only root looks.
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name what misses a tool, with the line that installs it; under CI=true such a test fails instead."""
    found: dict[str, bool] = {}
    for item in items:
        for marker in item.iter_markers("needs"):
            for tool in marker.args:
                if tool not in _PACKAGES:
                    raise pytest.UsageError(
                        f"{item.nodeid}: needs({tool!r}) is not one of {sorted(_PACKAGES)}"
                    )
                if tool not in found:
                    found[tool] = _has(tool)
                if not found[tool]:
                    item.user_properties.append(("missing", tool))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Act on what collection found missing."""
    for name, tool in item.user_properties:
        if name == "missing":
            line = f"needs {tool}: sudo apt-get install {_PACKAGES[str(tool)]}"
            if os.environ.get("CI") == "true":
                pytest.fail(line, pytrace=False)
            pytest.skip(line)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def real_day() -> Path:
    """The real load trace; absent on a user's clone, where the test is skipped and named."""
    if not TRACE.exists():
        pytest.skip(
            f"{TRACE} is not here: the real day comes with the developers' shared folder, not with the project"
        )
    return TRACE
