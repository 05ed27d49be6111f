"""Lines of keys and items, whatever way the YAML is written."""

from __future__ import annotations

from pathlib import Path

from hil.config.yaml_lines import Document, near_file, read_yaml

TEXT = """\
# a comment
rig: x

flow: {a: 1,
       b: [10,
           20], c: {d: 1}}
block:
  - 1
  # between
  - x: 1
    y: 2
  -
    z: 3
quoted: "two
  lines"
5: number
base: &base {k: 1, m: 2}
merged:
  <<: *base
  n: 3
literal: |
  one
  two
after: 1
"""


def document(tmp_path: Path) -> Document:
    path = tmp_path / "rig.yaml"
    path.write_text(TEXT)
    return read_yaml(path)


def test_lines_of_flow_and_block_collections(tmp_path: Path) -> None:
    rows = TEXT.splitlines()
    read = document(tmp_path)
    expected = {
        ("rig",): 2, ("flow",): 4, ("flow", "a"): 4, ("flow", "b"): 5, ("flow", "b", 0): 5, ("flow", "b", 1): 6,
        ("flow", "c", "d"): 6, ("block",): 7, ("block", 0): 8, ("block", 1): 10, ("block", 1, "y"): 11,
        ("block", 2, "z"): 13, ("quoted",): 14, ("5",): 16, ("merged", "n"): 20, ("literal",): 21, ("after",): 24,
    }  # fmt: skip
    assert {path: read.line(*path) for path in expected} == expected
    assert all(
        str(path[-1]) in rows[line - 1] for path, line in expected.items() if isinstance(path[-1], str)
    )


def test_what_has_no_line_takes_the_one_around_it(tmp_path: Path) -> None:
    read = document(tmp_path)
    assert read.line("merged", "k") == 18, "a key that came by a merge"
    assert read.line("flow", "missing", "deeper") == 4
    assert read.line("nowhere") == 1
    assert read.data["merged"] == {"k": 1, "m": 2, "n": 3}


def test_the_data_is_plain(tmp_path: Path) -> None:
    def types(node: object) -> set[type]:
        inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
        return {type(node)}.union(*(types(item) for item in inner))

    assert types(document(tmp_path).data) <= {dict, list, str, int, float, bool}


def test_an_anchored_truth_value_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text("a: &t true\nb: *t\nc: 1e-3\nd: 0x10\n")
    assert read_yaml(path).data == {"a": True, "b": True, "c": 0.001, "d": 16}
    assert read_yaml(path).data["a"] is True


def test_what_the_command_line_changed_is_told_of_it(tmp_path: Path) -> None:
    read = document(tmp_path)
    read.origins["flow", "b"] = "--set flow.b=5"
    assert str(read.problem(("flow", "b", 1), "bad")) == "--set flow.b=5: bad"
    assert str(read.problem(("flow", "a"), "bad", "good")) == f"{read.file}:4: bad\n    good"


def test_the_file_that_was_meant_has_a_similar_stem_not_only_the_same_ending(tmp_path: Path) -> None:
    for name in ("e.yaml", "cdu_sil.yaml", "day.csv", "day.csv.gz"):
        (tmp_path / name).touch()
    hints = {
        name: near_file(tmp_path / name)
        for name in ("nothere.yaml", "cdu_sill.yaml", "cdu_sil.yml", "dya.csv.gz")
    }
    assert hints == {
        "nothere.yaml": "",
        "cdu_sill.yaml": 'did you mean "cdu_sil.yaml"?',
        "cdu_sil.yml": 'did you mean "cdu_sil.yaml"?',
        "dya.csv.gz": 'did you mean "day.csv.gz"?',
    }
