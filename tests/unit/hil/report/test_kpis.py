import math
import time

import numpy as np
import pytest
import run_folders as rf

from hil.report import compute_kpis, known_kpis, read_run
from hil.report.kpi_names import flatten

LOOP = "supply_temperature"


def loop_at(tmp_path, case, fine, period_s, drop=None):
    columns = rf.sampled(fine, period_s, drop)
    path = rf.whole(case, columns, period_s).write(tmp_path / f"at-{period_s}-{drop is not None}")
    return compute_kpis(read_run(path))["loops"][LOOP]


def same_figures(one, other, rel):
    for name in (
        "iae", "mean_abs_error", "max_abs_error", "worst_overshoot", "worst_settling_s", "within_band_percent",
        "output_travel", "saturation_s", "not_good_s", "failsafe_s", "evaluated_s",
    ):  # fmt: skip
        if one[name] is None or other[name] is None:
            assert one[name] is other[name], name
        else:
            assert one[name] == pytest.approx(other[name], rel=rel), name
    assert one["output_reversals"] == pytest.approx(other["output_reversals"], abs=2)
    assert one["step_count"] == other["step_count"] == 2


@pytest.mark.parametrize("period_s", [1.0, 5.0])
def test_figures_do_not_depend_on_the_period(tmp_path, case, fine, period_s):
    same_figures(loop_at(tmp_path, case, fine, 0.1), loop_at(tmp_path, case, fine, period_s), rel=0.03)


def test_settling_does_not_depend_on_the_period(tmp_path):
    case = rf.Case(swing=0.0, outage=None)
    fine = rf.solve(case)
    drop = np.random.default_rng(3).choice(np.arange(1, 3600), size=900, replace=False)
    loops = [loop_at(tmp_path, case, fine, period_s) for period_s in (0.1, 1.0, 5.0)]
    loops.append(loop_at(tmp_path, case, fine, 1.0, drop))
    for loop in loops:
        assert loop["steps_not_judged"] == 0
        assert loop["worst_settling_s"] > 30.0
        assert loop["worst_settling_s"] == pytest.approx(loops[0]["worst_settling_s"], rel=0.03)
        assert loop["worst_overshoot"] == pytest.approx(loops[0]["worst_overshoot"], rel=0.03)


def test_a_swinging_load_leaves_the_value_unsettled(tmp_path, case, fine):
    loop = loop_at(tmp_path, case, fine, 1.0)
    assert loop["worst_settling_s"] is None
    assert loop["worst_overshoot"] > 0.5


def test_the_answer_is_watched_until_the_next_fault(tmp_path, case, fine):
    steps = loop_at(tmp_path, case, fine, 1.0)["steps"]
    assert [step["window_s"] for step in steps] == [599.0, 1200.0]


def test_figures_do_not_depend_on_skipped_cycles(tmp_path, case, fine):
    drop = np.random.default_rng(3).choice(np.arange(1, 3600), size=900, replace=False)
    same_figures(loop_at(tmp_path, case, fine, 1.0), loop_at(tmp_path, case, fine, 1.0, drop), rel=0.03)


def test_travel_does_not_grow_with_sampling_of_noise(tmp_path):
    case = rf.Case(noise_k=0.006, outage=None)
    fine = rf.solve(case)
    fast, slow = loop_at(tmp_path, case, fine, 0.1), loop_at(tmp_path, case, fine, 1.0)
    assert fast["output_travel"] == pytest.approx(slow["output_travel"], rel=0.03)
    summed = np.abs(np.diff(fine[rf.VALVE][3000:])).sum()
    assert summed > 2.0 * fast["output_travel"], "too little noise to spoil a plain sum"


def sine_run(tmp_path, period_s=1.0, **rig):
    """2000 s of an error of 2 sin(2 pi t / 200) K; the output saws between 20 and 70 %."""
    case = rf.Case(duration_s=2000.0, steps=(), fault=None, outage=None)
    t = np.arange(0.0, 2000.0 + period_s / 2, period_s)
    saw = 20.0 + 50.0 * (1.0 - np.abs(1.0 - (t / 100.0) % 2.0))
    columns = {
        "t_s": t, rf.SUPPLY: 30.0 - 2.0 * np.sin(2 * math.pi * t / 200.0), rf.SUPPLY_SP: np.full(t.size, 30.0),
        rf.VALVE: saw, rf.LOAD: np.full(t.size, 900.0),
        "pump_power_kw": t * 0.018, "energy_residual_kw": -t / 1000.0,
        f"{rf.SUPPLY}.quality": np.zeros(t.size, np.uint8),
        f"{rf.VALVE}.limit": np.where((t >= 100) & (t < 400), 1, np.where(t >= 1500, 4, 0)).astype(np.uint8),
    }  # fmt: skip
    folder = rf.whole(case, columns, period_s)
    folder.rig["loops"][LOOP] |= {"warm_up_s": 0.0, "band": 1.0}
    folder.rig |= rig
    return folder


