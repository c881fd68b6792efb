"""The Rényi and the skew-geometric Jensen-Shannon divergence: quadrature, matrices of NumPy, torch's KL, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from posteriors import covariances, random_posterior, seen
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import norm
from torch.distributions import MultivariateNormal, kl_divergence

from phvae.model.divergences.kl import KL
from phvae.model.divergences.renyi import Renyi
from phvae.model.divergences.skew_js import SkewJS
from phvae.model.gaussian import inverse_and_log_determinant
from phvae.model.posterior import Posterior

PRIORS = pytest.mark.parametrize(
    ("coupling", "prior"), [("chain", "hierarchical"), ("chain", "standard"), ("learned", "standard")]
)
ALPHAS = pytest.mark.parametrize("alpha", [0.05, 0.5, 0.9])


def one_number(mean, sigma):
    w, log_variance = (torch.full((1, 1, 1), v, dtype=torch.float64) for v in (mean, 2 * math.log(sigma)))
    return Posterior(w, log_variance, torch.eye(1, dtype=torch.float64))


def of(options, q):
    return options.value(q, seen(q))


@settings(max_examples=30, deadline=None)
@given(st.floats(-2, 2), st.floats(0.2, 2), st.floats(0.05, 0.95))
def test_renyi_is_its_integral(mean, sigma, alpha):
    integral = quad(lambda x: norm.pdf(x, mean, sigma) ** alpha * norm.pdf(x) ** (1 - alpha), -25, 25, points=[mean])[0]
    found = of(Renyi(alpha=alpha), one_number(mean, sigma)).item()
    assert found == pytest.approx(math.log(integral) / (alpha - 1), rel=1e-6, abs=1e-8)


@PRIORS
@ALPHAS
def test_renyi_is_the_formula_of_matrices(alpha, coupling, prior):
    """Gil et al. (2013), table 2, with NumPy's solver and determinant over all coordinates at once."""
    q = random_posterior(coupling, prior)
    found = of(Renyi(alpha=alpha, beta=2), q).numpy()
    for value, mean, covariance in zip(found, *covariances(q), strict=True):
        s = alpha * np.eye(6) + (1 - alpha) * covariance
        logs = [np.linalg.slogdet(m)[1] for m in (s, covariance)]
        expected = alpha / 2 * mean @ np.linalg.solve(s, mean) - (logs[0] - (1 - alpha) * logs[1]) / (2 * (alpha - 1))
        assert value == pytest.approx(2 * expected, rel=1e-10)


@PRIORS
def test_renyi_tends_to_kl_from_below(coupling, prior):
    q = random_posterior(coupling, prior)
    values = [of(Renyi(alpha=alpha), q) for alpha in (0.3, 0.9, 1 - 1e-7)]
    assert (values[0] < values[1]).all()
    assert (values[1] < values[2]).all()
    assert torch.allclose(values[2], of(KL(), q), rtol=1e-5)


@PRIORS
def test_what_renyis_levels_add_is_never_negative(coupling, prior):
    for seed in range(50):
        q = random_posterior(coupling, prior, seed=seed)
        assert (Renyi(alpha=0.4).levels(q, seen(q)) >= 0).all()


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (1, "of order 1 it is KL, use kl"),
        (2, r"infinite wherever a variance reaches alpha / \(alpha - 1\) = 2"),
        (0, ""),
    ],
)
def test_an_order_without_a_finite_divergence_is_refused(alpha, words):
    with pytest.raises(ValidationError, match=f"more than 0 and less than 1.*{words}"):
        Renyi(alpha=alpha)


@PRIORS
@ALPHAS
@pytest.mark.parametrize("dual", [False, True])
def test_skew_js_is_the_weighted_kl_of_torchs_normals(dual, alpha, coupling, prior):
    """The geometric mean from NumPy's inverses over all coordinates at once."""
    q = random_posterior(coupling, prior)
    found = of(SkewJS(alpha=alpha, dual=dual, beta=2), q)
    p = MultivariateNormal(torch.zeros(6, dtype=torch.float64), torch.eye(6, dtype=torch.float64))
    for value, mean, covariance in zip(found, *covariances(q), strict=True):
        of_q = np.linalg.inv(covariance)
        of_g = np.linalg.inv(alpha * of_q + (1 - alpha) * np.eye(6))
        g = MultivariateNormal(*map(torch.from_numpy, (of_g @ (alpha * of_q @ mean), (of_g + of_g.T) / 2)))
        one = MultivariateNormal(*map(torch.from_numpy, (mean, covariance)))
        sides = [(one, g), (p, g)] if not dual else [(g, one), (g, p)]
        expected = (1 - alpha) * kl_divergence(*sides[0]) + alpha * kl_divergence(*sides[1])
        assert value.item() == pytest.approx(2 * expected.item(), rel=1e-9)


@PRIORS
@pytest.mark.parametrize("dual", [False, True])
def test_the_limits_of_skew_js_are_kl_forwards_and_backwards(dual, coupling, prior):
    q = random_posterior(coupling, prior, spread=0.5)
    p = MultivariateNormal(torch.zeros(6, dtype=torch.float64), torch.eye(6, dtype=torch.float64))
    sides = [MultivariateNormal(*map(torch.from_numpy, side)) for side in zip(*covariances(q), strict=True)]
    backwards = torch.stack([kl_divergence(p, side) for side in sides])
    limits = {1e-7: of(KL(), q), 1 - 1e-7: backwards}
    for alpha, expected in limits.items():
        assert torch.allclose(of(SkewJS(alpha=1 - alpha if dual else alpha, dual=dual), q), expected, rtol=1e-4)


def test_skew_js_stays_finite_where_reverse_kl_is_large():
    q = one_number(1.0, 1e-3)
    assert of(SkewJS(alpha=0.5), q).isfinite().all()
    assert of(SkewJS(alpha=0.5, dual=True), q).item() < of(KL(), q).item()


def test_inverses_are_those_of_torch():
    g = torch.Generator().manual_seed(0)
    root = torch.randn(3, 2, 5, 5, generator=g, dtype=torch.float64)
    m = root @ root.transpose(-1, -2) + torch.eye(5)
    inverse, log_determinant = inverse_and_log_determinant(m)
    assert torch.allclose(inverse, torch.linalg.inv(m), rtol=1e-9)
    assert torch.allclose(log_determinant, torch.logdet(m), rtol=1e-10)
