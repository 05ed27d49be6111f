"""Every stub under the address and undefined-behaviour sanitizers, against arbitrary bytes, requests and commands."""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
from pathlib import Path

import firmware_bench as fb
import pytest

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

STUBS = sorted(path.parent.name for path in fb.STUBS.glob("*/Makefile") if path.parent.name != "common")
REQUESTS, COMMANDS, NOISE = 1500, 150, 40
KINDS = ("late", "silent", "exception", "wrong-id", "truncated", "garbage", "revert", "ignore-write")


@pytest.fixture(scope="module", params=STUBS)
def executable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("the sanitizers are gcc's")
    return fb.build(request.param, into=tmp_path_factory.mktemp(request.param), sanitized=True)


MAYBE_LISTED = [
    *range(320),
    *range(3100, 3220),
    *(6005, 7010, *range(7121, 7128), 8501, 8502, 8602, 9001, 9002),
    *range(40000, 40400),
    *(400, 2871, 2872, 5813, 5815),
    *(
        3409,
        3410,
        3419,
        3420,
        8029,
        8030,
        8039,
        15299,
        16129,
        16139,
        16140,
        16899,
        16900,
        49999,
        50009,
        50199,
        50209,
    ),
]


def listed(stub: fb.Stub) -> list[int]:
    """Find the holding registers there are, by asking; and the bench's and misbehaviours', which all have."""
    client = fb.Tcp(stub.port)
    found = [first for first in MAYBE_LISTED if client.ask(struct.pack(">BHH", 3, first, 1))[0] == 3]
    client.close()
    return [*found, *range(60000, 60006), *range(61000, 61004)]


def arbitrary_request(rng: random.Random, addresses: list[int]) -> bytes:
    first, count = rng.choice(addresses), rng.choice([1, 1, 2, 4, 123, 125, 126, 0, rng.randrange(65536)])
    function = rng.choice([3, 3, 4, 6, 6, 16, 16, 2, 1, 5, 15, 22, 23, 43, rng.randrange(1, 128)])
    word = rng.choice([0, 1, 2, 6, 7, 15, 128, 5000, 10000, 0x7FFF, 0x8000, 0xFFFF, rng.randrange(65536)])
    if function == 16:
        count = min(count, 123)
        words = [rng.choice([word, rng.randrange(65536)]) for _ in range(count)]
        return struct.pack(f">BHHB{count}H", 16, first, count, 2 * count, *words)
    if rng.random() < 0.1:
        return bytes([function]) + rng.randbytes(rng.randrange(0, 252))
    return struct.pack(">BHH", function, first, word if function == 6 else count)


def send_arbitrary_requests(stub: fb.Stub, rng: random.Random) -> None:
    addresses = listed(stub)
    client = fb.Tcp(stub.port)
    for _ in range(REQUESTS):
        unit = rng.choice([1, 1, 1, 2, 3, 0, 255])
        pdu = arbitrary_request(rng, addresses)
        function = pdu[0]
        if 60000 <= struct.unpack(">H", (pdu + bytes(3))[1:3])[0] < 60100:
            continue  # what is asked must be answered here; misbehaviours have their own round
        reply = client.ask(pdu, unit)
        assert reply[0] & 0x7F == function & 0x7F
    client.close()


def command_at_random(stub: fb.Stub, rng: random.Random) -> None:
    for _ in range(COMMANDS):
        kind, count = rng.choice(KINDS), rng.choice(["1", "3", "always", "0"])
        stub.say(
            f"misbehave all {kind} count={count} parameter={rng.randrange(3000)} probability={rng.random():.2f}"
        )
        stub.say(f"write 1 {rng.randrange(65536)} {rng.randrange(-40000, 70000)}")
        stub.say(f"step {rng.choice([0, 0.001, 0.01, 1, 30])}")
        stub.say(
            rng.choice(
                ["read 1 0 125", "counts", "x" * 480, "step nan", "step inf", "write 1", "misbehave 1 late ="]
            )
        )
    stub.ok("misbehave all off")


def send_noise(stub: fb.Stub, line: fb.Pty, rng: random.Random) -> None:
    for _ in range(NOISE):
        frame = rng.randbytes(rng.randrange(1, 300))
        os.write(line.fd, frame if rng.random() < 0.5 else frame[:250] + fb.crc(frame[:250]))
        with socket.create_connection(("127.0.0.1", stub.port)) as stranger:
            stranger.sendall(
                struct.pack(">HHH", 1, 0, rng.randrange(300)) + rng.randbytes(rng.randrange(260))
            )
        line.read(4096, within_s=0.02)


def test_nothing_that_comes_leads_to_undefined_behaviour(
    executable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASAN_OPTIONS", "abort_on_error=0:exitcode=99:detect_leaks=1")
    rng = random.Random(executable.name)
    line = fb.Pty()
    options = ("--units", "1-3", "--time-scale", "10", "--baud", "115200")
    stub = fb.Stub(executable, *options, device=line.device)
    send_arbitrary_requests(stub, rng)
    command_at_random(stub, rng)
    send_noise(stub, line, rng)
    assert stub.ok("counts")
    said = stub.stop()
    assert stub.process.returncode == 0, said
    assert "runtime error" not in said
    assert "ERROR" not in said
    line.close()
