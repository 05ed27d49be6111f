"""The sections of the page that are tables and text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.report.kpi_names import kpi_unit, shown_unit, signal_unit
from hil.report.markup import Html, escaped, joined, table, tag
from hil.report.numbers import NO_FIGURE, figure_text, time_text
from hil.report.run_data import RunData, mapping, number
from hil.report.timing_figure import timing_rows

EVENTS_SHOWN = 500
"""A device that flaps writes thousands of events; the page shows the first ones and says how many follow."""

_LOOP_ROWS = (
    ("IAE (integral of |error|)", "iae", "iae_unit"),
    ("mean |error|", "mean_abs_error", "error_unit"),
    ("largest |error|", "max_abs_error", "error_unit"),
    ("time within the band", "within_band_percent", "%"),
    ("set-point steps", "step_count", ""),
    ("worst overshoot", "worst_overshoot", "error_unit"),
    ("worst settling time", "worst_settling_s", "s"),
    ("actuator travel", "output_travel", "output"),
    ("actuator reversals", "output_reversals", ""),
    ("time at a limit", "saturation_s", "s"),
    ("time rate limited", "rate_limited_s", "s"),
    ("time in failsafe", "failsafe_s", "s"),
    ("time measured value not good", "not_good_s", "s"),
    ("time evaluated (without warm-up)", "evaluated_s", "s"),
)


def section(title: str, *parts: object, css: str = "") -> Html:
    """Show a titled section."""
    return tag("section", joined((tag("h2", title), *parts)), css)


def facts_section(run: RunData, kpis: Mapping[str, Any]) -> Html:
    """How long, how fast and how whole the run was, in one line."""
    figures = mapping(kpis.get("run"))
    end_s = float(run.trend.t_s[-1]) if run.trend.rows else None
    meant = f" of {time_text(run.duration_s)}" if run.duration_s is not None else ""
    facts = (
        ("recorded until", NO_FIGURE if end_s is None else time_text(end_s) + meant),
        ("clock", str(run.rig.get("clock", NO_FIGURE))),
        ("period", figure_text(run.period_s, "s")),
        ("cycles", figure_text(figures.get("cycles"))),
        ("rows kept", figure_text(figures.get("rows"))),
        ("rows lost", figure_text(figures.get("rows_lost"))),
        ("overruns", figure_text(figures.get("overruns"))),
        ("wall time", figure_text(figures.get("wall_s"), "s")),
        ("ended by", str(run.run.get("stop", "not known"))),
    )
    items = joined(tag("div", joined((tag("dt", name), tag("dd", value)))) for name, value in facts)
    return tag("section", tag("dl", items, "facts"))


def loops_section(run: RunData, kpis: Mapping[str, Any]) -> Html:
    """Show the key figures, a column for each loop, and the steps of the set-points."""
    loops = {name: mapping(figures) for name, figures in mapping(kpis.get("loops")).items()}
    if not loops:
        return section("Loops", tag("p", "The rig names no loops to judge.", "note"))
    rows = [
        (label, *(_loop_figure(run, name, figures, key, unit) for name, figures in loops.items()))
        for label, key, unit in _LOOP_ROWS
    ]
    steps = [
        (name, time_text(step["t_s"]), figure_text(step["start"]), figure_text(step["target"]),
         figure_text(step["overshoot"], figures["error_unit"]),
         _settled(step), f"± {figure_text(step['tolerance'], figures['error_unit'])}",
         figure_text(step["window_s"], "s"))
        for name, figures in loops.items() for step in figures["steps"]
    ]  # fmt: skip
    figures_table = table(("", *loops), rows, "figures loops")
    if not steps:
        return section("Loops", figures_table)
    heads = ("set-point step of", "at", "from", "to", "overshoot", "settled after", "within", "watched for")
    steps_table = table(heads, steps[:EVENTS_SHOWN], "figures steps")
    return section("Loops", joined((figures_table, tag("div", steps_table, "long"))))


def _loop_figure(run: RunData, name: str, figures: Mapping[str, Any], key: str, unit: str) -> str:
    if unit == "output":
        output = mapping(mapping(run.rig.get("loops")).get(name)).get("output")
        return figure_text(figures.get(key), shown_unit(signal_unit(mapping(run.rig.get("signals")), output)))
    if key == "worst_settling_s" and figures.get(key) is None and figures.get("step_count"):
        return "never" if figures["step_count"] > figures["steps_not_judged"] else "not judged"
    return figure_text(figures.get(key), str(figures.get(unit, unit)))


def _settled(step: Mapping[str, Any]) -> str:
    if not step["judged"]:
        return "too small to judge"
    return "never" if step["settling_s"] is None else figure_text(step["settling_s"], "s")


def timing_section(run: RunData, drawn: bool) -> Html:
    """How the cycle kept its time."""
    if not run.timing:
        return section("Timing", tag("p", "No readable timing.json: the run did not end.", "note no"))
    clock = str(run.timing.get("clock", run.rig.get("clock", "")))
    note = (
        "Virtual clock: the cycle runs as fast as it can, so lateness has no meaning."
        if clock == "virtual"
        else "Cycle and lateness are corrected for omitted periods: a stall counts for each cycle it took."
    )
    counts = (
        f"Period {figure_text(number(run.timing.get('period_s')), 's')}, "
        f"{figure_text(number(run.timing.get('cycles')))} cycles, "
        f"{figure_text(number(run.timing.get('overruns')))} overruns, "
        f"{figure_text(number(run.timing.get('skipped_periods')))} periods skipped."
    )
    heads = ("time in µs", "count", "p50", "p90", "p99", "p99.9", "max", "mean")
    place = Html('<div class="figure" data-figure="timing"></div>') if drawn else Html("")
    parts = (tag("p", f"{counts} {note}", "note"), table(heads, timing_rows(run.timing), "figures"), place)
    return section("Timing", *parts)


def events_section(run: RunData) -> Html:
    """Tell what happened, in order."""
    if not run.events:
        return section("Events", tag("p", "No events were recorded.", "note"))
    rows = [
        (time_text(event.t_s), event.kind.replace("_", " "), tag("code", event.source), event.text)
        for event in run.events[:EVENTS_SHOWN]
    ]
    more = len(run.events) - len(rows)
    note = tag("p", f"{more} more are in events.jsonl.", "note") if more else Html("")
    return section("Events", table(("at", "kind", "source", "what"), rows), note, css="long")


def counters_section(run: RunData) -> Html:
    """Tell what was clamped, dropped, retried or refused, by source."""
    rows = [
        (tag("code", source), name.replace("_", " "), figure_text(number(count)))
        for source, names in mapping(run.run.get("counters")).items()
        for name, count in mapping(names).items()
    ]
    if not rows:
        return Html("")
    return section("Counters", table(("source", "what", "times"), rows), css="long")


def signals_section(run: RunData, kpis: Mapping[str, Any], drawn: bool) -> Html:
    """Every signal in figures, and the trends of those that no loop uses."""
    signals = mapping(run.rig.get("signals"))
    heads = ("signal", "unit", "min", "mean", "max", "last", "not good")
    rows = [
        (tag("code", name), shown_unit(signal_unit(signals, name)),
         *(figure_text(figures[key]) for key in ("min", "mean", "max", "last")),
         figure_text(figures["not_good_s"], "s"))
        for name, figures in mapping(kpis.get("signals")).items()
    ]  # fmt: skip
    energy = [
        (name, figure_text(value, kpi_unit(f"energy.{name}", run.rig)))
        for name, value in mapping(kpis.get("energy")).items()
    ]
    parts: list[Html] = [table(("", ""), energy, "pairs")] if energy else []
    parts.append(_folded(f"All {len(rows)} signals in figures", table(heads, rows, "figures")))
    if drawn:
        place = Html('<div class="figure" data-figure="other"></div>')
        parts.append(_folded("Trends of the other signals", place))
    return section("Signals and energy", *parts)


def _folded(title: str, content: Html) -> Html:
    return tag("details", joined((tag("summary", title), content)))


def made_with_section(run: RunData) -> Html:
    """Tell what the run was made with: versions, command, and the rig as resolved."""
    packages = ", ".join(f"{name} {version}" for name, version in mapping(run.run.get("packages")).items())
    facts = (
        ("run folder", run.path.name),
        ("coldloop", run.run.get("version", NO_FIGURE)),
        ("Python", run.run.get("python", NO_FIGURE)),
        ("platform", run.run.get("platform", NO_FIGURE)),
        ("packages", packages or NO_FIGURE),
        ("command", tag("code", run.run.get("command", NO_FIGURE))),
        ("load", run.rig.get("load") or NO_FIGURE),
        ("scenario", run.rig.get("scenario") or NO_FIGURE),
        ("seed", run.rig.get("seed", NO_FIGURE)),
    )
    rig = _folded("The rig as resolved (rig.yaml)", tag("pre", escaped(run.rig_text)))
    return section("Made with", table(("", ""), facts, "pairs"), rig)


def signing_section() -> Html:
    """Lines for two people to sign on paper."""
    lines = joined(
        tag("span", f"{role}: {what}")
        for role in ("Commissioned by", "Witnessed by")
        for what in ("name", "date", "signature")
    )
    return section("Signatures", tag("div", lines, "signing"))
