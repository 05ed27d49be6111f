from dataclasses import fields, replace

import pytest

from plant_models import (
    DATASHEETS,
    DESCHUTES_2MW,
    XDU1350,
    CduDatasheet,
    CduPlant,
    CduSettings,
    ColdPlate,
    DatasheetError,
    Fluid,
    PlantSettingError,
    datasheet,
    datasheet_from,
    fluid_properties,
)
from plant_models import cdu_physics as physics
from plant_models.cold_plate import OCP_1KW_OAM_PG25
from plant_models.parameters import CURVE, PLACE, CduParameters
from plant_models.sizing import size, solve_design


@pytest.mark.parametrize("sheet", [DESCHUTES_2MW, XDU1350], ids=["deschutes", "xdu1350"])
def test_the_properties_a_ready_sheet_carries_are_coolprops(sheet):
    point = solve_design(sheet, CduSettings())
    asked = solve_design(replace(sheet, tcs_properties=None, fws_properties=None), CduSettings())
    for side in ("tcs", "fws"):
        carried, found = getattr(point, side), getattr(asked, side)
        for field in fields(found):
            assert getattr(carried, field.name) == pytest.approx(getattr(found, field.name), rel=1e-4)


def test_changed_figures_bring_their_own_properties():
    sheet = datasheet(
        "deschutes_2mw", tcs_fluid="PG25 by mass", fws_supply_temp_degc=35.0, tcs_return_temp_degc=None
    )
    assert sheet.tcs_properties is None
    point = solve_design(sheet, CduSettings())
    mean_degc = 0.5 * (point.tcs_supply_temp_degc + point.tcs_return_temp_degc)
    assert point.tcs.density_kg_m3 == pytest.approx(
        fluid_properties(sheet.tcs_fluid, mean_degc).density_kg_m3, rel=1e-5
    )


def test_somebody_elses_cdu_is_made_from_figures_alone():
    sheet = datasheet_from(
        None, name="mine", duty_kw=500.0, approach_k=5.0, tcs_flow_kg_s=10.0, fws_flow_kg_s=9.0,
        tcs_fluid="PG25 by mass",
        fws_supply_temp_degc=20.0, rack_drop_kpa=200.0, fws_drop_kpa=100.0, tcs_loop_volume_l=300.0,
    )  # fmt: skip
    plant = CduPlant.from_datasheet(sheet, valve_stroke_time_s=60.0)
    assert plant.parameters.valve_stroke_time_s == 60.0
    assert plant.parameters.tcs_flow_kg_s == 10.0


def test_a_missing_figure_is_named():
    with pytest.raises(DatasheetError, match="approach_k"):
        datasheet_from(None, name="mine", duty_kw=500.0)


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"duty_kw": -1.0}, "duty_kw"),
        ({"duty_kw": float("nan")}, "duty_kw"),
        ({"valve_authority": 1.0}, "valve_authority"),
        ({"filter_drop_kpa": -1.0}, "filter_drop_kpa"),
        # Heat balance: the sheet's own return temperature, ten times the duty.
        ({"tcs_return_temp_degc": 60.0}, "tcs_return_temp_degc.*duty_kw.*tcs_flow_kg_s"),
        ({"duty_kw": 20_000.0}, "duty_kw.*tcs_flow_kg_s"),
        ({"fws_return_temp_degc": 30.0}, "fws_return_temp_degc.*fws_flow_kg_s"),
        ({"tcs_supply_temp_degc": 33.0}, "tcs_supply_temp_degc.*approach_k"),
        # Second law: FWS would leave warmer than what warms it; TCS would leave colder than what cools it.
        ({"fws_flow_kg_s": 20.0}, "fws_flow_kg_s and approach_k"),
        ({"approach_k": 0.4, "tcs_return_temp_degc": None}, "approach_k.*colder"),
        # Efficiency from wire to water.
        ({"electrical_kw": 10.0}, "electrical_kw"),
        ({"electrical_kw": 400.0}, "electrical_kw"),
        ({"tcs_loop_volume_l": 50.0}, "tcs_loop_volume_l"),
    ],
)
def test_figures_that_disagree_are_refused_by_name(figures, named):
    with pytest.raises(DatasheetError, match=named):
        CduPlant.from_datasheet(datasheet("deschutes_2mw", **figures))


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: datasheet("deschutes"), "deschutes_2mw"),
        (lambda: datasheet("xdu1350", dutykw=3.0), "duty_kw"),
        (lambda: datasheet("xdu1350", tcs_fluid="PG20"), "by volume"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_right_one(call, hint):
    with pytest.raises(DatasheetError, match=hint):
        call()


@pytest.mark.parametrize(
    ("settings", "hint"),
    [({"valve_stroke_s": 5.0}, "valve_stroke_time_s"), ({"initial_rack_heat": 5.0}, "initial_rack_heat_kw"),
     ({"initial_rack_heat_kw": -5.0}, "rack_heat_kw"), ({"pump_ramp_time_s": -1.0}, "pump_ramp_time_s"),
     ({"pump_ramp_time_s": float("nan")}, "pump_ramp_time_s")],
)  # fmt: skip
def test_a_setting_that_is_unknown_or_out_of_range_is_refused(settings, hint):
    with pytest.raises(PlantSettingError, match=hint):
        CduPlant.from_datasheet("xdu1350", **settings)


@pytest.mark.parametrize(
    ("flows", "resistances"),
    [((0.4, 0.6), (0.03,)), ((0.4,), (0.03,)), ((0.6, 0.4), (0.02, 0.03)), ((0.0, 0.4), (0.03, 0.02)),
     ((0.4, 0.6), (0.001, 0.001))],
)  # fmt: skip
def test_a_cold_plate_table_that_cannot_be_is_refused(flows, resistances):
    with pytest.raises(PlantSettingError, match="cold plate"):
        size(XDU1350, CduSettings(), ColdPlate(1.0, 100.0, flows, resistances))


def test_each_parameter_lies_in_its_place_of_the_array():
    parameters = size(DESCHUTES_2MW, CduSettings())
    packed = parameters.packed(OCP_1KW_OAM_PG25)
    for field in fields(CduParameters)[:-1]:
        assert packed[PLACE[field.name]] == getattr(parameters, field.name)
    assert packed[CURVE:].tolist() == [*OCP_1KW_OAM_PG25.flow_l_min, *OCP_1KW_OAM_PG25.resistance_k_w]
    assert len(PLACE) == len(fields(CduParameters)) - 1, "all but the pump curve are numbers"
    # Spot checks that the kernels' short names stand at the places of the long ones.
    assert PLACE["tcs_flow_kg_s"] == physics._TCS_FLOW
    assert PLACE["pump_coast_time_s"] == physics._COAST_S
    assert PLACE["plate_capacity_j_k"] == physics._PLATE_C


def test_the_registry_has_both_and_a_sheet_says_its_source():
    assert set(DATASHEETS) == {"deschutes_2mw", "xdu1350"}
    assert all(isinstance(sheet, CduDatasheet) and "LBNL" in sheet.source for sheet in DATASHEETS.values())
    assert DESCHUTES_2MW.tcs_fluid == Fluid("propylene_glycol", 0.25, "volume")
