"""The log-likelihood log p(x) by importance sampling from proposals that trust no encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from phvae.determinism.seeding import torch_generator
from phvae.encoding.proposal import Joint, Normal, laplace, prior, refit
from phvae.errors import DataError

if TYPE_CHECKING:
    from phvae.model.model import Model

__all__ = ["LEAST_DRAWS", "MOST_DRAWS", "Estimate", "estimate", "log_likelihood"]

LEAST_DRAWS = 32  # of fewer the largest fifth is too small for a shape
MOST_DRAWS = 8192
FEWEST_DRAWS = 1024  # where they may be had: the mean over a hundred densities is then within .01 nats
ROUND = 512  # draws between two looks at the weights
EXAMPLES = 64  # computed together
LARGEST_ERROR = 0.1  # nats: the bias of a logarithm of a mean is half its square, .005
LARGEST_K = 0.7  # of the Pareto shape (Vehtari et al., 2024)
PILOT_DRAWS = 4096  # at most, to fit the proposal; they are not part of the estimate
PILOT_ERROR, PILOT_K = 0.05, 0.5
STARTS = 32
ENCODER_SHARE, PRIOR_SHARE = 0.15, 0.15
ENCODER_WIDENING = 1.5


@dataclass(frozen=True)
class Estimate:
    """log p(x) of every example, and how far it is to be trusted; all (B,).

    Attributes:
        value: nats, in the model's units.
        error: its Monte Carlo standard error, nats.
        k: the shape of the Pareto distribution fitted to the largest weights; infinite where none can be fitted.
        draws: how many draws it is of, without those that fitted the proposal.
    """

    value: Tensor
    error: Tensor
    k: Tensor
    draws: Tensor

    @property
    def settled(self) -> Tensor:
        """Whether the error is at most .1 nats and can be believed, since the weights have a variance: k below .7."""
        return (self.error <= LARGEST_ERROR) & (self.k < LARGEST_K)


def log_likelihood(model: Model, x: Any, max_samples: int = MOST_DRAWS, *, seed: int = 0, first: int = 0) -> Tensor:
    """The values of `estimate`, (B,) nats in the model's units."""
    return estimate(model, x, max_samples, seed=seed, first=first).value


@torch.no_grad()
def estimate(model: Model, x: Any, max_samples: int = MOST_DRAWS, *, seed: int = 0, first: int = 0) -> Estimate:
    """log p(x) by importance sampling from a mixture that is fitted to each example.

    The mixture: a normal fitted to p(z | x); the encoder's posterior, widened; the prior. The fit begins with the mode
    and curvature of log p(x, z) and is made again after every round of 512 draws, all weighted by the mixture of all
    rounds (adaptive multiple importance sampling, Cornuet et al., 2012). The estimate is then of new draws alone, since
    the fit follows the draws it was made from: with them the estimate would be half a nat low on images. It is weighted
    by the mixture, too (the balance heuristic of Veach and Guibas, 1995; defensive components as Owen and Zhou, 2000),
    so that neither an encoder that is too narrow nor a fit that failed leaves a tail without draws. Draws grow from
    1,024 by 512 until the estimate has settled (see `Estimate.settled`) or `max_samples` is reached. It is biased
    downwards by about half the square of its error. x is scored at level 1, whatever the reconstruction weights; with
    the Bernoulli likelihood on grey data it is no likelihood.

    Each example has noise of its own, keyed by (seed, first + position): a split of a data set into batches changes
    values by rounding only, and not at all at multiples of 64.

    Args:
        model: a trained model.
        x: examples, (B, *shape), as `as_data` takes them.
        max_samples: the most draws per example that the estimate is of, at least 32; the fit takes up to 4,096 more.
        seed: of the noise.
        first: the position of x[0] in the data set.

    Raises:
        DataError: max_samples is below 32, or x does not fit the model.
    """
    if max_samples < LEAST_DRAWS:
        raise DataError(f"max_samples is {max_samples}, expected at least {LEAST_DRAWS}")
    parts, position = [], first
    for some in model.as_data(x).split(EXAMPLES):
        joint = Joint(model, some)
        generators = [torch_generator(seed, "importance", position + i) for i in range(len(some))]
        proposal = _Pilot(joint, generators).run(min(max_samples, PILOT_DRAWS))
        parts.append(_final(joint, proposal, generators, max_samples))
        position += len(some)
    return Estimate(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Estimate)))


def _final(joint: Joint, proposal: Normal, generators: Sequence[torch.Generator], most: int) -> Estimate:
    """The estimate from new draws of the mixture, by rounds; examples that have settled drop out."""
    active = torch.arange(len(generators), device=joint.x.device)
    components = [*_defensive(joint), proposal.widened(_inflation(joint.size))]
    log_weights = active.new_zeros((len(active), 0), dtype=torch.float64)
    fill = log_weights.new_full((len(active),), math.nan)
    found = Estimate(fill.clone(), fill.clone(), fill.clone(), torch.zeros_like(active))
    total = 0
    while len(active):
        size = min(ROUND if total else FEWEST_DRAWS, most - total)
        here = [component.at(active) for component in components]
        counts = _counts(size)
        u = _draw(here, counts, [generators[i] for i in active.tolist()])
        shares = torch.tensor(counts, dtype=torch.float64, device=u.device) / size
        log_q = torch.logsumexp(torch.stack([one.log_density(u) for one in here], 2) + shares.log(), 2)
        log_weights = torch.cat([log_weights, joint.log_density(u, active) - log_q], 1)
        total += size
        value, error = torch.logsumexp(log_weights, 1) - math.log(total), _error(log_weights)
        k = _pareto_k(log_weights, error <= LARGEST_ERROR if total < most else error > 0)
        now = Estimate(value, error, k, torch.full_like(active, total))
        for field in fields(Estimate):
            getattr(found, field.name)[active] = getattr(now, field.name)
        left = ~now.settled & value.isfinite() & (total < most)
        active, log_weights = active[left], log_weights[left]
    return found


