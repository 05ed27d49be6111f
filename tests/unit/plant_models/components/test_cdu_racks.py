"""Racks of a CDU component: shares, throttling, power that fails, pipes in cells."""

import numpy as np
import pytest

from plant_models import CduPlant, Composition, PlantSettingError
from plant_models.components.cdu import cdu

CP, FLOW = 3955.654, 31.48


def built(**settings):
    whole = Composition()
    whole.add("cdu", cdu("deschutes_2mw", **settings))
    whole.expose("cdu.it_supply_ratio", "cdu.pump_supply_ratio", "cdu.fws_differential_pressure_kpa")
    whole.expose("cdu.fws_supply_temp_degc")
    return whole.build()


def run(plant, seconds, **changes):
    names = [port.name.removeprefix("cdu_") for port in plant.output_ports]
    held = list({**plant.inputs, **{f"cdu_{k}": v for k, v in changes.items()}}.values())
    for _ in range(seconds):
        out = plant.step(held, 1.0)
        assert abs(out[-1]) < 1e-6
    return dict(zip(names, out, strict=True))


def heats(*kw):
    return {f"rack_{i + 1}_heat_kw": value for i, value in enumerate(kw)}


def test_even_racks_are_one_rack():
    one, four = built(), built(racks=4)
    a = run(one, 90, rack_heat_kw=1800.0, tcs_pump_speed_command_percent=70.0)
    b = run(four, 90, **heats(450.0, 450.0, 450.0, 450.0), tcs_pump_speed_command_percent=70.0)
    for name in ("tcs_return_temp_degc", "cold_plate_case_temp_degc", "tcs_flow_kg_s", "it_power_kw"):
        assert b[name] == pytest.approx(a[name], rel=1e-12)
    assert b["rack_3_return_temp_degc"] == pytest.approx(b["rack_1_return_temp_degc"], rel=1e-12)


def test_unequal_racks_each_rise_by_their_own_heat_over_their_own_flow_and_the_return_mixes():
    plant = built(racks=3, rack_flow_shares=[2.0, 1.0, 1.0], rack_heat_shares=[1.0, 1.0, 2.0])
    kw = (300.0, 500.0, 200.0)
    out = run(plant, 900, **heats(*kw), tcs_pump_speed_command_percent=80.0)
    flow = out["tcs_flow_kg_s"]
    for i, share in enumerate((0.5, 0.25, 0.25)):
        rise = 1000.0 * kw[i] / (share * flow * CP)
        returned = out[f"rack_{i + 1}_return_temp_degc"]
        assert returned - out["tcs_supply_temp_degc"] == pytest.approx(rise, rel=1e-6)
    assert out["tcs_return_temp_degc"] - out["tcs_supply_temp_degc"] == pytest.approx(
        1e6 / flow / CP, rel=1e-6
    )
    cases = [out[f"rack_{i}_case_temp_degc"] for i in (1, 2, 3)]
    assert out["cold_plate_case_temp_degc"] == max(cases) == cases[1]


def test_uneven_racks_start_in_equilibrium():
    plant = built(racks=3, rack_flow_shares=[3.0, 1.0, 2.0], rack_heat_shares=[2.0, 1.0, 1.5], pipe_cells=4)
    before = plant.state
    run(plant, 300)
    assert plant.state == pytest.approx(before, abs=1e-8)


def test_cells_make_the_pipe_a_dead_time_that_stirring_one_volume_is_not():
    """The front through n stirred cells passes half at the transit time, ever steeper: Erlang's distribution."""
    transit_s = 0.5 * (1.011555 * 1000.0 - 3.0 * FLOW) / FLOW
    seen = {}
    for cells in (1, 8):
        plant = built(pipe_cells=cells, pump_ramp_time_s=0.0)
        plant.start_at({"cdu_tcs_pump_speed_command_percent": 100.0, "cdu_rack_heat_kw": 0.0})
        index = [port.name for port in plant.state_ports].index("cdu_rack_inlet_temp_degc")
        supply = [port.name for port in plant.state_ports].index("cdu_tcs_supply_temp_degc")
        low = plant.state[index]
        run(plant, round(0.5 * transit_s), fws_supply_temp_degc=low + 5.0)
        seen[cells] = (plant.state[index] - low) / (plant.state[supply] - low)
    assert seen[8] < 0.1 < 0.3 < seen[1]


def test_without_supply_racks_draw_nothing_and_are_not_throttled():
    plant = built(throttle_case_temp_degc=60.0)
    out = run(plant, 600, it_supply_ratio=0.0, rack_heat_kw=1500.0)
    assert out["it_power_kw"] == out["throttled_heat_kw"] == 0.0
    assert out["cold_plate_case_temp_degc"] == pytest.approx(out["tcs_supply_temp_degc"], abs=0.01)
    assert run(plant, 1, it_supply_ratio=0.4, rack_heat_kw=1500.0)["it_power_kw"] == pytest.approx(600.0)


