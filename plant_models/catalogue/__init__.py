"""All kinds of components, by name, with their settings, ports and sources; and components made from plain settings.

::

    from plant_models.catalogue import kinds, make

    unit = make("cdu", {"datasheet": "xdu1350", "pumps": 2})
    kinds()["pipe"].settings  # name, type, default, range and meaning of each

What comes from a file is checked here by name, type and range; :mod:`plant_models.system.plan` wires it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from plant_models.catalogue.kind import Coolant, Kind
from plant_models.catalogue.settings import Refuse, Setting, check, converted, nearest
from plant_models.catalogue.site import SITE
from plant_models.catalogue.water import WATER_SIDE
from plant_models.errors import PlantSettingError
from plant_models.system.component import Component

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (*WATER_SIDE, *SITE)})
__all__ = ["Coolant", "Kind", "Setting", "kinds", "make", "refuse_wrong"]


def kinds() -> Mapping[str, Kind]:
    """All kinds by name."""
    return KINDS


def make(kind: str, settings: Mapping[str, Any], *, coolant: Coolant | None = None) -> Component:
    """Make a component of ``kind``.

    Parameters
    ----------
    kind : str
        One of :func:`kinds`.
    settings : mapping
        Numbers, texts, lists and mappings, as they stand in a file; see :attr:`Kind.settings` and :attr:`Kind.nested`.
    coolant : Coolant, optional
        Of the loop it belongs to, where the settings do not say one.

    Raises
    ------
    PlantSettingError, DatasheetError
        No such kind or setting (the message has the nearest), a value of another type or out of range, no coolant; what
        the kind's own factory refuses.
    """
    found: list[str] = []
    refuse_wrong(kind, settings, lambda _, what, hint: found.append(f"{what}; {hint}" if hint else what))
    if found:
        raise PlantSettingError(f"{kind}: {found[0]}")
    of = KINDS[kind]
    nested = {key: converted(settings[key], inner) for key, inner in of.nested.items() if key in settings}
    flat = {key: value for key, value in settings.items() if key not in of.nested}
    return of.make(converted(flat, of.settings) | nested, coolant)


def refuse_wrong(kind: str, settings: Mapping[str, Any], refuse: Refuse) -> None:
    """Tell everything that is wrong with the names, types and ranges of a component's settings."""
    if kind not in KINDS:
        refuse(("kind",), f"no kind of component {kind!r}", nearest(kind, KINDS))
        return
    of = KINDS[kind]
    # A datasheet that is null: the figures are all there is.
    nothing = {"datasheet"} if settings.get("datasheet", "") is None and "figures" in of.nested else set()
    flat = {key: value for key, value in settings.items() if key not in {*of.nested, *nothing}}
    known = [*of.settings, *(Setting(name=key, type="text") for key in of.nested)]
    check(flat, known, f"a {kind}", refuse)
    for key, inner in of.nested.items():
        if key not in settings:
            continue
        if not isinstance(settings[key], Mapping):
            refuse((key,), f"{key} must be a mapping of names to values", "")
            continue
        check(settings[key], inner, key, _under(key, refuse))


def _under(key: str, refuse: Refuse) -> Refuse:
    return lambda where, what, hint: refuse((key, *where), what, hint)
