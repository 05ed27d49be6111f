"""The line between requests: when it may be used, and emptying it after something went wrong."""

from __future__ import annotations

from hil.devices.rtu.settings import BusSettings
from hil.devices.wire.rtu_frames import ReplyCutter, ReplyFrame

_LONGEST_DRAIN_TIMEOUTS = 10


class Line:
    """What was heard, and since when it has been silent. Pure: time is an argument, in ns.

    Attributes
    ----------
    free_ns : int
        Earliest time of the next request for other reasons than silence: the turnaround behind a broadcast.
    """

    __slots__ = (
        "_bad_seen",
        "_cutter",
        "_drain_from_ns",
        "_drain_until_ns",
        "_settings",
        "_timeout_ns",
        "free_ns",
    )

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._cutter = ReplyCutter(settings.patience_ns)
        self._bad_seen = 0
        self._drain_from_ns = self._drain_until_ns = -1
        self._timeout_ns = round(settings.reply_timeout_s * 1e9)
        self.free_ns = 0

    def opened(self, now_ns: int) -> None:
        """Note that the port was opened anew: nothing is known of what is under way."""
        self._cutter.reset()
        self.drain(now_ns)

    def asked(self, request: bytes) -> None:
        """Note what is sent: an adapter may hear it."""
        if self._settings.local_echo:
            self._cutter.expect_echo(request)

    def feed(self, data: bytes, now_ns: int) -> list[ReplyFrame]:
        """Give the replies completed by ``data``."""
        return self._cutter.feed(data, now_ns)

    def new_bad_frames(self, now_ns: int) -> int:
        """Give how many bad frames there were since the last call; one may have ended by silence."""
        self._cutter.silence(now_ns)
        new = self._cutter.bad_frames - self._bad_seen
        self._bad_seen += new
        return new

    @property
    def is_draining(self) -> bool:
        """Whether what comes answers nothing."""
        return self._drain_until_ns >= 0

    def drain(self, now_ns: int, *, patient: bool = True) -> None:
        """Listen until the line is silent; ``patient``, for a reply time-out as well: what is late may come in it."""
        if not self.is_draining:
            self._drain_from_ns = now_ns
        self._drain_until_ns = max(self._drain_until_ns, now_ns + (self._timeout_ns if patient else 0))

    def drain_no_longer(self, now_ns: int) -> None:
        """Note that what was waited for has come: silence is enough."""
        if self.is_draining:
            self._drain_until_ns = now_ns

    def wake_ns(self, now_ns: int) -> int:
        """When the line may be used; at ``now_ns`` or before where it may be now."""
        settings, last_ns = self._settings, self._cutter.last_byte_ns
        free_ns = max(self.free_ns, last_ns + settings.silence_ns)
        if not self.is_draining:
            return free_ns
        quiet_ns = max(self._drain_until_ns, last_ns + settings.patience_ns, self.free_ns)
        # A line that is never silent is not waited for without end: the canary will tell.
        bound_ns = max(self._drain_from_ns + _LONGEST_DRAIN_TIMEOUTS * self._timeout_ns, free_ns)
        until_ns = min(quiet_ns, bound_ns)
        if until_ns <= now_ns:
            self._drain_until_ns = -1
            self._cutter.reset()
        return until_ns
