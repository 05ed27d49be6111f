"""Trends of a run: a figure for each loop, one for the load, and the rest of the signals by unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hil.report.decimate import change_rows, min_max_rows, spans
from hil.report.fault_labels import staggered
from hil.report.figure_parts import (
    BLUE,
    BUCKETS,
    DASHES,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SERIES,
    SKY,
    VERMILION,
    Figure,
    TimeAxis,
    curve,
    layout,
    legend_key,
    legend_names,
    stretches,
    y_axis,
)  # fmt: skip
from hil.report.kpi_names import shown_unit, signal_unit
from hil.report.kpis import LIMIT_FAILSAFE, LIMIT_HIGH, LIMIT_LOW, LIMIT_RATE
from hil.report.run_data import Event, RunData, mapping, number

ALL = slice(None)
"""All rows of a run."""


def loop_figures(run: RunData) -> list[Figure]:
    """One figure a loop: set-point, band and measured value above, the actuator below."""
    if run.trend.rows < 2:
        return []
    return [_loop_figure(run, name, mapping(loop)) for name, loop in mapping(run.rig.get("loops")).items()]


def _loop_figure(run: RunData, name: str, loop: Mapping[str, Any]) -> Figure:
    time, signals = TimeAxis.of(run.trend.t_s), mapping(run.rig.get("signals"))
    setpoint, measured, output = (str(loop.get(role)) for role in ("setpoint", "measured", "output"))
    unit = shown_unit(signal_unit(signals, measured))
    data = [
        *_band(run, time, setpoint, number(loop.get("band")) or 0.0, unit),
        *_line(run, time, measured, "y", color=BLUE),
        *_line(run, time, output, "y2", color=GREEN),
    ]
    outages = spans(~run.trend.good(measured), run.trend.t_s, time.end_s / 1500.0)
    shapes = stretches(outages, time, GREY, 0.30, "y domain")
    if outages:
        data.append(legend_key("measured value not good", GREY, 0.5))
    warm_up_s = min(number(loop.get("warm_up_s")) or 0.0, time.end_s)
    if warm_up_s > 0.0:
        shapes += stretches([(0.0, warm_up_s)], time, SKY, 0.15, "paper")
        data.append(legend_key("warm-up, not judged", SKY, 0.35))
    marks, keys = _limit_marks(run, time, output)
    fault_shapes, labels, fault_keys = _faults(run, time, 0.335, 340.0)
    data += [*keys, *fault_keys]
    return Figure(
        f"loop-{name}",
        data,
        layout(
            460,
            {**time.layout(), "anchor": "y2"},
            legend_names(data),
            yaxis=y_axis(_axis_title(measured, unit), (0.40, 1.0)),
            yaxis2=y_axis(_axis_title(output, shown_unit(signal_unit(signals, output))), (0.0, 0.32)),
            shapes=[*shapes, *marks, *fault_shapes],
            annotations=labels,
        ),
    )


def _axis_title(signal: str, unit: str) -> str:
    """Give the unit alone: the legend has the name, and a long one would not fit beside a low panel."""
    return unit or signal


def _line(
    run: RunData, time: TimeAxis, signal: str, axis: str, within: slice = ALL, **line: str
) -> list[dict[str, Any]]:
    """Give a signal, decimated, in the rows ``within``; nothing where it was not recorded."""
    values = run.trend.values.get(signal)
    if values is None:
        return []
    # Before a signal was first received its value is only the image's place-holder, which would set the scale.
    first = max(run.trend.first_received(signal), within.start or 0)
    rows = first + min_max_rows(values[first : within.stop], BUCKETS)
    unit = shown_unit(signal_unit(mapping(run.rig.get("signals")), signal))
    return [curve(signal, run.trend.t_s[rows] / time.seconds, values[rows], unit, line, axis)]


def _band(run: RunData, time: TimeAxis, setpoint: str, band: float, unit: str) -> list[dict[str, Any]]:
    """Give the set-point, held from row to row, with its band shaded."""
    values = run.trend.values.get(setpoint)
    if values is None:
        return []
    rows = change_rows(values, BUCKETS)
    t, held = run.trend.t_s[rows] / time.seconds, values[rows]
    edge: dict[str, str | float] = {"width": 0, "shape": "hv", "color": ORANGE}
    pen: dict[str, str | float] = {"width": 1.2, "shape": "hv", "color": INK, "dash": "dash"}
    lower = curve("", t, held - band, unit, edge) | {"showlegend": False, "hoverinfo": "skip"}
    upper = curve(f"band ± {band:g} {_kelvin(unit)}", t, held + band, unit, edge) | {
        "fill": "tonexty",
        "fillcolor": "rgba(230,159,0,0.20)",
        "hoverinfo": "skip",
    }
    for trace in (lower, upper):
        trace.pop("hovertemplate")
    line = curve(setpoint, t, held, unit, pen)
    return [lower, upper, line] if band > 0.0 else [line]


def _kelvin(unit: str) -> str:
    return "K" if unit == "°C" else unit


def _limit_marks(
    run: RunData, time: TimeAxis, output: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give strips at the foot of the actuator panel for the times at a limit, and their keys."""
    bits = run.trend.limit.get(output)
    if bits is None:
        return [], []
    strips = (
        ("at its limit", LIMIT_LOW | LIMIT_HIGH, VERMILION, 0.9, (0.0, 0.07)),
        ("rate limited", LIMIT_RATE, ORANGE, 0.9, (0.07, 0.14)),
        ("failsafe", LIMIT_FAILSAFE, PURPLE, 0.35, (0.0, 1.0)),
    )
    shapes: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    for name, mask, color, opacity, height in strips:
        marked = spans((bits & mask) != 0, run.trend.t_s, time.end_s / 600.0)
        if marked:
            shapes += stretches(marked, time, color, opacity, "y2 domain", height)
            keys.append(legend_key(name, color, opacity, "y2"))
    return shapes, keys


