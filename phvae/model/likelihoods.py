"""Likelihoods p(x | z) with all their constants, in nats an example (summed over elements).

Level k scores phi_k(x) against phi_k(x_hat). The decoder's output is turned into x_hat here, and only here:
`gaussian` takes a sigmoid of it on images and leaves it linear on densities; the two Bernoulli likelihoods read it as
a logit, x_hat = sigmoid(output).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from phvae.experiment import schema as config
from phvae.model.polynomial import expand

__all__ = ["LIKELIHOODS", "MIN_LOG_SCALE", "Bernoulli", "ContinuousBernoulli", "Gaussian", "Likelihood"]

MIN_LOG_SCALE = -6.0


class Likelihood(Protocol):
    """What the model asks of a likelihood; `levels` are the 1-based levels with a positive weight."""

    def mean(self, output: Tensor) -> Tensor:
        """E[x | z] from the decoder's output, both (B, *shape)."""

    def nll(self, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """-log p(phi_k(x) | z) of each asked level, (B,) nats; x[k - 1] is phi_k(x)."""

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """A draw from p(x | z), (B, *shape)."""


def _sum(value: Tensor) -> Tensor:
    return value.flatten(1).sum(1)


def _uniform(output: Tensor, generator: torch.Generator) -> Tensor:
    u = torch.rand(output.shape, generator=generator, dtype=output.dtype, device=generator.device)
    return u.to(output.device)


class Gaussian(nn.Module):
    """Normal noise of scale s_x on every element of phi_k(x).

    A learned scale (one a scored level, starting at 0.1) is bounded below: log s_x = -6 + softplus(raw) >= -6, because
    the likelihood of data that are reconstructed exactly is not.
    """

    def __init__(self, options: config.Gaussian, basis: str, levels: Sequence[int], image: bool) -> None:
        super().__init__()
        self.basis, self.levels, self.image = basis, tuple(levels), image
        self.scale = options.scale
        if self.scale == "learned":
            start = math.log(math.expm1(math.log(0.1) - MIN_LOG_SCALE))
            self.raw = nn.Parameter(torch.full((len(self.levels),), start))

    def log_scale(self, level: int) -> Tensor | float:
        """log s_x of a level."""
        if self.scale != "learned":
            return math.log(self.scale)
        if level not in self.levels:
            raise ValueError(f"level {level} has no learned scale: its reconstruction weight is 0")
        return MIN_LOG_SCALE + softplus(self.raw[self.levels.index(level)])

    def mean(self, output: Tensor) -> Tensor:
        """x_hat: the sigmoid of the output on images, the output itself on densities."""
        return torch.sigmoid(output) if self.image else output

    def nll(self, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """Sum over elements of (phi_k(x) - phi_k(x_hat))^2 / (2 s^2) + log s + log(2 pi) / 2."""
        means = expand(self.mean(output), max(levels), self.basis)
        size, values = math.prod(output.shape[1:]), []
        for k in levels:
            log_s = self.log_scale(k)
            precision = math.exp(-2 * log_s) if isinstance(log_s, float) else torch.exp(-2 * log_s)
            constant = size * (log_s + 0.5 * math.log(2 * math.pi))
            values.append(0.5 * precision * _sum((x[k - 1] - means[k - 1]).square()) + constant)
        return values

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """x_hat + s_x times standard normal noise; images are not clipped."""
        log_s = self.log_scale(1)
        scale = math.exp(log_s) if isinstance(log_s, float) else torch.exp(log_s)
        noise = torch.randn(output.shape, generator=generator, dtype=output.dtype, device=generator.device)
        return self.mean(output) + scale * noise.to(output.device)


def level_logit(logit: Tensor, level: int, basis: str) -> Tensor:
    """The logit of phi_k(x_hat) from that of x_hat = sigmoid(l), for `monomial` and `copies`.

    log x_hat^k = k logsigmoid(l) and log(1 - x_hat^k) = logsigmoid(-l) + log sum_(j<k) x_hat^j: finite for every l.

    >>> round(torch.sigmoid(level_logit(torch.tensor(0.0), 3, "monomial")).item(), 6)
    0.125
    """
    if level == 1 or basis == "copies":
        return logit
    powers = expand(torch.sigmoid(logit), level - 1)
    return level * logsigmoid(logit) - logsigmoid(-logit) - torch.log1p(torch.stack(powers).sum(0))


class Bernoulli(nn.Module):
    """Binary cross-entropy: a likelihood of binary data; on grey data no density, so reported as `bce`."""

    def __init__(self, options: config.Bernoulli, basis: str, levels: Sequence[int], image: bool) -> None:
        super().__init__()
        self.basis = basis

    def mean(self, output: Tensor) -> Tensor:
        """x_hat, the probability of 1."""
        return torch.sigmoid(output)

    def nll(self, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """Sum over elements of -phi_k(x) log phi_k(x_hat) - (1 - phi_k(x)) log(1 - phi_k(x_hat))."""
        logits = [level_logit(output, k, self.basis) for k in levels]
        return [_sum(softplus(logit) - x[k - 1] * logit) for k, logit in zip(levels, logits, strict=True)]

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Zeros and ones."""
        return (_uniform(output, generator) < self.mean(output)).to(output.dtype)


def log_sinhc(h: Tensor) -> Tensor:
    """log(sinh(h) / h): a series for small h, no overflow for large h.

    >>> round(log_sinhc(torch.tensor(1.0)).item(), 4), round(log_sinhc(torch.tensor(1e-4)).item(), 4)
    (0.1614, 0.0)
    """
    small = h.abs() < 0.25
    s = torch.where(small, h, 0.0).square()
    series = s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s * (1 / 37800 - s / 467775))))
    a = torch.where(small, 1.0, h.abs())
    return torch.where(small, series, a + torch.log1p(-torch.exp(-2 * a)) - torch.log(2 * a))


class ContinuousBernoulli(nn.Module):
    """The continuous Bernoulli density on [0, 1] (Loaiza-Ganem and Cunningham, 2019).

    Its density is e^(l x) / integral of e^(l x) over [0, 1], so log p = (x - 1/2) l - log(sinh(l/2) / (l/2)). The
    parameter of level k is phi_k(sigmoid(l)); the mean is that of the density, not the parameter.
    """

    def __init__(self, options: config.ContinuousBernoulli, basis: str, levels: Sequence[int], image: bool) -> None:
        super().__init__()
        self.basis = basis

    def mean(self, output: Tensor) -> Tensor:
        """E[x] = 1/2 + (coth(l/2) - 2/l) / 2."""
        small = output.abs() < 0.05
        h = torch.where(small, 1.0, 0.5 * output)
        series = output / 12 * (1 - output.square() / 60)
        return 0.5 + torch.where(small, series, 0.5 * (1 / torch.tanh(h) - 1 / h))

    def nll(self, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """Sum over elements of log(sinh(l_k/2) / (l_k/2)) - (phi_k(x) - 1/2) l_k."""
        logits = [level_logit(output, k, self.basis) for k in levels]
        return [_sum(log_sinhc(0.5 * l_k) - (x[k - 1] - 0.5) * l_k) for k, l_k in zip(levels, logits, strict=True)]

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """By the inverse distribution function; |l| below 1e-3 is drawn as 1e-3, which moves x by less than 2e-4."""
        rate = output.abs().clamp(min=1e-3)
        x = -torch.log1p(_uniform(output, generator) * torch.expm1(-rate)) / rate
        return torch.where(output < 0, x, 1 - x)


LIKELIHOODS: dict[str, Callable[..., nn.Module]] = {
    "gaussian": Gaussian,
    "continuous_bernoulli": ContinuousBernoulli,
    "bernoulli": Bernoulli,
}