def test_pumps_without_supply_coast_as_tripped_ones_do():
    dark, tripped = built(), built()
    tripped.set_fault("cdu_pump_trip", True)
    assert run(dark, 5, pump_supply_ratio=0.0) == run(tripped, 5)


def test_throttling_is_off_by_default_and_holds_the_case_where_it_is_on():
    still = {"tcs_pump_speed_command_percent": 20.0, "fws_supply_temp_degc": 45.0, "rack_heat_kw": 2000.0}
    free, held = (
        built(shutdown_case_temp_degc=180.0),
        built(throttle_case_temp_degc=70.0, throttle_band_k=5.0, throttle_least_share=0.3),
    )
    hot, limited = run(free, 1200, **still), run(held, 1200, **still)
    assert hot["throttled_heat_kw"] == 0.0
    assert hot["cold_plate_case_temp_degc"] > 80.0
    case = limited["cold_plate_case_temp_degc"]
    assert 70.0 < case < 75.0
    # The line from all at 70 °C to 0.3 at 75 °C.
    share = 1.0 - 0.7 * (case - 70.0) / 5.0
    assert limited["it_power_kw"] == pytest.approx(2000.0 * share, rel=1e-9)
    assert limited["it_power_kw"] + limited["throttled_heat_kw"] == pytest.approx(2000.0)
    assert limited["tcs_heat_kw"] == pytest.approx(limited["it_power_kw"], rel=1e-3)


def test_without_flow_throttled_devices_go_on_warming_until_they_switch_off():
    limits = {"throttle_case_temp_degc": 70.0, "throttle_least_share": 0.5, "shutdown_case_temp_degc": 90.0,
              "shutdown_band_k": 2.0}  # fmt: skip
    plant = built(**limits)
    plant.set_fault("cdu_pump_trip", True)
    out = run(plant, 1800, rack_heat_kw=2000.0)
    # What the coolant in the rack had taken up as the flow died away comes back to the cases.
    assert 88.0 < out["cold_plate_case_temp_degc"] < 100.0
    assert out["it_power_kw"] == 0.0


def test_a_hard_and_heavy_throttle_is_integrated_with_steps_as_short_as_it_needs():
    plant = built(throttle_case_temp_degc=60.0, throttle_band_k=0.5, throttle_least_share=0.0,
                  cold_plate_heat_capacity_j_k=20.0)  # fmt: skip
    cases = [run(plant, 1, rack_heat_kw=6000.0)["cold_plate_case_temp_degc"] for _ in range(120)]
    assert max(cases) < 60.5
    assert np.ptp(cases[-10:]) < 0.02


@pytest.mark.parametrize(
    ("settings", "figure"),
    [
        ({"racks": 0}, "racks"), ({"racks": 17}, "racks"), ({"pipe_cells": 11}, "pipe_cells"),
        ({"racks": 2, "rack_flow_shares": [1.0]}, "rack_flow_shares"),
        ({"racks": 2, "rack_flow_shares": [1.0, 0.0]}, "rack_flow_shares"),
        ({"racks": 2, "rack_flow_shares": [1.0, 99.0]}, "flow_share_over_heat_share"),
        ({"throttle_case_temp_degc": 5.0}, "throttle_case_temp_degc"),
        ({"throttle_case_temp_degc": 80.0, "shutdown_case_temp_degc": 82.0}, "shutdown_case_temp_degc"),
        ({"throttle_band": 3.0}, "throttle_band"),
        ({"pipe_cells": 10, "figures": {"tcs_loop_volume_l": 200.0}}, "pipe_cells"),
    ],
)  # fmt: skip
def test_a_figure_out_of_range_is_refused_by_name(settings, figure):
    with pytest.raises(PlantSettingError, match=figure):
        cdu("deschutes_2mw", **settings)


def test_the_plant_itself_has_the_same_flow_at_other_exponents():
    figures = {"filter_exponent": 1.2, "rack_exponent": 2.0, "filter_drop_kpa": 200.0}
    whole = Composition()
    whole.add("cdu", cdu("deschutes_2mw", figures=figures))
    plant = whole.build()
    from plant_models import datasheet

    alone = CduPlant.from_datasheet(datasheet("deschutes_2mw", **figures))
    inputs = {
        "rack_heat_kw": 1000.0,
        "fws_valve_command_percent": 50.0,
        "tcs_pump_speed_command_percent": 40.0,
    }
    out = run(plant, 60, **inputs)
    held = list({**alone.inputs, **inputs}.values())
    for _ in range(60):
        expected = alone.step(held, 1.0)
    assert out["tcs_flow_kg_s"] == pytest.approx(expected[2], rel=1e-11)
    assert out["rack_differential_pressure_kpa"] == pytest.approx(expected[4], rel=1e-11)
