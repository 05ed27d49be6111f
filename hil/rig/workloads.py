"""From synthetic workloads as users write them to loads over time: training, inference, lists of jobs; in kW."""

from __future__ import annotations

from collections.abc import Sequence

from hil.config.profiles import AiWorkloadProfile, InferenceProfile, JobsProfile, ShareProfile
from hil.config.strict import WrongKeyError
from hil.loop.source import Profile
from plant_models import workload

LONGEST_DRAWN_S = 400 * 86400.0
KILO = "kW"
"""Unit in which the powers of these loads are written."""
Made = tuple[Profile, Sequence[float], str | None]


def ai_workload(config: AiWorkloadProfile, seed: int, duration_s: float) -> Made:
    """Draw training for the length of the run; ``WrongKeyError`` where that does not fit the memory."""
    if duration_s > LONGEST_DRAWN_S:
        days = duration_s / 86400.0
        what = f"an ai_workload is drawn whole beforehand, and {days:g} days of it do not fit the memory"
        raise WrongKeyError(
            "type", what, f"run at most {LONGEST_DRAWN_S:g} s, or give type: jobs or inference"
        )
    load = workload.AiWorkload(
        seed=seed if config.seed is None else config.seed,
        racks=config.racks, rack_power=config.rack_power_kw, swing=config.swing_kw,
        crest_s=config.crest_s, trough_s=config.trough_s, job_s=config.job_s, idle_s=config.idle_s,
        edge_time_s=config.edge_time_s, checkpoint_every_s=config.checkpoint_every_s,
        checkpoint_s=config.checkpoint_s, duration_s=duration_s,
    )  # fmt: skip
    levels = (config.racks * (config.rack_power_kw - config.swing_kw[1]), config.racks * config.rack_power_kw)
    return load, levels, KILO


def inference(config: InferenceProfile, seed: int) -> Made:
    """Make a load of requests, without an end."""
    load = workload.InferenceWorkload(
        seed=seed if config.seed is None else config.seed,
        racks=config.racks, rack_power=config.rack_power_kw, idle=config.idle_share,
        peak_utilisation=config.peak_utilisation, night=config.night_share, peak_at_s=3600.0 * config.peak_hour,
        batch_s=config.batch_s, batch_noise=config.batch_noise, bursts_per_h=config.bursts_per_h,
        burst=config.burst_share, burst_s=config.burst_s, edge_time_s=config.edge_time_s,
    )  # fmt: skip
    return load, (load.lowest, load.highest), KILO


def jobs(config: JobsProfile, seed: int) -> Made:
    """Make a load of the jobs that are listed."""
    load = workload.JobSchedule(
        seed=seed if config.seed is None else config.seed,
        racks=config.racks,
        jobs=tuple(workload.Job(job.start_s, job.end_s, job.kind, job.racks) for job in config.jobs),
        rack_power=config.rack_power_kw, swing=config.swing_kw, idle=config.idle_kw,
        crest_s=config.crest_s, trough_s=config.trough_s, edge_time_s=config.edge_time_s,
        checkpoint_every_s=config.checkpoint_every_s, checkpoint_s=config.checkpoint_s,
    )  # fmt: skip
    return load, (load.lowest, load.highest), KILO


def weight_of(config: ShareProfile, seed: int) -> float:
    """Give the weight of a share: as written, else drawn; ``WrongKeyError`` where neither or both are said."""
    if (config.weight is None) == (config.parts is None):
        raise WrongKeyError(
            "weight",
            "a share is either a weight, or one of several parts",
            "weight: 0.1, or parts: 12 and number: 3",
        )
    if config.weight is not None:
        if config.number is not None:
            raise WrongKeyError("number", "number goes with parts, not with weight", "parts: <how many>")
        return config.weight
    assert config.parts is not None
    if config.number is None or config.number > config.parts:
        what = "which of the parts?" if config.number is None else f"there are {config.parts} parts"
        raise WrongKeyError("number", what, f"number: 1 to {config.parts}")
    drawn = workload.unequal_weights(
        config.parts, config.spread, seed if config.seed is None else config.seed
    )
    return drawn[config.number - 1]
