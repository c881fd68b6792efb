"""Marks of the tables: better, worse, with the best, cautions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from tables_on_disk import claims, lines, prose, published, read

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.tables.layout import read_tables
from phvae.analysis.tables.write import write_tables
from phvae.analysis.terminal.compare import compare

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(known_tables: Path) -> Path:
    return known_tables


def cautioned(root: Path, folder: Path, *, variant: str, metric: str) -> Path:
    """The tables again, with a caution on one metric of one variant of grey at some seeds."""
    copy = folder / "results"
    shutil.copytree(root, copy)
    table = pd.read_parquet(copy / "metrics.parquet")
    here = (table["dataset"] == "grey") & (table["variant"] == variant) & (table["metric"] == metric)
    table.loc[here & (table["seed"] < 4), "caution"] = "from 300 examples"
    table.to_parquet(copy / "metrics.parquet")
    write_tables(copy, claims(folder), published(folder))
    return copy


def test_a_caution_is_marked_wherever_the_value_stands_and_decides_nothing(root: Path, tmp_path: Path) -> None:
    assert lines(root, "images", "grey")["PH-VAE, order 3"][0] == "0.01799 ± 0.00010 ▲"
    copy = cautioned(root, tmp_path, variant="ph-vae-3", metric="mse")
    for name in ("images", "matched-rate", "divergences-orders"):
        assert "§ not compared: too few examples" in prose(copy, name)
        frame = read(copy, name).set_index(["dataset", "variant", "metric"])
        row = frame.loc[("grey", "ph-vae-3", "mse")]
        assert (row["word"], row["why"], row["caution"]) == ("not resolved", "from 300 examples", "from 300 examples")
        assert frame.loc[("grey", "ph-vae-2", "mse"), "caution"] == ""
    assert lines(copy, "images", "grey")["PH-VAE, order 3"][0] == "0.01799 ± 0.00010 §"
    assert lines(copy, "matched-rate", "grey")["PH-VAE, order 3"][0].endswith(" §")
    assert lines(copy, "divergences-orders", "grey, MSE")["3"][1].endswith("§")
    verdict = read(copy, "claims").set_index("dataset").loc["grey"]
    assert (verdict["verdict"], verdict["reason"]) == ("not resolved", "from 300 examples")
    assert "not resolved (from 300 examples)" in prose(copy, "claims")
    page = compare(copy, "vae")
    line = next(text for text in page.splitlines() if text.strip().startswith("PH-VAE, order 3 "))
    assert "0.017986 ± 0.000097 §" in line
    assert line.endswith("not resolved (from 300 examples)")
    assert "§ not compared: too few examples" in page


def test_a_caution_on_the_curve_leaves_all_open_that_is_held_against_it(root: Path, tmp_path: Path) -> None:
    copy = cautioned(root, tmp_path, variant="beta-vae-2", metric="mse")
    frame = read(copy, "matched-rate").query("dataset == 'grey' and metric == 'mse'")
    assert set(frame["word"]) == {"not resolved"}
    assert set(frame["caution"]) == {"from 300 examples"}


def test_the_best_and_what_is_not_distinguishable_from_it_are_marked_and_bold(root: Path) -> None:
    for dataset, metric in (("grey", "mse"), ("grey", "ssim"), ("bits", "mse"), ("curve", "w1_samples_mean")):
        name = "densities" if dataset == "curve" else "images"
        found, column = lines(root, name, dataset), metric_label(metric)
        cells = {label.partition(" (")[0]: row[found["variant"].index(column)] for label, row in found.items()}
        frame = read(root, name).query("dataset == @dataset and metric == @metric").set_index("label")
        frame.index = frame.index.str.partition(" (").get_level_values(0)  # as above: without runs that were lost
        near = set(frame[frame["with_best"].astype(str) == "True"].index)
        assert near == {label for label, cell in cells.items() if cell.startswith("**")}
        sign = 1 if frame["higher_is_better"].astype(str).eq("True").any() else -1
        means = sign * frame.loc[sorted(near), "mean"].astype(float)
        best = set(means.index[means == means.max()])
        assert best == {label for label, cell in cells.items() if "●" in cell}
        assert near - best == {label for label, cell in cells.items() if "○" in cell}
    assert {label for label, row in lines(root, "images", "grey").items() if "●" in row[0]} == {"β-VAE, β = 0.5"}


def test_a_legend_tells_the_marks_that_are_there_and_no_others(root: Path) -> None:
    for table in read_tables(root / "tables"):
        used = {mark for block in table.blocks for row in block.rows for cell in row for mark in cell.mark}
        for mark in ("●", "○", "▲", "▼", "‡", "§"):
            assert (mark in used) == (f"{mark} " in table.legend), (table.name, mark)
        assert ("/" in used) == ("in brackets" in table.legend), table.name


def test_only_what_is_resolved_is_better_or_worse(root: Path) -> None:
    grey = lines(root, "images", "grey")
    assert grey["variant"][:2] == ["MSE", "SSIM"]
    better = {name for name, cells in grey.items() if "▲" in cells[0]}
    # a smaller weight of the divergence leaves a smaller error: at another rate, which its own table corrects
    assert better == {"PH-VAE, order 3", "PH-VAE, order 3, matched", "β-VAE, β = 0.5"}
    assert grey["β-VAE, β = 2"][0].endswith("▼")
    bits = lines(root, "images", "bits")
    assert {name for name, cells in bits.items() if "▲" in cells[0]} == {"β-VAE, β = 0.5"}
    curve = lines(root, "densities", "curve")
    column = curve["variant"].index("KS, samples (means)")
    marks = {cells[column][-1] for name, cells in curve.items() if name.startswith(("PH-VAE", "copies"))}
    assert marks == {"‡", "–"}  # the dash is ph-vae-4, which never ran
