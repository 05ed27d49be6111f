"""A snapshot goes back into the plant it was taken of, or one made alike, and into no other."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plant_models import CduPlant, Composition, LinearPlant, Port, SnapshotError
from plant_models.components.cdu import cdu
from plant_models.components.pipe import pipe
from plant_models.identity import identity
from plant_models.pv.wan import WanDelay
from plant_models.system.plant import SystemPlant

PERCENT, DEGC = Port("valve_percent", "%"), Port("temp_degc", "degC")


def composed(
    *names: str, sheet: str = "deschutes_2mw", loss_w_k: float = 0.0, held: float = 20.0
) -> SystemPlant:
    whole = Composition()
    for name in names:
        made = pipe(1000.0, flow_kg_s=10.0, density_kg_m3=1000.0, cp_j_kgk=4180.0, loss_w_k=loss_w_k)
        whole.add(name, cdu(sheet) if name == "cdu" else made)
    if "a" in names:
        whole.hold("a.ambient_temp_degc", held)
    return whole.build()


def linear(gain: float = 2.0, dead_time_s: float = 0.0, order: int = 1) -> LinearPlant:
    return LinearPlant.from_transfer_function(
        [gain],
        [10.0, *[1.0] * order],
        period_s=0.5,
        inputs=[PERCENT],
        outputs=[DEGC],
        dead_time_s=dead_time_s,
    )


def wan(**settings: float) -> WanDelay:
    return WanDelay([PERCENT], **{"period_s": 0.1, "delay_s": 0.3, **settings})


@pytest.mark.parametrize(
    ("make", "others"),
    [
        (
            lambda: CduPlant.from_datasheet("deschutes_2mw"),
            (lambda: CduPlant.from_datasheet("xdu1350"), linear, wan),
        ),
        (
            lambda: composed("cdu"),
            (lambda: composed("cdu", sheet="xdu1350"), lambda: composed("a"), lambda: composed("cdu", "a")),
        ),
        (
            lambda: composed("a"),
            (lambda: composed("a", loss_w_k=5.0), lambda: composed("a", held=30.0), lambda: composed("b")),
        ),
        (linear, (lambda: linear(3.0), lambda: linear(dead_time_s=1.0), lambda: linear(order=2))),
        (wan, (lambda: wan(seed=1), lambda: wan(delay_s=0.4), linear)),
    ],
    ids=["a CDU", "a composed CDU", "a pipe", "a linear plant", "a link"],
)
def test_a_foreign_snapshot_is_refused_and_changes_nothing(
    make: Callable[[], Any], others: tuple[Callable[[], Any], ...]
) -> None:
    plant, alike = make(), make()
    inputs = [50.0] * len(plant.input_ports)
    plant.step(inputs, 1.0)
    alike.restore(plant.snapshot())
    kept = plant.snapshot()
    assert alike.snapshot() == kept
    for other in others:
        with pytest.raises(SnapshotError, match=re.escape(f"the snapshot is of {other()._identity.what}")):
            plant.restore(other().snapshot())
    assert plant.snapshot() == kept


def test_another_choice_of_outputs_or_substeps_is_the_same_plant() -> None:
    whole = Composition()
    whole.add("a", pipe(1000.0, flow_kg_s=10.0, density_kg_m3=1000.0, cp_j_kgk=4180.0))
    plant = whole.build()
    whole.build([], longest_substep_s=0.5).restore(
        replace(plant.snapshot(), state=(30.0,) * len(plant.state))
    )


def test_an_identity_is_the_same_in_every_process() -> None:
    found = identity("a plant", "a degC", np.array([1.0, 2.5]))
    assert found.digest == "25f4008145b2320b"
    assert found != identity("a plant", "a degC", np.array([1.0, 2.5000000000000004]))
    assert identity("a plant", "ab", "c") != identity("a plant", "a", "bc")
