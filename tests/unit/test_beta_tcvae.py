"""The beta-TCVAE's parts: against densities of SciPy, by exact enumeration, and without bias where that is promised."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from posteriors import covariances, random_posterior, seen
from pydantic import ValidationError
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from phvae.model.divergences.beta_tcvae import BetaTCVAE, log_weights
from phvae.model.posterior import Posterior

EITHER = pytest.mark.parametrize("estimator", ["weighted", "stratified"])
BOTH = pytest.mark.parametrize(
    ("coupling", "prior"), [("chain", "hierarchical"), ("chain", "standard"), ("identity", "standard")]
)


def draws(q):
    mean, covariance = covariances(q)
    scale = np.exp(0.5 * q.log_variance.flatten(1).numpy()) * q.eps.flatten(1).numpy()
    size = q.mean.shape[-1]
    c = np.kron(np.eye(3) if q.prior == "hierarchical" else q.matrix.numpy(), np.eye(size))
    return mean + scale @ c.T, mean, covariance


@BOTH
@EITHER
def test_the_parts_are_those_of_scipys_densities(estimator, coupling, prior):
    q = random_posterior(coupling, prior)
    u, mean, covariance = draws(q)
    batch, examples = len(u), 50
    weights = log_weights(estimator, batch, examples, like=q.mean).numpy()
    joint = np.array([[multivariate_normal(mean[m], covariance[m]).logpdf(u[i]) for m in range(6)] for i in range(6)])
    scale = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    each = norm.logpdf(u[:, None], mean[None], scale[None])
    log_q, log_each = logsumexp(joint + weights, 1), logsumexp(each + weights[..., None], 1).sum(1)
    correlation, dimensions = BetaTCVAE(estimator=estimator).parts(q, examples)
    assert correlation.numpy() == pytest.approx(log_q - log_each, rel=1e-9)
    assert dimensions.numpy() == pytest.approx(log_each - norm.logpdf(u).sum(1), rel=1e-9)
    value = BetaTCVAE(estimator=estimator, beta=5, alpha=0.5, gamma=2).value(q, seen(q, examples))
    information = q.kl_levels.sum(1) - correlation - dimensions
    assert torch.allclose(value, 0.5 * information + 5 * correlation + 2 * dimensions, rtol=1e-9)


@BOTH
@pytest.mark.slow
def test_mutual_information_total_correlation_and_dimension_wise_kl_are_kl_by_enumeration(coupling, prior):
    """Three examples, two levels of one coordinate, every draw of a 24 x 24 rule: mean parts to 1e-8.

    Of the whole set the weighted estimate is low by log N for q(u), and for each q(u_j).
    """
    q = random_posterior(coupling, prior, batch=3, order=2, size=1, spread=0.5)
    mean, covariance = covariances(q)
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    weights = weights / math.sqrt(2 * math.pi)
    found, expected = np.zeros(2), np.zeros(3)
    given = [multivariate_normal(mean[m], covariance[m]) for m in range(3)]
    scale = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    for (a, wa), (b, wb) in itertools.product(zip(nodes, weights, strict=True), repeat=2):
        eps = torch.tensor([[[a], [b]]], dtype=torch.float64).expand(3, 2, 1)
        draw = Posterior(q.mean, q.log_variance, q.matrix, prior, eps)
        correlation, dimensions = BetaTCVAE().parts(draw, 3)
        found += wa * wb * np.array([correlation.mean(), dimensions.mean()])
        u = draw.drawn.flatten(1).numpy()
        joint = np.array([one.logpdf(u) for one in given])
        own, log_q = np.diagonal(joint), logsumexp(joint, 0) - math.log(3)
        log_each = (logsumexp(norm.logpdf(u[:, None], mean[None], scale[None]), 1) - math.log(3)).sum(1)
        parts = own - log_q, log_q - log_each, log_each - norm.logpdf(u).sum(1)
        expected += wa * wb * np.array([part.mean() for part in parts])
    information, correlation, dimensions = expected
    assert information + correlation + dimensions == pytest.approx(q.kl_levels.sum(1).mean().item(), rel=1e-8)
    assert min(expected) > 0
    assert found == pytest.approx([correlation + math.log(3), dimensions - 2 * math.log(3)], rel=1e-8)


def test_the_stratified_weights_are_unbiased_over_all_batches_and_the_weighted_ones_are_not():
    """The density at one draw: 6 examples in batches of 4, in every order, the draw's own example anywhere."""
    density = np.random.default_rng(0).uniform(0.1, 1, 6)
    mean = {}
    for estimator in ("weighted", "stratified"):
        weights = log_weights(estimator, 4, 6, like=torch.zeros((), dtype=torch.float64)).exp().numpy()
        values = [
            weights[batch.index(0)] @ density[list(batch)]
            for batch in itertools.permutations(range(6), 4)
            if 0 in batch
        ]
        mean[estimator] = np.mean(values)
    assert mean["stratified"] == pytest.approx(density.mean(), rel=1e-12)
    assert mean["weighted"] < 0.9 * density.mean()


@pytest.mark.parametrize(("batch", "examples"), [(1, 50), (2, 50), (64, 64), (64, 10), (7, 50)])
@EITHER
def test_weights_of_any_batch_are_finite(batch, examples, estimator):
    weights = log_weights(estimator, batch, examples, like=torch.zeros(()))
    assert weights.isfinite().all()
    if estimator == "stratified" and batch > 1:
        assert weights.exp().sum(1).numpy() == pytest.approx(1, rel=1e-5)


@BOTH
def test_equal_weights_are_kl_without_noise(coupling, prior):
    q = random_posterior(coupling, prior)
    value = BetaTCVAE(beta=2, alpha=2, gamma=2).value(q, seen(q))
    assert torch.equal(value, 2 * q.kl_levels.sum(1))


def test_a_larger_weight_charges_correlated_coordinates_of_any_two_levels():
    """Means on a diagonal across levels: the total correlation sees it, level weights do not."""
    line = torch.linspace(-2, 2, 32, dtype=torch.float64)[:, None, None].expand(32, 2, 1)
    g = torch.Generator().manual_seed(0)
    mixed = torch.stack([line[:, 0], line[torch.randperm(32, generator=g), 1]], 1)
    values = []
    for mean in (line, mixed):
        eps = torch.randn(32, 2, 1, generator=g, dtype=torch.float64)
        q = Posterior(mean, torch.full_like(mean, -3), torch.eye(2, dtype=torch.float64), "hierarchical", eps)
        values.append(BetaTCVAE().parts(q, 32)[0].mean().item())
    assert values[0] > values[1] + 0.3


def test_an_estimator_that_nothing_reads_is_refused():
    with pytest.raises(ValidationError, match=r"estimator is stratified, but alpha, beta and gamma are all 1"):
        BetaTCVAE(beta=1, estimator="stratified")
