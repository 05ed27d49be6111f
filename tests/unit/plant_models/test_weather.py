import io
import subprocess
import sys
import zlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from plant_models.errors import WeatherError
from plant_models.weather.climate import BIZERTE, CLIMATES, TOZEUR, Climate, climate
from plant_models.weather.file import read_epw, read_tmy3
from plant_models.weather.rows import RowFormat, rows_of
from plant_models.weather.season import monthly_means, season
from plant_models.weather.series import HOURS, QUANTITIES, YEAR_S, Weather
from plant_models.weather.year import synthetic_year

HOUR_OF_JULY_15 = 24 * 195


def extremes(year: Weather) -> tuple[np.ndarray, np.ndarray]:
    by_day = year.dry_bulb_temp_degc.reshape(365, 24)
    return by_day.min(axis=1), by_day.max(axis=1)


@cache
def years_that_differ(name: str) -> list[Weather]:
    return [synthetic_year(name, seed, typical=False) for seed in range(60)]


def monthly_errors(place: Climate, drawn: list[Weather]) -> float:
    years = [extremes(year) for year in drawn]
    low = np.mean([monthly_means(day_low) for day_low, _ in years], axis=0) - place.min_temp_degc
    high = np.mean([monthly_means(day_high) for _, day_high in years], axis=0) - place.max_temp_degc
    return float(max(np.abs(low).max(), np.abs(high).max()))


@pytest.mark.parametrize("place", CLIMATES.values(), ids=list(CLIMATES))
def test_a_typical_year_has_the_monthly_figures(place):
    for seed in range(3):
        assert monthly_errors(place, [synthetic_year(place, seed)]) < 0.05


@pytest.mark.parametrize("place", CLIMATES.values(), ids=list(CLIMATES))
def test_years_that_differ_have_the_monthly_figures_on_average(place):
    years = years_that_differ(place.name)
    assert monthly_errors(place, years) < 0.3
    assert min(monthly_errors(place, [year]) for year in years[:3]) > 0.5


def test_a_season_keeps_its_monthly_means():
    assert monthly_means(season(TOZEUR.max_temp_degc)) == pytest.approx(TOZEUR.max_temp_degc, abs=1e-9)


