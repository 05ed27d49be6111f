"""Figures as they are printed."""

from __future__ import annotations

NO_FIGURE = "–"


def figure_text(value: object, unit: str = "") -> str:
    """Give a figure with four significant digits and its unit; a dash where there is none."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return NO_FIGURE if value is None else str(value)
    text = f"{value:,}" if isinstance(value, int) or value.is_integer() else _rounded(value)
    text = text.removesuffix(".0").replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{text} {unit}".rstrip()


def _rounded(value: float) -> str:
    size = abs(value)
    if size >= 1000.0:
        return f"{value:,.0f}"
    if size < 0.001:
        return f"{value:.2e}"
    return f"{value:.4g}"


def bounds_text(low: float | None, high: float | None) -> str:
    """Give the bounds of a requirement: ``≥ 95``, ``≤ 0.5`` or ``1 … 2``."""
    if low is not None and high is not None:
        return f"{figure_text(low)} … {figure_text(high)}"
    if low is not None:
        return f"≥ {figure_text(low)}"
    return f"≤ {figure_text(high)}"


def time_text(t_s: float) -> str:
    """Give a loop time as hours, minutes and seconds: ``02:03:04``, with tenths where there are any."""
    minutes, seconds = divmod(round(t_s, 1), 60.0)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{hours:02d}:{minutes:02d}:{int(seconds):02d}"
    tenths = round(10.0 * (seconds - int(seconds)))
    return f"{whole}.{tenths}" if tenths else whole
