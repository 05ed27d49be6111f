"""Energy and mass of the 10 MW facility close, over hours and over each step.

Twelve CDUs under the real trace of twelve CDUs (``shared/data``: Frontier, 7 April 2024), the air of the hottest day of
a synthetic year at Bizerte, and the controllers of ``configs/rigs/facility_10mw.yaml``. Two hours by default; with
``COLDLOOP_WHOLE_DAY=1`` the day of 24 h.

Three balances: the one that the plant integrates beside its states; that of a reader of the trend, who has
powers at whole seconds and takes the trapezoid between them; and those of masses.
"""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from facility_loops import FacilityLoops

from plant_models import FacilitySpec, facility_plant, size_facility, synthetic_year
from plant_models.facility.plant import default_outputs
from plant_models.workload import Profile, Sampled, SquarePulse

NUMBERS = range(1, 13)
DAY_S = 86_400
HOURS = 24.0 if os.environ.get("COLDLOOP_WHOLE_DAY") == "1" else 2.0
START_S = 0.0 if HOURS == 24.0 else 10.0 * 3600.0
"""Of the day: around noon air and changeover move most."""
PUMP_SHARE = 0.9
"""Of the pumps' power, the part that ends in the coolant."""
MORE = (
    *(f"cdu_{i}.{name}" for i in NUMBERS for name in ("fws_flow_kg_s", "pump_power_kw", "it_power_kw")),
    *(f"cdu_{i}.{name}" for i in NUMBERS for name in ("coolant_mass_kg", "fill_reservoir_kg", "lost_coolant_kg")),
    *(f"fws.branch_{i}_flow_kg_s" for i in NUMBERS), "fws.bypass_flow_kg_s", "free_cooling.bypass_flow_kg_s",
    "power.transformer_loss_kw", "power.distribution_loss_kw", "power.battery_energy_kwh", "site.water_used_kg",
    "site.it_energy_kwh", "site.facility_energy_kwh",
)  # fmt: skip


def real_loads(path: Path) -> list[Profile]:
    with gzip.open(path, "rt") as text:
        rows = list(csv.DictReader(text))
    times_s = tuple(float(row["time_s"]) for row in rows)
    return [
        Sampled(times_s, tuple(float(row[f"cdu_{i:02}_heat_w"]) / 1000.0 for row in rows)) for i in NUMBERS
    ]


def synthetic_loads() -> list[Profile]:
    """Training steps, some CDUs in time with each other: for a clone without the trace."""
    return [SquarePulse(400.0, 900.0, 22.0, 0.9, 0.2, start_s=0.0 if i < 7 else float(i)) for i in NUMBERS]


class Day:
    """A run of the facility: its trend as arrays, and the plant at the end."""

    def __init__(self, loads: list[Profile], hours: float, start_s: float) -> None:
        spec = FacilitySpec()
        self.plant = facility_plant(spec, (*default_outputs(size_facility(spec)), *MORE))
        loops = FacilityLoops(self.plant, len(NUMBERS))
        year = synthetic_year("bizerte", seed=1)
        hottest_s = float(np.argmax(year.dry_bulb_temp_degc)) // 24 * DAY_S
        air = {
            name: year.profile(name, hottest_s + start_s)
            for name in ("dry_bulb_temp_degc", "wet_bulb_temp_degc")
        }
        self.stored_j = self.plant.stored_j()
        self.before = self.plant.energies_j()
        rows, heat, modes = [list(loops.outputs.values())], [], set()
        for second in range(round(3600 * hours)):
            given = {name: profile.mean(second, second + 1.0) for name, profile in air.items()}
            at_s = start_s + second
            given |= {f"cdu_{i}_rack_heat_kw": loads[i - 1].mean(at_s, at_s + 1.0) for i in NUMBERS}
            rows.append(list(loops.step(given).values()))
            heat.append(sum(given[f"cdu_{i}_rack_heat_kw"] for i in NUMBERS))
            modes.add(loops.changeover.stage)
        table = np.array(rows)
        self.trend = {name: table[:, k] for k, name in enumerate(loops.outputs)}
        self.demand_kw = np.array(heat)
        self.modes = modes

    def of_cdus(self, port: str) -> np.ndarray:
        """Sum over the CDUs."""  # (n_rows,)
        return np.sum([self.trend[f"cdu_{i}_{port}"] for i in NUMBERS], axis=0)

    def integral(self, values: np.ndarray) -> float:
        """By trapezoids between whole seconds."""
        return float(np.trapezoid(values))


