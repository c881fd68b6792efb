"""Capacity and free bits: options of any divergence, absent from what does not state them."""

from __future__ import annotations

import pytest
import torch
from posteriors import random_posterior, seen
from pydantic import ValidationError
from tiny import dense

from phvae.analysis.results.divergences import divergence_text
from phvae.config.strict import stated
from phvae.errors import ConfigError
from phvae.experiment.grid import parse_grid
from phvae.model.allowance import Capacity
from phvae.model.divergences.beta_tcvae import BetaTCVAE
from phvae.model.divergences.hierarchical import Hierarchical
from phvae.model.divergences.kl import KL
from phvae.model.divergences.log_polynomial import LogPolynomial
from phvae.model.divergences.renyi import Renyi
from phvae.model.divergences.skew_js import SkewJS
from phvae.model.model import Model
from phvae.model.options import ModelConfig
from phvae.training.stacking import Stack, term_names

BY_LEVEL = [KL(beta=2), Hierarchical(), LogPolynomial(), Renyi(), SkewJS(), SkewJS(dual=True)]


@pytest.mark.parametrize("options", BY_LEVEL, ids=str)
def test_levels_sum_to_the_value_and_each_has_its_own_free_bits(options):
    q = random_posterior(spread=0.6)
    at = seen(q)
    levels = options.levels(q, at)
    assert levels.shape == (6, 3)
    assert torch.allclose(levels.sum(1), options.value(q, at), rtol=1e-12)
    means = sorted(levels.mean(0).tolist())
    free = (means[0] + means[1]) / 2
    charged = options.model_copy(update={"free_bits": free}).charge(q, at)
    assert charged.tolist() == pytest.approx([free + means[1] + means[2]] * 6, rel=1e-12)


def test_an_objective_without_levels_has_free_bits_as_a_whole():
    q = random_posterior()
    whole = BetaTCVAE().value(q, seen(q)).mean().item()
    charged = [BetaTCVAE(free_bits=free).charge(q, seen(q))[0].item() for free in (whole - 1, whole + 1)]
    assert charged == pytest.approx([whole, whole + 1], rel=1e-12)
    q = random_posterior(prior="standard")
    assert SkewJS().levels(q, seen(q)).shape == (6, 1)


def test_free_bits_leave_no_gradient_to_a_level_that_has_some_left():
    q = random_posterior()
    mean = q.mean.clone().requires_grad_()
    q = type(q)(mean, q.log_variance, torch.eye(3, dtype=torch.float64), "hierarchical", q.eps)
    free = sum(sorted(q.kl_levels.mean(0).tolist())[:2]) / 2
    KL(free_bits=free).charge(q, seen(q)).mean().backward()
    charged = q.kl_levels.mean(0) > free
    assert charged.sum() == 2
    assert ((mean.grad != 0).all(2) == charged).all()


@pytest.mark.parametrize(("share", "target"), [(0.0, 0.0), (0.25, 6.0), (0.5, 12.0), (1.0, 12.0)])
def test_the_distance_from_a_capacity_that_grows_is_charged(share, target):
    q = random_posterior()
    options = KL(beta=0.5, capacity=Capacity(nats=12, gamma=3, until=0.5))
    expected = 3 * abs(0.5 * q.kl_levels.sum(1).mean().item() - target)
    assert options.charge(q, seen(q, share=share)).tolist() == pytest.approx([expected] * 6, rel=1e-12)


def test_a_step_has_the_capacity_of_its_share_and_validation_the_last():
    config = ModelConfig(
        latent_size=2, network=dense(8), divergence={"name": "kl", "capacity": {"nats": 9, "gamma": 1}}
    )
    states = [dict(Model((3,), config, seed=seed).named_parameters()) for seed in (0, 1)]
    stack = Stack(Model((3,), config), states)
    g = torch.Generator().manual_seed(0)
    x, eps = torch.rand(2, 64, 3, generator=g), torch.randn(2, 64, 1, 2, generator=g)
    row = [term_names(1).index(name) for name in ("divergence", "kl")]
    for share, target in ((0.0, 0.0), (0.5, 4.5)):
        divergence, kl = stack.step(x, eps, share=share)[:, row].unbind(1)
        assert torch.allclose(divergence, (kl - target).abs(), atol=1e-4)
    divergence, kl = stack.losses(x, eps)[:, row].unbind(1)
    assert torch.allclose(divergence, (kl - 9).abs(), atol=1e-4)


