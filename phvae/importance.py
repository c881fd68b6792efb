"""The log-likelihood log p(x) by importance sampling from proposals that trust no encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from phvae.errors import DataError
from phvae.proposal import Joint, laplace, prior, refit
from phvae.seeding import torch_generator

if TYPE_CHECKING:
    from phvae.model import PHVAE

__all__ = ["LEAST_DRAWS", "MOST_DRAWS", "Estimate", "estimate", "log_likelihood"]

LEAST_DRAWS = 32  # of fewer the largest fifth is too small for a shape
ROUND = 512  # draws; fitted again after each, since many small rounds settle with fewer draws than few large ones
MOST_DRAWS = 8192
LARGEST_ERROR = 0.1  # nats: the bias of a logarithm of a mean is half its square, .005
LARGEST_K = 0.7  # of the Pareto shape (Vehtari et al., 2024)
STARTS = 32
ENCODER_SHARE, PRIOR_SHARE = 0.15, 0.15
ENCODER_WIDENING = 1.5
EXAMPLES = 64  # computed together


@dataclass(frozen=True)
class Estimate:
    """log p(x) of every example, and how far it is to be trusted; all (B,).

    Attributes:
        value: nats, in the model's units.
        error: its Monte Carlo standard error, nats.
        k: the shape of the Pareto distribution fitted to the largest weights; infinite where none can be fitted.
        draws: how many draws it took.
    """

    value: Tensor
    error: Tensor
    k: Tensor
    draws: Tensor

    @property
    def settled(self) -> Tensor:
        """Whether the error is at most .1 nats and can be believed, since the weights have a variance: k below .7."""
        return (self.error <= LARGEST_ERROR) & (self.k < LARGEST_K)


def log_likelihood(model: PHVAE, x: Any, max_samples: int = MOST_DRAWS, *, seed: int = 0, first: int = 0) -> Tensor:
    """The values of `estimate`, (B,) nats in the model's units."""
    return estimate(model, x, max_samples, seed=seed, first=first).value


@torch.no_grad()
def estimate(model: PHVAE, x: Any, max_samples: int = MOST_DRAWS, *, seed: int = 0, first: int = 0) -> Estimate:
    """log p(x) by adaptive multiple importance sampling (Cornuet et al., 2012), example by example.

    The proposal is a mixture: a normal with the mode and curvature of log p(x, z), fitted again to all draws after
    every round of 512; the encoder's posterior, widened; the prior. Draws of all rounds are weighted by the mixture of
    all rounds (the balance heuristic of Veach and Guibas, 1995; defensive components as Owen and Zhou, 2000), so that
    neither an encoder that is too narrow nor a fit that failed leaves a tail without draws. They grow until the
    estimate of the example has settled (see `Estimate.settled`) or `max_samples` is reached. It is biased downwards by
    about half the square of its error. x is scored at level 1, whatever the reconstruction weights; with the Bernoulli
    likelihood on grey data it is no likelihood.

    Each example has noise of its own, keyed by (seed, first + position): a split of a data set into batches changes
    values by rounding only, and not at all at multiples of 64.

    Args:
        model: a trained model.
        x: examples, (B, *shape), in the model's units.
        max_samples: the most draws per example, at least 32.
        seed: of the noise.
        first: the position of x[0] in the data set.

    Raises:
        DataError: max_samples is below 32, or x does not fit the model.
    """
    if max_samples < LEAST_DRAWS:
        raise DataError(f"max_samples is {max_samples}, expected at least {LEAST_DRAWS}")
    parts, position = [], first
    for some in model.as_data(x).split(EXAMPLES):
        parts.append(_Sampler(model, some, seed, position).run(max_samples))
        position += len(some)
    return Estimate(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Estimate)))


