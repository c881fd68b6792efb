"""Likelihood in nats: importance-sampled NLL, bits a dimension, and the terms of the bound."""

from __future__ import annotations

import math

import numpy as np

from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt

__all__ = ["bits_per_dim", "is_density", "rows"]

ONE_DRAW = "one draw of q(z|x) an example"


def bits_per_dim(nll: float, dimensions: int) -> float:
    """NLL of discrete data, in nats, to bits a dimension (Theis et al. 2016, sec. 3.1).

    >>> round(bits_per_dim(784 * math.log(2), 784), 6)
    1.0
    """
    return nll / (dimensions * math.log(2))


def is_density(likelihood: str, binary: bool) -> bool:
    """Whether log p(x|z) is a log-density (or, on binary data, a log-probability) that sums to one over x."""
    return likelihood != "bernoulli" or binary


def rows(inputs: Inputs) -> list[Row]:
    """nll, nll_half, bits_per_dim, elbo, reconstruction_nll; on grey data under Bernoulli only the two bce_ names."""
    data, arrays = inputs.data, inputs.arrays
    name = inputs.model.likelihood.name

    def mean(key: str) -> float:
        return float(finite(key, arrays[key]).mean(dtype=np.float64))

    def bound(total: str, reconstruction: str) -> dict[str, float]:
        nll = mean("elbo_reconstruction")
        return {total: -(nll + mean("kl")), reconstruction: nll}

    n = len(arrays["elbo_reconstruction"])
    if not is_density(name, data.binary):
        names = ("bce_elbo", "bce_reconstruction")
        return attempt(names, lambda: bound(*names), n=n, settings=f"{name} on grey data; {ONE_DRAW}")

    def bits() -> dict[str, float]:
        if data.is_density:
            raise Undefined("bits a dimension compare images: the nll of a density depends on its unit")
        if name != "bernoulli":
            raise Undefined("the images are not dequantised: a density at 256 grey levels has no bits a dimension")
        return {"bits_per_dim": bits_per_dim(-mean("log_px"), math.prod(data.shape))}

    names = ("elbo", "reconstruction_nll")
    unit = "original units" if data.is_density else ("probability" if name == "bernoulli" else "pixels in [0, 1]")
    draws = inputs.settings.importance_samples
    count = len(arrays["log_px"])
    text = f"{name}; {{}} importance samples; {unit}"
    return [
        *attempt(["nll"], lambda: {"nll": -mean("log_px")}, n=count, settings=text.format(draws)),
        *attempt(
            ["nll_half"],
            lambda: {"nll_half": -mean("log_px_half")},
            n=count,
            settings=text.format(max(1, draws // 2)),
        ),
        *attempt(["bits_per_dim"], bits, n=count, settings=text.format(draws)),
        *attempt(names, lambda: bound(*names), n=n, settings=f"{name}; {unit}; {ONE_DRAW}"),
    ]
