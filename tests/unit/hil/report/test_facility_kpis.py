"""The facility's figures against closed forms: ramps and steps whose integrals are known exactly."""

import base64
import json
import math

import numpy as np
import pytest
import run_folders as rf

from hil.report import build_report, compute_kpis, known_kpis, read_run, summary_rows
from hil.report.facility_figure import facility_figure
from hil.report.facility_section import facility_section
from hil.report.kpi_names import flatten, kpi_unit

SIGNALS = {
    "it_mw": {"unit": "MW", "range": [0, 20]},
    "site_kw": {"unit": "kW", "range": [0, 20_000]},
    "water_kg_s": {"unit": "kg/s", "range": [0, 10]},
    "mode": {"unit": "1", "range": [0, 2]},
    "case_1_degc": {"unit": "degC", "range": [0, 120]},
    "case_2_degf": {"unit": "degF", "range": [0, 250]},
}
FACILITY = {
    "it_power": "it_mw", "facility_power": "site_kw", "water_use": "water_kg_s", "cooling_mode": "mode",
    "case_temps": ["case_1_degc", "case_2_degf"],
}  # fmt: skip


def ramps(t):
    """IT 2 MW rising by 0.5 MW an hour, the site 10 % + 300 kW more, water from 1 h on, modes by the half hour."""
    it_mw = 2.0 + 0.5 * t / 3600.0
    return {
        "t_s": t,
        "it_mw": it_mw,
        "site_kw": 1100.0 * it_mw + 300.0,
        "water_kg_s": 2.0 * t / 3600.0,
        "mode": np.minimum(np.floor(t / 1800.0), 2.0),
        "case_1_degc": 50.0 + t / 1000.0,
        "case_2_degf": np.full(t.size, 212.0),
    }


def folder(columns, period_s=10.0, **changes):
    made = rf.whole(rf.Case(duration_s=float(columns["t_s"][-1])), columns, period_s)
    made.rig |= {
        "signals": SIGNALS,
        "loops": {},
        "load": None,
        "requirements": [],
        "facility": FACILITY,
        **changes,
    }
    made.events = []
    return made


def facility(tmp_path, made):
    return compute_kpis(read_run(made.write(tmp_path / f"r{len(list(tmp_path.iterdir()))}")))["facility"]


@pytest.mark.parametrize("period_s", [10.0, 7.0, 100.0])
def test_energies_water_and_ratios_of_ramps_are_exact_at_any_period(tmp_path, period_s):
    t = np.concatenate((np.arange(0.0, 9000.0, period_s), [9000.0]))
    found = facility(tmp_path, folder(ramps(t), period_s))
    hours = 2.5
    it_mwh = 2.0 * hours + 0.25 * hours**2
    site_mwh = 1.1 * it_mwh + 0.3 * hours
    water_l = 3600.0 * hours**2
    assert found["it_energy_mwh"] == pytest.approx(it_mwh, rel=1e-12)
    assert found["facility_energy_mwh"] == pytest.approx(site_mwh, rel=1e-12)
    assert found["pue"] == pytest.approx(site_mwh / it_mwh, rel=1e-12)
    assert found["water_l"] == pytest.approx(water_l, rel=1e-12)
    assert found["wue_l_kwh"] == pytest.approx(water_l / (1000.0 * it_mwh), rel=1e-12)
    assert found["hottest_case_temp_degc"] == pytest.approx(100.0)


def test_each_period_is_integrated_up_to_its_edge_wherever_the_rows_lie(tmp_path):
    found = facility(tmp_path, folder(ramps(np.arange(0.0, 9001.0, 7.0)), 7.0))
    periods = found["periods"]
    assert [each["start_s"] for each in periods] == [0.0, 3600.0, 7200.0]
    for each in periods:
        a, b = each["start_s"] / 3600.0, each["end_s"] / 3600.0
        it_kwh = 1000.0 * (2.0 * (b - a) + 0.25 * (b * b - a * a))
        site_kwh = 1.1 * it_kwh + 300.0 * (b - a)
        assert each["it_energy_kwh"] == pytest.approx(it_kwh, rel=1e-9)
        assert each["pue"] == pytest.approx(site_kwh / it_kwh, rel=1e-9)
        assert each["water_l"] == pytest.approx(3600.0 * (b * b - a * a), rel=1e-9)
    assert math.fsum(each["it_energy_kwh"] for each in periods) == pytest.approx(
        1000.0 * found["it_energy_mwh"]
    )
    assert math.fsum(each["mechanical_h"] for each in periods) == pytest.approx(found["mechanical_h"])


def test_hours_by_mode_are_held_from_row_to_row(tmp_path):
    found = facility(tmp_path, folder(ramps(np.arange(0.0, 9001.0, 10.0))))
    assert (found["free_cooling_h"], found["partly_mechanical_h"]) == pytest.approx((0.5, 0.5))
    assert found["mechanical_h"] == pytest.approx(1.5)
    assert found["mode_changes"] == 2


