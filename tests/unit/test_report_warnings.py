from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from synthetic import write_results

from phvae.analysis.report.warnings import PageWarning, page_warnings
from phvae.analysis.results.long_table import read_runs, read_table
from phvae.analysis.tables.layout import Table, TableBlock

LABELS = {"vae": "VAE", "ph-vae-3": "PH-VAE 3"}
TABLES = [
    Table("images", "", "", [TableBlock("sprites, 3 seeds", ["variant", "MSE", "NLL [nats]"], [])]),
    Table("latent", "", "", [TableBlock("sprites, 3 seeds", ["variant", "active units [coordinates]", "MIG"], [])]),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("warnings") / "grid"
    root = write_results(folder, datasets=("sprites",), variants=tuple(LABELS), seeds=3, arrays=False)
    return read_table(root), read_runs(root)


Results = tuple[pd.DataFrame, pd.DataFrame]


def said(results: Results, state: str = "") -> list[PageWarning]:
    return page_warnings(*results, LABELS, TABLES, state)


def changed(sound: Results, metric: str, variant: str = "vae", **values: object) -> Results:
    """The results with some fields of one metric of one variant changed."""
    table = sound[0].copy()
    rows = (table["metric"] == metric) & (table["variant"] == variant)
    assert rows.any()
    for name, value in values.items():
        table.loc[rows, name] = value
    return table, sound[1]


def test_sound_results_have_no_warning(sound: Results) -> None:
    assert said(sound, "unchanged since before the runs") == []


def test_an_error_above_the_mean_images(sound: Results) -> None:
    assert said(changed(sound, "mse", floor=0.1)) == []
    (one,) = said(changed(sound, "mse", floor=0.001))
    assert one == PageWarning("Worse than the mean of the data, as a reconstruction: VAE on sprites.", "table-images")


def test_collapsed_codes(sound: Results) -> None:
    (one,) = said(changed(sound, "active_units", "ph-vae-3", value=0.0))
    text = "Collapsed, without an active unit at half of the seeds or more: PH-VAE 3 on sprites."
    assert one == PageWarning(text, "table-latent")


def test_unsettled_estimates_and_too_few_examples_are_parted(sound: Results) -> None:
    (one,) = said(changed(sound, "mse", caution="the likelihood of 2 of 25 examples has not settled at 32 draws"))
    assert one.text.startswith("Estimates that have not settled, which decide nothing: VAE on sprites (the first: the ")
    assert one.place == "table-images"
    (one,) = said(changed(sound, "mig", caution="from 60 examples, comparable from 600"))
    assert one == PageWarning("Scores of too few examples, which decide nothing: MIG on sprites.", "table-latent")


def test_lost_runs_and_cells_without_a_number(tmp_path: Path) -> None:
    lost = ("sprites", "vae", 0)
    for seeds, lines in ((2, 1), (1, 2)):
        root = write_results(
            tmp_path / str(seeds),
            datasets=("sprites",),
            variants=tuple(LABELS),
            seeds=seeds,
            diverged=lost,
            arrays=False,
        )
        found = said((read_table(root), read_runs(root)))
        assert [one.place for one in found] == ["lost"] * lines
        assert found[-1].text == f"1 run of {2 * seeds}: 1 diverged (VAE on sprites)."
    assert found[0].text == "No number of VAE on sprites (the loss is not finite at epoch 3)."


def test_different_hardware_and_versions(sound: Results) -> None:
    table, runs = sound
    first = runs.index == 0
    (one,) = said((table, runs.assign(hardware=["CPU one" if here else "CPU two" for here in first])))
    assert "On sprites paired runs come from different hardware (CPU one; CPU two)" in one.text
    versions = [json.dumps({"torch": "2.1" if here else "2.2", "numpy": "2"}) for here in first]
    (one,) = said((table, runs.assign(versions=versions)))
    assert one == PageWarning("Runs of one data set come from different versions: sprites (torch 2.1, 2.2).", "origin")


def test_claims_that_were_changed_after_the_runs(sound: Results) -> None:
    (one,) = said(sound, "EDITED: 3 of 6 runs were made under other claims (sha256 123)")
    assert one.place == "claims"
    assert "3 of 6 runs" in one.text
