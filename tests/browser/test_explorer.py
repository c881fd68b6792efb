from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chromium import requested, until
from synthetic import write_results

from phvae.analysis.report.write import write_report
from phvae.analysis.results.long_table import read_table
from phvae.analysis.statistics import paired_interval
from phvae.analysis.tables.write import write_tables

pytestmark = pytest.mark.browser

CONFIG = Path(__file__).parents[2] / "config"
HOSTILE = '<img src=x onerror="window.struck = 1"><b>bold</b> & "quoted", </script>'
VARIANTS = ("vae", "beta-vae-4", "ph-vae-2", "ph-vae-3", "copies-3")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_results(
        tmp_path_factory.mktemp("explored") / "grid", datasets=("sprites", "trimodal"), variants=VARIANTS, seeds=6,
        sizes=(100, "all"), arrays=False, diverged=("trimodal", "copies-3", 2),
    )  # fmt: skip
    runs = pd.read_parquet(root / "runs.parquet")
    runs.loc[runs["variant"] == "copies-3", "label"] = HOSTILE
    runs.to_parquet(root / "runs.parquet")
    write_tables(root, None, CONFIG / "published.csv", baseline="vae")
    write_report(root)
    return root


@pytest.fixture(scope="module")
def table(results: Path) -> pd.DataFrame:
    return read_table(results)


def values(table: pd.DataFrame, dataset: str, variant: str, metric: str, size: str = "all") -> pd.Series:
    """Value by seed."""
    chosen = table[(table["dataset"] == dataset) & (table["n_train"] == size) & (table["metric"] == metric)]
    return chosen[chosen["variant"] == variant].set_index("seed")["value"].dropna()


def go(browser: Any, results: Path, choice: str = "") -> None:
    browser.get("about:blank")
    browser.get((results / "report.html").as_uri() + choice)
    browser.execute_script("document.getElementById('explore').scrollIntoView()")
    until(lambda: browser.execute_script("return !!document.querySelector('#explore-plot .main-svg')"), 60, "a plot")


def look(browser: Any, results: Path, choice: str) -> None:
    """Follow an address within the open page."""
    if browser.current_url.partition("#")[0] != (results / "report.html").as_uri():
        go(browser, results)
    browser.execute_script("location.hash = ''")
    browser.execute_script(
        "document.getElementById('explore-words').textContent = ''; location.hash = arguments[0]", choice
    )
    until(lambda: text(browser, "words"), 30, choice)


def pick(browser: Any, name: str, value: str) -> None:
    """Choose from one of the explorer's lists, or press one of its switches."""
    browser.execute_script(
        "const all = [...document.querySelectorAll(`#explore-form [name=${arguments[0]}]`)];"
        "if (all[0].type === 'radio') { all.find(one => one.value === arguments[1]).click(); return; }"
        "all[0].value = arguments[1]; all[0].dispatchEvent(new Event('change'));",
        name,
        value,
    )


def rows(browser: Any) -> dict[str, list[Any]]:
    """The table below the plot: the text of a row's first cell -> the numbers of its cells, or their texts."""
    found = browser.execute_script(
        "return [...document.querySelector('#explore-scroll tbody').rows].map(row => [...row.cells].map(c =>"
        "c.dataset.value === undefined ? c.textContent.replace(/^\\S /, '') : +c.dataset.value))"
    )
    return {row[0]: row[1:] for row in found}


def text(browser: Any, part: str) -> str:
    return str(browser.execute_script("return document.getElementById(arguments[0]).textContent", f"explore-{part}"))


def test_it_opens_without_a_request_or_an_error_and_every_view_is_drawn(browser: Any, results: Path) -> None:
    requested(browser)
    browser.get_log("browser")
    go(browser, results)
    for view in ("paired", "metrics", "order", "size", "seeds"):
        pick(browser, "view", view)
        assert (
            browser.execute_script("return document.querySelectorAll('#explore-plot .scatterlayer .point').length") > 4
        )
        assert f"view={view}" in browser.execute_script("return location.hash")
        assert browser.execute_script("return document.activeElement.value") in (view, None)
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    asked = [url for url in requested(browser) if not url.startswith(("data:", "about:"))]
    assert asked == [(results / "report.html").as_uri()]
    assert browser.execute_script("return document.querySelectorAll('.modebar-btn').length") == 6  # none to a server


def test_the_best_is_told_in_two_clicks_and_the_means_are_those_of_the_long_table(
    browser: Any, results: Path, table: pd.DataFrame
) -> None:
    go(browser, results)
    pick(browser, "dataset", "trimodal")  # the second click: the first opened the explorer
    means = {name: values(table, "trimodal", name, "w1_samples_mean").mean() for name in VARIANTS}
    labels = {
        "vae": "VAE",
        "beta-vae-4": "β-VAE 4",
        "ph-vae-2": "PH-VAE 2",
        "ph-vae-3": "PH-VAE 3",
        "copies-3": HOSTILE,
    }
    best = min(means, key=lambda name: means[name])
    assert f"Best mean of those shown: {labels[best]}, " in text(browser, "words")
    shown = rows(browser)
    assert set(shown) == set(labels.values())
    statistics = pd.read_csv(results / "tables" / "statistics.csv")
    statistics = statistics[(statistics["dataset"] == "trimodal") & (statistics["n_train"] == "all")]
    statistics = statistics[statistics["metric"] == "w1_samples_mean"].set_index("variant")
    for name, label in labels.items():
        mean, low, high, seeds = shown[label][:4]
        assert mean == pytest.approx(means[name], rel=1e-6)
        assert [low, high] == pytest.approx(list(statistics.loc[name, ["low", "high"]]), rel=1e-6)
        assert seeds == (5 if name == "copies-3" else 6)