def test_a_divergence_that_states_none_charges_its_value_and_says_nothing_of_it():
    q = random_posterior()
    for options in (KL(beta=2), Hierarchical(), LogPolynomial()):
        assert torch.equal(options.charge(q, seen(q)), options.value(q, seen(q)))
        assert not {"capacity", "free_bits"} & stated(options).keys()
    assert stated(KL(capacity={"nats": 5}))["capacity"] == {"nats": 5.0}


def test_both_are_refused():
    with pytest.raises(ValidationError, match=r"capacity and free_bits \(0.5\) are both given: give one of the two"):
        KL(capacity={"nats": 5}, free_bits=0.5)


def grid(**variants):
    return {
        "name": "a",
        "baseline": "one",
        "datasets": {"claw": {}},
        "variants": {k: {"model": {"divergence": v}} for k, v in variants.items()},
    }


def test_with_an_allowance_it_is_no_twin_of_what_is_charged_in_full():
    free = {"name": "kl", "free_bits": 0.5}
    cells = parse_grid(grid(one="kl", two=free, three={"name": "kl", "capacity": {"nats": 5}}), "a.yaml").cells
    texts = [divergence_text(cell.model.divergence.model_dump(mode="json")) for cell in cells]
    assert texts == ["kl", "kl + free_bits(0.5)", "kl + capacity(gamma=1000 nats=5 until=1)"]
    with pytest.raises(ConfigError, match="found the model of two under another name"):
        parse_grid(grid(one="kl", two=free, four={**free, "beta": 1}), "a.yaml")


@pytest.mark.parametrize(
    ("divergence", "key", "words"),
    [
        ({"name": "kl", "free_bits": -1}, ".free_bits", "found -1, expected at least 0"),
        ({"name": "kl", "capacity": {"nats": 0}}, ".capacity.nats", "found 0, expected more than 0"),
        ({"name": "kl", "capacity": 25}, ".capacity", "found 25, expected a mapping, `key: value`"),
        ({"name": "kl", "capacity": {"nats": 5, "until": 2}}, ".capacity.until", "found 2, expected at most 1"),
        ({"name": "beta_tcvae", "beta": -1}, ".beta", "found -1, expected at least 0"),
        ({"name": "beta_tcvae", "lambda_od": 1}, ".lambda_od", "unknown key"),
        ({"name": "dip_vae", "type": "III"}, ".type", "found 'III', expected 'I' or 'II'; did you mean 'II'?"),
        ({"name": "dip_vae", "lambda_od": 1e9}, ".lambda_od", "found 1000000000.0, expected at most 1000000"),
        ({"name": "info_vae", "alpha": 2}, ".alpha", "found 2, expected at most 1"),
        ({"name": "wae_mmd", "kernel": "linear"}, ".kernel", "found 'linear', expected 'imq' or 'rbf'"),
        ({"name": "wae_mmd", "scale": 0}, ".scale", "found 0, expected at least 1e-06"),
        ({"name": "renyi", "alpha": 2}, ".alpha", "found 2, expected more than 0 and less than 1"),
        ({"name": "skew_js", "alpha": 1}, ".alpha", "found 1, expected less than 1"),
        ({"name": "skew_js", "dual": "yes"}, ".dual", "found 'yes', expected true or false"),
    ],
)
def test_a_number_outside_its_domain_and_an_option_that_nothing_reads_are_named(divergence, key, words):
    with pytest.raises(ConfigError) as caught:
        parse_grid(grid(one=divergence), "a.yaml")
    assert str(caught.value).startswith(f"a.yaml: variants.one.model.divergence{key}: {words}")
