"""A whole rig on a broker: ``hil run`` with a device and telemetry, and what it says where the broker refuses."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from hil.errors import DeviceError
from hil.rig import Wishes, load_rig, run_rig

pytestmark = [pytest.mark.needs("mosquitto", "mosquitto_pub", "openssl")]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


mqtt_broker = _load("mqtt_broker")

RIG = """
rig: hall1
clock: wall
period_s: 0.1
duration_s: 6
signals:
  chiller_supply_temp_degc: {unit: degC, range: [0, 40], max_age_s: 2}
  chiller_taken_degc: {unit: degC, range: [0, 40], max_age_s: 10}
  chiller_setpoint_degc: {unit: degC, range: [5, 25], failsafe: 18}
  site_limit_kw: {unit: kW, range: [0, 2000], failsafe: 500, initial: 500, max_age_s: 600}
sources:
  chiller_setpoint_degc: 12
devices:
  chiller:
    type: mqtt
    broker: &broker
      host: localhost
      port: PORT
      tls: {ca: ca.pem}
      username: rig
      password: {file: rig.password}
    read:
      chiller_supply_temp_degc: {topic: site/chiller/state, value: supply.degc, time: supply.time}
    write:
      chiller_setpoint_degc:
        {topic: site/chiller/command, name: setpoint, deadband: 0.1, acknowledged: chiller_taken_degc}
    answers: site/chiller/answer
    reverts_s: 3
    commands: {topic: "coldloop/{rig}/command", answers: "coldloop/{rig}/answer", signals: [site_limit_kw]}
telemetry:
  broker: *broker
  least_interval_s: 0.5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture
def broker(folder: Path) -> Iterator[Any]:
    made = mqtt_broker.Broker(folder)
    made.start()
    yield made
    for listener in mqtt_broker.OPEN:
        listener.close()
    mqtt_broker.OPEN.clear()
    made.kill()


def write_rig(broker: Any, text: str = RIG) -> Path:
    path = Path(broker.folder) / "hall1.yaml"
    path.write_text(text.replace("PORT", str(broker.port)))
    return path


def command(rig: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "hil", "run", str(rig), "--out", str(rig.parent / "runs"), "--json", *more]


def refused(rig: Path, *overrides: str) -> str:
    """Run a rig that cannot start; gives the problem it tells."""
    with pytest.raises(DeviceError) as told:
        run_rig(load_rig(rig, Wishes(overrides=overrides)), rig.parent / "nothing")
    assert not (rig.parent / "nothing").exists(), "nothing ran"
    return f"{told.value.problems[0].what} / {told.value.problems[0].hint}"