def fault_spans(events: Sequence[Event], end_s: float) -> list[tuple[float, float, str]]:
    """Start, end (s) and name of each fault; one that never ended lasts until ``end_s``."""
    open_faults: dict[tuple[str, str], float] = {}
    found: list[tuple[float, float, str]] = []
    for event in events:
        key = (event.source, event.text)
        if event.kind == "fault_start":
            open_faults[key] = event.t_s
        elif event.kind == "fault_end":
            # The words at the end may differ from those at the start: then the source's oldest one ends.
            key = key if key in open_faults else next((k for k in open_faults if k[0] == event.source), key)
            if key in open_faults:
                found.append((open_faults.pop(key), event.t_s, _fault_name(*key)))
    found += [(start_s, end_s, _fault_name(*key)) for key, start_s in open_faults.items()]
    return sorted(found)


def _fault_name(source: str, text: str) -> str:
    return text if text and len(text) <= 40 else source


def _faults(
    run: RunData, time: TimeAxis, labels_at: float, plot_px: float, shown_s: tuple[float, float] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Shading, names (from this share of the height up, where curves are few) and legend key of the faults."""
    shown_s = shown_s or (0.0, time.end_s)
    faults = [each for each in fault_spans(run.events, time.end_s) if shown_s[0] <= each[0] <= shown_s[1]]
    spans_s = list(dict.fromkeys((start, end) for start, end, _ in faults))
    shapes = stretches(spans_s, time, VERMILION, 0.13, "paper")
    labels = staggered([(start, name) for start, _, name in faults], time, labels_at, plot_px, shown_s)
    return shapes, labels, [legend_key("fault", VERMILION, 0.35)] if faults else []


def load_figure(run: RunData) -> Figure | None:
    """Give the load of the rig over time; None where it has none or it was not recorded."""
    names = [name for name in load_signals(run.rig) if name in run.trend.values]
    return (
        signals_figure(run, "load", {unit_of(run, names[0]): names}) if names and run.trend.rows > 1 else None
    )


def load_signals(rig: Mapping[str, Any]) -> list[str]:
    """Give the signal that the rig names as its load, and other heats and loads in its unit."""
    signals = mapping(rig.get("signals"))
    named = [str(rig["load"])] if str(rig.get("load")) in signals else []
    unit = signal_unit(signals, named[0]) if named else None
    words = ("load", "heat", "duty")
    return named + [
        name
        for name in signals
        if name not in named
        and any(word in name for word in words)
        and signal_unit(signals, name) in ((unit,) if unit else ("W", "kW", "MW"))
    ]


def other_figure(run: RunData) -> Figure | None:
    """All signals that no other figure shows, a panel for each unit."""
    shown = {str(mapping(loop).get(role)) for loop in mapping(run.rig.get("loops")).values()
             for role in ("setpoint", "measured", "output")} | set(load_signals(run.rig))  # fmt: skip
    panels: dict[str, list[str]] = {}
    for name in run.trend.values:
        if name not in shown:
            panels.setdefault(unit_of(run, name), []).append(name)
    return signals_figure(run, "other", panels) if panels and run.trend.rows > 1 else None


def unit_of(run: RunData, signal: str) -> str:
    """Give the unit of a signal as it is printed."""
    return shown_unit(signal_unit(mapping(run.rig.get("signals")), signal))


def signals_figure(
    run: RunData,
    name: str,
    panels: Mapping[str, Sequence[str]],
    within: slice = ALL,
    more: Sequence[dict[str, Any]] = (),
) -> Figure:
    """Panels one above the other, by unit, over the run's time or the rows ``within``; ``more`` curves are added."""
    time, count = TimeAxis.of(run.trend.t_s), len(panels)
    data: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    color = 0
    for panel, (unit, names) in enumerate(panels.items()):
        axis = panel_axis(panel)
        bottom, top = 1.0 - (panel + 1) / count, 1.0 - panel / count
        axes[f"yaxis{axis[1:]}"] = y_axis(unit or "(no unit)", (bottom + 0.12 / count * (count > 1), top))
        for signal in names:
            style = {"color": SERIES[color % len(SERIES)], "dash": DASHES[color // len(SERIES) % len(DASHES)]}
            data += _line(run, time, signal, axis, within, **style)
            color += 1
    height = 120 + 170 * count
    x_axis = {**time.layout(), "anchor": panel_axis(count - 1)}
    t_s = run.trend.t_s[within]
    if within != ALL:
        x_axis["range"] = [float(t_s[0]) / time.seconds, float(t_s[-1]) / time.seconds]
    shapes, labels, keys = _faults(run, time, 0.04, height - 120.0, (float(t_s[0]), float(t_s[-1])))
    data += [*keys, *more]
    look = layout(height, x_axis, legend_names(data), **axes, shapes=shapes, annotations=labels)
    return Figure(name, data, look, linked=within == ALL)


def panel_axis(panel: int) -> str:
    """Name the y axis of a panel, from 0, as curves refer to it."""
    return "y" if panel == 0 else f"y{panel + 1}"
