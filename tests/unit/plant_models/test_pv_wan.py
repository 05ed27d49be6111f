import pytest

from plant_models.errors import PlantSettingError
from plant_models.ports import Port
from plant_models.pv.wan import WanDelay

CHANNELS = (Port("active_power_limit_percent", "%"), Port("limit_refresh_count", "1"))


def link(**settings: float) -> WanDelay:
    return WanDelay(CHANNELS, **{"period_s": 0.1, "delay_s": 0.3, **settings})


def numbers(wan: WanDelay, count: int, first: int = 1) -> list[float]:
    """What is received while 1, 2, 3 … is sent, one each period."""
    return [wan.step([50.0, float(n)], 0.1)[1] for n in range(first, first + count)]


def test_a_message_takes_the_delay_in_whole_periods():
    assert numbers(link(), 6) == [0, 0, 0, 1, 2, 3]
    assert numbers(link(delay_s=0.0), 3) == [1, 2, 3]
    assert numbers(link(delay_s=0.26), 5) == [0, 0, 0, 1, 2]
    assert [port.name for port in link().output_ports] == [
        "received_active_power_limit_percent", "received_limit_refresh_count", "wan_age_s"
    ]  # fmt: skip


def test_before_the_first_message_the_initial_values_hold():
    wan = link(initial={"active_power_limit_percent": 100.0})
    assert wan.step([50.0, 1.0], 0.1)[:2] == [100.0, 0.0]


def test_jitter_is_seeded_spread_over_its_range_and_lets_nothing_overtake():
    received = numbers(link(jitter_s=1.0, seed=5), 2000)
    assert received == numbers(link(jitter_s=1.0, seed=5), 2000)
    assert received != numbers(link(jitter_s=1.0, seed=6), 2000)
    assert received == sorted(received)
    late = [n - got for n, got in enumerate(received[100:], 101)]
    assert min(late) >= 3
    assert max(late) <= 13
    assert len(set(late)) > 5


def test_age_is_the_time_since_the_message_was_sent():
    wan = link()
    ages = [wan.step([0.0, 0.0], 0.1)[2] for _ in range(6)]
    assert ages == pytest.approx([0.1, 0.2, 0.3, 0.3, 0.3, 0.3])
    wan.set_fault("wan_cut", True)
    assert [wan.step([0.0, 0.0], 0.1)[2] for _ in range(5)] == pytest.approx([0.3, 0.3, 0.3, 0.4, 0.5])
    assert wan.lost_messages == 5
    wan.set_fault("wan_cut", False)
    assert [wan.step([0.0, 0.0], 0.1)[2] for _ in range(4)] == pytest.approx([0.6, 0.7, 0.8, 0.3])


def test_losses_have_their_share_and_leave_the_one_before():
    wan = link(loss_share=0.2, seed=1)
    received = numbers(wan, 5000)
    assert wan.lost_messages / wan.sent_messages == pytest.approx(0.2, abs=0.02)
    assert len(set(received)) == pytest.approx(4000, rel=0.02)


def test_a_step_of_several_periods_or_parts_of_one():
    wan = link()
    assert wan.step([1.0, 7.0], 0.5)[1] == 7.0
    assert wan.sent_messages == 5
    parts = link()
    for _ in range(300):
        parts.step([0.0, 0.0], 0.03)
    assert parts.sent_messages == 90
    before = parts.step([0.0, 1.0], 0.0)
    assert parts.step([0.0, 1.0], 0.0) == before


def test_memory_is_bounded_by_the_delay():
    wan = link(jitter_s=1.0)
    numbers(wan, 20_000)
    assert len(wan.snapshot().under_way) <= 13


def test_snapshot_and_restore_to_the_bit():
    wan = link(jitter_s=0.8, loss_share=0.1, seed=3)
    numbers(wan, 100)
    kept = wan.snapshot()
    later = numbers(wan, 200, first=101)
    other = link(jitter_s=0.8, loss_share=0.1, seed=3)
    other.restore(kept)
    assert numbers(other, 200, first=101) == later
    assert other.snapshot() == wan.snapshot()


def test_values_that_are_not_finite_are_not_sent():
    wan = link(delay_s=0.0)
    wan.step([40.0, 1.0], 0.1)
    assert wan.step([float("nan"), 2.0], 0.1)[:2] == [40.0, 2.0]
    assert wan.rejected_inputs == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"period_s": 0.0}, "period_s"),
        ({"delay_s": -1.0}, "delay_s -1.0"),
        ({"delay_s": float("nan")}, "delay_s nan"),
        ({"jitter_s": 1e9}, "at most"),
        ({"loss_share": 1.0}, "loss_share"),
        ({"seed": -1}, "seed"),
        ({"initial": {"speed": 1.0}}, "initial"),
    ],
)
def test_settings_that_make_no_link_are_refused(settings, told):
    with pytest.raises(PlantSettingError, match=told):
        link(**settings)
    with pytest.raises(PlantSettingError, match="channels"):
        WanDelay((), period_s=1.0, delay_s=0.0)
    with pytest.raises(PlantSettingError, match="no fault"):
        link().set_fault("fire", True)
