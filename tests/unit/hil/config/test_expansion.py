"""Ranges in keys: any file without one stays as it is, and with one it is what would be written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.expansion import expand
from hil.config.yaml_lines import Document, read_yaml
from hil.errors import ConfigError

WORDS = st.text("abc_.", min_size=1, max_size=6)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS, st.just("two words {n}")
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(WORDS, TREES, max_size=4)


def read(folder: Path, text: str) -> Document:
    path = folder / "rig.yaml"
    path.write_text(text)
    return expand(read_yaml(path))


def refused(folder: Path, text: str) -> tuple[int | None, str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    problem = caught.value.problems[0]
    return problem.line, f"{problem.what} | {problem.hint}"


@given(MAPPINGS)
def test_what_has_no_range_stays_as_it_is(data: dict[str, Any]) -> None:
    document = Document("x", data, {(): 1, **{(key,): n for n, key in enumerate(data)}})
    expanded = expand(document)
    assert expanded.data == data
    assert list(expanded.data) == list(data)
    assert expanded.lines == document.lines


def renamed(value: Any, number: str) -> Any:
    """Put a number where the mark is, as a person would who writes the entries one by one."""
    if isinstance(value, dict):
        return {key.replace("MARK", number): renamed(inner, number) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(item, number) for item in value]
    return value.replace("MARK", number) if isinstance(value, str) else value


def marked(value: Any) -> Any:
    """Put the mark into every text that does not stand alone."""
    if isinstance(value, dict):
        return {f"{key}MARK": marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return f"{value.replace('{n}', '')}MARK" if isinstance(value, str) else value


@given(MAPPINGS, WORDS, WORDS, st.integers(0, 200), st.integers(1, 15), TREES)
def test_it_is_what_one_would_write_by_hand(
    around: dict[str, Any], before: str, after: str, first: int, count: int, inner: Any
) -> None:
    entry = marked(inner)
    key = f"{before}{{{first}..{first + count - 1}}}{after}"
    data = {"head": 1, key: renamed(entry, "{n}"), **{f"{name}!": value for name, value in around.items()}}
    expanded = expand(Document("x", data, {(): 1, (key,): 7}))
    by_hand = {f"{before}{n}{after}": renamed(entry, str(n)) for n in range(first, first + count)}
    assert expanded.data == {"head": 1} | by_hand | {f"{name}!": value for name, value in around.items()}
    assert list(expanded.data)[1 : count + 1] == list(by_hand), "in the place of the range"
    assert all(expanded.line(name) == 7 for name in by_hand)


def test_lists_values_and_numbers(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        """\
wires:
  fws.supply_temp_degc: cdu_{1..3}.fws_supply_temp_degc
  cdu_{1..2}.out: fws.in_{n}
case_temps: [first, "cdu_{01..02}_case", last]
needs:
  - {kpi: "loops.cdu_{1..2}.mae", max: 1, signal: "s_{n}"}
  - {kpi: other}
cdu_{1..2}: {seed: {n}, count: "{n}", note: "unit {n} of 2"}
text: a note on cdu_{1..3} stays a note, and so does {n}
""",
    )
    assert document.data == {
        "wires": {
            "fws.supply_temp_degc": [f"cdu_{n}.fws_supply_temp_degc" for n in (1, 2, 3)],
            "cdu_1.out": "fws.in_1",
            "cdu_2.out": "fws.in_2",
        },
        "case_temps": ["first", "cdu_01_case", "cdu_02_case", "last"],
        "needs": [
            {"kpi": "loops.cdu_1.mae", "max": 1, "signal": "s_1"},
            {"kpi": "loops.cdu_2.mae", "max": 1, "signal": "s_2"},
            {"kpi": "other"},
        ],
        "cdu_1": {"seed": 1, "count": 1, "note": "unit 1 of 2"},
        "cdu_2": {"seed": 2, "count": 2, "note": "unit 2 of 2"},
        "text": "a note on cdu_{1..3} stays a note, and so does {n}",
    }
    assert document.line("wires", "cdu_2.out") == 3
    assert document.line("needs", 1, "kpi") == 6
    assert document.line("needs", 2) == 7
    assert document.line("cdu_2", "note") == 8


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a: 1\nb_{1..2}_{1..3}: 1\n", 2, "has a range beside another"),
        ("a: 1\nb_{1..2}:\n  c_{1..2}: 1\n", 3, "has a range inside what another one repeats"),
        ("b_{1..2}:\n  c:\n    - d_{1..2}\n", 3, "has a range inside what another one repeats"),
        ("b_{1..2}:\n  c: d_{1..2}\n", 2, "has a range inside what another one repeats"),
        ("b_{1..2}_{n}: 1\n", 1, "has a range beside another"),
        ("b_{3..1}: 1\n", 1, "counts from 3 to 1 | write it {1..3}"),
        ("b_{1..5000}: 1\n", 1, "at most 1000 entries"),
        ("b_{1-3}: 1\n", 1, "has braces that are no range | first and last number, two dots: {1..12}"),
        ("b_{1...3}: 1\n", 1, "has braces that are no range"),
        ("b_{a..c}: 1\n", 1, "has braces that are no range"),
        ("b_2: 1\nb_{1..3}: 1\n", 2, "'b_2' is there already"),
        ("b_{1..3}: 1\nb_2: 1\n", 2, "'b_2' is there already"),
        ("a:\n  b: c_{n}\n", 2, "stands in no key with a range"),
        ("a:\n  - {b: 'x_{1..2}', c: 'y_{1..2}'}\n", 2, "two ranges in one item"),
        ("a: {b: c_{n}}\n", 1, "needs quotes"),
        ("a: [c_{1..2}]\n", 1, "needs quotes"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    found, words = refused(tmp_path, text)
    assert told in words
    assert found == line


def test_ranges_that_make_a_file_too_large_are_refused(tmp_path: Path) -> None:
    wide = "".join(f"  k{n}_{{1..1000}}: [1, 2, 3, 4, 5, 6]\n" for n in range(40))
    assert "too large" in refused(tmp_path, f"a:\n{wide}")[1]
