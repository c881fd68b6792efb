"""InfoVAE and WAE-MMD: the discrepancy against two other implementations, and without bias."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from posteriors import random_posterior, seen
from pydantic import ValidationError
from scipy.spatial.distance import cdist

from phvae.metrics.mmd import mmd2
from phvae.model.discrepancy import squared_discrepancy
from phvae.model.divergences.info_vae import InfoVAE
from phvae.model.divergences.wae_mmd import WAEMMD
from phvae.model.part import Context
from phvae.model.posterior import Posterior, uncouple

KERNELS = pytest.mark.parametrize("kernel", ["imq", "rbf"])


def by_numpy(u, p, kernel, scale):
    def similar(a, b):
        r = cdist(a, b, "sqeuclidean") / (2 * a.shape[1] * scale**2)
        return 1 / (1 + r) if kernel == "imq" else np.exp(-r)

    pairs = [similar(s, s)[~np.eye(len(s), dtype=bool)].mean() for s in (u, p)]
    return sum(pairs) - 2 * similar(u, p).mean()


@KERNELS
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("prior", ["hierarchical", "standard"])
def test_it_is_the_discrepancy_of_whitened_draws_by_numpy(kernel, scale, prior):
    q = random_posterior("chain", prior)
    at = seen(q)
    u = (uncouple(q.matrix, q.z) if prior == "hierarchical" else q.z).flatten(1).numpy()
    expected = by_numpy(u, at.prior.flatten(1).numpy(), kernel, scale)
    if kernel == "rbf":
        assert expected == pytest.approx(mmd2(u, at.prior.flatten(1).numpy(), scale * np.sqrt(6)), rel=1e-9)
    found = WAEMMD(lambda_mmd=7, kernel=kernel, scale=scale).value(q, at)
    assert found.numpy() == pytest.approx(np.full(6, 7 * expected), rel=1e-9)
    found = InfoVAE(alpha=0.25, lambda_mmd=7, kernel=kernel, scale=scale).value(q, at)
    assert found.numpy() == pytest.approx(0.75 * q.kl_levels.sum(1).numpy() + 6.25 * expected, rel=1e-9)


@KERNELS
def test_it_is_unbiased_over_all_samples_of_three_points(kernel):
    """Zero on average where both samples come from one distribution; a V-statistic would be above it."""
    points = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]], dtype=torch.float64)
    samples = [points[list(index)] for index in itertools.product(range(3), repeat=2)]
    values = [squared_discrepancy(u, p, kernel, 1.0).item() for u in samples for p in samples]
    assert np.mean(values) == pytest.approx(0, abs=1e-14)
    assert min(values) < -0.1 < 0.1 < max(values)


@KERNELS
def test_at_q_equal_p_its_mean_over_draws_is_zero_and_elsewhere_it_is_not(kernel):
    g = torch.Generator().manual_seed(0)
    zero, matrix = torch.zeros(32, 2, 3, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    found = {0.0: [], 1.0: []}
    for shift, values in found.items():
        for _ in range(300):
            eps, prior = torch.randn(2, *zero.shape, generator=g, dtype=torch.float64)
            q = Posterior(zero + shift, zero, matrix, "hierarchical", eps)
            values.append(WAEMMD(lambda_mmd=1, kernel=kernel).value(q, Context(32, torch.ones(()), prior))[0].item())
    error = np.std(found[0.0]) / np.sqrt(300)
    assert abs(np.mean(found[0.0])) < 3 * error
    assert np.mean(found[1.0]) > 30 * error


def test_alpha_of_one_is_the_wasserstein_autoencoder():
    q = random_posterior()
    one, other = InfoVAE(alpha=1, lambda_mmd=20, kernel="imq"), WAEMMD(lambda_mmd=20)
    assert torch.allclose(one.value(q, seen(q)), other.value(q, seen(q)), rtol=1e-12)


def test_a_lone_example_has_no_pair():
    q = random_posterior(batch=1)
    assert WAEMMD().value(q, seen(q)).tolist() == [0.0]


def test_without_draws_of_the_prior_it_says_what_is_missing():
    with pytest.raises(ValueError, match="give Context a prior"):
        WAEMMD().value(random_posterior(), Context(1, torch.ones(())))


@pytest.mark.parametrize(("alpha", "weight"), [(0, 1), (0.5, 0.25), (-3, 2)])
def test_a_discrepancy_without_a_positive_weight_is_refused(alpha, weight):
    with pytest.raises(ValidationError, match=rf"the weight of MMD, is {alpha + weight - 1:g}, expected more than 0"):
        InfoVAE(alpha=alpha, lambda_mmd=weight)
