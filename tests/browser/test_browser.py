from __future__ import annotations

import base64
import csv
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import requested, until
from synthetic import write_results

from phvae.analysis.claims.answers import Answer, AnswerFamily, Answers, ClaimAnswers, Question, write_answers
from phvae.analysis.figures.write import write_figures
from phvae.analysis.report.write import write_report
from phvae.analysis.tables.write import write_tables
from phvae.tracking import sync as tracking

pytestmark = pytest.mark.browser

CONFIG = Path(__file__).parents[2] / "config"


CLAIMS = """
written: 2026-01-01
source: a test
claims:
  image-accuracy:
    text: Images are reconstructed more accurately.
    datasets: [sprites]
    metric: mse
    direction: lower
    challenger: ph-vae-3
    controls: [vae]
    matters: {relative: 0.01}
    figure: rate_distortion
"""


SETTLED = "About 12 seeds should settle it."
ANSWERS = Answers(
    ["sprites"],
    [
        AnswerFamily(
            "image", "Images: PH-VAE, order 3 is better than the VAE.",
            [
                ClaimAnswers(
                    "image-accuracy", "Images are reconstructed more accurately.",
                    [Question("better than the VAE?", [Answer("sprites", "undecided", SETTLED)])],
                )
            ],
        )
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder with spaces")
    root = write_results(
        folder / "results" / "browser-grid", datasets=("trimodal", "sprites"),
        variants=("vae", "beta-vae-4", "ph-vae-3"), seeds=5, diverged=("trimodal", "vae", 4),
    )  # fmt: skip
    (folder / "claims.yaml").write_text(CLAIMS)
    write_tables(root, folder / "claims.yaml", CONFIG / "published.csv", baseline="vae")
    write_answers(root / "tables", ANSWERS)
    write_figures(root, baseline="vae")
    write_report(root)
    return root


@pytest.fixture
def page(browser: Any, results: Path) -> Any:
    requested(browser)
    browser.get_log("browser")
    browser.get((results / "report.html").as_uri())
    return browser


def test_report_shows_a_known_number_and_every_picture_and_asks_for_nothing(page: Any, results: Path) -> None:
    with (results / "tables" / "claims.csv").open() as stream:
        claim = next(
            row for row in csv.DictReader(stream) if row["claim"] == "image-accuracy" and row["dataset"] == "sprites"
        )
    shown = page.execute_script("return [...document.querySelectorAll('#claims td')].map(c => c.dataset.value)")
    assert any(value and float(value) == pytest.approx(float(claim["effect"]), rel=0.01) for value in shown)
    assert float(claim["effect"]) == pytest.approx(-0.16 * 0.012, rel=0.2)  # what the synthetic runs were given
    page.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    until(lambda: page.execute_script("return [...document.images].every(i => i.complete)"), 30, "every picture")
    widths = page.execute_script("return [...document.images].map(i => i.complete ? i.naturalWidth : 0)")
    assert len(widths) >= 12
    assert min(widths) > 100
    page.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    time.sleep(0.5)
    assert [entry["message"] for entry in page.get_log("browser")] == []
    asked = requested(page)
    assert (results / "report.html").as_uri() in asked
    assert [url[:80] for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1


def test_report_tables_sort_by_a_click(page: Any) -> None:
    def column() -> list[float]:
        return page.execute_script(
            "return [...document.querySelector('#table-images table').tBodies[0].rows]"
            ".map(row => +row.cells[1].dataset.value)"
        )

    before = column()
    button = page.find_elements("css selector", "#table-images table th button")[1]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    assert column() == sorted(before)
    assert button.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    button.click()
    assert column() == sorted(before, reverse=True)
    names = page.find_elements("css selector", "#table-images table th button")[0]
    names.click()
    first = page.execute_script(
        "return document.querySelector('#table-images table').tBodies[0].rows[0].cells[0].textContent"
    )
    assert first.startswith("PH-VAE")


def test_report_is_readable_on_a_narrow_screen_and_links_lead_somewhere(page: Any) -> None:
    screen(page, 400, 850)
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    until(
        lambda: page.execute_script(wide) <= 1, 20, "a page that does not scroll sideways"
    )  # plots follow a moment later
    screen(page, 1400, 900)
    broken = page.execute_script(
        "return [...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
        ".filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1)))"
    )
    assert broken == []


def screen(browser: Any, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def in_sight(browser: Any, selector: str) -> bool:
    """Whether an element lies whole within the screen's height."""
    script = "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return r.height > 0 && r.top >= 0"
    return bool(browser.execute_script(f"{script} && r.bottom <= innerHeight", selector))


def test_the_answers_lie_within_the_first_screen_and_lead_to_their_contests(page: Any) -> None:
    screen(page, 1400, 900)
    assert in_sight(page, "#answers")
    page.find_element("css selector", "#answers td a").click()
    until(lambda: in_sight(page, "#claim-image-accuracy h3"), 10, "the claim")
    assert all(part.get_attribute("open") for part in page.find_elements("css selector", ".claim > details"))
    assert SETTLED in page.find_element("id", "claim-image-accuracy").text
    assert in_sight(page, "#claim-image-accuracy table")


def test_samples_and_failed_runs_are_two_clicks_away(page: Any) -> None:
    screen(page, 1400, 900)
    page.find_element("css selector", 'nav a[href="#figures"]').click()
    page.find_element("css selector", 'a[href="#figure-samples-sprites"]').click()
    until(lambda: in_sight(page, "#figure-samples-sprites h4"), 10, "the samples")
    lost = page.find_element("css selector", 'header a[href="#lost"]')
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", lost)
    lost.click()
    until(lambda: in_sight(page, "#lost summary"), 10, "the runs without numbers")
    assert "the loss is not finite" in page.find_element("id", "lost").text


def test_tables_sort_and_filter_by_keyboard(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    def shown(what: str) -> list[str]:
        script = f"return [...document.querySelectorAll('#table-images {what}')].filter(e => !e.hidden)"
        return page.execute_script(f"{script}.map(e => e.textContent.trim())")

    rows, columns = page.find_elements("css selector", "#table-images .tools input[type=search]")
    rows.send_keys("ph-vae")
    assert [text[:8] for text in shown("tbody tr")] == ["PH-VAE 3"]
    columns.send_keys("ssim")
    assert shown("thead th") == ["variant", "SSIM"]
    page.execute_script("document.querySelector('#table-images th button').focus()")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.find_element("css selector", "#table-images th").get_attribute("aria-sort") == "ascending"


def test_headings_are_in_order_and_pictures_say_what_is_seen(page: Any) -> None:
    levels = page.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    texts = page.execute_script("return [...document.images].map(i => i.alt)")
    assert all(" of " in text and len(text) > 40 for text in texts)


def test_nothing_moves_until_it_is_asked(page: Any) -> None:
    button = page.find_element("css selector", "#figure-traversals-sprites .play")
    picture = page.find_element("css selector", "#figure-traversals-sprites img.moving")
    page.execute_script("arguments[0].closest('details')?.setAttribute('open', '')", button)
    starts = [picture.get_attribute("src")[:14]]
    for _ in range(2):
        page.execute_script("arguments[0].focus()", button)
        page.switch_to.active_element.send_keys(" ")
        starts.append(picture.get_attribute("src")[:14])
    assert starts == ["data:image/web", "data:image/gif", "data:image/web"]


def test_the_page_prints_on_fewer_than_twenty_pages(page: Any) -> None:
    made = page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert 2 <= len(re.findall(rb"/Type /Page\b", base64.b64decode(made["data"]))) < 20


@pytest.fixture(scope="module")
def server(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real MLflow server on the synced database, as `make ui` starts it."""
    uri = tracking.sync(results).uri
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    artifacts = (results.parent / "mlflow" / "artifacts").as_uri()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", uri, "--default-artifact-root", artifacts]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment, start_new_session=True)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/health") or process.poll() is not None, 180, "the server")
        assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it only reads; asked politely it waits for the browser to hang up
        process.wait(30)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _experiment(server: str) -> str:
    with urllib.request.urlopen(
        f"{server}/api/2.0/mlflow/experiments/get-by-name?experiment_name=browser-grid"
    ) as reply:
        return str(json.load(reply)["experiment"]["experiment_id"])


def test_the_mlflow_page_names_the_experiment_and_lists_its_runs(browser: Any, server: str) -> None:
    requested(browser)
    browser.get(f"{server}/#/experiments")
    until(lambda: "browser-grid" in browser.find_element("tag name", "body").text, 90, "the experiment's name")
    browser.get(f"{server}/#/experiments/{_experiment(server)}/runs")
    until(lambda: "ph-vae-3" in browser.find_element("tag name", "body").text, 90, "a run's name")
    outside = [url for url in requested(browser) if not url.startswith((server, "data:", "blob:", "about:", "chrome:"))]
    assert outside == [], "the page asks hosts outside this machine"