def test_figures_of_a_known_curve(tmp_path):
    kpis = compute_kpis(read_run(sine_run(tmp_path).write(tmp_path / "r")))
    loop = kpis["loops"][LOOP]
    assert loop["mean_abs_error"] == pytest.approx(2.0 * 2.0 / math.pi, rel=1e-3)
    assert loop["iae"] == pytest.approx(2000.0 * 4.0 / math.pi, rel=1e-3)
    assert loop["max_abs_error"] == pytest.approx(2.0, rel=1e-3)
    assert loop["within_band_percent"] == pytest.approx(100.0 / 3.0, rel=2e-3), (
        "a third of a sine is below 1/2"
    )
    assert loop["output_travel"] == pytest.approx(20 * 50.0, rel=1e-3)
    assert loop["output_reversals"] == 19
    assert loop["saturation_s"] == 300.0
    assert loop["rate_limited_s"] == 500.0
    assert loop["failsafe_s"] == 0.0
    assert loop["iae_unit"] == "K·s"
    assert loop["step_count"] == 0
    assert loop["worst_settling_s"] is None
    assert kpis["energy"]["pump_energy_kwh"] == pytest.approx(0.5 * 2000.0 * 36.0 / 3600.0)
    assert kpis["energy"]["energy_residual_kw_max_abs"] == pytest.approx(2.0)
    assert kpis["signals"][rf.LOAD]["mean"] == pytest.approx(900.0)
    assert kpis["signals"]["pump_power_kw"]["last"] == pytest.approx(36.0)


def test_warm_up_is_left_out(tmp_path):
    folder = sine_run(tmp_path)
    folder.columns[rf.SUPPLY][:500] = 70.0
    folder.rig["loops"][LOOP]["warm_up_s"] = 500.0
    loop = compute_kpis(read_run(folder.write(tmp_path / "r")))["loops"][LOOP]
    assert loop["max_abs_error"] == pytest.approx(2.0, rel=1e-3)
    assert loop["evaluated_s"] == 1500.0


def test_a_value_that_is_not_good_is_never_within_the_band(tmp_path):
    folder = sine_run(tmp_path)
    folder.columns[rf.SUPPLY][:] = 30.0
    folder.columns[f"{rf.SUPPLY}.quality"][1000:1500] = 2
    loop = compute_kpis(read_run(folder.write(tmp_path / "r")))["loops"][LOOP]
    assert loop["within_band_percent"] == pytest.approx(75.0)
    assert loop["not_good_s"] == 500.0


def test_no_good_value_gives_no_figure(tmp_path):
    folder = sine_run(tmp_path)
    folder.columns[f"{rf.SUPPLY}.quality"][:] = 2
    loop = compute_kpis(read_run(folder.write(tmp_path / "r")))["loops"][LOOP]
    assert loop["within_band_percent"] is None
    assert loop["iae"] is None
    assert loop["not_good_s"] == 2000.0


def test_a_gap_is_not_joined_but_counted(tmp_path):
    folder = sine_run(tmp_path)
    keep = (folder.columns["t_s"] < 600) | (folder.columns["t_s"] >= 900)
    folder.columns = {name: values[keep] for name, values in folder.columns.items()}
    kpis = compute_kpis(read_run(folder.write(tmp_path / "r")))
    assert kpis["run"]["unrecorded_s"] == pytest.approx(301.0)
    assert kpis["loops"][LOOP]["evaluated_s"] == pytest.approx(1699.0)


def test_every_known_kpi_is_computed_and_no_other(tmp_path, case, fine):
    for clock in ("wall", "virtual"):
        folder = rf.whole(case, rf.sampled(fine, 1.0), 1.0, clock)
        folder.timing["phases"]["wait"] = rf.histogram(1, 500.0)
        flat = flatten(compute_kpis(read_run(folder.write(tmp_path / clock))))
        numbers = {name for name, value in flat.items() if not isinstance(value, str)}
        assert numbers == known_kpis(folder.rig)


def test_a_day_of_fifty_signals_takes_well_under_a_second(tmp_path):
    case = rf.Case(duration_s=86400.0, steps=(), fault=None, outage=None)
    t = np.arange(86400.0)
    rng = np.random.default_rng(1)
    columns = {"t_s": t, **{f"signal_{n}": rng.standard_normal(t.size) for n in range(46)}}
    columns |= {
        name: 30.0 + rng.standard_normal(t.size) for name in (rf.SUPPLY, rf.SUPPLY_SP, rf.VALVE, rf.LOAD)
    }
    run = read_run(rf.whole(case, columns, 1.0).write(tmp_path / "r"))
    # Processor time, a few times what it takes here: whoever else computes does not count.
    started = time.process_time()
    compute_kpis(run)
    assert time.process_time() - started < 3.0
