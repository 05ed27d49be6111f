"""SunSpec models as flat tables of points, from the alliance's own definitions (shipped with pysunspec2 as JSON).

A model is a run of registers that begins with its ID and its length L (which does not count those two). Offsets here
count from the ID register. A point of a repeating group is named with its number from 1: ``module[2].DCW``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sunspec2.device import get_model_def
from sunspec2.mdef import ModelDefinitionError

HEAD_REGISTERS = 2
"""ID and L."""
NO_VALUE = {
    "int16": 0x8000, "uint16": 0xFFFF, "acc16": None, "enum16": 0xFFFF, "bitfield16": 0xFFFF, "count": None,
    "int32": 0x80000000, "uint32": 0xFFFFFFFF, "acc32": None, "enum32": 0xFFFFFFFF, "bitfield32": 0xFFFFFFFF,
    "int64": 0x8000000000000000, "uint64": 0xFFFFFFFFFFFFFFFF, "acc64": None, "float32": None, "float64": None,
}  # fmt: skip
"""The pattern by which a device says that it has no such value (SunSpec Device Information Model Specification);
a float is then NaN. An accumulator's 0 may also be a beginning, and is taken for a value here."""
CODING = {
    "int16": "int16", "uint16": "uint16", "acc16": "uint16", "enum16": "uint16", "bitfield16": "uint16",
    "count": "uint16",
    "sunssf": "int16", "int32": "int32", "uint32": "uint32", "acc32": "uint32", "enum32": "uint32",
    "bitfield32": "uint32", "int64": "int64", "uint64": "uint64", "acc64": "uint64", "float32": "float32",
    "float64": "float64",
}  # fmt: skip
"""A point list's type for each SunSpec type that is a number."""


class UnknownModelError(LookupError):
    """No definition of this model is at hand."""


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """One point of a model.

    Attributes
    ----------
    name : str
        As in the definition, groups before it: ``W``, ``PFWInj.PF``, ``module[1].DCW``.
    type : str
        SunSpec's: ``int16``, ``sunssf``, ``string`` …
    offset, registers : int
        From the ID register, and how many.
    scale : str or int or None
        Name of the point with the power of ten, or the power itself.
    unit : str
        As in the definition; empty for none.
    writable : bool
        Whether the definition lets it be written.
    symbols : mapping of int to str
        Names of an enumeration's numbers, or of a bit field's bits.
    label : str
        For a person.
    """

    name: str
    type: str
    offset: int
    registers: int
    scale: str | int | None
    unit: str
    writable: bool
    symbols: Mapping[int, str]
    label: str

    @property
    def is_number(self) -> bool:
        """Whether a signal can carry it."""
        return self.type in CODING


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a certain length in a device.

    Attributes
    ----------
    id, registers : int
        Its number; its registers with ID and L.
    name : str
        As in the definition; empty where there is none.
    points : tuple of ModelPoint
        In the order of the registers, only those that lie within the length.
    """

    id: int
    registers: int
    name: str
    points: tuple[ModelPoint, ...]

    def point(self, name: str) -> ModelPoint | None:
        """Give a point by its name, or None."""
        return next((point for point in self.points if point.name == name), None)

    def scale_of(self, point: ModelPoint) -> ModelPoint | None:
        """Give the point that holds the power of ten of ``point``, in its own group or in one around it."""
        if not isinstance(point.scale, str):
            return None
        group = point.name.rpartition(".")[0]
        while True:
            found = self.point(f"{group}.{point.scale}" if group else point.scale)
            if found is not None or not group:
                return found
            group = group.rpartition(".")[0]


@cache
def model_of(model_id: int, length: int) -> Model:
    """Give the model ``model_id`` as a device has it that says its length L is ``length``.

    Raises
    ------
    UnknownModelError
        There is no definition of it: a vendor's own, or newer than the definitions.
    """
    try:
        definition = get_model_def(model_id, mapping=False)
    except ModelDefinitionError as error:
        raise UnknownModelError(f"no definition of SunSpec model {model_id}") from error
    registers = length + HEAD_REGISTERS
    group = definition["group"]
    points = tuple(
        point for point in _points(group, registers) if point.offset + point.registers <= registers
    )
    return Model(model_id, registers, group.get("name", ""), points)


def _points(group: Mapping[str, Any], registers: int) -> Iterator[ModelPoint]:
    """All points of a model's top group; its repeating group takes what the length leaves."""
    offset = 0
    for definition in group["points"]:
        yield _point(definition, "", offset)
        offset += definition["size"]
    for inner in group.get("groups", ()):
        size = _size(inner)
        # A count that stands in a point, or 0, is told by the length: as many as there is room for.
        count = inner.get("count", 1)
        times = count if isinstance(count, int) and count > 0 else max(0, registers - offset) // size
        for number in range(1, times + 1):
            name = f"{inner['name']}[{number}]" if times != 1 or count != 1 else inner["name"]
            yield from _inner(inner, name, offset)
            offset += size


def _inner(group: Mapping[str, Any], name: str, offset: int) -> Iterator[ModelPoint]:
    for definition in group["points"]:
        yield _point(definition, f"{name}.", offset)
        offset += definition["size"]
    for inner in group.get("groups", ()):
        times = inner.get("count", 1)
        for number in range(1, (times if isinstance(times, int) else 0) + 1):
            yield from _inner(
                inner, f"{name}.{inner['name']}" + (f"[{number}]" if times != 1 else ""), offset
            )
            offset += _size(inner)


def _size(group: Mapping[str, Any]) -> int:
    own = sum(point["size"] for point in group["points"])
    inner = sum(
        _size(each) * (each["count"] if isinstance(each.get("count"), int) else 1)
        for each in group.get("groups", ())
    )
    return int(own + inner)


def _point(definition: Mapping[str, Any], group: str, offset: int) -> ModelPoint:
    scale = definition.get("sf")
    return ModelPoint(
        name=group + definition["name"],
        type=definition["type"],
        offset=offset,
        registers=definition["size"],
        scale=scale if isinstance(scale, int | str) else None,
        unit=definition.get("units") or "",
        writable=definition.get("access") == "RW",
        symbols={symbol["value"]: symbol["name"] for symbol in definition.get("symbols", ())},
        label=definition.get("label") or "",
    )
