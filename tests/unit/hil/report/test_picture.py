"""The picture of the plants: every component is in it, its figures are the trend's means, no text covers another."""

import itertools
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import plant_plans as pp
import pytest
import run_folders as rf

from hil.report import build_report
from hil.report.picture.picture import draw_picture, key_figures, picture_section
from hil.report.picture.plan import read_plans
from hil.report.picture.readings import Readings, means_of_hottest_hour
from hil.report.picture.scales import Scales
from hil.report.picture.streams import levels, streams
from hil.report.run_data import read_run

ATTACK = "</title><script>alert(1)</script><img src=x>"
KPIS = {
    "facility": {
        "pue": 1.14021,
        "wue_l_kwh": 0.0712,
        "free_cooling_h": 18.25,
        "hottest_case_temp_degc": 61.53,
    }
}


def drawn(tmp_path, made, left_out=(), figures=()):
    (tmp_path / "plants.json").write_text(json.dumps({"facility": made.plant(left_out)}))
    (plan,) = read_plans(tmp_path)
    text = draw_picture(Readings(plan, made.means, "means over the run", {}), "p", figures)
    return ET.fromstring(text)


def texts(svg):
    return [element for element in svg.iter("text") if element.text]


def words(svg):
    return {element.text for element in texts(svg)}


def extent(element):
    """Box of a text: digits and small letters of a sans serif are about 0.55 of their size wide."""
    size, x, y = (float(element.get(key)) for key in ("font-size", "x", "y"))
    width = 0.55 * size * len(element.text)
    left = {"start": x, "middle": x - 0.5 * width, "end": x - width}[element.get("text-anchor")]
    return left, y - 0.72 * size, left + width, y + 0.1 * size


@pytest.mark.parametrize("cdus", [1, 3, 12, 13, 24, 40])
def test_no_text_covers_another_or_leaves_the_picture(tmp_path, cdus):
    svg = drawn(tmp_path, pp.facility(cdus), figures=key_figures(KPIS))
    _, _, width, height = map(float, svg.get("viewBox").split())
    boxes = [(extent(element), element.text) for element in texts(svg)]
    for (left, top, right, bottom), word in boxes:
        assert min(left, top, width - right, height - bottom) >= 0.0, word
    for (one, first), (two, second) in itertools.combinations(boxes, 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, f"{first!r} covers {second!r}"


@pytest.mark.parametrize("cdus", [12, 24])
def test_every_component_is_drawn_under_its_name(tmp_path, cdus):
    made = pp.facility(cdus)
    svg = drawn(tmp_path, made)
    names = {component["instance"] for component in made.components}
    told = {title.text.split(" (")[0] for title in svg.iter("title") if title.text}
    assert names <= told
    assert names - {"fws"} <= words(svg)
    assert any(word.startswith("fws (header)") for word in words(svg))


def test_flows_temperatures_and_heats_are_those_of_the_signals(tmp_path):
    made = pp.facility(12)
    shown = words(drawn(tmp_path, made, figures=key_figures(KPIS)))
    for value in ("200 kg/s", "43.8 kg/s · 39.6 °C", "30.2 °C", "31.9 °C", "dry bulb 24.6 °C · wet bulb 18.3 °C",
                  "heat 8 412 kW", "COP 5.69", "11.41 MW", "1.140", "61.5"):  # fmt: skip
        assert value.replace("8 412", "8\N{NARROW NO-BREAK SPACE}412") in shown
    for n in range(1, 13):
        assert f"{made.means[f'cdu_{n}_it_power_kw']:.0f}" in shown
        assert f"{made.means[f'cdu_{n}_cold_plate_case_temp_degc']:.1f}" in shown


def test_what_has_no_signal_is_drawn_without_a_figure(tmp_path):
    made = pp.facility(3)
    everything = tuple(made.means)
    made.inputs.clear()
    svg = drawn(tmp_path, made, left_out=everything)
    assert {"cdu_1", "cdu_2", "cdu_3", "dry_cooler", "trim_chiller", "buffer", "power"} <= words(svg)
    # Neither a digit in a text, but in names, nor a scale for what is not known.
    known = {component["instance"] for component in made.components}
    assert not [word for word in words(svg) - known if re.search(r"\d", word)]


def test_a_pipe_without_a_signal_has_the_colour_of_what_flows_into_it_and_no_figure(tmp_path):
    made = pp.facility(3)
    svg = drawn(tmp_path, made, left_out=("return_pipe_outlet_temp_degc",))
    (stream,) = [each for each in svg.iter("g") if each.find("path") is not None
                 and each.findtext("title", "").startswith("return_pipe to dry_cooler; ")]  # fmt: skip
    warm = Scales.of([29.8, 42.7], [], [], []).color(made.means["fws_return_temp_degc"])
    assert stream.find("path").get("stroke") == warm
    assert "39.6 °C" not in words(svg)


def test_water_goes_from_the_header_through_cooler_chiller_and_tank_back(tmp_path):
    (tmp_path / "plants.json").write_text(json.dumps({"f": pp.facility(2).plant()}))
    (plan,) = read_plans(tmp_path)
    found = streams(plan)
    assert levels(plan, found) == [
        ["return_pipe"], ["dry_cooler"], ["changeover"], ["trim_chiller"], ["buffer"], ["supply_pipe"],
    ]  # fmt: skip
    flows = {(stream.source, stream.target): stream.flow for stream in found}
    assert flows["return_pipe", "changeover"] == ("changeover", "bypass_flow_kg_s")
    assert flows["return_pipe", "dry_cooler"] == ("dry_cooler", "flow_kg_s")
    assert flows["fws", "cdu_2"] == ("cdu_2", "fws_flow_kg_s")
    assert ("cdu_1", "meters") not in flows, "a case temperature is no water"


def test_components_of_unknown_kinds_and_in_circles_are_drawn_too(tmp_path):
    made = pp.Maker()
    for name in ("a", "b", "c"):
        made.add(name, "exchanger", "inlet_temp_degc flow_kg_s", outlet_temp_degc=30.0)
    for source, target in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "c")):
        made.wire(f"{source}.outlet_temp_degc", f"{target}.inlet_temp_degc")
    made.add("apart", "wind turbine", "", power_kw=12.5)
    made.add("second", "header", "", flow_kg_s=1.0)
    made.add("third", "header", "", flow_kg_s=1.0)
    shown = words(drawn(tmp_path, made))
    assert {"a", "b", "c", "apart", "wind turbine", "power 12.5 kW", "third"} <= shown


