"""Likelihood in nats: importance-sampled NLL, bits a dimension, and the terms of the bound."""

from __future__ import annotations

import math

import numpy as np

from phvae.metrics.log_px import error_of_mean, is_density, unsettled
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt, row, without_value

__all__ = ["METRICS", "bits_per_dim", "rows"]


def _density(inputs: Inputs) -> bool:
    return inputs.model is None or is_density(inputs.model.likelihood.name, inputs.data.binary)


def _grey(inputs: Inputs) -> bool:
    return not _density(inputs)


METRICS = (
    Metric(
        name="nll",
        group="likelihood",
        label="NLL",
        definition="-log p(x) by adaptive importance sampling (docs/method.md, section 5), in original units; a "
        "density only",
        unit="nats",
        higher_is_better=False,
        source="Cornuet et al. 2012",
        when=_density,
        shown=(Shown(table=85, headline=80, panel=140),),
    ),
    Metric(
        name="bits_per_dim",
        group="likelihood",
        label="bits/dim",
        definition="NLL over (dimensions times log 2), of binary images under a Bernoulli likelihood alone",
        unit="bits",
        higher_is_better=False,
        source="Theis et al. 2016, sec. 3.1",
        when=_density,
    ),
    Metric(
        name="elbo",
        group="likelihood",
        label="ELBO",
        definition="evidence lower bound of the examples that nll is of: minus reconstruction_nll minus their "
        "KL(q(z|x) || p(z))",
        unit="nats",
        higher_is_better=True,
        source="Kingma and Welling 2014, eq. 3",
        when=_density,
    ),
    Metric(
        name="reconstruction_nll",
        group="likelihood",
        label="reconstruction NLL",
        definition="the ELBO's expected -log p(x|z)",
        unit="nats",
        higher_is_better=False,
        source="Kingma and Welling 2014, eq. 3",
        when=_density,
        shown=(Shown(distortion=20),),
    ),
    Metric(
        name="bce_elbo",
        group="likelihood",
        label="BCE bound",
        definition="-(bce_reconstruction + kl) of a Bernoulli likelihood on grey data: not a density, never compared "
        "with elbo",
        unit="nats",
        higher_is_better=True,
        source="Loaiza-Ganem and Cunningham 2019",
        when=_grey,
        shown=(Shown(panel=150),),
    ),
    Metric(
        name="bce_reconstruction",
        group="likelihood",
        label="BCE under the posterior",
        definition="expected binary cross-entropy of a Bernoulli likelihood on grey data: not a density",
        unit="nats",
        higher_is_better=False,
        source="Loaiza-Ganem and Cunningham 2019",
        when=_grey,
        shown=(Shown(distortion=30),),
    ),
)


def bits_per_dim(nll: float, dimensions: int) -> float:
    """NLL of discrete data, in nats, to bits a dimension (Theis et al. 2016, sec. 3.1).

    >>> round(bits_per_dim(784 * math.log(2), 784), 6)
    1.0
    """
    return nll / (dimensions * math.log(2))


def rows(inputs: Inputs) -> list[Row]:
    """nll, bits_per_dim, elbo, reconstruction_nll; on grey data under Bernoulli only the two bce_ names."""
    if inputs.model is None:
        return _stated(inputs)
    data, arrays = inputs.data, inputs.arrays
    name = inputs.model.likelihood.name

    def mean(key: str) -> float:
        return float(finite(key, arrays[key]).mean(dtype=np.float64))

    n = len(arrays["elbo"])
    grey = _grey(inputs)
    bound = ("bce_elbo", "bce_reconstruction") if grey else ("elbo", "reconstruction_nll")
    unit = "original units" if data.is_density else ("probability" if name == "bernoulli" else "pixels in [0, 1]")
    bounds = attempt(
        bound,
        lambda: dict(zip(bound, (mean("elbo"), mean("elbo_reconstruction")), strict=True)),
        n=n,
        settings=f"{name}; {'grey data' if grey else unit}; {arrays['elbo_draws']} draws of q(z|x) per example",
        noise_sd=error_of_mean(arrays["elbo_error"]),
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
    error = error_of_mean(arrays["log_px_error"])
    nll = attempt(["nll"], lambda: {"nll": -mean("log_px")}, n=n, settings=settings, caution=caution, noise_sd=error)
    return [*nll, *attempt(["bits_per_dim"], bits, n=n, settings=settings, caution=caution), *bounds]


def _stated(inputs: Inputs) -> list[Row]:
    """log p(x) as the author of a model that was trained elsewhere states it; the bound needs the model."""
    data, log_px = inputs.data, inputs.arrays["log_px"]
    n, nll = len(log_px), -float(log_px.mean(dtype=np.float64))
    settings = f"as stated; {'original units' if data.is_density else 'probability' if data.binary else 'grey data'}"
    caution = "" if data.is_density or data.binary else "stated of grey data: not known to be a density of [0, 1]"
    values = {"nll": nll} | ({"bits_per_dim": bits_per_dim(nll, math.prod(data.shape))} if data.binary else {})
    model = "external: needs the model itself, which was trained elsewhere"
    absent = [("bits_per_dim", "of binary images alone"), ("elbo", model), ("reconstruction_nll", model)]
    found = [row(name, value, n=n, settings=settings, caution=caution) for name, value in values.items()]
    return found + [without_value(name, "empty", why, n=n) for name, why in absent if name not in values]
