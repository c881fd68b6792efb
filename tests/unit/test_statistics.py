from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from phvae.analysis import statistics as s
from phvae.analysis.tables.claims_table import ERRORS, SPREADS

rng = np.random.default_rng(7)
TABLE = rng.normal(size=(6, 9))
TABLE[0, 2:] = np.nan
TABLE[1, ::2] = np.nan
TABLE[2] = np.nan


def present(row: np.ndarray) -> np.ndarray:
    return row[np.isfinite(row)]


def by_row(function, *tables: np.ndarray) -> np.ndarray:
    return np.array([function(*(present(t[i]) for t in tables)) for i in range(len(tables[0]))])


def test_moments_and_median_leave_nan_out() -> None:
    n, mean, sd = s.moments(TABLE)
    assert list(n) == [2, 4, 0, 9, 9, 9]
    rows = [i for i in range(6) if n[i]]
    np.testing.assert_allclose(mean[rows], by_row(np.mean, TABLE[rows]))
    np.testing.assert_allclose(sd[rows], by_row(lambda x: x.std(ddof=1), TABLE[rows]))
    np.testing.assert_allclose(s.median(TABLE)[rows], by_row(np.median, TABLE[rows]))
    assert np.isnan([mean[2], sd[2], s.median(TABLE)[2]]).all()
    assert np.isnan(s.moments(np.array([3.0]))[2])


def test_t_interval_is_scipys() -> None:
    low, high = s.t_interval(TABLE)
    for i in (0, 1, 3):
        x = present(TABLE[i])
        expected = stats.t.interval(0.95, len(x) - 1, x.mean(), stats.sem(x))
        np.testing.assert_allclose((low[i], high[i]), expected, rtol=1e-12)
    assert np.isnan(low[2])


def test_bootstrap_t_against_a_plain_loop() -> None:
    x = np.random.default_rng(1).exponential(size=(2, 30))
    low, high = s.bootstrap_t_interval(x, np.random.default_rng(5), resamples=300)
    weights = np.random.default_rng(5).multinomial(30, np.full(30, 1 / 30), size=300)
    for row, lo, hi in zip(x, low, high, strict=True):
        t = []
        for w in weights:
            sample = np.repeat(row, w)
            t.append((sample.mean() - row.mean()) / (sample.std(ddof=1) / np.sqrt(30)))
        a, b = np.quantile(t, [0.025, 0.975])
        scale = row.std(ddof=1) / np.sqrt(30)
        np.testing.assert_allclose((lo, hi), (row.mean() - b * scale, row.mean() - a * scale), rtol=1e-9)


def test_bootstrap_t_of_tied_values_falls_back_on_percentiles() -> None:
    x = np.zeros(30)
    x[0] = 1.0
    low, high = s.bootstrap_t_interval(x, np.random.default_rng(0))
    assert 0 <= low <= 1 / 30 < high < 0.2
    low, high = s.bootstrap_t_interval(np.full(30, 2.0), np.random.default_rng(0))
    assert (low, high) == (2.0, 2.0)


def test_mean_interval_changes_method_at_30_seeds() -> None:
    x = np.random.default_rng(2).exponential(size=(3, 40))
    x[0, 29:] = np.nan
    low, high = s.mean_interval(x, np.random.default_rng(0))
    t_low, t_high = s.t_interval(x)
    assert (low[0], high[0]) == (t_low[0], t_high[0])
    assert (low[1], high[1]) != (t_low[1], t_high[1])
    assert [s.interval_method(n) for n in (0, 1, 29, 30)] == [
        "none", "none (one value)", "Student t, 95 %", "studentised bootstrap, 95 %",
    ]  # fmt: skip


def test_interquartile_mean_is_scipys_trimmed_mean() -> None:
    iqm = s.interquartile_mean(TABLE)
    assert np.isnan(iqm[:3]).all()  # fewer than 8 seeds
    np.testing.assert_allclose(iqm[3:], stats.trim_mean(TABLE[3:], 0.25, axis=1))


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_paired_t_is_scipys(alternative) -> None:
    p = s.paired_t(TABLE, alternative)
    for i in (0, 1, 3, 4):
        expected = stats.ttest_1samp(present(TABLE[i]), 0, alternative=alternative).pvalue
        np.testing.assert_allclose(p[i], expected, rtol=1e-10)
    assert np.isnan(p[2])


def test_paired_t_without_spread() -> None:
    assert s.paired_t(np.zeros(5), "greater") == 1.0
    assert s.paired_t(np.full(5, 0.1), "greater") == 0.0
    assert s.paired_t(np.full(5, 0.1), "less") == 1.0
    assert s.paired_t(np.zeros(5)) == 1.0