def test_the_same_seed_gives_the_same_year_to_the_bit():
    one, same, other = (synthetic_year("tozeur", seed) for seed in (7, 7, 8))
    for quantity in QUANTITIES:
        assert one.rows(quantity).tobytes() == same.rows(quantity).tobytes()
        assert one.rows(quantity).tobytes() != other.rows(quantity).tobytes()
    code = (
        "import zlib; from plant_models.weather.year import synthetic_year;"
        "print(zlib.crc32(synthetic_year('tozeur', 7).wet_bulb_temp_degc.tobytes()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(told) == zlib.crc32(one.wet_bulb_temp_degc.tobytes())


@pytest.mark.parametrize(("place", "low", "high"), [(TOZEUR, 45.0, 49.0), (BIZERTE, 40.0, 44.0)])
def test_sirocco_days_reach_their_peaks_at_their_rate_and_are_dry(place, low, high):
    years = years_that_differ(place.name)
    hot_days = [int((extremes(year)[1] > place.sirocco_peak_degc[0]).sum()) for year in years]
    # Ordinary days may be that hot too, now and then.
    assert np.mean(hot_days) == pytest.approx(sum(place.sirocco_days), rel=0.3)
    hottest = max(float(extremes(year)[1].max()) for year in years)
    assert low < hottest < high + 0.5
    with_spell = next(year for year, days in zip(years, hot_days, strict=True) if days)
    row = int(np.argmax(with_spell.dry_bulb_temp_degc))
    assert with_spell.relative_humidity_percent[row] < 30.0
    assert with_spell.wet_bulb_temp_degc[row] < 28.0


def test_sirocco_days_come_in_spells():
    followed = hot = 0
    for year in years_that_differ("tozeur"):
        days = extremes(year)[1] > 45.0
        hot += int(days[:-1].sum())
        followed += int((days[:-1] & days[1:]).sum())
    assert 0.35 < followed / hot < 0.65


def test_days_persist_and_have_a_cycle():
    year = synthetic_year(BIZERTE, 3)
    mean = year.dry_bulb_temp_degc.reshape(365, 24).mean(axis=1)
    rest = mean - season(monthly_means(mean))
    assert 0.45 < np.corrcoef(rest[1:], rest[:-1])[0, 1] < 0.9
    by_hour = year.dry_bulb_temp_degc.reshape(365, 24).mean(axis=0)
    assert int(np.argmax(by_hour)) == 15
    assert 4 <= int(np.argmin(by_hour)) <= 7
    # Vapour stays while temperature moves: the air is driest when it is warmest.
    assert int(np.argmin(year.relative_humidity_percent.reshape(365, 24).mean(axis=0))) == 15


@pytest.mark.parametrize("name", CLIMATES)
def test_the_quantities_belong_together(name):
    year = synthetic_year(name, 1)
    assert (year.wet_bulb_temp_degc <= year.dry_bulb_temp_degc + 1e-6).all()
    assert (year.sky_temp_degc < year.dry_bulb_temp_degc).all()
    assert year.relative_humidity_percent.mean() == pytest.approx(
        np.mean(climate(name).relative_humidity_percent), abs=6.0
    )
    assert year.cloud_cover_percent.mean() == pytest.approx(
        np.mean(climate(name).cloud_cover_percent), abs=6.0
    )
    assert year.wind_speed_m_s.mean() == pytest.approx(np.mean(climate(name).wind_speed_m_s), rel=0.1)
    assert 99.0 < year.pressure_kpa.min() < year.pressure_kpa.max() < 104.0


def test_a_profile_runs_straight_between_rows_has_exact_means_and_repeats():
    year = synthetic_year("tozeur", 1)
    temps = year.dry_bulb_temp_degc
    profile = year.profile("dry_bulb_temp_degc", start_s=3600.0 * HOUR_OF_JULY_15)
    assert profile.value(0.0) == temps[HOUR_OF_JULY_15]
    assert profile.value(900.0) == pytest.approx(
        0.75 * temps[HOUR_OF_JULY_15] + 0.25 * temps[HOUR_OF_JULY_15 + 1]
    )
    minutes = [profile.mean(60.0 * n, 60.0 * (n + 1)) for n in range(600)]
    assert np.mean(minutes) == pytest.approx(profile.mean(0.0, 36_000.0), abs=1e-9)
    assert profile.value(YEAR_S) == pytest.approx(profile.value(0.0), abs=1e-9)
    assert profile.mean(0.0, YEAR_S) == pytest.approx(temps.mean(), abs=1e-6)
    with pytest.raises(WeatherError, match="start_s"):
        year.profile("dry_bulb_temp_degc", start_s=-1.0)
    with pytest.raises(WeatherError, match="no 'rain'"):
        year.profile("rain")


def test_climates_that_make_no_sense_are_refused():
    with pytest.raises(WeatherError, match="bizerte, tozeur"):
        synthetic_year("tunis", 1)
    with pytest.raises(WeatherError, match="seed"):
        synthetic_year("tozeur", -1)
    with pytest.raises(WeatherError, match="month 1 has mean minimum 7"):
        replace(TOZEUR, max_temp_degc=(7.5, *TOZEUR.max_temp_degc[1:]))
    with pytest.raises(WeatherError, match="11 figures"):
        replace(TOZEUR, wind_speed_m_s=TOZEUR.wind_speed_m_s[1:])
    with pytest.raises(WeatherError, match="month 2 is nan"):
        replace(TOZEUR, cloud_cover_percent=(30.0, float("nan"), *TOZEUR.cloud_cover_percent[2:]))
    with pytest.raises(WeatherError, match="no range"):
        replace(TOZEUR, sirocco_peak_degc=(49.0, 45.0))


# --- files

EPW_HEAD = """LOCATION,Somewhere,-,TUN,test,607600,33.92,8.13,1.0,45.0
DESIGN CONDITIONS,0
TYPICAL/EXTREME PERIODS,0
GROUND TEMPERATURES,0
HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0
COMMENTS 1,drawn
COMMENTS 2,drawn
DATA PERIODS,1,1,Data,Sunday,1/1,12/31
"""


def stamps() -> list[tuple[int, int, int]]:
    """Month, day and hour 1 … 24 of each row."""
    first = np.datetime64("2001-01-01T00", "h")
    moments = (first + np.arange(HOURS)).astype(object)
    return [(moment.month, moment.day, moment.hour + 1) for moment in moments]


def epw_rows(year: Weather) -> list[list[str]]:
    rows = []
    for n, (month, day, hour) in enumerate(stamps()):
        end = (n + 1) % HOURS
        row = ["0"] * 35
        row[:6] = ["1999", str(month), str(day), str(hour), "60", "?"]
        row[6] = f"{year.dry_bulb_temp_degc[end]:.3f}"
        row[8] = f"{year.relative_humidity_percent[end]:.3f}"
        row[9] = f"{1000.0 * year.pressure_kpa[end]:.0f}"
        row[12] = "9999"
        row[13] = str(500 if 8 <= hour <= 17 else 0)
        row[21] = f"{year.wind_speed_m_s[end]:.2f}"
        row[22] = f"{round(year.cloud_cover_percent[end] / 10)}"
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def year() -> Weather:
    return synthetic_year("tozeur", 5)


@pytest.fixture(scope="module")
def all_rows(year) -> list[list[str]]:
    return epw_rows(year)


@pytest.fixture
def rows(all_rows) -> list[list[str]]:
    return [row.copy() for row in all_rows]


def epw(rows: list[list[str]]) -> io.StringIO:
    return io.StringIO(EPW_HEAD + "\n".join(",".join(row) for row in rows) + "\n")


def test_an_epw_file_replaces_the_synthetic_year(year, rows):
    read = read_epw(epw(rows))
    assert (read.latitude_deg, read.longitude_deg, read.altitude_m, read.utc_offset_h) == (33.92, 8.13, 45, 1)
    assert read.filled_rows == 0
    assert read.dry_bulb_temp_degc == pytest.approx(year.dry_bulb_temp_degc, abs=1e-3)
    assert read.wet_bulb_temp_degc == pytest.approx(year.wet_bulb_temp_degc, abs=0.02)
    assert read.pressure_kpa == pytest.approx(year.pressure_kpa, abs=1e-3)
    # Infrared is missing throughout, so the sky follows from humidity and cover, which the file rounds to tenths.
    assert read.sky_temp_degc == pytest.approx(year.sky_temp_degc, abs=1.5)
    # The row labelled 13 h is the mean from 12 to 13 h.
    assert read.ghi_w_m2 is not None
    assert (read.ghi_w_m2[7], read.ghi_w_m2[6], read.ghi_w_m2[16], read.ghi_w_m2[17]) == (500, 0, 500, 0)


def test_measured_infrared_gives_the_sky(rows):
    for row in rows:
        row[12] = "300"
    assert read_epw(epw(rows)).sky_temp_degc == pytest.approx((300 / 5.670374419e-8) ** 0.25 - 273.15)


def test_a_missing_row_is_an_error_with_its_date_or_filled_and_counted(rows, year):
    del rows[4000:4002]
    with pytest.raises(WeatherError, match=r"temp_air is missing in row 4001 \(06-16 17 h\); fill_gap_h"):
        read_epw(epw(rows))
    with pytest.raises(WeatherError, match="gaps up to 1 h are filled"):
        read_epw(epw(rows), fill_gap_h=1)
    filled = read_epw(epw(rows), fill_gap_h=2)
    assert filled.filled_rows == 2
    between = np.interp([1, 2], [0, 3], year.dry_bulb_temp_degc[[4000, 4003]])
    assert filled.dry_bulb_temp_degc[4001:4003] == pytest.approx(between, abs=1e-3)


def test_a_missing_figure_counts_like_a_missing_row_even_over_the_end_of_the_year(rows):
    rows[8758][6] = rows[8759][6] = rows[0][6] = "99.9"
    rows[300][21] = "999"
    with pytest.raises(WeatherError, match="temp_air is missing in row 8759"):
        read_epw(epw(rows), fill_gap_h=2)
    assert read_epw(epw(rows), fill_gap_h=3).filled_rows == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[10].__setitem__(6, "75.0"), r"line 19 \(01-01 hour 11\): temp_air is 75 degC; it must"),
        (lambda rows: rows[10].__setitem__(6, "warm"), "line 19 .*: temp_air is 'warm', which is no number"),
        (lambda rows: rows.insert(10, list(rows[10])), r"line 20 \(01-01 hour 11\): .* there twice, in line 19"),
        (lambda rows: rows.insert(1416, [*rows[1415][:1], "2", "29", *rows[1415][3:]]), "29 February"),
        (lambda rows: rows[10].__setitem__(1, "13"), "no EPW file .* line 19: month 13, day 1, hour 11 is no hour"),
        (lambda rows: [row.__setitem__(6, "99.9") for row in rows], "no row at all"),
        (list.clear, "EPW file|no row at all"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_refused_by_name(rows, change, told):
    change(rows)
    with pytest.raises(WeatherError, match=told):
        read_epw(epw(rows))


@pytest.mark.parametrize(
    ("row", "field", "text", "told"),
    [
        (4, 8, "250", r"line 13 \(01-01 hour 5\): relative_humidity is 250 %; it must be 0 … 110"),
        (4, 8, "-1", "relative_humidity is -1 %"),
        (4, 8, "-inf", "relative_humidity is -inf %"),
        (7, 9, "101.3", "line 16 .*: atmospheric_pressure is 101.3 Pa; it must be 50000 … 110000"),
        (7, 21, "41", "wind_speed is 41 m/s; it must be 0 … 40"),
        (7, 22, "11", "total_sky_cover is 11 tenths; it must be 0 … 10"),
        (7, 12, "900", "ghi_infrared is 900 W/m2; it must be 50 … 780"),
        (7, 13, "1600", "ghi is 1600 W/m2; it must be 0 … 1500"),
        (7, 3, "0", "line 16: month 1, day 1, hour 0 is no hour"),
        (7, 3, "8,", "line 16 has 36 fields, line 9 has 35"),
        (7, 2, "one", "line 16: invalid literal"),
    ],
)
def test_a_figure_that_cannot_be_is_told_with_line_value_unit_and_limit(all_rows, row, field, text, told):
    rows = [[*other[:12], "350", *other[13:]] for other in all_rows[:24]]
    rows[row][field] = text
    with pytest.raises(WeatherError, match=told):
        read_epw(epw(rows), fill_gap_h=HOURS)


@pytest.mark.parametrize("text", ["", "nan", "999", "9999"])
def test_a_figure_that_is_missing_is_told_with_its_line(rows, text):
    rows[7][8] = text
    with pytest.raises(
        WeatherError, match=r"line 16: relative_humidity is missing in row 8 \(01-01 08 h\); fill_gap"
    ):
        read_epw(epw(rows))


def test_humidity_up_to_epw_s_limit_is_saturation_and_counted(rows):
    rows[10][8], rows[11][8] = "110", "100.5"
    read = read_epw(epw(rows))
    assert read.relative_humidity_percent.max() == 100.0
    assert (read.saturated_rows, read.filled_rows) == (2, 0)
    assert (read.wet_bulb_temp_degc <= read.dry_bulb_temp_degc + 1e-6).all()


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("33.92", "95", "line 1: latitude is 95 deg; it must be -90 … 90"),
        ("33.92", "nan", "line 1: latitude is nan"),
        ("8.13", "270", "line 1: longitude is 270 deg"),
        (",1.0,45.0", ",25,45.0", "line 1: TZ is 25 h; it must be -12 … 14"),
        ("DATA PERIODS,1,1", "DATA PERIODS,1,4", "line 8: 4 records an hour"),
        ("LOCATION", "PLACE", "line 1 does not begin with LOCATION"),
    ],
)
def test_a_header_that_cannot_be_is_told_with_its_line(all_rows, header, value, told):
    text = epw(all_rows[:24]).getvalue()
    assert header in text
    with pytest.raises(WeatherError, match=told):
        read_epw(io.StringIO(text.replace(header, value, 1)), fill_gap_h=HOURS)


