"""log p(x) of trained models, whose decoders bend, against what is known of it without a proposal."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.annealing import anneal
from phvae import PHVAE
from phvae.encoding.importance import estimate
from phvae.encoding.proposal import Joint


@pytest.fixture(scope="module")
def line() -> tuple[PHVAE, Tensor]:
    """Order 6, whose encoders are the narrowest, on three modes."""
    draws = np.random.default_rng(0).normal(size=(1200, 1)) * 0.05
    x = (draws + np.random.default_rng(1).choice([0.2, 0.5, 0.8], size=(1200, 1))).astype(np.float32)
    network = {"name": "dense", "hidden": [32], "activation": "silu"}
    model = PHVAE((1,), order=6, latent_size=6, network=network, seed=0)
    model.fit(x, epochs=12, learning_rate=5e-3, seed=0, standardise=False)
    return model, model.as_data(x[:200])


@torch.no_grad()
@pytest.mark.slow
def test_on_a_density_the_estimate_is_log_px(line: tuple[PHVAE, Tensor]):
    model, x = line
    generator = torch.Generator().manual_seed(2)
    exact = torch.full((len(x),), -math.inf, dtype=torch.float64)
    for _ in range(10):
        u = torch.randn(20_000, 6, 1, generator=generator)
        means = model.decoder(model.unwhiten(u).flatten(1))[:, 0]
        log_px = -0.5 * ((x - means) / 0.1).double() ** 2 - math.log(0.1) - 0.5 * math.log(2 * math.pi)
        exact = torch.logaddexp(exact, torch.logsumexp(log_px, 1))
    exact -= math.log(200_000)
    found = estimate(model, x)
    assert found.settled.all()
    assert abs((found.value - exact).mean()) < 0.01
    joint = Joint(model, x)
    draws = joint.encoder.draw(torch.randn(len(x), 64, 6, generator=generator, dtype=torch.float64))
    weights = joint.log_density(draws, torch.arange(len(x))) - joint.encoder.log_density(draws)
    assert (exact - (torch.logsumexp(weights, 1) - math.log(64))).mean() > 0.03, "the encoder alone would not do"


@torch.no_grad()
@pytest.mark.slow
def test_on_simulated_images_the_estimate_lies_between_annealing_forwards_and_backwards():
    x = np.random.default_rng(0).random((256, 1, 6, 6), dtype=np.float32) * np.linspace(0, 1, 6, dtype=np.float32)
    model = PHVAE((1, 6, 6), order=2, latent_size=4, network={"name": "dense", "hidden": [24]}, seed=1)
    model.fit(x, epochs=20, learning_rate=5e-3, seed=0)
    generator = torch.Generator().manual_seed(5)
    w = torch.randn(12, 2, 2, generator=generator)
    drawn = model.likelihood.sample(model.decoder(model.unwhiten(w).flatten(1)), generator)
    model.unit_interval = False  # noise takes simulated pixels out of [0, 1]
    low, _ = anneal(model, drawn, 8, 800, generator)
    high, _ = anneal(model, drawn, 1, 800, generator, start=w.flatten(1)[:, None])
    found = estimate(model, drawn)
    assert found.settled.all()
    assert (high - low).mean() < 0.8
    # each bound holds in expectation, over the noise of its chains
    for gap in (found.value - low, high - found.value):
        assert gap.mean() > -3 * gap.std() / len(gap) ** 0.5
