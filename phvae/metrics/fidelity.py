"""Frechet distance, KID, precision and recall on given features: torch-fidelity's arithmetic, its traps guarded."""

from __future__ import annotations

from typing import Any

import numpy as np

from phvae.metrics.rows import Undefined, at_least

__all__ = [
    "KID_SUBSETS",
    "KID_SUBSET_SIZE",
    "NEIGHBOURHOOD",
    "checked",
    "frechet",
    "kid",
    "kid_subsets",
    "library_options",
    "precision_recall",
]

# torch-fidelity's defaults, those of the papers, written out because they are part of the value
KID_SUBSETS = 100
KID_SUBSET_SIZE = 1_000
NEIGHBOURHOOD = 3
_ROWS = 2_000  # rows of a distance matrix in memory at a time; no value depends on it


def library_options(**options: Any) -> dict[str, Any]:
    """Keyword arguments that torch-fidelity knows: it ignores misspelt ones without a word.

    Raises:
        TypeError: one that it does not know.
    """
    from torch_fidelity.defaults import DEFAULTS

    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise TypeError(f"torch-fidelity knows no option {', '.join(unknown)}")
    return {"verbose": False, "cuda": False, "cache": False} | options


def checked(generated: np.ndarray, real: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Generated and real features as float64 (n, F): in float32 large covariances lose the digits that matter.

    Raises:
        ValueError: they are no features of one extractor.
        Undefined: fewer than `least` images in a set, or features that are not finite.
    """
    x, y = np.asarray(generated, dtype=np.float64), np.asarray(real, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features have shapes {x.shape} and {y.shape}, expected (n, F) and (m, F)")
    at_least(least, min(len(x), len(y)), "images, generated or real")
    for what, features in (("generated", x), ("real", y)):
        if not np.isfinite(features).all():
            raise Undefined(f"features of the {what} images are not all finite")
    return x, y


def frechet(generated: np.ndarray, real: np.ndarray) -> float:
    """Frechet distance between normals fitted to two sets of features (Heusel et al. 2017, eq. 6).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2), with the covariances over n - 1. It is biased upwards, more so the
    fewer images there are: compare only values of equal n, and with the noise floor.

    Args:
        generated: (n, F).
        real: (m, F).

    >>> x = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> round(frechet(x + 3.0, x), 9)
    18.0

    Raises:
        Undefined: fewer than two images in a set, or features that are not finite.
    """
    import torch
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    x, y = checked(generated, real, 2)
    if len(x) + len(y) < x.shape[1]:
        # all features lie in a space of n + m dimensions: a rotation into it changes no distance and saves the
        # eigenvalues of a large matrix of low rank
        rotation = np.linalg.qr(np.concatenate([x, y]).T).Q
        x, y = x @ rotation, y @ rotation
    # one feature would give a covariance without axes: a second, constant one changes no distance
    x, y = (np.pad(f, ((0, 0), (0, max(0, 2 - f.shape[1])))) for f in (x, y))
    one, two = (fid_features_to_statistics(torch.from_numpy(np.ascontiguousarray(f))) for f in (x, y))
    return float(fid_statistics_to_metric(one, two, False)[KEY_METRIC_FID])


def kid_subsets(generated: int, real: int, subsets: int) -> tuple[int, int]:
    """How many subsets `kid` takes of so many images, and their size: all images at once where they fit into one.

    >>> kid_subsets(64, 64, 10), kid_subsets(5_000, 5_000, 10)
    ((1, 64), (10, 1000))
    """
    size = min(KID_SUBSET_SIZE, generated, real)
    return (1 if size == generated == real else subsets), size


def kid(generated: np.ndarray, real: np.ndarray, subsets: int = KID_SUBSETS) -> float:
    """Kernel distance: mean over subsets of 1,000 of the unbiased squared MMD, kernel (x.y / F + 1)^3.

    With at most 1,000 images in each set, all are taken at once. May be slightly negative.

    Args:
        generated: (n, F).
        real: (m, F).
        subsets: number of subsets, drawn with a fixed seed.

    Raises:
        Undefined: fewer than two images in a set, or features that are not finite.
    """
    import torch
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    x, y = checked(generated, real, 2)
    count, size = kid_subsets(len(x), len(y), subsets)
    options = library_options(
        kid_subset_size=size,
        kid_subsets=count,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=2020,
    )
    return float(kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **options)[KEY_METRIC_KID_MEAN])


def precision_recall(generated: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Improved precision and recall (Kynkaanniemi et al. 2019, eq. 1-2), third nearest neighbours.

    Precision: share of generated images within the real ones' balls; recall: share of real images within the
    generated ones' balls. The order of the arguments decides which is which.

    Args:
        generated: (n, F).
        real: (m, F).

    Raises:
        Undefined: fewer than four images in a set, or features that are not finite.
    """
    import torch
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    x, y = checked(generated, real, NEIGHBOURHOOD + 1)
    # save_cpu_ram: the distances in pieces, instead of three matrices of n x n at once
    options = library_options(prc_neighborhood=NEIGHBOURHOOD, prc_batch_size=_ROWS, save_cpu_ram=True)
    found = prc_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **options)
    return float(found[KEY_METRIC_PRECISION]), float(found[KEY_METRIC_RECALL])
