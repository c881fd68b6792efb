"""Divergences by independent routes: torch.distributions, quadrature, limits, and what makes a divergence one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from posteriors import matrix_of, random_posterior, seen
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from phvae.model.acceptance import failing_point
from phvae.model.bound import BoundCoupling
from phvae.model.couplings.chain import Chain
from phvae.model.divergences.beta_tcvae import BetaTCVAE
from phvae.model.divergences.dip_vae import DIPVAE
from phvae.model.divergences.factor_vae import FactorVAE
from phvae.model.divergences.hierarchical import Hierarchical
from phvae.model.divergences.info_vae import InfoVAE
from phvae.model.divergences.kl import KL
from phvae.model.divergences.log_polynomial import LogPolynomial, log_ratio_moments
from phvae.model.divergences.renyi import Renyi
from phvae.model.divergences.skew_js import SkewJS
from phvae.model.divergences.wae_mmd import WAEMMD
from phvae.model.part import Context
from phvae.model.parts import COUPLINGS, DIVERGENCES
from phvae.model.posterior import PRIORS, Posterior, couple, uncouple

AT = Context(1, torch.ones(()))
CLOSED = [  # at each example alone: zero where q = p, and never negative
    KL(),
    KL(beta=4),
    Hierarchical(),
    Hierarchical(weights="uniform", beta=2),
    Hierarchical(weights=[1, 0, 3]),
    LogPolynomial(coefficients=[1.0]),
    LogPolynomial(coefficients=[1.0, 0.5, 1 / 6]),
    LogPolynomial(coefficients=[0.0, 1.0]),
    *(LogPolynomial(degree=m) for m in range(1, 7)),
    Renyi(),
    Renyi(alpha=0.01, beta=3),
    SkewJS(),
    SkewJS(alpha=0.1, beta=2, dual=True),
]
OF_BATCHES = [
    BetaTCVAE(),
    BetaTCVAE(beta=2, alpha=0, gamma=0.5, estimator="stratified"),
    DIPVAE(),
    DIPVAE(type="II"),
    InfoVAE(),
    InfoVAE(alpha=1, lambda_mmd=3, kernel="imq", scale=0.5),
    WAEMMD(),
    WAEMMD(kernel="rbf", scale=2),
    FactorVAE(),
]
EVERY = pytest.mark.parametrize("options", CLOSED + OF_BATCHES, ids=str)
EVERY_CLOSED = pytest.mark.parametrize("options", CLOSED, ids=str)
ALL = pytest.mark.parametrize(("coupling", "prior"), [(c, p) for c in COUPLINGS for p in PRIORS])
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(64)


def allowed(options, coupling, prior):
    return not (options.name == "log_polynomial" and prior == "standard" and coupling != "identity")


def test_every_registered_divergence_is_tested_here():
    assert {options.name for options in CLOSED + OF_BATCHES} == set(DIVERGENCES)


@ALL
@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_level_terms_sum_to_the_kl_of_multivariate_normals(coupling, prior, order):
    q = random_posterior(coupling, prior, order=order)
    covariance = q.matrix @ torch.diag_embed(q.log_variance.exp().transpose(1, 2)) @ q.matrix.T
    factor = q.matrix if prior == "hierarchical" else torch.eye(order, dtype=torch.float64)
    expected = kl_divergence(
        MultivariateNormal(q.mean.transpose(1, 2), covariance),
        MultivariateNormal(torch.zeros(order, dtype=torch.float64), factor @ factor.T),
    ).sum(1)
    assert torch.allclose(q.kl_levels.sum(1), expected, rtol=1e-10, atol=1e-10)
    assert torch.allclose(KL(beta=2.5).value(q, AT), 2.5 * expected, rtol=1e-10, atol=1e-10)


@ALL
def test_each_level_term_is_the_mean_kl_of_its_conditional(coupling, prior):
    """D_k = E_q KL(q(z_k | z_<k) || p(z_k | z_<k)); a quadratic in eps, so the mean over signs is exact."""
    q = random_posterior(coupling, prior)
    strict = q.matrix.tril(-1)
    total = torch.zeros(6, 3, dtype=torch.float64)
    signs = list(itertools.product((-1.0, 1.0), repeat=3))
    for sign in signs:
        noise = torch.exp(0.5 * q.log_variance) * torch.tensor(sign, dtype=torch.float64)[:, None]
        z = q.mean + couple(q.matrix, noise)
        q_mean = q.mean + couple(strict, noise)
        p_mean = couple(strict, uncouple(q.matrix, z)) if prior == "hierarchical" else torch.zeros_like(z)
        conditional = kl_divergence(Normal(q_mean, torch.exp(0.5 * q.log_variance)), Normal(p_mean, 1.0))
        total += conditional.sum(-1)
    assert torch.allclose(q.kl_levels, total / len(signs), rtol=1e-10, atol=1e-10)


@ALL
@EVERY_CLOSED
def test_the_registered_sum_is_what_its_options_say(options, coupling, prior):
    if options.name not in ("kl", "hierarchical"):
        return
    q = random_posterior(coupling, prior)
    omega = [options.beta] * 3 if options.name == "kl" else options.level_weights(3)
    expected = q.kl_levels @ torch.tensor(omega, dtype=torch.float64)
    assert torch.allclose(options.value(q, AT), expected, rtol=1e-12)


def quadrature(w, sigma, c):
    """E_q[P(l)] by Gauss-Hermite, with l written as a difference of log-densities; and the mean size of its terms."""
    u = w + sigma * NODES
    ratio = -0.5 * NODES**2 - math.log(sigma) + 0.5 * u**2
    weights = WEIGHTS / math.sqrt(2 * math.pi)
    terms = [c_j * ratio**j for j, c_j in enumerate(c, 1)]
    return weights @ sum(terms), weights @ sum(map(np.abs, terms))


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-2.5, 2.5),
    st.floats(0.1, 1.6),
    st.lists(st.integers(0, 40).map(lambda i: i / 20), min_size=1, max_size=6),
)
def test_log_polynomial_equals_gauss_hermite_quadrature(w, sigma, c):
    point = [torch.full((1, 1, 1), value, dtype=torch.float64) for value in (w, 2 * math.log(sigma))]
    moments = log_ratio_moments(*point, degree=len(c))
    found = sum(c_j * moment.item() for c_j, moment in zip(c, moments, strict=True))
    expected, size = quadrature(w, sigma, c)
    assert abs(found - expected) <= 1e-10 * size


@pytest.mark.parametrize("degree", range(1, 7))
def test_the_exponential_divergence_equals_quadrature_to_1e_10(degree):
    q = random_posterior(batch=4, spread=0.7)
    options = LogPolynomial(degree=degree, beta=1.5)
    c = [1 / math.factorial(j) for j in range(1, degree + 1)]
    sigma = torch.exp(0.5 * q.log_variance)
    expected = [
        sum(quadrature(w, s, c)[0] for w, s in zip(example.tolist(), scale.tolist(), strict=True))
        for example, scale in zip(q.whitened.flatten(1), sigma.flatten(1), strict=True)
    ]
    assert torch.allclose(options.value(q, AT), 1.5 * torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=0)


def test_the_published_moments():
    w, log_variance = (torch.tensor(value, dtype=torch.float64) for value in (0.7, 2 * math.log(0.6)))
    moments = [round(moment.item(), 4) for moment in log_ratio_moments(w, log_variance, 5)]
    assert moments == [0.4358, 0.5711, -0.0196, 1.2294, -3.2272]


def test_degree_one_is_kl():
    q = random_posterior()
    assert torch.allclose(LogPolynomial(coefficients=[1.0]).value(q, AT), KL().value(q, AT), rtol=1e-12)


def test_exponential_coefficients_tend_to_the_sum_of_chi_squares():
    """E_q[q/p] = exp(w^2 / (2 - s^2)) / (s sqrt(2 - s^2)) where s^2 < 2."""
    w = torch.tensor([0.3, -0.5, 0.2], dtype=torch.float64)
    variance = torch.tensor([0.8, 1.1, 0.6], dtype=torch.float64)
    chi = torch.exp(w**2 / (2 - variance)) / (variance * (2 - variance)).sqrt() - 1
    partial = sum(m / math.factorial(j) for j, m in enumerate(log_ratio_moments(w, variance.log(), 20), 1))
    assert torch.allclose(partial, chi, rtol=1e-8)


@ALL
@EVERY_CLOSED
def test_zero_exactly_where_q_is_p(options, coupling, prior):
    if not allowed(options, coupling, prior):
        return
    matrix = matrix_of(coupling if prior == "hierarchical" else "identity")
    zero = torch.zeros(2, 3, 4, dtype=torch.float64)
    q = Posterior(zero, zero, matrix, prior)
    assert torch.equal(options.value(q, AT), torch.zeros(2, dtype=torch.float64))
    assert torch.equal(q.kl_levels, torch.zeros(2, 3, dtype=torch.float64))


@EVERY_CLOSED
@ALL
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.floats(0, 2))
@pytest.mark.slow
def test_never_negative(options, coupling, prior, seed, spread):
    if not allowed(options, coupling, prior):
        return
    q = random_posterior(coupling, prior, seed=seed, spread=spread)
    value = options.value(q, AT)
    assert value.shape == (6,)
    assert (value >= -1e-12).all()
    assert (q.kl_levels >= -1e-12).all()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-40, 40).map(lambda i: i / 40), min_size=1, max_size=6), st.floats(-2, 2), st.floats(-3, 0.9)
)
def test_accepted_coefficients_are_never_negative(c, w, log_variance):
    if not any(c) or failing_point(c) is not None:
        return
    moments = log_ratio_moments(*(torch.tensor(v, dtype=torch.float64) for v in (w, log_variance)), degree=len(c))
    terms = [c_j * m.item() for c_j, m in zip(c, moments, strict=True)]
    assert sum(terms) >= -1e-10 * sum(map(abs, terms))


def test_refused_coefficients_can_be_negative():
    """(0, 0, 1) is refused: the third moment of the log-ratio has either sign between normals."""
    w, log_variance = (torch.tensor(value, dtype=torch.float64) for value in (0.7, 2 * math.log(0.6)))
    assert failing_point([0.0, 0.0, 1.0]) is not None
    assert log_ratio_moments(w, log_variance, 3)[2] < -0.01


@EVERY
@pytest.mark.parametrize("prior", PRIORS)
def test_gradients(options, prior):
    matrix = matrix_of("chain" if prior == "hierarchical" else "identity").requires_grad_()
    g = torch.Generator().manual_seed(3)
    mean, log_variance = (0.5 * torch.randn(2, 3, 3, 1, generator=g, dtype=torch.float64)).requires_grad_().unbind()
    eps = torch.randn(3, 3, 1, generator=g, dtype=torch.float64)

    def value(mean, log_variance, matrix):
        q = Posterior(mean, log_variance, matrix.tril(-1) + torch.eye(3), prior, eps)
        return options.value(q, seen(q))

    assert torch.autograd.gradcheck(value, (mean, log_variance, matrix))


@EVERY
def test_float32_agrees_with_float64(options):
    q = random_posterior(spread=0.8, batch=64)
    single = Posterior(q.mean.float(), q.log_variance.float(), q.matrix.float(), q.prior, q.eps.float())
    exact = options.value(q, seen(q))
    assert torch.allclose(options.value(single, seen(single)).double(), exact, rtol=1e-4, atol=1e-5)


def test_float32_keeps_small_divergences():
    """sigma^2 - 1 - log sigma^2 cancels near sigma = 1; by expm1 it keeps its digits."""
    log_variance = torch.tensor([[[1e-3], [-3e-3], [2e-2]]])
    q = Posterior(torch.zeros(1, 3, 1), log_variance, torch.eye(3))
    exact = 0.5 * (torch.expm1(log_variance.double()) - log_variance.double())
    assert torch.allclose(q.kl_levels.double(), exact[..., 0], rtol=1e-3, atol=0)


@given(st.integers(1, 6), st.floats(-0.9, 0.9), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_gauge_equivalence_of_the_divergences(order, rho, seed):
    """Under the hierarchical prior (A, mu) costs what (I, standard prior, A^-1 mu) costs."""
    q = random_posterior(order=order, seed=seed)
    matrix = BoundCoupling(Chain(rho=rho), order)(q.mean)
    coupled = Posterior(q.mean, q.log_variance, matrix, "hierarchical")
    plain = Posterior(uncouple(matrix, q.mean), q.log_variance, torch.eye(order, dtype=torch.float64), "standard")
    for value in (
        lambda p, _: p.kl_levels,
        *(options().value for options in (Hierarchical, LogPolynomial, Renyi, SkewJS)),
    ):
        assert torch.allclose(value(coupled, AT), value(plain, AT), rtol=1e-10, atol=1e-10)


def test_under_the_standard_prior_the_coupling_is_no_gauge():
    plain, coupled = random_posterior("identity", "standard"), random_posterior("chain", "standard")
    assert (coupled.kl_levels.sum(1) > plain.kl_levels.sum(1) + 1e-3).all()
