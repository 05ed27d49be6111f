"""Starts a CDU PLC as a process of its own: the C stub where it can be built, else the Python stand-in."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, TypedDict, Unpack

from hil.devices.stand_in.settings import CduPlcSettings
from hil.errors import DeviceError, Problem

_ROOT = Path(__file__).resolve().parents[3]
STUB_FOLDER = _ROOT / "firmware_stubs" / "cdu_plc"
POINTS_FILE = _ROOT / "configs" / "points" / "cdu_plc.csv"

_BUILD_S, _START_S, _STOP_S = 120.0, 20.0, 5.0
_READY = "listening on "


class CduPlcOptions(TypedDict, total=False):
    """Options of :class:`CduPlcSettings`, by its names and units."""

    watchdog_s: float
    failsafe_valve: float
    failsafe_pump: float
    stroke_s: float
    ramp_s: float
    valve_min: float
    valve_max: float
    pump_min: float
    pump_max: float
    start_mode: Literal["remote-allowed", "local"]


@dataclass(frozen=True, slots=True)
class StubBuild:
    """Whether the C stub is there.

    Attributes
    ----------
    executable : Path or None
        The built stub; None where it cannot be built.
    why : str
        What was built, or what is missing and how to install it.
    """

    executable: Path | None
    why: str


def build_c_stub(folder: Path = STUB_FOLDER) -> StubBuild:
    """Build the C stub where compiler, make and libmodbus are there; up to date, it costs a few ms."""
    install = "apt-get install gcc make libmodbus-dev"
    if not (folder / "Makefile").is_file():
        return StubBuild(None, f"its source is not in {folder}")
    for tool in ("make", "cc"):
        if shutil.which(tool) is None:
            return StubBuild(None, f"{tool} is not installed ({install})")
    try:
        done = subprocess.run(
            ["make", "-s", "-C", str(folder)], capture_output=True, text=True, timeout=_BUILD_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return StubBuild(None, f"make failed: {error}")
    if done.returncode:
        return StubBuild(None, _why_not(done.stderr, install))
    return StubBuild(folder / "build" / "cdu_plc", "built with cc and libmodbus")


def _why_not(told: str, install: str) -> str:
    """Say in one line what make has told on stderr."""
    if "modbus.h" in told or "-lmodbus" in told:
        return f"libmodbus is not installed ({install})"
    lines = told.splitlines() or ["make says nothing"]
    return f"it does not compile: {next((line for line in lines if 'error:' in line), lines[0])}"


class RunningPlc:
    """A CDU PLC that runs as a process of its own; a context manager that stops it.

    Attributes
    ----------
    kind : str
        ``c`` or ``python``.
    why : str
        Why this kind.
    host, port : str, int
        Where it listens.
    process : subprocess.Popen
        Its process.
    """

    def __init__(self, kind: str, why: str, command: list[str]) -> None:
        self.kind = kind
        self.why = why
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # A launcher that ends without stop() must not leave a PLC behind.
        atexit.register(self.stop)
        self.host, self.port = self._wait_ready()

    def _wait_ready(self) -> tuple[str, int]:
        late = threading.Timer(_START_S, self.process.kill)
        late.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        late.cancel()
        late.join()
        if not line.startswith(_READY):
            errors = self.stop()
            raise DeviceError(Problem("", None, f"the CDU PLC ({self.kind}) did not start: {errors.strip()}"))
        host, _, port = line.removeprefix(_READY).strip().rpartition(":")
        return host, int(port)

    def stop(self) -> str:
        """End it and wait for that; gives what it said on stderr. May be called twice."""
        atexit.unregister(self.stop)
        self.process.terminate()
        return self._reap()

    def kill(self) -> str:
        """End it without warning, as a power failure does; otherwise as :meth:`stop`."""
        atexit.unregister(self.stop)
        self.process.kill()
        return self._reap()

    def _reap(self) -> str:
        if self.process.stderr is None or self.process.stderr.closed:
            return ""
        try:
            return self.process.communicate(timeout=_STOP_S)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[1]

    def __enter__(self) -> RunningPlc:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def launch_cdu_plc(
    prefer: Literal["c", "python"] = "c",
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    points: Path = POINTS_FILE,
    **options: Unpack[CduPlcOptions],
) -> RunningPlc:
    """Start a CDU PLC and wait until it listens.

    Parameters
    ----------
    prefer : {"c", "python"}
        "c" falls back to the Python stand-in where the C stub cannot be built; ``why`` tells.
    port : int
        0 picks a free one.
    host : str
        IPv4 address to listen on.
    points : Path
        Point list of the Python stand-in.
    **options : CduPlcOptions
        Settings of the PLC.

    Raises
    ------
    ConfigError
        An option outside its limits.
    DeviceError
        It did not start, for example on a port in use.
    """
    arguments = ["--address", host, "--port", str(port), *CduPlcSettings(**options).arguments()]
    why = "asked for"
    if prefer == "c":
        build = build_c_stub()
        if build.executable is not None:
            return RunningPlc("c", build.why, [str(build.executable), *arguments])
        why = f"the C stub cannot be built: {build.why}"
    return RunningPlc(
        "python", why, [sys.executable, "-m", "hil.devices.stand_in", "--points", str(points), *arguments]
    )
