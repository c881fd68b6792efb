"""The log-likelihood log p(x) by importance sampling from the posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from phvae.errors import DataError
from phvae.polynomial import expand
from phvae.seeding import torch_generator

if TYPE_CHECKING:
    from phvae.model import PHVAE

__all__ = ["log_likelihood", "log_weights"]


@torch.no_grad()
def log_weights(model: PHVAE, x: Any, samples: int, *, seed: int = 0, first: int = 0) -> Tensor:
    """log p(x, z) / q(z | x) of `samples` draws of z an example.

    x is scored at level 1, whatever the reconstruction weights. Each example has noise of its own, keyed by
    (seed, first + position), and is computed alone, so that no split of a data set into batches changes a value.

    Args:
        model: a trained model.
        x: examples, (B, *shape), in the model's units.
        samples: draws an example.
        seed: of the noise.
        first: the position of x[0] in the data set.

    Returns:
        (B, samples), nats in the model's units.
    """
    if samples < 1:
        raise DataError(f"samples is {samples}, expected at least 1")
    rows = []
    for position, example in enumerate(model.as_data(x), first):
        levels = expand(example[None], model.order, model.config.basis)
        generator = torch_generator(seed, "importance", position)
        eps = torch.randn(samples, model.order, model.level_size, generator=generator).to(example)
        q = model.posterior(levels)
        z = q.draw(eps)
        nll = model.likelihood.nll(levels, model.decoder(z.flatten(1)).to(example.dtype), [1])[0]
        rows.append(q.log_prior(z) - nll - q.log_density(eps))
    return torch.stack(rows)


def log_likelihood(model: PHVAE, x: Any, samples: int = 64, *, seed: int = 0, first: int = 0) -> Tensor:
    """The estimate log mean exp of the log-weights, (B,) nats (Burda et al., 2016, eq. 8).

    Its expectation over the noise is at most log p(x) and grows with `samples`; for `samples` = 1 it is the ELBO. With
    the Bernoulli likelihood on grey data it is no likelihood.
    """
    return log_weights(model, x, samples, seed=seed, first=first).logsumexp(1) - math.log(samples)
