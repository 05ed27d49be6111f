"""Wiring is checked where it is written; loops, units and coolants that do not fit are named."""

import pytest

from plant_models import Composition, PlantSettingError
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.components.tank import tank
from plant_models.components.three_way import three_way
from plant_models.system.order import cycle_in, in_order

PIPE = {"flow_kg_s": 10.0, "density_kg_m3": 1000.0, "cp_j_kgk": 4180.0}


@pytest.fixture
def whole() -> Composition:
    made = Composition()
    made.add("a", pipe(1000.0, **PIPE))
    made.add("b", pipe(1000.0, **PIPE))
    return made


def test_two_pipes_in_a_row(whole):
    whole.wire("a.outlet_temp_degc", "b.inlet_temp_degc")
    whole.share("flow_kg_s", "a.flow_kg_s", "b.flow_kg_s")
    plant = whole.build(["b.outlet_temp_degc"])
    assert [(p.name, p.unit) for p in plant.input_ports] == [
        ("flow_kg_s", "kg/s"),
        ("a_inlet_temp_degc", "degC"),
    ]
    assert [p.name for p in plant.output_ports] == ["b_outlet_temp_degc", "energy_residual_kw"]
    assert [p.name for p in plant.state_ports][:2] == ["a_cell_1_temp_degc", "a_cell_2_temp_degc"]
    for _ in range(2000):
        outputs = plant.step([10.0, 50.0], 1.0)
    assert outputs == pytest.approx([50.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a.outlet_temp_degc", "b.flow_kg_s", "a.outlet_temp_degc is in degC, b.flow_kg_s in kg/s"),
        (
            "a.outlet_temp",
            "b.inlet_temp_degc",
            "a has no output 'outlet_temp'; did you mean 'outlet_temp_degc'",
        ),
        ("a.outlet_temp_degc", "b.inlet", "b has no input 'inlet'"),
        ("c.outlet_temp_degc", "b.inlet_temp_degc", "no component 'c'"),
        ("outlet_temp_degc", "b.inlet_temp_degc", "write instance.port"),
    ],
)
def test_a_wire_that_does_not_fit_is_refused(whole, source, target, message):
    with pytest.raises(PlantSettingError, match=message):
        whole.wire(source, target)


def test_an_input_has_one_writer(whole):
    whole.wire("a.outlet_temp_degc", "b.inlet_temp_degc")
    with pytest.raises(PlantSettingError, match=r"b\.inlet_temp_degc is written by a\.outlet_temp_degc"):
        whole.wire("b.outlet_temp_degc", "b.inlet_temp_degc")
    with pytest.raises(PlantSettingError, match="written by"):
        whole.hold("b.inlet_temp_degc", 20.0)
    whole.share("flow", "a.flow_kg_s", "b.flow_kg_s")
    with pytest.raises(PlantSettingError, match="the name is taken"):
        whole.share("flow", "a.inlet_temp_degc")
    with pytest.raises(PlantSettingError, match="written by the input 'flow'"):
        whole.expose("a.flow_kg_s")


def test_a_plant_of_whole_numbers_takes_broken_ones():
    whole = Composition()
    whole.add("tank", tank(20_000, flow_kg_s=20, density_kg_m3=1000, cp_j_kgk=4180, temp_degc=25))
    plant = whole.build()
    plant.step([20.5, 40.25, 19.5, 30.75], 1.0)
    assert list(plant.inputs.values()) == [20.5, 40.25, 19.5, 30.75]


def test_pipes_of_different_coolants_are_not_joined(whole):
    whole.add("glycol", pipe(1000.0, **{**PIPE, "cp_j_kgk": 3950.0}))
    with pytest.raises(
        PlantSettingError, match=r"3950.*4180.*5.82% of the heat would be lost.*fws_properties"
    ):
        whole.wire("glycol.outlet_temp_degc", "a.inlet_temp_degc")


