"""The report as one HTML file that asks nothing of any host.

Read from the top: the verdict, what was required, the loops, how they ran, how the cycle kept its time, what
happened, what it was run with, and a place to sign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from hil.report.facility_figure import facility_figure
from hil.report.facility_section import facility_section, limits_section
from hil.report.fault_figure import fault_figure
from hil.report.figure_parts import Figure
from hil.report.figures import load_figure, loop_figures, other_figure
from hil.report.latency import LatencyResult
from hil.report.markup import Html, escaped, joined, tag
from hil.report.picture.picture import picture_section
from hil.report.required import latency_section, requirements_section
from hil.report.run_data import RunData
from hil.report.sections import (
    counters_section,
    events_section,
    facts_section,
    loops_section,
    made_with_section,
    signals_section,
    signing_section,
    timing_section,
)  # fmt: skip
from hil.report.timing_figure import timing_figure
from hil.report.verdict import RequirementResult, Verdict, headline


def page_html(
    run: RunData,
    kpis: Mapping[str, Any],
    requirements: Sequence[RequirementResult],
    latency: LatencyResult,
    verdict: Verdict,
) -> str:
    """Give the whole page as text."""
    loops, load, other = loop_figures(run), load_figure(run), other_figure(run)
    timing, facility, faults = timing_figure(run.timing), facility_figure(run, kpis), fault_figure(run)
    sections = joined(
        (
            facts_section(run, kpis),
            requirements_section(requirements, verdict.whole),
            picture_section(run, kpis),
            facility_section(kpis, facility is not None),
            limits_section(kpis, faults is not None),
            loops_section(run, kpis),
            _trends_section(loops, load),
            latency_section(latency, verdict.whole),
            timing_section(run, timing is not None),
            events_section(run),
            counters_section(run),
            signals_section(run, kpis, other is not None),
            made_with_section(run),
            signing_section(),
        )
    )
    when = str(run.run.get("started_utc") or run.path.name)
    rig = str(run.rig.get("rig", run.path.name))
    return Template(_resource("page.html")).substitute(
        kind="Run report",
        title=escaped(f"{rig} – {verdict.word}"),
        style=_resource("page.css"),
        verdict_css="good" if verdict.met else "bad",
        rig=escaped(rig),
        when=escaped(when),
        description=escaped(run.rig.get("description") or ""),
        sign="✓" if verdict.met else "✗",
        headline=escaped(headline(verdict, (*requirements, *latency.limits))),
        reasons=tag("ul", joined(tag("li", reason) for reason in verdict.reasons)) if verdict.reasons else "",
        sections=sections,
        plotting_library=get_plotlyjs(),
        figures=_figures_json([facility, faults, *loops, load, timing, other]),
        script=_resource("page.js"),
    )


def plain_page(
    kind: str,
    title: str,
    when: str,
    description: str,
    headline: str,
    sections: Html,
    figures: Sequence[Figure],
) -> str:
    """Give a page that judges nothing, in the look of a report and as free of any host."""
    return Template(_resource("page.html")).substitute(
        kind=escaped(kind),
        title=escaped(f"{kind} – {title}"),
        style=_resource("page.css"),
        verdict_css="good",
        rig=escaped(title),
        when=escaped(when),
        description=escaped(description),
        sign="",
        headline=escaped(headline),
        reasons="",
        sections=sections,
        plotting_library=get_plotlyjs(),
        figures=_figures_json(figures),
        script=_resource("page.js"),
    )


def _resource(name: str) -> str:
    return resources.files("hil.report").joinpath(name).read_text(encoding="utf-8")


def _figures_json(figures: Sequence[Figure | None]) -> str:
    drawn = [
        {"name": item.name, "data": item.data, "layout": item.layout, "linked": item.linked}
        for item in figures
        if item is not None
    ]
    text = json.dumps(drawn, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Inside a script element only "<" could end it; as an escape it means the same to JSON.
    return text.replace("<", "\\u003c")


def _trends_section(loops: Sequence[Figure], load: Figure | None) -> Html:
    parts: list[Html] = [tag("h2", "Trends")]
    if not loops and load is None:
        parts.append(tag("p", "There is nothing to draw: too few rows were recorded.", "note no"))
    else:
        hint = "Drag to zoom, double-click for the whole run; all trends zoom together."
        parts.append(
            tag("p", f"{hint} Decimated with the lowest and highest value of each step kept.", "note")
        )
    for figure in loops:
        parts += [tag("h3", figure.name.removeprefix("loop-")), figure_place(figure.name)]
    if load is not None:
        parts += [tag("h3", "Load"), figure_place(load.name)]
    return tag("section", joined(parts))


def figure_place(name: str) -> Html:
    """Where the page's script draws a figure."""
    return Html(f'<div class="figure" data-figure="{escaped(name)}"></div>')
