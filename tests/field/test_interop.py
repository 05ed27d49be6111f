"""Four makers' Modbus against each other: mbpoll, pyModbusTCP, libmodbus, and ours on either side of the wire.

Every number type in every order of words and bytes. What must be on the wire is made here with ``struct`` alone.
"""

from __future__ import annotations

import re
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import firmware_bench
import pytest
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.server import DataBank, ModbusServer
from pyModbusTCP.utils import decode_ieee, get_2comp, word_list_to_long

from hil.config.points import DATA_TYPES, Point, PointList, load_points
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.northbound import NorthboundServer, NorthboundSettings, ServedSignal
from hil.devices.northbound.layout import FIRST
from hil.devices.stand_in import launch_cdu_plc
from hil.devices.stand_in.registers import RegisterStore
from hil.devices.stand_in.server import ModbusServer as OurServer
from hil.loop.image import GOOD, Image, Signal
from hil.loop.machine_time import machine_ns
from hil.loop.table import LatestTable

pytestmark = pytest.mark.needs("gcc", "libmodbus", "mbpoll")
FOLDER = Path(__file__).parent / "interop_c"
ALLOWED_S = 20.0

VALUES: dict[str, float] = {
    "int16": -12345, "uint16": 54321, "int32": -123456789, "uint32": 3123456789, "float32": -28.515625,
    "int64": -1234567890123456, "uint64": 8765432101234567, "float64": -1.0e-7,
}  # fmt: skip
"""Of each type, one whose words all differ; below 2**53, as the image holds doubles."""
WORD_ORDERS, BYTE_ORDERS = ("high_first", "low_first"), ("big", "little")
CASES = tuple(product(VALUES, WORD_ORDERS, BYTE_ORDERS))
STRIDE = 4


def words_of(type_name: str, word_order: str, byte_order: str, value: float) -> list[int]:
    """What is on the wire, by ``struct`` and slices."""
    data = struct.pack(">" + DATA_TYPES[type_name].code, value)
    parts = [data[at : at + 2] for at in range(0, len(data), 2)]
    parts = parts[::-1] if word_order == "low_first" else parts
    return [int.from_bytes(part, "big" if byte_order == "big" else "little") for part in parts]


def points(table: str = "holding_register", access: str = "rw") -> list[Point]:
    return [
        Point(
            f"{type_name}_{word_order}_{byte_order}", 1, table, STRIDE * number, type_name, word_order=word_order,
            byte_order=byte_order, access=access, write="every_cycle" if "w" in access else "never",
        )
        for number, (type_name, word_order, byte_order) in enumerate(CASES)
    ]  # fmt: skip


def all_words() -> list[int]:
    """The registers of a server that holds every case."""
    words = [0] * (STRIDE * len(CASES))
    for number, (type_name, word_order, byte_order) in enumerate(CASES):
        made = words_of(type_name, word_order, byte_order, VALUES[type_name])
        words[STRIDE * number : STRIDE * number + len(made)] = made
    return words


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("interop")
    subprocess.run(["make", "-s", "-C", str(FOLDER), f"OUT={out}"], check=True, timeout=120)
    return out


# Their clients ----------------------------------------------------------------------------------------


def mbpoll(port: int, *options: str, count: int = 1) -> list[str]:
    command = ["mbpoll", "-0", "-1", "-o", "10", "-c", str(count), "-p", str(port), *options, "127.0.0.1"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=ALLOWED_S, check=False)
    found = re.findall(r"^\[\d+\]:\s+(\S+)", told.stdout, re.MULTILINE)
    assert len(found) == count, told.stdout + told.stderr
    return found


