"""Loads over time: constant, step, ramp, square pulse, samples, AI training, inference, lists of jobs, shares.

All are straight lines between knots, so their mean over any interval is exact: a simulation that uses
:meth:`Profile.mean` over each of its steps loses no energy, however short the edges. Levels are in
whatever unit the caller means; times are in s. The same question has the same answer, to the bit, in
whatever order questions are asked.
"""

from __future__ import annotations

from plant_models.errors import WorkloadError
from plant_models.workload.curve import Profile
from plant_models.workload.inference import InferenceWorkload
from plant_models.workload.jobs import Job, JobSchedule
from plant_models.workload.shapes import Constant, Ramp, Sampled, SquarePulse, Step
from plant_models.workload.share import Share, unequal_weights
from plant_models.workload.training import AiWorkload

__all__ = [
    "AiWorkload",
    "Constant",
    "InferenceWorkload",
    "Job",
    "JobSchedule",
    "Profile",
    "Ramp",
    "Sampled",
    "Share",
    "SquarePulse",
    "Step",
    "WorkloadError",
    "unequal_weights",
]