def test_the_legend_tells_what_grey_means_and_the_picture_keeps_its_letters_readable(tmp_path):
    svg = drawn(tmp_path, pp.facility(12))
    assert {"grey, or without a figure:", "not recorded (the rig", "has no signal of it)"} <= words(svg)
    least = float(re.search(r"min-width:(\d+)px", svg.get("style"))[1])
    width = float(svg.get("viewBox").split()[2])
    smallest = min(float(element.get("font-size")) for element in texts(svg))
    assert smallest * least / width >= 8.0, "pixels on the narrowest screen"


def test_the_share_of_the_time_on_bypass_stands_beside_the_ups_uncut(tmp_path):
    made = pp.facility(3)
    (power,) = (part for part in made.components if part["kind"] == "power_chain")
    power["ports"].append({"name": "on_bypass", "unit": "1", "side": "output"})
    made.means["power_on_bypass"] = 0.4413
    # The mean of the ratio at each moment is no PUE: at an outage it is anything.
    made.means["meters_pue"] = 12.058
    assert {"on bypass", "44.1 % of time", "PUE 1.143"} <= words(drawn(tmp_path, made))


def test_hostile_names_are_shown_as_text(tmp_path):
    made = pp.facility(2)
    for component in made.components:
        component["kind"] += ATTACK if component["instance"] == "buffer" else ""
    made.add(ATTACK, ATTACK, ATTACK.replace(" ", "_"), **{ATTACK: 1.0})
    made.wires.append({"source": f"{ATTACK}.{ATTACK}", "target": f"{ATTACK}.x", "unit": "degC"})
    run = rf.whole(rf.Case(duration_s=60.0), {"t_s": np.arange(61.0)}, 1.0)
    folder = run.write(tmp_path / "r")
    (folder / "plants.json").write_text(json.dumps({ATTACK: made.plant(), "x": {"diagram": [1]}, "y": 3}))
    page = build_report(folder).path.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page


DAMAGED = ("", "[]", "nonsense", '{"a": {"diagram": {"components": 3, "wires": [[]]}}}',
           '{"a": {"diagram": {"components": [{"instance": 1}], "inputs": {"b": 1}}}}')  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_of_plants_leaves_the_report_without_a_picture(tmp_path, content):
    run = rf.whole(rf.Case(duration_s=60.0), {"t_s": np.arange(61.0)}, 1.0)
    folder = run.write(tmp_path / "r")
    (folder / "plants.json").write_text(content)
    assert not picture_section(read_run(folder), {"signals": {}})


