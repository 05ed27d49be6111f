"""What this machine can do with a rig: lateness of wake-ups, cost of a cycle, the field; no hardware needed."""

from hil.bench.all_parts import LONGEST_S, SHORTEST_S, run_bench
from hil.bench.page import bench_page
from hil.bench.result import Bench

__all__ = ["LONGEST_S", "SHORTEST_S", "Bench", "bench_page", "run_bench"]
