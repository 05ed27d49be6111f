"""A whole facility of the rig, its parts sized from the figures under ``spec``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hil.config.plants import FacilityConfig
from hil.rig.draft import Draft
from hil.rig.system import Composed, built
from plant_models import DATASHEETS, PlantError, PlantSettingError, datasheet_from
from plant_models.facility.plant import composition, start_inputs
from plant_models.facility.sizing import size_facility
from plant_models.facility.spec import spec_from


def make_facility(draft: Draft, name: str, config: FacilityConfig) -> Composed | None:
    """Make the plant of ``plants.<name>``; None, with problems of the draft, where it cannot be made."""
    try:
        spec = spec_from(**_figures(name, config.spec))
        sizes = size_facility(spec)
        whole = composition(spec, sizes)
    except (PlantError, ArithmeticError) as error:
        draft.refuse(_place(name, config.spec, str(error)), f"plant {name}: {error}")
        return None
    start = start_inputs(sizes)
    return built(draft, name, whole, config.inputs, config.outputs, config.longest_substep_s, start)


def _figures(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give the figures with a datasheet for ``cdu`` where that is a mapping."""
    figures = dict(spec)
    given = figures.get("cdu")
    if isinstance(given, Mapping):
        own = dict(given)
        sheet = own.pop("datasheet", None)
        if sheet is not None and sheet not in DATASHEETS:
            raise PlantSettingError(f"cdu: no datasheet {sheet!r}; there are {', '.join(DATASHEETS)}")
        base = None if sheet is None else DATASHEETS[sheet]
        figures["cdu"] = datasheet_from(base, **({} if base is not None else {"name": name}), **own)
    return figures


def _place(name: str, spec: Mapping[str, Any], message: str) -> tuple[str, ...]:
    """Line of the figure that a message names, or of all of them."""
    path = ("plants", name, "spec")
    for key, value in spec.items():
        inner = value if isinstance(value, Mapping) else {}
        for figure in (*inner, key):
            if re.search(rf"\b{re.escape(figure)}\b", message):
                return (*path, key) if figure == key else (*path, key, figure)
    return path if spec else path[:2]
