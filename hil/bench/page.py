"""The picture of a benchmark: one offline page with every distribution, both axes logarithmic."""

from __future__ import annotations

from hil.bench.result import Bench
from hil.report.markup import Html, joined, table, tag
from hil.report.numbers import figure_text
from hil.report.page import figure_place, plain_page
from hil.report.timing_figure import timing_figure, timing_rows

_GROUPS = (
    ("wake_up", "Lateness of wake-ups at 1 kHz"),
    ("cycle", "A simulated cycle by phase"),
    ("step", "One step"),
    ("overhead", "The loop's own overhead"),
    ("field", "Through a PLC over Modbus TCP"),
    ("devices", "Many devices at 10 Hz"),
)
_HEADS = ("time in µs", "count", "p50", "p90", "p99", "p99.9", "max", "mean")


def bench_page(bench: Bench, when: str) -> str:
    """Give the page as text; ``when`` is shown as it is."""
    sections, figures = [], []
    for group, title in _GROUPS:
        chosen = {name: each for name, each in bench.histograms.items() if name.split(".")[0] == group}
        timing = {"phases": chosen}
        figure = timing_figure(timing, name=group)
        parts = [tag("h2", title), table(_HEADS, timing_rows(timing), "figures")]
        if figure is not None:
            figures.append(figure)
            parts.append(figure_place(group))
        sections.append(tag("section", joined(parts)))
    rows = [(tag("code", name), figure_text(value)) for name, value in bench.figures.items()]
    sections.append(tag("section", joined((tag("h2", "Figures"), table(("figure", "value"), rows)))))
    rows = [(tag("code", name), Html(tag("span", text))) for name, text in bench.told.items()]
    sections.append(tag("section", joined((tag("h2", "Measured with"), table(("what", ""), rows)))))
    headline = f"Blocking p99 {_p99(bench, 'wake_up.block')}, spinning p99 {_p99(bench, 'wake_up.spin')}"
    machine = bench.told.get("machine", "")
    return plain_page("Benchmark", "hil bench", when, machine, headline, joined(sections), figures)


def _p99(bench: Bench, name: str) -> str:
    return figure_text(bench.histograms.get(name, {}).get("p99_us"), "µs")