def libmodbus(built: Path, port: int, *arguments: object) -> list[str]:
    command = [str(built / "client"), str(port), "1", *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=ALLOWED_S, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout.split()


def pymodbustcp(port: int) -> ModbusClient:
    return ModbusClient("127.0.0.1", port, unit_id=1, timeout=ALLOWED_S, auto_close=True)


Reader = Callable[[Path, int, str, int, int], list[int]]


def words_by_mbpoll(_built: Path, port: int, table: str, address: int, count: int) -> list[int]:
    kind = "4" if table == "holding" else "3"
    return [int(word) for word in mbpoll(port, "-t", kind, "-r", str(address), count=count)]


def words_by_pymodbustcp(_built: Path, port: int, table: str, address: int, count: int) -> list[int]:
    client = pymodbustcp(port)
    read = client.read_holding_registers if table == "holding" else client.read_input_registers
    words = read(address, count)
    assert words is not None, client.last_error_as_txt
    return list(words)


def words_by_libmodbus(built: Path, port: int, table: str, address: int, count: int) -> list[int]:
    return [int(word) for word in libmodbus(built, port, "read", table, address, count)]


READERS: dict[str, Reader] = {
    "mbpoll": words_by_mbpoll, "pyModbusTCP": words_by_pymodbustcp, "libmodbus": words_by_libmodbus,
}  # fmt: skip


# Our servers, read by them ----------------------------------------------------------------------------


class Held:
    """Registers with every case in them, and nothing behind."""

    def __init__(self) -> None:
        listed = [*points(), *points("input_register", "r")]
        self.store = RegisterStore(PointList("interop", tuple(listed)))

    def tick(self, dt_s: float) -> None:
        """Nothing moves."""


@pytest.fixture(scope="module")
def our_server() -> Iterator[int]:
    program, over = Held(), threading.Event()
    server = OurServer(program)
    thread = threading.Thread(target=server.run, args=(over.is_set,))
    thread.start()
    yield server.address[1]
    over.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("case", range(len(CASES)), ids=["-".join(case) for case in CASES])
@pytest.mark.parametrize("reader", READERS)
def test_they_read_what_our_client_wrote_to_our_server(
    our_server: int, built: Path, reader: str, case: int
) -> None:
    """Our client writes the number, theirs finds its very words: our encoder and our server at once."""
    point = points()[case]
    image = Image([Signal(point.signal, "1", -1e18, 1e19, 0.0)])
    image.accept(0, VALUES[point.type], 0)
    device = connected(our_server, image, [], [(point, 0)])
    device.write(0, machine_ns() + int(ALLOWED_S * 1e9))
    assert device.counters()["writes_acknowledged"] == 1
    device.close()
    expected = words_of(*CASES[case], VALUES[point.type])
    assert READERS[reader](built, our_server, "holding", point.address, point.count) == expected


@pytest.mark.parametrize("word_order", WORD_ORDERS)
@pytest.mark.parametrize("type_name", ["int16", "int32", "uint32", "float32", "int64", "uint64", "float64"])
def test_their_own_numbers_are_ours(our_server: int, built: Path, type_name: str, word_order: str) -> None:
    """Not the words alone: the number that each of them makes of the words, where it knows the type."""
    case = CASES.index((type_name, word_order, "big"))
    address, value = STRIDE * case, VALUES[type_name]
    count = DATA_TYPES[type_name].registers
    client = pymodbustcp(our_server)
    assert client.write_multiple_registers(address, words_of(type_name, word_order, "big", value))
    words = client.read_holding_registers(address, count)
    is_high = word_order == "high_first"
    if type_name == "int16":
        assert get_2comp(words[0], 16) == value
        return
    (whole,) = word_list_to_long(words, big_endian=is_high, long_long=count == 4)
    if type_name.startswith("float"):
        assert decode_ieee(whole, double=count == 4) == value
    else:
        assert (get_2comp(whole, 16 * count) if type_name.startswith("int") else whole) == value
    if type_name in {"int32", "float32"}:
        order = ("-B",) if is_high else ()
        kind = "4:int" if type_name == "int32" else "4:float"
        (said,) = mbpoll(our_server, *order, "-t", kind, "-r", str(address))
        assert float(said) == pytest.approx(value, rel=1e-5)
    if type_name == "float32":
        (said,) = libmodbus(built, our_server, "float", address, "abcd" if is_high else "cdab")
        assert float(said) == value


@pytest.mark.parametrize(("order", "word_order", "byte_order"), [
    ("abcd", "high_first", "big"), ("cdab", "low_first", "big"), ("badc", "high_first", "little"),
    ("dcba", "low_first", "little"),
])  # fmt: skip
def test_libmodbus_names_for_the_four_orders_of_a_float(
    our_server: int, built: Path, order: str, word_order: str, byte_order: str
) -> None:
    case = CASES.index(("float32", word_order, byte_order))
    words = words_of("float32", word_order, byte_order, VALUES["float32"])
    libmodbus(built, our_server, "write", STRIDE * case, *words)
    assert float(libmodbus(built, our_server, "float", STRIDE * case, order)[0]) == VALUES["float32"]


# The rig, read by them --------------------------------------------------------------------------------


@dataclass
class Shown:
    port: int
    word_order: str
    publish: Callable[[], None]


@pytest.fixture(scope="module", params=WORD_ORDERS)
def northbound(request: pytest.FixtureRequest) -> Iterator[Shown]:
    signals = (
        ServedSignal("temp_degc", "degC", -100.0, 100.0),
        ServedSignal("flow_l_min", "L/min", -100.0, 4000.0, "int16", 0.1, writable=True),
    )
    image = Image([Signal(s.name, s.unit, s.low, s.high, s.low, 10**9) for s in signals])
    table = LatestTable(image)
    server = NorthboundServer(NorthboundSettings("127.0.0.1", 0, 1, signals, request.param, 11, 3600.0))

    def publish() -> None:
        now_ns = machine_ns()
        image.accept(0, VALUES["float32"], now_ns)
        image.accept(1, -12.3, now_ns)
        table.publish(now_ns)

    publish()
    yield Shown(server.start(table.path), request.param, publish)
    server.close()
    table.close()


@pytest.mark.parametrize("table", ["holding", "input"])
@pytest.mark.parametrize("reader", READERS)
def test_they_read_the_rig(northbound: Shown, built: Path, reader: str, table: str) -> None:
    northbound.publish()
    words = READERS[reader](built, northbound.port, table, FIRST, 8)
    assert words[:3] == [*words_of("float32", northbound.word_order, "big", VALUES["float32"]), GOOD]
    assert words[4:7] == [0x10000 - 123, 0, GOOD]


def test_they_read_the_rig_as_numbers_and_write_a_set_point(northbound: Shown, built: Path) -> None:
    is_high = northbound.word_order == "high_first"
    (said,) = mbpoll(northbound.port, *(("-B",) if is_high else ()), "-t", "4:float", "-r", str(FIRST))
    assert float(said) == pytest.approx(VALUES["float32"], rel=1e-5)
    (said,) = libmodbus(built, northbound.port, "float", FIRST, "abcd" if is_high else "cdab")
    assert float(said) == VALUES["float32"]
    libmodbus(built, northbound.port, "write", FIRST + 4, 500)
    assert pymodbustcp(northbound.port).write_single_register(FIRST + 4, 600)
    place = ["-0", "-o", "10", "-t", "4", "-r", str(FIRST + 4), "-p", str(northbound.port)]
    command = ["mbpoll", *place, "127.0.0.1", "700"]
    assert subprocess.run(command, capture_output=True, timeout=ALLOWED_S, check=False).returncode == 0


# A stub of the field, read by them --------------------------------------------------------------------


@pytest.fixture(scope="module")
def plc() -> Iterator[int]:
    with launch_cdu_plc("c") as running:
        assert running.kind == "c", running.why
        yield running.port


@pytest.mark.parametrize("reader", READERS)
def test_they_read_the_stub_as_we_do(plc: int, built: Path, root: Path, reader: str) -> None:
    listed = load_points(root / "configs" / "points" / "cdu_plc.csv")
    point = listed.point("bench_tcs_supply_temp_degc")
    assert point is not None
    image = Image([Signal(point.signal, "degC", -300.0, 1000.0, 0.0)])
    image.accept(0, 28.5, 0)
    device = connected(plc, image, [], [(point, 0)])
    device.write(0, machine_ns() + int(ALLOWED_S * 1e9))
    device.close()
    assert READERS[reader](built, plc, "holding", point.address, 1) == [round(28.5 / point.scale)]
    inputs = [p.address for p in listed.points if p.table == "input_register"]
    words = READERS[reader](built, plc, "input", min(inputs), 4)
    assert len(words) == 4


@pytest.mark.parametrize("name", ["valve_actuator", "vfd", "pv_inverter"])
def test_they_read_every_stub_and_so_do_we(built: Path, name: str) -> None:
    """Registers that stand still: all four find the same words, also where the book has gaps."""
    with firmware_bench.Stub(firmware_bench.build(name), "--time-scale", "0") as stub:
        start, table = {"pv_inverter": 40_000, "vfd": 9601, "valve_actuator": 0}[name], "holding"
        listed = Point("x", 1, "holding_register", start, "uint32")
        found = {}
        for reader, read in READERS.items():
            found[reader] = read(built, stub.port, table, start, 2)
        image = Image([Signal("x", "1", 0.0, 2.0**32, 0.0, 10**12)])
        device = connected(stub.port, image, [(listed, 0)], [])
        now_ns = machine_ns()
        device.read(now_ns, now_ns + int(ALLOWED_S * 1e9))
        device.close()
        high, low = divmod(int(image.values[0]), 65536)
    assert list(found.values()) == [[high, low]] * 3


# Their servers, read and written by our client --------------------------------------------------------


def connected(
    port: int, image: Image, reads: Sequence[tuple[Point, int]], writes: Sequence[tuple[Point, int]]
) -> ModbusTcpDevice:
    device = ModbusTcpDevice("far", ModbusTcpSettings("127.0.0.1", port), image, reads, writes, machine_ns)
    device.prove(ALLOWED_S)
    return device


def free_port() -> int:
    listener = OurServer(Held())
    port = listener.address[1]
    listener.close()
    return port


@pytest.fixture
def their_pymodbustcp() -> Iterator[tuple[int, DataBank]]:
    bank = DataBank(h_regs_size=512, i_regs_size=512, coils_size=64, d_inputs_size=64)
    bank.set_holding_registers(0, all_words())
    bank.set_input_registers(0, all_words())
    bank.set_coils(0, [True, False, True])
    port = free_port()
    server = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    server.start()
    yield port, bank
    server.stop()


@pytest.fixture
def their_libmodbus(built: Path) -> Iterator[int]:
    command = [str(built / "server"), *map(str, all_words())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline().removeprefix("listening on "))
        server.communicate(timeout=ALLOWED_S)


def our_reading(port: int, table: str) -> dict[str, float]:
    listed = points(table, "r")
    image = Image([Signal(point.signal, "1", -1e18, 1e19, 0.0, 10**12) for point in listed])
    device = connected(port, image, [(point, slot) for slot, point in enumerate(listed)], [])
    try:
        now_ns = machine_ns()
        device.read(now_ns, now_ns + int(ALLOWED_S * 1e9))
    finally:
        device.close()
    assert list(image.quality) == [GOOD] * len(listed)
    return {point.signal: image.values[slot] for slot, point in enumerate(listed)}


def expected_numbers() -> dict[str, float]:
    return {point.signal: VALUES[point.type] for point in points()}


@pytest.mark.parametrize("table", ["holding_register", "input_register"])
def test_we_read_their_servers_in_every_type_and_order(
    their_pymodbustcp: tuple[int, DataBank], their_libmodbus: int, table: str
) -> None:
    assert our_reading(their_pymodbustcp[0], table) == expected_numbers()
    assert our_reading(their_libmodbus, table) == expected_numbers()


def our_writing(port: int) -> None:
    listed = points()
    image = Image([Signal(point.signal, "1", -1e18, 1e19, 0.0) for point in listed])
    for slot, point in enumerate(listed):
        image.accept(slot, -VALUES[point.type] if point.type[0] != "u" else VALUES[point.type] - 1, 0)
    device = connected(port, image, [], [(point, slot) for slot, point in enumerate(listed)])
    try:
        device.write(0, machine_ns() + int(ALLOWED_S * 1e9))
        counts = device.counters()
    finally:
        device.close()
    assert counts["writes_sent"] == counts["writes_acknowledged"] > 0


def test_we_write_their_servers_in_every_type_and_order(
    their_pymodbustcp: tuple[int, DataBank], their_libmodbus: int, built: Path
) -> None:
    port, bank = their_pymodbustcp
    our_writing(port)
    our_writing(their_libmodbus)
    for number, (type_name, word_order, byte_order) in enumerate(CASES):
        value = VALUES[type_name]
        other = -value if type_name[0] != "u" else value - 1
        words = words_of(type_name, word_order, byte_order, other)
        assert bank.get_holding_registers(STRIDE * number, len(words)) == words
        assert words_by_libmodbus(built, their_libmodbus, "holding", STRIDE * number, len(words)) == words


def test_bits_go_both_ways(
    their_pymodbustcp: tuple[int, DataBank], their_libmodbus: int, built: Path
) -> None:
    for port in (their_pymodbustcp[0], their_libmodbus):
        coils = [
            Point(f"c{n}", 1, "coil", n, "bool", unit="bool", access="rw", write="every_cycle")
            for n in range(3)
        ]
        image = Image([Signal(point.signal, "bool", 0, 1, 0.0, 10**12) for point in coils] * 2)
        device = connected(
            port,
            image,
            [(point, n) for n, point in enumerate(coils)],
            [(p, n + 3) for n, p in enumerate(coils)],
        )
        image.values[3:] = [0.0, 1.0, 1.0]
        device.write(0, machine_ns() + int(ALLOWED_S * 1e9))
        device.read(0, machine_ns() + int(ALLOWED_S * 1e9))
        device.close()
        assert image.values[:3] == [0.0, 1.0, 1.0]
    assert their_pymodbustcp[1].get_coils(0, 3) == [False, True, True]
    assert libmodbus(built, their_libmodbus, "bits", "coils", 0, 3) == ["0", "1", "1"]
