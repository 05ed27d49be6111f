"""From the rig's ``drives`` to blocks that turn commands into control words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from hil.config.drives import DriveConfig, MagicWordsConfig
from hil.devices.drives import (
    PROFILES,
    DriveBlock,
    DriveSequence,
    DriveSignals,
    DriveState,
    MagicWords,
    Profile,
)
from hil.devices.drives.sequence import SequenceSettings
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import BAD_AGE_FACTOR, Image
from hil.loop.output import OutputStage
from hil.rig.draft import Draft

_HELD_SHARE = 0.75
"""Share of a drive's own time-out for which a word is held unseen: the rest is for what is on its way by then."""

_NUMBERS = frozenset({"1", "bool"})


def profile_of(config: DriveConfig) -> Profile:
    """Give the words of a drive."""
    if config.profile != "magic_words":
        return PROFILES[config.profile]
    words = config.words or MagicWordsConfig()
    return MagicWords(
        words.start, words.stop, words.reset, words.running_mask, words.fault_mask, words.remote_mask
    )


def note_drives(draft: Draft) -> None:
    """Note what each drive reads and writes, and check that its signals can carry it."""
    for name, config in draft.config.drives.items():
        path, block = ("drives", name), f"drives.{name}"
        for key in ("status_word", "run", "reset", "quick_stop"):
            signal = getattr(config, key)
            if signal is not None:
                draft.reads(signal, (*path, key), block)
                _check_number(draft, name, key, signal)
        for key in ("command_word", "state"):
            signal = getattr(config, key)
            if signal is not None:
                draft.writes(signal, (*path, key), block)
                _check_number(draft, name, key, signal)
        _check_word(draft, name, config)
        _check_hold(draft, name, config)
        if config.state is not None:
            _check_range(draft, name, "state", config.state, max(DriveState))


def _check_number(draft: Draft, name: str, key: str, signal: str) -> None:
    found = draft.config.signals.get(signal)
    if found is not None and found.unit not in _NUMBERS:
        what = f"drive {name}: {key} {signal} is in {found.unit}; a word or a command is a plain number"
        draft.refuse(("drives", name, key), what, 'unit: "1" or bool')


def _check_range(draft: Draft, name: str, key: str, signal: str, most: int) -> None:
    found = draft.config.signals.get(signal)
    if found is None or (found.range[0] <= 0 and found.range[1] >= most):
        return
    what = (
        f"drive {name}: {key} {signal} ranges from {found.range[0]:g} to {found.range[1]:g}, "
        f"its words from 0 to {most}"
    )
    draft.refuse(("drives", name, key), what, f"range: [0, {most}] or wider")


def _check_word(draft: Draft, name: str, config: DriveConfig) -> None:
    """Refuse limits that would change a word, and a failsafe that is none."""
    signal, words = draft.config.signals.get(config.command_word), profile_of(config).words
    if signal is None:
        return
    _check_range(draft, name, "command_word", config.command_word, max(words))
    path = ("signals", config.command_word)
    shown = ", ".join(f"{word} (0x{word:04X})" for word in sorted(words))
    if signal.rate_up_per_s is not None or signal.rate_down_per_s is not None:
        what = (
            f"{config.command_word} is a control word: a rate limit would send words that mean something else"
        )
        draft.refuse(path, what, "take the rate limits out")
    if signal.failsafe is None or signal.failsafe not in words:
        given = "no failsafe" if signal.failsafe is None else f"the failsafe {signal.failsafe:g}"
        what = f"drive {name}: {config.command_word} has {given}, which is no word of {config.profile}"
        draft.refuse(path, what, f"what the drive is to do when this side gives up, one of {shown}")


def _check_hold(draft: Draft, name: str, config: DriveConfig) -> None:
    """Hold the age at which the status is no longer believed against the drive's own time-out."""
    signal = draft.config.signals.get(config.status_word)
    if signal is None or draft.config.clock == "virtual":
        return
    path, age_s, timeout_s = ("drives", name), signal.max_age_s, config.bus_timeout_s
    hint = "bus_timeout_s: <s>, as the drive is set (Altivar TTO, ACS580 58.16, FC 102 8-03)"
    if timeout_s is None:
        if age_s is not None:
            what = (
                f"drive {name}: while {config.status_word} is STALE, for up to {BAD_AGE_FACTOR * age_s:g} s, the last "
                "word is repeated, and would start a drive again that stopped for want of its bus without a fault"
            )
            draft.warn(path, what, hint)
        return
    held_s = _HELD_SHARE * timeout_s
    if age_s is None or age_s >= held_s:
        found = "has no max_age_s" if age_s is None else f"is believed for {age_s:g} s (max_age_s)"
        what = (
            f"drive {name}: {config.status_word} {found}, and the drive may stop by itself after {timeout_s:g} s "
            f"(bus_timeout_s): its stop must be seen before {held_s:g} s"
        )
        draft.refuse(("signals", config.status_word), what, f"max_age_s below {held_s:g}")


def _tell(events: EventLog, name: str, at_ns: int, text: str) -> None:
    events.emit(at_ns / NS_PER_S, "device", name, text)


def hold_ns(config: DriveConfig) -> int | None:
    """Give for how long after its last status a drive's word is held, ns."""
    if config.bus_timeout_s is None:
        return None
    return int(_HELD_SHARE * config.bus_timeout_s * NS_PER_S)


def bind_drives(
    draft: Draft, image: Image, stages: Mapping[str, OutputStage], events: EventLog
) -> list[DriveBlock]:
    """Make the blocks of the rig's drives."""

    def slot(signal: str | None) -> int | None:
        return None if signal is None else image.index[signal]

    blocks = []
    for name, config in draft.config.drives.items():
        settings = SequenceSettings(config.restart, config.reset_s, config.follow_s)
        signals = DriveSignals(
            image.index[config.status_word], image.index[config.run], slot(config.reset), slot(config.quick_stop),
            slot(config.state),
        )  # fmt: skip
        blocks.append(
            DriveBlock(
                name, image, DriveSequence(profile_of(config), settings), signals, stages[config.command_word],
                partial(_tell, events, name), hold_ns(config),
            )
        )  # fmt: skip
    return blocks
