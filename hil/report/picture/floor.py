"""The floor that a picture is laid out on: its measures, places and zones.

Lengths are in the units of the view box, about a pixel each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MARGIN, GUTTER, SIDE_WIDTH = 12.0, 132.0, 232.0
NARROW, WIDE, WIDER = 820.0, 980.0, 1180.0
SKY, HEADER, PANEL = 62.0, 106.0, 96.0
RISER = 66.0
"""From the edge of the main part to the middle of a riser."""
STRIP_INSET, STRIP_GAP = 196.0, 96.0
LANE, RISER_GAP, RISER_NODE = 26.0, 62.0, 120.0
MOST_IN_ROW = 12
BRANCH, UNIT, LINK, RACK = 50.0, 54.0, 38.0, 34.0
SUPPLY_AT, RETURN_AT = 0.2, 0.8
"""Of a consumer's connections, as shares of its width."""
ROW = BRANCH + UNIT + LINK + RACK
"""Height of one consumer with its racks, from the manifold down."""
OTHER_SIZE, OTHER_PITCH = (168.0, 74.0), 182.0


@dataclass(frozen=True, slots=True)
class Box:
    """A place: left upper corner and size."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.h

    @property
    def cx(self) -> float:
        """Middle, across."""
        return self.x + 0.5 * self.w

    @property
    def cy(self) -> float:
        """Middle, down."""
        return self.y + 0.5 * self.h


@dataclass(slots=True)
class Floor:
    """A picture's geometry while it is laid out.

    Attributes
    ----------
    main : Box
        All but the column at the side; its height is that of the picture.
    boxes : dict of str to Box
        By instance.
    zone : dict of str to str
        left, strip, right, header, tile, side or other, by instance.
    column : dict of str to int
        Of those in the strip.
    rows : list of float
        Manifold of each row of consumers: its upper edge.
    panel : Box or None
        Room for key figures.
    shared_y : tuple of float or None
        Where consumers without a header are fed from above: supply and return lane.
    """

    main: Box
    has_sky: bool
    boxes: dict[str, Box] = field(default_factory=dict)
    zone: dict[str, str] = field(default_factory=dict)
    column: dict[str, int] = field(default_factory=dict)
    header: str | None = None
    rows: list[float] = field(default_factory=list)
    panel: Box | None = None
    shared_y: tuple[float, float] | None = None
    lanes_y: float = 0.0
    strip_y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    @property
    def left_x(self) -> float:
        """Riser of the return."""
        return self.main.x + RISER

    @property
    def right_x(self) -> float:
        """Riser of the supply."""
        return self.main.right - RISER

    def put(self, name: str, box: Box, zone: str) -> None:
        """Give a component its place."""
        self.boxes[name] = box
        self.zone[name] = zone

    @property
    def tops(self) -> dict[int, str]:
        """Uppermost component of each column of the strip."""
        return {column: name for name, column in reversed(self.column.items())}

    def lowest(self, name: str) -> bool:
        """Whether nothing of the same column stands below."""
        return name == [each for each, column in self.column.items() if column == self.column[name]][-1]

    def tiles(self) -> list[str]:
        """Consumers, in their order."""
        return [name for name, zone in self.zone.items() if zone == "tile"]
