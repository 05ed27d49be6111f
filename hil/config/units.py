"""Units at the edges of the system, and the affine conversions between those of one dimension.

Factors are exact or to double precision: psi is 6894.757293168 Pa (international
pound and inch), the litre 1e-3 m3. A temperature (degC, degF) and
a temperature difference (K) are two dimensions: 5 K of approach is not -268.15 degC, and wiring one to the
other is the commonest silent error of this kind. An absolute temperature in kelvin has no unit here.
``pu`` is a share of a nominal value that stands elsewhere, and so no ratio of 1; ``kg/s/kPa0.5`` is a flow over the
root of its drop.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.config.nearest import did_you_mean


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: value in the dimension's base unit = value x ``factor`` + ``offset``."""

    symbol: str
    dimension: str
    factor: float
    offset: float = 0.0


_TABLE = (
    Unit("degC", "temperature", 1.0),
    Unit("degF", "temperature", 5.0 / 9.0, -160.0 / 9.0),
    Unit("K", "temperature difference", 1.0),
    Unit("Pa", "pressure", 1.0),
    Unit("kPa", "pressure", 1e3),
    Unit("MPa", "pressure", 1e6),
    Unit("mbar", "pressure", 1e2),
    Unit("bar", "pressure", 1e5),
    Unit("psi", "pressure", 6894.757293168),
    Unit("1", "ratio", 1.0),
    Unit("%", "ratio", 1e-2),
    Unit("pu", "per unit", 1.0),
    Unit("W", "power", 1.0),
    Unit("kW", "power", 1e3),
    Unit("MW", "power", 1e6),
    Unit("var", "reactive power", 1.0),
    Unit("kvar", "reactive power", 1e3),
    Unit("Mvar", "reactive power", 1e6),
    Unit("VA", "apparent power", 1.0),
    Unit("kVA", "apparent power", 1e3),
    Unit("MVA", "apparent power", 1e6),
    Unit("J", "energy", 1.0),
    Unit("kJ", "energy", 1e3),
    Unit("MJ", "energy", 1e6),
    Unit("Wh", "energy", 3.6e3),
    Unit("kWh", "energy", 3.6e6),
    Unit("MWh", "energy", 3.6e9),
    Unit("kg/s", "mass flow", 1.0),
    Unit("kg/h", "mass flow", 1.0 / 3600.0),
    Unit("kg", "mass", 1.0),
    Unit("kg/s/kPa0.5", "conductance", 1.0),
    Unit("m3/s", "volume flow", 1.0),
    Unit("m3/h", "volume flow", 1.0 / 3600.0),
    Unit("L/s", "volume flow", 1e-3),
    Unit("L/min", "volume flow", 1e-3 / 60.0),
    Unit("L/h", "volume flow", 1e-3 / 3600.0),
    Unit("L", "volume", 1e-3),
    Unit("m3", "volume", 1.0),
    Unit("Hz", "frequency", 1.0),
    Unit("rpm", "speed of rotation", 1.0),
    Unit("s", "time", 1.0),
    Unit("us", "time", 1e-6),
    Unit("ms", "time", 1e-3),
    Unit("min", "time", 60.0),
    Unit("h", "time", 3600.0),
    Unit("d", "time", 86400.0),
    Unit("V", "voltage", 1.0),
    Unit("mV", "voltage", 1e-3),
    Unit("kV", "voltage", 1e3),
    Unit("A", "current", 1.0),
    Unit("mA", "current", 1e-3),
    Unit("m", "length", 1.0),
    Unit("mm", "length", 1e-3),
    Unit("m/s", "speed", 1.0),
    Unit("km/h", "speed", 1.0 / 3.6),
    Unit("W/m2", "irradiance", 1.0),
    Unit("L/kWh", "water per energy", 1e-3 / 3.6e6),
    Unit("bool", "state", 1.0),
)

UNITS = {unit.symbol: unit for unit in _TABLE}
"""All units by symbol."""