def hall(x: np.ndarray, alternative: str) -> float:
    """Hall (1992), eq. (2.6) with the skewness G1, for one sample."""
    n, skew = len(x), stats.skew(x, bias=False)
    u = x.mean() / x.std(ddof=1)
    value = np.sqrt(n) * (u + skew * u**2 / 3 + skew**2 * u**3 / 27 + skew / (6 * n))
    return float(stats.t.cdf(value, n - 1) if alternative == "less" else stats.t.sf(value, n - 1))


@pytest.mark.parametrize("alternative", ["less", "greater"])
def test_the_paired_p_is_the_larger_of_students_and_halls(alternative) -> None:
    x = np.random.default_rng(4).exponential(size=(50, 9)) - 0.4
    expected = [max(stats.ttest_1samp(row, 0, alternative=alternative).pvalue, hall(row, alternative)) for row in x]
    np.testing.assert_allclose(s.paired_p(x, alternative), expected, rtol=1e-9)
    assert (s.paired_p(x, alternative) > s.paired_t(x, alternative)).any()
    np.testing.assert_allclose(s.skewness(x), stats.skew(x, axis=1, bias=False))
    np.testing.assert_allclose(
        s.paired_p(x), np.minimum(2 * np.minimum(s.paired_p(x, "less"), s.paired_p(x, "greater")), 1)
    )


def test_without_skewness_or_spread_the_paired_p_is_students() -> None:
    half = np.random.default_rng(0).normal(size=(20, 5))
    even = np.concatenate([half, -half], axis=1) + 0.3
    np.testing.assert_allclose(s.paired_p(even, "greater"), s.paired_t(even, "greater"), rtol=1e-9)
    nearly = 0.1 + np.arange(10) * 1e-16  # what subtraction leaves of equal differences has no shape
    assert s.skewness(nearly) == 0
    assert s.skewness(np.array([1.0, 1.0, 1.0, 2.0])) == pytest.approx(2)
    assert np.isnan(s.skewness(np.array([1.0, 2.0, np.nan])))
    assert s.paired_p(np.zeros(5)) == 1
    assert s.paired_p(np.full(5, 0.1)) == 0


def test_the_ends_of_the_paired_interval_are_what_the_test_just_refuses() -> None:
    x = np.random.default_rng(2).lognormal(size=(40, 7))
    x[0, 5:] = np.nan
    low, high = s.paired_interval(x)
    np.testing.assert_allclose(s.paired_p(x - low[:, None], "greater"), 0.025, rtol=1e-6)
    np.testing.assert_allclose(s.paired_p(x - high[:, None], "less"), 0.025, rtol=1e-6)
    student = s.t_interval(x)
    assert (low <= student[0] + 1e-12).all()
    assert (high >= student[1] - 1e-12).all()
    assert (high > student[1] * 1.01).any()


def test_the_bound_of_skewness_is_rarely_passed_by_normal_samples() -> None:
    draws = np.random.default_rng(6).normal(size=(20_000, 10))
    assert (s.skewness(draws) > s.skew_bound(10)).mean() == pytest.approx(0.0075, abs=0.003)
    assert s.skew_bound(5) > s.skewness(np.array([0.0, 0, 0, 0, 1]))  # five values cannot pass it


def brute(row: np.ndarray) -> float:
    patterns = np.array(list(itertools.product([-1, 1], repeat=len(row))))
    return float((np.abs(patterns @ row) >= abs(row.sum()) - 1e-9).mean())


def test_sign_flip_counts_all_patterns() -> None:
    p = s.sign_flip(TABLE)
    for i in (0, 1, 3, 4):
        assert p[i] == pytest.approx(brute(present(TABLE[i])))
    assert np.isnan(p[2])


@pytest.mark.parametrize("n", [13, 14])
def test_sign_flip_in_two_halves_counts_the_same_patterns(n: int) -> None:
    row = np.random.default_rng(n).normal(0.4, 1, size=n)
    assert s.sign_flip(row) == pytest.approx(brute(row))
    row[:5] = 0.0  # ties between patterns
    assert s.sign_flip(row) == pytest.approx(brute(row))