def test_run_with_device_and_telemetry(broker: Any) -> None:
    """Values in, commands out and acknowledged, a DCIM's command in, everything published, nothing secret written."""
    chiller = mqtt_broker.Chiller(broker)
    dcim = mqtt_broker.Listener(broker, "dcim", "coldloop/hall1/#")
    rig = write_rig(broker)
    running = subprocess.Popen(command(rig), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until_s = time.monotonic() + 40.0
    while chiller.setpoint_degc != 12.0 and time.monotonic() < until_s:
        time.sleep(0.05)
    now = mqtt_broker.instant(time.time())
    body = {"id": "dcim-1", "time": now, "life_s": 10, "values": {"site_limit_kw": 1200}}
    assert broker.publish("dcim", "coldloop/hall1/command", json.dumps(body)).returncode == 0
    out, err = running.communicate(timeout=90)
    result = json.loads(out)
    assert running.returncode == 0, err
    assert "Warning" not in err
    time.sleep(0.5)

    messages = [
        (topic.removeprefix("coldloop/hall1/"), json.loads(payload)) for topic, payload, _ in dcim.messages
    ]
    answers = [document for topic, document in messages if topic == "answer"]
    assert [(answer["id"], answer["accepted"]) for answer in answers] == [("dcim-1", True)]
    published = {topic.removeprefix("signal/") for topic, _ in messages if topic.startswith("signal/")}
    assert published == {
        "chiller_supply_temp_degc", "chiller_taken_degc", "chiller_setpoint_degc", "site_limit_kw",
    }  # fmt: skip
    limits = [document["value"] for topic, document in messages if topic == "signal/site_limit_kw"]
    assert limits[0] == 500.0
    assert limits[-1] == 1200.0
    last = [document for topic, document in messages if topic == "signal/chiller_supply_temp_degc"][-1]
    assert last["unit"] == "degC"
    assert last["quality"] == "GOOD"
    for state in ("state", "chiller/state"):
        said = [document for topic, document in messages if topic == state]
        assert said[-1]["state"] == "offline"
        assert said[-1]["reason"] == "the run has ended"
        births = [document for document in said if document["state"] == "online"]
        assert births
        after = said[said.index(births[-1]) + 1 :]
        assert {document["reason"] for document in after} == {"the run has ended"}, (
            "in order, and nothing else"
        )
        assert all(birth["rig"] == "hall1" for birth in births)

    run_dir = Path(result["run_dir"])
    record = json.loads((run_dir / "run.json").read_text())["counters"]["devices"]
    assert record["chiller.commands_accepted"] == 1
    assert record["chiller.commands_acknowledged"] >= 2
    assert record["telemetry.telemetry_queued"] == sum(
        record[f"telemetry.telemetry_{what}"] for what in ("dropped", "taken", "waiting")
    )
    trend = pq.read_table(run_dir / "trend.parquet").to_pydict()
    assert trend["site_limit_kw"][-1] == 1200.0
    assert trend["chiller_taken_degc"][-1] == 12.0
    assert record["chiller.last_writes_unacknowledged"] == 0
    assert chiller.applied[-1][1] == 18.0, "the failsafe at the end"
    secret = mqtt_broker.PASSWORDS["rig"].encode()
    assert all(secret not in file.read_bytes() for file in run_dir.rglob("*") if file.is_file())
    assert secret.decode() not in out + err


def test_a_loop_that_is_killed_is_said_to_be_gone_and_leaves_no_signal_good(broker: Any) -> None:
    """What the broker keeps is what a DCIM that comes later believes."""
    chiller = mqtt_broker.Chiller(broker)
    rig = write_rig(broker, RIG.replace("duration_s: 6", "duration_s: 120"))
    running = subprocess.Popen(command(rig), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    dcim = mqtt_broker.Listener(broker, "dcim", "coldloop/hall1/#")

    def kept(listener: Any) -> dict[str, Any]:
        return {
            topic.removeprefix("coldloop/hall1/"): json.loads(payload)
            for topic, payload, _ in listener.messages
        }

    def wait(reached: Callable[[], bool]) -> None:
        until_s = time.monotonic() + 60.0
        while not reached():
            assert time.monotonic() < until_s, kept(dcim)
            time.sleep(0.05)

    supply = "signal/chiller_supply_temp_degc"
    try:
        wait(lambda: chiller.setpoint_degc == 12.0 and kept(dcim).get(supply, {}).get("quality") == "GOOD")
    finally:
        running.kill()
        running.wait()
    wait(
        lambda: all(
            kept(dcim)[state].get("reason") == "the loop is gone" for state in ("state", "chiller/state")
        )
    )
    later = mqtt_broker.Listener(broker, "dcim", "coldloop/hall1/#")
    wait(lambda: len(kept(later)) >= 6)
    signals = {topic: said for topic, said in kept(later).items() if topic.startswith("signal/")}
    assert len(signals) == 4
    assert all(said["quality"] == "BAD" for said in signals.values()), signals
    assert signals["signal/chiller_setpoint_degc"]["value"] == 12.0, "the last one of the loop"
    assert all(kept(later)[state]["reason"] == "the loop is gone" for state in ("state", "chiller/state"))
    wait(lambda: bool(chiller.applied[-1][1] == 18.0))  # the declared failsafe


def test_what_the_broker_refuses_is_named(broker: Any, tmp_path: Path) -> None:
    rig, device = write_rig(broker), "devices.chiller.broker"
    wrong = tmp_path / "wrong.password"
    wrong.write_text("sesame\n")
    told = refused(rig, f"{device}.password.file={wrong}")
    assert 'does not let this client in (user "rig")' in told or "refuses user name or password" in told
    assert "check username" in told
    assert "sesame" not in told
    told = refused(rig, f"{device}.host=127.0.0.1")
    assert "a certificate for another name" in told
    assert "give host as it is written in the certificate" in told
    mqtt_broker.make_authority(tmp_path, "other")
    told = refused(rig, f"{device}.tls.ca={tmp_path / 'other.pem'}")
    assert f"a certificate of no authority in {tmp_path / 'other.pem'}" in told
    told = refused(rig, f"{device}.password.file=absent.password")
    assert "absent.password cannot be read: No such file" in told
    broker.kill()
    told = refused(rig)
    assert "Connection refused" in told
    assert "check host and port, and that the broker runs" in told


def test_version_and_password_from_the_environment(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chiller = mqtt_broker.Chiller(broker)
    text = RIG.replace(
        "password: {file: rig.password}", 'password: {env: RIG_PASSWORD}\n      version: "3.1.1"'
    )
    rig = write_rig(broker, text.partition("telemetry:")[0].replace("duration_s: 6", "duration_s: 2"))
    assert "no variable RIG_PASSWORD" in refused(rig)
    monkeypatch.setenv("RIG_PASSWORD", mqtt_broker.PASSWORDS["rig"])
    run_rig(load_rig(rig), rig.parent / "runs")
    assert {value for _, value in chiller.applied} == {12.0, 18.0}


def test_client_certificates(tmp_path: Path) -> None:
    broker = mqtt_broker.Broker(tmp_path, client_certificates=True)
    mqtt_broker.make_certificate(tmp_path, "rig", "ca")
    broker.start()
    try:
        text = RIG.partition("telemetry:")[0].replace("duration_s: 6", "duration_s: 0.5")
        text = text.replace("      username: rig\n      password: {file: rig.password}\n", "")
        text = text.partition("    write:\n")[0] + text[text.index("    commands:") :]
        assert "wants a certificate of this client" in refused(write_rig(broker, text))
        rig = write_rig(
            broker, text.replace("{ca: ca.pem}", "{ca: ca.pem, certificate: rig.pem, key: rig.key}")
        )
        result = run_rig(load_rig(rig), tmp_path / "runs")
        record = json.loads((result.run_dir / "run.json").read_text())["counters"]["devices"]
        assert record["chiller.connections"] == 1
        rig = write_rig(
            broker, text.replace("{ca: ca.pem}", "{ca: ca.pem, certificate: rig.pem, key: ca.key}")
        )
        assert "rig.pem" in refused(rig), "the key is of another certificate"
    finally:
        broker.kill()


def test_telemetry_does_not_hold_the_run_up(broker: Any) -> None:
    """A historian that is away, and comes in the middle of the run: what had to wait is there, drops are counted."""
    broker.kill()
    text = "\n".join(line for line in RIG.partition("devices:")[0].splitlines() if "site_" not in line)
    text = text.replace("  chiller_supply_temp_degc: {unit: degC, range: [0, 40], max_age_s: 2}\n", "")
    text = text.replace("  chiller_taken_degc: {unit: degC, range: [0, 40], max_age_s: 10}\n", "")
    square = "{type: square, low: 10, high: 20, period_s: 0.4}"
    text = text.replace("chiller_setpoint_degc: 12", f"chiller_setpoint_degc: {square}")
    text += """
telemetry:
  broker: {host: localhost, port: PORT, tls: {ca: ca.pem}, username: rig, password: {file: rig.password},
           reconnect_max_s: 0.5}
  least_interval_s: 0
  queue: 2
"""
    rig = write_rig(broker, text.replace("duration_s: 6", "duration_s: 3"))
    words = command(rig, "--out", str(rig.parent / "away"))
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until_s = time.monotonic() + 40.0
    while not list((rig.parent / "away").glob("*/latest.json")) and time.monotonic() < until_s:
        time.sleep(0.05)
    time.sleep(1.5)
    broker.start()
    out, err = running.communicate(timeout=90)
    assert running.returncode == 0, err
    run_dir = Path(json.loads(out)["run_dir"])
    counts = json.loads((run_dir / "run.json").read_text())["counters"]["devices"]
    assert counts["telemetry.telemetry_dropped"] > 0
    assert counts["telemetry.trouble_unreachable"] > 0
    assert "no connection to the broker" in (run_dir / "events.jsonl").read_text()
