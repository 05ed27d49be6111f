"""What the report needs to draw the plants of a run: ``plants.json``."""

from __future__ import annotations

from typing import Any

from hil.config.plants import CduConfig
from hil.rig.build import Rig
from hil.rig.plants import Wired
from plant_models.system.diagram import Diagram, single_diagram

FILE = "plants.json"


def plants_as_data(rig: Rig) -> dict[str, Any]:
    """By plant: its type, its diagram where it has one, and what each of its ports is wired to.

    ``inputs`` has a signal's name or the number the port is held at, ``outputs`` the signal, for the ports that
    have one.
    """
    return {
        name: {
            "type": rig.config.plants[name].type,
            "diagram": None if (diagram := _diagram(rig, name, wired)) is None else diagram.as_data(),
            "inputs": {
                port.name: entry for port, entry in zip(wired.plant.input_ports, wired.inputs, strict=True)
            },
            "outputs": {
                port.name: entry
                for port, entry in zip(wired.plant.output_ports, wired.outputs, strict=True)
                if entry is not None
            },
        }
        for name, wired in rig.wired_plants.items()
    }


def _diagram(rig: Rig, name: str, wired: Wired) -> Diagram | None:
    drawn = getattr(wired.plant, "diagram", None)
    if isinstance(drawn, Diagram):
        return drawn
    if isinstance(rig.config.plants[name], CduConfig):
        return single_diagram(name, "cdu", wired.plant.input_ports, wired.plant.output_ports)
    return None
