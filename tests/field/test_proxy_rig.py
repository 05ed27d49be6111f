"""Bus faults as a user writes them: in a scenario, on a shipped rig, through ``hil run``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hil.devices.stand_in import launch_cdu_plc
from hil.errors import ConfigError
from hil.loop.image import GOOD
from hil.rig import Wishes, load_rig

EVENTS = """\
scenario: bad_bus
events:
  - {type: bus, at_s: 0.5, for_s: 2.5, device: plc, fault: duplicate, probability: 0.3}
  - {type: bus, at_s: 0.5, for_s: 2.5, device: plc, fault: wrong_transaction, probability: 0.2}
  - {type: bus, at_s: 1, for_s: 2, device: plc, fault: late, probability: 0.2}
  - {type: bus, at_s: 3.5, for_s: 1, device: plc, fault: drop}
"""


def test_a_scenario_disturbs_the_bus_and_the_run_says_how_often(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(EVENTS)
    with launch_cdu_plc("python") as plc:
        command = [sys.executable, "-m", "hil", "run", str(root / "configs" / "rigs" / "cdu_plc_io.yaml"), "--json",
                   "--scenario", str(tmp_path / "bad.yaml"), "--duration", "7", "--out", str(tmp_path / "runs"),
                   "--set", f"devices.plc.port={plc.port}"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    folder = Path(json.loads(done.stdout)["run_dir"])
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    counters = json.loads((folder / "run.json").read_text())["counters"]
    through = [event for event in events if event["source"] == "plc" and event["kind"] == "note"]
    assert len(through) == 1
    assert f"before 127.0.0.1:{plc.port}" in through[0]["text"]
    for kind in ("fault_start", "fault_end"):
        told = [event["text"] for event in events if event["kind"] == kind]
        assert len(told) == 4, told
        assert "bus: drop, 100 % of the replies" in told
        assert "bus: late by 0.15 s, 20 % of the replies" in told  # 1.5 periods
    injected = {
        name: counters["bus_faults"][f"plc.{name}"]
        for name in ("duplicate", "wrong_transaction", "late", "drop")
    }
    assert all(injected.values()), injected
    assert counters["bus_faults"]["plc.requests"] >= counters["bus_faults"]["plc.replies"] > 0
    assert counters["devices"]["plc.wrong_transaction"] > 0
    trend = pq.read_table(folder / "trend.parquet").to_pydict()
    rows = list(zip(trend["t_s"], trend["tcs_supply_temp_degc.quality"], strict=True))
    assert any(quality != GOOD for t_s, quality in rows if 3.5 < t_s < 4.7)
    assert any(quality == GOOD for t_s, quality in rows if t_s > 4.7)
    assert "bus: drop" in (folder / "report.html").read_text()


def problems(root: Path, tmp_path: Path, line: str) -> str:
    (tmp_path / "bad.yaml").write_text(f"scenario: bad\nevents:\n  - {{type: bus, at_s: 1, {line}}}\n")
    with pytest.raises(ConfigError) as told:
        load_rig(root / "configs" / "rigs" / "cdu_plc_io.yaml", Wishes(scenario=tmp_path / "bad.yaml"))
    assert "bad.yaml:3" in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("device: plx, fault: drop", "no device 'plx'"),
        ("device: plc, fault: dropp", "drop"),
        ("device: plc, fault: drop, delay_s: 1", "the bus fault drop has no delay_s"),
        ("device: plc, fault: delay", "needs delay_s"),
        ("device: plc, fault: jitter", "needs jitter_s"),
        ("device: plc, fault: drop, probability: 1.5", "probability"),
        ("device: plc, fault: drop, probability: 0", "probability"),
        ("device: plc, fault: exception, direction: reply", "no direction"),
        ("device: plc, fault: corrupt, part: tail", "header"),
        ("device: plc, fault: exception, code: 0", "code"),
        ("device: plc, falt: drop", "fault"),
    ],
)
def test_a_mistake_in_a_bus_fault_is_named_with_its_line(
    root: Path, tmp_path: Path, line: str, what: str
) -> None:
    assert what in problems(root, tmp_path, line)


def test_a_rig_without_such_a_device_names_those_it_has(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "scenario: bad\nevents:\n  - {type: bus, at_s: 1, device: plc, fault: drop}\n"
    )
    with pytest.raises(ConfigError, match="devices: none"):
        load_rig(root / "configs" / "rigs" / "cdu_sil.yaml", Wishes(scenario=tmp_path / "bad.yaml"))
