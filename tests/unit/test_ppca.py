"""A linear-Gaussian model, probabilistic PCA (Tipping and Bishop, 1999), where log p(x) is known exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from phvae.divergences import kl_levels
from phvae.importance import log_weights
from phvae.model import PHVAE

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


def test_with_the_exact_posterior_the_elbo_is_log_px(ppca):
    """Every draw of the log-weight equals log p(x), so its mean, the ELBO, does too; and so does -loss on average."""
    model, x, exact = ppca
    weights = log_weights(model, x, 3)
    assert torch.allclose(weights, exact[:, None].expand_as(weights), rtol=0, atol=1e-8)
    assert torch.allclose(model.log_likelihood(x, 5), exact, rtol=0, atol=1e-8)


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
        elbo = torch.stack(log_px).mean(0) - kl_levels(q).sum(1)
        assert torch.allclose(elbo, exact, rtol=0, atol=1e-8)


def test_otherwise_elbo_below_importance_sampling_below_exact(ppca):
    """Mean ELBO <= mean importance-sampled estimate <= mean exact value, over 600 points, within 3 standard errors."""
    model, x, exact = ppca
    with torch.no_grad():
        for encoder in model.encoders:
            encoder[1].weight.mul_(0.8)
            encoder[1].bias[model.level_size :] += 0.7
    weights = log_weights(model, x, 64)
    elbo, estimate, few = weights.mean(1), model.log_likelihood(x, 64), model.log_likelihood(x, 4)

    def at_most(low, high):
        gap = high - low
        return gap.mean() >= -3 * gap.std() / len(gap) ** 0.5

    assert at_most(elbo, few)
    assert at_most(few, estimate)
    assert at_most(estimate, exact)
    assert (exact - elbo).mean() > 0.1
    assert (exact - estimate).mean() < 0.2 * (exact - elbo).mean()
    with torch.no_grad():
        g = torch.Generator().manual_seed(9)
        eps = torch.randn(len(x), model.order, model.level_size, generator=g, dtype=torch.float64)
        reconstruction, divergence, _ = model.terms(x, eps)
        loss = -(reconstruction.sum(1) + divergence)
    assert at_most(loss, exact)
    gap = loss - elbo
    assert abs(gap.mean()) <= 3 * gap.std() / len(gap) ** 0.5


def test_no_split_into_batches_changes_the_estimate(ppca):
    model, x, _ = ppca
    whole = log_weights(model, x[:64], 8, seed=3)
    single = torch.cat([log_weights(model, x[i : i + 1], 8, seed=3, first=i) for i in range(64)])
    assert torch.equal(whole, single)
    assert not torch.equal(whole, log_weights(model, x[:64], 8, seed=4))
