"""Codes in figures: principal components, maps, and what codes know of factors."""

from __future__ import annotations

import numpy as np
import pytest

from phvae.analysis.figures.factor_maps import information
from phvae.analysis.figures.latent_maps import LatentMaps, principal


def test_principal_components_match_a_singular_value_decomposition() -> None:
    codes = np.random.default_rng(1).normal(size=(200, 5)) @ np.diag([3, 2, 1, 0.5, 0.1])
    scores, shares = principal(codes)
    u, s, _ = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(scores), np.abs(u[:, :2] * s[:2]), rtol=1e-9)
    np.testing.assert_allclose(shares, s[:2] ** 2 / np.sum(s**2), rtol=1e-9)
    again, _ = principal(codes[:, [4, 3, 2, 1, 0]])
    np.testing.assert_allclose(again, scores, atol=1e-9)


def test_information_is_one_for_the_factor_itself_and_zero_for_a_constant() -> None:
    factors = np.random.default_rng(2).integers(0, 4, size=(4000, 3))
    factors[:, 2] = 1
    codes = np.stack([factors[:, 0] * 2.0, np.random.default_rng(3).normal(size=4000)], axis=1)
    found = information(codes, factors)
    assert found[0, 0] == pytest.approx(1)
    assert found[1, :2].max() < 0.02
    assert np.all(found[:, 2] == 0)


def test_principal_components_of_odd_codes() -> None:
    rng = np.random.default_rng(4)
    one = rng.normal(size=(50, 1)).astype(np.float32)
    scores, shares = principal(one)
    np.testing.assert_allclose(np.abs(scores), np.abs(np.pad(one - one.mean(), ((0, 0), (0, 1)))), atol=1e-6)
    assert shares.tolist() == [1, 0]
    codes = rng.normal(size=(50, 3))
    broken = np.insert(codes, [7, 30], [[np.nan, 0, 0], [0, np.inf, 0]], axis=0)
    scores, shares = principal(broken)
    rest, same = principal(codes)
    assert np.flatnonzero(np.isnan(scores).any(axis=1)).tolist() == [7, 31]
    np.testing.assert_array_equal(scores[np.isfinite(scores).all(axis=1)], rest)
    np.testing.assert_array_equal(shares, same)
    for alike in (np.full((50, 3), 0.1), np.zeros((1, 2)), np.full((4, 3), np.nan)):
        scores, shares = principal(alike)
        assert shares.tolist() == [0, 0]
        assert not np.nan_to_num(scores).any()


@pytest.mark.parametrize("discrete", [True, False])
def test_a_map_of_odd_codes_is_drawn_without_what_is_not_finite(discrete: bool) -> None:
    rng = np.random.default_rng(5)
    broken = rng.normal(size=(40, 4))
    broken[3] = np.nan
    codes = {"one": rng.normal(size=(40, 1)), "some": broken, "none": broken * np.nan, "collapsed": np.ones((40, 4))}
    figure = LatentMaps(codes, np.arange(40) % 3, "class", discrete).draw()
    figure.draw_without_rendering()
    maps = [ax for ax in figure.axes if ax.get_xlabel()]
    assert [sum(len(drawn.get_offsets()) for drawn in ax.collections) for ax in maps] == [40, 39, 0, 40]
    assert [text.get_text() for text in maps[2].texts] == ["no finite code"]
    assert maps[3].get_xlabel() == "PC 1 (0%)"


def test_information_leaves_out_codes_that_are_not_finite() -> None:
    rng = np.random.default_rng(6)
    factors = rng.integers(0, 4, size=(400, 2))
    codes = factors[:, :1] * 2.0
    expected = information(codes[1:], factors[1:])
    codes[0] = np.nan
    np.testing.assert_array_equal(information(codes, factors), expected)
    assert not information(codes * np.nan, factors).any()
