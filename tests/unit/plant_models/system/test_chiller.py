"""Chiller bank: sequence and its times, staging, trips, refusals to start, controller."""

import math
from itertools import pairwise

import numpy as np
import pytest
from control import forced_response

from plant_models import Composition, linearize
from plant_models.components.chiller import chiller
from plant_models.errors import DatasheetError, PlantSettingError

WANTED = {
    "bank_flow_kg_s": 60.0,
    "bank_inlet_temp_degc": 12.0,
    "bank_condenser_air_temp_degc": 35.0,
    "bank_enable_command_percent": 90.0,
    "bank_supply_setpoint_temp_degc": 7.0,
}
OFF, STARTING, RUNNING, TRIPPED = range(4)


def built(machines=2, **figures):
    whole = Composition()
    whole.add("bank", chiller(1000.0, machines=machines, flow_kg_s=60.0, cp_j_kgk=4186.0, **figures))
    whole.expose("bank.upstream_conductance_kg_s_kpa05")
    return whole.build()


def stepped(plant, dt_s=1.0, **inputs):
    names = [port.name for port in plant.output_ports]
    return dict(zip(names, plant.step(list({**plant.inputs, **inputs}.values()), dt_s), strict=True))


def ran(plant, seconds, **inputs):
    """Outputs after each second; the first is that after one."""
    return [stepped(plant, 1.0, **inputs) for _ in range(seconds)]


def modes(trail, machine):
    """Seconds at which a machine changes, with what it changes to."""
    of = [int(out[f"bank_machine_{machine}_state"]) for out in trail]
    return [
        (second + 1, mode)
        for second, (mode, before) in enumerate(zip(of, [OFF, *of], strict=False))
        if mode != before
    ]


def test_the_first_machine_starts_and_the_next_follows_when_it_is_full():
    plant = built()
    trail = ran(plant, 500, **WANTED)
    assert modes(trail, 1) == [(10, STARTING), (70, RUNNING)]
    ramp = [out["bank_load_percent"] for out in trail[69:169]]
    assert max(b - a for a, b in pairwise(ramp)) <= 100.0 / 120.0 + 1e-9
    full = next(second for second, out in enumerate(trail, 1) if out["bank_load_percent"] >= 95.0)
    (started, first), (runs, second) = modes(trail, 2)
    assert (first, second) == (STARTING, RUNNING)
    assert started == pytest.approx(full + 120, abs=2)
    assert runs == started + 60


def test_it_holds_its_set_point_and_goes_back_without_wind_up():
    plant = built()
    ran(plant, 1)
    stepped(plant, 3600.0, **WANTED | {"bank_inlet_temp_degc": 25.0})
    saturated = stepped(plant, 1.0)
    assert saturated["bank_load_percent"] == pytest.approx(100.0, abs=1e-6)
    assert saturated["bank_outlet_temp_degc"] > 15.0
    trail = ran(plant, 1200, bank_inlet_temp_degc=13.0)
    assert min(out["bank_outlet_temp_degc"] for out in trail) > 6.0
    assert trail[-1]["bank_outlet_temp_degc"] == pytest.approx(7.0, abs=0.01)
    heat = 60.0 * 4.186 * (13.0 - 7.0)
    assert trail[-1]["bank_cooling_kw"] == pytest.approx(heat, rel=0.002)


def test_a_machine_that_refuses_is_replaced_by_the_next():
    plant = built()
    plant.set_fault("bank_machine_1_fails_to_start", True)
    trail = ran(plant, 140, **WANTED)
    assert modes(trail, 1) == [(10, STARTING), (70, TRIPPED)]
    assert modes(trail, 2) == [(70, STARTING), (130, RUNNING)]


def test_a_machine_alone_tries_again_after_its_off_time():
    plant = built(1)
    plant.set_fault("bank_machine_1_fails_to_start", True)
    trail = ran(plant, 320, **WANTED)
    assert modes(trail, 1) == [(10, STARTING), (70, TRIPPED), (250, STARTING), (310, TRIPPED)]
    plant.set_fault("bank_machine_1_fails_to_start", False)
    assert modes([trail[-1], *ran(plant, 300)], 1)[1:] == [(171, STARTING), (231, RUNNING)]


