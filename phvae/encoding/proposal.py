"""Normal proposals for importance sampling of a code, fitted to p(u | x) example by example.

Everything is in whitened coordinates u = F^-1 z, flattened to L numbers, where the prior is N(0, I) (see
`phvae.model.posterior`). Shapes: B examples, K draws per example, L coordinates, P elements of the decoder's output.
Codes and densities are float64: curvatures of images span six orders of magnitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from phvae.model.hierarchy import expand

if TYPE_CHECKING:
    from phvae.model.model import Model

__all__ = ["Joint", "Normal", "laplace", "prior", "refit"]

# elements of the decoder's output computed at once: on a CPU as many as stay in its cache
ELEMENTS = {"cpu": 2**19, "cuda": 2**24}
STEPS = (1.0, 0.5, 0.2, 0.05)  # of a Gauss-Newton step, the best is taken
ITERATIONS = 8
STRIDE = 0.01  # of central differences, in standard deviations of the prior; forward-mode AD loads a second of compiler
CONVERGED = 1e-3  # nats
DRAWS_PER_COORDINATE = 4  # effective draws per coordinate that a refit asks for


@dataclass(frozen=True)
class Normal:
    """N(mean, scale scale^T) of every example: mean (B, L), scale (B, L, L) lower triangular."""

    mean: Tensor
    scale: Tensor

    def draw(self, noise: Tensor) -> Tensor:
        """mean + scale noise, (B, K, L) from (B, K, L)."""
        return self.mean[:, None] + noise @ self.scale.mT

    def log_density(self, u: Tensor) -> Tensor:
        """In nats, (B, K) from (B, K, L)."""
        white = torch.linalg.solve_triangular(self.scale, (u - self.mean[:, None]).mT, upper=False)
        log_volume = self.scale.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * (white.square().sum(-2) + u.shape[-1] * math.log(2 * math.pi)) - log_volume[:, None]

    def widened(self, factor: float) -> Normal:
        """The same with all standard deviations times `factor`."""
        return Normal(self.mean, factor * self.scale)

    def at(self, index: Tensor) -> Normal:
        """Some of the examples."""
        return Normal(self.mean[index], self.scale[index])


def prior(examples: int, size: int, like: Tensor) -> Normal:
    """N(0, I) for every example."""
    eye = torch.eye(size, dtype=torch.float64, device=like.device)
    return Normal(eye.new_zeros(examples, size), eye.expand(examples, size, size))


class Joint:
    """log p(x, u) of a batch of examples under a model, x scored at level 1.

    Args:
        model: a trained model.
        x: (B, *shape) in the model's units.
    """

    def __init__(self, model: Model, x: Tensor) -> None:
        self.model, self.x, self.size = model, x, model.latent_size
        self.posterior = model.posterior(expand(x, model.order, model.config.basis))

    @cached_property
    def encoder(self) -> Normal:
        """q(u | x), as the encoders give it."""
        q, d = self.posterior, self.model.level_size
        mixing = torch.kron(q.mixing.double(), torch.eye(d, dtype=torch.float64, device=self.x.device))
        sigma = torch.exp(0.5 * q.log_variance.double()).flatten(1)
        return Normal(q.whitened.double().flatten(1), mixing * sigma[:, None])

    def output(self, u: Tensor) -> Tensor:
        """The decoder's output for codes (R, L), as (R, *shape)."""
        z = self.posterior.factor @ u.to(self.x.dtype).unflatten(-1, (self.model.order, -1))
        return self.model.decoder(z.flatten(1)).to(self.x.dtype)

    def nll(self, x: Tensor, output: Tensor) -> Tensor:
        """-log p(x | z), (R,) nats."""
        return self.model.likelihood.nll([x], output, [1])[0]

    def _examples(self, codes: int) -> int:
        """How many examples of so many codes each are computed at once."""
        return max(1, ELEMENTS.get(self.x.device.type, 2**19) // (codes * self.x[0].numel()))

    def log_density(self, u: Tensor, index: Tensor) -> Tensor:
        """log p(x, u) of the examples at `index` (B,) and codes (B, K, L): (B, K) nats."""
        draws = u.shape[1]
        rows = self._examples(draws)
        parts = []
        for some, codes in zip(index.split(rows), u.split(rows), strict=True):
            x = self.x[some].repeat_interleave(draws, 0)
            parts.append(self.nll(x, self.output(codes.flatten(0, 1))).double().unflatten(0, (-1, draws)))
        return -torch.cat(parts) - 0.5 * (u.square().sum(-1) + u.shape[-1] * math.log(2 * math.pi))

    def quadratic(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient (B, L) and Gauss-Newton curvature (B, L, L) of -log p(x, u) at codes (B, L).

        The curvature is I + J^T diag(h) J, with J the derivative of the decoder's output and h >= 0 the second
        derivative of the likelihood's terms by it: the output's own curvature is left out, so that it is positive.
        """
        gradients, curvatures = [], []
        rows = self._examples(2 * u.shape[1])
        for codes, x in zip(u.split(rows), self.x.split(rows), strict=True):
            jacobian = self._jacobian(codes)
            slope, bend = _derivatives(self, x, self.output(codes))
            gradients.append(codes + torch.einsum("bpl,bp->bl", jacobian, slope).double())
            product = torch.einsum("bpl,bpm->blm", jacobian * bend[..., None], jacobian).double()
            curvatures.append(product + torch.eye(u.shape[1], dtype=torch.float64, device=u.device))
        return torch.cat(gradients), torch.cat(curvatures)

    def _jacobian(self, u: Tensor) -> Tensor:
        """Derivative of the decoder's output by the code, (B, P, L), by central differences."""
        move = STRIDE * torch.eye(u.shape[1], dtype=u.dtype, device=u.device)
        ends = [self.output((u[:, None] + way).flatten(0, 1)).flatten(1) for way in (move, -move)]
        return ((ends[0] - ends[1]) / (2 * STRIDE)).unflatten(0, (len(u), -1)).mT


@torch.enable_grad()
def _derivatives(joint: Joint, x: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative of -log p(x | z) by the decoder's output, element by element, (B, P) each."""
    output = output.detach().requires_grad_()
    (slope,) = torch.autograd.grad(joint.nll(x, output).sum(), output, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), output, materialize_grads=True, allow_unused=True)
    return slope.detach().flatten(1), bend.flatten(1).clamp(min=0)


def laplace(joint: Joint, starts: Tensor) -> Normal:
    """A normal with the mode and the curvature of log p(x, u): Gauss-Newton steps from the best of the starts.

    Args:
        joint: of B examples.
        starts: (B, K, L) codes to begin from.
    """
    index = torch.arange(len(starts), device=starts.device)
    values = joint.log_density(starts, index).nan_to_num(nan=-math.inf)
    height, best = values.max(1)
    u = starts[index, best]
    sizes = torch.tensor(STEPS, dtype=torch.float64, device=u.device)[:, None]
    for _ in range(ITERATIONS):
        gradient, curvature = joint.quadratic(u)
        step = -torch.cholesky_solve(gradient[..., None], _root(curvature))[..., 0]
        tried = u[:, None] + sizes * step[:, None]
        found, best = joint.log_density(tried, index).nan_to_num(nan=-math.inf).max(1)
        gain = found - height
        better = gain > 0
        u = torch.where(better[:, None], tried[index, best], u)
        height = torch.where(better, found, height)
        if not bool((gain > CONVERGED).any()):
            break
    return Normal(u, _root(torch.cholesky_inverse(_root(joint.quadratic(u)[1]))))


def _root(matrix: Tensor) -> Tensor:
    """Cholesky factors (B, L, L); the identity where a matrix has none (a decoder that is not finite)."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return torch.where((failed != 0)[:, None, None], eye, factor)


def refit(u: Tensor, log_weights: Tensor, old: Normal) -> Normal:
    """The normal with the weighted mean and covariance of the draws, pulled towards the old covariance.

    The weights are raised to the largest power, at most 1, at which their effective number is four per coordinate;
    the old covariance counts as L draws.

    Args:
        u: draws (B, K, L).
        log_weights: (B, K).
        old: the proposal so far.
    """
    size = u.shape[-1]
    power = _power(log_weights, DRAWS_PER_COORDINATE * size)
    weights = torch.softmax(power[:, None] * log_weights, 1)
    mean = torch.einsum("bk,bkl->bl", weights, u)
    centred = u - mean[:, None]
    covariance = torch.einsum("bk,bkl,bkm->blm", weights, centred, centred)
    effective = _effective(weights)[:, None, None]
    blended = (effective * covariance + size * (old.scale @ old.scale.mT)) / (effective + size)
    return Normal(mean, _root(blended))


def _effective(weights: Tensor) -> Tensor:
    """The effective number of draws, 1 / sum w^2, (B,) (Kong, 1992)."""
    return 1 / weights.square().sum(1)


def _power(log_weights: Tensor, wanted: float) -> Tensor:
    """By bisection, the largest power in [0, 1] at which the weights have the wanted effective number, (B,)."""
    low, high = torch.zeros_like(log_weights[:, 0]), torch.ones_like(log_weights[:, 0])
    enough = _effective(torch.softmax(log_weights, 1)) >= wanted
    for _ in range(20):
        middle = 0.5 * (low + high)
        fine = _effective(torch.softmax(middle[:, None] * log_weights, 1)) >= wanted
        low, high = torch.where(fine, middle, low), torch.where(fine, high, middle)
    return torch.where(enough, torch.ones_like(low), low)
