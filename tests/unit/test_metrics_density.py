"""Distances from a density: hand-computed cases, scipy, loops, invariances, noise floors, bad inputs."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scoring import expected_of

from phvae.data.distributions.line import Density1D, normal, student_t
from phvae.data.distributions.plane import moons
from phvae.metrics.mmd import bandwidth, mmd2
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row, Undefined
from phvae.metrics.scores import density
from phvae.metrics.transport import directions, sliced_w1
from phvae.model.options import ModelConfig

BIMODAL = Density1D((normal(0.3, -2.0, 0.5), normal(0.7, 1.0, 0.3)))
SETTINGS = EvaluationConfig(n_samples=400, n_reconstructions=300)


def uniform(t: np.ndarray) -> np.ndarray:
    return np.clip(t, 0, 1)


def grid_of(exact: Density1D) -> np.ndarray:
    return density.integration_grid(exact.support, float(exact.quantile(0.5)), exact.iqr)


def prepared(exact: Any, dimensions: int, n_test: int = 500, unit: float = 1.0) -> Any:
    """What the metrics read of a prepared density; one original unit is `unit` model units."""
    x = exact.sample(n_test, np.random.default_rng(7))
    scaling = (np.full(dimensions, 0.3), np.full(dimensions, unit))
    return SimpleNamespace(
        card={}, kind="test", shape=(dimensions,), test=(0.3 + unit * x).astype(np.float32), is_density=True,
        scaling=scaling, density=exact, labels={}, factors={}, factor_names=(), factor_sizes=(), binary=False,
    )  # fmt: skip


def inputs_of(data: Any, samples: np.ndarray, reconstructions: np.ndarray) -> Inputs:
    arrays = {"samples_mean": samples, "samples_model": samples + 0.25, "reconstructions": reconstructions}
    return Inputs(data, {}, arrays, ModelConfig(), SETTINGS, None, 0)


def rows_of(exact: Any = BIMODAL, dimensions: int = 1, **changes: Any) -> dict[str, Row]:
    g = np.random.default_rng(0)
    samples = np.stack([exact.sample(400, g) for _ in range(3)])
    arrays = {"samples": samples, "reconstructions": exact.sample(300, g)} | changes
    return {r.metric: r for r in density.rows(inputs_of(prepared(exact, dimensions), **arrays))}


# ---- hand-computed ----
@pytest.mark.parametrize(
    ("x", "w1", "ks", "cvm"),
    [
        ([0.5], 1 / 4, 1 / 2, 1 / 12),
        ([0.25, 0.75], 1 / 8, 1 / 4, 1 / 48),
        ([2.0], 3 / 2, 1.0, 1 / 3),  # beyond the support: mass 1 travels from the uniform to 2
        ([0.5, 0.5], 1 / 4, 1 / 2, 1 / 12),  # ties
    ],
)
def test_hand_computed_cases_on_the_uniform(x: list[float], w1: float, ks: float, cvm: float) -> None:
    x = np.array(x)
    assert density.w1_exact(x, uniform, np.linspace(0, 1, 6)) == pytest.approx(w1, abs=1e-12)
    assert density.kolmogorov_smirnov(x, uniform) == pytest.approx(ks, abs=1e-12)
    assert density.cramer_von_mises(x, uniform) == pytest.approx(cvm, abs=1e-12)


# ---- scipy ----
@pytest.mark.parametrize("exact", [BIMODAL, Density1D((student_t(1.0, 3.0),))], ids=["bimodal", "student"])
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_one_dimensional_distances_equal_scipy(exact: Density1D, shift: float) -> None:
    x = exact.sample(300, np.random.default_rng(3))[:, 0] + shift
    assert density.kolmogorov_smirnov(x, exact.cdf) == pytest.approx(stats.kstest(x, exact.cdf).statistic, rel=1e-12)
    scipy_cvm = stats.cramervonmises(x, exact.cdf).statistic / len(x)
    assert density.cramer_von_mises(x, exact.cdf) == pytest.approx(scipy_cvm, rel=1e-12)
    truth = exact.quantile((np.arange(20_000) + 0.5) / 20_000)
    scipy_w1 = stats.wasserstein_distance(x, truth)
    assert density.w1_exact(x, exact.cdf, grid_of(exact)) == pytest.approx(scipy_w1, rel=5e-3)


def test_w1_of_a_point_far_out_equals_the_integral_of_the_tails() -> None:
    """W1 of the point 0 to Student's t(3) is E|X| = 2 sqrt(3) / pi: the grid must follow heavy tails."""
    exact = Density1D((student_t(1.0, 3.0),))
    found = density.w1_exact(np.zeros(1), exact.cdf, grid_of(exact))
    assert found == pytest.approx(2 * np.sqrt(3) / np.pi, rel=1e-5)


