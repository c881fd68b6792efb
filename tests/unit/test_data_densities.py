"""Densities: samples follow their own cdf, the pdf is the cdf's derivative and integrates to one."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from phvae import data
from phvae.data.distributions.line import Density1D, normal, student_t, weibull
from phvae.data.distributions.plane import Density2D
from phvae.data.registry import parse
from phvae.determinism.seeding import numpy_generator
from phvae.errors import ConfigError

LINE = ["trimodal", "claw", "weibull", "lognormal", "student_t", "gap", "bimodal"]
PLANE = ["moons", "rings", "pinwheel"]
SMALL = {"n_train": 400, "n_validation": 50, "n_test": 300}


def density(kind: str, **options: Any) -> Any:
    found: Any = parse(kind, options)
    return found.density()


@pytest.fixture(scope="module", params=PLANE)
def plane(request: pytest.FixtureRequest) -> tuple[str, Density2D]:
    """A density whose pdf on the grid of `iqr` is evaluated once: that of the moons is an integral at every point."""
    exact: Density2D = density(request.param)
    known: list[tuple[np.ndarray, np.ndarray]] = []

    def evaluate(x: np.ndarray) -> np.ndarray:
        if not known:
            known.append((x, exact.evaluate(x)))
        np.testing.assert_allclose(x, known[0][0], atol=1e-12)
        return known[0][1]

    return request.param, dataclasses.replace(exact, evaluate=evaluate)


@pytest.mark.parametrize("kind", LINE)
def test_samples_follow_the_cdf(kind: str) -> None:
    exact: Density1D = density(kind)
    x = exact.sample(20_000, numpy_generator(1, "test", kind))
    assert x.shape == (20_000, 1)
    assert stats.kstest(x[:, 0], exact.cdf).pvalue > 0.001


@pytest.mark.parametrize("kind", LINE)
def test_pdf_integrates_to_one_and_is_the_derivative_of_the_cdf(kind: str) -> None:
    exact: Density1D = density(kind)
    low, high = exact.support
    inner = np.unique(exact.quantile(np.linspace(1e-6, 1 - 1e-6, 400)))
    edges = [low, 0.0, 1.5, 2.5, 3.5, high] if kind == "gap" else [low, *inner, high]
    pieces = [integrate.quad(exact.pdf, a, b, epsabs=1e-12, limit=200)[0] for a, b in itertools.pairwise(edges)]
    assert sum(pieces) == pytest.approx(1, abs=1e-9)
    step = 1e-5
    x = inner[1:-1]
    x = x[np.min(np.abs(x[:, None] - np.array([0.0, 1.5, 2.5, 3.5])), axis=1) > 2 * step]  # not at the gap's edges
    slope = (exact.cdf(x + step) - exact.cdf(x - step)) / (2 * step)
    np.testing.assert_allclose(exact.pdf(x), slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", LINE)
def test_quantiles_invert_the_cdf(kind: str) -> None:
    exact: Density1D = density(kind)
    p = np.array([1e-4, 0.1, 0.25, 0.5, 0.75, 0.9, 1 - 1e-4])
    np.testing.assert_allclose(exact.cdf(exact.quantile(p)), p, atol=1e-12)
    assert exact.iqr == pytest.approx(float(np.diff(exact.quantile([0.25, 0.75]))[0]), rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("weibull", stats.weibull_min(1.5)),
        ("lognormal", stats.lognorm(0.6)),
        ("student_t", stats.t(5)),
    ],
)
def test_against_scipy(kind: str, reference: Any) -> None:
    x = np.linspace(-3, 8, 500)
    np.testing.assert_allclose(density(kind).pdf(x), reference.pdf(x), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(density(kind).cdf(x), reference.cdf(x), rtol=1e-10, atol=1e-14)


def test_the_claw_is_the_published_one() -> None:
    fingers = [(0.1, c, 0.1) for c in (-1, -0.5, 0, 0.5, 1)]  # Marron and Wand (1992), density 10
    x = np.linspace(-4, 4, 200)
    expected = 0.5 * stats.norm.pdf(x) + sum(w * stats.norm.pdf(x, m, s) for w, m, s in fingers)
    np.testing.assert_allclose(density("claw").pdf(x), expected, rtol=1e-12)


@pytest.mark.slow
def test_plane_pdf_integrates_to_one_and_gives_the_mass_of_samples(plane: tuple[str, Density2D]) -> None:
    kind, exact = plane
    edges = [np.linspace(low, high, 401) for low, high in exact.box]
    centres = [(e[1:] + e[:-1]) / 2 for e in edges]
    area = (edges[0][1] - edges[0][0]) * (edges[1][1] - edges[1][0])
    mass = exact.pdf(np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1)) * area
    assert mass.sum() == pytest.approx(1, abs=1e-6)
    x = exact.sample(20_000, numpy_generator(1, "test", kind))
    assert x.shape == (20_000, 2)
    counts, _, _ = np.histogram2d(x[:, 0], x[:, 1], [e[::20] for e in edges])
    expected = mass.reshape(20, 20, 20, 20).sum(axis=(1, 3)) * len(x)
    likely = expected > 5
    # rare cells count as one
    observed, wanted = (np.append(a[likely], a[~likely].sum()) for a in (counts, expected))
    assert stats.chi2.sf(((observed - wanted) ** 2 / wanted).sum(), likely.sum()) > 0.001


def test_wide_rings_lose_no_mass_at_the_origin() -> None:
    exact: Density2D = density("rings", radii=[0.3], noise=0.5)
    radius = np.linspace(0, 5, 200_001)[1:]  # a ring whose radius would often be negative
    along = exact.pdf(np.stack([radius, np.zeros_like(radius)], axis=-1)) * 2 * np.pi * radius
    assert integrate.trapezoid(along, radius) == pytest.approx(1, abs=1e-4)
    assert (
        stats.kstest(
            np.hypot(*exact.sample(5000, numpy_generator(0, "r")).T),
            lambda r: np.interp(r, radius, integrate.cumulative_trapezoid(along, radius, initial=0)),
        ).pvalue
        > 0.001
    )


@pytest.mark.slow
def test_plane_iqr_is_that_of_samples(plane: tuple[str, Density2D]) -> None:
    kind, exact = plane
    x = exact.sample(200_000, numpy_generator(2, "test", kind))
    low, high = np.quantile(x, [0.25, 0.75], axis=0)
    np.testing.assert_allclose(exact.iqr, high - low, rtol=0.02)


def test_plane_pdf_refuses_points_of_another_dimension() -> None:
    with pytest.raises(ValueError, match=r"\(\.\.\., 2\)"):
        density("moons").pdf(np.zeros((5, 3)))


@settings(max_examples=30, deadline=None)
@given(st.floats(3, 60), st.floats(1, 6), st.floats(-5, 5), st.floats(0.05, 3))
def test_any_parameters_give_a_distribution(df: float, shape: float, mean: float, sd: float) -> None:
    for exact in (Density1D((student_t(1, df),)), Density1D((weibull(0.5, shape, sd), normal(0.5, mean, sd)))):
        low, high = exact.support
        x = np.linspace(low, high, 200)
        cdf = exact.cdf(x)
        assert np.all(np.diff(cdf) >= 0)
        assert cdf[0] <= 1e-11
        assert cdf[-1] >= 1 - 1e-11
        assert np.all(exact.pdf(x) >= 0)


def test_student_needs_three_degrees_of_freedom() -> None:
    with pytest.raises(ConfigError, match="df"):
        data.validate("student_t", {"df": 2})


def test_quantile_refuses_the_ends() -> None:
    with pytest.raises(ValueError, match="0 < p < 1"):
        density("claw").quantile([0.0, 0.5])


@pytest.mark.parametrize("kind", ["claw", "moons"])
def test_the_scaling_puts_training_quantiles_at_a_tenth_and_nine_tenths(kind: str, tmp_path: Path) -> None:
    prepared = data.load(data.prepare(kind, SMALL, cache=tmp_path))
    assert prepared.is_density
    assert prepared.scaling is not None
    np.testing.assert_allclose(np.quantile(prepared.train, 0.005, axis=0), 0.1, atol=1e-5)
    np.testing.assert_allclose(np.quantile(prepared.train, 0.995, axis=0), 0.9, atol=1e-5)
    assert prepared.train.min() < 0.1  # nothing is clipped
    offset, scale = prepared.scaling
    original = (prepared.test - offset) / scale
    exact = prepared.density
    assert exact is not None
    if kind == "claw":
        assert stats.kstest(original[:, 0], exact.cdf).pvalue > 0.001  # type: ignore[union-attr]
    assert np.all(exact.pdf(original) > 0)


def test_splits_are_different_draws_and_do_not_depend_on_the_training_size(tmp_path: Path) -> None:
    equal = {"n_train": 300, "n_validation": 300, "n_test": 300}
    small = data.load(data.prepare("claw", equal, cache=tmp_path))
    large = data.load(data.prepare("claw", {**equal, "n_train": 800}, cache=tmp_path))

    def original(prepared: data.Prepared, split: str) -> np.ndarray:
        assert prepared.scaling is not None
        return (getattr(prepared, split)[:50] - prepared.scaling[0]) / prepared.scaling[1]

    np.testing.assert_allclose(original(small, "test"), original(large, "test"), atol=1e-5)
    assert not np.allclose(original(small, "test"), original(small, "train"), atol=0.1)
    assert not np.allclose(original(small, "validation"), original(small, "train")[:50], atol=0.1)


def test_rings_too_thin_for_their_quartiles_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected at most 390 times the noise"):
        density("rings", radii=[1, 100], noise=0.1)
    one = density("rings", radii=[30], noise=0.1)  # near the limit the quartiles are those of draws
    draws = one.sample(200_000, np.random.default_rng(0))
    assert one.iqr == pytest.approx(stats.iqr(draws, axis=0), rel=0.02)
