"""The polynomial divergence D(q || p): level-weighted, and as a polynomial of the log-ratio.

Everything is written in whitened coordinates (see `phvae.model.posterior`): prior N(0, I), posterior mean w, mixing C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from phvae.experiment import schema as config
from phvae.model.coefficients import level_weights, log_coefficients
from phvae.model.posterior import Posterior, couple

__all__ = ["DIVERGENCES", "hierarchical", "kl", "kl_levels", "log_polynomial", "log_ratio_moments"]


def kl_levels(q: Posterior) -> Tensor:
    r"""The level terms D_k, whose sum is KL(q || p).

    .. math:: D_k = \tfrac12 \sum_j \Big[\sum_{l \le k} C_{kl}^2 \sigma_{lj}^2 + w_{kj}^2 - 1 - \log\sigma_{kj}^2\Big]

    Under the hierarchical prior C = I and D_k = E_q KL(q(z_k | z_<k) || p(z_k | z_<k)). Near sigma = 1 the difference
    sigma^2 - 1 is taken by expm1, so that D_k = 0 holds exactly at q = p.

    Returns:
        (B, n), nats.

    >>> q = Posterior(torch.tensor([[[0.7]]]), torch.tensor([[[-1.0217]]]), torch.eye(1))
    >>> round(kl_levels(q).item(), 4)  # (.36 + .49 - 1 + 1.0217) / 2
    0.4358
    """
    terms = torch.expm1(q.log_variance) - q.log_variance + q.whitened.square()
    if q.prior != "hierarchical":
        terms = terms + couple(q.mixing.tril(-1).square(), torch.exp(q.log_variance))
    return 0.5 * terms.sum(-1)


def kl(q: Posterior, options: config.KL) -> Tensor:
    """Beta times KL(q || p), (B,) nats: VAE (Kingma and Welling, 2014), beta-VAE (Higgins et al., 2017)."""
    return options.beta * kl_levels(q).sum(-1)


def hierarchical(q: Posterior, options: config.Hierarchical) -> Tensor:
    """The level-weighted divergence sum_k omega_k D_k, (B,) nats; omega: `coefficients.level_weights`."""
    levels = kl_levels(q).unbind(-1)
    weighted = [omega * d_k for omega, d_k in zip(level_weights(options, len(levels)), levels, strict=True)]
    return torch.stack(weighted).sum(0)


def log_ratio_moments(w: Tensor, log_variance: Tensor, degree: int) -> list[Tensor]:
    r"""Raw moments E_q[l^r], r = 1..degree, of the log-ratio l = log q(u) / p(u); q = N(w, sigma^2), p = N(0, 1).

    Under q, :math:`l = \gamma_0 + \beta_1 \epsilon + \alpha \epsilon^2` with :math:`\alpha = (\sigma^2 - 1)/2`,
    :math:`\beta_1 = w\sigma` and :math:`\gamma_0 = w^2/2 - \log\sigma`. Its cumulants are
    :math:`\kappa_1 = \gamma_0 + \alpha` and
    :math:`\kappa_r = \tfrac12 (2\alpha)^r (r-1)! + \tfrac12 \beta_1^2 r! (2\alpha)^{r-2}`; its moments follow by
    :math:`m_r = \sum_i \binom{r-1}{i-1} \kappa_i m_{r-i}`. Elementwise; every result has w's shape.

    >>> w, variance = torch.tensor(0.7, dtype=torch.float64), torch.tensor(0.36, dtype=torch.float64)
    >>> [round(m.item(), 4) for m in log_ratio_moments(w, variance.log(), 5)]
    [0.4358, 0.5711, -0.0196, 1.2294, -3.2272]
    """
    two_alpha = torch.expm1(log_variance)
    squared_beta = w.square() * torch.exp(log_variance)
    cumulants = [0.5 * (w.square() - log_variance + two_alpha)]
    power = torch.ones_like(w)
    for r in range(2, degree + 1):
        gain = math.factorial(r - 1) * two_alpha.square() + math.factorial(r) * squared_beta
        cumulants.append(0.5 * gain * power)
        power = power * two_alpha
    moments = [torch.ones_like(w)]
    for r in range(1, degree + 1):
        terms = [math.comb(r - 1, i - 1) * cumulants[i - 1] * moments[r - i] for i in range(1, r + 1)]
        moments.append(torch.stack(terms).sum(0))
    return moments[1:]


def log_polynomial(q: Posterior, options: config.LogPolynomial) -> Tensor:
    r"""The log-ratio polynomial :math:`\beta \sum_i E_q[P(l_i)]`, :math:`P(s) = \sum_j c_j s^j`, (B,) nats for c = (1).

    The sum runs over whitened coordinates, which must be independent: under the standard prior the coupling has to be
    the identity (checked by the configuration). c_j = 1/j! tends to the sum of the coordinates' chi-squared
    divergences, where sigma^2 < 2. Coefficients are accepted by `phvae.model.coefficients.require_non_negative` only.
    """
    c = log_coefficients(options)
    moments = log_ratio_moments(q.whitened, q.log_variance, len(c))
    value = torch.stack([c_j * moment for c_j, moment in zip(c, moments, strict=True)]).sum(0)
    return options.beta * value.sum((-2, -1))


# A divergence takes the posterior (with its draw q.z and its prior) and its options, and returns (B,).
DIVERGENCES: dict[str, Callable[[Posterior, Any], Tensor]] = {
    "kl": kl,
    "hierarchical": hierarchical,
    "log_polynomial": log_polynomial,
}
