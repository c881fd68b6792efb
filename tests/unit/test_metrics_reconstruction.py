"""Reconstruction metrics: scikit-image, torch, torchmetrics, Parseval, known images, bad inputs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, laplace
from scoring import expected_of
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from phvae.metrics import pixels
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import lookup
from phvae.metrics.rows import Inputs, Row, Undefined
from phvae.metrics.scores import reconstruction as metrics
from phvae.metrics.spectrum import BANDS, band_power, laplacian_variance
from phvae.model.options import ModelConfig

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 9, 7)]


def images(shape: tuple[int, ...], n: int = 12, seed: int = 0, smooth: float = 1.0) -> np.ndarray:
    g = np.random.default_rng(seed)
    x = gaussian_filter(g.random((n, *shape)), (0, 0, smooth, smooth))
    return np.rint(255 * (x - x.min()) / np.ptp(x)).astype(np.uint8)


def noisy(x: np.ndarray, amount: int = 25) -> np.ndarray:
    noise = np.random.default_rng(1).integers(-amount, amount + 1, x.shape)
    return np.clip(x.astype(int) + noise, 0, 255).astype(np.uint8)


def rows_of(x: np.ndarray, y: np.ndarray, dropped: np.ndarray | None = None) -> dict[str, Row]:
    data: Any = SimpleNamespace(kind="test", test=x, shape=x.shape[1:], is_density=False, labels={}, factors={})
    dropped = y[None, :5] if dropped is None else dropped
    arrays = {"reconstructions": y, "dropped": dropped}
    model = ModelConfig(order=len(dropped), latent_size=len(dropped))
    found = metrics.rows(Inputs(data, {}, arrays, model, EvaluationConfig(), None, 0))
    data.factor_names = data.factor_sizes = ()
    data.card = {}
    names = expected_of(metrics, EvaluationConfig(), model, data)
    assert sorted(r.metric for r in found) == sorted(names)
    return {r.metric: r for r in found}


# ---- other libraries ----
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_mse_and_psnr_equal_scikit_image_and_ssim_torchmetrics(shape: tuple[int, ...]) -> None:
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    x, y = images(shape), noisy(images(shape))
    a, b = x / 255, y / 255
    gaussian, size = metrics.ssim_window(min(shape[1:]))
    similar = structural_similarity_index_measure(
        torch.from_numpy(b),
        torch.from_numpy(a),
        gaussian_kernel=gaussian,
        sigma=1.5,
        kernel_size=size,
        data_range=1.0,
        return_full_image=True,
    )[1][..., size // 2 : -(size // 2), size // 2 : -(size // 2)]
    assert metrics.mse(x, y) == pytest.approx(mean_squared_error(a, b), rel=1e-5)
    ratios = [peak_signal_noise_ratio(p, q, data_range=1.0) for p, q in zip(a, b, strict=True)]
    assert metrics.psnr(x, y) == pytest.approx(np.mean(ratios), rel=1e-6)
    assert metrics.ssim(x, y) == pytest.approx(float(similar.mean()), rel=1e-7)


def test_the_window_of_ssim_fits_the_image() -> None:
    found = [metrics.ssim_window(side) for side in (64, 28, 16, 15, 8, 7, 6, 5, 4, 3)]
    assert found == [(True, 11)] * 3 + [(False, 7)] * 3 + [(False, 5), (False, 5), (False, 3), (False, 3)]
    assert "Gaussian, sd 1.5 11x11" in rows_of(images((1, 28, 28)), images((1, 28, 28)))["ssim"].settings
    assert "uniform 7x7" in rows_of(images((1, 8, 8)), images((1, 8, 8)))["ssim"].settings


def test_bce_equals_torch() -> None:
    import torch

    x, y = images((1, 8, 8)), noisy(images((1, 8, 8)), 200)
    p = torch.from_numpy(y / 255).clamp(0.5 / 255, 1 - 0.5 / 255)
    expected = torch.nn.functional.binary_cross_entropy(p, torch.from_numpy(x / 255), reduction="sum") / len(x)
    assert metrics.bce(x, y) == pytest.approx(float(expected), rel=1e-5)
    assert np.isfinite(metrics.bce(np.full_like(x, 255), np.zeros_like(x)))


def test_psnr_is_the_mean_of_images_not_the_ratio_of_the_mean_error() -> None:
    x = np.zeros((2, 1, 4, 4), np.uint8)
    y = x.copy()
    y[0] += 51  # MSE .04; the second is exact and counts as half a grey level
    expected = (-10 * np.log10(0.04) - 20 * np.log10(0.5 / 255)) / 2
    assert metrics.psnr(x, y) == pytest.approx(expected, rel=1e-6)


# ---- spatial frequency ----
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(3, 17), st.integers(3, 17), st.integers(0, 1000))
def test_the_bands_sum_to_the_squares_of_all_pixels(n: int, c: int, h: int, w: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(n, c, h, w))
    assert band_power(x).sum() == pytest.approx(np.sum(x**2), rel=1e-10)


@pytest.mark.parametrize(
    ("fy", "fx", "band"),
    [
        (0, 0, "low"),
        (1, 0, "low"),
        (2, 2, "mid"),
        (3, 0, "mid"),
        (0, 5, "mid"),
        (4, 4, "high"),
        (8, 0, "high"),
        (8, 8, "high"),
    ],
)
def test_a_wave_lies_in_the_band_of_its_radial_frequency(fy: int, fx: int, band: str) -> None:
    """On 16 x 16 pixels the edges 1/6 and 1/3 lie at 2.67 and 5.33 cycles an image; (2, 2) has radius 2.83."""
    row, column = np.indices((16, 16)) / 16
    power = band_power(np.cos(2 * np.pi * (fy * row + fx * column))[None, None])
    assert dict(zip(BANDS, power / power.sum(), strict=True))[band] == pytest.approx(1.0)


def test_band_errors_are_relative_to_the_mean_image() -> None:
    x = images((1, 16, 16), 40, smooth=0)
    mean = np.broadcast_to(x.mean(axis=0, keepdims=True), x.shape).round().astype(np.uint8)
    exact, average = rows_of(x, x), rows_of(x, mean)
    blurred = rows_of(x, gaussian_filter(x, (0, 0, 1.5, 1.5)))
    for band in BANDS:
        assert exact[f"band_error_{band}"].value == 0
        assert average[f"band_error_{band}"].value == pytest.approx(1.0, abs=0.02)
    errors = [blurred[f"band_error_{band}"].value for band in BANDS]
    assert errors[0] < 0.5 < errors[1] < 0.9 < errors[2]


def test_dropped_levels_show_in_the_band_they_carry() -> None:
    x = images((1, 16, 16), 20)
    coarse = gaussian_filter(x, (0, 0, 2, 2))
    dropped = np.stack([coarse, x])[:, :8]  # level 1 carries the detail; without level 2 nothing changes
    found = rows_of(x, x, dropped)
    values = [[found[f"drop_level_{k}_{band}"].value for band in BANDS] for k in (1, 2)]
    assert values[0][0] < values[0][2]
    assert values[0][2] > 0.8
    assert values[1] == [0, 0, 0]
    assert found["drop_level_1_low"].n == 8


# ---- sharpness ----
def test_the_laplacian_equals_scipys_inside_the_image() -> None:
    x = np.random.default_rng(0).random((3, 2, 9, 11))
    expected = np.mean([[laplace(c)[1:-1, 1:-1].var() for c in image] for image in x])
    assert laplacian_variance(x) == pytest.approx(expected, rel=1e-12)


def test_sharpness_is_one_for_the_data_less_when_blurred_more_with_noise() -> None:
    x = images((1, 28, 28))
    assert metrics.sharpness(x, x) == 1
    assert metrics.sharpness(x, gaussian_filter(x, (0, 0, 1, 1))) < 0.5
    assert metrics.sharpness(x, noisy(x)) > 1.5


def test_more_detail_than_the_data_have_is_an_error_of_sharpness() -> None:
    x = images((1, 28, 28))
    assert metrics.sharpness_error(x, x) == 0
    blurred = gaussian_filter(x, (0, 0, 1, 1))
    assert metrics.sharpness_error(x, blurred) == pytest.approx(-np.log(metrics.sharpness(x, blurred)))
    assert metrics.sharpness_error(x, noisy(x)) == pytest.approx(np.log(metrics.sharpness(x, noisy(x))))
    assert lookup("sharpness_error").higher_is_better is False  # so neither is called better than the data themselves
    with pytest.raises(Undefined, match="the reconstructions are constant"):
        metrics.sharpness_error(x, np.full_like(x, 7))


# ---- properties ----
@settings(max_examples=15, deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_images_does_not_matter(order: list[int]) -> None:
    x, y = images((1, 8, 8), 6), noisy(images((1, 8, 8), 6))
    for metric in (metrics.mse, metrics.psnr, metrics.ssim, metrics.bce, metrics.sharpness):
        assert metric(x[order], y[order]) == pytest.approx(metric(x, y), rel=1e-6)


def test_many_images_are_taken_in_chunks_without_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = images((1, 8, 8), 13), noisy(images((1, 8, 8), 13))
    whole = {name: row.value for name, row in rows_of(x, y).items()}
    monkeypatch.setattr(pixels.pairs, "__defaults__", (4,))
    assert {name: row.value for name, row in rows_of(x, y).items()} == pytest.approx(whole, rel=1e-6)


def test_ssim_touches_neither_global_random_state_nor_threads() -> None:
    import torch

    state, threads = torch.get_rng_state(), torch.get_num_threads()
    metrics.ssim(images((1, 8, 8)), images((1, 8, 8)))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


# ---- bad inputs ----
def test_constant_data_have_no_sharpness_and_no_band_error() -> None:
    x = np.full((4, 1, 8, 8), 100, np.uint8)
    found = rows_of(x, noisy(x))
    assert (found["sharpness"].status, found["sharpness"].value) == ("empty", None)
    assert "no detail" in found["sharpness"].reason
    assert found["band_error_mid"].reason == "the data have no power in this band"
    assert found["mse"].status == "ok"


def test_a_single_image_is_enough() -> None:
    x = images((1, 8, 8), 1)
    found = rows_of(x, noisy(x))
    assert found["mse"].value > 0
    assert found["band_error_low"].status == "empty"  # one image is its own mean image


def test_two_pixels_are_too_few_for_windows() -> None:
    found = rows_of(*(np.random.default_rng(i).integers(0, 256, (3, 1, 2, 2), np.uint8) for i in (0, 1)))
    assert "3 x 3 pixels" in found["ssim"].reason
    assert "3 x 3 pixels" in found["sharpness"].reason
    assert found["mse"].status == "ok"


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 8, 8\).*\(2, 1, 8, 9\)"):
        metrics.mse(np.zeros((2, 1, 8, 8), np.uint8), np.zeros((2, 1, 8, 9), np.uint8))
    with pytest.raises(Undefined, match="no detail"):
        metrics.sharpness(np.zeros((2, 1, 8, 8), np.uint8), np.zeros((2, 1, 8, 8), np.uint8))
