"""Why a command is refused: a counter each, and a word in the acknowledgement."""

from __future__ import annotations

from enum import Enum


class Refusal(Enum):
    """Reasons, as written in the acknowledgement and in the counters."""

    MALFORMED = "malformed"
    """Not the agreed message."""
    RETAINED = "retained"
    """Kept by the broker, so nobody can tell for whom and for how long it was meant."""
    UNSIGNED = "unsigned"
    """Signing is on, and this has no signature."""
    UNKNOWN_KEY = "unknown_key"
    """Signed with a key that is not among ours."""
    WRONG_SIGNATURE = "wrong_signature"
    """Changed on its way, signed with another key, or for another topic."""
    EXPIRED = "expired"
    """Its life is over."""
    LIFE_TOO_LONG = "life_too_long"
    """It would live for longer than this rig allows."""
    FROM_THE_FUTURE = "from_the_future"
    """Issued later than now by more than the tolerance: one of the two clocks is wrong."""
    REPLAYED = "replayed"
    """Seen before and long over, its id given to something else, or from before what is still remembered."""
    OUTDATED = "outdated"
    """A newer command for one of its signals was already taken."""
    UNKNOWN_SIGNAL = "unknown_signal"
    NOT_COMMANDABLE = "not_commandable"
    """A signal of this rig that is not opened to commands."""
    OUT_OF_RANGE = "out_of_range"
    LOOP_NOT_RUNNING = "loop_not_running"
    """There is nobody to act on it."""
