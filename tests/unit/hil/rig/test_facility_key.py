"""The rig's ``facility`` and ``limits``: what fits is run and reported, what does not is refused where it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.rig import Wishes, load_rig, run_rig

WriteRig = Callable[..., Path]

SECTION = """\
facility:
  it_power: heat_kw
  facility_power: pump_kw
  hottest_case_temp: supply_temp_degc
limits:
  - {name: supply_90, signal: supply_temp_degc, above: 90}
loops:
"""
METER = ("  drop_kpa: {", "  pump_kw: {unit: kW, range: [0, 200]}\n  drop_kpa: {")
WIRE = ("drop_kpa\ncontrollers", "drop_kpa\n      pump_power_kw: pump_kw\ncontrollers")
WHOLE = (METER, WIRE, ("loops:\n", SECTION))


def refused(path: Path, wishes: Wishes | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_rig(path, wishes)
    return [str(problem) for problem in caught.value.problems]


def test_a_run_gives_the_figures_of_the_facility(write_rig: WriteRig, tmp_path: Path) -> None:
    asked = (
        "requirements:\n",
        "requirements:\n  - {kpi: facility.pue, max: 1}\n  - {kpi: time_to.supply_90_s, min: 50}\n",
    )
    rig = load_rig(write_rig("sil", *WHOLE, asked))
    assert not [warning for warning in rig.warnings if "pump_kw" in warning.what]
    report = run_rig(rig, tmp_path / "runs").report
    assert report is not None
    facility, energy = report.kpis["facility"], report.kpis["energy"]
    assert facility["pue"] == pytest.approx(energy["pump_energy_kwh"] / energy["heat_energy_kwh"])
    assert facility["hottest_case_temp_degc"] == report.kpis["signals"]["supply_temp_degc"]["max"]
    assert [(item.kpi, item.message, item.met) for item in report.requirements[:2]] == [
        ("facility.pue", "", True), ("time_to.supply_90_s", "never reached in 59 s", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("it_power: heat_kw", "it_power: supply_temp_degc", "facility.it_power names supply_temp_degc, which is in"),
        ("it_power: heat_kw", "it_power: heat_kv", "reads the signal 'heat_kv', which the rig does not declare"),
        ("it_power: heat_kw", "it_powr: heat_kw", "did you mean \"it_power\"?"),
        ("hottest_case_temp: supply_temp_degc", "cooling_mode: valve_percent", "which is in %"),
        ("hottest_case_temp: supply_temp_degc", "water_use: drop_kpa", "it needs a signal in kg/s, kg/h, m3/s"),
        ("hottest_case_temp: supply_temp_degc", "case_temps: [drop_kpa]", "facility.case_temps names drop_kpa"),
        ("hottest_case_temp: supply_temp_degc", "hottest_case_temp: supply_temp_degc\n  case_temps: [supply_temp_degc]",
         "two ways to say the same"),
        ("above: 90", "above: 900", "is outside the range [0, 95]"),
        ("above: 90", "above: 90, below: 3", "give above or below"),
        ("above: 90}", "above: 90}\n  - {name: supply_90, signal: drop_kpa, below: 100}", "two limits are called"),
        ("signal: supply_temp_degc, above", "signal: suply_temp_degc, above", 'did you mean "supply_temp_degc"?'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_line(
    write_rig: WriteRig, old: str, new: str, told: str
) -> None:
    path = write_rig("sil", *WHOLE, (old, new))
    place = {
        n for n, row in enumerate(path.read_text().splitlines(), 1) if new.splitlines()[-1].strip() in row
    }
    problems = refused(path)
    (found,) = [problem for problem in problems if told in problem]
    assert any(found.startswith(f"{path}:{line}:") for line in place | {n - 1 for n in place}), found


def test_a_limit_counts_from_a_fault_of_its_scenario_and_its_trend_is_of_signals(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    scenario = tmp_path / "s.yaml"
    fault = "events:\n  - {type: equipment, at_s: 5, plant: cdu, fault: pump_trip}\n"
    limit = "limits:\n  - {name: a, signal: drop_kpa, below: 90, from_fault: %s}\n"
    for text, told, hint in (
        (
            fault + limit % "pump_trp",
            "s.yaml:5: limit a: the scenario has no fault 'pump_trp'",
            '"pump_trip"?',
        ),
        (limit % "pump_trip", "no fault 'pump_trip'", "faults: none"),
        (fault + "trend: [drop_kp]\n", "s.yaml:4: the rig has no signal 'drop_kp'", '"drop_kpa"?'),
    ):
        scenario.write_text("scenario: trip\n" + text)
        with pytest.raises(ConfigError) as caught:
            load_rig(write_rig("sil"), Wishes(scenario=scenario))
        assert told in str(caught.value)
        assert hint in str(caught.value)


def test_limits_of_a_scenario_are_checked_in_its_own_file(write_rig: WriteRig, tmp_path: Path) -> None:
    scenario = tmp_path / "trip.yaml"
    scenario.write_text("scenario: trip\nlimits:\n  - {name: a, signal: supply_tmp_degc, above: 45}\n")
    (problem,) = refused(write_rig("sil", *WHOLE), Wishes(scenario=scenario))
    assert problem.startswith(f"{scenario}:3:")
    assert 'did you mean "supply_temp_degc"?' in problem
    scenario.write_text("scenario: trip\nlimits:\n  - {name: supply_90, signal: drop_kpa, above: 45}\n")
    (problem,) = refused(write_rig("sil", *WHOLE), Wishes(scenario=scenario))
    assert problem.startswith(f"{scenario}:3:")
