"""The rig file: every mistake about MQTT is named with its line, and what is right becomes what was asked for."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from hil.devices.bridge.port import unpack_spec
from hil.devices.mqtt.historian import HistorianSpec
from hil.devices.mqtt.loop_side import MqttPart
from hil.devices.mqtt.station import StationSpec
from hil.errors import ConfigError
from hil.loop.events import EventLog
from hil.rig import Wishes, load_rig

RIG = """\
rig: hall1
clock: wall
period_s: 0.1
signals:
  supply_degc: {unit: degC, range: [0, 40], max_age_s: 2}
  taken_degc: {unit: degC, range: [0, 40], max_age_s: 10}
  setpoint_degc: {unit: degC, range: [5, 25], failsafe: 18}
  limit_kw: {unit: kW, range: [0, 2000], failsafe: 500, max_age_s: 600}
sources:
  setpoint_degc: 12
devices:
  chiller:
    type: mqtt
    broker: {host: broker.site, username: rig, password: {file: secrets/rig}, client_id: one}
    read:
      supply_degc: {topic: "site/{device}/state", value: t, time: at, unit: degF}
    write:
      setpoint_degc: {topic: site/command, unit: degF, deadband: 0.5, acknowledged: taken_degc}
    answers: site/answer
    reverts_s: 30
    commands: {topic: site/to, answers: site/from, signals: [limit_kw]}
    signing: {sign_with: a, keys: {a: {env: KEY_A}, b: {file: secrets/b}}}
telemetry:
  broker: {host: broker.site, client_id: two}
  deadband_percent: 1
  deadbands: {limit_kw: 5}
