"""Whatever is done to a rig file, loading it gives a rig or a ConfigError, never anything else."""

from __future__ import annotations

import io
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hil.config.yaml_lines import read_yaml
from hil.errors import ConfigError, Problem
from hil.rig import load_rig

SHIPPED = ("cdu_sil", "cdu_multirate", "cdu_plc_io", "cdu_shadow", "thermal_tf", "tank_ss")
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([10**400, -(10**20)]), st.floats(width=32),
    st.sampled_from([1e300, -1e300, 1e-300, "", "5", "pid", "cdu", "csv", "file", "kW", "degC", "../x.csv", "a\0b"]),
    st.sampled_from(["rack_heat_kw", "tcs_supply_temp_degc", "vessel_temp_degc", "jacket_temp_setpoint_degc"]),
    st.text(max_size=5),
)  # fmt: skip
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from(["type", "a"]), SCALARS)
)
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["delete", "rename", "replace", "copy"]), st.integers(0, 10**6), VALUES,
              st.integers(0, 10**6)),
    min_size=1, max_size=3,
)  # fmt: skip


def refusal(attempt: Callable[[], object]) -> tuple[Problem, ...]:
    """Give the problems of a refusal, none where there was none; any other exception fails the test."""
    try:
        attempt()
    except ConfigError as error:
        return error.problems
    return ()


def paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [(*path, key) for key, _ in inner]
    return found + [deeper for key, value in list(inner) for deeper in paths(value, (*path, key))]


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def holds(node: Any, wanted: Any) -> bool:
    """Tell whether a node is, or has somewhere inside, another."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return node is wanted or any(holds(each, wanted) for each in inner)


def mutate(tree: Any, kind: str, where: int, value: Any, other: int) -> None:
    every = paths(tree)
    if not every:
        return
    path = every[where % len(every)]
    holder, key = at(tree, path[:-1]), path[-1]
    if kind == "delete":
        del holder[key]
    elif kind == "copy":
        source = at(tree, every[other % len(every)])
        # The same node in two places is an alias in YAML, and is tried; a node inside itself would be no tree any more.
        holder[key] = deepcopy(source) if holds(source, holder) else source
    elif kind == "rename" and isinstance(holder, dict):
        name = str(key)
        cut = other % len(name) if name else 0
        holder[name[:cut] + name[cut + 1 :]] = holder.pop(key)
    else:
        holder[key] = value


@pytest.mark.parametrize("name", SHIPPED)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=MUTATIONS)
def test_a_mutated_rig_loads_or_is_refused(shipped_copy: Path, name: str, mutations: list[Any]) -> None:
    path = shipped_copy / "rigs" / f"{name}.yaml"
    tree = YAML(typ="safe", pure=True).load((shipped_copy.parent / f"{name}.origin").read_text())
    for mutation in mutations:
        mutate(tree, *mutation)
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, text)
    path.write_text(text.getvalue(), encoding="utf-8")
    lines = len(text.getvalue().splitlines())
    for problem in refusal(lambda: load_rig(path)):
        assert problem.what
        assert problem.line is None or problem.file != str(path) or 1 <= problem.line <= lines


@pytest.fixture(autouse=True)
def _origins(shipped_copy: Path) -> None:
    """Keep the whole files beside those that are mutated, which one fixture serves for all examples."""
    for name in SHIPPED:
        (shipped_copy.parent / f"{name}.origin").write_text(
            (shipped_copy / "rigs" / f"{name}.yaml").read_text()
        )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="ab:-[]{}&*!|>'\"%#?,\n\t 01.~@`<", max_size=40))
def test_any_text_is_a_document_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8")
    for problem in refusal(lambda: read_yaml(path)):
        assert any(word in problem.what for word in ("not YAML", "not a mapping", "neither text", "the tag"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_document_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    for problem in refusal(lambda: read_yaml(path)):
        assert problem.file == str(path)
