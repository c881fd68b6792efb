"""The numbers of the report's explorer: what is unpacked is the long table, and equal results give equal bytes."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import write_results

from phvae.analysis.figures import looks
from phvae.analysis.presentation.metrics_shown import SCORES_SHOWN
from phvae.analysis.report import explored as module
from phvae.analysis.report.explored import explored, read_statistics
from phvae.analysis.report.explorer import explorer, packed
from phvae.analysis.report.write import write_report
from phvae.analysis.results.long_table import read_table
from phvae.analysis.tables.write import write_tables
from phvae.errors import DataError

CONFIG = Path(__file__).parents[2] / "config"
VARIANTS = ("vae", "beta-vae-4", "ph-vae-3", "copies-3")
CLAIM = """
written: 2026-01-01
source: a test
claims:
  accuracy:
    text: Better.
    datasets: [trimodal]
    metric: w1_samples_mean
    direction: lower
    challenger: ph-vae-3
    controls: [copies-3]
    matters: {relative: 0.01}
    figure: paired_seeds
"""
KINDS = {"low": "<f4", "high": "<f4", "value": "<f4"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explored")
    found = write_results(
        folder / "grid", datasets=("trimodal", "sprites"), variants=VARIANTS, seeds=3, sizes=("all", 100),
        arrays=False, diverged=("trimodal", "copies-3", 1),
    )  # fmt: skip
    (folder / "claims.yaml").write_text(CLAIM)
    write_tables(found, folder / "claims.yaml", CONFIG / "published.csv", baseline="vae")
    return found


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    names = json.loads(gzip.decompress(base64.b64decode(text)))
    columns = {
        name: np.frombuffer(base64.b64decode(packed), KINDS.get(name, "<u2"))
        for name, packed in names["columns"].items()
    }
    return names, columns


@pytest.fixture(scope="module")
def numbers(root: Path) -> str:
    found = explorer(root)
    assert found is not None
    return found.numbers


def test_what_is_unpacked_is_the_long_table(root: Path, numbers: str) -> None:
    names, columns = unpacked(numbers)
    values = columns["value"].reshape(-1, len(names["seeds"]))
    found = {
        (
            names["datasets"][columns["dataset"][i]],
            names["sizes"][columns["n_train"][i]],
            names["variants"][columns["variant"][i]]["name"],
            names["metrics"][columns["metric"][i]]["name"],
            seed,
        ): value
        for i, row in enumerate(values)
        for seed, value in zip(names["seeds"], row, strict=True)
        if np.isfinite(value)
    }
    table = read_table(root)
    table = table[table["value"].notna()]
    keys = zip(table["dataset"], table["n_train"], table["variant"], table["metric"], table["seed"], strict=True)
    assert found == pytest.approx(dict(zip(keys, table["value"], strict=True)), rel=1e-6)


def test_the_intervals_and_words_are_those_of_the_tables(root: Path, numbers: str) -> None:
    names, columns = unpacked(numbers)
    statistics = pd.read_csv(
        root / "tables" / "statistics.csv", keep_default_na=False, na_values={"low": "", "high": ""}
    )
    known = statistics.set_index(["dataset", "n_train", "variant", "metric"])
    words = set()
    for i in range(len(columns["low"])):
        variant, metric = names["variants"][columns["variant"][i]], names["metrics"][columns["metric"][i]]
        key = (names["datasets"][columns["dataset"][i]], names["sizes"][columns["n_train"][i]])
        row = known.loc[(*key, variant["name"], metric["name"])]
        assert [columns["low"][i], columns["high"][i]] == pytest.approx(
            [row["low"], row["high"]], rel=1e-6, nan_ok=True
        )
        assert names["words"][columns["word"][i]] == row["word"]
        assert ["", "False", "True"][columns["with_best"][i]] == row["with_best"]
        assert columns["planned"][i] == row["planned"] == 3
        words.add(row["word"])
    assert "better" in words


def test_names_come_in_the_order_of_the_grid_with_the_looks_of_the_figures(root: Path, numbers: str) -> None:
    names, _ = unpacked(numbers)
    assert names["sizes"] == ["100", "all"]
    assert [one["name"] for one in names["variants"]] == list(VARIANTS)
    found = looks.looks_of(read_table(root))
    assert [one["colour"] for one in names["variants"]] == [found[name].colour for name in VARIANTS]
    assert names["variants"][0]["symbol"] == "circle"
    shown = [one["name"] for one in names["metrics"] if one["shown"]]
    assert shown == [name for name in SCORES_SHOWN if name in shown]
    assert shown == [one["name"] for one in names["metrics"][: len(shown)]]
    assert (names["baseline"], names["claimed"]) == ("vae", ["ph-vae-3", "copies-3"])
    assert names["quantiles"][:2] == pytest.approx(stats.t.ppf(0.975, [1, 2]))
    design = next(one for one in names["designs"] if one["variant"] == "beta-vae-4")
    assert (design["family"], design["order"], design["beta"]) == ("β-VAE", 1, 4.0)


def test_equal_results_give_equal_bytes(root: Path, numbers: str) -> None:
    again = explorer(root)
    assert again is not None
    assert again.numbers == numbers
    assert packed("a") == packed("a")
    assert base64.b64decode(packed("a"))[4:8] == b"\0\0\0\0"  # no time


def test_every_marker_of_the_figures_is_known_to_the_library() -> None:
    assert set(module._MARKERS) == set(looks._MARKERS)


def test_without_room_the_metrics_of_the_tables_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = read_statistics(root / "tables")
    assert statistics is not None
    labels = {name: name for name in VARIANTS}
    whole = explored(read_table(root), statistics, labels, [])
    assert whole.names["left_out"] == 0
    monkeypatch.setattr(module, "MOST_VALUES", 100)
    cut = explored(read_table(root), statistics, labels, [])
    assert 0 < np.isfinite(cut.columns["value"]).sum() <= 100
    assert cut.names["left_out"] == len(whole.names["metrics"]) - len(cut.names["metrics"]) > 0
    assert all(one["shown"] for one in cut.names["metrics"])


def test_without_tables_or_numbers_there_is_no_explorer(root: Path, tmp_path: Path) -> None:
    assert explorer(tmp_path) is None
    text = write_report(root).read_text(encoding="utf-8")
    assert text.count('<section id="explore"') == text.count('<a href="#explore"') == 1
    (tmp_path / "grid").mkdir()
    for name in ("config.json", "runs.parquet"):
        (tmp_path / "grid" / name).write_bytes((root / name).read_bytes())
    (tmp_path / "grid" / "tables").mkdir()
    for path in (root / "tables").glob("*.json"):
        (tmp_path / "grid" / "tables" / path.name).write_bytes(path.read_bytes())
    without = write_report(tmp_path / "grid").read_text(encoding="utf-8")
    assert "explore" not in without


def test_a_label_cannot_end_the_element_that_holds_the_numbers(root: Path) -> None:
    statistics = read_statistics(root / "tables")
    assert statistics is not None
    hostile = dict.fromkeys(VARIANTS, "</script><script>alert(1)</script>")
    found = explored(read_table(root), statistics, hostile, [])
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed(json.dumps(found.names)))


def test_damaged_statistics_are_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "statistics.csv").write_text("dataset\nclaw\n")
    with pytest.raises(DataError, match=r"statistics\.csv: damaged .*; run `phvae tables` again"):
        read_statistics(tmp_path)