class _Pilot:
    """Rounds of draws that fit the proposal; examples whose weights are even enough drop out."""

    def __init__(self, joint: Joint, generators: Sequence[torch.Generator]) -> None:
        self.joint, self.generators = joint, generators
        self.active = torch.arange(len(generators), device=joint.x.device)
        self.components = _defensive(joint)  # and then a fit per round
        self.counts = [0, 0]  # draws of each component
        noise = [torch.randn(STARTS, joint.size, generator=g, dtype=torch.float64) for g in generators]
        starts = 0.7 * torch.stack(noise).to(joint.x.device)
        self.fitted = laplace(joint, torch.cat([joint.encoder.mean[:, None], starts], 1))
        self.u = starts[:, :0]
        self.log_joint = self.u[..., 0]
        self.log_q = self.u.new_zeros(len(self.active), 0, 2)

    def run(self, most: int) -> Normal:
        """The fit of every example."""
        mean, scale = self.fitted.mean.clone(), self.fitted.scale.clone()
        total = 0
        while len(self.active):
            size = min(ROUND, most - total)
            self._round(size)
            total += size
            weights = self._log_weights(total)
            self.fitted = refit(self.u, weights, self.fitted)
            mean[self.active], scale[self.active] = self.fitted.mean, self.fitted.scale
            even = _error(weights) <= PILOT_ERROR
            even &= _pareto_k(weights, even) < PILOT_K
            self._keep(~even & weights.isfinite().any(1) & (total < most))
        return Normal(mean, scale)

    def _round(self, size: int) -> None:
        """Add `size` draws per example: shares of encoder and prior, the rest from the newest fit, a little widened."""
        newest = self.fitted.widened(_inflation(self.joint.size))
        encoder, defensive, fit = _counts(size)
        u = _draw(
            [*self.components[:2], newest],
            [encoder, defensive, fit],
            [self.generators[i] for i in self.active.tolist()],
        )
        self.counts = [self.counts[0] + encoder, self.counts[1] + defensive, *self.counts[2:], fit]
        self.components.append(newest)
        older = torch.cat([self.log_q, newest.log_density(self.u)[..., None]], 2)
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


def _defensive(joint: Joint) -> list[Normal]:
    """The components that need no fit: the encoder's posterior, widened, and the prior."""
    return [joint.encoder.widened(ENCODER_WIDENING), prior(len(joint.x), joint.size, joint.x)]


def _inflation(size: int) -> float:
    """How much wider than the fit its draws are: the same loss of draws at any size, (1 + a/sqrt(L))^2L is bounded."""
    return 1 + 0.7 / math.sqrt(size)


def _counts(size: int) -> list[int]:
    """How many of `size` draws come from the encoder's posterior, the prior and the fit."""
    shares = [round(ENCODER_SHARE * size), round(PRIOR_SHARE * size)]
    return [*shares, size - sum(shares)]


def _draw(components: Sequence[Normal], counts: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Draws (b, sum of counts, L), each example's with noise of its own."""
    size = components[0].mean.shape[1]
    noise = [torch.randn(sum(counts), size, generator=g, dtype=torch.float64) for g in generators]
    parts = torch.stack(noise).to(components[0].mean.device).split(list(counts), 1)
    return torch.cat([component.draw(part) for component, part in zip(components, parts, strict=True)], 1)


def _error(log_weights: Tensor) -> Tensor:
    """Standard error of the log of the mean weight, (b,): the relative one of the mean."""
    weights = torch.exp(log_weights - log_weights.max(1, keepdim=True).values)
    return weights.std(1) / weights.mean(1) / math.sqrt(weights.shape[1])


def _pareto_k(log_weights: Tensor, rows: Tensor) -> Tensor:
    """The shape of the generalised Pareto distribution of the largest weights, (b,) (Vehtari et al., 2024).

    Infinite where it is not asked for: a fit takes a millisecond.
    """
    from arviz_stats.base import array_stats  # loads scipy.stats, half a second

    found = torch.full_like(log_weights[:, 0], math.inf)
    largest = log_weights.max(1, keepdim=True).values
    finite = rows & largest[:, 0].isfinite()
    if finite.any():
        # the library takes the logarithms of inverse weights; of weights that are zero it can make nothing
        inverse = (largest - log_weights)[finite].clamp(max=700)
        with np.errstate(all="ignore"):  # a few weights that hold everything have no shape: NaN
            _, k = array_stats.psislw(inverse.cpu().numpy(), axis=-1)
        found[finite] = torch.as_tensor(k, dtype=found.dtype, device=found.device).nan_to_num(nan=math.inf)
    return found
