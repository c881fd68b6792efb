"""Likelihoods p(x | z) with their constants, in nats an example, for every level that is scored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from phvae.polynomial import expand

__all__ = ["LIKELIHOODS"]

MIN_LOG_SCALE = -6.0


def _total(value: Tensor) -> Tensor:
    return value.flatten(1).sum(1)


class Gaussian(nn.Module):
    """Normal noise of scale s_x on every element of phi_k(x)."""

    def __init__(self, options: Any, basis: str, levels: Sequence[int], bounded: bool) -> None:
        super().__init__()
        self.basis, self.levels, self.bounded = basis, tuple(levels), bounded
        self.fixed = None if options.scale == "learned" else math.log(options.scale)
        if self.fixed is None:
            start = math.log(math.expm1(math.log(0.1) - MIN_LOG_SCALE))
            self.raw = nn.Parameter(torch.full((len(self.levels),), start))

    def mean(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output) if self.bounded else output

    def log_scales(self) -> list[Any]:
        if self.fixed is not None:
            return [self.fixed] * len(self.levels)
        return list((MIN_LOG_SCALE + softplus(self.raw)).unbind(-1))

    def nll(self, levels: Sequence[Tensor], output: Tensor) -> list[Tensor]:
        means = expand(self.mean(output), max(self.levels), self.basis)
        values = []
        for k, log_scale in zip(self.levels, self.log_scales(), strict=True):
            squares = _total((levels[k - 1] - means[k - 1]).square())
            factor = math.exp(-2 * log_scale) if isinstance(log_scale, float) else torch.exp(-2 * log_scale)
            count = output[0].numel()
            values.append(0.5 * factor * squares + count * (log_scale + 0.5 * math.log(2 * math.pi)))
        return values

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(output.shape, generator=generator, dtype=output.dtype, device=generator.device)
        log_scale = self.log_scales()[0]
        scale = math.exp(log_scale) if isinstance(log_scale, float) else torch.exp(log_scale)
        return self.mean(output) + scale * noise.to(output.device)


def level_logit(logit: Tensor, k: int, basis: str) -> Tensor:
    """The logit of phi_k(sigmoid(l)) for monomial and copies."""
    if k == 1 or basis == "copies":
        return logit
    p = torch.sigmoid(logit)
    total = torch.stack(expand(p, k - 1)).sum(0) + 1
    return k * logsigmoid(logit) - logsigmoid(-logit) - torch.log(total)


class Bernoulli(nn.Module):
    """Binary cross-entropy."""

    def __init__(self, options: Any, basis: str, levels: Sequence[int], bounded: bool) -> None:
        super().__init__()
        self.basis, self.levels = basis, tuple(levels)

    def mean(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def nll(self, levels: Sequence[Tensor], output: Tensor) -> list[Tensor]:
        values = []
        for k in self.levels:
            logit = level_logit(output, k, self.basis)
            values.append(_total(softplus(logit) - levels[k - 1] * logit))
        return values

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        u = torch.rand(output.shape, generator=generator, dtype=output.dtype, device=generator.device)
        return (u.to(output.device) < self.mean(output)).to(output.dtype)


def log_sinhc(h: Tensor) -> Tensor:
    """log(sinh(h) / h)."""
    small = h.abs() < 0.25
    s = torch.where(small, h, torch.zeros_like(h)).square()
    series = s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s * (1 / 37800 - s / 467775))))
    a = torch.where(small, torch.ones_like(h), h.abs())
    return torch.where(small, series, a + torch.log1p(-torch.exp(-2 * a)) - torch.log(2 * a))


class ContinuousBernoulli(nn.Module):
    """The continuous Bernoulli density."""

    def __init__(self, options: Any, basis: str, levels: Sequence[int], bounded: bool) -> None:
        super().__init__()
        self.basis, self.levels = basis, tuple(levels)

    def mean(self, output: Tensor) -> Tensor:
        small = output.abs() < 1e-2
        h = torch.where(small, torch.ones_like(output), output / 2)
        return 0.5 + torch.where(small, output / 12, 0.5 * (1 / torch.tanh(h) - 1 / h))

    def nll(self, levels: Sequence[Tensor], output: Tensor) -> list[Tensor]:
        values = []
        for k in self.levels:
            logit = level_logit(output, k, self.basis)
            values.append(_total(log_sinhc(logit / 2) - (levels[k - 1] - 0.5) * logit))
        return values

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        u = torch.rand(output.shape, generator=generator, dtype=output.dtype, device=generator.device).to(output.device)
        a = output.abs().clamp(min=1e-4)
        x = -torch.log1p(u * torch.expm1(-a)) / a
        return torch.where(output < 0, x, 1 - x)


LIKELIHOODS: dict[str, type[nn.Module]] = {
    "gaussian": Gaussian,
    "continuous_bernoulli": ContinuousBernoulli,
    "bernoulli": Bernoulli,
}
