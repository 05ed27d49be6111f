"""``hil plants``: components, plants, weather and datasheets, whole, by name, and for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from hil.cli.app import app
from hil.config.units import UNITS
from hil.errors import ConfigError
from plant_models.catalogue import kinds
from plant_models.datasheets import DATASHEETS


def told(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["plants", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture(scope="module")
def every() -> dict[str, dict[str, dict[str, Any]]]:
    listed: dict[str, dict[str, dict[str, Any]]] = json.loads(told("--json"))
    return listed


def test_all_there_is(every: dict[str, dict[str, dict[str, Any]]]) -> None:
    assert set(every["components"]) == set(kinds())
    assert {"cdu", "system", "pv_plant", "wan", "transfer_function", "state_space"} <= set(every["plants"])
    assert set(every["weather"]) == {"bizerte", "tozeur"}
    assert set(DATASHEETS) <= set(every["datasheets"])


def test_each_has_its_ports_with_units_its_settings_and_its_source(
    every: dict[str, dict[str, dict[str, Any]]],
) -> None:
    for section, entries in every.items():
        for name, entry in entries.items():
            assert entry["summary"], name
            assert entry["source"], name
            if section == "components":
                assert entry["inputs"], name
                assert entry["settings"], name
                units = {port["unit"] for port in (*entry["inputs"], *entry["outputs"])}
                assert units <= set(UNITS), "a signal of the rig can have the unit of every port"


def test_the_list_names_ports_units_defaults_and_sources() -> None:
    text = told()
    assert "outlet_temp_degc [degC]" in text
    assert "volume_l (needed)" in text
    assert "Levenspiel" in text
    assert "fws_conductance_kg_s_kpa05 [kg/s/kPa0.5]" in text


def test_one_has_ranges_and_meanings() -> None:
    rows = {row.split()[0]: row for row in told("cdu").splitlines() if row.strip()}
    assert "0 … 3600" in rows["valve_stroke_time_s"]
    assert "Whole stroke of the FWS valve" in rows["valve_stroke_time_s"]
    assert "kW" in rows["rack_heat_kw"]


def test_a_datasheet_and_a_site_show_their_figures() -> None:
    assert "1368.0" in told("xdu1350")
    assert "max_temp_degc of month 8" in told("bizerte")


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='did you mean "header"'):
        told("headr")
