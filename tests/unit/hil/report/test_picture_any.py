"""Any composition has a right picture: each component and each stream once, and no pipe through a strange box.

What is drawn is read back from the SVG alone: boxes and pipes by the words that the pointer tells of them.
"""

import itertools
import json
import random
import re
import xml.etree.ElementTree as ET
from collections import Counter

import plant_plans as pp
import pytest

from hil.report.picture.picture import draw_picture, key_figures
from hil.report.picture.plan import read_plans
from hil.report.picture.readings import Readings

CDU_BRANCH = 50.0
TEXT_HEIGHT, LETTER = 0.8, 0.5


class Site:
    """A composition by its streams of water alone; each has a flow and a temperature."""

    def __init__(self) -> None:
        self.made = pp.Maker()
        self.streams: list[tuple[str, str]] = []

    def add(self, kind: str, *names: str, outlets: str = "outlet_temp_degc", **more: float) -> None:
        for name in names:
            self.made.add(name, kind, "", **dict.fromkeys(outlets.split(), 31.4), flow_kg_s=12.5, **more)

    def join(
        self, source: str, target: str, outlet: str = "outlet_temp_degc", inlet: str = "inlet_temp_degc"
    ) -> None:
        ports = next(part["ports"] for part in self.made.components if part["instance"] == target)
        taken = {port["name"] for port in ports}
        inlet = next(
            name for n in itertools.count() if (name := inlet if not n else f"in{n}_{inlet}") not in taken
        )
        ports.append({"name": inlet, "unit": "degC", "side": "input"})
        self.made.wire(f"{source}.{outlet}", f"{target}.{inlet}")
        self.streams.append((source, target))

    def chain(self, *names: str) -> None:
        for source, target in itertools.pairwise(names):
            self.join(source, target)

    def header(self, name: str, *branches: str, cdus: bool = True) -> None:
        """A header that feeds its branches and takes their water back."""
        self.add("header", name, outlets="supply_temp_degc return_temp_degc", pump_power_kw=3.0)
        for n, branch in enumerate(branches, 1):
            back = "fws_return_temp_degc" if cdus else "outlet_temp_degc"
            if cdus:
                self.add("cdu", branch, outlets=back, fws_flow_kg_s=4.25, tcs_supply_temp_degc=33.0)
            self.join(name, branch, "supply_temp_degc", "fws_supply_temp_degc" if cdus else "inlet_temp_degc")
            self.join(branch, name, back, f"branch_{n}_return_temp_degc")

    def circuit(self, header: str, *way: str) -> None:
        """The way from a header's return through components back to its supply."""
        self.join(header, way[0], "return_temp_degc")
        self.chain(*way)
        self.join(way[-1], header, inlet="source_supply_temp_degc")


def two_headers() -> Site:
    """A tank between the CDUs' header and that of two coolers in parallel, with the chiller at a three-way valve."""
    site = Site()
    site.header("fws", "a", "b")
    site.add("pipe", "hot")
    site.add("tank", "buf", outlets="outlet_temp_degc top_temp_degc")
    site.add("dry_cooler", "cool_1", "cool_2", heat_kw=900.0)
    site.add("three_way", "mix")
    site.add("chiller", "ch")
    site.circuit("fws", "hot", "buf")
    site.header("src", "cool_1", "cool_2", cdus=False)
    site.join("buf", "src", "top_temp_degc", "source_supply_temp_degc")
    site.join("src", "mix", "return_temp_degc", "return_temp_degc")
    site.join("src", "ch", "return_temp_degc")
    site.join("ch", "mix", inlet="cooled_temp_degc")
    site.join("mix", "buf", inlet="source_return_temp_degc")
    return site


def parallel_coolers() -> Site:
    site = Site()
    site.header("fws", "cdu_1", "cdu_2", "cdu_3")
    site.add("dry_cooler", "east", "middle", "west", heat_kw=400.0)
    site.add("mixer", "joint")
    for name in ("east", "middle", "west"):
        site.join("fws", name, "return_temp_degc")
        site.join(name, "joint")
    site.join("joint", "fws", inlet="source_supply_temp_degc")
    return site