class _Sampler:
    """The rounds of a batch of examples; those that have settled drop out."""

    def __init__(self, model: PHVAE, x: Tensor, seed: int, first: int) -> None:
        self.joint = Joint(model, x)
        self.size = model.latent_size
        self.generators = [torch_generator(seed, "importance", first + i) for i in range(len(x))]
        self.active = torch.arange(len(x), device=x.device)
        starts = 0.7 * self._noise(STARTS)
        encoder = self.joint.encoder
        self.fitted = laplace(self.joint, torch.cat([encoder.mean[:, None], starts], 1))
        # the components and how many draws each gave: encoder, prior, then a fit per round
        self.components = [encoder.widened(ENCODER_WIDENING), prior(len(x), self.size, x)]
        self.counts = [0, 0]
        self.u = x.new_zeros((len(x), 0, self.size), dtype=torch.float64)
        self.log_joint = self.u.new_zeros(len(x), 0)
        self.log_q = self.u.new_zeros(len(x), 0, 2)

    def run(self, most: int) -> Estimate:
        """Rounds until all examples have settled or used `most` draws."""
        fill = self.u.new_full((len(self.active),), math.nan)
        found = Estimate(fill.clone(), fill.clone(), fill.clone(), torch.zeros_like(self.active))
        total = 0
        while len(self.active):
            size = min(ROUND, most - total)
            self._round(size)
            total += size
            weights = self._log_weights(total)
            now = Estimate(
                torch.logsumexp(weights, 1) - math.log(total),
                _error(weights),
                _pareto_k(weights),
                torch.full_like(self.active, total),
            )
            for field in fields(Estimate):
                getattr(found, field.name)[self.active] = getattr(now, field.name)
            left = ~now.settled & now.value.isfinite() & (total < most)
            if left.any():
                self.fitted = refit(self.u, weights, self.fitted)
            self._keep(left)
        return found

    def _noise(self, count: int) -> Tensor:
        """Standard normal noise (b, count, L), each example's own."""
        draws = [
            torch.randn(count, self.size, generator=self.generators[i], dtype=torch.float64)
            for i in self.active.tolist()
        ]
        return torch.stack(draws).to(self.active.device)

    def _round(self, size: int) -> None:
        """Add `size` draws per example: shares of encoder and prior, the rest from the newest fit, a little widened."""
        # the same loss of effective draws whatever the size: (1 + a / sqrt(L))^(2L) tends to exp(2a)
        inflation = 1 + 0.7 / math.sqrt(self.size)
        self.components.append(self.fitted.widened(inflation))
        shares = [round(ENCODER_SHARE * size), round(PRIOR_SHARE * size)]
        counts = [*shares, *[0] * (len(self.components) - 3), size - sum(shares)]
        noise = self._noise(size).split([c for c in counts if c], 1)
        sources = [component for component, count in zip(self.components, counts, strict=True) if count]
        u = torch.cat([source.draw(part) for source, part in zip(sources, noise, strict=True)], 1)
        self.counts = [a + b for a, b in zip([*self.counts, 0], counts, strict=True)]
        newest = self.components[-1].log_density(self.u)[..., None]
        older = torch.cat([self.log_q, newest], 2)
        new = torch.stack([component.log_density(u) for component in self.components], 2)
        self.log_q = torch.cat([older, new], 1)
        self.log_joint = torch.cat([self.log_joint, self.joint.log_density(u, self.active)], 1)
        self.u = torch.cat([self.u, u], 1)

    def _log_weights(self, total: int) -> Tensor:
        """log p(x, u) minus the log of the mixture that all draws so far come from, (b, total)."""
        shares = torch.tensor(self.counts, dtype=torch.float64, device=self.u.device) / total
        return self.log_joint - torch.logsumexp(self.log_q + shares.log(), 2)

    def _keep(self, rows: Tensor) -> None:
        self.active, self.u, self.log_joint, self.log_q = (
            each[rows] for each in (self.active, self.u, self.log_joint, self.log_q)
        )
        self.fitted = self.fitted.at(rows)
        self.components = [component.at(rows) for component in self.components]


def _error(log_weights: Tensor) -> Tensor:
    """Standard error of the log of the mean weight, (b,): the relative one of the mean."""
    weights = torch.exp(log_weights - log_weights.max(1, keepdim=True).values)
    return weights.std(1) / weights.mean(1) / math.sqrt(weights.shape[1])


def _pareto_k(log_weights: Tensor) -> Tensor:
    """The shape of the generalised Pareto distribution of the largest weights, (b,) (Vehtari et al., 2024)."""
    from arviz_stats.base import array_stats  # loads scipy.stats, half a second

    found = torch.full_like(log_weights[:, 0], math.inf)
    largest = log_weights.max(1, keepdim=True).values
    finite = largest[:, 0].isfinite()
    if finite.any():
        # the library takes the logarithms of inverse weights; of weights that are zero it can make nothing
        inverse = (largest - log_weights)[finite].clamp(max=700)
        with np.errstate(all="ignore"):  # a few weights that hold everything have no shape: NaN
            _, k = array_stats.psislw(inverse.cpu().numpy(), axis=-1)
        found[finite] = torch.as_tensor(k, dtype=found.dtype, device=found.device).nan_to_num(nan=math.inf)
    return found