def test_minimum_times_hold_a_machine_on_and_keep_it_from_starting_too_often():
    plant = built(1)
    before = ran(plant, 100, **WANTED)
    held = ran(plant, 300, bank_enable_command_percent=0.0)
    assert modes([*before, *held], 1)[-1] == (370, OFF)
    again = ran(plant, 600, bank_enable_command_percent=90.0)
    # 900 s from start to start: from 10 to 910.
    assert modes([*before, *held, *again], 1)[-2:] == [(910, STARTING), (970, RUNNING)]


def test_the_off_time_counts_where_the_start_was_long_ago():
    plant = built(1, start_to_start_time_s=0.0, least_on_time_s=0.0)
    trail = ran(plant, 200, **WANTED) + ran(plant, 5, bank_enable_command_percent=0.0)
    trail += ran(plant, 200, bank_enable_command_percent=90.0)
    assert modes(trail, 1)[-2:] == [(201, OFF), (380, STARTING)]


@pytest.mark.parametrize(
    ("cause", "cured", "after_s"),
    [
        ({"bank_flow_kg_s": 20.0}, {"bank_flow_kg_s": 60.0}, 5),
        ({"bank_condenser_air_temp_degc": 53.0}, {"bank_condenser_air_temp_degc": 40.0}, 1),
        ({"bank_inlet_temp_degc": 0.0}, {"bank_inlet_temp_degc": 12.0}, 30),
    ],
)
def test_a_trip_locks_all_machines_out_until_cause_and_delay_are_gone(cause, cured, after_s):
    plant = built()
    plant.set_fault("bank_machine_2_trip", True)
    stepped(plant, 1000.0, **WANTED)
    trail = ran(plant, after_s, **cause)
    assert trail[0]["bank_machine_1_state"] == (TRIPPED if after_s == 1 else RUNNING)
    assert trail[-1]["bank_machine_1_state"] == TRIPPED
    trail = ran(plant, 400)
    assert trail[-1]["bank_machine_1_state"] == TRIPPED
    assert trail[-1]["bank_cooling_kw"] == trail[-1]["bank_power_kw"] == trail[-1]["bank_cop"] == 0.0
    back = ran(plant, 150, **cured)
    assert back[-1]["bank_machine_1_state"] == RUNNING
    assert back[-1]["bank_machine_2_state"] == TRIPPED


def test_a_trip_is_not_reset_just_below_its_limit():
    plant = built(1)
    stepped(plant, 1000.0, **WANTED)
    stepped(plant, 400.0, bank_condenser_air_temp_degc=53.0)
    assert stepped(plant, 400.0, bank_condenser_air_temp_degc=50.0)["bank_machine_1_state"] == TRIPPED
    assert stepped(plant, 400.0, bank_condenser_air_temp_degc=48.0)["bank_machine_1_state"] == RUNNING


def test_short_of_flow_for_less_than_the_proof_time_is_no_trip():
    plant = built(1)
    stepped(plant, 500.0, **WANTED)
    trail = ran(plant, 4, bank_flow_kg_s=20.0) + ran(plant, 60, bank_flow_kg_s=60.0)
    assert all(out["bank_machine_1_state"] == RUNNING for out in trail)


def test_the_last_machine_stops_when_the_others_carry_its_load():
    plant = built()
    assert stepped(plant, 1000.0, **WANTED)["bank_machines_running"] == 2
    trail = ran(plant, 700, bank_inlet_temp_degc=9.5)
    assert modes([{"bank_machine_2_state": RUNNING}, *trail], 2)[-1][1] == OFF
    assert trail[-1]["bank_machines_running"] == 1
    assert trail[-1]["bank_outlet_temp_degc"] == pytest.approx(7.0, abs=0.05)


def test_below_its_least_load_a_machine_cycles_and_with_hot_gas_it_does_not():
    small = WANTED | {"bank_inlet_temp_degc": 7.4}
    for hot_gas, least, most in ((0.0, 1, 4), (1.0, 0, 0)):
        plant = built(1, hot_gas_bypass=hot_gas, start_difference_k=0.3, cycle_off_difference_k=0.3)
        stepped(plant, 400.0, **WANTED | {"bank_inlet_temp_degc": 9.0})
        trail = ran(plant, 3000, **small)
        stops = sum(mode == OFF for _, mode in modes([{"bank_machine_1_state": RUNNING}, *trail], 1))
        assert least <= stops <= most
    assert trail[-1]["bank_outlet_temp_degc"] == pytest.approx(7.0, abs=0.01)
    assert trail[-1]["bank_cop"] < 2.5


