"""Couplings, the posterior's draws and densities, and both priors, against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal

from phvae.model.bound import BoundCoupling
from phvae.model.couplings.chain import Chain
from phvae.model.couplings.identity import Identity
from phvae.model.couplings.learned import Learned
from phvae.model.parts import COUPLINGS
from phvae.model.posterior import PRIORS, Posterior, couple, uncouple

OPTIONS = {"identity": Identity(), "chain": Chain(rho=0.6), "learned": Learned(rho=-0.4)}
LIKE = torch.zeros(1, dtype=torch.float64)
ALL = pytest.mark.parametrize(("coupling", "prior"), [(c, p) for c in COUPLINGS for p in PRIORS])


def matrix_of(name, order, trained=True):
    module = BoundCoupling(OPTIONS[name], order).double()
    if trained:
        for i, parameter in enumerate(module.parameters()):
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
            parameter.data += 0.3 * noise
    return module(LIKE).detach()


def posterior(coupling, prior, batch=5, order=3, size=2, seed=0):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(batch, order, size, generator=g, dtype=torch.float64)
    log_variance = torch.randn(batch, order, size, generator=g, dtype=torch.float64)
    return Posterior(mean, log_variance, matrix_of(coupling, order), prior)


def joint(q):
    """q(z | x) of each coordinate as a multivariate normal over the levels: batch shape (B, d), event n."""
    covariance = q.matrix @ torch.diag_embed(q.log_variance.exp().transpose(1, 2)) @ q.matrix.T
    return MultivariateNormal(q.mean.transpose(1, 2), covariance)


def prior_of(q):
    factor = q.matrix if q.prior == "hierarchical" else torch.eye(q.matrix.shape[0], dtype=torch.float64)
    return MultivariateNormal(torch.zeros(len(factor), dtype=torch.float64), factor @ factor.T)


@pytest.mark.parametrize("name", COUPLINGS)
@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_couplings_are_lower_triangular_with_unit_diagonal(name, order):
    a = matrix_of(name, order)
    assert torch.equal(a, a.tril())
    assert torch.equal(a.diagonal(), torch.ones(order, dtype=torch.float64))


@given(st.integers(1, 8), st.floats(-0.99, 0.99))
def test_the_chain_is_the_inverse_of_one_minus_rho_shift(order, rho):
    a = BoundCoupling(Chain(rho=rho), order)(LIKE)
    shift = torch.diag(torch.ones(order - 1, dtype=torch.float64), -1)
    assert torch.allclose(a @ (torch.eye(order) - rho * shift), torch.eye(order, dtype=torch.float64), atol=1e-12)


def test_learned_starts_at_the_chain_and_frees_every_lower_entry():
    learned, chain = BoundCoupling(Learned(rho=0.5), 4), BoundCoupling(Chain(rho=0.5), 4)
    assert torch.equal(learned(torch.zeros(1)), chain(torch.zeros(1)))
    assert sum(p.numel() for p in learned.parameters()) == 6
    assert not list(chain.parameters())


@pytest.mark.parametrize("name", COUPLINGS)
def test_uncouple_inverts_couple(name):
    v = torch.randn(7, 6, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    a = matrix_of(name, 6)
    assert torch.allclose(couple(a, v), torch.einsum("kl,bld->bkd", a, v), atol=1e-12)
    assert torch.allclose(uncouple(a, couple(a, v)), v, atol=1e-12)


@ALL
def test_densities_equal_multivariate_normals(coupling, prior):
    q = posterior(coupling, prior)
    eps = torch.randn(q.mean.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    z = q.draw(eps)
    assert torch.allclose(q.log_density(eps), joint(q).log_prob(z.transpose(1, 2)).sum(1), atol=1e-10)
    assert torch.allclose(q.log_prior(z), prior_of(q).log_prob(z.transpose(1, 2)).sum(1), atol=1e-10)


@ALL
def test_whitened_coordinates_make_the_prior_standard(coupling, prior):
    q = posterior(coupling, prior)
    eps = torch.randn(q.mean.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    u = uncouple(q.factor, q.draw(eps))
    assert torch.allclose(u, q.whitened + couple(q.mixing, torch.exp(0.5 * q.log_variance) * eps), atol=1e-12)
    assert torch.allclose(q.log_prior(q.draw(eps)), Normal(0.0, 1.0).log_prob(u).sum((1, 2)), atol=1e-10)


def test_the_hierarchical_prior_of_a_chain_factorises_over_levels():
    q = posterior("chain", "hierarchical")
    rho, z = OPTIONS["chain"].rho, q.mean
    conditional = Normal(0.0, 1.0).log_prob(z[:, 0]).sum(1)
    for k in (1, 2):
        conditional = conditional + Normal(rho * z[:, k - 1], 1.0).log_prob(z[:, k]).sum(1)
    assert torch.allclose(q.log_prior(z), conditional, atol=1e-10)


def test_the_draw_of_training_belongs_to_eps():
    q = posterior("chain", "hierarchical")
    eps = torch.ones_like(q.mean)
    assert torch.equal(Posterior(q.mean, q.log_variance, q.matrix, q.prior, eps).z, q.draw(eps))
    with pytest.raises(ValueError, match="built without eps"):
        _ = q.z
