"""An actuator between command and plant: stroke time, backlash and stiction.

Its drive goes to the command at no more than the span over the stroke time. The stem (or damper, or impeller) hangs on
the drive by a gear with play and a packing that sticks, after the two-parameter model of Choudhury, Thornhill and Shah
("Modelling valve stiction", Control Engineering Practice 13, 2005, 641–658), written with the static and the kinetic
band of He, Wang, Pottmann and Qin ("A curve fitting method for detecting valve stiction in oscillating control loops",
Ind. Eng. Chem. Res. 46, 2007, 4549–4560): with e = drive - stem, ``f_d = backlash / 2`` and ``f_s = f_d + stiction``,

- at rest the stem stays until ``|e| > f_s``; then it slips to ``drive - f_d sign(e)``, a jump of the stiction;
- moving it follows at ``drive - f_d sign(e)``, and is at rest again when the drive stops or turns back.

In Choudhury's terms the slip jump is J = ``stiction`` and dead band plus stick band S = ``backlash + stiction``: that
much of the command is lost at each reversal. Without stiction it is the play operator: backlash alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from plant_models.instruments.checks import check_below_span, check_not_negative, check_span


@dataclass(frozen=True, slots=True)
class ActuatorSettings:
    """Figures of an actuator; those in "unit" are in that of its signal.

    Attributes
    ----------
    stiction : float
        By how much it jumps when it breaks loose, unit.
    backlash : float
        Play of its gear, from one flank to the other, unit.
    stroke_time_s : float
        Time for the whole span, s; 0 for no limit.
    """

    stiction: float = 0.0
    backlash: float = 0.0
    stroke_time_s: float = 0.0

    def check(self, low: float, high: float) -> None:
        """Raise ``PlantSettingError`` where the figures do not fit the span ``low`` to ``high``."""
        check_span(low, high)
        check_not_negative("stroke_time_s", self.stroke_time_s, "s")
        for name in ("stiction", "backlash"):
            check_not_negative(name, getattr(self, name), "in the signal's unit")
        check_below_span("stiction + backlash", self.stiction + self.backlash, low, high)


class Actuator:
    """What an actuator makes of its command, step by step.

    Parameters
    ----------
    settings : ActuatorSettings
        Its figures.
    low, high : float
        Its span, unit of the signal.
    initial : float, optional
        Where drive and stem stand before the first step; where it is not given, at the first command.

    Attributes
    ----------
    position : float
        Of the stem, unit.
    limited : int
        Steps in which the stroke time held the drive back.
    clamped : int
        Steps whose command was outside the span.
    rejected : int
        Steps whose command or time was not finite, or the time negative; nothing moved.

    Raises
    ------
    PlantSettingError
        A figure that is negative, not finite or as large as the span.
    """

    __slots__ = (
        "_drive", "_fresh", "_high", "_kinetic", "_low", "_moving", "_rate_per_s", "_static", "clamped", "limited",
        "position", "rejected",
    )  # fmt: skip

    def __init__(
        self, settings: ActuatorSettings, low: float, high: float, initial: float | None = None
    ) -> None:
        settings.check(low, high)
        self._low, self._high = low, high
        self._kinetic = 0.5 * settings.backlash
        self._static = self._kinetic + settings.stiction
        stroke_s = settings.stroke_time_s
        self._rate_per_s = (high - low) / stroke_s if stroke_s > 0.0 else math.inf
        self._fresh = initial is None
        self._drive = self.position = low if initial is None else min(max(initial, low), high)
        self._moving = 0.0
        self.limited = self.clamped = self.rejected = 0

    def step(self, command: float, dt_s: float) -> float:
        """Give the position ``dt_s`` (s) after the last step, the command held in between."""
        # Only finite numbers less themselves are 0.
        if command - command != 0.0 or dt_s - dt_s != 0.0 or dt_s < 0.0:
            self.rejected += 1
            return self.position
        if not self._low <= command <= self._high:
            command = self._low if command < self._low else self._high
            self.clamped += 1
        if self._fresh:
            self._fresh = False
            self._drive = self.position = command
            return command
        return self._follow(self._driven(command, dt_s))

    def _driven(self, command: float, dt_s: float) -> float:
        """How far the drive goes, signed."""
        way = command - self._drive
        if self._rate_per_s == math.inf:
            self._drive = command
            return way
        most = self._rate_per_s * dt_s
        if -most <= way <= most:
            self._drive = command
            return way
        self.limited += 1
        way = most if way > 0.0 else -most
        self._drive += way
        return way

    def _follow(self, way: float) -> float:
        """Let the stem follow a drive that has just gone ``way``."""
        if way == 0.0 or way * self._moving < 0.0:
            self._moving = 0.0
        gap = self._drive - self.position
        side = 1.0 if gap > 0.0 else -1.0
        if abs(gap) > self._static or (self._moving == side and abs(gap) > self._kinetic):
            self.position = self._drive - side * self._kinetic
            self._moving = side if way * side > 0.0 else 0.0
        return self.position

    def snapshot(self) -> tuple[float | bool | int, ...]:
        """Everything that later positions depend on, and the counters."""
        own = (self._fresh, self._drive, self.position, self._moving)
        return (*own, self.limited, self.clamped, self.rejected)

    def restore(self, snapshot: tuple[float | bool | int, ...]) -> None:
        """Go back to a snapshot, to the bit."""
        fresh, self._drive, self.position, self._moving, limited, clamped, rejected = snapshot
        self._fresh = bool(fresh)
        self.limited, self.clamped, self.rejected = int(limited), int(clamped), int(rejected)
