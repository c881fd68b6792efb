"""Every registered part lowers its loss in a tiny training: a new part is tested by being registered."""

from __future__ import annotations

import typing

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from phvae.api.phvae import PHVAE
from phvae.model.hierarchy import BASES
from phvae.model.options import ModelConfig
from phvae.model.part import Context
from phvae.model.parts import COUPLINGS, DIVERGENCES, LIKELIHOODS, NETWORKS
from phvae.model.posterior import PRIORS

REGISTRIES = {
    "basis": BASES,
    "coupling": COUPLINGS,
    "prior": PRIORS,
    "divergence": DIVERGENCES,
    "likelihood": LIKELIHOODS,
    "network": NETWORKS,
}
PARTS = [(part, name) for part, registry in REGISTRIES.items() for name in registry]
SMALL = {"latent_size": 6, "order": 3, "network": {"name": "dense", "hidden": [32]}}


def blobs(n=32, size=28):
    """Smooth grey images: one bright spot each, at a random place."""
    g = torch.Generator().manual_seed(0)
    grid = torch.linspace(0, 1, size)
    place = torch.rand(n, 2, 1, generator=g)
    y, x = (torch.exp(-((grid - p) ** 2) / 0.02) for p in place.unbind(1))
    return (y[:, :, None] * x[:, None, :])[:, None]


def train(model, x, steps):
    g = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    held, prior = torch.randn(2, len(x), model.order, model.level_size, generator=g)
    at = Context(len(x), torch.ones(()), prior)

    def loss():
        with torch.no_grad():
            return model(x, held, at=at)["loss"].item()

    before = loss()
    for _ in range(steps):
        optimiser.zero_grad()
        model(x, torch.randn(held.shape, generator=g), at=at)["loss"].backward()
        optimiser.step()
    return before, loss()


@pytest.mark.parametrize(("part", "name"), PARTS)
@pytest.mark.slow
def test_a_tiny_training_lowers_the_loss(part, name):
    options = {**SMALL, part: name}
    if part == "prior":
        options["divergence"] = "kl"
    size = 28 if part == "network" else 8
    model = PHVAE((1, size, size), **options)
    before, after = train(model, blobs(size=size), 12)
    assert after < before - 0.05 * abs(before)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.slow
def test_every_objective_lowers_its_loss_on_digits(name, prior):
    """As a stack trains it: recorded, with draws of the prior where it asks for them; on the validation split."""
    images = np.round(load_digits().images[:600, None] * (255 / 16)).astype(np.uint8)
    model = PHVAE((1, 8, 8), divergence=name, prior=prior, coupling="identity", **SMALL)
    history = model.fit(images, epochs=4, seed=0, device="cpu")
    losses = history["validation_loss"]
    assert losses.iloc[-1] < losses.iloc[0] - 0.05 * abs(losses.iloc[0])
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]


@pytest.mark.parametrize("order", range(1, 9))
@pytest.mark.parametrize("basis", BASES)
def test_every_order_trains_with_every_basis(order, basis):
    model = PHVAE((1, 8, 8), order=order, basis=basis, latent_size=2 * order, network=SMALL["network"])
    x = blobs(size=8)
    x[:, :, 0], x[:, :, 1] = 0.0, 1.0
    before, after = train(model, x, 12)
    assert after < before - 0.05 * abs(before)


def names_in_config(part):
    """The names that a configuration accepts for a part."""
    annotation = ModelConfig.model_fields[part].annotation
    if part in ("basis", "prior"):
        return set(typing.get_args(annotation))
    return {cls.model_fields["name"].default for cls in typing.get_args(annotation)}


@pytest.mark.parametrize("part", REGISTRIES)
def test_the_configuration_knows_exactly_what_is_registered(part):
    assert names_in_config(part) == set(REGISTRIES[part])
