"""MQTT as the loop sees it: devices and telemetry behind their processes, and the proof before the first cycle."""

from __future__ import annotations

import time
from collections.abc import Callable

from hil.devices.bridge import BridgedDevice, BridgeSettings, ServantSpec
from hil.errors import DeviceError, Problem
from hil.loop.image import Image
from hil.loop.machine_time import NS_PER_S
from hil.loop.table import LatestTable

_LOOK_S = 0.02
_LEAST_PROOF_S = 10.0
"""The broker may take its time to answer, and a name to be found, s."""
_SHOW_NS = NS_PER_S // 20


class TelemetryDevice(BridgedDevice):
    """Shows a historian's process the latest values, by a table of its own; nothing comes back.

    ``make_spec`` gives the specification for the path of the table.

    Raises
    ------
    OSError
        There is no memory to be had.
    """

    def __init__(
        self, name: str, make_spec: Callable[[str], ServantSpec], image: Image, now_ns: Callable[[], int],
        settings: BridgeSettings,
    ) -> None:  # fmt: skip
        self.table = LatestTable(image)
        self._show_ns = 0
        self._is_closed = False
        super().__init__(name, make_spec(self.table.path), image, (), (), now_ns, settings)

    def start(self) -> None:
        """Start the historian's process; as :meth:`BridgedDevice.start`, and where it has no way to the table."""
        if not self.table.path:
            raise OSError("this system does not show one process the memory of another")
        super().start()

    def publish(self, now_ns: int, *, last: bool = False) -> None:
        """Show the values of the cycle stamped ``now_ns`` (loop time), no more often than they can be looked at."""
        if now_ns >= self._show_ns or last:
            self._show_ns = now_ns + _SHOW_NS
            self.table.publish(now_ns)
        super().publish(now_ns, last=last)

    def close(self) -> None:
        """End the process and let go of the memory; may be called twice."""
        super().close()
        if not self._is_closed:
            self._is_closed = True
            self.table.close()


class MqttPart:
    """A device or the telemetry of a rig; see ``hil.rig.devices.Bridged``.

    Parameters
    ----------
    device : BridgedDevice
        With a ``StationSpec`` or a ``HistorianSpec``.
    place : (str, int or None)
        File and line in the rig.
    must_connect : bool
        Whether the run needs the broker. Without, only what will not pass by itself forbids it.
    """

    kind = "mqtt"

    def __init__(self, device: BridgedDevice, place: tuple[str, int | None], *, must_connect: bool) -> None:
        self.device = device
        self._place = place
        self._must_connect = must_connect

    def prove(self, timeout_s: float) -> None:
        """Start the process and wait for its connection; ``DeviceError`` says what is wrong, and what to do."""
        try:
            self.device.start()
        except OSError as error:
            what = f"the process of {self.device.name} cannot be started: {error.strerror or error}"
            raise DeviceError(Problem(*self._place, what)) from error
        until_s = time.monotonic() + max(timeout_s, _LEAST_PROOF_S)
        while time.monotonic() < until_s:
            counts = self.device.counters()
            if counts["connections"]:
                return
            if counts["misconfigurations"] or (not self._must_connect and counts["connect_attempts"] > 1):
                break
            time.sleep(_LOOK_S)
        if self._must_connect or self.device.counters()["misconfigurations"]:
            told = [text for _, text in self.device.memory.texts.drain()]
            raise DeviceError(
                self._problem(told[-1] if told else "the broker does not answer; check host and port")
            )

    def _problem(self, told: str) -> Problem:
        what, _, hint = told.partition("; ")
        return Problem(*self._place, f"{self.device.name}: {what}", hint)
