"""How a point is written beyond its value: how often at most, and how it is proven that the device follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from hil.config.nearest import did_you_mean
from hil.config.units import UNITS, same_dimension
from hil.errors import Problem

if TYPE_CHECKING:
    from hil.config.point_types import Point

VERIFICATIONS = ("never", "readback")
REACTIONS = ("report", "rewrite", "bad")
HOLD_COLUMNS = ("min_interval_s", "writes_per_day")
VERIFY_COLUMNS = (
    "verify_point", "verify_tolerance", "verify_delay_s", "verify_every_s", "on_mismatch", "rewrites_per_min",
)  # fmt: skip
RULE_COLUMNS = (*HOLD_COLUMNS, "verify", *VERIFY_COLUMNS)


@dataclass(frozen=True, slots=True)
class WriteRules:
    """What holds for the writes of one point.

    Attributes
    ----------
    min_interval_s : float
        Shortest time from one write to the next, s.
    writes_per_day : int or None
        Most writes in any 24 h; None for no limit.
    verify : str
        ``never`` or ``readback``.
    verify_point : str
        The point that is to follow; empty for the point's own address.
    verify_tolerance : float
        Largest difference that still counts as followed, in counts of the point that is read.
    verify_delay_s : float
        Time the device has to follow, s.
    verify_every_s : float
        How often it is looked again while nothing is written, s.
    on_mismatch : str
        ``report``, ``rewrite``, or ``bad``: the heartbeat is withheld while the device does not follow.
    rewrites_per_min : int
        Most rewrites in any minute.
    """

    min_interval_s: float = 0.0
    writes_per_day: int | None = None
    verify: str = "never"
    verify_point: str = ""
    verify_tolerance: float = 0.0
    verify_delay_s: float = 1.0
    verify_every_s: float = 10.0
    on_mismatch: str = "report"
    rewrites_per_min: int = 2

    @property
    def verifies(self) -> bool:
        """Whether the device is asked what it holds."""
        return self.verify != "never"

    @property
    def plain(self) -> bool:
        """Whether nothing is held and nothing verified."""
        return not (self.min_interval_s or self.writes_per_day is not None or self.verifies)


PLAIN = WriteRules()


class Cells(Protocol):
    """The cells of a row, as :class:`hil.config.point_cells.Row` gives them."""

    def wrong(self, what: str, hint: str = "") -> None:
        """Note a problem."""
        ...

    def text(self, column: str) -> str:
        """Give a cell."""
        ...

    def choice(self, column: str, allowed: Sequence[str], default: str) -> str:
        """Give one of a few words."""
        ...

    def number(self, column: str, default: float) -> float:
        """Give a number."""
        ...

    def integer(self, column: str, low: int, high: int, default: int | None) -> int | None:
        """Give a whole number."""
        ...


def parse_rules(row: Cells, access: str, write: str) -> WriteRules:
    """Make the rules of a row; what is wrong with them is noted there."""
    given = [column for column in RULE_COLUMNS if row.text(column)]
    if not given:
        return PLAIN
    if access and ("w" not in access or write == "never"):
        row.wrong(f"{given[0]} on a point that is not written", f"leave {', '.join(given)} empty")
        return PLAIN
    rules = WriteRules(
        min_interval_s=_not_negative(row, "min_interval_s", 0.0),
        writes_per_day=row.integer("writes_per_day", 1, 10_000_000, None),
        verify=row.choice("verify", VERIFICATIONS, "never"),
        verify_point=row.text("verify_point"),
        verify_tolerance=_not_negative(row, "verify_tolerance", 0.0),
        verify_delay_s=_not_negative(row, "verify_delay_s", PLAIN.verify_delay_s),
        verify_every_s=_not_negative(row, "verify_every_s", PLAIN.verify_every_s),
        on_mismatch=row.choice("on_mismatch", REACTIONS, "report"),
        rewrites_per_min=row.integer("rewrites_per_min", 1, 60, PLAIN.rewrites_per_min) or 1,
    )
    _check_together(row, rules, given, write)
    return rules


def _check_together(row: Cells, rules: WriteRules, given: Sequence[str], write: str) -> None:
    held = [column for column in HOLD_COLUMNS if column in given]
    if held and write == "every_cycle":
        row.wrong(f"{held[0]} on a point that is written every cycle", 'write "on_change"')
    checks = [column for column in VERIFY_COLUMNS if column in given]
    if checks and rules.verify == "never":
        row.wrong(f'{checks[0]} without verify "readback"', f'verify "readback", or no {", ".join(checks)}')
    if rules.verify_every_s < rules.verify_delay_s:
        what = (
            f"verify_every_s {rules.verify_every_s:g} is shorter than verify_delay_s {rules.verify_delay_s:g}"
        )
        row.wrong(what, "a device that may still be on its way would be judged")
    if "rewrites_per_min" in given and rules.on_mismatch != "rewrite":
        row.wrong("rewrites_per_min without rewrites", 'on_mismatch "rewrite"')


def _not_negative(row: Cells, column: str, default: float) -> float:
    value = row.number(column, default)
    if value < 0.0:
        row.wrong(f"{column} {value:g} is negative")
    return value


def with_feedback(points: Sequence[Point]) -> list[Point]:
    """Give the points, each verified one with the point it is verified by."""
    by_name = {point.signal: point for point in points}
    return [
        replace(point, feedback=by_name.get(point.rules.verify_point)) if point.rules.verify_point else point
        for point in points
    ]


def verification_problems(points: Sequence[Point]) -> list[Problem]:
    """Give the problems of points whose writes cannot be verified: nothing to read, or something else."""
    names = [point.signal for point in points]
    return [
        Problem(point.file, point.line, f'"{point.signal}": {what}', hint)
        for point in points
        if point.rules.verifies
        for what, hint in _unverifiable(point, names)
    ]


def _unverifiable(point: Point, names: Sequence[str]) -> list[tuple[str, str]]:
    name, other = point.rules.verify_point, point.feedback
    if not name:
        if point.readable:
            return []
        what = f'verify "readback", but its access is "{point.access}": the device does not give it back'
        return [(what, 'access "rw" if it does, or verify_point with a point that follows it')]
    if other is None:
        return [(f'verify_point "{name}" is not in the list', did_you_mean(name, names))]
    if not other.readable:
        return [(f'verify_point "{name}" (line {other.line}) cannot be read', 'access "r" or "rw" there')]
    units = {point.unit, other.unit}
    if units <= UNITS.keys() and not same_dimension(point.unit, other.unit):
        what = f'verify_point "{name}" is in {other.unit}, the point in {point.unit}'
        return [(what, "they measure different things")]
    return []


def unheeded_problems(written: Sequence[Point], *, has_heartbeat: bool) -> list[Problem]:
    """Give the points whose ``on_mismatch`` ``bad`` could not be shown to the device, which has no heartbeat."""
    return [
        Problem(
            point.file,
            point.line,
            f'"{point.signal}": on_mismatch "bad" withholds the heartbeat, and the device has none',
            'give the device a heartbeat, or on_mismatch "report" or "rewrite"',
        )
        for point in written
        if point.rules.verifies and point.rules.on_mismatch == "bad" and not has_heartbeat
    ]
