"""Statistics over several data sets, each held against a second way to compute it."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from described import described
from scipy import stats

from phvae.analysis.claims.schema import Matters
from phvae.analysis.claims.set_scores import set_scores, units_of
from phvae.analysis.statistics.over_sets import (
    Scores,
    improvement,
    mean_rank,
    middle_mean,
    stratified,
    win_probability,
)


def test_the_win_probability_is_mann_whitneys_and_a_count_of_all_pairs():
    rng = np.random.default_rng(0)
    one, other = np.rint(rng.normal(size=(4, 7)) * 2), np.rint(rng.normal(size=(4, 9)) * 2)  # with ties
    found = win_probability(one, other)
    for i in range(4):
        pairs = [np.sign(x - y) / 2 + 0.5 for x, y in itertools.product(one[i], other[i])]
        assert found[i] == pytest.approx(np.mean(pairs))
        assert found[i] == pytest.approx(stats.mannwhitneyu(one[i], other[i]).statistic / 63)
    assert (one[:, :, None] == other[:, None]).any()


def test_the_middle_half_is_scipys_trimmed_mean_of_all_runs():
    rng = np.random.default_rng(1)
    scores = [rng.normal(size=(3, 5)), rng.normal(size=(3, 10))]
    expected = stats.trim_mean(np.concatenate(scores, axis=1), 0.25, axis=1)
    assert middle_mean(scores) == pytest.approx(expected)


def test_ranks_and_improvement_weigh_every_data_set_equally():
    few, many = np.array([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]]), np.array([[5.0] * 40, [4.0] * 40, [4.0] * 40])
    assert mean_rank([few, many]) == pytest.approx([(3 + 1) / 2, (2 + 2.5) / 2, (1 + 2.5) / 2])
    assert improvement([few, many]) == pytest.approx([0.5, 0.5])


def test_the_bootstrap_stays_within_data_sets_and_draws_one_seed_for_all_variants():
    seen: list[Scores] = []

    def kept(scores: Scores) -> np.ndarray:
        seen.append(scores)
        return middle_mean(scores)

    one = np.array([[0.0, 1.0, 2.0, 3.0, 4.0]])
    first, second = np.concatenate([one, one + 10]), np.concatenate([one + 100, one + 110])
    found = stratified([first, second], kept, np.random.default_rng(0))
    [drawn] = seen
    assert [part.shape for part in drawn] == [(2, 2001, 5)] * 2
    for part, low in zip(drawn, (0, 100), strict=True):
        assert set(part[0].ravel()) == {low + k for k in range(5)}
        assert (part[1] - part[0] == 10).all()
    assert (drawn[1][0] - drawn[0][0] != 100).any(), "the data sets are drawn apart"
    assert found.value == pytest.approx(middle_mean([first, second]))
    assert (found.high - found.low)[0] == pytest.approx((found.high - found.low)[1])


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(50):
        scores = [rng.normal(size=(4, 10)) for _ in range(5)]
        low, high = stratified(scores, middle_mean, rng)[1:]
        held += [*(low <= 0) & (high >= 0)]
    assert 0.88 < np.mean(held) < 0.99


def rows(**columns: object) -> pd.DataFrame:
    """Three seeds of three variants on two data sets; ph is better than the VAE by 1 and 20, beta worse by 2 and 10."""
    shift = {
        ("a", "vae"): 10,
        ("a", "ph"): 9,
        ("a", "beta"): 12,
        ("b", "vae"): 100,
        ("b", "ph"): 80,
        ("b", "beta"): 110,
    }
    lines = [(*cell, seed, at + 0.1 * (seed - 1)) for cell, at in shift.items() for seed in range(3)]
    table = pd.DataFrame(lines, columns=["dataset", "variant", "seed", "value"])
    given = {
        "n_train": "all",
        "metric": "mse",
        "higher_is_better": False,
        "order": 1,
        "divergence": "kl",
        "caution": "",
    }
    return described(table.assign(**(given | columns)))


VARIANTS = ["vae", "ph", "beta"]


@pytest.mark.parametrize(
    ("matters", "expected"),
    [
        (Matters(relative=0.1), {"a": [0, 1, -2], "b": [0, 2, -1]}),
        (Matters(absolute=0.5), {"a": [0, 2, -4], "b": [0, 40, -20]}),
    ],
)
def test_scores_are_gains_over_the_baselines_mean_in_what_matters(matters: Matters, expected: dict[str, list[float]]):
    units = units_of(rows(), "vae", matters)
    found = set_scores(rows(), VARIANTS, "vae", units)
    assert {name: list(part.mean(-1)) for name, part in found.items()} == {
        name: pytest.approx(means) for name, means in expected.items()
    }
    higher = set_scores(rows(higher_is_better=True), VARIANTS, "vae", units)
    assert higher["a"] == pytest.approx(-found["a"])


def test_without_an_effect_that_matters_the_unit_is_the_spread_of_the_runs():
    units = units_of(rows(), "vae", None)
    values = rows().query("dataset == 'b'")["value"]
    assert units["b"] == pytest.approx(stats.iqr(values))
    assert units_of(rows(value=1.0), "vae", None) == {}


def test_past_the_datas_own_value_nothing_is_gained():
    table = rows(metric="sharpness", higher_is_better=True)
    found = set_scores(table.assign(value=table["value"] / 10), VARIANTS, "vae", {"a": 1.0})
    assert found["a"] + 2.99 / 3 == pytest.approx(np.array([[0.99, 1, 1], [0.89, 0.9, 0.91], [1, 1, 1]]))


def test_a_data_set_without_values_or_with_a_caution_is_left_out():
    table = rows()
    units = units_of(table, "vae", Matters(absolute=1))
    on_a = (table["dataset"] == "a") & (table["variant"] == "ph")
    assert list(set_scores(table[~on_a], VARIANTS, "vae", units)) == ["b"]
    assert list(set_scores(table[~on_a], ["vae", "beta"], "vae", units)) == ["a", "b"]
    assert list(set_scores(table[~(on_a & (table["seed"] == 2))], VARIANTS, "vae", units)) == ["b"]
    assert list(set_scores(table.assign(caution=np.where(on_a, "few", "")), VARIANTS, "vae", units)) == ["b"]
