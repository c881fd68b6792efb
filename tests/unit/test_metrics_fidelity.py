"""The wrapper of torch-fidelity's arithmetic equals numpy on the same features; its traps are guarded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from phvae.metrics import fidelity
from phvae.metrics.rows import Undefined


def normal(n: int, size: int = 6, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    g = np.random.default_rng(seed)
    return shift + g.standard_normal((n, size)) @ g.normal(size=(size, size))


def frechet_numpy(x: np.ndarray, y: np.ndarray) -> float:
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return float(np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s + t - 2 * np.real(sqrtm(s @ t))))


def kid_numpy(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    m = len(x)
    off = ~np.eye(m, dtype=bool)
    return float(kernel(x, x)[off].mean() + kernel(y, y)[off].mean() - 2 * kernel(x, y).mean())


def inside(points: np.ndarray, centres: np.ndarray) -> float:
    """Share of points within the distance to the third neighbour of any centre."""
    radii = np.sort(cdist(centres, centres), axis=1)[:, 3]
    return float(np.mean((cdist(points, centres) <= radii).any(axis=1)))


@pytest.mark.parametrize(("n", "m", "size"), [(200, 150, 6), (60, 60, 12), (500, 300, 1)])
@pytest.mark.slow
def test_the_frechet_distance_equals_numpy(n: int, m: int, size: int) -> None:
    x, y = normal(n, size), normal(m, size, 1, 0.3)
    line = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    expected = line if size == 1 else frechet_numpy(x, y)
    assert fidelity.frechet(x, y) == pytest.approx(expected, rel=1e-4)
    assert fidelity.frechet(y, x) == pytest.approx(expected, rel=1e-4)
    assert fidelity.frechet(x, x) == pytest.approx(0, abs=1e-5)


@pytest.mark.slow
def test_fewer_images_than_features_are_rotated_without_a_change() -> None:
    """40 + 30 points in 200 dimensions: by |m|^2 + tr S + tr T - 2 nuclear norm of the centred cross products."""
    x, y = np.random.default_rng(0).normal(size=(40, 200)), np.random.default_rng(1).normal(0.2, 2, size=(30, 200))
    a, b = (x - x.mean(0)) / np.sqrt(39), (y - y.mean(0)) / np.sqrt(29)
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.sum(a**2) + np.sum(b**2) - 2 * root
    assert fidelity.frechet(x, y) == pytest.approx(expected, rel=1e-6)


def test_kid_equals_numpy() -> None:
    x, y = normal(80), normal(80, seed=1, shift=0.3)
    assert fidelity.kid(x, y) == pytest.approx(kid_numpy(x, y), rel=1e-4)


def test_kid_of_many_images_is_the_mean_over_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "KID_SUBSET_SIZE", 50)
    x, y = normal(120), normal(90, seed=1, shift=0.3)
    rng = np.random.RandomState(2020)
    values = []
    for _ in range(7):
        one = x[rng.choice(120, 50, replace=False)]
        values.append(kid_numpy(one, y[rng.choice(90, 50, replace=False)]))
    assert fidelity.kid(x, y, 7) == pytest.approx(np.mean(values), rel=1e-4)


def test_precision_and_recall_equal_numpy_and_know_which_side_is_real() -> None:
    real, generated = normal(150), normal(120, seed=1, shift=0.4)
    expected = inside(generated, real), inside(real, generated)
    assert fidelity.precision_recall(generated, real) == pytest.approx(expected, rel=1e-4)
    assert fidelity.precision_recall(real, generated) == pytest.approx(expected[::-1], rel=1e-4)


def test_half_of_the_modes_has_precision_one_and_recall_a_half() -> None:
    g = np.random.default_rng(0)
    mode, other = g.normal(size=(100, 2)), g.normal(50, 1, size=(100, 2))
    precision, recall = fidelity.precision_recall(mode, np.concatenate([mode, other]))
    assert (precision, recall) == (1.0, 0.5)


def test_distances_in_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fidelity.precision_recall(normal(90), normal(70, seed=1))
    monkeypatch.setattr(fidelity, "_ROWS", 16)
    assert fidelity.precision_recall(normal(90), normal(70, seed=1)) == whole


def test_torch_fidelity_is_never_given_an_option_it_would_ignore() -> None:
    with pytest.raises(TypeError, match="kid_subset_sise"):
        fidelity.library_options(kid_subset_sise=10)
    assert fidelity.library_options()["cuda"] is False


@pytest.mark.parametrize(
    ("distance", "least"), [(fidelity.frechet, 2), (fidelity.kid, 2), (fidelity.precision_recall, 4)]
)
def test_too_few_images_and_bad_features_say_why(distance: Any, least: int) -> None:
    with pytest.raises(Undefined, match=f"at least {least} are needed"):
        distance(normal(least - 1), normal(50))
    broken = normal(20)
    broken[3, 2] = np.nan
    with pytest.raises(Undefined, match="features of the real images"):
        distance(normal(20), broken)
    with pytest.raises(ValueError, match=r"\(20, 6\) and \(20, 5\)"):
        distance(normal(20), normal(20, 5))
