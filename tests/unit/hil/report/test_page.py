import base64
import errno
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
import run_folders as rf
from plotly.offline import get_plotlyjs

from hil.report import build_report
from hil.report.fault_labels import staggered
from hil.report.figure_parts import TimeAxis
from hil.report.figures import fault_spans
from hil.report.run_data import Event
from hil.report.timing_figure import timing_figure
from hil.report.trend_data import Trend

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def own_text(path):
    """The page without the plotting library, which has addresses in its text that it never asks for."""
    return path.read_text(encoding="utf-8").replace(get_plotlyjs(), "")


def figures(path):
    found = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', own_text(path), re.DOTALL
    )
    return {figure["name"]: figure for figure in json.loads(found.group(1))}


def test_the_page_names_no_host(whole_run, tmp_path):
    path = build_report(whole_run.write(tmp_path / "r")).path
    # Binary data of the figures may spell anything but a colon.
    page = re.sub(r'(?<="bdata":")[^"]*', "", own_text(path))
    assert not re.search(r"(?i)https?:|//[a-z]|@import|src=", page)
    assert "default-src 'none'" in page


def test_everything_from_files_is_escaped(whole_run, tmp_path):
    whole_run.rig |= {"rig": ATTACK, "description": ATTACK, "scenario": ATTACK}
    whole_run.rig["signals"] = {**rf.SIGNALS, ATTACK: {"unit": ATTACK, "range": [0, 1]}}
    whole_run.rig["loops"][ATTACK] = dict(whole_run.rig["loops"]["supply_temperature"], output=ATTACK)
    whole_run.rig["requirements"].append({"kpi": ATTACK, "max": 1})
    whole_run.columns[ATTACK] = np.arange(whole_run.columns["t_s"].size, dtype=float)
    whole_run.events.append({"t_s": 5.0, "kind": "fault_start", "source": ATTACK, "text": ATTACK})
    whole_run.run |= {
        "command": ATTACK,
        "stop": "tripped",
        "stop_reason": ATTACK,
        "packages": {ATTACK: ATTACK},
    }
    whole_run.run["counters"] = {ATTACK: {ATTACK: 1}}
    whole_run.timing["phases"][ATTACK] = rf.histogram(1, 10.0)
    page = own_text(build_report(whole_run.write(tmp_path / "r")).path)
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 3


def test_the_figures_show_band_limits_outages_and_faults(whole_run, tmp_path):
    shown = figures(build_report(whole_run.write(tmp_path / "r")).path)
    assert {"loop-supply_temperature", "load", "timing", "other"} == set(shown)
    names = [trace.get("name") for trace in shown["loop-supply_temperature"]["data"]]
    for name in (
        "band ± 0.5 K",
        "at its limit",
        "failsafe",
        "measured value not good",
        "warm-up, not judged",
        "fault",
    ):
        assert name in names
    layout = shown["loop-supply_temperature"]["layout"]
    assert layout["yaxis"]["title"]["text"] == "°C"
    assert layout["yaxis"]["exponentformat"] == "none", "10k over kW would read as another unit"
    assert layout["xaxis"]["title"]["text"] == "time (min)"
    assert any("valve stuck" in label["text"] for label in layout["annotations"])


def test_a_spike_of_one_row_is_in_the_page(whole_run, tmp_path):
    whole_run.columns[rf.SUPPLY] = np.array(whole_run.columns[rf.SUPPLY])
    whole_run.columns[rf.SUPPLY][2222] = 77.25
    shown = figures(build_report(whole_run.write(tmp_path / "r")).path)["loop-supply_temperature"]
    trace = next(trace for trace in shown["data"] if trace.get("name") == rf.SUPPLY)
    assert 77.25 in np.frombuffer(base64.b64decode(trace["y"]["bdata"]), "<f4")


def test_a_report_of_the_same_run_is_the_same_to_the_byte(whole_run, tmp_path):
    path = whole_run.write(tmp_path / "r")
    first = build_report(path).path.read_bytes()
    assert build_report(path).path.read_bytes() == first
    assert not list(path.glob("*.part"))


def test_a_full_disk_leaves_no_draft_behind(whole_run, tmp_path, monkeypatch):
    path = whole_run.write(tmp_path / "r")
    whole = build_report(path)
    before = whole.path.read_bytes()
    write_text = Path.write_text

    def fills_up(file, text, **how):
        if file.name == "report.html.part":
            write_text(file, text[:1000], **how)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(file, text, **how)

    monkeypatch.setattr(Path, "write_text", fills_up)
    made = build_report(path)
    assert made.not_written == ("report.html: [Errno 28] No space left on device",)
    assert not made.has_page
    assert (made.kpis, made.verdict, made.requirements) == (whole.kpis, whole.verdict, whole.requirements)
    assert not list(path.glob("*.part"))
    assert (path / "report.html").read_bytes() == before


def test_a_run_without_anything_still_has_a_page(tmp_path):
    (tmp_path / "rig.yaml").write_text("rig: bare\n")
    result = build_report(tmp_path)
    assert not result.met
    assert "There is nothing to draw" in own_text(result.path)