def test_marks_and_ends_of_lines_make_no_difference_and_blank_lines_keep_their_numbers(all_rows):
    text = epw(all_rows[:24]).getvalue()
    plain = read_epw(io.StringIO(text), fill_gap_h=HOURS)
    for other in ("\ufeff" + text.replace("\n", "\r\n"), "\u00ef\u00bb\u00bf" + text.replace("\n", "\r")):
        read = read_epw(io.StringIO(other, newline=""), fill_gap_h=HOURS)
        assert all(read.rows(name).tobytes() == plain.rows(name).tobytes() for name in QUANTITIES)
    lines = text.split("\n")
    lines.insert(9, "")
    lines[12] = lines[12].replace("1999,1,1,4", "1999,1,1,40")
    with pytest.raises(WeatherError, match="line 13: month 1, day 1, hour 40"):
        read_epw(io.StringIO("\n".join(lines)))


@pytest.mark.parametrize(("old", "new"), [(",", ";"), (",", "\t")])
def test_fields_are_parted_by_commas(all_rows, old, new):
    head, body = EPW_HEAD, epw(all_rows[:24]).getvalue()[len(EPW_HEAD) :].replace(old, new)
    with pytest.raises(WeatherError, match="line 9 has 1 fields parted by commas, not 23 … 35"):
        read_epw(io.StringIO(head + body))


