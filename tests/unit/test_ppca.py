"""A linear-Gaussian model, probabilistic PCA (Tipping and Bishop, 1999), where log p(x) is known exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from phvae.api.phvae import PHVAE
from phvae.encoding.importance import estimate
from phvae.model.likelihoods.gaussian import Gaussian

D, L, SCALE = 8, 4, 0.5
CASES = [
    {"order": 1},
    {"order": 2, "basis": "copies"},
    {"order": 2, "basis": "copies", "coupling": {"name": "chain", "rho": 0.8}},
    {"order": 4, "basis": "copies", "coupling": "identity", "prior": "standard"},
]


def linear(weight, bias):
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


@pytest.fixture(params=CASES, ids=str)
def ppca(request):
    """x = W u + b + noise with W's columns orthogonal, so that the exact posterior is in the model's family."""
    g = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(D, L, generator=g, dtype=torch.float64)).Q
    w = basis * torch.tensor([2.0, 1.5, 1.0, 0.5], dtype=torch.float64)
    b = torch.randn(D, generator=g, dtype=torch.float64)
    model = PHVAE(
        (D,), latent_size=L, likelihood={"name": "gaussian", "scale": SCALE}, divergence="kl", **request.param
    )
    model.double()
    n, d = model.order, model.level_size
    factor = model.unwhiten(torch.eye(L, dtype=torch.float64).unflatten(1, (n, d))).flatten(1).T  # z = F u
    model.decoder = nn.Sequential(linear(w @ torch.linalg.inv(factor), b), nn.Unflatten(1, (D,)))
    precision = (w.square().sum(0) + SCALE**2) / SCALE**2
    gain = factor @ (w / (SCALE**2 * precision)).T  # mean of z given x - b
    for k, rows in enumerate(torch.arange(L).unflatten(0, (n, d))):
        weight = torch.cat([gain[rows], torch.zeros(d, D, dtype=torch.float64)])
        bias = torch.cat([-gain[rows] @ b, -precision[rows].log()])
        model.encoders[k] = nn.Sequential(nn.Flatten(), linear(weight, bias))
    exact = MultivariateNormal(b, w @ w.T + SCALE**2 * torch.eye(D, dtype=torch.float64))
    x = exact.loc + torch.randn(600, D, generator=g, dtype=torch.float64) @ exact.scale_tril.T
    return model, x, exact.log_prob(x)


@pytest.mark.slow
def test_the_estimate_is_log_px_whatever_the_encoder(ppca):
    """With the exact posterior, with one that is too narrow and shifted, and with one that has collapsed."""
    model, x, exact = ppca
    for scale, shift, log_variance in ((1, 0, 0), (0.8, 3, -6), (0, 0, 0)):
        with torch.no_grad():
            for encoder in model.encoders:
                encoder[1].weight.mul_(scale)
                encoder[1].bias[: model.level_size] += shift
                encoder[1].bias[model.level_size :] += log_variance
        found = estimate(model, x)
        assert found.settled.all()
        error = (found.value - exact).abs()
        assert error.mean() < 0.06
        assert (error < 5 * found.error + 0.01).all()
        assert abs((found.value - exact).mean()) < 4 * found.error.mean() / len(x) ** 0.5 + 0.005


def test_the_closed_form_divergence_gives_the_same_elbo(ppca):
    """-NLL averaged over the points eps = +-sqrt(L) e_i, exact for quadratics, minus the closed-form KL."""
    model, x, exact = ppca
    with torch.no_grad():
        levels = [x] * model.order
        q = model.posterior(levels)
        points = L**0.5 * torch.cat([torch.eye(L), -torch.eye(L)]).double().unflatten(1, (model.order, -1))
        log_px = [
            -model.likelihood.nll(levels, model.decoder(q.draw(e.expand_as(q.mean)).flatten(1)), [1])[0] for e in points
        ]
        elbo = torch.stack(log_px).mean(0) - q.kl_levels.sum(1)
        assert torch.allclose(elbo, exact, rtol=0, atol=1e-8)


@pytest.mark.slow
def test_the_bound_of_another_posterior_lies_below_the_estimate(ppca):
    """Mean ELBO <= log p(x), within 3 standard errors, for one draw per example; the gap is the KL that is missed."""
    model, x, _ = ppca
    with torch.no_grad():
        for encoder in model.encoders:
            encoder[1].weight.mul_(0.8)
            encoder[1].bias[model.level_size :] += 0.7
        g = torch.Generator().manual_seed(9)
        eps = torch.randn(len(x), model.order, model.level_size, generator=g, dtype=torch.float64)
        reconstruction, divergence, _ = model.terms(x, eps)
        gap = estimate(model, x).value + reconstruction.sum(1) + divergence
    assert gap.mean() > 0.1 - 3 * gap.std() / len(gap) ** 0.5


@pytest.mark.slow
def test_draws_grow_until_the_estimate_has_settled_or_may_not(ppca):
    model, x, _ = ppca
    found = estimate(model, x[:20])
    assert ((found.draws >= 1024) & (found.draws < 8192)).all()
    few = estimate(model, x[:20], 32)
    assert (few.draws == 32).all()
    assert not few.settled.all()
    # a likelihood so sharp and bent that no normal fits
    bend = nn.Sequential(*model.decoder[:-1], Sawtooth(), model.decoder[-1])
    model.decoder = bend
    model.likelihood.part = Gaussian(scale=0.02)
    hard = estimate(model, x[:20])
    assert (hard.draws == 8192).any()
    assert not hard.settled[hard.draws == 8192].all()


class Sawtooth(nn.Module):
    def forward(self, x):
        return x + 2 * torch.sin(9 * x)


def test_a_narrow_shifted_encoder_of_many_dimensions_loses_nothing():
    """The toy on which draws from the encoder miss a nat: 64 elements, 12 codes, linear."""
    g = torch.Generator().manual_seed(1)
    model = PHVAE((64,), order=1, latent_size=12, likelihood={"name": "gaussian", "scale": SCALE}, divergence="kl")
    model.double()
    w = torch.randn(64, 12, generator=g, dtype=torch.float64) / 4
    model.decoder = nn.Sequential(linear(w, torch.zeros(64, dtype=torch.float64)), nn.Unflatten(1, (64,)))
    exact = MultivariateNormal(torch.zeros(64).double(), w @ w.T + SCALE**2 * torch.eye(64, dtype=torch.float64))
    x = torch.randn(40, 64, generator=g, dtype=torch.float64) @ exact.scale_tril.T
    posterior = torch.linalg.inv(torch.eye(12, dtype=torch.float64) + w.T @ w / SCALE**2)
    bias = torch.cat([0.3 * torch.ones(12), (0.3 * posterior.diagonal()).log()]).double()
    weight = torch.cat([posterior @ w.T / SCALE**2, torch.zeros(12, 64, dtype=torch.float64)])
    model.encoders[0] = nn.Sequential(nn.Flatten(), linear(weight, bias))
    found = estimate(model, x)
    assert found.settled.all()
    assert abs((found.value - exact.log_prob(x)).mean()) < 0.03


@pytest.mark.slow
def test_a_split_into_batches_changes_nothing_but_rounding(ppca):
    model, x, _ = ppca
    whole = model.log_likelihood(x[:128], seed=3)
    halves = torch.cat([model.log_likelihood(x[i : i + 64], seed=3, first=i) for i in (0, 64)])
    assert torch.equal(whole, halves)
    single = torch.cat([model.log_likelihood(x[i : i + 1], seed=3, first=i) for i in range(8)])
    assert torch.allclose(whole[:8], single, atol=1e-6)
    assert not torch.allclose(whole[:8], model.log_likelihood(x[:8], seed=4), atol=1e-3)


def test_a_decoder_that_is_not_finite_gives_no_value_and_no_error(ppca):
    model, x, _ = ppca
    with torch.no_grad():
        model.decoder[0].weight[0, 0] = torch.nan
    found = estimate(model, x[:3])
    assert found.value.isnan().all()
    assert not found.settled.any()
