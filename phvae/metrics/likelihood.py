"""Likelihood in nats: importance-sampled NLL, bits a dimension, and the terms of the bound."""

from __future__ import annotations

import math

import numpy as np

from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt

__all__ = ["bits_per_dim", "is_density", "rows"]

NOT_A_DENSITY = "a Bernoulli likelihood on grey data is not a density: see bce_elbo and bce_reconstruction"


def bits_per_dim(nll: float, dimensions: int, levels: int) -> float:
    """NLL in nats to bits a dimension (Theis et al. 2016, sec. 3.1).

    Args:
        nll: of a density on [0, 1]^D after uniform dequantisation of `levels` grey levels, or, with levels 1, of
            discrete data.
        dimensions: D.
        levels: 256 adds 8 bits, 1 adds none.

    >>> bits_per_dim(0.0, 784, 256), round(bits_per_dim(784 * math.log(2), 784, 1), 6)
    (8.0, 1.0)
    """
    return nll / (dimensions * math.log(2)) + math.log2(levels)


def is_density(likelihood: str, binary: bool) -> bool:
    """Whether log p(x|z) is a log-density (or, on binary data, a log-probability) that sums to one over x."""
    return likelihood != "bernoulli" or binary


def rows(inputs: Inputs) -> list[Row]:
    """nll, nll_half, bits_per_dim, elbo, reconstruction_nll; on grey data under Bernoulli the bce_ names instead."""
    data, arrays = inputs.data, inputs.arrays
    name = inputs.model.likelihood.name
    draws = inputs.settings.importance_samples
    dimensions = math.prod(data.shape)

    def mean(key: str) -> float:
        return float(finite(key, arrays[key]).mean(dtype=np.float64))

    def bound(sign: str) -> dict[str, float]:
        reconstruction = mean("elbo_reconstruction")
        prefix = "bce_" if sign == "bce" else ""
        total = -(reconstruction + mean("kl"))
        return {f"{prefix}elbo": total, "bce_reconstruction" if prefix else "reconstruction_nll": reconstruction}

    n = len(arrays["elbo_reconstruction"])
    if not is_density(name, data.binary):
        refused = {"nll": 0.0}

        def refuse() -> dict[str, float]:
            raise Undefined(NOT_A_DENSITY)

        return [
            *attempt(["bce_elbo", "bce_reconstruction"], lambda: bound("bce"), n=n, settings="one draw an example"),
            *attempt([*refused, "nll_half", "bits_per_dim", "elbo", "reconstruction_nll"], refuse),
        ]

    def bits() -> dict[str, float]:
        if data.is_density:
            raise Undefined("bits a dimension compare images: a density's nll depends on its unit")
        if name != "bernoulli" and not data.card.get("dequantised", False):
            raise Undefined("the images were not dequantised: a density of 256 grey levels has no bits a dimension")
        levels = 1 if name == "bernoulli" else 256
        return {"bits_per_dim": bits_per_dim(-mean("log_px"), dimensions, levels)}

    count = len(arrays["log_px"])
    unit = "original units" if data.is_density else ("probability" if name == "bernoulli" else "pixels in [0, 1]")
    settings = f"{name}; {draws} importance samples; {unit}"
    half = f"{name}; {draws // 2} importance samples; {unit}"
    return [
        *attempt(["nll"], lambda: {"nll": -mean("log_px")}, n=count, settings=settings),
        *attempt(["nll_half"], lambda: {"nll_half": -mean("log_px_half")}, n=count, settings=half),
        *attempt(["bits_per_dim"], bits, n=count, settings=settings),
        *attempt(["elbo", "reconstruction_nll"], lambda: bound("nll"), n=n, settings=f"{name}; {unit}"),
    ]
