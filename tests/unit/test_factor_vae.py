"""FactorVAE: both losses by hand, the discriminator's density ratio against a known total correlation, its own Adam."""

from __future__ import annotations

import math

import pytest
import torch
from posteriors import matrix_of, random_posterior, seen
from pydantic import ValidationError
from tiny import dense
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from phvae.model.divergences.factor_vae import FactorVAE
from phvae.model.model import Model
from phvae.model.options import ModelConfig
from phvae.model.part import Context
from phvae.model.posterior import Posterior
from phvae.training.stacking import Stack

OPTIONS = {"name": "factor_vae", "gamma": 3, "critic_width": 8, "critic_layers": 2, "critic_learning_rate": 0.01}
CONFIG = ModelConfig(order=3, latent_size=6, network=dense(16), divergence=OPTIONS)
SHAPE = (5,)


def noise(count: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(count, *SHAPE, generator=g, dtype=torch.float64)
    return x, *torch.randn(2, count, 3, 2, generator=g, dtype=torch.float64)


def permuted(u: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Each coordinate over the batch in the order of its noise."""
    return torch.stack([u[order[:, i].argsort(), i] for i in range(u.shape[1])], 1)


def by_hand(model: Model, x: torch.Tensor, eps: torch.Tensor, prior: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of all parameters: the model's of its loss, the critic's of a binary cross-entropy."""
    at = Context(len(x), torch.ones(()))
    plain = Model(SHAPE, ModelConfig(**(CONFIG.model_dump() | {"divergence": "kl"}))).double()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("critic.")})
    levels = [x, x**2, x**3]
    u = plain.posterior(levels, eps).drawn.flatten(1)
    loss = plain(x, eps, at=at)["loss"] + 3 * model.critic(u).mean()
    found = list(torch.autograd.grad(loss, list(plain.parameters())))
    u = u.detach()
    both = torch.cat([model.critic(u), model.critic(permuted(u, prior.flatten(1)))]).squeeze(1)
    target = torch.cat([torch.ones(len(u)), torch.zeros(len(u))]).double()
    return found + list(torch.autograd.grad(cross_entropy(both, target), list(model.critic.parameters())))


def test_both_losses_have_the_gradients_of_the_paper():
    model = Model(SHAPE, CONFIG, seed=2).double()
    x, eps, prior = noise(9)
    model(x, eps, at=Context(9, torch.ones(()), prior))["loss"].backward()
    found = [parameter.grad for parameter in model.parameters()]
    assert [n for n, _ in model.named_parameters()][-1].startswith("critic.")
    for one, expected in zip(found, by_hand(model, x, eps, prior), strict=True):
        assert torch.allclose(one, expected, rtol=1e-9, atol=1e-12)


def test_the_critics_loss_is_in_the_gradient_and_not_in_the_value():
    model = Model(SHAPE, CONFIG, seed=2).double()
    x, eps, prior = noise(9)
    at = Context(9, torch.ones(()), prior)
    out = model(x, eps, 0.25, at)
    nll, value, _, own = (term.mean(0) for term in model.terms(x, eps, at))
    assert out["loss"].item() == pytest.approx((nll.sum() + 0.25 * value).item(), rel=1e-12)
    assert own.item() == pytest.approx(math.log(2), abs=0.1)  # a discriminator that knows nothing yet


def test_a_stack_trains_the_critic_by_its_own_adam():
    """Against torch's Adam with two groups, in float64, three steps."""
    seeds = [0, 1]
    states = [dict(Model(SHAPE, CONFIG, seed=seed).named_parameters()) for seed in seeds]
    stack = Stack(Model(SHAPE, CONFIG), states, examples=32, learning_rate=0.002, precision="float64")
    models = [Model(SHAPE, CONFIG, seed=seed).double() for seed in seeds]
    adams = [
        torch.optim.Adam(
            [
                {"params": [p for n, p in model.named_parameters() if not n.startswith("critic.")], "lr": 0.002},
                {"params": list(model.critic.parameters()), "lr": 0.01, "betas": (0.5, 0.9)},
            ]
        )
        for model in models
    ]
    for step in range(3):
        drawn = [noise(32, seed=10 * step + seed) for seed in seeds]
        stack.step(*(torch.stack(part) for part in zip(*drawn, strict=True)), weight=0.5)
        for model, adam, (x, eps, prior) in zip(models, adams, drawn, strict=True):
            adam.zero_grad()
            model(x, eps, 0.5, Context(32, torch.ones((), dtype=torch.float64), prior))["loss"].backward()
            adam.step()
    for index, model in enumerate(models):
        state = stack.state(index, moments=False)
        for name, parameter in model.named_parameters():
            assert torch.allclose(state[name], parameter, rtol=1e-9, atol=1e-11), name


@pytest.mark.slow
def test_the_discriminator_finds_a_known_total_correlation():
    """Codes of two coordinates with correlation .8: TC = -log(1 - .64) / 2 = .511 nats."""
    g = torch.Generator().manual_seed(0)
    objective = FactorVAE(gamma=1, critic_width=32, critic_layers=2)
    critic = objective.critic(2, g).double()
    adam = torch.optim.Adam(critic.parameters(), 2e-3, betas=objective.critic_betas)
    sd = 0.2  # of each posterior; the means make up the rest of a unit variance
    factor = torch.linalg.cholesky(torch.tensor([[1 - sd**2, 0.8], [0.8, 1 - sd**2]], dtype=torch.float64))

    def batch(count: int) -> tuple[Posterior, Context]:
        mean = (torch.randn(count, 2, generator=g, dtype=torch.float64) @ factor.T).unsqueeze(1)
        eps, prior = torch.randn(2, count, 1, 2, generator=g, dtype=torch.float64)
        q = Posterior(mean, torch.full_like(mean, 2 * math.log(sd)), matrix_of("identity", 1), eps=eps)
        return q, Context(count, torch.ones(()), prior, critic)

    for _ in range(400):
        adam.zero_grad()
        objective.critic_loss(*batch(512)).mean().backward()
        adam.step()
    with torch.no_grad():
        q, at = batch(20_000)
        found = (objective.value(q, at) - q.kl_levels.sum(1)).mean().item()
    assert found == pytest.approx(-0.5 * math.log(1 - 0.64), rel=0.12)


def test_its_size_is_what_is_said():
    critic = FactorVAE(critic_width=7, critic_layers=3).critic(4, torch.Generator())
    assert FactorVAE(critic_width=7, critic_layers=3).critic_size(4) == sum(p.numel() for p in critic.parameters())


def test_permuting_keeps_the_marginals_and_breaks_the_pairs():
    q = random_posterior(batch=64)
    u = q.drawn.flatten(1)
    seen_by_critic = []
    at = Context(64, torch.ones(()), seen(q).prior, lambda codes: seen_by_critic.append(codes) or codes[:, :1])
    FactorVAE().critic_loss(q, at)
    together, apart = seen_by_critic
    assert torch.equal(together, u)
    assert torch.equal(apart, permuted(u, seen(q).drawn_prior.flatten(1)))
    assert torch.equal(apart.sort(0).values, u.sort(0).values)
    assert (apart != u).any(1).all()


def test_without_a_weight_it_is_kl_and_refused():
    with pytest.raises(ValidationError, match="gamma is 0, which is KL: use kl"):
        FactorVAE(gamma=0)


def test_an_objective_without_a_critic_is_told_so():
    q = random_posterior()
    with pytest.raises(ValueError, match=r"has no critic: define Divergence\.critic"):
        FactorVAE().value(q, Context(6, torch.ones(()), q.eps))