def test_the_address_keeps_the_choice_and_what_it_cannot_have_is_named(browser: Any, results: Path) -> None:
    look(browser, results, "#explore?view=seeds")
    pick(browser, "dataset", "trimodal")
    pick(browser, "size", "100")
    pick(browser, "metric", "kl")
    browser.execute_script("document.querySelector('#explore .variants input[value=vae]').click()")
    address, words, shown = browser.execute_script("return location.hash"), text(browser, "words"), rows(browser)
    assert "variants=beta-vae-4,ph-vae-2,ph-vae-3,copies-3" in address
    assert "100 training examples" in words
    go(browser, results, address)
    assert (text(browser, "words"), rows(browser)) == (words, shown)
    browser.execute_script("location.hash = '#explore?dataset=sprites&metric=<i>none</i>&variants=vae,absent'")
    until(lambda: "sprites" in text(browser, "words"), 10, "the address that was typed")
    assert text(browser, "notice") == (
        "These results do not have what the address names: metric <i>none</i>, variant absent."
    )
    assert list(rows(browser)) == ["VAE"]


def test_paired_differences_are_those_that_are_computed_here(browser: Any, results: Path, table: pd.DataFrame) -> None:
    look(browser, results, "#explore?view=paired&dataset=trimodal&metric=w1_samples_mean&with=ph-vae-3&search=e")
    shown = rows(browser)
    other = values(table, "trimodal", "ph-vae-3", "w1_samples_mean")
    for name, label in (("beta-vae-4", "β-VAE 4"), ("copies-3", HOSTILE), ("vae", "VAE")):
        difference = (values(table, "trimodal", name, "w1_samples_mean") - other).dropna().to_numpy(float)
        low, high = paired_interval(difference)
        expected = [difference.mean(), float(low), float(high), len(difference)]
        assert shown[label][:4] == pytest.approx(expected, rel=1e-4), name
        wins = np.sum(difference < 0)
        assert shown[label][4] == wins
    assert len(difference) == 6
    assert "PH-VAE 3" not in shown


def test_a_hostile_label_stays_text_in_controls_plot_and_table(browser: Any, results: Path) -> None:
    look(browser, results, "#explore?view=seeds&dataset=sprites&metric=mse")
    assert browser.execute_script(
        "return [...document.querySelectorAll('#explore .variants label')].at(-1).textContent"
    ).endswith(HOSTILE)
    ticks = browser.execute_script(
        "return [...document.querySelectorAll('#explore-plot .ytick text')].map(t => t.textContent)"
    )
    assert HOSTILE in ticks
    pick(browser, "view", "order")
    assert browser.execute_script("return document.querySelectorAll('#explore img, #explore b').length") == 0
    assert browser.execute_script("return window.struck") is None


def test_what_is_copied_reads_back_as_the_numbers(browser: Any, results: Path, table: pd.DataFrame) -> None:
    look(browser, results, "#explore?view=seeds&dataset=sprites&metric=mse&sort=-1")
    browser.execute_script(
        "navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }"
    )

    def copied(button: int) -> list[list[str]]:
        browser.execute_script("document.querySelectorAll('#explore-tools button')[arguments[0]].click()", button)
        return list(csv.reader(io.StringIO(browser.execute_script("return window.copied"))))

    head, *lines = copied(0)
    assert head[:3] == ["variant", "mean", "95 % from"]
    means = [float(line[1]) for line in lines]
    assert means == sorted(means, reverse=True)
    named = {line[0]: float(line[1]) for line in lines}
    assert named[HOSTILE] == pytest.approx(values(table, "sprites", "copies-3", "mse").mean(), rel=1e-6)
    seeds = copied(1)
    assert len(seeds) == 1 + 5 * 6
    for dataset, size, variant, seed, metric, value in seeds[1:]:
        assert math.isclose(float(value), values(table, dataset, variant, metric, size)[int(seed)], rel_tol=1e-6)


def test_it_fits_a_phone_and_follows_the_search(browser: Any, results: Path) -> None:
    browser.set_window_size(500, 900)
    look(browser, results, "#explore?view=paired&dataset=sprites&metric=mse&search=beta+4")
    beyond = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    until(lambda: browser.execute_script(beyond) <= 1, 10, "a plot of the window's width")
    browser.set_window_size(1300, 1800)
    browser.execute_script(
        "const box = document.querySelector('#explore-tools input');"
        "box.value = 'β-vae'; box.dispatchEvent(new Event('input'))"
    )
    assert list(rows(browser)) == ["β-VAE 4"]
    assert "search=" in browser.execute_script("return location.hash")
