"""The facility's scenarios as a user runs them: rig, shipped file, times to a limit, trend in the report.

Each is the file in ``configs/scenarios`` with its ramps and waits shortened; what is expected is worked out by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from hil.rig import Wishes, load_rig, run_rig
from plant_models import FacilitySpec, size_facility
from plant_models.components.chiller_settings import ChillerSettings
from plant_models.components.power_losses import curve_loss_kw
from plant_models.components.power_settings import PowerSettings
from plant_models.datasheets import datasheet

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
HOT = {"ramp_s: 7200": "ramp_s: 600"}
SOONER = ("controllers.changeover.minimum_time_s=60", "controllers.changeover.delay_s=10")


class Run(NamedTuple):
    """What a run left."""

    kpis: dict[str, dict[str, float | None]]
    limits: dict[str, dict[str, object]]
    trend: dict[str, npt.NDArray[np.float64]]
    page: str


def run(tmp_path: Path, name: str, duration_s: float, sooner: Mapping[str, str]) -> Run:
    """Run ``facility_<name>`` for ``duration_s`` with pieces of its text replaced."""
    text = (CONFIGS / "scenarios" / f"facility_{name}.yaml").read_text()
    for old, new in sooner.items():
        assert old in text
        text = text.replace(old, new)
    scenario = tmp_path / f"{name}.yaml"
    scenario.write_text(text)
    wishes = Wishes(scenario=scenario, duration_s=duration_s, overrides=SOONER)
    folder = run_rig(load_rig(CONFIGS / "rigs" / "facility_10mw.yaml", wishes), tmp_path / "runs").run_dir
    kpis = json.loads((folder / "kpis.json").read_text())["kpis"]
    table = pq.read_table(folder / "trend.parquet")
    trend = {column: table[column].to_numpy() for column in table.column_names}
    page = (folder / "report.html").read_text()
    assert 'data-figure="faults"' in page
    return Run(kpis, {limit["name"]: limit for limit in kpis["limits"]}, trend, page)


def test_without_primary_pumps_the_supply_goes_to_the_return_and_both_on(tmp_path: Path) -> None:
    """What comes back from the racks, 12 K warmer, leaves uncooled; then the whole loop warms.

    45 °C is three quarters of the way, where the exchanger takes a quarter of the heat: that is 3.1 kg/s of facility
    water to a CDU, 37 kg/s in all, which the coasting pumps still give after 5.5 s; the exchanger lags by a second.
    0.83 MW and the pump's heat on 700 L of PG20 and the water that stands in the exchanger, which holds its design flow
    for a second, is 0.29 K/s (PLANT.md §4: 0.25 for 1 MW on 1000 L).
    """
    found = run(tmp_path, "pump_trip", 760, {"at_s: 1500": "at_s: 600"})
    supply, flow, case = (
        found.trend[f"{name}"]
        for name in ("cdu_1_tcs_supply_temp_degc", "fws_flow_kg_s", "site_hottest_case_temp_degc")
    )
    sheet = datasheet("xdu1350")
    cp, tcs_flow = (
        sheet.tcs_properties.heat_capacity_j_kgk / 1000.0,
        sheet.tcs_flow_kg_s * 0.7 ** (1.0 / 1.85),
    )
    uncooled_degc = supply[600] + 833.3 / (tcs_flow * cp)
    assert flow[600] > 150.0, "the fault acts from its time on"
    assert supply[615] == pytest.approx(uncooled_degc, abs=1.0)
    reached_s = float(np.interp(37.0, flow[612:599:-1], np.arange(12.0, -1.0, -1.0)))
    time_to = found.kpis["time_to"]
    assert time_to["supply_45_degc_s"] == pytest.approx(reached_s + 1.0, abs=1.0)
    held_kj_k = 0.7 * sheet.tcs_properties.density_kg_m3 * cp + sheet.fws_flow_kg_s * 4.18
    assert (supply[700] - supply[660]) / 40.0 == pytest.approx((833.3 + 9.5) / held_kj_k, rel=0.03)
    assert time_to["case_85_degc_s"] > time_to["case_70_degc_s"] > 30.0
    assert found.trend["power_it_power_kw"][-1] < 9000.0 < found.trend["power_it_power_kw"][600 + 110]
    assert case[-1] > 85.0, "where the IT throttles"
    assert "after " + f"{time_to['supply_45_degc_s']:.4g} s" in found.page


def test_coolers_that_lost_fans_leave_their_heat_to_the_spare_chiller(tmp_path: Path) -> None:
    """At 42 °C three standing coolers of five give up what their fans drew through: the spare machine takes it."""
    sooner = {**HOT, "at_s: 10800, for_s: 900": "at_s: 1800, for_s: 900"}
    found = run(tmp_path, "cooler_fans", 2200, sooner)
    before, after = ({name: values[k] for name, values in found.trend.items()} for k in (1800, 2199))
    assert before["coolers_fan_power_kw"] == pytest.approx(576.0, rel=0.02)
    assert after["coolers_fan_power_kw"] == pytest.approx(0.4 * before["coolers_fan_power_kw"], rel=0.01)
    # Two go on as before at the same return; natural draught keeps an eighth of a cooler's capacity.
    lost_kw = before["coolers_heat_kw"] - after["coolers_heat_kw"]
    assert 0.4 < after["coolers_heat_kw"] / before["coolers_heat_kw"] < 0.4 + 0.6 * 0.2
    taken_kw = after["chillers_cooling_kw"] - before["chillers_cooling_kw"]
    # The bank also cools the buffer that got warmer meanwhile.
    assert taken_kw == pytest.approx(lost_kw, abs=0.03 * 10_000.0)
    assert lost_kw > 1000.0
    limit = found.limits["supply_class_32_degc"]
    assert (limit["from_s"], limit["from_fault"]) == (1800.0, "coolers_fan_1_trip")
    assert (limit["time_s"], found.kpis["time_to"]["supply_45_degc_s"]) == (None, None), "N+1 holds"
    assert found.trend["site_hottest_case_temp_degc"][1800:].max() < 54.0


def test_chillers_that_refuse_try_again_and_leave_their_heat_to_pads_and_supply(tmp_path: Path) -> None:
    found = run(tmp_path, "chiller_refusal", 2400, {**HOT, "at_s: 2200": "at_s: 20"})
    machine, running = found.trend["chillers_machine_1_state"], found.trend["chillers_machines_running"]
    starts = 1 + np.flatnonzero((machine[1:] == 1.0) & (machine[:-1] != 1.0))
    assert starts.size >= 3, "it is tried again and again"
    assert (machine != 2.0).all(), "and never runs"
    spec, times = FacilitySpec(), ChillerSettings()
    called_s, failed_s = (found.kpis["time_to"][f"machine_1_{what}_s"] for what in ("called", "failed"))
    assert failed_s - called_s == pytest.approx(spec.chiller_start_time_s, abs=1.0)
    assert np.diff(starts).min() == pytest.approx(spec.chiller_start_time_s + times.least_off_time_s, abs=2.0)
    most_kw = 3.0 * size_facility(spec).rejection.machine_kw
    assert running.max() == 3.0
    assert found.trend["chillers_cooling_kw"][-1] == pytest.approx(most_kw, rel=0.01)
    # What is missing warms the supply, until coolers with wet pads find the rest in a warmer return.
    carried_kw = found.trend["chillers_cooling_kw"][-1] + found.trend["coolers_heat_kw"][-1]
    assert carried_kw == pytest.approx(10_200.0, rel=0.03)
    assert found.kpis["time_to"]["supply_class_32_degc_s"] is not None
    assert found.trend["coolers_water_use_kg_s"][-1] > 0.3
    assert 32.5 < found.trend["fws_supply_temp_degc"][-1] < 36.0
    assert "chillers_machine_2_state" in found.page


def test_a_ups_on_bypass_loses_less_and_an_outage_takes_the_load_down(tmp_path: Path) -> None:
    sooner = {"at_s: 900, for_s: 1200": "at_s: 330, for_s: 600", "at_s: 1500": "at_s: 400"}
    found = run(tmp_path, "ups_bypass", 740, sooner)
    trend = found.trend
    sizes = size_facility(FacilitySpec())
    power, cdus, water = sizes.power, sizes.cdus, sizes.water
    rated_kw = power.ups_modules * power.ups_module_kw
    settings = PowerSettings(ups_kw=rated_kw, transformer_kva=1.0)
    to_racks_kw = 9999.6 + settings.distribution_loss * 9999.6**2 / rated_kw
    double = (settings.ups_constant_loss, settings.ups_linear_loss, settings.ups_quadratic_loss)
    bypass = (settings.bypass_constant_loss, settings.bypass_linear_loss, 0.0)
    for row, parts in ((330, double), (331, bypass)):
        output_kw = trend["power_ups_load_percent"][row] / 100.0 * rated_kw
        assert 0.0 < output_kw - to_racks_kw < cdus.installed * cdus.pump_power_kw + water.pump_power_kw, (
            "pumps"
        )
        loss_kw = curve_loss_kw(output_kw, rated_kw, *parts)
        assert trend["power_ups_loss_kw"][row] == pytest.approx(loss_kw, rel=1e-3)
    assert (trend["power_battery_minutes"][330] > 5.0, trend["power_battery_minutes"][331]) == (True, 0.0)
    limits = found.limits
    assert (limits["on_bypass"]["from_s"], limits["it_down"]["from_s"]) == (330.0, 400.0)
    assert 0.0 < limits["it_down"]["time_s"] <= 1.0
    it_kw = trend["power_it_power_kw"]
    dark = np.flatnonzero(it_kw < 1.0)
    assert (dark[0], dark[-1]) == (401, pytest.approx(400 + 10 + settings.it_restart_delay_s, abs=1.0))
    assert it_kw[-1] == pytest.approx(9999.6, rel=1e-3)
    assert trend["fws_flow_kg_s"][409] < 0.2 * trend["fws_flow_kg_s"][399], (
        "the pumps are behind the same UPS"
    )
