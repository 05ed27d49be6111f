"""Files of another kind than was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.file_kinds import Kind, read_kind
from hil.errors import ConfigError

ROOT = Path(__file__).parents[4]
SHIPPED = {
    kind: sorted((ROOT / "configs" / f"{kind}s").glob("*.yaml")) for kind in ("rig", "scenario", "load")
}
OPTION = {"rig": "hil run ", "scenario": "--scenario ", "load": "--load "}


@pytest.mark.parametrize("wanted", ["rig", "scenario", "load"])
def test_each_shipped_file_is_of_its_own_kind_alone(wanted: Kind) -> None:
    assert all(SHIPPED.values())
    for kind, paths in SHIPPED.items():
        if kind == wanted:
            assert all(read_kind(path, wanted).data for path in paths)
            continue
        with pytest.raises(ConfigError, match=f"this file is a {kind}, not a {wanted}") as caught:
            read_kind(paths[0], wanted)
        (problem,) = caught.value.problems
        assert problem.hint.endswith(f"{OPTION[kind]}{paths[0]}")


@pytest.mark.parametrize(
    "text",
    ["rig: x\nscenario: bad_day.yaml\n", "rgi: x\nsignals: {}\n", "rgi: x\nperiod_s: 1\n"],
)
def test_a_rig_with_a_slip_of_the_pen_is_still_read_as_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    assert read_kind(path, "rig").data
