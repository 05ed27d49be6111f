"""An MQTT device against a real mosquitto with TLS and passwords, which is killed, restarted and frozen."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hil.devices.bridge import BridgedDevice, BridgeSettings
from hil.devices.mqtt import supervisor as supervisor_module
from hil.devices.mqtt.envelope import Command, write_command
from hil.devices.mqtt.intake import Peer, ReadPoint
from hil.devices.mqtt.messages import Incoming, Outgoing, Subscription
from hil.devices.mqtt.outlet import WritePoint
from hil.devices.mqtt.payloads import JsonReader, TextReader
from hil.devices.mqtt.sending import SendRules
from hil.devices.mqtt.settings import BrokerSettings, Secret, TlsSettings
from hil.devices.mqtt.signing import Signer, seal
from hil.devices.mqtt.station import Commanded, Signing, StationSpec
from hil.devices.mqtt.supervisor import Supervisor
from hil.loop.clock import WallClock
from hil.loop.image import BAD, GOOD, SUBSTITUTED, Image, Signal

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
Broker, Chiller, Listener = mqtt_broker.Broker, mqtt_broker.Chiller, mqtt_broker.Listener

NS = 1_000_000_000
PERIOD_NS = NS // 20
SECONDS = float(os.environ.get("COLDLOOP_MQTT_SECONDS", "20"))
"""Length of the run with the killed broker, s; the long form: COLDLOOP_MQTT_SECONDS=120."""
MAX_AGE_S = 1.0
DEAD_S = 1.6
"""How long the broker stays dead, s: longer than a value may be believed."""
SLACK_S = 0.02
"""Rounding of the times in the messages, and the steps of the two clocks against each other."""
SUPPLY, CLOCK, UNTIMED, TAKEN, LIMIT, SETPOINT = range(6)
SIGNALS = [
    Signal("supply_degc", "degC", 0.0, 40.0, 20.0, round(MAX_AGE_S * NS)),
    Signal("clock_s", "s", 0.0, 1e6, 0.0, round(MAX_AGE_S * NS)),
    Signal("untimed_clock_s", "s", 0.0, 1e6, 0.0, round(MAX_AGE_S * NS)),
    Signal("taken_degc", "degC", 0.0, 40.0, 20.0, 4 * NS),
    Signal("limit_kw", "kW", 0.0, 1e6, 0.0, 600 * NS),
    Signal("setpoint_degc", "degC", 5.0, 25.0, 18.0),
]
COMMANDS, ANSWERS = "coldloop/command", "coldloop/answer"
STATE = "coldloop/hall1/chiller/state"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture
def broker(folder: Path) -> Iterator[Any]:
    made = Broker(folder)
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def nothing_stays(broker: Any) -> Iterator[None]:
    """A process that a failed test left would share its client id with that of the next."""
    yield
    for made in (*mqtt_broker.OPEN, *OPEN):
        made.close()
    mqtt_broker.OPEN.clear()
    OPEN.clear()


def settings_of(broker: Any, **changes: Any) -> BrokerSettings:
    password = Secret("file", str(broker.folder / "rig.password"))
    made = BrokerSettings("localhost", broker.port, "hall1", TlsSettings(str(broker.ca)), "rig", password,
                          keepalive_s=3, timeout_s=2.0, backoff_max_s=1.0)  # fmt: skip
    return replace(made, **changes)


def spec_of(broker: Any, **changes: Any) -> StationSpec:
    rules = SendRules("setpoint", refresh_s=1.0, life_s=1.5, timeout_s=2.0, repeat_s=0.3)
    made = StationSpec(
        settings_of(broker), STATE, {"rig": "hall1"},
        reads=(
            ReadPoint(SUPPLY, "site/chiller/state", JsonReader("supply.degc", "supply.time")),
            ReadPoint(CLOCK, "site/chiller/state", JsonReader("supply.clock_s", "supply.time")),
            ReadPoint(UNTIMED, "site/chiller/clock", TextReader("{value} s"), qos=0),
        ),
        peer=Peer("site/chiller/alive"),
        writes=(WritePoint("setpoint_degc", "site/chiller/command", rules, acknowledged_slot=TAKEN),),
        answers="site/chiller/answer",
        commanded=Commanded(COMMANDS, ANSWERS, {"limit_kw": LIMIT}, {"limit_kw": (0.0, 1e6)},
                            frozenset({"supply_degc"})),
    )  # fmt: skip
    return replace(made, **changes)


OPEN: list[Loop] = []


class Loop:
    """Cycles at 20 Hz over one device; keeps what it told."""

    def __init__(self, spec: StationSpec) -> None:
        self.image = Image(SIGNALS)
        self.clock = WallClock()
        self.told: list[str] = []
        reads = [SUPPLY, CLOCK, UNTIMED, TAKEN, LIMIT]
        writes = [SETPOINT] if spec.writes else []
        self.device = BridgedDevice("chiller", spec, self.image, reads, writes, self.clock.now_ns,
                                    BridgeSettings(loop_timeout_s=0.8, last_s=2.0))  # fmt: skip
        OPEN.append(self)
        self.device.start()
        self.clock.start()

    @property
    def counters(self) -> dict[str, int]:
        return self.device.counters()

    def cycle(self) -> None:
        now_ns = self.clock.wait_until((self.clock.now_ns() // PERIOD_NS + 1) * PERIOD_NS)
        self.device.read(now_ns, now_ns)
        self.image.age(now_ns)
        self.device.write(now_ns, now_ns)
        self.told += [text for _, text in self.device.drain_events()]

    def until(self, reached: Callable[[], bool], within_s: float = 60.0) -> None:
        until_s = time.monotonic() + within_s
        while not reached():
            assert time.monotonic() < until_s, str(({k: v for k, v in self.counters.items() if v}, self.told))
            self.cycle()

    def run(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.cycle()

    def close(self) -> dict[str, int]:
        self.device.close()
        self.told += [text for _, text in self.device.drain_events()]
        return self.counters


class Commander(Listener):  # type: ignore[misc, valid-type]  # loaded by path, so it has no type
    """A DCIM that sends each limit until it is answered or its life is over, and keeps the answers."""

    def __init__(self, broker: Any) -> None:
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.sent: Counter[str] = Counter()
        super().__init__(broker, "dcim", ANSWERS)

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        answer = json.loads(payload)
        self.answers.setdefault(answer["id"], []).append(answer)

    def command(self, command_id: str, payload: bytes) -> None:
        if self.client.is_connected() and command_id not in self.answers:
            self.sent[command_id] += 1
            self.publish(COMMANDS, payload)


def limit(number: int, **changes: Any) -> Command:
    return replace(Command(f"c{number}", time.time(), 2.0, {"limit_kw": float(number)}), **changes)


@pytest.mark.slow
def test_broker_killed_and_restarted_five_times(broker: Any) -> None:
    """No GOOD value older than its maximum age, commands carried out exactly once both ways, every loss counted."""
    chiller, dcim, loop = Chiller(broker), Commander(broker), Loop(spec_of(broker))
    kills = [SECONDS * (number + 0.5) / 5.5 for number in range(5)]
    dead_until_s, good, limits, number, payload = -1.0, Counter[int](), [], 0, b""
    oldest_s, cycles = dict.fromkeys((CLOCK, UNTIMED), 0.0), 0
    began_s = time.monotonic()
    next_s = 0.0
    while (at_s := time.monotonic() - began_s) < SECONDS or kills or dead_until_s > 0.0:
        assert at_s < SECONDS + 60.0, (loop.counters, loop.told)
        # A machine that is slow to connect again is given the time.
        if kills and at_s >= kills[0] and loop.counters["connections"] > 5 - len(kills):
            kills.pop(0)
            broker.kill()
            dead_until_s = at_s + DEAD_S
        elif 0.0 < dead_until_s <= at_s:
            broker.start()
            dead_until_s = -1.0
        if at_s >= next_s:
            next_s, number = at_s + 0.5, number + 1
            payload = write_command(limit(number))
            loop.image.values[SETPOINT] = 8.0 + number % 12
        dcim.command(f"c{number}", payload)
        wall_s = time.time()
        loop.cycle()
        for slot, slack_s in ((CLOCK, SLACK_S), (UNTIMED, 1.0 + SLACK_S)):
            if loop.image.quality[slot] == GOOD:
                good[slot] += 1
                age_s = wall_s - chiller.began_s - loop.image.values[slot]
                oldest_s[slot] = max(oldest_s[slot], age_s)
                assert age_s <= MAX_AGE_S + slack_s
        cycles += 1
        limits.append(loop.image.values[LIMIT])
    loop.until(lambda: chiller.setpoint_degc == loop.image.values[SETPOINT])
    loop.until(lambda: loop.image.quality[SUPPLY] == GOOD)
    chiller.close()
    dcim.close()
    counters = loop.close()
    figures = {
        "cycles": cycles,
        "good": dict(good),
        "oldest_good_s": oldest_s,
        "applied": len(chiller.applied),
    }
    sys.stdout.write(json.dumps(figures | counters) + "\n")

    assert counters["connections"] >= 6
    assert counters["connections_lost"] >= 5
    assert 20 * SECONDS * 0.1 < min(good.values()) <= max(good.values()) < cycles, (
        "believed, and not for too long"
    )
    ids = [command_id for command_id, _ in chiller.applied]
    assert len(ids) == len(set(ids)) >= 10
    assert counters["commands_acknowledged"] <= len(ids)
    settled = ("acknowledged", "unacknowledged", "refused_by_peer", "superseded")
    assert counters["commands_sent"] - sum(counters[f"commands_{how}"] for how in settled) in (0, 1)
    # Towards us: each limit that was taken shows once in the image, and never comes back.
    shown = [value for value, _ in groupby(limits)]
    assert len(shown) == len(set(shown))
    taken = [name for name, answers in dcim.answers.items() if answers[0]["accepted"]]
    assert len(taken) >= 10
    assert counters["commands_accepted"] >= len(taken)
    assert counters["commands_accepted"] <= len(dcim.sent)
    assert chiller.retained_commands == 0


def test_what_others_may_not_command(broker: Any) -> None:
    """Told by the C client: retained, expired, out of range, not commandable, anonymous; and one that is good."""
    loop, dcim = Loop(spec_of(broker)), Commander(broker)
    loop.until(lambda: loop.counters["connections"] == 1)
    loop.run(0.3)
    for payload, more in (
        (limit(1), ["-r"]),
        (limit(2, issued_s=time.time() - 10.0), []),
        (limit(3, issued_s=time.time() + 60.0), []),
        (limit(4, values={"limit_kw": 2e6}, life_s=25.0), []),
        (limit(5, values={"supply_degc": 20.0}, life_s=25.0), []),
        (limit(6, life_s=3600.0), []),
    ):
        assert broker.publish("dcim", COMMANDS, write_command(payload).decode(), *more).returncode == 0
    assert broker.publish("dcim", COMMANDS, "open sesame").returncode == 0
    assert broker.publish(None, COMMANDS, write_command(limit(7)).decode()).returncode != 0
    loop.until(lambda: loop.counters["commands_refused_malformed"] == 1 and len(dcim.answers) == 6)
    assert loop.image.quality[LIMIT] == SUBSTITUTED, "nothing of this had any effect"
    reasons = {name: answers[0]["reason"] for name, answers in dcim.answers.items()}
    assert reasons == {
        "c1": "retained", "c2": "expired", "c3": "from_the_future", "c4": "out_of_range", "c5": "not_commandable",
        "c6": "life_too_long",
    }  # fmt: skip
    good = write_command(limit(8, life_s=25.0)).decode()
    for _ in range(3):
        broker.publish("dcim", COMMANDS, good)
    loop.until(lambda: loop.counters["commands_duplicate"] == 2)
    loop.run(0.2)
    assert (loop.image.values[LIMIT], loop.image.quality[LIMIT]) == (8.0, GOOD)
    # The one kept by the broker comes again with every new connection, and is refused again.
    broker.kill()
    broker.start()
    broker.publish("dcim", COMMANDS, write_command(limit(9)).decode(), "-r")
    loop.until(lambda: loop.counters["commands_refused_retained"] >= 2)
    dcim.close()
    counters = loop.close()
    assert counters["commands_accepted"] == 1
    assert any("was refused: retained" in text for text in loop.told)


def test_signing_is_on(broker: Any) -> None:
    key = b"k" * 32
    (broker.folder / "site.key").write_bytes(key + b"\n")
    signing = Signing("site", {"site": Secret("file", str(broker.folder / "site.key"))})
    loop, dcim = (
        Loop(spec_of(broker, signing=signing, writes=(), answers=None)),
        Listener(broker, "dcim", ANSWERS),
    )
    loop.until(lambda: loop.counters["connections"] == 1)
    loop.run(0.3)
    body = write_command(limit(1, life_s=29.0))
    for payload in (
        body,
        seal(COMMANDS, body, Signer("site", b"x" * 32)),
        seal("other", body, Signer("site", key)),
    ):
        broker.publish("dcim", COMMANDS, payload.decode())
    loop.until(
        lambda: sum(loop.counters[f"commands_refused_{why}"] for why in ("unsigned", "wrong_signature")) == 3
    )
    assert loop.counters["commands_accepted"] == 0
    broker.publish("dcim", COMMANDS, seal(COMMANDS, body, Signer("site", key)).decode())
    loop.until(lambda: loop.image.values[LIMIT] == 1.0)
    dcim_messages = [json.loads(payload) for _, payload, _ in dcim.messages]
    assert dcim_messages
    assert all(message["key"] == "site" for message in dcim_messages), "answers are signed too"
    dcim.close()
    loop.close()


def test_anonymous_client_gets_nothing(broker: Any) -> None:
    chiller, loop = Chiller(broker), Loop(spec_of(broker))
    loop.until(lambda: loop.image.quality[SUPPLY] == GOOD)
    assert broker.heard(None, "#", 1) == []
    assert len(broker.heard("dcim", "site/chiller/state", 30, "-C", "6")) == 6, "and a known one does"
    chiller.close()
    loop.close()


def test_loop_that_stands_still_is_not_refreshed_and_the_far_end_reverts(broker: Any) -> None:
    chiller, watcher, loop = Chiller(broker), Listener(broker, "dcim", STATE), Loop(spec_of(broker))
    loop.image.values[SETPOINT] = 12.0
    loop.until(lambda: chiller.setpoint_degc == 12.0)
    loop.until(lambda: loop.image.values[TAKEN] == 12.0)

    def state() -> str:
        return str(json.loads(watcher.messages[-1][1])["state"]) if watcher.messages else ""

    def wait(reached: Callable[[], bool]) -> None:
        until_s = time.monotonic() + 60.0
        while not reached():
            assert time.monotonic() < until_s, (loop.counters, watcher.messages[-3:])
            time.sleep(0.05)

    loop.until(lambda: state() == "online")
    wait(lambda: state() == "offline")
    assert json.loads(watcher.messages[-1][1])["reason"] == "the loop stands still"
    wait(lambda: bool(chiller.applied[-1][1] == 18.0))  # the declared failsafe
    # As long as it is tried; what refreshed it would leave no such silence.
    wait(lambda: time.monotonic() - chiller._heard_s > chiller.REVERTS_S)
    before = sum(chiller.seen.values())
    wait(lambda: chiller.setpoint_degc == chiller.LOCAL_DEGC)
    time.sleep(1.2)
    assert sum(chiller.seen.values()) == before, "nothing was sent for a loop that is not there"
    loop.until(lambda: chiller.setpoint_degc == 12.0)
    loop.until(lambda: state() == "online")
    chiller.close()
    watcher.close()
    assert loop.counters["loop_losses"] >= 1
    loop.close()


def test_killed_process_leaves_its_last_will_and_another_goes_on(broker: Any) -> None:
    chiller, watcher, loop = Chiller(broker), Listener(broker, "dcim", STATE), Loop(spec_of(broker))
    loop.image.values[SETPOINT] = 12.0
    loop.until(lambda: chiller.setpoint_degc == 12.0)
    os.kill(loop.device.process_id, signal.SIGKILL)

    def states() -> list[tuple[str, str]]:
        documents = [json.loads(payload) for _, payload, _ in watcher.messages]
        return [(document["state"], document.get("reason", "")) for document in documents]

    loop.until(lambda: ("offline", "connection lost") in states())
    loop.image.values[SETPOINT] = 14.0
    loop.until(lambda: chiller.setpoint_degc == 14.0)
    loop.until(lambda: states()[-1][0] == "online")
    counters = loop.close()
    assert counters["companion_restarts"] == 1
    assert counters["connections"] >= 2, "it counts on where the other had got to"
    until_s = time.monotonic() + 60.0
    while states()[-1] != ("offline", "the run has ended"):
        assert time.monotonic() < until_s, states()
        time.sleep(0.05)
    ids = [command_id for command_id, _ in chiller.applied]
    assert len(ids) == len(set(ids))
    chiller.close()
    watcher.close()


def test_broker_that_stands_still_for_longer_than_the_maximum_age(broker: Any) -> None:
    chiller, loop = Chiller(broker), Loop(spec_of(broker))
    loop.until(lambda: loop.image.quality[CLOCK] == GOOD)
    broker.pause()
    paused_s = time.monotonic()
    while time.monotonic() < paused_s + 2.5:
        loop.image.values[SETPOINT] = 10.0 if time.monotonic() < paused_s + 1.0 else 11.0
        loop.cycle()
    assert loop.image.quality[CLOCK] != GOOD
    broker.resume()
    resumed_s = time.monotonic()
    while time.monotonic() < resumed_s + 3.0:
        wall_s = time.time()
        loop.cycle()
        if loop.image.quality[CLOCK] == GOOD:
            assert wall_s - chiller.began_s - loop.image.values[CLOCK] <= MAX_AGE_S + SLACK_S
    loop.until(lambda: chiller.setpoint_degc == 11.0)
    ids = [command_id for command_id, _ in chiller.applied]
    assert len(ids) == len(set(ids))
    chiller.close()
    assert loop.close()["commands_unacknowledged"] >= 1


def test_process_that_was_stopped_believes_nothing_that_waited_for_it(broker: Any) -> None:
    """The far end falls silent while our process sleeps; what it had sent before must not pass for new."""
    chiller, loop = Chiller(broker), Loop(spec_of(broker))
    loop.until(lambda: loop.image.quality[UNTIMED] == GOOD)
    for pause_s, stalls in ((0.4, 0), (2.5, 1)):
        os.kill(loop.device.process_id, signal.SIGSTOP)
        time.sleep(0.1)
        chiller.mute = True
        time.sleep(pause_s - 0.1)
        os.kill(loop.device.process_id, signal.SIGCONT)
        resumed_s = time.monotonic()
        while time.monotonic() < resumed_s + 1.5:
            wall_s = time.time()
            loop.cycle()
            if loop.image.quality[UNTIMED] == GOOD:
                assert wall_s - chiller.began_s - loop.image.values[UNTIMED] <= MAX_AGE_S + 1.0
        assert loop.counters["trouble_stalled"] >= stalls
        chiller.mute = False
        loop.until(lambda: loop.image.quality[UNTIMED] == GOOD)
    assert loop.counters["companion_restarts"] == 0


def test_flood_is_bounded_and_counted(broker: Any) -> None:
    """Ten thousand messages at once: the oldest go, the newest are taken, commands still come through."""
    chiller, loop = (
        Chiller(broker),
        Loop(replace(spec_of(broker), broker=settings_of(broker, incoming_queue=100))),
    )
    loop.image.values[SETPOINT] = 12.0
    loop.until(lambda: chiller.setpoint_degc == 12.0)
    chiller.mute = True
    lines = "".join(f"{number} s\n" for number in range(10_000))
    words = ["mosquitto_pub", *broker.arguments("chiller"), "-q", "0", "-t", "site/chiller/clock", "-l"]
    subprocess.run(words, input=lines, text=True, timeout=60, check=True)
    loop.image.values[SETPOINT] = 14.0
    loop.until(lambda: chiller.setpoint_degc == 14.0)
    for number in range(30):
        # The broker too drops what it need not keep (quality of service 0) while our line is full.
        broker.publish("chiller", "site/chiller/clock", f"{10_000 + number} s")
        loop.run(0.3)
        if loop.image.values[UNTIMED] == 10_000.0 + number:
            break
    assert loop.image.values[UNTIMED] == 10_000.0 + number
    counters = loop.close()
    assert counters["messages_dropped"] > 0
    assert counters["messages_received"] + counters["messages_dropped"] > 1_000
    assert counters["companion_restarts"] == 0


def test_two_clients_of_one_id_are_told_so(broker: Any) -> None:
    async def both() -> None:
        told: list[list[str]] = [[], []]
        counts: Counter[str] = Counter(dict.fromkeys(supervisor_module.COUNTERS, 0))
        made = [
            Supervisor(settings_of(broker), _Silent(), None, list, counts, texts.append) for texts in told
        ]
        running = [asyncio.create_task(supervisor.run()) for supervisor in made]
        async with asyncio.timeout(90.0):
            while not all(any('the client id "hall1"' in text for text in texts) for texts in told):
                await asyncio.sleep(0.05)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(both())


def test_leaving_in_the_moment_the_connection_ends(broker: Any) -> None:
    """Two clients of one id end each other all the time; whenever they are told to leave, they do."""

    async def rounds() -> None:
        counts: Counter[str] = Counter(dict.fromkeys(supervisor_module.COUNTERS, 0))
        settings = settings_of(broker, backoff_min_s=0.01, backoff_max_s=0.02)
        for number in range(12):
            made = [Supervisor(settings, _Silent(), None, list, counts, lambda _: None) for _ in range(2)]
            running = [asyncio.create_task(supervisor.run()) for supervisor in made]
            await asyncio.sleep(0.15 + 0.013 * number)
            for task in running:
                task.cancel()
            _, left = await asyncio.wait(running, timeout=20.0)
            assert not left
        assert counts["connect_attempts"] > 24, "they did end each other"

    asyncio.run(rounds())


def test_last_will_of_the_far_end_marks_its_values_at_once(broker: Any) -> None:
    chiller, loop = Chiller(broker), Loop(spec_of(broker))
    loop.until(lambda: loop.image.quality[SUPPLY] == GOOD)
    chiller.mute = True
    broker.publish("chiller", "site/chiller/alive", "offline", "-r")
    loop.until(lambda: loop.image.quality[SUPPLY] == BAD)
    assert loop.counters["peer_offline"] == 1
    chiller.mute = False
    loop.until(lambda: loop.image.quality[SUPPLY] == GOOD)
    broker.publish("chiller", "site/chiller/alive", "", "-r")
    chiller.close()
    loop.close()


def test_kept_state_of_unknown_age_is_not_believed(broker: Any) -> None:
    broker.publish("chiller", "site/chiller/clock", "5.0 s", "-r")
    loop = Loop(spec_of(broker))
    loop.until(lambda: loop.counters["values_retained_without_time"] == 1)
    loop.run(0.3)
    assert loop.image.quality[UNTIMED] == SUBSTITUTED
    broker.publish("chiller", "site/chiller/clock", "6.0 s")
    loop.until(lambda: loop.image.values[UNTIMED] == 6.0)
    for payload in ("6.0 min", "", "nan s"):
        broker.publish("chiller", "site/chiller/clock", payload)
    loop.until(lambda: loop.counters["values_malformed"] == 3)
    broker.publish("chiller", "site/chiller/clock", "-1 s")
    loop.until(lambda: loop.image.quality[UNTIMED] == BAD)
    loop.close()


class _Silent:
    """An application that listens to one topic and says nothing."""

    def __init__(self) -> None:
        self.changes: list[bool] = []

    def subscriptions(self) -> list[Subscription]:
        return [Subscription("site/#")]

    def received(self, message: Incoming) -> None:
        pass

    def outgoing(self) -> list[Outgoing]:
        return [Outgoing("coldloop/hello", b"hello")]

    def connection_changed(self, *, up: bool) -> None:
        self.changes.append(up)


def test_no_task_is_left_over(broker: Any) -> None:
    async def serve() -> tuple[set[asyncio.Task[Any]], Counter[str], list[bool]]:
        counts: Counter[str] = Counter(dict.fromkeys(supervisor_module.COUNTERS, 0))
        application = _Silent()
        settings = settings_of(broker, backoff_min_s=0.05)
        made = Supervisor(
            settings, application, None, lambda: [Outgoing("coldloop/bye", b"bye")], counts, print
        )
        running = asyncio.create_task(made.run())
        for round_ in range(3):
            while counts["connections"] <= round_:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            if round_ < 2:
                broker.kill()
                await asyncio.sleep(0.3)
                broker.start()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.sleep(0.1)
        return asyncio.all_tasks() - {asyncio.current_task()}, counts, application.changes  # type: ignore[arg-type]

    left, counts, changes = asyncio.run(serve())
    assert left == set()
    # Three, and those that a busy machine has cost besides.
    assert counts["connections"] >= 3
    assert changes == [True, False] * counts["connections"]
    assert counts["connections_lost"] == counts["connections"] - 1


def test_attempts_that_nobody_answers_leave_no_socket_open(broker: Any) -> None:
    """A listener that takes connections and says nothing, as a broker does that stands still."""

    async def serve() -> tuple[int, int, set[str], int]:
        taken: list[asyncio.StreamWriter] = []

        async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken.append(writer)
            await reader.read()
            writer.close()

        async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            counts: Counter[str] = Counter(dict.fromkeys(supervisor_module.COUNTERS, 0))
            settings = BrokerSettings(
                "127.0.0.1", port, "hall1", timeout_s=0.3, backoff_min_s=0.05, backoff_max_s=0.1
            )
            running = asyncio.create_task(Supervisor(settings, _Silent(), None, list, counts, print).run())
            while counts["trouble_timeout"] < 5:
                await asyncio.sleep(0.02)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await asyncio.sleep(0.2)
            still_open = sum(not writer.is_closing() for writer in taken)
            names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
            return len(taken), still_open, names, counts["connections"]

    attempts, still_open, tasks, connections = asyncio.run(serve())
    assert attempts >= 5
    assert still_open == 0
    assert not any("_misc_loop" in name for name in tasks)
    assert connections == 0