def weather_run(tmp_path, hours=4):
    """A CDU and a cooler over four hours, the third of which is the hottest; the chiller's machine runs in it alone."""
    made = pp.Maker()
    made.add("cooler", "dry_cooler", "dry_bulb_temp_degc inlet_temp_degc", outlet_temp_degc=0.0)
    made.add("cdu", "cdu", "fws_supply_temp_degc", fws_flow_kg_s=0.0, tcs_supply_temp_degc=0.0)
    made.add("chiller", "chiller", "inlet_temp_degc", machine_1_state=0.0)
    made.wire("cooler.outlet_temp_degc", "cdu.fws_supply_temp_degc")
    made.drive("dry_bulb_temp_degc", 0.0, "cooler.dry_bulb_temp_degc")
    t = np.arange(0.0, hours * 3600.0 + 1.0, 10.0)
    hot = (t >= 7200) & (t < 10_800)
    columns = {"t_s": t, "dry_bulb_temp_degc": np.where(hot, 41.0, 20.0), "cooler_outlet_temp_degc": 25.0 + t / 1000.0,
               "cdu_fws_flow_kg_s": np.full(t.size, 12.34), "cdu_tcs_supply_temp_degc": np.full(t.size, 33.0),
               "chiller_machine_1_state": np.where(hot, 2.0, 0.0)}  # fmt: skip
    units = {"cdu_fws_flow_kg_s": "kg/s", "chiller_machine_1_state": "1"}
    run = rf.whole(rf.Case(duration_s=hours * 3600.0), columns, 10.0)
    run.rig |= {"loops": {}, "requirements": [], "load": None, "signals": {
        name: {"unit": units.get(name, "degC"), "range": [-20, 100]} for name in columns if name != "t_s"}}  # fmt: skip
    run.events = []
    folder = run.write(tmp_path / "r")
    (folder / "plants.json").write_text(json.dumps({"site": made.plant()}))
    return folder


def test_the_pictures_of_a_run_show_the_means_of_its_trend(tmp_path):
    folder = weather_run(tmp_path)
    result = build_report(folder)
    signals = result.kpis["signals"]
    whole, hottest = re.findall(
        r'<svg role="img".*?</svg>', result.path.read_text(encoding="utf-8"), re.DOTALL
    )
    assert f"out {signals['cooler_outlet_temp_degc']['mean']:.1f} °C" in words(ET.fromstring(whole))
    assert f"dry bulb {signals['dry_bulb_temp_degc']['mean']:.1f} °C" in words(ET.fromstring(whole))
    assert "machine 1: longest: off" in whole
    assert "out 34.0 °C" in words(ET.fromstring(hottest)), "the mean of 25 + t/1000 from 7200 to 10800 s"
    assert "from 02:00:00" in hottest
    assert "machine 1: longest: running" in hottest
    assert "<desc" in whole
    assert "http" not in whole + hottest
    assert 'role="img"' in whole
    ids = re.findall(r'id="(picture-[^"]+)"', whole + hottest)
    assert len(set(ids)) == len(ids) == 4


def test_plants_of_one_component_share_a_picture_even_under_one_name(tmp_path):
    made = pp.Maker()
    made.add("unit", "cdu", "rack_heat_kw", tcs_supply_temp_degc=31.25)
    plant = made.plant()
    (tmp_path / "plants.json").write_text(json.dumps({"a": plant, "b": plant, "linear": {"diagram": None}}))
    (plan,) = read_plans(tmp_path)
    assert (plan.title, list(plan.parts)) == ("a, b", ["unit", "b.unit"])
    shown = words(ET.fromstring(draw_picture(Readings(plan, made.means, "means over the run"), "p")))
    assert {"unit", "b.unit", "31.2"} <= shown


def test_a_short_run_has_no_hottest_hour(tmp_path):
    folder = weather_run(tmp_path, hours=1)
    (plan,) = read_plans(folder)
    assert means_of_hottest_hour(plan, read_run(folder)) is None


def test_scales_are_round_and_hold_one_figure_or_none():
    scales = Scales.of([31.0], [], [12.0], [833.0])
    assert scales.water == (30.0, 35.0)
    assert scales.most_heat == 840.0
    assert scales.color(None) == Scales.of([], [], [], []).color(31.0), "grey"
    assert scales.width(12.0) > scales.width(3.0) > scales.width(0.0)
    assert scales.color(30.0) != scales.color(35.0)
