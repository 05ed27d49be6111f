"""Pump curves by points, and figures of a CDU that follow from others."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from plant_models import CduPlant, Composition, DatasheetError, datasheet
from plant_models.components.cdu import cdu
from plant_models.datasheets import DESCHUTES_2MW, datasheet_from
from plant_models.pump_curve import curve_flow, curve_head, falling_slopes

FLOWS = [0.0, 8.0, 16.0, 24.0, 32.0, 40.0]
HEADS = [1000.0, 990.0, 950.0, 880.0, 760.0, 560.0]
CURVE = {"pump_curve_flow_kg_s": FLOWS, "pump_curve_head_kpa": HEADS}
OUT = {port.name: slot for slot, port in enumerate(CduPlant.output_ports)}


def test_slopes_inside_are_those_of_scipys_monotone_interpolation():
    expected = PchipInterpolator(FLOWS, HEADS).derivative()(FLOWS)
    assert falling_slopes(FLOWS, HEADS)[1:-1] == pytest.approx(expected[1:-1], rel=1e-12)


def test_the_curve_goes_through_its_points_falls_and_is_inverted():
    array = np.array([*FLOWS, *HEADS, *falling_slopes(FLOWS, HEADS)])
    assert [curve_head(q, array)[0] for q in FLOWS] == pytest.approx(HEADS)
    fine = [curve_head(q, array)[0] for q in np.linspace(0.0, 60.0, 400)]
    assert all(a > b for a, b in pairwise(fine))
    for q in (0.5, 7.0, 16.0, 33.0, 50.0):
        head, slope = curve_head(q, array)
        assert curve_flow(head, array) == pytest.approx(q, rel=1e-10)
        step = 1e-5
        assert slope == pytest.approx((curve_head(q + step, array)[0] - head) / step, rel=1e-3)
    assert curve_flow(1200.0, array) == 0.0


def drops_kpa(q):
    ratio = q / 31.48
    return 80.0 * ratio**2 + 65.0 * ratio**1.76 + 586.0 * ratio**1.85


@pytest.mark.parametrize("speed", [100.0, 80.0, 45.0, 12.0])
def test_the_operating_point_is_where_the_affine_curve_meets_the_circuit(speed):
    plant = CduPlant.from_datasheet(datasheet("deschutes_2mw", **CURVE), pump_ramp_time_s=0.0)
    q = plant.step([0.0, 26.8, 160.0, 50.0, speed], 1.0)[OUT["tcs_flow_kg_s"]]
    n = speed / 100.0
    own = PchipInterpolator(FLOWS, HEADS)(q / n)
    # scipy's ends have other slopes: inside the outer pieces alone the two are the same curve.
    within = 1e-9 if 8.0 < q / n < 32.0 else 0.01
    assert n * n * own == pytest.approx(drops_kpa(q), rel=within)
    assert 0.0 < q < 40.0 * n * 1.5


def test_affinity_on_the_quadratic_circuit_holds_for_any_curve():
    figures = {"filter_exponent": 2.0, "rack_exponent": 2.0, **CURVE}
    plant = CduPlant.from_datasheet(datasheet("deschutes_2mw", **figures), pump_ramp_time_s=0.0)
    full, half = (plant.step([0.0, 26.8, 160.0, 50.0, speed], 1.0) for speed in (100.0, 50.0))
    assert half[OUT["tcs_flow_kg_s"]] == pytest.approx(0.5 * full[OUT["tcs_flow_kg_s"]], rel=1e-10)
    assert half[OUT["pump_power_kw"]] == pytest.approx(0.125 * full[OUT["pump_power_kw"]], rel=1e-10)


def test_the_design_flow_comes_at_the_speed_that_the_curve_says():
    plant = CduPlant.from_datasheet(datasheet("deschutes_2mw", **CURVE), pump_ramp_time_s=0.0)
    speed = 100.0 * plant.parameters.pump_design_speed
    assert 95.0 < speed < 100.0
    out = plant.step([0.0, 26.8, 160.0, 50.0, speed], 1.0)
    assert out[OUT["tcs_flow_kg_s"]] == pytest.approx(31.48, rel=1e-9)
    assert out[OUT["pump_power_kw"]] == pytest.approx(74.0, rel=1e-9)


def test_pumps_in_parallel_on_their_curves_meet_at_one_head():
    whole = Composition()
    whole.add("cdu", cdu("deschutes_2mw", figures=CURVE, pumps=3, pump_ramp_time_s=0.0))
    plant = whole.build()
    held = {f"cdu_tcs_pump_{j}_speed_command_percent": v for j, v in ((1, 95.0), (2, 80.0), (3, 30.0))}
    out = plant.step(list({**plant.inputs, **held}.values()), 1.0)
    values = dict(zip((port.name for port in plant.output_ports), out, strict=True))
    flows = [values[f"cdu_pump_{j}_flow_kg_s"] for j in (1, 2, 3)]
    assert sum(flows) == pytest.approx(values["cdu_tcs_flow_kg_s"], rel=1e-9)
    assert flows[2] == 0.0
    array = np.array([*FLOWS, *HEADS, *falling_slopes(FLOWS, HEADS)])
    heads = [n * n * curve_head(3.0 * q / n, array)[0] for n, q in ((0.95, flows[0]), (0.8, flows[1]))]
    assert heads == pytest.approx([drops_kpa(sum(flows))] * 2, rel=1e-8)


@pytest.mark.parametrize(("figures", "named"), [
    ({"pump_curve_flow_kg_s": [0, 20, 40], "pump_curve_head_kpa": [900, 950, 700]}, "must fall: 900 kPa at 0 kg/s"),
    ({"pump_curve_flow_kg_s": [0, 20, 40], "pump_curve_external_head_kpa": [700, 690, 685]}, "must fall"),
    ({"pump_curve_flow_kg_s": [0, 40, 20], "pump_curve_head_kpa": [900, 800, 700]}, "must rise"),
    ({"pump_curve_flow_kg_s": [0, 40], "pump_curve_head_kpa": [900, 800, 700]}, "2 points and its heads 3"),
    ({"pump_curve_flow_kg_s": [0, 40], "pump_curve_head_kpa": [900, math.nan]}, "must rise"),
    ({"pump_curve_flow_kg_s": [0, 40]}, "2 points and its heads 0"),
    ({**CURVE, "pump_curve_external_head_kpa": HEADS}, "one of the two"),
    ({"pump_curve_flow_kg_s": [0, 40], "pump_curve_head_kpa": [500, 300]}, "take 731"),
    ({"pump_curve_flow_kg_s": [0, 400], "pump_curve_head_kpa": [90e3, 80e3]}, "another pump's"),
    ({"filter_exponent": 3.0}, "filter_exponent = 3.0"), ({"rack_exponent": 0.5}, "rack_exponent = 0.5"),
    ({"fws_available_drop_kpa": 100.0, "fws_available_flow_kg_s": 20.0}, "give one"),
    ({"fws_available_flow_kg_s": -1.0}, "fws_available_flow_kg_s"),
])  # fmt: skip
def test_figures_that_disagree_are_refused_by_name(figures, named):
    with pytest.raises(DatasheetError, match=named):
        CduPlant.from_datasheet(datasheet("deschutes_2mw", **figures))


def test_a_design_speed_that_the_curve_denies_is_refused():
    with pytest.raises(DatasheetError, match="pump_design_speed_percent = 60"):
        CduPlant.from_datasheet(datasheet("deschutes_2mw", **CURVE), pump_design_speed_percent=60.0)


@pytest.mark.parametrize("position", [100.0, 70.0])
def test_an_available_flow_is_what_comes_with_the_valve_open(position):
    sheet = datasheet("deschutes_2mw", fws_available_flow_kg_s=24.0)
    plant = CduPlant.from_datasheet(sheet, valve_design_position_percent=position, valve_stroke_time_s=0.0)
    drop = plant.default_inputs["fws_differential_pressure_kpa"]
    assert plant.step([1000.0, 26.8, drop, 100.0, 80.0], 1.0)[OUT["fws_flow_kg_s"]] == pytest.approx(
        24.0, rel=1e-9
    )


ALONE = {
    "duty_kw": 1000.0, "tcs_supply_temp_degc": 32.0, "fws_supply_temp_degc": 28.0, "tcs_return_temp_degc": 42.0,
    "fws_return_temp_degc": 38.0, "tcs_fluid": "PG25 by mass", "rack_drop_kpa": 100.0, "fws_drop_kpa": 100.0,
}  # fmt: skip


def test_a_sheet_of_figures_alone_has_its_flows_from_duty_and_temperatures():
    sheet = datasheet_from(None, **ALONE)
    assert sheet.approach_k == pytest.approx(4.0)
    # 1.5 L/min a kilowatt at 10 K (PLANT.md §3).
    assert sheet.tcs_flow_kg_s / 1.0118 * 60.0 / 1000.0 == pytest.approx(1.5, rel=0.01)
    assert sheet.tcs_flow_kg_s == pytest.approx(1e6 / 3963.0 / 10.0, rel=1e-3)
    plant = CduPlant.from_datasheet(sheet)
    settled = plant.steady_state({
        "rack_heat_kw": 1000.0, "fws_valve_command_percent": 100.0, "tcs_pump_speed_command_percent": 100.0,
    })  # fmt: skip
    assert settled["tcs_supply_temp_degc"] == pytest.approx(32.0, abs=0.01)
    assert settled["tcs_return_temp_degc"] == pytest.approx(42.0, abs=0.02)
    by_volume = datasheet_from(None, **{**ALONE, "tcs_fluid": "PG25 by volume"})
    assert by_volume.tcs_flow_kg_s > sheet.tcs_flow_kg_s


@pytest.mark.parametrize(("changes", "named"), [
    ({"duty_kw": None}, "needs duty_kw"), ({"rack_drop_kpa": None}, "rack_drop_kpa"),
    ({"tcs_return_temp_degc": 30.0}, "tcs_return_temp_degc = 30 is not above"),
    ({"fws_supply_temp_degc": 33.0}, "tcs_supply_temp_degc = 32 is not above fws_supply_temp_degc = 33: against"),
    ({"fws_supply_temp_degc": None, "approach_k": -4.0}, "= 32 is not above fws_supply_temp_degc = 36"),
    ({"fws_return_temp_degc": 45.0}, "warmer than the TCS return"), ({"approach_k": 9.0}, "tcs_supply_temp_degc"),
])  # fmt: skip
def test_figures_alone_that_cannot_be_are_refused(changes, named):
    figures = {name: value for name, value in {**ALONE, **changes}.items() if value is not None}
    with pytest.raises(DatasheetError, match=named):
        CduPlant.from_datasheet(datasheet_from(None, **figures))


def test_the_limits_of_the_ready_sheets_coolants_are_coolprops():
    from plant_models.fluid import coolant_limits

    found = coolant_limits(DESCHUTES_2MW.tcs_fluid)
    assert found.freezing_degc == pytest.approx(DESCHUTES_2MW.tcs_limits.freezing_degc, abs=1e-3)
    assert found.expansion_per_k == pytest.approx(DESCHUTES_2MW.tcs_limits.expansion_per_k, rel=1e-4)