"""


def rig_file(folder: Path, text: str) -> Path:
    path = folder / "rig.yaml"
    path.write_text(text)
    return path


def specs(path: Path) -> list[Any]:
    """Give the specifications as the processes get them."""
    _, bus = load_rig(path).build(EventLog(), lambda: 0)
    assert bus is not None
    found = []
    for part in bus._bridged:
        assert isinstance(part, MqttPart)
        device = part.device
        found.append(unpack_spec(memoryview(device.shared.map)[device.port_spec.layout.spec_at :])[1])
    bus.close()
    return found


def test_what_the_rig_says_is_what_the_processes_get(tmp_path: Path) -> None:
    station, historian = specs(rig_file(tmp_path, RIG))
    assert isinstance(station, StationSpec)
    assert isinstance(historian, HistorianSpec)
    assert station.broker.port == 8883
    assert station.broker.tls is not None, "TLS unless it is turned off"
    assert station.broker.password is not None
    assert station.broker.password.name == str(tmp_path / "secrets" / "rig")
    read, write = station.reads[0], station.writes[0]
    assert read.topic == "site/chiller/state"
    assert 212.0 * read.factor + read.offset == pytest.approx(100.0)
    assert 100.0 * write.factor + write.offset == pytest.approx(212.0)
    assert (write.rules.refresh_s, write.rules.life_s, write.rules.timeout_s) == (10.0, 2.0, 3.0)
    assert station.commanded is not None
    assert station.commanded.ranges == {"limit_kw": (0.0, 2000.0)}
    assert "supply_degc" in station.commanded.others
    assert station.presence == "coldloop/hall1/chiller/state"
    assert [signal.deadband for signal in historian.signals] == [0.4, 0.4, 0.2, 5.0]
    assert historian.signals[0].topic == "coldloop/hall1/signal/supply_degc"
    assert historian.presence == "coldloop/hall1/state"


def test_no_secret_reaches_the_processes_or_the_resolved_rig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("rig", "b"):
        (tmp_path / "secrets" / name).write_text("open sesame, thou stubborn door")
    monkeypatch.setenv("KEY_A", "open sesame, thou stubborn door")
    path = rig_file(tmp_path, RIG)
    told = pickle.dumps(specs(path)) + repr(load_rig(path).resolved).encode()
    assert b"sesame" not in told


@pytest.mark.parametrize(
    ("before", "after", "line", "what"),
    [
        ("password: {file: secrets/rig}", "password: sesame", 14, "a secret does not belong in a rig"),
        ("password: {file: secrets/rig}", "password: 1234", 14, "a secret does not belong in a rig"),
        ("password: {file: secrets/rig}", "password: {}", 14, "a secret is in one place"),
        ("username: rig, ", "", 14, "a password needs a user name"),
        ("client_id: one", "tls: {ca: absent.pem}", 14, "absent.pem is not there"),
        ("client_id: one", "client_id: two", None, "the same client id 'two'"),
        ("client_id: one", "kind: one", 14, "unknown key 'kind'"),
        ('"site/{device}/state"', '"site/{hall}/state"', 16, "{hall} is not known here"),
        ('"site/{device}/state"', '"site/#"', 16, "subscriptions to many topics"),
        ("value: t, time: at", "time: at", 16, "time is found in JSON"),
        ("value: t, time: at", "value: t, template: '{value}'", 16, "JSON or a text"),
        ("value: t, time: at", "template: '{values}'", 16, "needs {value} in one place"),
        (
            "unit: degF}\n    write",
            "unit: kW}\n    write",
            16,
            "supply_degc is in degC, and the message in kW",
        ),
        (
            "range: [0, 40], max_age_s: 2}",
            "range: [0, 40]}",
            16,
            "supply_degc comes by MQTT and has no max_age_s",
        ),
        ("    answers: site/answer\n", "", 17, "a command needs an acknowledgement"),
        ("    reverts_s: 30\n", "", 17, "what does the far end do when commands stop?"),
        ("deadband: 0.5", "refresh_s: 20", 17, "sent every 20 s, and the far end reverts after 30 s"),
        ("deadband: 0.5", "life_s: 5, timeout_s: 4", 18, "a command given up could still happen"),
        (
            "answers: site/from",
            "answers: site/to",
            21,
            "the topic of our answers, and of others' commands (line 21)",
        ),
        (
            "answers: site/answer",
            "answers: site/command",
            19,
            "of the far end's answers, and of our commands (line 18)",
        ),
        (
            '"site/{device}/state"',
            "site/command",
            16,
            "of the signal supply_degc, and of our commands (line 18)",
        ),
        (
            "site/to,",
            "coldloop/hall1/chiller/state,",
            21,
            "others' commands, and of the state of chiller (line 12)",
        ),
        (
            "client_id: two}",
            "client_id: two}\n  presence: site/from",
            25,
            "of the rig's state, and of our answers (line 21)",
        ),
        (
            "setpoint_degc: {topic: site/command, unit: degF,",
            "limit_kw: {topic: site/command, name: setpoint_degc}\n"
            "      setpoint_degc: {topic: site/command, unit: degF,",
            19,
            "setpoint_degc and limit_kw both command 'setpoint_degc' on 'site/command'",
        ),
        ("reverts_s: 30", "reverts_s: 1.5", 17, "lives for 2 s, and the far end reverts after 1.5 s"),
        (
            "host: broker.site, u",
            'host: "broker.site:8883", u',
            14,
            '"broker.site:8883" is not the name or address',
        ),
        (
            "host: broker.site, u",
            'host: "mqtts://broker.site", u',
            14,
            "is not the name or address of a host",
        ),
        ("client_id: one", "tls: true", 14, "true does not say whom to trust"),
        ("client_id: one", "tls: {ca: .}", 14, " is a folder"),
        ("client_id: one", "tls: {key: rig.yaml}", 14, "a key proves nothing without its certificate"),
        ("client_id: one", "version: 5", None, ""),
        ("[limit_kw]}", "[setpoint_degc]}", 21, "two writers"),
        ("failsafe: 500, ", "", 21, "limit_kw is commanded from outside and has no failsafe"),
        ("sign_with: a", "sign_with: c", 22, "there is no key 'c'"),
        ("deadbands: {limit_kw: 5}", "deadbands: {limit: 5}", 26, "no signal 'limit'"),
        ("deadband_percent: 1", "topic: all", 25, "all signals would share one topic"),
        (
            "deadband_percent: 1",
            "least_interval_s: 99",
            25,
            "least_interval_s 99 is above most_interval_s 60",
        ),
        (", time: at, unit: degF}\n    write", "}\n    write", None, ""),
        ("clock: wall", "clock: virtual\nduration_s: 9", 2, "real wire, which needs the wall clock"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, before: str, after: str, line: int | None, what: str) -> None:
    assert before in RIG
    path = rig_file(tmp_path, RIG.replace(before, after))
    if not what:
        load_rig(path)
        return
    with pytest.raises(ConfigError) as told:
        load_rig(path)
    found = [problem for problem in told.value.problems if what in problem.what]
    assert found, told.value
    assert line is None or found[0].line == line
    assert "sesame" not in str(told.value)
    assert "1234" not in str(told.value)


def test_kept_session_with_a_value_of_unknown_age_is_refused(tmp_path: Path) -> None:
    text = RIG.replace("client_id: one", "client_id: one, session: kept")
    load_rig(rig_file(tmp_path, text))
    with pytest.raises(ConfigError, match="delivers what is old, and supply_degc says no time"):
        load_rig(rig_file(tmp_path, text.replace(", time: at", "")))


def test_commands_beyond_this_machine_and_passwords_in_the_clear_are_told(tmp_path: Path) -> None:
    rig = load_rig(rig_file(tmp_path, RIG.replace("client_id: one", "client_id: one, tls: false")))
    assert any("chiller at broker.site:8883 will be commanded: setpoint_degc" in str(d) for d in rig.dangers)
    assert any("in the clear" in warning.what for warning in rig.warnings)
    rig = load_rig(rig_file(tmp_path, RIG.replace("host: broker.site", "host: localhost")))
    assert rig.dangers == []


def test_secrets_that_cannot_be_had_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEY_A", raising=False)
    text = RIG.replace("{file: secrets/rig}", "{env: NOSUCHVAR}")

    def warned() -> list[str]:
        return [w.what for w in load_rig(rig_file(tmp_path, text)).warnings if "will not begin" in w.what]

    told = warned()
    assert len(told) == 3
    for name in ("variable NOSUCHVAR", "variable KEY_A", "secrets/b cannot be read"):
        assert any(name in what for what in told), name
    monkeypatch.setenv("NOSUCHVAR", "sesame")
    monkeypatch.setenv("KEY_A", "sesame")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "b").write_text("sesame")
    assert warned() == []


@pytest.mark.parametrize(
    "override",
    [
        "devices.chiller.broker.password=sesame",
        "devices.chiller.broker.passwort=sesame",
        "devices.chiler.broker.password=sesame",
        "devices.chiller.broker.password={sesame",
        "devices.chiller.broker.password=[sesame]",
        "devices.chiller.broker.password.value=sesame",
        "devices.chiller.broker={host: a, password: sesame}",
        "devices.chiller.broker.tls.key_password=sesame",
        "devices.chiller.signing.keys.a=sesame",
        "password sesame",
    ],
)
def test_a_secret_in_an_override_is_refused_and_not_echoed(tmp_path: Path, override: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_rig(rig_file(tmp_path, RIG), Wishes(overrides=(override,)))
    assert "sesame" not in str(told.value)


def test_telemetry_alone_on_the_virtual_clock_is_a_warning_and_makes_no_process(tmp_path: Path) -> None:
    text = RIG.partition("devices:")[0].replace("clock: wall", "clock: virtual\nduration_s: 9")
    text = "\n".join(line for line in text.splitlines() if "max_age_s" not in line)
    path = rig_file(tmp_path, text + "\ntelemetry:\n  broker: {host: broker.site}\n")
    rig = load_rig(path, Wishes())
    assert any("only published on the wall clock" in warning.what for warning in rig.warnings)
    _, bus = rig.build(EventLog(), lambda: 0)
    assert bus is None


def test_rig_of_the_readme_is_one(root: Path, tmp_path: Path) -> None:
    text = (root / "hil" / "devices" / "mqtt" / "README.md").read_text()
    block = text.partition("```yaml\n")[2].partition("```")[0]
    head = """\
