"""A published case from its figures alone: LBNL Modelica Buildings, Fluid.DataCenters.CDUs.LiquidToLiquid.Examples.

The figures are those of ``configs/rigs/reference_cdu.yaml``; the results those that the library is published with
(ReferenceResults, ``CDU_epsNTU``), where the load has stood at 60 and at 100 %.
"""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from plant_models import CduPlant
from plant_models.datasheets import datasheet_from

RIG = Path(__file__).resolve().parents[2] / "configs" / "rigs" / "reference_cdu.yaml"
KELVIN = 273.15


@pytest.fixture(scope="module")
def plant() -> CduPlant:
    config = YAML(typ="safe").load(RIG.read_text())["plants"]["cdu"]
    return CduPlant.from_datasheet(datasheet_from(None, **config["figures"]), **config["parameters"])


def test_its_design_point(plant):
    """Flows from duty and temperatures; the pump at full speed gives 60 kPa outside, as the curve's last point says."""
    settled = plant.steady_state({
        "rack_heat_kw": 6336.0, "fws_valve_command_percent": 100.0, "tcs_pump_speed_command_percent": 100.0,
    })  # fmt: skip
    assert settled["tcs_supply_temp_degc"] == pytest.approx(42.0, abs=0.01)
    assert settled["tcs_return_temp_degc"] == pytest.approx(47.0, abs=0.01)
    assert plant.trim(42.0, 60.0)["tcs_pump_speed_command_percent"] == pytest.approx(100.0, abs=0.01)


@pytest.mark.parametrize(
    ("load", "supply_k", "return_k", "fws_return_k", "case_k", "valve", "heat_kw"),
    [
        (1.0, 315.3384, 320.8563, 314.2052, 325.5717, 1.0, 6405.945),
        (0.6, 315.1499, 318.4606, 314.7616, 321.2898, 0.7765, 3871.541),
    ],
)
def test_where_its_loops_settle(plant, load, supply_k, return_k, fws_return_k, case_k, valve, heat_kw):
    """Both loops hold (42 °C, 50 kPa) but for the supply at full load, where the valve is wide open, there as here."""
    heat = 6336.0 * load
    plant.start_at({"rack_heat_kw": heat})
    commands = plant.trim(42.0, 50.0)
    settled = plant.steady_state({"rack_heat_kw": heat, **commands})
    plant.start_at({"rack_heat_kw": heat, **commands})
    out = dict(
        zip(
            (port.name for port in plant.output_ports),
            plant.step(list(plant.inputs.values()), 1.0),
            strict=True,
        )
    )
    assert settled["tcs_supply_temp_degc"] + KELVIN == pytest.approx(supply_k, abs=0.2)
    assert settled["tcs_return_temp_degc"] + KELVIN == pytest.approx(return_k, abs=0.2)
    assert settled["fws_return_temp_degc"] + KELVIN == pytest.approx(fws_return_k, abs=0.15)
    assert commands["fws_valve_command_percent"] == pytest.approx(
        100.0 * valve, abs=1.5 if load == 0.6 else 6.0
    )
    assert out["fws_heat_kw"] == pytest.approx(heat_kw, rel=5e-4)
    # There the case's resistance is a fit to the table that we interpolate.
    assert settled["cold_plate_case_temp_degc"] + KELVIN == pytest.approx(case_k, abs=0.9)
    # The rise is of the flow alone: 50 of 60 kPa at the racks' exponent.
    assert out["tcs_flow_kg_s"] / plant.parameters.tcs_flow_kg_s == pytest.approx(
        (50 / 60) ** (1 / 1.85), rel=1e-6
    )
