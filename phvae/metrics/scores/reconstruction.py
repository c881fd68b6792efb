"""How close reconstructions are to the images: MSE, PSNR, SSIM, BCE, sharpness, error by band and by dropped level."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.metrics.metric import Metric, Shown
from phvae.metrics.naming import expected
from phvae.metrics.pixels import errors, pairs
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt, without_value
from phvae.metrics.spectrum import BANDS, band_power, laplacian_variance

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["METRICS", "applies", "bce", "mse", "psnr", "rows", "ssim", "ssim_window"]

METRICS = (
    Metric(
        name="mse",
        group="reconstruction",
        label="MSE",
        definition="mean squared error a pixel of the decoder's mean",
        unit="1",
        higher_is_better=False,
        source="textbook",
        shown=(Shown(table=10, sizes=30, orders=30, matched=10, headline=30, panel=60, distortion=10),),
    ),
    Metric(
        name="psnr",
        group="reconstruction",
        label="PSNR",
        definition="mean over images of 10 log10(1/MSE), data in [0, 1]",
        unit="dB",
        higher_is_better=True,
        source="textbook",
        shown=(Shown(table=20),),
    ),
    Metric(
        name="ssim",
        group="reconstruction",
        label="SSIM",
        definition="mean structural similarity; the window is named in the settings",
        unit="1",
        higher_is_better=True,
        source="Wang et al. 2004, eq. 13",
        shown=(Shown(table=30, matched=20, panel=70),),
    ),
    Metric(
        name="bce",
        group="reconstruction",
        label="BCE",
        definition="binary cross-entropy an image of the decoder's mean, summed over pixels; not a density on "
        "grey data",
        unit="nats",
        higher_is_better=False,
        source="Kingma and Welling 2014, app. C",
        shown=(Shown(table=70),),
    ),
    Metric(
        name="sharpness",
        group="reconstruction",
        label="sharpness",
        definition="variance of the Laplacian of reconstructions over that of the data; 1 is as sharp as the data, and "
        "higher is better up to 1 only: noise passes it (no claim is supported there), see `sharpness_error`",
        unit="1",
        higher_is_better=True,
        source="Pech-Pacheco et al. 2000",
        best=1.0,
        shown=(Shown(table=40, matched=30, panel=160),),
    ),
    Metric(
        name="sharpness_error",
        group="reconstruction",
        label="sharpness error",
        definition="|log sharpness|: 0 is as sharp as the data, and both blur and noise raise it",
        unit="1",
        higher_is_better=False,
        source="this project",
        shown=(Shown(table=50),),
    ),
    Metric(
        name="band_error_{band}",
        group="reconstruction",
        label="error, {band} band",
        definition="power of the error in a ring of spatial frequency (edges 1/6 and 1/3 cycles a pixel) over the "
        "power there of the data around their mean image; 1 is no better than the mean image",
        unit="1",
        higher_is_better=False,
        source="this project",
        shown=(Shown(name="band_error_high", table=60, matched=40),),
    ),
    Metric(
        name="drop_level_{k}_{band}",
        group="reconstruction",
        label="level {k} dropped, {band} band",
        definition="power of the change of the reconstruction, by frequency band, when level k is replaced by its "
        "prior mean, over the power there of the data around their mean image",
        unit="1",
        higher_is_better=None,
        source="this project",
    ),
)

SSIM_IMAGES = 2_000  # an 11 x 11 window on 10,000 images of 64 x 64 would take as long as all other metrics
EMPTY_BAND = "the data have no power in this band"
DECODED = "posterior means decoded"  # what the reconstructions are
HALF_STEP = 0.5 / 255  # decoder means are stored in 256 levels


def mse(x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error a pixel, pixels in [0, 1].

    >>> round(mse(np.zeros((1, 1, 2, 2), np.uint8), np.full((1, 1, 2, 2), 51, np.uint8)), 6)
    0.04
    """
    return float(errors(x, y).mean())


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    """Mean over images of 10 log10(1 / MSE), in dB; an exact reconstruction counts as one of half a grey level."""
    return float(np.mean(-10 * np.log10(np.maximum(errors(x, y), HALF_STEP**2))))


def bce(x: np.ndarray, y: np.ndarray) -> float:
    """Binary cross-entropy of an image in nats, summed over pixels; y is kept half a grey level off 0 and 1."""
    total = 0.0
    for a, b in pairs(x, y):
        p = np.clip(b, HALF_STEP, 1 - HALF_STEP)
        total -= float((a * np.log(p) + (1 - a) * np.log1p(-p)).sum(dtype=np.float64))
    return total / len(x)


