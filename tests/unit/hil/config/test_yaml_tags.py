"""What YAML allows and no file may hold: refused at its line, whatever the reader would make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.file_kinds import Kind, read_kind
from hil.config.yaml_lines import read_yaml
from hil.errors import ConfigError, Problem


def problems_of(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ("!!bool maybe", "!!bool"),
        ("!!omap [a: 1]", "!!omap"),
        ("!f [0.5]", "!f"),
        ("!f {a: 1}", "!f"),
        ('!!python/object/apply:os.system ["echo hi"]', "!!python/object/apply:os.system"),
        ('!!int "x"', "!!int"),
        ("!!float abc", "!!float"),
        ("!!str 5", "!!str"),
        ("!!set {a, b}", "!!set"),
        ("!!timestamp x", "!!timestamp"),
        ("[1, !x 2]", "!x"),
        ("{!!int x: 2}", "!!int"),
        ("&a !!binary x", "!!binary"),
        ("! 5", "!"),
        ("!", "!"),
        ("!<tag:example.org,2002:x> 5", "!<tag:example.org,2002:x>"),
    ],
)
def test_a_tag_is_refused_at_its_line(tmp_path: Path, value: str, tag: str) -> None:
    (problem,) = problems_of(tmp_path, f"rig: x\n# a !comment\nseed: {value}\nlast: 1\n")
    assert (problem.line, problem.what) == (3, f"the tag {tag}")
    assert "text, number, true, false, list or mapping" in problem.hint


def test_all_tags_are_told_at_once_also_of_keys_and_of_the_whole(tmp_path: Path) -> None:
    told = problems_of(tmp_path, "--- !top\n!!bool maybe: 1\nb:\n  - c: !d\n      e: 1\n")
    assert [(problem.line, problem.what) for problem in told] == [
        (1, "the tag !top"), (2, "the tag !!bool"), (4, "the tag !d"),
    ]  # fmt: skip


def test_exclamation_marks_that_are_no_tags(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text("a: '!x'  # !y\nb: stop! now\nc: |\n  !z\n")
    assert read_yaml(path).data == {"a": "!x", "b": "stop! now", "c": "!z\n"}


@pytest.mark.parametrize("kind", ["load", "scenario"])
def test_loads_and_scenarios_too(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("description: x\ntype: !!bool maybe\n")
    with pytest.raises(ConfigError) as caught:
        read_kind(path, kind)
    assert [(problem.line, problem.what) for problem in caught.value.problems] == [(2, "the tag !!bool")]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\nc: x\0y\n", 3, "not YAML: the character U+0000"),
        ("a: 1\nb: \a\n", 2, "not YAML: the character U+0007"),
        ("a: 1\nb:\n  - 2025-02-30\n", 3, "not YAML: day is out of range for month"),
        ("a: 1\nb: " + "1" * 5000, 2, "not YAML: Exceeds the limit (4300 digits) for integer string conversion"),
        ("a: 1\nb: &x {<<: *x}\n", 2, "not YAML: a mapping is merged into itself"),
        ("a: &x\n  b:\n    <<: [{c: 1}, *x]\n", 3, "not YAML: a mapping is merged into itself"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_told_at_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.what) == (line, what)


def test_what_is_merged_on_the_spot_has_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text("a: &a {k: 1}\nb:\n  <<: [*a, {m: 2}]\nc:\n  <<:\n    d: 1\n    e: 2\n<<: {f: 1}\n")
    read = read_yaml(path)
    assert read.data == {"a": {"k": 1}, "b": {"k": 1, "m": 2}, "c": {"d": 1, "e": 2}, "f": 1}
    assert [read.line("b", "k"), read.line("b", "m"), read.line("c", "e"), read.line("f")] == [2, 3, 7, 8]
