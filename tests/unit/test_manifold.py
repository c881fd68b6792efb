"""Density, Coverage and their clipped forms against their authors' programs, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from phvae.metrics import manifold
from phvae.metrics.manifold import density_coverage
from phvae.metrics.rows import Undefined


def normal(n: int, size: int = 6, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    g = np.random.default_rng(seed)
    return shift + g.standard_normal((n, size)) @ g.normal(size=(size, size))


REAL = normal(300)
APART = REAL.copy()
APART[::3] += 40
CASES = {
    "half copies": (np.concatenate([normal(300)[:150], normal(600)[450:]])[:260], REAL),
    "of one law": (
        np.random.default_rng(5).standard_normal((250, 6)) @ np.linalg.cholesky(np.cov(REAL.T)).T + REAL.mean(0), REAL
    ),
    "shifted": (normal(250, seed=1, shift=0.4), REAL),
    "crowded": (0.3 * normal(200), REAL),
    "outliers": (np.concatenate([normal(120), 60 + normal(40, seed=3)]), APART),
    "far": (normal(50) + 500, REAL),
}  # fmt: skip
# prdc 0.2 (compute_prdc, nearest_k=5: density, coverage) and ClippedDensityCoverage (github.com/nicolassalvy, 9920dae,
# K=5), numpy 2.2, scikit-learn 1.7.1
PUBLISHED = {
    "half copies": (0.7507692307692309, 0.9666666666666667, 0.908032596041909, 0.8007662835249042),
    "of one law": (1.0376, 0.9666666666666667, 1.0, 1.0),
    "shifted": (0.3488, 0.31666666666666665, 0.35762514551804425, 0.24701195219123506),
    "crowded": (1.352, 0.21666666666666667, 1.0, 0.22885572139303484),
    "outliers": (0.365, 0.28, 0.39805684454756385, 0.30434782608695654),
    "far": (0.0, 0.0, 0.0, 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_four_scores_are_those_of_their_authors_programs(case: str) -> None:
    assert density_coverage(*CASES[case]) == pytest.approx(PUBLISHED[case], abs=1e-12)


def test_distances_in_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = density_coverage(*CASES["shifted"])
    monkeypatch.setattr(manifold, "_ROWS", 37)
    assert density_coverage(*CASES["shifted"]) == pytest.approx(whole, abs=1e-12)


def test_density_and_coverage_against_loops() -> None:
    generated, real = CASES["half copies"]
    radii = np.sort(cdist(real, real), axis=1)[:, 5]  # the first is the point itself
    inside = cdist(generated, real) < radii
    found = density_coverage(generated, real)
    assert found[0] == pytest.approx(np.mean([row.sum() / 5 for row in inside]))
    assert found[1] == pytest.approx(np.mean([column.any() for column in inside.T]))


def test_a_line_by_hand() -> None:
    """Seven points at 0..6: radii 5, 4, 3, 3, 3, 4, 5, of which the median is 4.

    The six copies of 6.5 lie in the balls of 6, 5 and 4: density 18 / 30, coverage 3 / 7. With radii up to 4 they do as
    well, 3 / 5 each, where the points among themselves have 2 or 3 (0 and 6: a tie), 5, 5, 5, 5, 5 and 3 or 2 of 5,
    together 30 / 35. Filled to 3 / 7; five points of the law would fill 5 / 7, so as good as at most five of 6 + 1.
    """
    found = density_coverage(np.full((6, 1), 6.5), np.arange(7.0)[:, None])
    assert found == pytest.approx((18 / 30, 3 / 7, (3 / 5) / (30 / 35), 5 / 7))


def test_a_mode_that_is_missing_and_one_that_is_invented() -> None:
    g = np.random.default_rng(0)
    mode, other = g.normal(size=(200, 3)), 50 + g.normal(size=(200, 3))
    again = g.normal(size=(400, 3))
    missing = density_coverage(again, np.concatenate([mode, other]))
    assert missing[1] <= 0.5
    assert missing[3] == pytest.approx(0.5, abs=0.1)
    assert missing[2] > 0.85
    invented = density_coverage(np.concatenate([again[:200], other]), mode)
    assert invented[2] == pytest.approx(0.5, abs=0.1)
    assert invented[1] > 0.9


def test_one_outlier_does_not_make_good_what_surrounds_it() -> None:
    """Five far outliers of the data have vast balls: density takes noise for good, its clipped form does not."""
    g = np.random.default_rng(1)
    real = np.concatenate([g.normal(size=(300, 3)), g.normal(scale=60, size=(15, 3))])
    noise = g.normal(scale=30, size=(300, 3))
    density, _, clipped, _ = density_coverage(noise, real)
    assert density > 0.5
    assert clipped < 0.1


def test_too_few_images_and_bad_features_say_why() -> None:
    with pytest.raises(Undefined, match="5, at least 6 are needed"):
        density_coverage(normal(5), normal(50))
    broken = normal(20)
    broken[3, 2] = np.inf
    with pytest.raises(Undefined, match="features of the generated images"):
        density_coverage(broken, normal(20))
    with pytest.raises(ValueError, match=r"\(20, 6\) and \(20, 5\)"):
        density_coverage(normal(20), normal(20, 5))
