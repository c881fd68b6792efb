"""Which figures a results folder allows, and what they show of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from figure_layout import check_layout
from synthetic import write_results

from phvae.analysis.figures.learning_curves import LearningCurves
from phvae.analysis.figures.plans import plans
from phvae.analysis.figures.rate_distortion import RateDistortion
from phvae.analysis.figures.reconstructions import Reconstructions
from phvae.analysis.figures.stored import Stored
from phvae.errors import DataError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(
        tmp_path_factory.mktemp("every") / "all", datasets=("digits", "trimodal"), seeds=2, sizes=(100, "all"),
        arrays=False,
    )  # fmt: skip


def test_what_the_claims_compare_is_drawn_first(every: Path) -> None:
    stored = Stored(every)
    claimed = ["vae", "beta-vae-0.25", "beta-vae-0.5", "ph-vae-3", "ph-vae-3-matched", "copies-3"]
    assert stored.variants("digits", 6) == claimed
    betas = ["vae", "beta-vae-0.25", "beta-vae-0.5", "beta-vae-2", "beta-vae-4"]
    assert stored.variants("digits", 9) == [*betas, "ph-vae-3", "ph-vae-3-matched", "copies-3", "ph-vae-3-kl"]
    found: dict[str, Any] = {plan.name: plan.figure for plan in plans(stored)}
    assert found["paired_seeds-trimodal"].variants == stored.variants("trimodal", 24)
    assert len(found["paired_seeds-trimodal"].variants) == 12
    assert found["small_data-trimodal"].variants == claimed
    drops = set(found["level_drop-digits"].table["variant"])
    assert {"ph-vae-3", "copies-3"} < drops
    assert stored.variants("digits", 3, ["ph-vae-4", "ph-vae-2", "ph-vae-3-log", "copies-3"]) == [
        "ph-vae-2", "ph-vae-4", "copies-3",
    ]  # fmt: skip


def test_without_controls_every_order_comes_before_the_beta_vaes(tmp_path: Path) -> None:
    names = ("beta-vae-4", "vae", "ph-vae-2", "ph-vae-4", "ph-vae-3-log")
    root = write_results(tmp_path / "few", datasets=("digits",), variants=names, seeds=1, arrays=False)
    assert Stored(root).variants("digits", 3) == ["vae", "ph-vae-2", "ph-vae-4"]
    assert Stored(root, "ph-vae-4").variants("digits", 3) == ["ph-vae-4", "vae", "ph-vae-2"]


def test_small_data_shows_the_ball_share_where_it_is_known(every: Path) -> None:
    stored = Stored(every)
    [known] = [plan.figure for plan in plans(stored) if plan.name == "small_data-trimodal"]
    assert "ball_share" not in known.metrics
    rows = stored.table[(stored.table["dataset"] == "trimodal") & (stored.table["metric"] == "kl")]
    rows = rows.assign(metric="ball_share", value=rows["value"] / 40, unit="1")
    stored.table = pd.concat([stored.table, rows], ignore_index=True)
    [shown] = [plan.figure for plan in plans(stored) if plan.name == "small_data-trimodal"]
    assert shown.metrics == ["w1_samples_mean", "w1_samples_model", "ks_samples_mean", "ball_share"]
    figure = shown.draw()
    check_layout(figure)
    assert figure.axes[3].get_title(loc="left") == "central ball share"
    assert len({round(ax.get_position().x0, 3) for ax in figure.axes}) == 2  # two by two, no empty place


def test_the_baseline_alone_gives_what_makes_sense_of_it(tmp_path: Path) -> None:
    root = write_results(tmp_path / "alone", datasets=("digits",), variants=("vae",), seeds=2)
    names = {plan.figure.kind for plan in plans(Stored(root))}
    assert {"reconstructions", "learning_curves"} <= names
    assert not names & {"paired_seeds", "metric_by_order", "rate_distortion", "kl_levels", "level_drop"}


def test_figures_that_would_show_nothing_are_not_planned(tmp_path: Path) -> None:
    names = ("vae", "beta-vae-4", "ph-vae-3", "copies-3")
    root = write_results(tmp_path / "one", datasets=("digits",), variants=names, seeds=1, arrays=False)
    kinds = {plan.figure.kind for plan in plans(Stored(root))}
    assert {"rate_distortion", "kl_levels"} <= kinds
    assert not kinds & {"metric_by_order", "paired_seeds"}, "one order above 1, and one seed"


def test_rate_and_distortion_show_the_chosen_variants_and_the_whole_curve(every: Path) -> None:
    stored = Stored(every)
    stored.variants = lambda *_: ["vae", "ph-vae-3"]  # type: ignore[method-assign, assignment]
    [figure] = [plan.figure for plan in plans(stored) if isinstance(plan.figure, RateDistortion)]
    curve = {"vae", *(f"beta-vae-{beta}" for beta in (0.25, 0.5, 2, 4))}
    assert set(figure.table["variant"]) == curve | {"ph-vae-3"}


def test_curves_of_one_epoch_are_drawn(every: Path) -> None:
    figures = [plan.figure for plan in plans(Stored(every)) if isinstance(plan.figure, LearningCurves)]
    assert figures
    for figure in figures:
        once = dataclasses.replace(figure, history=figure.history[figure.history["epoch"] == 1])
        assert once.draw().axes


def test_variants_of_one_label_are_all_drawn(tmp_path: Path) -> None:
    root = write_results(tmp_path / "twins", datasets=("digits",), variants=("vae", "ph-vae-2", "ph-vae-3"), seeds=1)
    runs = pd.read_parquet(root / "runs.parquet")
    runs.assign(label=runs["label"].mask(runs["variant"] != "ph-vae-2", "M")).to_parquet(root / "runs.parquet")
    stored = Stored(root)
    assert stored.labels == {"vae": "M (vae)", "ph-vae-2": "PH-VAE 2", "ph-vae-3": "M (ph-vae-3)"}
    [figure] = [plan.figure for plan in plans(stored) if isinstance(plan.figure, Reconstructions)]
    assert list(figure.rows) == ["M (vae)", "PH-VAE 2", "M (ph-vae-3)"]


def test_without_arrays_and_prepared_data_the_rest_is_drawn(tmp_path: Path) -> None:
    root = write_results(tmp_path / "bare", datasets=("digits",), variants=("vae", "ph-vae-2"), seeds=2, arrays=False)
    (root / "data" / "digits.json").unlink()
    names = {plan.figure.kind for plan in plans(Stored(root))}
    assert "paired_seeds" in names
    assert not names & {"reconstructions", "latent_maps"}


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_damaged_configuration_is_named(tmp_path: Path, content: str) -> None:
    root = write_results(tmp_path / "odd", datasets=("digits",), variants=("vae",), seeds=1, arrays=False)
    (root / "config.json").write_text(content)
    with pytest.raises(DataError, match=r"config\.json: .*remove it and run the workflow again"):
        Stored(root)