def test_sign_flip_agrees_with_scipys_permutation_test() -> None:
    row = np.random.default_rng(3).normal(0.5, 1, size=10)
    answer = stats.permutation_test((row,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert s.sign_flip(row) == pytest.approx(answer.pvalue)


def test_sign_flip_draws_above_24_pairs() -> None:
    row = np.random.default_rng(4).normal(0.3, 1, size=30)
    with pytest.raises(ValueError, match="generator is needed"):
        s.sign_flip(row)
    p = s.sign_flip(row, np.random.default_rng(0))
    assert p == pytest.approx(s.paired_t(row), abs=0.02)
    assert s.sign_flip(np.ones(30), np.random.default_rng(0)) == s.smallest_p(30) == 1e-4
    assert s.sign_flip_method(24) == "exact sign-flip"
    assert "9999" in s.sign_flip_method(25)


@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=16), st.booleans())
@settings(deadline=None, max_examples=30)
def test_the_smallest_p_is_reached_when_all_differences_agree(sizes: list[float], negative: bool) -> None:
    row = np.array(sizes) * (-1 if negative else 1)
    assert s.sign_flip(row) == pytest.approx(float(s.smallest_p(len(row))))


def test_wilcoxon_is_scipys_without_ties_and_exact_with_them() -> None:
    p = s.wilcoxon(TABLE)
    for i in (1, 3, 4):
        assert p[i] == pytest.approx(stats.wilcoxon(present(TABLE[i]), method="exact").pvalue)
    tied = np.array([1.0, 1.0, -1.0, 2.0, 0.0, 3.0])
    assert s.wilcoxon(tied) == pytest.approx(brute(np.array([2.0, 2.0, -2.0, 4.0, 5.0])))  # zeros dropped
    zeros = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -7.0])
    assert s.wilcoxon(zeros) == pytest.approx(stats.wilcoxon(zeros[3:], method="exact").pvalue)
    assert s.wilcoxon(np.zeros(4)) == 1.0
    assert np.isnan(s.wilcoxon(np.array([np.nan, np.nan])))


def test_the_test_of_spreads_is_students_on_deviations_from_the_median_and_its_interval_agrees() -> None:
    a, b = np.random.default_rng(5).normal(size=(2, 12))
    a = 2 * a + b
    answer = s.spread_ratio(a, b)
    x, y = (np.abs(side - np.median(side)) for side in (a, b))
    assert answer.p == pytest.approx(stats.ttest_rel(x, y).pvalue)
    assert answer.ratio == pytest.approx(x.mean() / y.mean())
    assert s.spread_ratio(a, b, "greater").p == pytest.approx(stats.ttest_rel(x, y, alternative="greater").pvalue)
    assert s.spread_ratio(b, a, "less").p == pytest.approx(float(s.spread_ratio(a, b, "greater").p))
    # the interval holds the ratios that the test does not refuse at .05
    for limit in (float(answer.low), float(answer.high)):
        assert s.spread_ratio(a / limit, b).p == pytest.approx(0.05)


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_the_interval_of_spreads_leaves_one_out_exactly_where_the_test_refuses(seeds: int) -> None:
    g = np.random.default_rng(9)
    common = g.standard_t(2, size=(3000, seeds))  # heavy tails, so that open intervals are among them
    a, b = 2 * common + g.lognormal(size=(3000, seeds)), common + g.lognormal(size=(3000, seeds))
    ratio, low, high, p = s.spread_ratio(a, b)
    told = np.isfinite(p)
    assert (((low > 1) | (high < 1))[told] == (p[told] < 0.05)).all()
    assert ((low <= ratio) & (ratio <= high)).all()
    assert (low[~told] == 0).all()
    assert np.isinf(high[~told]).all()
    if seeds < 20:
        assert all(case.any() for case in (~told, np.isinf(high[told]), low[told] == 0))


def test_spreads_leave_incomplete_pairs_out() -> None:
    a, b = np.random.default_rng(6).normal(size=(2, 12))
    a2, b2 = a.copy(), b.copy()
    a2[0], b2[3] = np.nan, np.nan
    kept = [i for i in range(12) if i not in (0, 3)]
    assert s.spread_ratio(a2, b2).p == pytest.approx(float(s.spread_ratio(a[kept], b[kept]).p))
    assert np.isnan(s.spread_ratio(a[:2], b[:2]).p)
    assert np.isnan(s.spread_ratio(a, np.ones(12)).p)


def test_equal_spreads_are_rarely_told_apart_whatever_the_law() -> None:
    g = np.random.default_rng(12)
    for draw in (g.standard_normal, g.standard_exponential, lambda shape: g.standard_t(3, shape), np.exp):
        shape = (4000, 10)
        a, b = (draw(g.normal(size=shape) if draw is np.exp else shape) for _ in range(2))
        for alternative in ("less", "greater", "two-sided"):
            share = (s.spread_ratio(a, b, alternative).p < 0.05).mean()  # type: ignore[arg-type]
            assert share < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4000)


