"""A composition as plain data: what was added and wired is in it, by the names of the plant's ports."""

import json

import pytest

from plant_models import Composition
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.components.tank import tank
from plant_models.components.three_way import three_way
from plant_models.datasheets import datasheet
from plant_models.ports import Port
from plant_models.system.diagram import single_diagram

PIPE = {"flow_kg_s": 40.0, "density_kg_m3": 995.0}


@pytest.fixture(scope="module")
def plant():
    whole = Composition()
    sheet = datasheet("xdu1350")
    units = [cdu(sheet, pumps=2) for _ in range(2)]
    cp = units[0].heat_capacity_j_kgk["fws_supply_temp_degc"]
    whole.add("fws", header(2, pumps=2, settings=HeaderSettings(flow_kg_s=41.2, head_kpa=180.0), cp_j_kgk=cp))
    for n, unit in enumerate(units, 1):
        whole.add(f"cdu_{n}", unit)
        whole.wire(f"cdu_{n}.fws_conductance_kg_s_kpa05", f"fws.branch_{n}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{n}_differential_pressure_kpa", f"cdu_{n}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"cdu_{n}.fws_supply_temp_degc")
        whole.wire(f"cdu_{n}.fws_return_temp_degc", f"fws.branch_{n}_return_temp_degc")
    whole.add("back", pipe(2000.0, cp_j_kgk=cp, **PIPE))
    whole.add("valve", three_way(41.2, cooler_drop_kpa=60.0, cp_j_kgk=cp))
    whole.add("buffer", tank(8000.0, cp_j_kgk=cp, **PIPE))
    whole.wire("fws.return_temp_degc", "back.inlet_temp_degc")
    whole.wire("fws.flow_kg_s", "back.flow_kg_s", "valve.flow_kg_s", "buffer.load_flow_kg_s")
    whole.wire("back.outlet_temp_degc", "valve.return_temp_degc")
    whole.wire("valve.supply_temp_degc", "buffer.source_return_temp_degc")
    whole.wire("buffer.bottom_temp_degc", "fws.source_supply_temp_degc")
    whole.share("heat_kw", "cdu_1.rack_heat_kw", "cdu_2.rack_heat_kw")
    return whole.build(["fws.flow_kg_s", "cdu_2.tcs_supply_temp_degc"])


def test_every_component_with_its_kind_and_ports_is_in_the_diagram(plant):
    kinds = {made.instance: made.kind for made in plant.diagram.components}
    assert kinds == {
        "fws": "header",
        "cdu_1": "cdu",
        "cdu_2": "cdu",
        "back": "pipe",
        "valve": "three_way",
        "buffer": "tank",
    }
    ports = {(p.name, p.unit, p.side) for p in plant.diagram.components[0].ports}
    assert {("flow_kg_s", "kg/s", "output"), ("source_supply_temp_degc", "degC", "input")} <= ports


def test_wires_go_from_output_to_input_in_one_unit(plant):
    wires = {(wire.source, wire.target): wire.unit for wire in plant.diagram.wires}
    assert wires["back.outlet_temp_degc", "valve.return_temp_degc"] == "degC"
    assert wires["fws.flow_kg_s", "buffer.load_flow_kg_s"] == "kg/s"
    assert len(wires) == 2 * 4 + 1 + 3 + 3


def test_terminals_are_the_ports_of_the_plant(plant):
    inputs = {terminal.name: terminal.places for terminal in plant.diagram.inputs}
    assert list(inputs) == [port.name for port in plant.input_ports]
    assert inputs["heat_kw"] == ("cdu_1.rack_heat_kw", "cdu_2.rack_heat_kw")
    assert inputs["valve_valve_command_percent"] == ("valve.valve_command_percent",)
    outputs = {terminal.name: terminal.places for terminal in plant.diagram.outputs}
    assert outputs == {
        "fws_flow_kg_s": ("fws.flow_kg_s",), "cdu_2_tcs_supply_temp_degc": ("cdu_2.tcs_supply_temp_degc",),
    }  # fmt: skip
    assert [*outputs, "energy_residual_kw"] == [port.name for port in plant.output_ports]


def test_it_is_plain_data(plant):
    data = plant.diagram.as_data()
    assert json.loads(json.dumps(data))["wires"][0].keys() == {"source", "target", "unit"}


def test_a_plant_that_is_one_component_has_a_diagram_of_one():
    diagram = single_diagram("vessel", "tank", [Port("heat_kw", "kW")], [Port("temp_degc", "degC")])
    assert [terminal.places for terminal in (*diagram.inputs, *diagram.outputs)] == [
        ("vessel.heat_kw",), ("vessel.temp_degc",),
    ]  # fmt: skip
