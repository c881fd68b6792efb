"""Agreement of scores: rank correlations against scipy, turned scores, too few runs, the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from known_truth import write_known
from scipy.stats import spearmanr

from phvae.analysis.statistics.rank_agreement import LEAST_RUNS, rank_agreement
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.tables.score_agreement import score_agreement


def table(runs: int = 12, **scores: tuple[bool | None, np.ndarray]) -> pd.DataFrame:
    """A long table of two variants; a score is its direction and the values of the runs."""
    rows = [
        ("d", "all", f"v{i % 2}", float(i // 2), "test", metric, value, higher)
        for metric, (higher, values) in scores.items()
        for i, value in enumerate(values[:runs])
    ]
    columns = ["dataset", "n_train", "variant", "seed", "split", "metric", "value", "higher_is_better"]
    return pd.DataFrame(rows, columns=columns)


G = np.random.default_rng(0)
MSE, SSIM = G.random(12), G.random(12)


def test_correlations_are_spearmans_of_turned_scores() -> None:
    found, runs = rank_agreement(table(mse=(False, MSE), ssim=(True, SSIM), psnr=(True, -MSE)), ["ssim", "mse", "psnr"])
    assert list(found.columns) == ["ssim", "mse", "psnr"]
    assert found.loc["mse", "ssim"] == pytest.approx(spearmanr(-MSE, SSIM).statistic)
    assert found.loc["mse", "psnr"] == pytest.approx(1)
    assert (runs.to_numpy() == 12).all()


def test_runs_without_one_of_the_scores_are_left_out() -> None:
    some = np.where(np.arange(12) < 4, np.nan, SSIM)
    found, runs = rank_agreement(table(mse=(False, MSE), ssim=(True, some)), ["mse", "ssim"])
    assert found.loc["mse", "ssim"] == pytest.approx(spearmanr(-MSE[4:], SSIM[4:]).statistic)
    assert runs.loc["mse", "ssim"] == 8


def test_what_has_no_direction_no_spread_or_too_few_runs_is_no_score_here() -> None:
    scores = {"mse": (False, MSE), "kl": (None, SSIM), "bce": (False, np.ones(12))}
    found, _ = rank_agreement(table(**scores, ssim=(True, np.where(np.arange(12) < LEAST_RUNS - 1, SSIM, np.nan))), [
        "mse", "kl", "bce", "ssim"
    ])  # fmt: skip
    assert list(found.columns) == ["mse"]
    early = np.arange(12) < LEAST_RUNS
    halves = table(mse=(False, np.where(early, MSE, np.nan)), ssim=(True, np.where(early, np.nan, SSIM)))
    found, _ = rank_agreement(halves, ["mse", "ssim"])
    assert np.isnan(found.loc["mse", "ssim"])


def test_the_table_says_with_what_a_score_agrees_and_the_csv_holds_every_pair(tmp_path) -> None:
    inputs = read_inputs(write_known(tmp_path))
    shown, frame = score_agreement(inputs)
    assert shown.blocks
    for dataset, pairs in frame.groupby("dataset"):
        assert (pairs["runs"] >= LEAST_RUNS).all(), dataset
        assert len(pairs) == len(pairs.merge(pairs, left_on=["metric", "other"], right_on=["other", "metric"]))
    block = shown.blocks[0]
    assert all(len(row) == len(block.header) for row in block.rows)
    for row in block.rows:
        most, median, least = row[2].value, row[5].value, row[4].value
        assert least <= median <= most


def test_without_pairs_there_is_an_empty_table(tmp_path) -> None:
    inputs = read_inputs(write_known(tmp_path))
    nothing = inputs.table[(inputs.table["variant"] == "vae") & (inputs.table["seed"] == 0)]
    shown, frame = score_agreement(type(inputs)(**(vars(inputs) | {"table": nothing})))
    assert not shown.blocks
    assert list(frame.columns) == ["dataset", "n_train", "metric", "other", "correlation", "runs"]