def test_holm_by_hand_and_with_gaps() -> None:
    # .01 x 4, then max(.02 x 3, .04), max(.03 x 2, .06), and 1 at most
    np.testing.assert_allclose(s.holm(np.array([0.03, np.nan, 0.01, 0.02, 0.9])), [0.06, np.nan, 0.04, 0.06, 0.9])
    assert s.holm(np.array([0.8, 0.9])).tolist() == [1.0, 1.0]


def test_seeds_needed() -> None:
    n = s.seeds_for_mean(1.0, 0.4)
    assert n is not None
    half = [stats.t.ppf(0.975, m - 1) / np.sqrt(m) for m in (n, n - 1)]
    assert half[0] <= 0.4 < half[1]
    assert s.seeds_for_mean(1.0, 1e-6) is None
    assert s.seeds_for_mean(np.nan, 1.0) is None
    a, b = np.random.default_rng(8).normal(size=(2, 40))
    answer = s.spread_ratio(a, b)
    factor = float(np.sqrt(answer.high / answer.low))
    assert s.seeds_for_ratio(a, b, factor) == pytest.approx(40, abs=3)  # the delta method, to first order
    assert s.seeds_for_ratio(a, b, 1 / factor) == s.seeds_for_ratio(a, b, factor)


def test_probability_of_improvement_counts_ties_half() -> None:
    gains = np.array([[1.0, 0.0, -1.0, np.nan], [2.0, 1.0, 3.0, 4.0]])
    assert s.probability_of_improvement(gains).tolist() == [0.5, 1.0]


@pytest.mark.slow
def test_intervals_cover_what_they_say() -> None:
    g = np.random.default_rng(11)
    for n in (5, 10, 20, 30):
        low, high = s.mean_interval(g.normal(size=(4000, n)), np.random.default_rng(n))
        assert abs(((low <= 0) & (high >= 0)).mean() - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)


def test_the_committed_simulation_is_within_its_bounds() -> None:
    table = pd.read_csv("benchmarks/coverage.csv")
    normal = table[table["case"].str.startswith("coverage") & (table["law"] == "normal")]
    assert set(normal["seeds"]) >= {5, 10, 20}
    assert (normal["repeats"] == 20_000).all()
    assert normal["share"].between(0.94, 0.96).all()
    # the ledger: with the rule that skewed differences decide nothing, and without
    ledger = table[table["case"].str.startswith("ledger")].set_index(["case", "law", "seeds"])
    assert (ledger["repeats"] == 4000).all()
    power = ledger.xs(10, level="seeds").filter(like="effect of 2 sd", axis=0)["share"]
    assert len(power) == 2
    assert (power >= 0.9).all()
    errors = ledger[~ledger.index.get_level_values("case").str.contains("effect")].reset_index()
    assert set(errors["seeds"]) == {5, 10, 20}
    symmetric = errors["law"].str.contains("normal, equal|^normal$|Student")
    assert (errors[symmetric]["share"] <= 0.055).all()
    assert (errors[errors["law"].str.contains("mirrored")]["share"] <= 0.055).all()
    ten = errors[(errors["seeds"] == 10) & errors["case"].str.contains("skewed or not")].groupby("law")["share"].max()
    assert ten["log-normal, sd 0.5"] <= 0.13
    assert ten["log-normal, sd 1"] <= 0.25
    ruled = errors[~errors["case"].str.contains("skewed or not")]
    assert {case.split('"')[1] for case in ruled["case"]} == {"supported", "contradicted"}
    assert ERRORS - 0.01 < ruled["share"].max() <= ERRORS  # what the table of claims prints
    rate = table[table["case"] == "contests called skewed"].set_index(["law", "seeds"])["share"]
    assert rate["normal"].max() <= 0.01
    spreads = table[table["case"] == "spreads told apart, equal"]
    assert len(spreads) == 14
    of_one_law = spreads[~spreads["law"].str.contains("against")]
    assert len(of_one_law) == 10
    assert (of_one_law["share"] <= of_one_law["wanted"].str.removeprefix("at most ").astype(float)).all()
    assert SPREADS - 0.01 < spreads["share"].max() <= SPREADS


def test_reading_results_loads_no_scipy_stats() -> None:
    modules = "phvae.analysis.report.write, phvae.tracking.sync"
    code = f"import sys, {modules}; assert 'scipy.stats' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