def moments_of(hours: list[int]) -> str:
    labels = stamps()
    return "\n".join(f"0,{month},{day},{hour}" for month, day, hour in (labels[n % HOURS] for n in hours))


FOUR_FIELDS = RowFormat("test", "", 0, 4, 4, lambda fields: (int(fields[1]), int(fields[2]), int(fields[3])))


@pytest.mark.parametrize("begin", [0, 1, 4344, 8759])
def test_a_year_may_begin_at_any_hour_and_have_gaps(begin):
    hours = [n for n in range(begin, begin + HOURS) if n % HOURS % 1000 != 7]
    found = rows_of(moments_of(hours), FOUR_FIELDS)
    assert found.hours.tolist() == [n % HOURS for n in hours]
    assert found.beside(1006) == f"line {found.hours.tolist().index(1006) + 1}"
    assert found.beside(1007) == f"after line {found.hours.tolist().index(1006) + 1}"


@pytest.mark.parametrize("begin", [0, 4344])
@pytest.mark.parametrize("swapped", [0, 1, 24, 4000, HOURS - 2])
def test_rows_out_of_order_are_refused_wherever_they_are(begin, swapped):
    hours = list(range(begin, begin + HOURS))
    hours[swapped : swapped + 2] = hours[swapped + 1], hours[swapped]
    with pytest.raises(WeatherError, match="rows must run in the order of time") as caught:
        rows_of(moments_of(hours), FOUR_FIELDS)
    if begin == 0:
        assert f"line {swapped + 2} (" in str(caught.value)
        assert f"comes after line {swapped + 1} (" in str(caught.value)


