"""The metrics of what a model puts out, in words: densities, reconstructions, generated images."""

from __future__ import annotations

from phvae.metrics.metric import Metric

__all__ = ["OUTPUT_METRICS"]

_IQR = "interquartile ranges"
_PAIRED = "; reconstructions are compared with the draws they reconstruct, so that they have no floor"

_DENSITY: tuple[Metric, ...] = (
    Metric(
        "w1_{output}",
        "density",
        "W1",
        "Wasserstein-1 distance between the empirical distribution and the exact cdf, in original units over the "
        "true interquartile range (one dimension)",
        _IQR,
        False,
        "Villani 2009, ch. 6",
    ),
    Metric(
        "ks_{output}",
        "density",
        "KS",
        "Kolmogorov-Smirnov distance, the largest gap between the empirical and the exact cdf (one dimension)",
        "1",
        False,
        "Kolmogorov 1933",
    ),
    Metric(
        "cvm_{output}",
        "density",
        "CvM",
        "Cramer-von Mises statistic against the exact cdf over n: the mean squared gap between the "
        "empirical and the exact cdf (one dimension)",
        "1",
        False,
        "Cramer 1928; von Mises 1931",
    ),
    Metric(
        "ad_{output}",
        "density",
        "AD",
        f"two-sample Anderson-Darling statistic against draws of the true density (one dimension){_PAIRED}",
        "1",
        False,
        "Scholz and Stephens 1987",
    ),
    Metric(
        "sliced_w1_{output}",
        "density",
        "sliced W1",
        "mean Wasserstein-1 distance over fixed projections, against draws of the true density, over the true "
        f"interquartile range (two dimensions){_PAIRED}",
        _IQR,
        False,
        "Rabin et al. 2011",
    ),
    Metric(
        "mmd_{output}",
        "density",
        "MMD",
        "squared maximum mean discrepancy, Gaussian kernel, against draws of the true density (two dimensions); the "
        f"U-statistic, unbiased for samples, below 0 for a perfect reconstruction{_PAIRED}",
        "1",
        False,
        "Gretton et al. 2012, eq. 3",
    ),
)

_RECONSTRUCTION: tuple[Metric, ...] = (
    Metric(
        "mse",
        "reconstruction",
        "MSE",
        "mean squared error a pixel of the decoder's mean",
        "1",
        False,
        "textbook",
    ),
    Metric(
        "psnr",
        "reconstruction",
        "PSNR",
        "mean over images of 10 log10(1/MSE), data in [0, 1]",
        "dB",
        True,
        "textbook",
    ),
    Metric(
        "ssim",
        "reconstruction",
        "SSIM",
        "mean structural similarity; the window is named in the settings",
        "1",
        True,
        "Wang et al. 2004, eq. 13",
    ),
    Metric(
        "bce",
        "reconstruction",
        "BCE",
        "binary cross-entropy an image of the decoder's mean, summed over pixels; not a density on grey data",
        "nats",
        False,
        "Kingma and Welling 2014, app. C",
    ),
    Metric(
        "sharpness",
        "reconstruction",
        "sharpness",
        "variance of the Laplacian of reconstructions over that of the data; 1 is as sharp as the data, and higher is "
        "better up to 1 only: noise passes it (no claim is supported there), see `sharpness_error`",
        "1",
        True,
        "Pech-Pacheco et al. 2000",
        best=1.0,
    ),
    Metric(
        "sharpness_error",
        "reconstruction",
        "sharpness error",
        "|log sharpness|: 0 is as sharp as the data, and both blur and noise raise it",
        "1",
        False,
        "this project",
    ),
    Metric(
        "band_error_{band}",
        "reconstruction",
        "error, {band} band",
        "power of the error in a ring of spatial frequency (edges 1/6 and 1/3 cycles a pixel) over the power there of "
        "the data around their mean image; 1 is no better than the mean image",
        "1",
        False,
        "this project",
    ),
    Metric(
        "drop_level_{k}_{band}",
        "reconstruction",
        "level {k} dropped, {band} band",
        "power of the change of the reconstruction, by frequency band, when level k is replaced by its prior mean, "
        "over the power there of the data around their mean image",
        "1",
        None,
        "this project",
    ),
)

_FEATURES = (
    ("inception", "Inception-v3 pool3", "fid"),
    ("classifier", "the data set's own classifier's 64 standardised", "fd_classifier"),
    ("efficientnet_lite0", "EfficientNet-Lite0", "fd_efficientnet_lite0"),
)
_GENERATION: tuple[Metric, ...] = tuple(
    entry
    for short, words, distance in _FEATURES
    for entry in (
        Metric(
            f"{distance}_{{images}}",
            "generation",
            "FID" if distance == "fid" else f"FD ({short})",
            f"Frechet distance between normals fitted to {words} features of the test split and of the images",
            "1",
            False,
            "Heusel et al. 2017, eq. 6",
        ),
        Metric(
            f"kid_{short}_{{images}}",
            "generation",
            f"KID ({short})",
            f"kernel distance (cubic polynomial kernel, unbiased for samples) on {words} features",
            "1",
            False,
            "Binkowski et al. 2018",
        ),
        Metric(
            f"precision_{short}_{{images}}",
            "generation",
            f"precision ({short})",
            f"share of the images inside the data's k-nearest-neighbour manifold of {words} features",
            "1",
            True,
            "Kynkaanniemi et al. 2019",
        ),
        Metric(
            f"recall_{short}_{{images}}",
            "generation",
            f"recall ({short})",
            f"share of the data inside the images' k-nearest-neighbour manifold of {words} features",
            "1",
            True,
            "Kynkaanniemi et al. 2019",
        ),
    )
)

OUTPUT_METRICS: tuple[Metric, ...] = (*_DENSITY, *_RECONSTRUCTION, *_GENERATION)