# What people write instead. For hints only: one unit, one spelling, or two files never compare equal.
_MEANT = {
    "°c": "degC", "c": "degC", "celsius": "degC", "°f": "degF", "f": "degF", "kelvin": "K", "pct": "%",
    "percent": "%", "-": "1", "": "1", "lpm": "L/min", "l/m": "L/min", "m³/h": "m3/h",
    "m3h": "m3/h", "kgs": "kg/s", "1/min": "rpm", "sec": "s", "hours": "h", "boolean": "bool", "deg": "degC",
    "lps": "L/s", "kg/sec": "kg/s", "p.u.": "pu", "kmh": "km/h", "secs": "s", "second": "s",
    "seconds": "s", "msec": "ms", "μs": "us", "usec": "us", "mins": "min", "minute": "min", "minutes": "min",
    "hr": "h", "hrs": "h", "hour": "h", "day": "d", "days": "d", "l/kwh_it": "L/kWh", "m3/mwh": "L/kWh",
}  # fmt: skip

# The end of a name in which "/" is "_" and letters are small; the four that are not spelt like their symbol.
_SUFFIXES = {unit.symbol.lower().replace("/", "_"): unit.symbol for unit in reversed(_TABLE)} | {
    "pct": "%",
    "percent": "%",
    "ratio": "1",
    "kg_s_kpa05": "kg/s/kPa0.5",
}
# "1" and "%" are never spelt so in a name; "flow_min" is a minimum far more often than a time in minutes, and "d"
# an axis or a derivative more often than days.
_NOT_SUFFIXES = {"1", "%", "min", "d"}
_LONGEST_SUFFIX = 3


def unit(symbol: str) -> Unit:
    """Look a unit up; an unknown one raises ValueError naming the nearest known one."""
    found = UNITS.get(symbol)
    if found is None:
        raise ValueError(f'unknown unit "{symbol}"; {unit_hint(symbol)}')
    return found


def unit_hint(symbol: str) -> str:
    """Say which unit was meant by an unknown ``symbol``, or else list them all."""
    meant = _MEANT.get(symbol.casefold())
    if meant is not None:
        return f'did you mean "{meant}"?'
    return did_you_mean(symbol, UNITS) or f"known units: {', '.join(UNITS)}"


def known_unit(spelling: str) -> str | None:
    """Give the unit that ``spelling`` is, or is one of the usual other spellings of; None where it is none."""
    if spelling in UNITS and spelling != "1":
        return spelling
    # No sign, and a sign alone, stand for a ratio in a column of units, and for nothing behind a number.
    return _MEANT.get(spelling.casefold()) if spelling.strip("-") else None


def same_dimension(a: str, b: str) -> bool:
    """Whether a value in unit ``a`` can be given in unit ``b``."""
    return unit(a).dimension == unit(b).dimension


def affine(from_unit: str, to_unit: str) -> tuple[float, float]:
    """Give (factor, offset) with value in ``to_unit`` = value in ``from_unit`` x factor + offset.

    Raises
    ------
    ValueError
        Where a unit is unknown or the two measure different things.
    """
    source, target = unit(from_unit), unit(to_unit)
    if source.dimension != target.dimension:
        raise ValueError(
            f'"{from_unit}" ({source.dimension}) cannot be given in "{to_unit}" ({target.dimension})'
        )
    if source is target:
        return 1.0, 0.0
    return source.factor / target.factor, (source.offset - target.offset) / target.factor


def convert(value: float, from_unit: str, to_unit: str) -> float:
    """Give ``value`` (in ``from_unit``) in ``to_unit``; raises ValueError as :func:`affine`."""
    factor, offset = affine(from_unit, to_unit)
    return value * factor + offset


def unit_of_name(name: str) -> str | None:
    """Read the unit off the end of a name: ``rack_heat_kw`` is in kW; None where the end is no unit.

    ``rate_up_per_s`` is none either: what changes in a second is not said.
    """
    parts = name.lower().split("_")
    for length in range(min(_LONGEST_SUFFIX, len(parts) - 1), 0, -1):
        suffix = "_".join(parts[-length:])
        if suffix in _SUFFIXES and suffix not in _NOT_SUFFIXES and parts[-length - 1] != "per":
            return _SUFFIXES[suffix]
    return None