@pytest.mark.parametrize("text", ["", "LOCATION,x\n", "\x00\x01", "a,b,c\n" * 20])
def test_what_is_no_weather_file_is_refused(text):
    with pytest.raises(WeatherError, match="EPW"):
        read_epw(io.StringIO(text))
    with pytest.raises(WeatherError, match="TMY3"):
        read_tmy3(io.StringIO(text))


def test_a_tmy3_file_replaces_the_synthetic_year(year):
    head = "607600,SOMEWHERE,TN,1.0,33.92,8.13,45\n"
    names = (
        "Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),Dry-bulb (C),RHum (%),Pressure (mbar),Wspd (m/s),"
        "TotCld (tenths)"
    )
    lines = []
    for n, (month, day, hour) in enumerate(stamps()):
        end = (n + 1) % HOURS
        lines.append(
            f"{month:02d}/{day:02d}/1999,{hour:02d}:00,{500 if 8 <= hour <= 17 else 0},"
            f"{year.dry_bulb_temp_degc[end]:.3f},{year.relative_humidity_percent[end]:.3f},"
            f"{10.0 * year.pressure_kpa[end]:.2f},{year.wind_speed_m_s[end]:.2f},5"
        )
    read = read_tmy3(io.StringIO(head + names + "\n" + "\n".join(lines) + "\n"))
    assert read.dry_bulb_temp_degc == pytest.approx(year.dry_bulb_temp_degc, abs=1e-3)
    assert read.cloud_cover_percent == pytest.approx(50.0)
    assert read.ghi_w_m2 is not None
    assert (read.ghi_w_m2[7], read.ghi_w_m2[6], read.ghi_w_m2[16], read.ghi_w_m2[17]) == (500, 0, 500, 0)
    lines[100] = lines[100].replace(lines[100].split(",")[3], "-9900")
    with pytest.raises(WeatherError, match="temp_air is missing in row 101"):
        read_tmy3(io.StringIO(head + names + "\n" + "\n".join(lines) + "\n"))