def test_capacity_and_cop_fall_with_warmer_air():
    plant = built(1)
    full = WANTED | {"bank_supply_setpoint_temp_degc": 4.0}
    mild, hot = (
        stepped(plant, 2000.0, **full | {"bank_condenser_air_temp_degc": air}) for air in (30.0, 48.0)
    )
    assert hot["bank_cooling_kw"] < 0.95 * mild["bank_cooling_kw"]
    assert hot["bank_cop"] < 0.75 * mild["bank_cop"]


def test_it_goes_on_from_the_middle_of_a_start_to_the_bit():
    plant = built()
    ran(plant, 37, **WANTED)
    kept = plant.snapshot()
    onward = [plant.step(list(plant.inputs.values()), 1.0) for _ in range(120)]
    plant.restore(kept)
    assert [plant.step(list(plant.inputs.values()), 1.0) for _ in range(120)] == onward
    other = built()
    other.restore(kept)
    assert [other.step(list(other.inputs.values()), 1.0) for _ in range(120)] == onward


def test_it_settles_and_linearises_with_machines_running():
    plant = built()
    point = WANTED | {"bank_upstream_conductance_kg_s_kpa05": 10.0}
    assert plant.start_at(point)
    rest = stepped(plant, 0.0)
    assert rest["bank_machines_running"] == 2
    assert rest["bank_outlet_temp_degc"] == pytest.approx(7.0, abs=1e-6)
    system = linearize(plant, point)
    times = np.arange(0.0, 121.0)
    u = np.zeros((len(plant.input_ports), times.size))
    u[system.input_labels.index("bank_supply_setpoint_temp_degc")] = 0.05
    row = system.output_labels.index("bank_outlet_temp_degc")
    linear = np.asarray(forced_response(system, times, u).outputs)[row]
    trail = ran(plant, 120, bank_supply_setpoint_temp_degc=7.05)
    moved = np.array([out["bank_outlet_temp_degc"] for out in trail]) - rest["bank_outlet_temp_degc"]
    assert moved == pytest.approx(linear[1:], abs=0.01 * np.abs(linear).max())


def test_an_idle_bank_passes_water_and_settles():
    plant = built()
    idle = WANTED | {"bank_enable_command_percent": 0.0}
    assert plant.start_at(idle)
    out = stepped(plant, 0.0)
    assert out["bank_outlet_temp_degc"] == pytest.approx(12.0, abs=1e-6)
    assert out["bank_cop"] == out["bank_power_kw"] == out["bank_machines_running"] == 0.0


def test_without_flow_nothing_starts_and_nothing_is_lost():
    plant = built()
    out = stepped(plant, 600.0, **WANTED | {"bank_flow_kg_s": 0.0})
    assert out["bank_machine_1_state"] == OFF
    assert out["bank_outlet_temp_degc"] == 25.0
    assert all(math.isfinite(value) for value in out.values())


def test_its_drop_is_in_series_with_what_is_upstream():
    plant = built()
    own = 60.0 / math.sqrt(60.0)
    out = stepped(plant, 0.0, bank_upstream_conductance_kg_s_kpa05=own)
    assert out["bank_conductance_kg_s_kpa05"] == pytest.approx(own / math.sqrt(2.0), rel=1e-12)


def test_figures_that_cannot_be_are_refused():
    for figures, error, named in (
        ({"nominal_cop": 6.5}, DatasheetError, "6.5.*second law.*5.9"),
        ({"freeze_trip_temp_degc": 7.0}, DatasheetError, "freeze_trip_temp_degc = 7 is not below .* = 6.7"),
        ({"flow_kg_s": 1.0}, DatasheetError, "capacity_kw = 2000 .*flow_kg_s = .*would come .* K warmer"),
        ({"nominal_cop": -1.0}, PlantSettingError, "nominal_cop = -1.0"),
        ({"machines": 0}, PlantSettingError, "machines = 0"),
        ({"least_lod": 0.3}, PlantSettingError, "least_load"),
        ({"drop_kpa": math.nan}, PlantSettingError, "drop_kpa = nan"),
    ):
        with pytest.raises(error, match=named):
            chiller(1000.0, **{"flow_kg_s": 60.0, "cp_j_kgk": 4186.0} | figures)
    with pytest.raises(PlantSettingError, match="capacity_kw"):
        chiller(0.0, flow_kg_s=60.0, cp_j_kgk=4186.0)
