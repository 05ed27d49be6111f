"""The latency contract: what a rig may ask for, what is refused, and what the field bus measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.loop.image import Image, Signal
from hil.rig import Wishes, load_rig, run_rig
from hil.rig.cost import TRANSACTION_US, measure_cycle, refuse_short_period
from hil.rig.latency import FieldTiming

WriteRig = Callable[..., Path]


def with_contract(write_rig: WriteRig, rig: str, contract: str) -> Path:
    return write_rig(rig, ("signals:\n", f"latency: {contract}\nsignals:\n"))


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        ("{wakeup_p99_us: 100}", "unknown key 'wakeup_p99_us'"),
        ("{lateness_p99_us: -5}", "latency.lateness_p99_us"),
        ("{cycle_max_us: 0}", "latency.cycle_max_us"),
        ("{cycle_max_us: .inf}", "latency.cycle_max_us"),
        ("{cycle_max_us: fast}", "latency.cycle_max_us"),
        ("{overruns: -1}", "latency.overruns"),
        ("{overruns: 0.5}", "latency.overruns"),
        ("{cycle_p99_us: 900, cycle_max_us: 100}", "cycle_p99_us 900 is above cycle_max_us 100"),
    ],
)
def test_a_wrong_limit_is_refused_at_its_line(write_rig: WriteRig, contract: str, said: str) -> None:
    path = with_contract(write_rig, "plc", contract)
    line = path.read_text().splitlines().index(f"latency: {contract}") + 1
    with pytest.raises(ConfigError) as raised:
        load_rig(path)
    (problem,) = raised.value.problems
    assert said in problem.what
    assert (problem.file, problem.line) == (str(path), line)


@pytest.mark.parametrize("limit", ["sensor_to_actuator_p99_us: 100", "data_age_max_us: 100"])
def test_a_limit_that_only_a_device_can_meet_needs_one(write_rig: WriteRig, limit: str) -> None:
    path = with_contract(write_rig, "linear", f"{{{limit}}}")
    with pytest.raises(ConfigError, match="no device") as raised:
        load_rig(path)
    assert raised.value.problems[0].line


def test_shipped_plc_rigs_have_a_contract(root: Path) -> None:
    for name in ("cdu_plc_io", "cdu_plc_control", "cdu_shadow"):
        config = load_rig(root / "configs" / "rigs" / f"{name}.yaml").config
        assert config.latency is not None
        assert config.latency.overruns <= 2
        assert config.latency.sensor_to_actuator_p99_us is not None
        assert config.latency.sensor_to_actuator_p99_us < 1e6 * config.period_s


def image_of(count: int) -> Image:
    return Image([Signal(f"s{n}", "1", 0.0, 1.0, 0.0, max_age_ns=10**9) for n in range(count)])


def test_age_and_reaction_count_from_the_oldest_sample_used() -> None:
    image = image_of(3)
    timing = FieldTiming(image, [0, 2])
    image.received_ns[:] = [1_050, 0, 1_100]  # slot 1 is nobody's
    timing.at_use(1_000, 1_200)
    timing.at_acknowledgement(1_400)
    assert (timing.data_age.max_ns, timing.sensor_to_actuator.max_ns) == (150, 350)


def test_a_silent_device_ages_the_data_and_not_the_reaction() -> None:
    image = image_of(2)
    timing = FieldTiming(image, [0, 1])
    image.received_ns[:] = [1_050, 3_050]
    timing.at_use(3_000, 3_100)
    timing.at_acknowledgement(3_250)
    assert (timing.data_age.max_ns, timing.sensor_to_actuator.max_ns) == (2_050, 200)
    timing.at_use(4_000, 4_100)  # nothing came in this cycle, so no sample reached an actuator
    timing.at_acknowledgement(4_250)
    assert timing.data_age.count == 2
    assert timing.sensor_to_actuator.count == 1


def test_one_sample_and_none() -> None:
    image = image_of(1)
    image.received_ns[0] = 90
    one, none = FieldTiming(image, [0]), FieldTiming(image, [])
    for timing in (one, none):
        timing.at_use(80, 100)
        timing.at_acknowledgement(120)
    assert (one.data_age.max_ns, one.sensor_to_actuator.max_ns) == (10, 30)
    assert none.summary() == {}


def test_a_period_shorter_than_a_cycle_is_refused_with_the_figure(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    path = write_rig("linear", ("clock: virtual", "clock: wall"), ("period_s: 0.5", "period_s: 0.000002"),
                     ("dead_time_s: 5", "dead_time_s: 0"))  # fmt: skip
    rig = load_rig(path)
    for refuse in (lambda: refuse_short_period(rig), lambda: run_rig(rig, tmp_path / "runs")):
        with pytest.raises(
            ConfigError, match=r"period 2 us is shorter than a cycle takes .*: \d+ us"
        ) as raised:
            refuse()
        (problem,) = raised.value.problems
        assert problem.line == path.read_text().splitlines().index("period_s: 0.000002") + 1
    assert not (tmp_path / "runs").exists()


def test_a_virtual_clock_may_be_as_fast_as_it_likes(write_rig: WriteRig) -> None:
    path = write_rig("linear", ("period_s: 0.5", "period_s: 0.00002"), ("dead_time_s: 5", "dead_time_s: 0"))
    refuse_short_period(load_rig(path))


def test_transactions_count_as_documented(write_rig: WriteRig) -> None:
    cost = measure_cycle(load_rig(write_rig("plc")))
    assert cost.transactions == 2
    assert cost.total_us == pytest.approx(cost.computing_us + 2 * TRANSACTION_US)
    assert cost.computing_us > 0.0


def test_measuring_leaves_the_run_as_it_would_have_been(root: Path, tmp_path: Path) -> None:
    trends = []
    for measured in (False, True):
        rig = load_rig(root / "configs" / "rigs" / "cdu_sil.yaml", Wishes(duration_s=300.0))
        if measured:
            measure_cycle(rig)
        trends.append((run_rig(rig, tmp_path / str(measured)).run_dir / "trend.parquet").read_bytes())
    assert trends[0] == trends[1]