def bypassed_chiller() -> Site:
    site = Site()
    site.header("fws", "cdu_1", "cdu_2", "cdu_3")
    site.add("dry_cooler", "cooler")
    site.add("chiller", "trim")
    site.add("three_way", "changeover")
    site.add("tank", "buffer")
    site.circuit("fws", "cooler", "trim", "changeover", "buffer")
    site.join("cooler", "changeover", inlet="return_temp_degc")
    return site


def cdus_of_two_headers() -> Site:
    site = Site()
    site.header("north", *(f"n_{n}" for n in range(9)))
    site.header("south", *(f"s_{n}" for n in range(9)))
    site.add("dry_cooler", "cooler_n", "cooler_s")
    site.circuit("north", "cooler_n")
    site.circuit("south", "cooler_s")
    return site


def lone(kind: str) -> Site:
    site = Site()
    site.add(kind, "alone")
    return site


def one_way() -> Site:
    """CDUs whose return goes elsewhere than to the header that feeds them."""
    site = Site()
    site.header("fws")
    site.add("cdu", "cdu_1", "cdu_2", outlets="fws_return_temp_degc")
    site.add("pipe", "drain", "unused")
    for name in ("cdu_1", "cdu_2"):
        site.join("fws", name, "supply_temp_degc", "fws_supply_temp_degc")
        site.join(name, "drain", "fws_return_temp_degc")
    site.join("drain", "drain")
    return site


def chance(seed: int) -> Site:
    """Components and streams by lot."""
    draw, site = random.Random(seed), Site()
    kinds = ("cdu", "header", "dry_cooler", "chiller", "three_way", "tank", "pipe", "wind turbine")
    names = [f"c{n}" for n in range(draw.randint(2, 22))]
    for name in names:
        site.add(draw.choice(kinds), name)
    for _ in range(draw.randint(1, 2 * len(names))):
        site.join(draw.choice(names), draw.choice(names))
    return site


NAMED = {
    "two headers": two_headers(), "coolers in parallel": parallel_coolers(), "chiller bypassed": bypassed_chiller(),
    "18 CDUs at two headers": cdus_of_two_headers(), "one way": one_way(), "a lone pipe": lone("pipe"),
    "a lone header": lone("header"), **{f"by lot {seed}": chance(seed) for seed in range(24)},
}  # fmt: skip
FIGURES = key_figures({"facility": {"pue": 1.14, "wue_l_kwh": 0.07}})


@pytest.fixture(scope="module", params=NAMED)
def drawn(request, tmp_path_factory):
    site = NAMED[request.param]
    folder = tmp_path_factory.mktemp("site")
    (folder / "plants.json").write_text(json.dumps({"site": site.made.plant()}))
    (plan,) = read_plans(folder)
    text = draw_picture(Readings(plan, site.made.means, "means over the run", {}), "p", FIGURES)
    return site, ET.fromstring(text)


def boxes(svg) -> dict[str, tuple[float, float, float, float]]:
    """Left, upper, right and lower edge of each component's own box."""
    found = {}
    for each in svg.iter("g"):
        name = re.match(r"(\S+) \(", each.findtext("title", ""))
        if name is not None and each.find("rect") is not None:
            x, y, w, h = (float(each.find("rect").get(key)) for key in ("x", "y", "width", "height"))
            assert name[1] not in found, "drawn twice"
            found[name[1]] = (x, y, x + w, y + h)
    return found