def test_what_was_not_good_or_not_recorded_is_left_out_of_both_integrals(tmp_path):
    t = np.arange(0.0, 9001.0, 10.0)
    columns = ramps(t)
    columns["it_mw"] = np.where((t > 1000) & (t < 2000), np.nan, columns["it_mw"])
    columns["site_kw.quality"] = ((t >= 4000) & (t <= 4500)).astype(np.uint8)
    columns["site_kw"] = np.where((t >= 4000) & (t <= 4500), 1e9, columns["site_kw"])
    keep = (t < 6000) | (t > 6500)
    found = facility(tmp_path, folder({name: values[keep] for name, values in columns.items()}))
    inside = [(0.0, 1000.0), (2000.0, 3990.0), (4510.0, 5990.0), (6510.0, 9000.0)]
    it = sum(2.0 * (b - a) / 3600 + 0.25 * (b * b - a * a) / 3600**2 for a, b in inside)
    span_h = sum(b - a for a, b in inside) / 3600.0
    assert found["it_energy_mwh"] == pytest.approx(it, rel=1e-12)
    assert found["pue"] == pytest.approx((1.1 * it + 0.3 * span_h) / it, rel=1e-12)
    assert found["not_good_s"] == pytest.approx(990.0 + 510.0)


def test_without_it_energy_there_is_no_pue_and_never_a_nan(tmp_path):
    columns = ramps(np.arange(0.0, 3601.0, 10.0))
    columns["it_mw"] = np.zeros(columns["t_s"].size)
    made = folder(columns)
    made.rig["requirements"] = [{"kpi": "facility.pue", "max": 1.3}]
    result = build_report(made.write(tmp_path / "r"))
    assert result.kpis["facility"]["pue"] is result.kpis["facility"]["wue_l_kwh"] is None
    assert not result.met
    json.dumps(result.kpis, allow_nan=False)


def test_signals_that_are_not_named_or_not_recorded_have_no_figure(tmp_path):
    columns = ramps(np.arange(0.0, 3601.0, 10.0))
    del columns["site_kw"]
    found = facility(tmp_path, folder(columns, facility={"it_power": "it_mw", "facility_power": "site_kw"}))
    assert {name for name, value in found.items() if value is not None} == {"not_good_s", "periods"}


def test_a_volume_flow_of_water_is_a_water_use(tmp_path):
    columns = ramps(np.arange(0.0, 3601.0, 10.0))
    signals = SIGNALS | {"water_kg_s": {"unit": "L/min", "range": [0, 10]}}
    found = facility(tmp_path, folder(columns, signals=signals))
    assert found["water_l"] == pytest.approx(60.0)


def test_the_figures_are_required_known_shown_and_in_the_page(tmp_path):
    made = folder(ramps(np.arange(0.0, 9001.0, 10.0)))
    made.rig["requirements"] = [
        {"kpi": "facility.pue", "max": 1.25},
        {"kpi": "facility.mechanical_h", "max": 1.0},
    ]
    result = build_report(made.write(tmp_path / "r"))
    assert [item.met for item in result.requirements] == [True, False]
    flat = {name for name in flatten(result.kpis) if name.startswith("facility.")}
    assert flat == {name for name in known_kpis(made.rig) if name.startswith("facility.")}
    assert kpi_unit("facility.wue_l_kwh", made.rig) == "L/kWh"
    rows = {name: value for name, value, _ in summary_rows(result.kpis, result.requirements)}
    assert rows["facility.wue_l_kwh"].endswith("L/kWh")
    assert rows["facility.hottest_case_temp_degc"] == "100 °C"
    page = result.path.read_text(encoding="utf-8")
    for text in ("ISO/IEC 30134-2", "ISO/IEC 30134-9", "PUE by period", "WUE at each moment", "category 1"):
        assert text in page


def test_a_long_run_is_shown_by_day(tmp_path):
    columns = ramps(np.arange(0.0, 10 * 86_400.0 + 1.0, 3600.0))
    periods = facility(tmp_path, folder(columns, 3600.0))["periods"]
    assert len(periods) == 10
    assert {each["end_s"] - each["start_s"] for each in periods} == {86_400.0}


def test_the_figure_shows_the_ratio_of_each_moment_where_there_is_it_power(tmp_path):
    columns = ramps(np.arange(0.0, 601.0, 10.0))
    columns["it_mw"][:10] = 0.0
    run = read_run(folder(columns).write(tmp_path / "r"))
    traces = {trace["name"]: trace for trace in facility_figure(run, compute_kpis(run)).data}
    moments = {name: np.frombuffer(base64.b64decode(traces[f"{name} at each moment"]["y"]["bdata"]), "<f4")
               for name in ("PUE", "WUE")}  # fmt: skip
    assert moments["PUE"] == pytest.approx(columns["site_kw"][10:] / columns["it_mw"][10:] / 1000.0, rel=1e-6)
    wue = 3600.0 * columns["water_kg_s"][10:] / (1000.0 * columns["it_mw"][10:])
    assert moments["WUE"] == pytest.approx(wue, rel=1e-6)


def test_water_that_no_meter_would_show_is_not_written_out():
    kpis = {"facility": {"wue_l_kwh": 2.92e-12, "water_l": 0.0, "pue": 1.066}}
    shown = str(facility_section(kpis, drawn=False))
    assert "&lt; 0.001 L/kWh" in shown
    assert ">0 L<" in shown
    assert "e-12" not in shown
