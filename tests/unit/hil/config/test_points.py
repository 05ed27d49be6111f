"""Point lists: what is read, and that every mistake is named with its line and the nearest right thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.points import DATA_TYPES, Point, PointList, load_points
from hil.errors import ConfigError, Problem

HEADER = (
    "signal,table,address_zero_based,type,bit,scale,offset,unit,access,write,min,max,unit_id,word_order,"
    "refresh_s\n"
)


def load(folder: Path, text: str | bytes, name: str = "plc.csv") -> PointList:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_points(path)


def fault(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value).replace(str(folder), "")


def test_a_full_row(tmp_path: Path) -> None:
    row = "supply_temp_degc,holding_register,0x10,int32,,0.01,-5,degC,rw,on_change,0,90,3,low_first,2.5\n"
    (point,) = load(tmp_path, HEADER + row).points
    assert point == Point(
        "supply_temp_degc", 3, "holding_register", 16, "int32", None, "low_first", "big", 0.01, -5.0, "degC",
        "rw", "on_change", 0.0, 2.5, 0.0, 90.0, "", str(tmp_path / "plc.csv"), 2,
    )  # fmt: skip
    assert (point.count, point.end, point.readable, point.writable) == (2, 18, True, True)


def test_defaults_of_empty_cells(tmp_path: Path) -> None:
    text = (
        "signal,table,address_zero_based,type,bit,access\nrack_dp_kpa,input_register,1,uint16,,\n"
        "leak,discrete_input,0,,,\npump_on,coil,0,,,w\nalarm,holding_register,4,,3,\n"
    )
    pressure, leak, pump, alarm = load(tmp_path, text).points
    assert (pressure.unit, pressure.unit_id, pressure.access, pressure.write) == ("kPa", 1, "r", "never")
    assert (pressure.scale, pressure.offset, pressure.word_order, pressure.byte_order) == (
        1,
        0,
        "high_first",
        "big",
    )
    assert (leak.type, leak.unit) == ("bool", "bool")
    assert (pump.access, pump.write, pump.deadband, pump.refresh_s) == ("w", "on_change", 0.0, None)
    assert (alarm.type, alarm.bit) == ("bool", 3)


def test_european_spreadsheet_with_comments(tmp_path: Path) -> None:
    text = (
        "\ufeff# Pumpe 1;;;;\r\nsep=;\r\nsignal;table;address_one_based;type;scale;comment\r\n;;;;;\r\n\r\n"
        '# setpoints\r\nflow_l_min;holding_register;1;uint16;0,1;"a; b"\r\nx_kpa;coli;2;uint16;1;\r\n'
    )
    message = fault(tmp_path, text)
    assert 'plc.csv:8: "x_kpa": unknown table "coli"\n    did you mean "coil"?' in message
    (point,) = load(tmp_path, text.replace("coli", "holding_register")).points[:1]
    assert (point.address, point.scale, point.comment, point.line) == (0, 0.1, "a; b", 7)


@pytest.mark.parametrize(
    ("table", "book", "wire"),
    [
        ("holding_register", "40001", 0),
        ("holding_register", "400001", 0),
        ("holding_register", "465536", 65535),
        ("input_register", "30010", 9),
        ("discrete_input", "100017", 16),
        ("coil", "00002", 1),
        ("coil", "2", 1),
    ],
)
def test_book_addresses(tmp_path: Path, table: str, book: str, wire: int) -> None:
    type_name = "" if table in {"coil", "discrete_input"} else "int16"
    (point,) = load(tmp_path, f"signal,table,address_book,type\nx,{table},{book},{type_name}\n").points
    assert point.address == wire


@pytest.mark.parametrize(
    ("row", "what", "hint"),
    [
        (",coil,0", "signal is empty", ""),
        ("x,holding,0,int16", 'unknown table "holding"', 'did you mean "holding_register"'),
        ("x,holding_register,0,in16", 'unknown type "in16"', 'did you mean "int16"'),
        ("x,holding_register,0", "type is empty", "one of: bool, int16"),
        ("x,holding_register,0,bool", "a bool in a register needs its bit", "bit 0 to 15"),
        ("x,holding_register,0,int16,3", "a bit of a register is a bool", "leave the type"),
        ("x,holding_register,0,,16", "bit 16 is outside 0 to 15", ""),
        ("x,coil,0,int16", "a coil is one bit", 'type "bool"'),
        ("x,coil,", "address_zero_based is empty", ""),
        ("x,coil,a1", 'address_zero_based "a1" is not a whole number', ""),
        ("x,coil,65536", "outside 0 to 65535", ""),
        ("x,holding_register,65533,float64", "ends at 65536, beyond", "is 65532"),
        ("x,coil,0,,,0", "scale 0", "leave it empty"),
        ("x,holding_register,0,int16,,nan", "scale nan is not finite", ""),
        ("x,holding_register,0,int16,,1e999", "scale 1e999 is not finite", ""),
        ("x,holding_register,0,int16,,1,inf", "offset inf is not finite", ""),
        ("x,holding_register,0,int16,,ten", 'scale "ten" is not a number', ""),
        ('x,holding_register,0,int16,,"0,1"', 'scale "0,1" is not a number', "with a decimal point: 0.1"),
        (
            "x,coil,0,,,,,,w,,,,,,500 ms",
            'refresh_s "500 ms" is not a number',
            "in s, without the unit ms: 0.5",
        ),
        ("x,holding_register,0,int16,,,,degc", 'unknown unit "degc"', 'did you mean "degC"'),
        ("x,holding_register,0,int16,,,,,read", 'unknown access "read"', "one of: r, w, rw"),
        ("x,input_register,0,int16,,,,,rw", "Modbus cannot write", 'table "holding_register"'),
        ("x,discrete_input,0,,,,,,w", "Modbus cannot write", 'table "coil"'),
        ("x,coil,0,,,,,,w,on_chnge", 'unknown write "on_chnge"', 'did you mean "on_change"'),
        ("x,coil,0,,,,,,r,on_change", 'write "on_change" on a point with access "r"', "rw"),
        ("x,holding_register,0,int16,,,,,,,5,1", "min 5 is above max 1", "swap"),
        ("x,coil,0,,,,,,,,,,250", "unit_id 250 is reserved", "247"),
        ("x,coil,0,,,,,,,,,,256", "unit_id 256 is outside 0 to 255", ""),
        ("x,holding_register,0,int32,,,,,,,,,,low", 'unknown word_order "low"', "low_first"),
        ("x,coil,0,,,,,,w,,,,,,-1", "refresh_s -1 is not positive", ""),
        ('x,coil,"0', "not a CSV row", "a quote is not closed"),
        ("x,coil,0,,,,,,,,,,,,,,extra", "17 cells under a header of 15", "quotes"),
    ],
)
def test_bad_cells(tmp_path: Path, row: str, what: str, hint: str) -> None:
    message = fault(tmp_path, HEADER + "# a comment\n" + row + "\n")
    assert message.startswith("/plc.csv:3: ")
    assert what in message
    assert hint in message


@pytest.mark.parametrize(
    ("header", "what", "hint"),
    [
        ("signal,tabel,address_zero_based", 'missing column "table"', '"tabel" is near it'),
        ("signal,table,adress_book", 'unknown column "adress_book"', 'did you mean "address_book"'),
        ("signal,table,address_book,signal", 'column "signal" appears 2 times', "keep one"),
        ("signal,table", "missing column for the address", "exactly one of"),
        ("signal,table,address_book,address_one_based", "2 address columns", "exactly one of"),
        ('"signal,table', "not a CSV header", "quote"),
    ],
)
def test_bad_headers(tmp_path: Path, header: str, what: str, hint: str) -> None:
    message = fault(tmp_path, header + "\nx,coil,0\n")
    assert message.startswith("/plc.csv:1: ")
    assert what in message
    assert hint in message


@pytest.mark.parametrize(
    ("book", "table", "what"),
    [
        ("30001", "holding_register", "names a input_register, the table says holding_register\n    40001"),
        ("40000", "holding_register", "numbers run from 1"),
        ("4001", "holding_register", "not of 5 or 6 digits"),
        ("4x001", "holding_register", "not of 5 or 6 digits"),
        ("90001", "holding_register", "names no table"),
        ("465537", "holding_register", "numbers run from 1 to 65536"),
    ],
)
def test_bad_book_addresses(tmp_path: Path, book: str, table: str, what: str) -> None:
    assert what in fault(tmp_path, f"signal,table,address_book,type\nx,{table},{book},int16\n")


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (
            "b,holding_register,11,int16",
            '"b" at holding_register 11 (int16) overlaps "a" at holding_register 10 to 11',
        ),
        ("b,holding_register,9,float32", '"b" at holding_register 9 to 10 (float32) overlaps "a"'),
        ("b,holding_register,10,int32", "line 2"),
        ("b,holding_register,10,,3", "bit 3"),
        ("a,holding_register,20,int16", '"a" is already the point of line 2'),
    ],
)
def test_overlaps_name_both_lines(tmp_path: Path, second: str, what: str) -> None:
    message = fault(tmp_path, HEADER + "a,holding_register,10,int32\n" + second + "\n")
    assert message.startswith("/plc.csv:3: ")
    assert what in message


def test_what_may_share_an_address(tmp_path: Path) -> None:
    rows = "a,holding_register,0,,0\nb,holding_register,0,,1\nc,input_register,0,int16\nd,coil,0\n"
    rows += "e,holding_register,0,int16,,,,,,,,,2\n"
    assert len(load(tmp_path, HEADER + rows).points) == 5
    assert "different bit numbers" in fault(tmp_path, HEADER + rows.replace("0,,1", "0,,0"))


SCALED = "signal,table,address_zero_based,type,scale,unit,bit,access,scale_register\n"


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("a,holding_register,0,int16,,,,,2\nb,holding_register,1,uint32\n", "1 to 2 (uint32), line 3"),
        ("a,holding_register,0,int16,,,,,2\nb,holding_register,2,int16,,,,rw\n", "line 3, which is written"),
        ("a,holding_register,0,int16,,,,,2\nb,holding_register,2,int16,0.1\n", 'overlaps "b" at holding_register 2'),
        ("a,holding_register,0,int16,,,,,2\nb,holding_register,2,int16,,kW\n", 'overlaps "b" at holding_register 2'),
        ("a,holding_register,0,int16,,,,,2\nb,holding_register,2,int16,,,,,3\n", 'overlaps "b" at holding_register 2'),
        ("a,holding_register,0,int16,,,,,2\nb,holding_register,2,,,,3\n", "holding_register 2 bit 3 (bool), line 3"),
        ("a,holding_register,4,uint32,,,,,5\n", "is one of its own, holding_register 4 to 5 (uint32), line 2"),
    ],
)  # fmt: skip
def test_a_scale_register_that_is_something_else_too(tmp_path: Path, rows: str, what: str) -> None:
    message = fault(tmp_path, SCALED + rows)
    assert message.startswith("/plc.csv:2: ")
    assert '"a": its scale register, holding_register ' in message
    assert what in message


def test_a_scale_register_may_be_shared_and_read_by_itself(tmp_path: Path) -> None:
    rows = (
        "a,holding_register,0,int16,,,,,4\nb,holding_register,1,uint32,,,,,4\nsf,holding_register,4,int16\n"
    )
    other_table = "c,input_register,4,float32\nd,holding_register,9,uint16,,,,rw\n"
    assert len(load(tmp_path, SCALED + rows + other_table).points) == 5


def test_a_written_bit_must_own_its_word(tmp_path: Path) -> None:
    message = fault(tmp_path, HEADER + "run,holding_register,0,,0,,,,w\nfault,holding_register,0,,1\n")
    assert 'plc.csv:3: "fault" is read only, but writing "run" sends its word whole' in message


def test_all_problems_are_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = HEADER + "a,coil,0\nb,coil,0\nc,coli,1\nd,coil,2,,,0\n"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert [problem.line for problem in caught.value.problems] == [3, 4, 5]


def test_file_not_found_names_the_nearest(tmp_path: Path) -> None:
    load(tmp_path, HEADER + "x,coil,0\n", "cdu_plc.csv")
    with pytest.raises(ConfigError, match=r"cannot be read: No such file.*\n.*did you mean .*cdu_plc\.csv"):
        load_points(tmp_path / "cdu-plc.csv")
    with pytest.raises(ConfigError, match=r"folder .* does not exist"):
        load_points(tmp_path / "nowhere" / "plc.csv")


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    assert "plc.csv:2: byte 0xb0 is not UTF-8" in fault(
        tmp_path, b"signal,table,address_book\nx,coil,1,\xb0C\n"
    )


@pytest.mark.parametrize("text", ["", "\n\n# nothing\n"])
def test_empty_file(tmp_path: Path, text: str) -> None:
    assert "empty" in fault(tmp_path, text)
    assert "no points below the header" in fault(tmp_path, HEADER)


@given(st.data())
def test_any_layout_without_gaps_loads(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    types = data.draw(st.lists(st.sampled_from([name for name in DATA_TYPES if name != "bool"]), min_size=1))
    address = data.draw(st.integers(0, 65000 - 4 * len(types)))
    rows, expected = [], []
    for number, type_name in enumerate(types):
        rows.append(f"s{number},holding_register,{address},{type_name}")
        expected.append((f"s{number}", address))
        address += DATA_TYPES[type_name].registers
    order = data.draw(st.permutations(rows))
    points = load(tmp_path_factory.mktemp("layout"), HEADER + "\n".join(order)).points
    assert sorted((point.signal, point.address) for point in points) == sorted(expected)


@given(text=st.text(alphabet=st.sampled_from('abc,;"\n#01. -'), max_size=80))
def test_any_text_loads_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    problems: tuple[Problem, ...] = ()
    points: tuple[Point, ...] = ()
    try:
        points = load(tmp_path_factory.mktemp("any"), HEADER + text).points
    except ConfigError as error:
        problems = error.problems
    assert bool(points) != bool(problems)


def test_a_scale_register_is_counted_as_the_addresses_are(tmp_path: Path) -> None:
    text = (
        "signal,table,{column},type,scale_register,no_value,unit\n"
        "ac_power_w,holding_register,{first},int16,{second},0x8000,W\n"
    )
    for column, first, second in (
        ("address_zero_based", 14, 15), ("address_one_based", 15, 16), ("address_book", 40015, 40016),
    ):  # fmt: skip
        (point,) = load(tmp_path, text.format(column=column, first=first, second=second)).points
        assert (point.address, point.scale_register, point.no_value, point.span) == (14, 15, 0x8000, (14, 2))


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("x,holding_register,1,int16,70000,,rw", "scale_register 70000 is outside 0 to 65535"),
        ("x,holding_register,1,int16,2,,rw", "a written point has no scale_register"),
        ("x,coil,1,,2,,r", "a bit has no scale_register"),
        ("x,holding_register,1,int16,,65536,r", "no_value 65536 is outside 0 to 65535"),
    ],
)
def test_a_scale_register_that_cannot_be(tmp_path: Path, row: str, what: str) -> None:
    header = "signal,table,address_zero_based,type,scale_register,no_value,access\n"
    assert what in fault(tmp_path, header + row + "\n")
