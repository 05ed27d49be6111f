"""Drives by typed commands: the section ``drives`` of a rig."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.strict import Strict, WrongKeyError

Word = Annotated[int, Field(ge=0, le=0xFFFF)]


class MagicWordsConfig(Strict):
    """Command words of a device that has one for each command, and the bits of its status word."""

    start: Word = 2321
    stop: Word = 2322
    reset: Word = 2323
    running_mask: Word = 0x0001
    fault_mask: Word = 0
    """0: the device tells no fault."""
    remote_mask: Word = 0
    """0: the device is always in remote."""


class DriveConfig(Strict):
    """Start, stop, quick stop and fault reset of one drive, in the words of its maker's profile.

    ``run``, ``reset`` and ``quick_stop`` are signals of which above 0.5 is yes; the speed is a point of its own.
    """

    profile: Literal["cia402", "abb_drives", "danfoss_fc", "magic_words"]
    status_word: str
    """Signal that a device reads from the drive's status word."""
    command_word: str
    """Signal that a device writes to the drive's control word; nothing else may write it."""
    run: str
    reset: str | None = None
    quick_stop: str | None = None
    state: str | None = None
    """Signal that gets the drive's state: 0 unknown, 1 not ready, 2 disabled, 3 ready, 4 switched on, 5 running,
    6 quick stop, 7 fault, 8 local."""
    restart: bool = False
    """Start again by itself after a fault, local or a lost status; else run must go away and come back."""
    reset_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    follow_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Time in which the drive must follow a command, before that is told."""
    bus_timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """The drive's own time-out for its bus (Altivar TTO, ACS580 58.16, FC 102 8-03). A drive that may have stopped by
    it is not told to run before its status has been seen: the failsafe word is sent from 3/4 of it on."""
    words: MagicWordsConfig | None = None

    @model_validator(mode="after")
    def _words_are_magic(self) -> DriveConfig:
        if self.words is not None and self.profile != "magic_words":
            what = f"profile {self.profile} has words of its own"
            raise WrongKeyError("words", what, "leave it out, or profile: magic_words")
        return self