def anderson_loop(x: np.ndarray, y: np.ndarray) -> float:
    """Scholz and Stephens (1987), eq. 7 and the variance below eq. 4, one term at a time."""
    samples, both = (x, y), np.sort(np.concatenate([x, y]))
    n = len(both)
    total = 0.0
    for sample in samples:
        inner = 0.0
        for z in np.unique(both):
            ties = np.sum(both == z)
            mine = np.sum(sample < z) + np.sum(sample == z) / 2
            all_ = np.sum(both < z) + ties / 2
            inner += ties / n * (n * mine - len(sample) * all_) ** 2 / (all_ * (n - all_) - n * ties / 4)
        total += inner / len(sample)
    total *= (n - 1) / n
    big_h = sum(1 / len(s) for s in samples)
    h = sum(1 / i for i in range(1, n))
    g = sum(1 / ((n - i) * j) for i in range(1, n - 1) for j in range(i + 1, n))
    a = (4 * g - 6) + (10 - 6 * g) * big_h
    b = (2 * g - 4) * 4 + 16 * h + (2 * g - 14 * h - 4) * big_h - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * big_h + 4 * h
    d = (2 * h + 6) * 4 - 8 * h
    variance = (a * n**3 + b * n**2 + c * n + d) / ((n - 1) * (n - 2) * (n - 3))
    return float((total - 1) / np.sqrt(variance))


@pytest.mark.parametrize("ties", [False, True])
def test_anderson_darling_equals_its_definition(ties: bool) -> None:
    g = np.random.default_rng(0)
    x, y = g.normal(size=30), g.normal(0.5, size=20)
    if ties:
        x, y = x.round(0), y.round(0)
    assert density.anderson_darling(x, y) == pytest.approx(anderson_loop(x, y), rel=1e-9)


@pytest.mark.parametrize("m", [40, 25])
def test_sliced_w1_is_the_mean_of_scipys_over_the_directions(m: int) -> None:
    g = np.random.default_rng(0)
    x, y = g.normal(size=(40, 2)), g.normal(0.3, 2, size=(m, 2))
    lines = directions(2)
    expected = np.mean([stats.wasserstein_distance(x @ line, y @ line) for line in lines])
    assert sliced_w1(x, y) == pytest.approx(expected, rel=1e-12)
    assert np.allclose(np.linalg.norm(lines, axis=1), 1)