def test_on_part_of_a_run_a_requirement_is_not_shown_as_met(whole_run, tmp_path):
    whole_run.rig["requirements"] = [{"kpi": "loops.supply_temperature.max_abs_error", "max": 50.0}]
    assert "✓ met" in own_text(build_report(whole_run.write(tmp_path / "whole")).path)
    whole_run.run = None
    page = own_text(build_report(whole_run.write(tmp_path / "part")).path)
    assert "met so far" in page
    assert "✓" not in page


def test_faults_are_paired_and_an_open_one_lasts_to_the_end():
    events = (
        Event(10.0, "fault_start", "pump", "trip"),
        Event(20.0, "fault_start", "valve", "stuck"),
        Event(30.0, "fault_end", "pump", "cleared"),
        Event(40.0, "note", "pump", "trip"),
    )
    assert fault_spans(events, 100.0) == [(10.0, 30.0, "trip"), (20.0, 100.0, "stuck")]


def test_names_of_faults_near_each_other_stand_one_above_the_other():
    faults = [(100.0, "sensor: bias +0.8 degC"), (110.0, "frozen"), (120.0, "noise"), (121.0, "no place"),
              (950.0, "a name so long that it would run through all the figure")]  # fmt: skip
    labels = staggered(faults, TimeAxis("s", 1.0, 1000.0), 0.3, 140.0, (0.0, 1000.0))
    assert [label["text"] for label in labels[:3]] == ["sensor: bias +0.8 degC", "frozen", "noise"]
    assert [label["y"] for label in labels] == pytest.approx([0.3, 0.4, 0.5, 0.3])
    assert (labels[3]["xanchor"], labels[3]["hovertext"]) == ("right", faults[4][1])
    assert labels[3]["text"].endswith("…")


def test_the_legend_has_room_for_its_longest_name(whole_run, tmp_path):
    for figure in figures(build_report(whole_run.write(tmp_path / "r")).path).values():
        names = [trace["name"] for trace in figure["data"] if trace.get("showlegend", True)]
        if "entrywidth" in figure["layout"]["legend"]:
            assert figure["layout"]["legend"]["entrywidth"] >= 7 * max(map(len, names))
        else:
            assert figure["name"] == "timing"


def test_each_row_of_the_timing_has_its_whole_name_upright_in_the_margin():
    names = ["cycle", "lateness", "sensor_to_actuator", "data_age", "devices.100.sensor_to_actuator"]
    figure = timing_figure({"phases": {name: rf.histogram(50, 10.0) for name in names}})
    layout, data = figure.layout, figure.data
    labels = {label["text"]: label for label in layout["annotations"]}
    assert set(labels) == set(names)
    for label in labels.values():
        assert (label["xref"], label["x"], label["xanchor"]) == ("paper", 0, "right"), "left of the figure"
        assert "textangle" not in label
        assert layout["margin"]["l"] >= 7 * len(label["text"]) - label["xshift"], "and not cut off"
        axis = label["yref"].removesuffix(" domain")
        (trace,) = (trace for trace in data if trace.get("yaxis") == axis)
        low, high = layout["yaxis" + axis[1:]]["domain"]
        height_px = (high - low) * (layout["height"] - layout["margin"]["t"] - layout["margin"]["b"])
        assert height_px > 30, "rows are far enough apart for a line of text"
        assert trace["y"], "each name beside its own histogram"
    assert len({label["yref"] for label in labels.values()}) == len(names)
    assert not any(axis["title"]["text"] for name, axis in layout.items() if name.startswith("yaxis")), (
        "no name is turned along its axis"
    )


def test_a_day_is_reported_in_seconds(tmp_path):
    case = rf.Case(duration_s=86_399.0, steps=(), fault=None, outage=None)
    t = np.arange(86_400.0)
    wave = 30.0 + np.sin(t / 300.0)
    columns = {
        "t_s": t,
        rf.SUPPLY: wave,
        rf.SUPPLY_SP: np.full(t.size, 30.0),
        rf.VALVE: 50.0 + wave,
        rf.LOAD: wave,
    }
    columns |= {f"other_{n}": wave + n for n in range(20)}
    path = rf.whole(case, columns, 1.0).write(tmp_path / "r")
    started = time.process_time()
    result = build_report(path)
    assert time.process_time() - started < 8.0, "1.5 s of a processor here"
    assert result.path.stat().st_size < 8e6


def test_a_signal_is_drawn_only_from_its_first_received_value() -> None:
    quality = np.array([2, 2, 0, 2, 0], dtype=np.uint8)
    trend = Trend(np.arange(5.0), {"a": np.zeros(5)}, {"a": quality})
    assert trend.first_received("a") == 2
    assert trend.first_received("not recorded") == 0
    assert (
        Trend(np.arange(2.0), {"a": np.zeros(2)}, {"a": np.full(2, 2, dtype=np.uint8)}).first_received("a")
        == 0
    )
