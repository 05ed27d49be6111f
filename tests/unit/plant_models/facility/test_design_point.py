"""A sized facility holds its design supply temperature in simulation, on its worst day and with units out."""

from dataclasses import replace

import pytest

from plant_models.errors import PlantSettingError
from plant_models.facility.plant import composition, default_outputs
from plant_models.facility.sizes import FacilitySizes
from plant_models.facility.sizing import size_facility
from plant_models.facility.spec import FacilitySpec
from plant_models.weather.climate import BIZERTE


def on_the_worst_day(spec: FacilitySpec, sizes: FacilitySizes, load: float) -> dict[str, float]:
    """Inputs: the spare CDUs of each module out, the others with its load; all commands open, pads dry."""
    air = sizes.rejection.design_dry_bulb_degc
    inputs = {
        "dry_bulb_temp_degc": air,
        "wet_bulb_temp_degc": sizes.rejection.design_wet_bulb_degc,
        "fws_pump_speed_command_percent": 100.0,
        "fws_standby_pump_speed_command_percent": 0.0,
        # Air warmer than the return would heat it.
        "free_cooling_valve_command_percent": 100.0 if air < sizes.water.return_temp_degc else 0.0,
        "cooler_fan_speed_command_percent": 100.0,
        "pad_command_percent": 0.0,
        "chiller_enable_command_percent": 100.0,
        "chiller_supply_setpoint_temp_degc": spec.supply_temp_degc - 0.5,
    }
    cdus = sizes.cdus
    for i in range(cdus.installed):
        runs = i % cdus.per_module >= cdus.per_module - cdus.duty_per_module
        inputs[f"cdu_{i + 1}_rack_heat_kw"] = load * cdus.worst_load_kw * runs
        inputs[f"cdu_{i + 1}_fws_valve_command_percent"] = 100.0 * runs
        inputs[f"cdu_{i + 1}_tcs_pump_speed_command_percent"] = 100.0 * runs
    return inputs


@pytest.mark.parametrize(
    ("spec", "minutes"),
    [
        (FacilitySpec(it_power_mw=20.0), 30),
        (FacilitySpec(it_power_mw=2.5, supply_class="W27", climate="tozeur", hottest_dry_bulb_degc=55.0), 60),
        (FacilitySpec(it_power_mw=2.5, supply_class="W45", spare_units=0, spare_cdus_per_module=0), 60),
    ],
    ids=["20 MW", "W27 at 55 °C", "W45 without spares"],
)
def test_the_hottest_day_at_full_load_with_a_unit_of_each_out_is_held(
    spec: FacilitySpec, minutes: int
) -> None:
    sizes = size_facility(spec)
    # One cooler out is a bank without it; the chillers that are spare refuse to start.
    built = replace(
        sizes, rejection=replace(sizes.rejection, coolers=sizes.rejection.coolers - spec.spare_units)
    )
    plant = composition(spec, built).build(default_outputs(built), longest_substep_s=0.5)
    for j in range(sizes.rejection.machines - sizes.rejection.duty_machines):
        plant.set_fault(f"chillers_machine_{j + 1}_fails_to_start", True)
    names = [port.name for port in plant.output_ports]
    for load, length in ((0.3, 20), (1.0, minutes)):
        inputs = {**plant.inputs, **on_the_worst_day(spec, sizes, load)}
        for _ in range(length):
            out = dict(zip(names, plant.step([inputs[name] for name in plant.inputs], 60.0), strict=True))
    running = [
        name.removesuffix("_rack_heat_kw") for name, value in inputs.items() if "rack_heat" in name and value
    ]
    assert len(running) == sizes.cdus.modules * sizes.cdus.duty_per_module
    warmest = max(out[f"{name}_tcs_supply_temp_degc"] for name in running)
    assert out["fws_supply_temp_degc"] <= spec.supply_temp_degc + 0.02
    assert warmest <= spec.supply_temp_degc + spec.sheet.approach_k
    assert out["power_it_power_kw"] == pytest.approx(1000.0 * spec.it_power_mw)
    assert out["power_facility_power_kw"] <= 1.01 * sizes.power.peak_kw
    assert out["site_hottest_case_temp_degc"] < spec.throttle_case_temp_degc


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            FacilitySpec(throttle_case_temp_degc=50.0),
            r"case temperature at full load = 59.3 °C is outside 0 … 50",
        ),
        (
            FacilitySpec(
                climate=replace(
                    BIZERTE,
                    name="far north",
                    min_temp_degc=tuple(low - 20.0 for low in BIZERTE.min_temp_degc),
                    max_temp_degc=tuple(high - 20.0 for high in BIZERTE.max_temp_degc),
                )
            ),
            "over the facility water's freezing point = -13.3 K .*far north; it freezes at 0.0 °C",
        ),
        (
            FacilitySpec(it_power_mw=40.0, module_mw=10.0, largest_pump_kg_s=500.0),
            r"largest_chiller_kw = 2500 takes 15 \+ 1 chillers for 365\d\d kW; a bank has at most 12",
        ),
    ],
)
def test_a_spec_that_no_sound_facility_has_is_refused_with_its_figures(
    spec: FacilitySpec, message: str
) -> None:
    with pytest.raises(PlantSettingError, match=message):
        size_facility(spec)


def test_figures_that_are_no_numbers_are_refused_by_name() -> None:
    with pytest.raises(PlantSettingError, match="it_power_mw = 'ten' is no number"):
        FacilitySpec(it_power_mw="ten")  # type: ignore[arg-type]  # what a caller may do