def test_mmd_equals_the_definition_by_loops_and_is_unbiased() -> None:
    g = np.random.default_rng(0)
    x, y = g.normal(size=(6, 2)), g.normal(1, 1, size=(5, 2))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-np.sum((a - b) ** 2) / (2 * 0.7**2)))

    xx = np.mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    yy = np.mean([kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    xy = np.mean([kernel(a, b) for a in x for b in y])
    assert mmd2(x, y, 0.7) == pytest.approx(xx + yy - 2 * xy, rel=1e-12)
    draws = [mmd2(g.normal(size=(20, 2)), g.normal(size=(20, 2)), 1.0) for _ in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(len(draws))
    assert bandwidth(np.array([[0.0], [1.0], [3.0]])) == 2.0


# ---- properties ----
@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.floats(0.1, 50), st.floats(-20, 20))
def test_affine_maps_of_samples_and_density(x: list[float], scale: float, offset: float) -> None:
    """KS and CvM do not change when samples and density are mapped alike; W1 grows with the scale."""
    x, moved = np.array(x), offset + scale * np.array(x)
    grid = grid_of(BIMODAL)

    def cdf(t: np.ndarray) -> np.ndarray:
        return BIMODAL.cdf((t - offset) / scale)

    assert density.kolmogorov_smirnov(moved, cdf) == pytest.approx(density.kolmogorov_smirnov(x, BIMODAL.cdf), abs=1e-9)
    assert density.cramer_von_mises(moved, cdf) == pytest.approx(density.cramer_von_mises(x, BIMODAL.cdf), abs=1e-9)
    expected = scale * density.w1_exact(x, BIMODAL.cdf, grid)
    assert density.w1_exact(moved, cdf, offset + scale * grid) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_samples_does_not_matter(order: list[int]) -> None:
    x = BIMODAL.sample(8, np.random.default_rng(0))
    truth = BIMODAL.sample(9, np.random.default_rng(1))
    for distance in (density.anderson_darling, sliced_w1):
        assert distance(x[order], truth) == pytest.approx(distance(x, truth), rel=1e-12)


# ---- the rows ----
def test_rows_are_in_original_units_over_the_iqr_whatever_the_models_unit() -> None:
    g = np.random.default_rng(0)
    wide = Density1D((normal(0.3, -2000.0, 500.0), normal(0.7, 1000.0, 300.0)))
    samples, reconstructions = np.stack([BIMODAL.sample(400, g) for _ in range(3)]), BIMODAL.sample(300, g)
    small = density.rows(inputs_of(prepared(BIMODAL, 1), samples, reconstructions))
    large = density.rows(inputs_of(prepared(wide, 1, unit=1e-4), 1000 * samples, 1000 * reconstructions))
    for one, two in zip(small, large, strict=True):
        if "samples_model" not in one.metric:  # those are shifted by .25 original units
            assert two.value == pytest.approx(one.value, rel=1e-3), one.metric
    w1 = next(r for r in small if r.metric == "w1_reconstructions")
    raw = density.w1_exact(reconstructions, BIMODAL.cdf, grid_of(BIMODAL))
    assert w1.value == pytest.approx(raw / BIMODAL.iqr, rel=1e-9)
    assert f"{BIMODAL.iqr:.6g}" in w1.settings


@pytest.mark.parametrize(("exact", "dimensions"), [(BIMODAL, 1), (moons(0.1), 2)], ids=["line", "plane"])
@pytest.mark.slow
def test_rows_are_those_of_the_registry_and_true_samples_stand_at_the_floor(exact: Any, dimensions: int) -> None:
    data = prepared(exact, dimensions)
    found = rows_of(exact, dimensions)
    assert sorted(found) == sorted(expected_of(density, SETTINGS, ModelConfig(), data))
    assert {r.status for r in found.values()} == {"ok"}
    floors = density.reference(None, data, SETTINGS)
    paired = {"ad_reconstructions", "sliced_w1_reconstructions", "mmd_reconstructions"}
    assert set(floors) == set(found) - paired
    for name in floors:
        row = found[name]
        distance = abs(row.value - floors[name]["floor"]) / floors[name]["noise_sd"]
        # true samples against shifted ones; a floor counts draws of one set, so four of its sd
        assert (distance > 4) if "samples_model" in name else (distance < 4), (name, distance)


def test_the_value_is_the_mean_over_redraws_and_noise_sd_their_deviation() -> None:
    g = np.random.default_rng(0)
    samples = np.stack([BIMODAL.sample(400, g) for _ in range(3)])
    row = rows_of(samples=samples)["ks_samples_mean"]
    single = [stats.kstest(one[:, 0], BIMODAL.cdf).statistic for one in samples]
    assert row.value == pytest.approx(np.mean(single))
    assert row.noise_sd == pytest.approx(np.std(single, ddof=1))
    assert (row.n, row.split) == (400, "test")
    assert rows_of()["ks_reconstructions"].noise_sd is None
    assert rows_of(samples=samples[:1])["ks_samples_mean"].noise_sd is None


def test_noise_floors_follow_the_theory() -> None:
    """For n true samples E KS = sqrt(pi/2) log 2 / sqrt(n) to first order and E CvM = 1 / (6 n)."""
    floors = density.reference(None, prepared(BIMODAL, 1), SETTINGS)
    ks, cvm = floors["ks_samples_mean"], floors["cvm_samples_mean"]
    assert ks["floor"] == pytest.approx(0.8687 / 20, abs=3 * ks["noise_sd"] / np.sqrt(20) + 0.002)
    assert cvm["floor"] == pytest.approx(1 / 2400, abs=3 * cvm["noise_sd"] / np.sqrt(20))
    assert floors == density.reference(None, prepared(BIMODAL, 1), SETTINGS)


# ---- bad inputs ----
def test_samples_that_are_not_finite_leave_only_their_rows_empty() -> None:
    samples = np.zeros((2, 50, 1))
    samples[1, 3] = np.nan
    found = rows_of(samples=samples)
    for family in ("w1", "ks", "cvm", "ad"):
        row = found[f"{family}_samples_mean"]
        assert (row.value, row.status) == (None, "empty")
        assert "1 of 50 numbers are not finite" in row.reason
        assert found[f"{family}_reconstructions"].status == "ok"


def test_one_sample_is_too_few() -> None:
    row = rows_of(samples=np.zeros((2, 1, 1)))["w1_samples_mean"]
    assert (row.status, row.value) == ("empty", None)
    assert "at least 2" in row.reason


def test_a_collapsed_decoder_gets_finite_values() -> None:
    found = rows_of(samples=np.zeros((2, 50, 1)))
    assert found["ks_samples_mean"].value == pytest.approx(max(BIMODAL.cdf(0.0), 1 - BIMODAL.cdf(0.0)))
    assert found["ad_samples_mean"].value > 10


@pytest.mark.parametrize(
    ("distance", "reason"),
    [
        (lambda: density.anderson_darling(np.ones(3), np.ones(4)), "all values are equal"),
        (
            lambda: density.anderson_darling(np.ones(1), np.ones(4)),
            "the Anderson-Darling statistic: 1, at least 2",
        ),
        (lambda: mmd2(np.ones((1, 2)), np.ones((4, 2)), 1.0), "points of a set for MMD: 1, at least 2"),
        (lambda: bandwidth(np.ones((4, 2))), "median distance"),
        (lambda: bandwidth(np.ones((1, 2))), "a kernel.s width: 1, at least 2"),
    ],
)
def test_undefined_distances_say_why(distance: Any, reason: str) -> None:
    with pytest.raises(Undefined, match=reason):
        distance()


def test_evaluating_a_density_loads_no_torch() -> None:
    modules = ", ".join(f"phvae.metrics.scores.{name}" for name in ("density", "latent", "likelihood"))
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
