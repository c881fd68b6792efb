"""The figures of several data sets: what they choose, on committed results too, and what they draw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from claims_by_hand import claim
from figure_layout import check_layout
from synthetic import write_results

from phvae.analysis.figures.across_sets import across_sets
from phvae.analysis.figures.choosing import choose_variants
from phvae.analysis.figures.interval_plot import IntervalPlot
from phvae.analysis.figures.looks import VariantDesign, looks
from phvae.analysis.figures.plans import Plan, plan_groups
from phvae.analysis.figures.rank_matrix import RankMatrix
from phvae.analysis.figures.registry import FIGURES
from phvae.analysis.figures.stored import Stored
from phvae.analysis.report.gallery import ACROSS
from phvae.analysis.statistics.over_sets import IntervalEstimate

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "results/reference"
FEW = ("vae", "beta-vae-0.25", "beta-vae-4", "ph-vae-2", "ph-vae-3", "copies-3", "ph-vae-3-matched")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("across")
    entries = {
        "error": claim("ph-vae-3", ["vae"], datasets=["digits"], metric="mse", matters={"relative": 0.05}),
        "spread": claim("ph-vae-3", ["vae"], metric="ssim", compare="spread", matters={"relative": 0.2}),
    }
    (folder / "claims.yaml").write_text(yaml.safe_dump({"written": "2026-01-01", "claims": entries}))
    return write_results(
        folder / "some", datasets=("digits", "sprites", "trimodal"), variants=FEW, seeds=5, arrays=False
    )


def drawn(root: Path, **options: Any) -> dict[str, Any]:
    return {f"{figure.kind}-{figure.metric}": figure for figure, _ in across_sets(Stored(root, **options))}


def test_metrics_are_those_of_claims_about_means_or_else_the_headlines(results: Path):
    asked = drawn(results, claims=results.parent / "claims.yaml")
    assert [*asked] == ["interval_plot-mse", "rank_matrix-mse"]
    assert asked["interval_plot-mse"].unit == "5 % of VAE's mean"
    assert asked["interval_plot-mse"].datasets == asked["rank_matrix-mse"].ranked == ["digits", "sprites"]
    unasked = drawn(results)
    assert "interval_plot-mse" in unasked
    assert not any("w1" in name for name in unasked), "on one data set alone"
    assert not unasked["interval_plot-mse"].matters


def test_the_numbers_are_those_of_the_table(results: Path):
    stored = Stored(results, claims=results.parent / "claims.yaml")
    middle, matrix = (figure for figure, _ in across_sets(stored))
    table = stored.table[stored.table["metric"] == "mse"]
    for dataset, here in table.groupby("dataset"):
        wide = here.pivot(index="seed", columns="variant", values="value")
        gain = (wide["vae"].mean() - wide["ph-vae-3"].mean()) / (0.05 * wide["vae"].mean())
        assert matrix.gains.loc["ph-vae-3", dataset] == pytest.approx(gain)
    assert middle.baseline == "vae"
    at = list(middle.variants).index("ph-vae-3")
    assert middle.middle.low[at] < matrix.gains.loc["ph-vae-3"].mean() < middle.middle.high[at]
    assert middle.improvement.value[at] == 1
    assert matrix.resolved.loc["ph-vae-3"].all()
    assert not matrix.resolved.loc["vae"].any()
    assert np.argmin(matrix.ranks.value) == list(matrix.gains.index).index("beta-vae-0.25")


def test_a_data_set_without_some_variant_is_shown_but_not_pooled(results: Path):
    stored = Stored(results, claims=results.parent / "claims.yaml")
    more = stored.table[(stored.table["dataset"] == "digits") & stored.table["variant"].isin(["vae", "ph-vae-3"])]
    alone = more[more["variant"] == "ph-vae-3"].assign(variant="ph-vae-5")
    stored.table = pd.concat([stored.table, pd.concat([more, alone]).assign(dataset="patches")], ignore_index=True)
    middle, matrix = (figure for figure, _ in across_sets(stored))
    assert middle.datasets == matrix.ranked == ["digits", "sprites"]
    assert [*matrix.gains] == ["digits", "sprites", "patches"]
    assert list(matrix.gains["patches"].dropna().index) == ["vae", "ph-vae-3"]
    assert "ph-vae-5" not in matrix.gains.index, "it is on one data set of three"
    assert "without patches" in matrix.caption()
    check_layout(matrix.draw())


def test_one_data_set_has_no_figure_of_several(results: Path):
    stored = Stored(results)
    stored.table = stored.table[stored.table["dataset"] == "digits"]
    assert "across-sets" not in {group.name for group in plan_groups(stored)}
    assert not [*across_sets(stored)]


@pytest.fixture(scope="module")
def reference() -> Stored:
    if not REFERENCE.is_dir():
        pytest.skip("results/reference is absent: the source distribution leaves it to the repository")
    return Stored(REFERENCE, claims=REPOSITORY / "config/claims.yaml")


def planned(stored: Stored, *groups: str) -> list[Plan]:
    return [plan for group in plan_groups(stored) if group.name in groups for plan in group.plans()]


@pytest.mark.slow
def test_a_figure_of_one_committed_data_set_shows_what_the_rule_chooses(reference: Stored):
    found = planned(reference, "numbers-digits", "scores-digits")
    chosen = reference.variants("digits", 6)
    assert {"vae", "ph-vae-3", "copies-3"} < set(chosen)
    rule = [(plan.figure.kind, plan.figure.variants) for plan in found if hasattr(plan.figure, "variants")]
    assert len(rule) > 2
    for kind, variants in rule:
        assert list(variants) == (reference.variants("digits", 24) if kind == "paired_seeds" else chosen)


@pytest.mark.slow
def test_figures_of_several_committed_data_sets_show_what_the_rule_chooses(reference: Stored):
    found = {plan.name: plan for plan in planned(reference, "across-sets")}
    assert {"interval_plot-w1_samples_mean", "rank_matrix-mse"} <= found.keys()
    for name, plan in found.items():
        figure = plan.figure
        rows = reference.largest[(reference.largest["metric"] == figure.metric) & reference.largest["value"].notna()]
        counts = rows.groupby("variant")["dataset"].nunique()
        common = counts.index[counts > rows["dataset"].nunique() / 2]
        of_plot = isinstance(figure, IntervalPlot)
        shown = [figure.baseline, *figure.variants] if of_plot else list(figure.gains.index)
        assert shown == choose_variants(rows, "vae", 8, common), name
        assert {"vae", "ph-vae-3", "copies-3"} <= set(shown), name
        assert len(plan.datasets) > 1


def estimate(values: list[float], half: float = 0.2) -> IntervalEstimate:
    return IntervalEstimate(np.array(values), np.array(values) - half, np.array(values) + half)


NAMES = ["vae", "ph-vae-3", "copies-3", "beta-vae-4"]
LOOKS = looks(dict(zip(NAMES, map(VariantDesign, ("baseline", "PH-VAE", "copies", "β-VAE")), strict=True)))
LABELS = {"vae": "VAE", "ph-vae-3": "PH-VAE 3", "copies-3": "copies 3", "beta-vae-4": "β-VAE 4"}


def interval_plot(**more: Any) -> IntervalPlot:
    given = {"datasets": ["claw", "gap"], "unit": "0.1", "matters": True, "looks": LOOKS, "labels": LABELS} | more
    better = estimate([0.9, 0.6, 0.05], 0.04)
    return IntervalPlot("mse", "vae", NAMES[1:], estimate([1.4, 0.3, -40.0]), better, **given)


def test_a_far_variant_is_cut_with_its_number_and_squeezes_none():
    figure = interval_plot().draw()
    check_layout(figure)
    left, right = figure.axes
    assert left.get_xlim() == pytest.approx((-2.8, 1.68))
    assert [text.get_text() for text in left.texts] == ["−40"]
    assert right.get_xlim() == (0, 1)
    points = {line.get_ydata()[0]: line.get_xdata()[0] for line in left.lines if line.get_marker() not in ("None", "")}
    assert points == pytest.approx({0: 1.4, 1: 0.3, 2: left.get_xlim()[0]})
    assert {line.get_ydata()[0] for line in right.lines if line.get_marker() not in ("None", "")} == {0, 1, 2}


def matrix(**more: Any) -> RankMatrix:
    gains = pd.DataFrame([[0, 0], [2, np.nan], [-0.2, 0.1], [-9, -30]], NAMES, ["claw", "gap"], dtype=float)
    resolved = pd.DataFrame([[False, False], [True, False], [False, False], [True, True]], NAMES, ["claw", "gap"])
    return replace(
        RankMatrix("mse", gains, resolved, estimate([2, 1, 3, 4]), ["claw"], "0.1", True, LOOKS, LABELS), **more
    )


def test_long_names_can_be_read():
    labels = {name: f"{label} with an unusually long label of many words" for name, label in LABELS.items()}
    check_layout(interval_plot(labels=labels).draw())
    known = matrix()
    wide = pd.concat([known.gains["gap"].rename(f"a-long-data-set-{i}") for i in range(13)], axis=1)
    resolved = pd.concat([known.resolved["gap"].rename(name) for name in wide], axis=1)
    check_layout(matrix(labels=labels, gains=wide, resolved=resolved).draw())


def test_words_say_what_is_pooled_and_what_one_is():
    assert "on claw, gap" in interval_plot().caption()
    assert "the smallest effect that matters (0.1; shaded is less)" in interval_plot().caption()
    assert "smallest effect" not in interval_plot(matters=False).caption()
    assert "PH-VAE 3 1.4 (1.2 to 1.6), better in 90 % of pairs of runs" in interval_plot().alt()


def test_cells_are_bold_where_resolved_and_the_alternative_counts_them():
    figure = matrix().draw()
    check_layout(figure)
    cells = [(text.get_text(), text.get_weight()) for text in figure.axes[0].texts]
    assert cells[2:] == [
        ("2.0", "bold"), ("–", "normal"), ("−0.2", "normal"), ("0.1", "normal"), ("−9.0", "bold"), ("−30", "bold"),
    ]  # fmt: skip
    assert "PH-VAE 3 1.0 (0.80 to 1.2), better than VAE on 1 and worse on 0" in matrix().alt()
    assert "β-VAE 4 4.0 (3.8 to 4.2), better than VAE on 0 and worse on 2" in matrix().alt()


def test_what_the_page_shows_first_is_registered():
    assert set(ACROSS) <= set(FIGURES)
