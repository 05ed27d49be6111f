"""Lets the benchmarks' tests use what the commands beside them measure with."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