def pipes(svg) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Source, target and points of each pipe."""
    found = []
    for each in svg.iter("g"):
        ends = re.match(r"(\S+) to ([^\s;]+)", each.findtext("title", ""))
        if ends is not None and each.find("path") is not None:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", each.find("path").get("d"))]
            found.append((ends[1], ends[2], list(zip(numbers[::2], numbers[1::2], strict=True))))
    return found


def through(box, one, two) -> bool:
    left, top, right, bottom = box
    (x0, y0), (x1, y1) = one, two
    across = min(x0, x1) < right - 2.0 and max(x0, x1) > left + 2.0
    return across and min(y0, y1) < bottom - 2.0 and max(y0, y1) > top + 2.0


def test_each_component_and_each_stream_is_drawn_once_from_box_to_box(drawn):
    site, svg = drawn
    placed = boxes(svg)
    kinds = {part["instance"]: part["kind"] for part in site.made.components}
    assert set(placed) == set(kinds)
    assert Counter((source, target) for source, target, _ in pipes(svg)) == Counter(site.streams)
    for source, target, points in pipes(svg):
        for name, (x, y) in ((source, points[0]), (target, points[-1])):
            left, top, right, bottom = placed[name]
            above = CDU_BRANCH if kinds[name] == "cdu" else 0.0
            assert left - 2.0 <= x <= right + 2.0, (source, target)
            assert top - above - 2.0 <= y <= bottom + 2.0, (source, target)


def test_no_pipe_goes_through_a_strange_box_or_out_of_the_picture(drawn):
    _, svg = drawn
    placed = boxes(svg)
    for one, two in itertools.combinations(placed.values(), 2):
        assert not through(one, two[:2], two[2:]), "boxes apart"
    _, _, width, height = map(float, svg.get("viewBox").split())
    for source, target, points in pipes(svg):
        assert all(0.0 < x < width and 0.0 < y < height for x, y in points)
        for one, two in itertools.pairwise(points):
            assert one[0] == two[0] or one[1] == two[1], "across or upright"
            crossed = [name for name, box in placed.items() if through(box, one, two)]
            assert not set(crossed) - {source, target}, (source, target, crossed)


def outlets(site) -> dict[tuple[str, str], set[str]]:
    """Outlets between two components."""
    found: dict[tuple[str, str], set[str]] = {}
    for wire in site.made.wires:
        ends = (wire["source"].partition(".")[0], wire["target"].partition(".")[0])
        found.setdefault(ends, set()).add(wire["source"])
    return found


def test_streams_of_different_water_never_share_a_line(drawn):
    site, svg = drawn
    of = outlets(site)
    for one, two in itertools.combinations(pipes(svg), 2):
        gathered = one[1] == two[1] and any(
            wire["target"].startswith(f"{one[1]}.branch_") for wire in site.made.wires
        )
        if of[one[:2]] & of[two[:2]] or gathered:
            continue
        for a, b in itertools.product(itertools.pairwise(one[2]), itertools.pairwise(two[2])):
            for k in (0, 1):
                if a[0][k] == a[1][k] == b[0][k] == b[1][k]:
                    first, second = (sorted(point[1 - k] for point in stretch) for stretch in (a, b))
                    assert min(first[1], second[1]) - max(first[0], second[0]) <= 1.0, (one[:2], two[:2])


def test_flow_and_temperature_stand_at_the_streams_and_on_no_box(drawn):
    site, svg = drawn
    if not site.streams:
        return
    told = [
        each
        for each in svg.iter("g")
        if " to " in each.findtext("title", "") and each.find("text") is not None
    ]
    spots = []
    for each in told:
        for words in each.iter("text"):
            size, x, y = (float(words.get(key)) for key in ("font-size", "x", "y"))
            wide = LETTER * size * len(words.text)
            left = {"start": x, "middle": x - 0.5 * wide, "end": x - wide}[words.get("text-anchor")]
            spots.append((left, y - TEXT_HEIGHT * size, left + wide, y))
    for spot in spots:
        assert not [name for name, box in boxes(svg).items() if through(box, spot[:2], spot[2:])
                    and not name.startswith(("fws", "north", "south"))]  # fmt: skip
    for one, two in itertools.combinations(spots, 2):
        assert not through(one, two[:2], two[2:]), "figures over figures"


@pytest.mark.parametrize("name", ["two headers", "coolers in parallel", "chiller bypassed"])
def test_every_stream_of_a_usual_size_has_its_figures(name, tmp_path):
    site = NAMED[name]
    (tmp_path / "plants.json").write_text(json.dumps({"site": site.made.plant()}))
    (plan,) = read_plans(tmp_path)
    svg = ET.fromstring(draw_picture(Readings(plan, site.made.means, "means over the run", {}), "p"))
    told = Counter(
        each.findtext("title").partition(";")[0] for each in svg.iter("g")
        if " to " in each.findtext("title", "") and each.find("text") is not None
    )  # fmt: skip
    beside = [pair for pair in site.streams if not any(end.startswith("cdu_") for end in pair)]
    assert not Counter(f"{source} to {target}" for source, target in beside) - told
