"""What a rig calls ``701.W`` to a point at an address: through the definition, and the chain of the very device."""

from __future__ import annotations

from dataclasses import dataclass

from hil.config.nearest import did_you_mean
from hil.config.points import Point
from hil.devices.sunspec.chain import Chain, Found
from hil.devices.sunspec.models import CODING, NO_VALUE, Model, ModelPoint, UnknownModelError, model_of

UNITS = {
    "W": "W", "VA": "VA", "var": "var", "Var": "var", "VAr": "var", "A": "A", "V": "V", "Hz": "Hz", "C": "degC",
    "Wh": "Wh", "WH": "Wh", "Pct": "%", "%": "%", "% WMax": "%", "Secs": "s",
}  # fmt: skip
"""A point list's unit for the definitions' units; others are plain numbers."""
MOST_REGISTERS = 125
_LONGEST = 1000
"""A length at which every model is whole, where no device has been asked yet."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A point as a rig names it: ``model.point``."""

    model: int
    point: str

    def __str__(self) -> str:
        return f"{self.model}.{self.point}"


class WrongReferenceError(ValueError):
    """There is no such point; the text says what, ``hint`` the nearest right thing."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


def parse_reference(text: str) -> Reference:
    """Read ``701.W``; checked against the definition, of which any device has at most all points.

    Raises
    ------
    WrongReferenceError
        Not of this form, no such model, no such point, or a point that is no number.
    """
    number, dot, name = text.partition(".")
    if not dot or not number.isdecimal() or not name:
        raise WrongReferenceError(f"{text!r} is not a SunSpec point", "model and point, for example 103.W")
    try:
        model = model_of(int(number), _LONGEST)
    except UnknownModelError as error:
        raise WrongReferenceError(f"{error}", "103 or 701 for an inverter, 203 for a meter") from error
    point = model.point(name)
    if point is None:
        names = [each.name for each in model.points]
        raise WrongReferenceError(f"SunSpec model {number} has no point {name!r}", did_you_mean(name, names))
    if not point.is_number:
        raise WrongReferenceError(f"{text} is a {point.type}, which no signal can carry", "name a number")
    return Reference(int(number), name)


def unit_of(reference: Reference) -> str:
    """Give the unit of a point, as point lists have them."""
    point = model_of(reference.model, _LONGEST).point(reference.point)
    assert point is not None
    return UNITS.get(point.unit, "1")


def locate(chain: Chain, reference: Reference) -> tuple[Found, Model, ModelPoint]:
    """Find a point in a device; :class:`WrongReferenceError` where the device does not have it."""
    found = chain.model(reference.model)
    if found is None:
        has = ", ".join(str(each.id) for each in chain.models) or "none"
        early = f"; its chain of models ends early: {chain.trouble}" if chain.trouble else ""
        raise WrongReferenceError(f"the device has no model {reference.model}", f"its models: {has}{early}")
    model = model_of(found.id, found.length)
    point = model.point(reference.point)
    if point is None:
        what = f"the device's model {found.id} is {found.length} registers long and ends before {reference.point}"
        raise WrongReferenceError(what, "an older edition of the model: name another point")
    return found, model, point


def point_of(
    chain: Chain,
    reference: Reference,
    signal: str,
    unit_id: int,
    place: tuple[str, int],
    max_registers: int = MOST_REGISTERS,
) -> Point:
    """Make the point that reads ``reference`` into ``signal``: with its scale, its pattern for no value, its guard.

    ``place`` is file and line of the rig, for messages. One request, of ``max_registers`` at the most, holds number and
    power of ten; the guard too where it fits. :class:`WrongReferenceError` where the device does not have the point, or
    no request holds it.
    """
    found, model, point = locate(chain, reference)
    scale = model.scale_of(point)
    fixed = point.scale if isinstance(point.scale, int) else 0
    address = found.address + point.offset
    register = None if scale is None else found.address + scale.offset
    last = max(address + point.registers - 1, address if register is None else register)
    span = last + 1 - min(address, address if register is None else register)
    if span > max_registers:
        what = f"{reference} and its power of ten lie {span} registers apart, and max_registers is {max_registers}"
        raise WrongReferenceError(
            what, f"max_registers: {span} or more, or the same value from another model"
        )
    return Point(
        signal, unit_id, "holding_register", address, CODING[point.type], scale=10.0**fixed,
        unit=UNITS.get(point.unit, "1"), comment=f"{reference} {point.label}".strip(), file=place[0], line=place[1],
        scale_register=register, no_value=NO_VALUE.get(point.type),
        guard=(found.address, found.id) if last - found.address < max_registers else None,
    )  # fmt: skip