rig: readme
clock: wall
period_s: 0.1
signals:
  chiller_supply_temp_degc: {unit: degC, range: [0, 40], max_age_s: 2}
  chiller_flow_kg_s: {unit: kg/s, range: [0, 40], max_age_s: 2}
  chiller_setpoint_taken_degc: {unit: degC, range: [0, 40], max_age_s: 30}
  chiller_setpoint_degc: {unit: degC, range: [5, 25], failsafe: 18}
  site_limit_kw: {unit: kW, range: [0, 2000], failsafe: 500, max_age_s: 600}
sources:
  chiller_setpoint_degc: 12
"""
    (tmp_path / "certs").mkdir()
    for name in ("site-ca.pem", "rig.pem", "rig.key"):
        (tmp_path / "certs" / name).write_text("")
    station, historian = specs(rig_file(tmp_path, head + block))
    assert station.signing is not None
    assert station.peer is not None
    assert station.writes[0].rules.refresh_s == 10.0
    assert len(historian.signals) == 5


def test_files_that_tls_cannot_use_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    rig = load_rig(rig_file(tmp_path, RIG.replace("client_id: one", "client_id: one, tls: {ca: ca.pem}")))
    (told,) = [str(warning) for warning in rig.warnings if "ca.pem" in warning.what]
    assert "rig.yaml:14" in told
    assert "the run will not begin with it" in told


def test_a_value_that_is_bad_before_the_first_attempt_to_connect_again_is_warned_of(tmp_path: Path) -> None:
    text = RIG.replace("period_s: 0.1", "period_s: 0.02").replace("max_age_s: 2}", "max_age_s: 0.05}")
    told = [str(warning) for warning in load_rig(rig_file(tmp_path, text)).warnings]
    assert any(
        "attempt comes after up to 0.2 s, and supply_degc is BAD after 0.15 s" in each for each in told
    ), told
