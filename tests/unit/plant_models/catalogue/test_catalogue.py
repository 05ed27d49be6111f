"""Kinds of components by name: each can be made from what it lists, and what it lists is what its factory takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plant_models.catalogue import Kind, Setting, kinds, make
from plant_models.components import codes
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.errors import DatasheetError, PlantError, PlantSettingError
from plant_models.fluid import Fluid, fluid_properties

ALL = sorted(kinds())
NUMBERS = [
    (kind.name, setting)
    for kind in kinds().values()
    for setting in kind.settings
    if setting.type in {"number", "whole number"}
]


def test_every_kind_of_the_executor_is_in_the_catalogue() -> None:
    assert {name.lower() for name in vars(codes) if name.isupper()} == set(kinds())


@pytest.mark.parametrize("name", ALL)
def test_each_can_be_made_and_says_what_it_is(name: str) -> None:
    of = kinds()[name]
    made = make(name, of.example)
    assert made.kind == name
    assert of.summary
    assert of.source
    explained = [setting for setting in of.settings if setting.about]
    assert len(explained) >= 0.8 * len(of.settings), "what its name does not say is explained"
    temps = [port.name for port in (*made.inputs, *made.outputs) if port.name in made.heat_capacity_j_kgk]
    assert all(port.startswith(of.coolant_ports) for port in temps), (
        "the coolant's ports are known without making it"
    )


def changed(of: Kind, setting: Setting, value: Any) -> dict[str, Any]:
    return {**of.example, setting.name: value}


@pytest.mark.parametrize(("name", "setting"), NUMBERS, ids=lambda item: getattr(item, "name", item))
def test_a_listed_default_is_the_factory_s_own(name: str, setting: Setting) -> None:
    of = kinds()[name]
    if setting.default is None or setting.name in of.example:
        return
    one, other = make(name, of.example), make(name, changed(of, setting, setting.default))
    assert np.array_equal(one.parameters, other.parameters)
    assert np.array_equal(one.start, other.start)


@pytest.mark.parametrize(("name", "setting"), NUMBERS, ids=lambda item: getattr(item, "name", item))
def test_what_is_outside_the_listed_range_is_refused(name: str, setting: Setting) -> None:
    of = kinds()[name]
    for limit, side in ((setting.low, -1), (setting.high, +1)):
        if np.isfinite(limit):
            with pytest.raises(PlantSettingError, match=setting.name):
                make(name, changed(of, setting, limit + side))
    for wrong in ("5", True, None, float("nan"), [1.0]):
        with pytest.raises(PlantSettingError, match=setting.name):
            make(name, changed(of, setting, wrong))


def test_settings_reach_the_factories() -> None:
    water = fluid_properties(Fluid(), 30.0)
    of = {"cp_j_kgk": water.heat_capacity_j_kgk, "density_kg_m3": water.density_kg_m3}
    by_hand = [
        pipe(500.0, flow_kg_s=10.0, cells=3, loss_w_k=40.0, **of),
        header(3, pumps=2, settings=HeaderSettings(flow_kg_s=90, head_kpa=200, duty_pumps=1)),
        cdu(
            "xdu1350",
            figures={"duty_kw": 1000.0},
            pumps=2,
            valve_stroke_time_s=60.0,
            throttle_case_temp_degc=80.0,
        ),
    ]
    named = [
        make("pipe", {"volume_l": 500, "flow_kg_s": 10, "cells": 3, "loss_w_k": 40, "coolant": "water"}),
        make("header", {"branches": 3, "pumps": 2, "flow_kg_s": 90, "head_kpa": 200, "duty_pumps": 1}),
        make(
            "cdu",
            {"datasheet": "xdu1350", "figures": {"duty_kw": 1000}, "pumps": 2, "valve_stroke_time_s": 60,
             "throttle_case_temp_degc": 80},
        ),
    ]  # fmt: skip
    for mine, its in zip(by_hand, named, strict=True):
        assert np.array_equal(mine.parameters, its.parameters)
        assert mine.inputs == its.inputs


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("pip", {}, "no kind of component 'pip'; did you mean \"pipe\""),
        ("pipe", {"volume_l": 5}, "a pipe needs flow_kg_s"),
        ("pipe", {"volume_l": 500, "flow_kg_s": 10}, "the pipe has no coolant: say coolant: water"),
        ("pipe", {"volume_l": 500, "flow_kg_s": 10, "cp_j_kgk": 4180}, "cp_j_kgk and no density_kg_m3"),
        ("pipe", {"volume_l": 500, "flow_kg_s": 10, "cel": 4}, "no setting 'cel'; did you mean \"cells\""),
        ("cdu", {"datasheet": "xdu"}, "datasheet is 'xdu'; did you mean \"xdu1350\""),
        ("cdu", {"figures": {"duty": 3}}, 'did you mean "duty_kw"'),
        ("cdu", {"figures": 3}, "figures must be a mapping"),
        ("cdu", {"rack_flow_shares": 0.5}, "must be a list of numbers"),
        ("cdu", {"rack_flow_shares": [0.5, "x"]}, "rack_flow_shares must be a"),
        (
            "power_chain",
            {"ups_kw": 10, "transformer_kva": 20, "mechanical_feeds_on_ups": True},
            "must be a whole number",
        ),
        ("site_meter", {"cases": 2.5}, "cases must be a whole number"),
    ],
)
def test_what_is_wrong_is_told_with_the_nearest_right_thing(
    kind: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(PlantError) as caught:
        make(kind, settings)
    assert told in str(caught.value)


def test_a_fluid_is_named_as_in_a_datasheet() -> None:
    glycol = make("tank", {"volume_l": 900, "flow_kg_s": 5, "coolant": "PG25 by volume"})
    water = make("tank", {"volume_l": 900, "flow_kg_s": 5, "coolant": "water"})
    assert glycol.heat_capacity_j_kgk["top_temp_degc"] < 0.97 * water.heat_capacity_j_kgk["top_temp_degc"]
    with pytest.raises(DatasheetError, match="by volume"):
        make("tank", {"volume_l": 900, "flow_kg_s": 5, "coolant": "PG25"})
