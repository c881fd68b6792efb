"""Likelihood in nats: importance-sampled NLL, bits a dimension, and the terms of the bound."""

from __future__ import annotations

import math

import numpy as np

from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt

__all__ = ["bits_per_dim", "is_density", "rows", "unsettled"]

LARGEST_SHARE = 0.05  # of examples whose estimate has not settled


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
    """nll, bits_per_dim, elbo, reconstruction_nll; on grey data under Bernoulli only the two bce_ names."""
    data, arrays = inputs.data, inputs.arrays
    name = inputs.model.likelihood.name

    def mean(key: str) -> float:
        return float(finite(key, arrays[key]).mean(dtype=np.float64))

    n = len(arrays["elbo"])
    grey = not is_density(name, data.binary)
    bound = ("bce_elbo", "bce_reconstruction") if grey else ("elbo", "reconstruction_nll")
    unit = "original units" if data.is_density else ("probability" if name == "bernoulli" else "pixels in [0, 1]")
    bounds = attempt(
        bound,
        lambda: dict(zip(bound, (mean("elbo"), mean("elbo_reconstruction")), strict=True)),
        n=n,
        settings=f"{name}; {'grey data' if grey else unit}; {arrays['elbo_draws']} draws of q(z|x) per example",
        noise_sd=_error_of_mean(arrays["elbo_error"]),
    )
    if grey:
        return bounds

    def bits() -> dict[str, float]:
        if data.is_density:
            raise Undefined("bits a dimension compare images: the nll of a density depends on its unit")
        if name != "bernoulli":
            raise Undefined("the images are not dequantised: a density at 256 grey levels has no bits a dimension")
        return {"bits_per_dim": bits_per_dim(-mean("log_px"), math.prod(data.shape))}

    draws, settled = arrays["log_px_draws"], arrays["log_px_settled"]
    how = f"fitted proposal, {draws.mean():.0f} draws per example, k up to {arrays['log_px_k'].max():.2f}"
    how += f", {settled.sum()} of {n} settled"
    settings, caution = f"{name}; {how}; {unit}", unsettled(settled, int(draws.max()))
    error = _error_of_mean(arrays["log_px_error"])
    nll = attempt(["nll"], lambda: {"nll": -mean("log_px")}, n=n, settings=settings, caution=caution, noise_sd=error)
    return [*nll, *attempt(["bits_per_dim"], bits, n=n, settings=settings, caution=caution), *bounds]


def unsettled(settled: np.ndarray, draws: int) -> str:
    """Why a mean of estimates decides nothing: more than one example in twenty has not settled; empty otherwise.

    >>> unsettled(np.array([True, False]), 8192)
    'the likelihood of 1 of 2 examples has not settled at 8,192 draws'
    """
    left = int((~settled).sum())
    if left <= LARGEST_SHARE * len(settled):
        return ""
    return f"the likelihood of {left} of {len(settled)} examples has not settled at {draws:,} draws"


def _error_of_mean(errors: np.ndarray) -> float:
    """The Monte Carlo standard error of the mean of independent estimates."""
    return float(np.sqrt(np.square(errors).sum()) / len(errors))
