"""``type: sunspec`` in a rig: what is refused before anything is connected, and with what advice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hil.errors import ConfigError
from hil.rig import load_rig

ROOT = Path(__file__).resolve().parents[4]
SHIPPED = ROOT / "configs" / "rigs" / "pv_curtailment.yaml"


def changed(tmp_path: Path, *path: str, value: Any) -> Path:
    """Give the shipped rig with one key set, or taken out where ``value`` is None."""
    yaml = YAML()
    rig = yaml.load(SHIPPED.read_text())
    *parents, last = path
    place = rig
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    file = tmp_path / "pv_curtailment.yaml"
    with file.open("w") as stream:
        yaml.dump(rig, stream)
    return file


def test_the_shipped_one_is_taken_without_a_device() -> None:
    rig = load_rig(SHIPPED)
    assert rig.warnings == ()
    assert rig.dangers == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("devices", "pv", "read", "pv_power_kw"), "701.Watt", "SunSpec model 701 has no point 'Watt'"),
        (("devices", "pv", "read", "pv_power_kw"), "7O1.W", "is not a SunSpec point"),
        (("devices", "pv", "read", "pv_power_kw"), "9999.W", "no definition of SunSpec model 9999"),
        (("devices", "pv", "read", "pv_power_kw"), "1.Mn", "which no signal can carry"),
        (("devices", "pv", "read", "pv_power_kw"), "701.Hz", "the point is in Hz, the signal in kW"),
        (("devices", "pv", "read", "pv_limit_enabled"), None, "does not read 704.WMaxLimPctEna back"),
        (("devices", "pv", "curtail", "signal"), "pv_power_kw", "takes % of the rated power"),
        (
            ("signals", "pv_limit_percent", "range"),
            [0, 120],
            "ranges from 0 to 120 %; model 704 takes 0 to 100 %",
        ),
        (("devices", "pv", "curtail", "signal"), "no_such", "no_such"),
        (("devices", "pv", "curtail", "ramp_s"), 5, "704 has no ramp"),
        (("devices", "pv", "curtail", "reverts_to_percent"), 0, "0 % is below least_percent = 1 %"),
        (("devices", "pv", "curtail", "model"), 123, "123 always reverts to no limit"),
        (("devices", "pv", "curtail", "model"), 802, "model"),
        (("devices", "pv", "curtail", "reversion_s"), 1, "reversion_s"),
        (("period_s",), 10.0, "renewed every 15 s"),
        (("signals", "pv_limit_percent", "failsafe"), None, "has no failsafe"),
        (("devices", "pv", "unit_id"), 300, "unit_id"),
    ],
)
def test_what_is_refused(tmp_path: Path, path: tuple[str, ...], value: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(changed(tmp_path, *path, value=value))
    assert expected in str(caught.value)
