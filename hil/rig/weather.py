"""Years of weather for sources and plants: each is made once and shared, so that all of a rig stand under one sky."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hil.config.nearest import one_of
from hil.config.strict import WrongKeyError
from hil.config.weather import DAY_S, WeatherConfig, start_in_year
from hil.config.yaml_lines import near_file
from hil.errors import Problem
from plant_models.errors import WeatherError
from plant_models.weather.climate import CLIMATES
from plant_models.weather.file import read_epw, read_tmy3
from plant_models.weather.series import HOURS, Weather
from plant_models.weather.year import synthetic_year

_Key = tuple[str, int, bool]


@dataclass(slots=True)
class Years:
    """Years made so far, by site, seed and whether typical, or by file and gaps."""

    _made: dict[_Key, Weather] = field(default_factory=dict)

    def year(self, config: WeatherConfig, folder: Path, seed: int) -> Weather:
        """Give the year of ``config``; files are relative to ``folder``, ``seed`` is the rig's.

        Raises
        ------
        WrongKeyError
            No such site, or a file that cannot be used; it names the key, and of a file the quantity and row.
        """
        if config.site is not None:
            if config.site not in CLIMATES:
                raise WrongKeyError("site", f"no weather of {config.site!r}", one_of(config.site, CLIMATES))
            drawn = seed if config.seed is None else config.seed
            key: _Key = (config.site, drawn, config.typical)
        else:
            key = (str(folder / str(config.file)), config.fill_gap_h, True)
        if key not in self._made:
            self._made[key] = (
                synthetic_year(config.site, key[1], typical=config.typical)
                if config.site is not None
                else _from_file(Path(key[0]), config.fill_gap_h)
            )
        return self._made[key]

    def substitutions(self) -> list[Problem]:
        """Tell of each file what was put in the place of its figures, and how often."""
        counts = {
            "rows were missing and are filled by straight lines (fill_gap_h)": "filled_rows",
            "rows are over saturation (100 … 110 %) and count as 100 %": "saturated_rows",
        }
        return [
            Problem(file, None, f"{number} of {HOURS} {what}")
            for (file, _, _), year in self._made.items()
            for what, name in counts.items()
            if (number := getattr(year, name))
        ]


def _from_file(path: Path, fill_gap_h: int) -> Weather:
    read = read_epw if path.suffix.lower() == ".epw" else read_tmy3
    try:
        # Station names are in whatever the file's author had; figures are ASCII in all of them.
        with path.open(encoding="latin-1", newline="") as stream:
            return read(stream, fill_gap_h=fill_gap_h)
    except FileNotFoundError as error:
        raise WrongKeyError("file", f"{path}: file not found", near_file(path)) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise WrongKeyError("file", f"{path}: cannot be read: {why}") from error
    except WeatherError as error:
        raise WrongKeyError("file", f"{path}: {error}") from error


def start_s(config: WeatherConfig, year: Weather) -> float:
    """Give the time in ``year`` at which ``config`` starts, s since 1 January, 0 h."""
    start = start_in_year(config.start)
    if start.extreme is None:
        return start.after_s
    find = np.argmax if start.extreme == "hottest" else np.argmin
    return float(find(year.dry_bulb_temp_degc) // 24) * DAY_S + start.after_s


def levels_within(year: Weather, quantity: str, begin_s: float, length_s: float) -> tuple[float, float]:
    """Give the least and the greatest level of a quantity from ``begin_s`` on for ``length_s`` (s)."""
    rows = year.rows(quantity)
    first, last = int(begin_s // 3600.0), int(-(-(begin_s + length_s) // 3600.0))
    if last - first >= rows.size:
        return float(rows.min()), float(rows.max())
    within = np.take(rows, range(first, last + 1), mode="wrap")
    return float(within.min()), float(within.max())
