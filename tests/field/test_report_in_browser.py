"""The report opened in a real browser: it draws every figure, complains of nothing and asks no host."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hil.report import build_report

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "hil" / "report"))

import plant_plans
import run_folders as rf

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--window-size=1366,768", "--virtual-time-budget=20000",
)  # fmt: skip


class Opened:
    """A page opened to the end: its elements, its console, and the addresses that were asked for."""

    def __init__(self, page: Path, home: Path) -> None:
        log = home / "net.json"
        done = subprocess.run(
            [*CHROMIUM, f"--user-data-dir={home / 'profile'}", f"--log-net-log={log}", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        self.dom = done.stdout
        self.console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        self.asked = requested(log)


def requested(log: Path) -> set[str]:
    """Addresses outside the page that it asked for, from the browser's network log."""
    recorded = json.loads(log.read_text())
    starts = recorded["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [event["params"] for event in recorded["events"] if event["type"] == starts and "params" in event]
    # What the browser asks on its own account (updates, its clock) comes from no page.
    urls = {item["url"] for item in asked if "url" in item and item.get("initiator") != "not an origin"}
    return {url for url in urls if not url.startswith(("file:", "data:", "blob:", "chrome:"))}


@pytest.fixture(scope="module")
def folder():
    case = rf.Case(duration_s=1800.0, steps=((900.0, 32.0),), outage=(1200.0, 1260.0), fault=(600.0, 660.0))
    return rf.whole(case, rf.sampled(rf.solve(case), 1.0), 1.0, "wall")


@pytest.mark.needs("chromium")
def test_a_report_draws_all_figures_and_asks_no_host(folder, tmp_path):
    run = folder.write(tmp_path / "run")
    (run / "plants.json").write_text(json.dumps({"facility": plant_plans.facility(12).plant()}))
    page = build_report(run).path
    # As a reader would have it after opening all that is folded.
    page.write_text(page.read_text().replace("<details>", "<details open>"))
    opened = Opened(page, tmp_path)
    assert opened.console == []
    assert opened.asked == set()
    assert 'data-figures="4"' in opened.dom
    assert "data-failed" not in opened.dom
    drawn = opened.dom.split('<div class="figure')[1:]
    assert len(drawn) == 4
    lines = [len(re.findall(r'class="js-line" d="M[^"]+', figure)) for figure in drawn]
    bars = len(re.findall(r'<g class="point"><path d="M', drawn[2]))
    assert lines[0] >= 3, "set-point, measured value and output"
    assert lines[1] >= 1, "load"
    assert bars > 50, "timing histograms"
    assert lines[3] >= 2, "the other signals"
    assert "valve stuck" in drawn[0]
    assert opened.dom.count('<svg role="img"') == 1, (
        "the picture of the plants, of which the console said nothing"
    )


@pytest.mark.needs("chromium")
def test_the_text_of_a_file_never_runs(folder, tmp_path):
    owned = "document.title='owned'"
    attack = f"</script><img src=http://192.0.2.1/x onerror={owned}><script>{owned}</script>"
    folder.rig["description"] = attack
    folder.events.append({"t_s": 700.0, "kind": "fault_start", "source": attack, "text": ""})
    opened = Opened(build_report(folder.write(tmp_path / "run")).path, tmp_path)
    assert "<title>owned" not in opened.dom
    assert html.escape(attack, quote=False)[:40] in opened.dom, "it is shown as text"
    assert opened.asked == set()
    assert opened.console == []


@pytest.mark.needs("chromium")
def test_the_log_would_show_a_request(tmp_path):
    """The two tests above could not fail if requests were not seen: this page makes one, and is seen."""
    page = tmp_path / "asks.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("heard")</script>')
    opened = Opened(page, tmp_path)
    assert opened.asked == {"http://127.0.0.1:9/x.png"}
    assert any("heard" in line for line in opened.console)