def test_cdus_of_two_sheets_share_a_header_and_the_heat_closes():
    """Each sheet takes its water at its own design temperature; here the header's is as far off as it may be."""
    units = [cdu("deschutes_2mw", initial_rack_heat_kw=1200.0), cdu("xdu1350", initial_rack_heat_kw=900.0)]
    far = 1.00038 * units[0].heat_capacity_j_kgk["fws_return_temp_degc"]
    whole = Composition()
    settings = HeaderSettings(flow_kg_s=60.0, head_kpa=250.0)
    whole.add("fws", header(2, pumps=2, settings=settings, cp_j_kgk=far))
    for i, unit in enumerate(units, start=1):
        whole.add(f"cdu_{i}", unit)
        whole.wire(f"cdu_{i}.fws_conductance_kg_s_kpa05", f"fws.branch_{i}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{i}_differential_pressure_kpa", f"cdu_{i}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"cdu_{i}.fws_supply_temp_degc")
        whole.wire(f"cdu_{i}.fws_return_temp_degc", f"fws.branch_{i}_return_temp_degc")
    plant = whole.build()
    held, moved_kw = plant.stored_j(), 2100.0
    for minute in range(30):
        heat = {"cdu_1_rack_heat_kw": 1600.0 if minute % 2 else 800.0}
        out = plant.step(list({**plant.inputs, **heat}.values()), 60.0)
        assert abs(out[-1]) < 0.005 * moved_kw
    came, went = plant.balance_j()
    assert abs(came - went - (plant.stored_j() - held)) < 0.0005 * moved_kw * 1000.0 * 1800.0


def test_names_and_values_that_cannot_be_are_refused(whole):
    with pytest.raises(PlantSettingError, match="two components 'a'"):
        whole.add("a", pipe(1000.0, **PIPE))
    with pytest.raises(PlantSettingError, match="is no name"):
        whole.add("Pipe 1", pipe(1000.0, **PIPE))
    with pytest.raises(PlantSettingError, match="is outside"):
        whole.hold("a.inlet_temp_degc", 400.0)
    with pytest.raises(PlantSettingError, match="would be in degC, kg/s"):
        whole.share("mixed", "a.flow_kg_s", "b.inlet_temp_degc")
    with pytest.raises(PlantSettingError, match="no output 'nothing'"):
        whole.build(["a.nothing"])
    with pytest.raises(PlantSettingError, match="longest_substep_s"):
        whole.build(longest_substep_s=2.0)
    with pytest.raises(PlantSettingError, match="without components"):
        Composition().build()


def test_names_that_become_the_same_are_refused():
    whole = Composition()
    whole.add("a", pipe(1000.0, **PIPE))
    whole.share("a_inlet_temp_degc", "a.flow_kg_s")
    with pytest.raises(PlantSettingError, match="a_inlet_temp_degc"):
        whole.build()


def test_an_algebraic_loop_is_refused_with_its_ports():
    whole = Composition()
    for name in ("one", "two"):
        whole.add(name, three_way(10.0, cooler_drop_kpa=50.0, cp_j_kgk=4180.0))
    whole.wire("one.supply_temp_degc", "two.return_temp_degc")
    whole.wire("two.supply_temp_degc", "one.cooled_temp_degc")
    with pytest.raises(PlantSettingError) as refused:
        whole.build()
    assert "one.supply_temp_degc -> two.return_temp_degc" in str(refused.value)
    assert "two.supply_temp_degc -> one.cooled_temp_degc" in str(refused.value)


def test_a_loop_through_a_component_that_solves_it_is_taken():
    """The CDU says how far its valve is open, the header answers with a pressure: no loop, no delay."""
    unit = cdu("deschutes_2mw")
    cp = unit.heat_capacity_j_kgk["fws_return_temp_degc"]
    whole = Composition()
    settings = HeaderSettings(flow_kg_s=32.3, head_kpa=250.0, duty_pumps=1)
    whole.add("fws", header(1, pumps=1, settings=settings, cp_j_kgk=cp))
    whole.add("cdu", unit)
    whole.wire("fws.branch_1_differential_pressure_kpa", "cdu.fws_differential_pressure_kpa")
    whole.wire("cdu.fws_conductance_kg_s_kpa05", "fws.branch_1_conductance_kg_s_kpa05")
    plant = whole.build(["cdu.fws_flow_kg_s", "fws.branch_1_flow_kg_s"])
    inputs = {**plant.inputs, "cdu_fws_valve_command_percent": 5.0}
    for _ in range(20):
        into_cdu, out_of_header, _ = plant.step(list(inputs.values()), 1.0)
        assert into_cdu == pytest.approx(out_of_header, rel=1e-12)


def test_order_and_cycles():
    needs = {"c": ["b"], "b": ["a"], "a": [], "d": []}
    assert in_order(needs) == ["a", "d", "b", "c"]
    assert cycle_in(needs) == []
    assert set(cycle_in({**needs, "a": ["c"]})) == {"a", "b", "c"}
    with pytest.raises(ValueError, match="cycle"):
        in_order({**needs, "a": ["c"]})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: pipe(1.0, **PIPE), "take fewer cells"),
        (lambda: pipe(1000.0, **{**PIPE, "cells": 0}), "cells = 0"),
        (lambda: three_way(10.0, cooler_drop_kpa=50.0, cp_j_kgk=4180.0, valve_authority=1.0), "valve_authority"),
        (lambda: cdu("deschutes_2mw", pumps=4), "4 pumps"),
        (lambda: cdu("deschutes_2mw", pumps=2, pump_share=0.3), "carry it together"),
        (lambda: cdu("deschutes_2mw", pumps=2, pump_shutoff_head_ratio=1.0), "flat curves"),
        (lambda: cdu("deschutes_2mw", valve_stroke=3.0), "no setting"),
        (lambda: HeaderSettings(flow_kg_s=0.0, head_kpa=100.0), "flow_kg_s"),
        (lambda: header(2, pumps=1, settings=HeaderSettings(flow_kg_s=9.0, head_kpa=100.0)), "duty of 2"),
    ],
)  # fmt: skip
def test_a_component_that_cannot_be_is_refused(made, message):
    with pytest.raises(PlantSettingError, match=message):
        made()