@pytest.fixture(scope="module", params=["real", "synthetic"])
def day(request: pytest.FixtureRequest) -> Day:
    if request.param == "synthetic":
        return Day(synthetic_loads(), 0.25, 12.0 * 3600.0)
    return Day(real_loads(request.getfixturevalue("real_day")), HOURS, START_S)


def test_the_integrated_heat_balance_closes_within_a_thousandth(day: Day) -> None:
    into, out = day.plant.balance_j()
    stored = day.plant.stored_j() - day.stored_j
    assert into > 1e9
    assert abs(into - out - stored) < 1e-3 * into


def test_each_step_closes_within_half_a_per_cent(day: Day) -> None:
    residual = np.abs(day.trend["energy_residual_kw"][1:])
    assert (residual < 0.005 * np.maximum(day.demand_kw, 1.0)).all()
    # No division of a small residual by a large throughput: no component either is off by more than this.
    assert residual.max() < 1.0


def test_a_reader_of_the_trend_finds_the_same_balance(day: Day) -> None:
    t = day.trend
    into = day.of_cdus("it_power_kw") + PUMP_SHARE * (day.of_cdus("pump_power_kw") + t["fws_pump_power_kw"])
    out = t["coolers_heat_kw"] + t["chillers_cooling_kw"]
    stored_kj = (day.plant.stored_j() - day.stored_j) / 1000.0
    throughput = day.integral(into)
    assert abs(throughput - day.integral(out) - stored_kj) < 1e-3 * throughput


def test_the_racks_draw_what_is_asked_of_them(day: Day) -> None:
    """None throttles, so what is drawn is the trace."""
    assert float(day.demand_kw.sum()) == pytest.approx(3600.0 * day.trend["site_it_energy_kwh"][-1], rel=1e-6)


def test_electricity_closes_at_the_meter(day: Day) -> None:
    t = day.trend
    losses = t["power_ups_loss_kw"] + t["power_transformer_loss_kw"] + t["power_distribution_loss_kw"]
    used = t["power_it_power_kw"] + t["power_mechanical_power_kw"] + losses
    charged = 3600.0 * (t["power_battery_energy_kwh"][-1] - t["power_battery_energy_kwh"][0])
    bought = day.integral(t["power_facility_power_kw"])
    assert abs(bought - day.integral(used) - charged) < 1e-3 * bought
    assert bought == pytest.approx(3600.0 * t["site_facility_energy_kwh"][-1], rel=1e-3)
    assert (t["site_pue"] > 1.0).all()


def test_water_is_conserved_at_every_branch_and_way(day: Day) -> None:
    t = day.trend
    branches = np.sum([t[f"fws_branch_{i}_flow_kg_s"] for i in NUMBERS], axis=0)
    flow = t["fws_flow_kg_s"]
    assert np.abs(branches + t["fws_bypass_flow_kg_s"] - flow).max() < 1e-9 * flow.max()
    assert np.abs(day.of_cdus("fws_flow_kg_s") - branches).max() < 1e-9 * flow.max()
    ways = t["free_cooling_cooler_flow_kg_s"] + t["free_cooling_bypass_flow_kg_s"]
    assert np.abs(ways - flow).max() < 1e-9 * flow.max()


def test_coolant_and_make_up_water_are_accounted_for(day: Day) -> None:
    t = day.trend
    held = sum(day.of_cdus(port) for port in ("coolant_mass_kg", "fill_reservoir_kg", "lost_coolant_kg"))
    assert np.ptp(held) < 1e-6 * held[0]
    used = day.integral(t["coolers_water_use_kg_s"])
    assert t["site_water_used_kg"][-1] == pytest.approx(used, rel=1e-3, abs=0.5)


def test_it_was_a_day_that_moves(day: Day) -> None:
    """Closure of a plant at rest says nothing: modes have changed, chillers have run, cases stay cool."""
    t = day.trend
    if len(day.demand_kw) > 3600:
        assert 1 in day.modes
        assert t["chillers_cooling_kw"].max() > 500.0
    assert np.ptp(t["power_it_power_kw"]) > 500.0
    assert t["site_hottest_case_temp_degc"].max() < 75.0
