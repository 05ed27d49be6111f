"""``hil run`` with blocks slower than the cycle: they move on their own points, hold in between, and control."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_rig as sr
from ruamel.yaml import YAML


@pytest.mark.parametrize("clock", ["virtual", "wall"])
def test_plant_and_loop_at_a_fourth_of_the_rate_keep_out_of_each_others_way(
    tmp_path: Path, clock: str
) -> None:
    rig = sr.write_rig(tmp_path, clock=clock, duration_s=24.0 if clock == "virtual" else 3.0)
    text = rig.read_text().replace("    type: pid\n", "    type: pid\n    every: 4\n")
    rig.write_text(
        text.replace("    type: transfer_function\n", "    type: transfer_function\n    every: 4\n")
    )
    done = sr.run("run", rig, "--out", tmp_path / "runs", "--json")
    result = json.loads(done.stdout)
    assert result["stop"] == "end", done.stderr
    resolved = YAML(typ="safe").load((Path(result["run_dir"]) / "rig.yaml").read_text())
    assert (resolved["plants"]["tank"]["offset"], resolved["controllers"]["supply_temp"]["offset"]) == (0, 1)
    rows = pq.read_table(Path(result["run_dir"]) / "trend.parquet").to_pylist()
    assert {row["valve_percent.quality"] for row in rows} == {0}
    assert {row["supply_temp_degc.quality"] for row in rows} == {0}
    moved = {name: [] for name in ("valve_percent", "supply_temp_degc")}
    for before, after in pairwise(rows):
        for name, at in moved.items():
            if before[name] != after[name]:
                at.append(after["t_s"])
    assert min(map(len, moved.values())) > 20
    if clock == "virtual":
        places = {name: {round(t_s / 0.02) % 4 for t_s in at} for name, at in moved.items()}
        assert places == {"valve_percent": {1}, "supply_temp_degc": {0}}
        assert result["verdict"] == "met", "in the band: it controls"
    else:
        # A late cycle may come after its point, and none comes before it: never twice within three periods.
        assert len(moved["valve_percent"]) <= 3.0 / 0.08 + 2
