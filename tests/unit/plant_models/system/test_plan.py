"""Compositions from plain data: the same plant as by hand, one coolant a loop, and every mistake at its keys."""

from __future__ import annotations

from typing import Any

import pytest

from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.system.composition import Composition
from plant_models.system.plan import Plan, compose

COMPONENTS: dict[str, dict[str, Any]] = {
    "pipe_in": {"kind": "pipe", "volume_l": 400, "flow_kg_s": 32.3, "cells": 2},
    "cdu_1": {"kind": "cdu", "pumps": 2},
    "fws": {"kind": "header", "branches": 1, "pumps": 1, "flow_kg_s": 32.3, "head_kpa": 250, "duty_pumps": 1},
}
WIRES = {
    "cdu_1.fws_conductance_kg_s_kpa05": ("fws.branch_1_conductance_kg_s_kpa05",),
    "fws.branch_1_differential_pressure_kpa": ("cdu_1.fws_differential_pressure_kpa",),
    "fws.supply_temp_degc": ("cdu_1.fws_supply_temp_degc",),
    "cdu_1.fws_return_temp_degc": ("fws.branch_1_return_temp_degc",),
    "fws.flow_kg_s": ("pipe_in.flow_kg_s",),
    "pipe_in.outlet_temp_degc": ("fws.source_supply_temp_degc",),
}


def told(plan: Plan) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    assert compose(plan, lambda where, what, hint: found.append((where, f"{what} {hint}"))) is None
    return found


def never(where: tuple[str, ...], what: str, hint: str) -> None:
    raise AssertionError((where, what, hint))


def test_it_is_the_composition_that_one_would_write() -> None:
    plan = Plan(
        components=COMPONENTS, wires=WIRES, share={"both": ("cdu_1.tcs_pump_1_speed_command_percent",)}
    )
    made = compose(plan, never)
    assert made is not None
    unit = cdu("deschutes_2mw", pumps=2)
    cp = unit.heat_capacity_j_kgk["fws_return_temp_degc"]
    whole = Composition()
    whole.add("pipe_in", pipe(400, flow_kg_s=32.3, cells=2, density_kg_m3=994.3056, cp_j_kgk=cp))
    whole.add("cdu_1", unit)
    settings = HeaderSettings(flow_kg_s=32.3, head_kpa=250, duty_pumps=1)
    whole.add("fws", header(1, pumps=1, settings=settings, cp_j_kgk=cp))
    for source, targets in WIRES.items():
        whole.wire(source, *targets)
    whole.share("both", "cdu_1.tcs_pump_1_speed_command_percent")
    ours, theirs = made.build(), whole.build()
    inputs = list(ours.inputs.values())
    assert ours.input_ports == theirs.input_ports
    assert [ours.step(inputs, 1.0) for _ in range(20)][-1] == pytest.approx(
        [theirs.step(inputs, 1.0) for _ in range(20)][-1], rel=1e-9, abs=1e-9
    )


def test_components_of_one_loop_share_one_water_whatever_they_were_sized_at() -> None:
    other = {"kind": "cdu", "datasheet": "xdu1350"}
    warm = {"kind": "pipe", "volume_l": 400, "flow_kg_s": 32.3, "coolant": "water", "temp_degc": 60}
    plan = Plan(
        components={**COMPONENTS, "cdu_2": other, "warm": warm, "fws": COMPONENTS["fws"] | {"branches": 2}},
        wires={
            **WIRES,
            "cdu_2.fws_return_temp_degc": ("fws.branch_2_return_temp_degc",),
            "fws.return_temp_degc": ("warm.inlet_temp_degc",),
            "warm.outlet_temp_degc": ("pipe_in.inlet_temp_degc",),
        },
    )
    assert compose(plan, never) is not None


def test_other_fluids_in_one_loop_are_refused_at_their_wire() -> None:
    glycol = {"kind": "cdu", "figures": {"fws_fluid": "EG30 by mass"}}
    plan = Plan(
        components={**COMPONENTS, "cdu_2": glycol, "fws": COMPONENTS["fws"] | {"branches": 2}},
        wires={**WIRES, "cdu_2.fws_return_temp_degc": ("fws.branch_2_return_temp_degc",)},
    )
    ((where, what),) = told(plan)
    assert where == ("wires", "cdu_2.fws_return_temp_degc")
    assert "carries a coolant of" in what


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"components": {"a": {"volume_l": 3}}}, ("components", "a"), "it has no kind"),
        ({"components": {"a": {"kind": "pump"}}}, ("components", "a", "kind"), "no kind of component 'pump'"),
        ({"components": {"a": {"kind": "pipe", "volume_l": 3, "flow_kg_s": "x"}}}, ("components", "a", "flow_kg_s"),
         "must be a number, not 'x'"),
        ({"components": {"a": {"kind": "pipe", "volume_l": 40, "flow_kg_s": 30, "cells": 50, "coolant": "water"}}},
         ("components", "a", "cells"), "take fewer cells"),
        ({"components": {"a": {"kind": "pipe", "volume_l": 300, "flow_kg_s": 3}}}, ("components", "a"), "nothing in"),
        ({"components": {"a": {"kind": "cdu", "datasheet": "xdu1350", "figures": {"approach_k": -1}}}},
         ("components", "a", "figures", "approach_k"), "approach_k = -1 must be a positive number"),
        ({"components": {"a": {"kind": "cdu", "figures": {"duty_kw": 900}}}},
         ("components", "a", "figures", "duty_kw"), "datasheet: null for figures alone"),
        ({"components": {"A b": {"kind": "site_meter"}}}, ("components", "A b"), "is no name"),
        ({"wires": {"fws.flow_kg": ("pipe_in.flow_kg_s",)}}, ("wires", "fws.flow_kg"), "did you mean 'flow_kg_s'"),
        ({"wires": {"fws.flow_kg_s": ("pipe_n.flow_kg_s",)}}, ("wires", "fws.flow_kg_s"), "did you mean 'pipe_in'"),
        ({"wires": {"fws.flow_kg_s": ("pipe_in.inlet_temp_degc",)}}, ("wires", "fws.flow_kg_s"), "is in kg/s"),
        ({"wires": {"fws": ("pipe_in.inlet_temp_degc",)}}, ("wires", "fws"), "write instance.port"),
        ({"share": {"x": ("cdu_1.rack_heat_kw", "pipe_in.inlet_temp_degc")}}, ("share", "x"), "would be in degC, kW"),
        ({"hold": {"cdu_1.filter_fouling_ratio": 99.0}}, ("hold", "cdu_1.filter_fouling_ratio"), "is outside 1 … 50"),
        ({"expose": ("cdu_1.nothing",)}, ("expose",), "no input 'nothing'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_keys(
    changes: dict[str, Any], where: tuple[str, ...], what: str
) -> None:
    found = told(Plan(**{"components": COMPONENTS, **changes}))
    assert [place for place, _ in found] == [where]
    assert what in found[0][1]


def test_all_that_is_wrong_is_told_at_once() -> None:
    wires = {"fws.a": ("pipe_in.flow_kg_s",), "fws.b": ("pipe_in.flow_kg_s",)}
    assert len(told(Plan(components=COMPONENTS, wires=wires, hold={"x.y": 1.0}))) == 3
