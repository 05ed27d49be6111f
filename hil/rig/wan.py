"""A wide-area link of the rig: what it carries is what its inputs are wired to."""

from __future__ import annotations

from collections.abc import Mapping

from hil.config.plants import WanConfig
from hil.rig.draft import Draft
from hil.rig.ports import ports_of_signals
from plant_models import PlantError, WanDelay


def make_wan(
    draft: Draft, name: str, config: WanConfig, first_values: Mapping[str, float]
) -> WanDelay | None:
    """Make the link of ``plants.<name>``; before the first message its far end has the signals' first values."""
    channels = ports_of_signals(draft, config.inputs)
    if channels is None:
        for channel, signal in config.inputs.items():  # unknown signals are told with the uses
            draft.reads(signal, ("plants", name, "inputs", channel), f"plants.{name}.{channel}")
        return None
    own_period_s = config.every * draft.config.period_s
    try:
        return WanDelay(
            channels,
            period_s=own_period_s if config.message_period_s is None else config.message_period_s,
            delay_s=config.delay_s,
            jitter_s=config.jitter_s,
            loss_share=config.loss_share,
            seed=draft.config.seed if config.seed is None else config.seed,
            initial={
                channel: first_values[signal]
                for channel, signal in config.inputs.items()
                if signal in first_values
            },
        )
    except PlantError as error:
        draft.refuse(("plants", name, "delay_s"), f"plant {name}: {error}")
    return None
