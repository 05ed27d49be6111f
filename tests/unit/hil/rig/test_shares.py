"""Several sources that are shares of one load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.config.profiles import ShareProfile
from hil.config.schema import SignalConfig
from hil.config.yaml_lines import Document
from hil.rig.profiles import Asked, BuiltProfile, build_profile


@pytest.fixture
def share(tmp_path: Path) -> Callable[..., BuiltProfile]:
    parts: dict = {}
    signal = SignalConfig(unit="kW", range=(0.0, 9000.0), failsafe=0.0)

    def build(of: object, **settings: object) -> BuiltProfile:
        config = ShareProfile.model_validate({"type": "share", "of": of, **settings})
        asked = Asked("heat_kw", signal, Document("rig.yaml", {}), (), tmp_path, 7, 3600.0, parts=parts)
        return build_profile(config, asked)

    return build


def test_twelve_shares_of_a_file_are_unequal_make_the_whole_and_read_it_once(share, tmp_path):
    (tmp_path / "day.csv").write_text("time_s,heat_mw\n0,6\n100,12\n200,9\n")
    of = {"type": "csv", "file": "day.csv", "column": "heat_mw"}
    built = [share(of, parts=12, number=n) for n in range(1, 13)]
    (tmp_path / "day.csv").unlink()
    again = share(of, parts=12, number=1, lag_s=10.0)
    levels = [one.profile.value(100.0) * one.factor + one.offset for one in built]
    assert sum(levels) == pytest.approx(12_000.0)
    assert len(set(levels)) == 12
    assert again.profile.value(110.0) * again.factor == levels[0]
    assert (built[0].held_after_s, again.held_after_s) == (300.0, 310.0)
    assert built[0].high == pytest.approx(levels[0])


def test_a_share_takes_the_unit_of_the_whole_and_the_signals_range(share):
    built = share({"type": "constant", "level": 20.0, "unit": "MW"}, weight=0.25)
    assert built.profile.value(5.0) * built.factor == 5000.0


def test_shares_without_a_seed_go_by_the_rigs(share):
    of = {"type": "inference", "racks": 20}
    first, same, other = (
        share(of, parts=3, number=2, **seed).profile.value(9.0) for seed in ({}, {"seed": 7}, {"seed": 8})
    )
    assert first == same != other
