"""Weather as a source: the year it comes from, where it starts, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.weather import start_in_year
from hil.errors import ConfigError
from hil.rig import load_rig
from hil.rig.build import Rig
from plant_models import synthetic_year

RIG = """\
rig: air
clock: virtual
period_s: 60
duration_s: 7200
seed: 3
signals:
  air_degc: {unit: degC, range: [-30, 60]}
  far_air_degf: {unit: degF, range: [-30, 140]}
  wind_m_s: {unit: m/s, range: [0, 60]}
sources:
  air_degc: {type: weather, site: bizerte, quantity: dry_bulb_temp_degc, start: "07-15 06:00"}
  far_air_degf: {type: weather, site: bizerte, quantity: dry_bulb_temp_degc, start: "07-15 06:00", offset_k: 5}
  wind_m_s: {type: weather, site: bizerte, quantity: wind_speed_m_s, start: "07-15 06:00"}
"""
SPELLED = 'site: bizerte, quantity: dry_bulb_temp_degc, start: "07-15 06:00"}'
HEADER = ["LOCATION,Nowhere,-,TUN,test,1,37.27,9.87,1.0,5.0", *["-"] * 7]
ROW = "2001,{month},{day},{hour},0,?,{temp},10.0,60,101325,0,0,350,0,0,0,0,0,0,0,180,3.0,5,5,20,77777,9,0,0,0,0,0,0,0,0"


def loaded(folder: Path, *changes: tuple[str, str]) -> Rig:
    text = RIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "air.yaml"
    path.write_text(text)
    return load_rig(path)


def refused(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, *changes)
    (problem,) = caught.value.problems
    assert problem.line == 11, "the line of the first source"
    return f"{problem.what} | {problem.hint}"


def level(rig: Rig, name: str, t_s: float) -> float:
    built = rig.profiles[name]
    return built.profile.value(t_s) * built.factor + built.offset


def test_it_is_the_year_of_the_rig_s_seed_from_its_start_on(tmp_path: Path) -> None:
    rig = loaded(tmp_path)
    row = (31 + 28 + 31 + 30 + 31 + 30 + 14) * 24 + 6
    year = synthetic_year("bizerte", 3)
    assert level(rig, "air_degc", 0.0) == year.dry_bulb_temp_degc[row]
    assert level(rig, "air_degc", 3600.0) == year.dry_bulb_temp_degc[row + 1]
    assert level(rig, "wind_m_s", 3600.0) == year.wind_speed_m_s[row + 1]
    assert level(rig, "far_air_degf", 0.0) == pytest.approx((year.dry_bulb_temp_degc[row] + 5.0) * 1.8 + 32.0)


def test_a_year_is_made_once_for_all_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int, bool]] = []

    def counted(site: str, seed: int, *, typical: bool) -> object:
        made.append((site, seed, typical))
        return synthetic_year(site, seed, typical=typical)

    monkeypatch.setattr("hil.rig.weather.synthetic_year", counted)
    loaded(tmp_path, ("wind_speed_m_s, start", "wind_speed_m_s, seed: 9, typical: false, start"))
    assert made == [("bizerte", 3, True), ("bizerte", 9, False)]


def test_the_hottest_day_is_the_one_with_the_year_s_maximum(tmp_path: Path) -> None:
    rig = loaded(tmp_path, ("07-15 06:00", "hottest"), ("duration_s: 7200", "duration_s: 86400"))
    levels = [level(rig, "air_degc", 60.0 * minute) for minute in range(24 * 60)]
    assert max(levels) == synthetic_year("bizerte", 3).dry_bulb_temp_degc.max() > 40.0
    assert np.argmax(levels) == 15 * 60


def test_a_signal_s_range_is_held_against_the_run_and_not_the_year(tmp_path: Path) -> None:
    loaded(tmp_path, ("range: [-30, 60]", "range: [15, 35]"))
    assert "outside the signal's range [25, 35]" in refused(tmp_path, ("range: [-30, 60]", "range: [25, 35]"))


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("site: bizert, quantity: dry_bulb_temp_degc}", "no weather of 'bizert' | did you mean \"bizerte\"?"),
        (
            "site: bizerte, quantity: dry_bulb}",
            "no quantity 'dry_bulb' | did you mean \"dry_bulb_temp_degc\"?",
        ),
        ("site: bizerte, quantity: pressure_kpa}", "pressure_kpa is in kPa, and the signal is in degC"),
        ('site: bizerte, quantity: sky_temp_degc, start: "02-29"}', "month 2 has 28 days in a year of 365"),
        ('site: bizerte, quantity: sky_temp_degc, start: "13-01"}', "there is no month 13"),
        ('site: bizerte, quantity: sky_temp_degc, start: "07-15 24:00"}', "no time between 0:00 and 23:59"),
        (
            "site: bizerte, quantity: sky_temp_degc, start: noon}",
            "is no day of the year | month-day, or hottest",
        ),
        ("quantity: sky_temp_degc}", "weather is of a site or from a file"),
        ("site: bizerte, file: a.epw, quantity: sky_temp_degc}", "not both"),
        ("file: a.epw, seed: 3, quantity: sky_temp_degc}", "weather of a file has no seed"),
        ("site: bizerte, fill_gap_h: 3, quantity: sky_temp_degc}", "weather of a site has no fill_gap_h"),
        ("file: a.txt, quantity: sky_temp_degc}", "neither an .epw nor a .csv"),
        ("file: none.epw, quantity: sky_temp_degc}", "none.epw: file not found"),
        ("site: bizerte, quantity: wind_speed_m_s, offset_k: 2}", "wind_speed_m_s is no temperature"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(tmp_path: Path, new: str, told: str) -> None:
    assert told in refused(tmp_path, (SPELLED, new))


def epw(path: Path, *, without: int | None = None, unknown: int | None = None) -> None:
    """Write a year of 10 °C plus the hour, a row left out or without its temperature."""
    days = [
        (m + 1, d + 1)
        for m, n in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))
        for d in range(n)
    ]
    rows = [
        ROW.format(
            month=month, day=day, hour=hour + 1, temp=99.9 if 24 * n + hour == unknown else 10.0 + hour
        )
        for n, (month, day) in enumerate(days)
        for hour in range(24)
        if 24 * n + hour != without
    ]
    path.write_text("\n".join([*HEADER, *rows]) + "\n")


FROM_FILE = (SPELLED, 'file: here.epw, quantity: dry_bulb_temp_degc, start: "07-15 06:00"}')


def test_a_file_replaces_the_climate_s_year(tmp_path: Path) -> None:
    epw(tmp_path / "here.epw")
    rig = loaded(tmp_path, FROM_FILE)
    # A row is the state at the end of its hour: at 6 h it is that of the row labelled 6, the sixth.
    assert level(rig, "air_degc", 0.0) == 15.0
    assert level(rig, "air_degc", 1800.0) == 15.5


@pytest.mark.parametrize("gone", [{"without": 4000}, {"unknown": 4000}])
def test_a_missing_row_is_named_with_its_file_or_filled(tmp_path: Path, gone: dict[str, int]) -> None:
    epw(tmp_path / "here.epw", **gone)
    told = refused(tmp_path, FROM_FILE)
    assert "here.epw" in told
    assert "temp_air is missing in row 4001 (06-16 17 h)" in told
    rig = loaded(tmp_path, (SPELLED, FROM_FILE[1].replace("quantity", "fill_gap_h: 1, quantity")))
    (told,) = rig.warnings
    assert told.file.endswith("here.epw")
    assert "1 of 8760 rows were missing and are filled" in told.what


def test_a_figure_out_of_range_is_told_with_file_line_and_limit(tmp_path: Path) -> None:
    epw(tmp_path / "here.epw")
    text = (tmp_path / "here.epw").read_text()
    (tmp_path / "here.epw").write_text(text.replace("0,?,10.0,10.0,60,", "0,?,10.0,10.0,250,", 1))
    told = refused(tmp_path, FROM_FILE)
    assert "here.epw: weather of" in told
    assert "line 9 (01-01 hour 1): relative_humidity is 250 %; it must be 0 … 110" in told


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "here.epw").write_bytes(bytes(range(256)) * 40)
    assert "no EPW file that can be read" in refused(tmp_path, FROM_FILE)


@given(st.integers(1, 12), st.integers(1, 28), st.integers(0, 23), st.integers(0, 59))
def test_every_day_and_time_is_its_second_of_the_year(month: int, day: int, hour: int, minute: int) -> None:
    found = start_in_year(f"{month:02}-{day:02} {hour:02}:{minute:02}")
    since = np.datetime64(f"2001-{month:02}-{day:02}T{hour:02}:{minute:02}", "s") - np.datetime64(
        "2001-01-01", "s"
    )
    assert (found.extreme, found.after_s) == (None, float(since.astype(int)))


@given(st.text(max_size=12))
def test_any_other_text_is_refused_or_inside_the_year(text: str) -> None:
    try:
        found = start_in_year(text)
    except ValueError:
        return
    assert 0.0 <= found.after_s < 365 * 86_400.0
