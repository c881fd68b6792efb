"""The polynomial divergence D(q || p): level-weighted, and as a polynomial of the log-ratio."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from phvae.coefficients import level_weights, log_coefficients
from phvae.config import KL, Hierarchical, LogPolynomial
from phvae.posterior import Posterior, couple

__all__ = ["DIVERGENCES", "kl_levels", "log_ratio_moments"]


def kl_levels(q: Posterior) -> Tensor:
    """D_k, (B, n) nats: level k's part of KL(q || p), summed over its d coordinates."""
    lv, w = q.log_variance, q.whitened
    terms = torch.expm1(lv) - lv + w.square()
    if q.mixing is not None:
        terms = terms + couple(q.mixing.tril(-1).square(), torch.exp(lv))
    return 0.5 * terms.sum(-1)


def kl(q: Posterior, options: KL) -> Tensor:
    """beta KL(q || p), (B,) nats."""
    return options.beta * kl_levels(q).sum(-1)


def hierarchical(q: Posterior, options: Hierarchical) -> Tensor:
    """sum_k omega_k D_k, (B,) nats."""
    levels = kl_levels(q)
    weighted = [w * levels[..., k] for k, w in enumerate(level_weights(options, levels.shape[-1]))]
    return torch.stack(weighted, -1).sum(-1)


def log_ratio_moments(w: Tensor, log_variance: Tensor, degree: int) -> list[Tensor]:
    """Raw moments E_q[l^r], r = 1..degree, of l = log q(u)/p(u) for q = N(w, sigma^2), p = N(0, 1)."""
    variance = torch.exp(log_variance)
    twice_alpha = torch.expm1(log_variance)
    beta_squared = w.square() * variance
    cumulants = [0.5 * (w.square() - log_variance + twice_alpha)]
    power = torch.ones_like(w)
    for r in range(2, degree + 1):
        gain = 0.5 * math.factorial(r - 1) * twice_alpha.square() + 0.5 * math.factorial(r) * beta_squared
        cumulants.append(gain * power)
        power = power * twice_alpha
    moments = [torch.ones_like(w)]
    for r in range(1, degree + 1):
        parts = [math.comb(r - 1, i - 1) * cumulants[i - 1] * moments[r - i] for i in range(1, r + 1)]
        moments.append(torch.stack(parts).sum(0))
    return moments[1:]


def log_polynomial(q: Posterior, options: LogPolynomial) -> Tensor:
    """beta sum_i E_q[P(l_i)], (B,) nats."""
    c = log_coefficients(options)
    moments = log_ratio_moments(q.whitened, q.log_variance, len(c))
    value = torch.stack([c_j * m for c_j, m in zip(c, moments, strict=True)]).sum(0)
    return options.beta * value.sum((-2, -1))


DIVERGENCES: dict[str, Callable[[Posterior, Any], Tensor]] = {
    "kl": kl,
    "hierarchical": hierarchical,
    "log_polynomial": log_polynomial,
}