def ssim_window(side: int) -> tuple[bool, int]:
    """Whether the window is Gaussian (sd 1.5), and its size: 11 from 16 pixels on, else uniform and at most 7."""
    return (True, 11) if side >= 16 else (False, min(7, side - 1 + side % 2))


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Mean structural similarity (Wang et al. 2004, eq. 13), data range 1, over windows that lie inside the image.

    Args:
        x: (N, C, H, W) uint8, or float in [0, 1].
        y: as x.

    Raises:
        Undefined: fewer than 3 pixels on a side.
    """
    side = min(x.shape[-2:])
    if side < 3:
        raise Undefined(f"SSIM needs 3 x 3 pixels, found {x.shape[-2]} x {x.shape[-1]}")
    from skimage.metrics import structural_similarity

    gaussian, size = ssim_window(side)
    total = 0.0
    for a, b in pairs(x, y):
        planes = (part.reshape(-1, *part.shape[-2:]).astype(np.float64) for part in (a, b))
        total += len(a) * structural_similarity(
            *planes,
            channel_axis=0,
            data_range=1.0,
            win_size=size,
            gaussian_weights=gaussian,
            sigma=1.5,
            use_sample_covariance=False,
        )
    return float(total / len(x))


def sharpness(x: np.ndarray, y: np.ndarray) -> float:
    """Variance of the Laplacian of y over that of x; 1 is as sharp as the data.

    Raises:
        Undefined: the data have no detail at all.
    """
    data = made = 0.0
    for a, b in pairs(x, y):
        data += laplacian_variance(a) * len(a)
        made += laplacian_variance(b) * len(b)
    if data == 0:
        raise Undefined("the data are constant: no detail to compare with")
    return made / data


def sharpness_error(x: np.ndarray, y: np.ndarray) -> float:
    """|log sharpness|, 0 for reconstructions as sharp as the data: more detail than the data have is no merit.

    Raises:
        Undefined: the data, or the reconstructions, have no detail at all.
    """
    ratio = sharpness(x, y)
    if ratio == 0:
        raise Undefined("the reconstructions are constant: infinitely far from the data's detail")
    return float(abs(np.log(ratio)))


def _data_power(x: np.ndarray) -> np.ndarray:
    """Power of the data around their mean image by band, (3,)."""
    mean = (x.mean(axis=0, keepdims=True) / (255.0 if x.dtype == np.uint8 else 1.0)).astype(np.float32)
    return np.sum([band_power(a - mean) for a, _ in pairs(x, x)], axis=0)


def _shares(y: np.ndarray, z: np.ndarray, data: np.ndarray, metric: str) -> dict[str, float]:
    """Power of z - y by band over the data's power there, {metric_low: ..., ...}."""
    power = np.sum([band_power(b - a) for a, b in pairs(y, z)], axis=0)
    return {
        f"{metric}_{band}": float(p / d) if d > 0 else float("nan")
        for band, p, d in zip(BANDS, power, data, strict=True)
    }


def applies(data: Prepared) -> bool:
    """On images: `density` compares reconstructions of densities."""
    return not data.is_density


def rows(inputs: Inputs) -> list[Row]:
    """Errors of the stored decoder means, and what each level adds to them."""
    y = inputs.arrays["reconstructions"]
    x = np.asarray(inputs.data.test[: len(y)])
    n = len(y)
    mean = np.broadcast_to(x.mean(axis=0, keepdims=True).round().astype(x.dtype), x.shape)
    gaussian, size = ssim_window(min(x.shape[-2:]))
    window = f"{'Gaussian, sd 1.5' if gaussian else 'uniform'} {size}x{size} window, inside the image; data range 1"

    def one(
        metric: str, measure: Callable[[np.ndarray, np.ndarray], float], settings: str = "", most: int = n
    ) -> list[Row]:
        def compute() -> dict[str, float]:
            return {metric: measure(x[:most], finite("reconstructions", y[:most]))}

        baseline = attempt([metric], lambda: {metric: measure(x[:most], mean[:most])})[0].value
        text = "; ".join(part for part in (DECODED, settings, "floor: the mean image") if part)
        return attempt([metric], compute, n=min(n, most), settings=text, floor=baseline)

    found = [
        *one("mse", mse),
        *one("psnr", psnr, "an image's error is at least half a grey level"),
        *one("ssim", ssim, window, SSIM_IMAGES),
        *one("bce", bce, "decoder means kept half a grey level off 0 and 1"),
        *one("sharpness", sharpness, "four-neighbour Laplacian"),
        *one("sharpness_error", sharpness_error, "four-neighbour Laplacian"),
    ]
    data = _data_power(x)
    edges = (
        f"{DECODED}; radial bands with edges 1/6 and 1/3 cycles a pixel; over the data's power around their mean image"
    )
    names = [f"band_error_{band}" for band in BANDS]
    found += attempt(
        names,
        partial(_shares, x, y, data, "band_error"),
        n=n,
        settings=edges,
        ceiling=0.0,
        floor=1.0,
        reason=EMPTY_BAND,
    )
    try:
        dropped = inputs.arrays["dropped"]
    except Undefined as error:
        names = [name for name in expected(METRICS, inputs) if name.startswith("drop_level_")]
        return found + [without_value(name, "empty", str(error)) for name in names]
    part = dropped.shape[1]
    data = _data_power(x[:part])
    for k, changed in enumerate(dropped, start=1):
        metric = f"drop_level_{k}"
        names = [f"{metric}_{band}" for band in BANDS]
        found += attempt(
            names, partial(_shares, y[:part], changed, data, metric), n=part, settings=edges, reason=EMPTY_BAND
        )
    return found
