"""The only place that builds real objects from a rig file, and runs them."""

from hil.rig.build import Rig, Wishes, load_rig
from hil.rig.session import RunResult, run_rig

__all__ = ["Rig", "RunResult", "Wishes", "load_rig", "run_rig"]
