"""Mutual information by nearest neighbours, against its definition and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from factor_codes import normal
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from phvae.metrics.information import neighbour_information


def defined(code: np.ndarray, factor: np.ndarray, neighbours: int) -> float:
    """Ross (2014), from all distances: itself, and the points closer than the k-th neighbour of its value."""
    terms = []
    for i in range(len(code)):
        away = np.abs(code - code[i])
        same = np.sort(away[factor == factor[i]])
        k = min(neighbours, len(same) - 1)
        terms.append(digamma(k) - digamma(len(same)) - digamma((away < same[k]).sum()))
    return max(0.0, float(digamma(len(code)) + np.mean(terms)))


FACTORS = {
    "even": np.tile(np.arange(6), 100),
    "rare": np.concatenate([np.zeros(560, dtype=int), np.repeat([3, 7], 20)]),
    "many": np.tile(np.arange(100), 6),  # of fewer points than neighbours
}


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize("told", [0.0, 0.3, 3.0])
def test_is_what_the_definition_gives(name: str, told: float) -> None:
    factor = FACTORS[name]
    code = normal((len(factor),)) + told * factor
    assert neighbour_information(code, factor, 10) == pytest.approx(defined(code, factor, 10), abs=1e-12)


@pytest.mark.parametrize("digits", [2, 16])
@pytest.mark.parametrize("name", ["even", "rare"])
def test_is_scikit_learns_where_that_is_exact(name: str, digits: int) -> None:
    """It rounds distances within values that fewer than twice as many points as neighbours have."""
    factor = FACTORS[name]
    code = (normal((len(factor),)) + 0.3 * factor).round(digits)
    (expected,) = mutual_info_classif(code[:, None], factor, n_neighbors=9, random_state=0)
    assert neighbour_information(code, factor, 9) == pytest.approx(expected, abs=1e-12)


def test_a_value_that_one_example_has_is_left_out() -> None:
    factor = FACTORS["even"]
    code = normal((600,)) + 0.3 * factor
    more = neighbour_information(np.append(code, 50.0), np.append(factor, 9), 10)
    assert more == pytest.approx(neighbour_information(code, factor, 10), abs=1e-12)
