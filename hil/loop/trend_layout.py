"""How a row of the image lies in the ring and in the trend: the one place that recorder and report agree on.

Columns of ``trend.arrow`` and ``trend.parquet``, in this order:

- ``t_s``: loop time of the cycle's stamp, s (float64);
- one column a signal, named as the signal, in its unit (float64);
- ``<signal>.quality``: :class:`hil.loop.image.Quality` (uint8);
- ``<signal>.limit``: bits of ``controller.Limit``, only for signals that pass the limits (uint8).

Time spent in each phase is not in the trend: equal runs have equal trends, to the byte. It goes to
``timing.json`` as histograms.
"""

from __future__ import annotations

TIME_COLUMN = "t_s"
QUALITY_SUFFIX = ".quality"
LIMIT_SUFFIX = ".limit"

PHASES = ("wait", "read", "plant", "control", "limits", "write", "record")
"""The timed phases of a cycle, in order. Stamping (phase 1) is the end of ``wait``."""
