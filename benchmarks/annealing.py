"""Annealed importance sampling of log p(x) (Neal, 2001), forwards and backwards; shares no code with the package.

Forwards its expectation is at most log p(x). Backwards, from a code that is known to be an exact draw from the
posterior, it is at least that: bidirectional Monte Carlo (Grosse et al., 2015).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from phvae import PHVAE

LEAPFROGS = 5
ACCEPTANCE = 0.65


def log_likelihood(model: PHVAE, x: Tensor, w: Tensor) -> Tensor:
    """log p(x | z) of whitened codes: x (B, *shape), w (B, C, L) to (B, C)."""
    z = _unwhiten(model, w)
    repeated = x.repeat_interleave(w.shape[1], 0)
    return -model.likelihood.nll([repeated], model.decoder(z), [1])[0].unflatten(0, w.shape[:2])


def _unwhiten(model: PHVAE, w: Tensor) -> Tensor:
    """F is linear: its matrix is what it makes of the unit codes."""
    size = model.latent_size
    unit = torch.eye(size).unflatten(1, (model.order, -1))
    return w.flatten(0, 1) @ model.unwhiten(unit).flatten(1)


def _with_gradient(model: PHVAE, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    w = w.detach().requires_grad_()
    with torch.enable_grad():
        value = log_likelihood(model, x, w)
        (gradient,) = torch.autograd.grad(value.sum(), w)
    return value.detach(), gradient


def temperatures(count: int) -> list[float]:
    """From 0 to 1 in `count` steps, dense at both ends (a scaled sigmoid)."""
    s = torch.sigmoid(torch.linspace(-4, 4, count + 1, dtype=torch.float64))
    return ((s - s[0]) / (s[-1] - s[0])).tolist()


@torch.no_grad()
def anneal(
    model: PHVAE, x: Tensor, chains: int, steps: int, generator: torch.Generator, start: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """log p(x) of examples (B, *shape) and its standard error over chains, (B,) nats.

    Forwards from the prior, or backwards from `start` (B, C, L); of one chain there is no error (NaN). At every
    temperature one Hamiltonian move of five leapfrog steps, whose length follows the acceptance.
    """
    backwards = start is not None
    w = start if start is not None else torch.randn(len(x), chains, model.latent_size, generator=generator)
    schedule = temperatures(steps)[::-1] if backwards else temperatures(steps)
    length = torch.full((len(x), 1, 1), 0.005 if backwards else 0.05)
    value, gradient = _with_gradient(model, x, w)
    total = torch.zeros_like(value, dtype=torch.float64)
    for before, now in itertools.pairwise(schedule):
        total += (now - before) * value.double()
        if now in (0.0, 1.0):
            break
        momentum = torch.randn(w.shape, generator=generator)
        energy = 0.5 * (w.square() + momentum.square()).sum(-1) - now * value
        new, slope, height = w, gradient, value
        p = momentum + 0.5 * length * (now * slope - new)
        for leap in range(LEAPFROGS):
            new = new + length * p
            height, slope = _with_gradient(model, x, new)
            p = p + (0.5 if leap == LEAPFROGS - 1 else 1.0) * length * (now * slope - new)
        change = energy - 0.5 * (new.square() + p.square()).sum(-1) + now * height
        taken = torch.rand(change.shape, generator=generator).log() < change
        w = torch.where(taken[..., None], new, w)
        gradient = torch.where(taken[..., None], slope, gradient)
        value = torch.where(taken, height, value)
        rate = taken.float().mean(1)[:, None, None]
        length = torch.where(rate > ACCEPTANCE, 1.02 * length, 0.98 * length).clamp(1e-5, 1)
    value = torch.logsumexp(total, 1) - math.log(total.shape[1])
    weights = torch.exp(total - value[:, None])
    error = weights.std(1) / math.sqrt(total.shape[1]) if total.shape[1] > 1 else torch.full_like(value, math.nan)
    return (-value if backwards else value), error
