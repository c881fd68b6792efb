"""Networks: shapes, published layers, sizes, matched widths, initialisation from the passed generator."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from phvae.errors import ConfigError
from phvae.model.matched import matched_widths
from phvae.model.model import Model
from phvae.model.networks.conv_locatello import ConvLocatello
from phvae.model.networks.dense import Dense
from phvae.model.parts import NETWORKS

CASES = [
    ("dense", Dense(), (1, 8, 8)),
    ("dense", Dense(hidden=[64, 32, 16], activation="silu"), (1, 28, 28)),
    ("dense", Dense(hidden=[512]), (3, 64, 64)),
    ("dense", Dense(hidden=[64, 64], activation="tanh"), (1,)),
    ("dense", Dense(hidden=[16, 16]), (2,)),
    *(("conv_locatello", ConvLocatello(), (c, s, s)) for c in (1, 3) for s in (28, 32, 64)),
]
EVERY = pytest.mark.parametrize(("name", "network", "shape"), CASES, ids=str)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_every_registered_network_is_tested_here():
    assert {name for name, _, _ in CASES} == set(NETWORKS)


@EVERY
def test_shapes_and_sizes(name, network, shape):
    encoder, decoder = network.encoder(shape, 24, network.widths, generator()), network.decoder(shape, 12, generator())
    assert encoder(torch.rand(2, *shape)).shape == (2, 24)
    assert decoder(torch.randn(2, 12)).shape == (2, *shape)
    assert size(encoder) == network.encoder_size(shape, 24, network.widths)


@EVERY
@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_matched_encoders_together_have_the_vaes_size_within_5_percent(name, network, shape, order):
    vae = size(network.encoder(shape, 24, network.widths, generator()))
    widths = matched_widths(network, shape, order, 12)
    encoders = sum(size(network.encoder(shape, 24 // order, widths, generator(k))) for k in range(order))
    assert abs(encoders / vae - 1) <= 0.05
    if order == 1:
        assert widths == network.widths


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(80, 600), min_size=1, max_size=4), st.integers(1, 4000), st.sampled_from([1, 2, 3, 4, 6]))
def test_matched_widths_over_random_dense_networks(hidden, inputs, order):
    network, shape = Dense(hidden=hidden), (inputs,)
    total = order * network.encoder_size(shape, 24 // order, matched_widths(network, shape, order, 12))
    assert abs(total / network.encoder_size(shape, 24, network.widths) - 1) <= 0.05


def test_what_cannot_be_matched_is_refused():
    network, shape = Dense(hidden=[2]), (1,)
    with pytest.raises(ValueError, match=r"encoder_width matched: 6 encoders of widths \[1\] have .* within 5 %"):
        matched_widths(network, shape, 6, 12)


def test_the_published_convolutional_layers():
    """Locatello et al. (2019), table 1: what follows is written from the paper, not from the code."""
    network, shape = ConvLocatello(), (1, 64, 64)
    encoder, decoder = network.encoder(shape, 20, network.widths, generator()), network.decoder(shape, 10, generator())

    def layers(module):
        found = [m for m in module if any(True for _ in m.parameters())]
        return [(type(m).__name__, tuple(m.weight.shape), getattr(m, "stride", None)) for m in found]

    two = (2, 2)
    assert layers(encoder) == [
        ("Conv2d", (32, 1, 4, 4), two),
        ("Conv2d", (32, 32, 4, 4), two),
        ("Conv2d", (64, 32, 4, 4), two),
        ("Conv2d", (64, 64, 4, 4), two),
        ("Linear", (256, 1024), None),
        ("Linear", (20, 256), None),
    ]
    assert layers(decoder) == [
        ("Linear", (256, 10), None),
        ("Linear", (1024, 256), None),
        ("ConvTranspose2d", (64, 64, 4, 4), two),
        ("ConvTranspose2d", (64, 32, 4, 4), two),
        ("ConvTranspose2d", (32, 32, 4, 4), two),
        ("ConvTranspose2d", (32, 1, 4, 4), two),
    ]
    assert sum(isinstance(m, nn.ReLU) for m in encoder) == sum(isinstance(m, nn.ReLU) for m in decoder) == 5


def test_28_pixels_are_framed_with_zeros_and_cropped_back():
    network, shape = ConvLocatello(), (1, 28, 28)
    encoder = network.encoder(shape, 4, network.widths, generator())
    x = torch.rand(2, 1, 28, 28)
    framed = torch.zeros(2, 1, 32, 32)
    framed[:, :, 2:30, 2:30] = x
    assert torch.equal(encoder(x), encoder[1:](framed))
    decoder = network.decoder(shape, 12, generator())
    z = torch.randn(2, 12)
    assert torch.equal(decoder(z), decoder[:-1](z)[:, :, 2:30, 2:30])


@EVERY
def test_initialisation_is_torchs_own_but_from_the_generator(name, network, shape):
    state = torch.get_rng_state()
    modules = [network.encoder(shape, 24, network.widths, generator(3)), network.decoder(shape, 12, generator(3))]
    again = [network.encoder(shape, 24, network.widths, generator(3)), network.decoder(shape, 12, generator(3))]
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(modules, again, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    for layer in (m for module in modules for m in module if hasattr(m, "weight")):
        fan_in = nn.init._calculate_fan_in_and_fan_out(layer.weight)[0]
        bound = fan_in**-0.5
        for parameter in (layer.weight, layer.bias):
            assert parameter.abs().max() <= bound
        if layer.weight.numel() > 1000:
            assert layer.weight.abs().max() > 0.99 * bound
            assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


@pytest.mark.parametrize("shape", [(2, 28, 28), (1, 28, 32), (1, 30, 30), (784,)])
def test_conv_locatello_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="1 or 3 channels and 28, 32 or 64 pixels a side, not shape"):
        ConvLocatello().check_shape(shape)


def model_with(layer, monkeypatch):
    plain = Dense.encoder

    def encoder(self, *arguments):
        return nn.Sequential(*plain(self, *arguments), layer)

    monkeypatch.setattr(Dense, "encoder", encoder)
    return Model((5,), latent_size=2)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.BatchNorm1d(4), "found BatchNorm1d at 0.6, .*use LayerNorm or GroupNorm"),
        (nn.BatchNorm1d(4, track_running_stats=False), "treat every example by itself"),
        (nn.Sequential(nn.Dropout(0.1)), "found Dropout at 0.6.0, .*leave it out"),
        (nn.InstanceNorm1d(4, track_running_stats=True), "track_running_stats=False"),
    ],
    ids=str,
)
def test_layers_that_make_examples_or_steps_depend_on_others_are_refused(layer, words, monkeypatch):
    with pytest.raises(ConfigError, match=f"^network dense, encoder: .*{words}"):
        model_with(layer, monkeypatch)


def test_layers_that_treat_every_example_by_itself_are_taken(monkeypatch):
    assert model_with(nn.LayerNorm(4), monkeypatch).encode(torch.zeros(3, 5))[0].shape == (3, 1, 2)
