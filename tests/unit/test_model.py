"""The model as a whole: a textbook VAE at order 1, controls, the gauge, precision, vmap, and its public face."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from phvae.api.phvae import PHVAE
from phvae.model.hierarchy import BASES
from phvae.model.options import ModelConfig
from phvae.model.part import Context
from phvae.model.parts import COUPLINGS, DIVERGENCES, LIKELIHOODS, NETWORKS
from phvae.model.posterior import PRIORS, uncouple

SMALL = {"latent_size": 6, "network": {"name": "dense", "hidden": [16, 16]}}


def images(n=8, shape=(1, 8, 8), seed=0, dtype=torch.float64):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def noise(model, n=8, seed=1, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, model.order, model.level_size, generator=g, dtype=dtype)


def seen(eps):
    """What an objective sees: draws of the prior, as it were."""
    return Context(50, torch.ones((), dtype=eps.dtype, device=eps.device), eps.flip(0))


# ---- order 1 is the textbook's VAE ----
class TextbookVAE(nn.Module):
    """Kingma and Welling (2014), with Higgins et al.'s (2017) beta, Gaussian observation noise of scale 0.1."""

    def __init__(self, pixels, hidden, latent, beta):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, pixels))
        self.beta = beta

    def loss(self, x, eps):
        x = x.reshape(len(x), -1)
        mu, log_var = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(log_var / 2) * eps
        x_hat = torch.sigmoid(self.decoder(z))
        log_px = -0.5 * ((x - x_hat) / 0.1) ** 2 - np.log(0.1) - 0.5 * np.log(2 * np.pi)
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var)
        return (-log_px.sum(dim=1) + self.beta * kl.sum(dim=1)).mean()


@pytest.mark.parametrize("divergence", [
    {"name": "kl", "beta": 1.0}, {"name": "kl", "beta": 4.0}, {"name": "hierarchical", "beta": 0.5},
])  # fmt: skip
@pytest.mark.parametrize("basis", ["monomial", "chebyshev"])
def test_order_one_is_the_textbook_vae_over_50_steps(divergence, basis):
    network = {"name": "dense", "hidden": [20]}
    model = PHVAE((1, 6, 6), latent_size=4, network=network, divergence=divergence, basis=basis).double()
    textbook = TextbookVAE(36, 20, 4, divergence["beta"]).double()
    sources = [*model.encoders[0].parameters(), *model.decoder.parameters()]
    with torch.no_grad():
        for target, source in zip(textbook.parameters(), sources, strict=True):
            target.copy_(source)
    first, second = torch.optim.Adam(model.parameters(), 1e-3), torch.optim.Adam(textbook.parameters(), 1e-3)
    for step in range(50):
        x, eps = images(16, (1, 6, 6), step), noise(model, 16, 1000 + step)
        loss, expected = model(x, eps)["loss"], textbook.loss(x, eps[:, 0])
        assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
        for optimiser, value in ((first, loss), (second, expected)):
            optimiser.zero_grad()
            value.backward()
            optimiser.step()


# ---- controls ----
def test_copies_equal_monomial_bit_for_bit_on_binary_data():
    models = [PHVAE((1, 8, 8), order=3, basis=basis, seed=4, **SMALL) for basis in ("copies", "monomial")]
    optimisers = [torch.optim.Adam(m.parameters(), 1e-2) for m in models]
    for step in range(10):
        x = (images(seed=step, dtype=torch.float32) > 0.5).float()
        eps = noise(models[0], seed=step, dtype=torch.float32)
        losses = [m(x, eps)["loss"] for m in models]
        assert torch.equal(*losses)
        for optimiser, loss in zip(optimisers, losses, strict=True):
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))
    grey = images(dtype=torch.float32)
    assert not torch.equal(*(m(grey, eps)["loss"] for m in models))


def test_variants_share_what_they_share():
    reference = PHVAE((1, 8, 8), order=1, seed=3)
    for keywords in ({"order": 3}, {"order": 4, "encoder_width": "matched"}, {"basis": "legendre", "order": 2}):
        other = PHVAE((1, 8, 8), seed=3, **keywords)
        pairs = zip(reference.decoder.parameters(), other.decoder.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    full = PHVAE((1, 8, 8), order=3, seed=3)
    assert torch.equal(full.encoders[0][1].weight, reference.encoders[0][1].weight)
    assert not torch.equal(full.encoders[0][1].weight, full.encoders[1][1].weight)
    assert not torch.equal(PHVAE((1, 8, 8), seed=4).decoder[0].weight, reference.decoder[0].weight)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("order", [2, 3, 4, 6])
def test_matched_models_have_the_vaes_number_of_parameters(network, order):
    vae = PHVAE((1, 28, 28), network=network).parameter_counts()
    found = PHVAE((1, 28, 28), network=network, order=order, encoder_width="matched").parameter_counts()
    assert found["decoder"] == vae["decoder"]
    assert abs(found["encoders"] / vae["encoders"] - 1) <= 0.05
    full = PHVAE((1, 28, 28), network=network, order=order).parameter_counts()
    assert full["encoders"] > 0.9 * order * vae["encoders"]


# ---- the objective ----
@pytest.mark.parametrize("divergence", [{"name": "kl", "beta": 3.0}, {"name": "hierarchical", "beta": 3.0}])
def test_training_and_evaluation_use_the_same_weight_and_units(divergence):
    """A known mistake: the KL term averaged over the batch or scaled by the data size in one of the two only."""
    model = PHVAE((1, 8, 8), order=2, divergence=divergence, **SMALL).double()
    x, eps = images(), noise(model)
    training, evaluation = model.train()(x, eps), model.eval()(x, eps)
    assert all(torch.equal(training[key], evaluation[key]) for key in training)
    single = [model(x[i : i + 1], eps[i : i + 1]) for i in range(len(x))]
    for key in training:
        assert torch.allclose(training[key], torch.stack([s[key] for s in single]).mean(0), rtol=1e-12)
    assert training["loss"].item() == pytest.approx((training["reconstruction"] + training["divergence"]).item())
    if divergence["name"] == "kl":
        assert training["divergence"].item() == pytest.approx(3 * training["kl"].item(), rel=1e-12)
    halved = model(x, eps, 0.5)
    assert halved["loss"].item() == pytest.approx((training["reconstruction"] + training["divergence"] / 2).item())
    assert torch.equal(halved["divergence"], training["divergence"])


def test_the_parts_of_the_loss_add_up():
    model = PHVAE((1, 8, 8), order=3, reconstruction_weights=[1, 0, 0.5], **SMALL).double()
    out = model(images(), noise(model))
    assert out["kl_levels"].shape == out["reconstruction_levels"].shape == (3,)
    assert out["kl"].item() == pytest.approx(out["kl_levels"].sum().item())
    assert out["reconstruction"].item() == pytest.approx(out["reconstruction_levels"].sum().item())
    assert out["reconstruction_levels"][1] == 0
    plain = PHVAE((1, 8, 8), order=3, reconstruction_weights=[1, 0, 1], **SMALL).double()(images(), noise(model))
    assert 2 * out["reconstruction_levels"][2].item() == pytest.approx(plain["reconstruction_levels"][2].item())


def test_the_gauge_of_the_hierarchical_prior():
    """(A, mu, g) with the hierarchical prior equals (I, standard prior, A^-1 mu, g o A), to 1e-10."""
    model = PHVAE((1, 8, 8), order=3, coupling={"name": "chain", "rho": 0.7}, **SMALL).double()
    gauge = PHVAE((1, 8, 8), order=3, coupling="identity", prior="standard", **SMALL).double()
    a = model.coupling(torch.zeros(1, dtype=torch.float64))

    class Coupled(nn.Module):
        def __init__(self, decoder):
            super().__init__()
            self.decoder = decoder

        def forward(self, z):
            return self.decoder(torch.einsum("kl,bld->bkd", a, z.unflatten(1, (3, 2))).flatten(1))

    posterior = model.posterior

    def whitened(levels, eps=None):
        q = posterior(levels, eps)
        return type(q)(uncouple(a, q.mean), q.log_variance, torch.eye(3, dtype=torch.float64), "standard", eps)

    gauge.posterior, gauge.decoder = whitened, Coupled(model.decoder)
    x, eps = images(), noise(model)
    for key, value in model(x, eps).items():
        assert torch.allclose(value, gauge(x, eps)[key], rtol=1e-10, atol=1e-10), key
    w = noise(model, seed=5)
    assert torch.allclose(model.decode(model.unwhiten(w)), gauge.decode(w), atol=1e-10)
    assert torch.allclose(model.log_likelihood(x, 32), gauge.log_likelihood(x, 32), rtol=1e-10)


COMBINATIONS = [
    *({"basis": name} for name in BASES),
    *({"coupling": name, "prior": prior, "divergence": "kl"} for name in COUPLINGS for prior in PRIORS),
    *({"divergence": name} for name in DIVERGENCES),
    *({"likelihood": name, "reconstruction_weights": "uniform"} for name in LIKELIHOODS),
    {"likelihood": {"name": "gaussian", "scale": "learned"}},
    {"likelihood": {"name": "gaussian", "scale": "learned"}, "reconstruction_weights": [1, 0, 2]},
]


@pytest.mark.parametrize("options", COMBINATIONS, ids=str)
def test_every_parameter_gets_a_gradient(options):
    model = PHVAE((1, 8, 8), order=3, **SMALL, **options).double()
    eps = noise(model)
    model(images(), eps, at=seen(eps))["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_every_parameter_of_the_convolutional_network_gets_a_gradient(shape):
    model = PHVAE(shape, order=2, network="conv_locatello")
    model(images(4, shape, dtype=torch.float32), noise(model, 4, dtype=torch.float32))["loss"].backward()
    assert all((p.grad != 0).any() and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("options", [*COMBINATIONS, {"order": 1}, {"network": "conv_locatello"}], ids=str)
def test_vmap_over_a_stack_of_models_equals_each_model(options):
    options = {"order": 3, **SMALL, **options}
    shape = (1, 28, 28) if options["network"] == "conv_locatello" else (1, 8, 8)
    models = [PHVAE(shape, seed=seed, **options).double() for seed in range(2)]
    parameters, buffers = stack_module_state(models)
    x, eps = images(3, shape), torch.stack([noise(m, 3, seed) for seed, m in enumerate(models)])

    def call(p, b, e):
        return functional_call(models[0], (p, b), (x, e, 0.5, seen(e)))

    stacked = vmap(call)(parameters, buffers, eps)
    gradients = vmap(grad(lambda p, b, e: call(p, b, e)["loss"]))(parameters, buffers, eps)
    for i, model in enumerate(models):
        out = model(x, eps[i], 0.5, seen(eps[i]))
        assert all(torch.allclose(stacked[key][i], out[key], rtol=1e-9, atol=1e-12) for key in out)
        out["loss"].backward()
        for name, parameter in model.named_parameters():
            assert torch.allclose(gradients[name][i], parameter.grad, rtol=1e-7, atol=1e-9), name


@pytest.mark.parametrize("options", COMBINATIONS, ids=str)
def test_precisions_agree(options):
    """float32 within 2e-4 and bfloat16 autocast within 3 % of float64, relative to the loss."""
    model = PHVAE((1, 8, 8), order=3, **SMALL, **options)
    x, eps = images(dtype=torch.float32), noise(model, dtype=torch.float32)
    single = model(x, eps, at=seen(eps))["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x, eps, at=seen(eps))
    assert half["loss"].dtype == torch.float32
    exact = model.double()(x.double(), eps.double(), at=seen(eps.double()))["loss"]
    scale = max(abs(exact.item()), 10.0)
    assert abs(single.item() - exact.item()) < 2e-4 * scale
    assert abs(half["loss"].item() - exact.item()) < 3e-2 * scale


def test_autocast_stays_inside_the_networks():
    """Divergence and likelihood are computed in the data's precision, whatever the networks run in."""
    model = PHVAE((1, 8, 8), order=3, **SMALL)
    seen = []
    nll, divergence = model.likelihood.nll, model.divergence
    model.likelihood.nll = lambda x, output, levels: seen.append(output.dtype) or nll(x, output, levels)
    model.divergence = lambda q, at: seen.extend([q.mean.dtype, q.z.dtype]) or divergence(q, at)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.decoder(torch.zeros(1, 6)).dtype == torch.bfloat16
        model(images(dtype=torch.float32), noise(model, dtype=torch.float32))
    assert seen == [torch.float32] * 3


def test_the_global_random_state_is_untouched():
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    model = PHVAE((1, 8, 8), order=2, **SMALL)
    x = images(dtype=torch.float32)
    model(x, noise(model, dtype=torch.float32))
    model.reconstruct(x)
    model.sample(3, noise=True)
    model.log_likelihood(x, 32)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


# ---- the public face ----
def test_arrays_bytes_and_tensors_are_read_alike():
    model = PHVAE((1, 8, 8), order=2, **SMALL)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    expected = model.encode(pixels)
    assert [v.shape for v in expected] == [(5, 2, 3), (5, 2, 3)]
    for same in (torch.from_numpy(pixels), torch.from_numpy(pixels) / 255, (pixels / 255).astype(np.float32)):
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(model.encode(same), expected, strict=True))
    assert torch.equal(model.reconstruct(pixels), model.decode(expected[0]))
    assert not model.reconstruct(pixels).requires_grad
    assert model.encode(np.ones((3, 1, 8, 8), dtype=bool))[0].shape == (3, 2, 3)


def test_large_batches_are_split_without_changing_values():
    model = PHVAE((1, 4, 4), order=2, **SMALL).double()
    x = images(1100, (1, 4, 4))
    mean, _ = model.encode(x)
    assert torch.allclose(mean[1090:], model.encode(x[1090:])[0], atol=1e-12)
    assert torch.allclose(model.decode(mean)[1090:], model.decode(mean[1090:]), atol=1e-12)


def test_samples_follow_the_prior_and_the_generator():
    model = PHVAE((2,), order=3, coupling={"name": "chain", "rho": 0.5}, **SMALL)
    assert torch.equal(model.sample(7, 3), model.sample(7, 3))
    assert not torch.equal(model.sample(7, 3), model.sample(7, 4))
    mean, noisy = model.sample(4000, 0), model.sample(4000, 0, noise=True)
    assert (noisy - mean).std().item() == pytest.approx(0.1, rel=0.05)
    z = model.unwhiten(torch.randn(20_000, 3, 2, generator=torch.Generator().manual_seed(0)))
    a = model.coupling(z)
    covariance = torch.cov(z.transpose(0, 1).flatten(1))
    assert torch.allclose(covariance, a @ a.T, atol=0.06)
    assert torch.allclose(model.whiten(z), uncouple(a, z), atol=1e-6)
    standard = PHVAE((2,), order=3, prior="standard", **SMALL)
    assert torch.equal(standard.unwhiten(z), z)
    assert torch.equal(standard.whiten(z), z)


def test_densities_leave_the_unit_interval_and_images_do_not():
    model = PHVAE((2,), order=2, **SMALL)
    assert model.encode(torch.tensor([[-3.0, 7.0]]))[0].shape == (1, 2, 3)
    assert PHVAE((1, 8, 8), **SMALL).sample(5).ge(0).all()
    with pytest.raises(ValueError, match=r"values from -0.5 to 1, expected numbers in \[0, 1\].* gaussian"):
        PHVAE((2,), likelihood="bernoulli", **SMALL).encode(torch.tensor([[-0.5, 1.0]]))


def test_a_config_and_keywords_together():
    config = ModelConfig(order=3, divergence="kl")
    model = PHVAE((1, 8, 8), config, basis="copies")
    assert (model.config.order, model.config.basis, model.config.divergence.name) == (3, "copies", "kl")
    assert PHVAE((1, 8, 8), config).config == config


BAD = [
    (lambda: PHVAE((1, 8, 8), ordr=3), r"no option 'ordr'; did you mean 'order'"),
    (lambda: PHVAE((1, 8, 8), order=5), r"latent_size 12 is not divisible by order 5"),
    (lambda: PHVAE((8, 8)), r"shape is \(8, 8\), expected \(channels, height, width\) or \(dimensions,\)"),
    (lambda: PHVAE((1, 30, 30), network="conv_locatello"), r"28, 32 or 64 pixels a side, not shape \(1, 30, 30\)"),
    (lambda: PHVAE((1, 8, 8), order=2, coupling={"name": "chain", "rho": 1.5}), "less than 1"),
    (
        lambda: PHVAE((1, 8, 8), likelihood={"name": "gaussian", "scale": -1}),
        "found -1, expected at least 1e-06",
    ),
    (lambda: PHVAE((1, 8, 8), divergence={"name": "log_polynomial", "coefficients": [1, 0, 1]}), "not guaranteed non-"),
    (lambda: PHVAE((1, 8, 8), order=2, prior="standard", divergence="log_polynomial"), "needs coupling identity"),
    (lambda: PHVAE((1, 8, 8), order=2, reconstruction_weights=[1]), "has 1 entries, expected one a level"),
    (lambda: PHVAE((1, 8, 8)).encode(torch.full((2, 1, 8, 8), 1.5)), r"values from 1.5 to 1.5, expected images in"),
    (lambda: PHVAE((1, 8, 8)).encode(torch.full((2, 1, 8, 8), torch.nan)), "holds 128 NaN or infinite values"),
    (
        lambda: PHVAE((1, 8, 8)).encode(torch.zeros(1, 8, 8)),
        r"expected \(batch, 1, 8, 8\); add a batch axis: x\[None\]",
    ),
    (lambda: PHVAE((1, 8, 8)).encode(torch.zeros(2, 64)), r"shape \(2, 64\), expected \(batch, 1, 8, 8\)"),
    (lambda: PHVAE((1, 8, 8)).encode(torch.zeros(0, 1, 8, 8)), r"shape \(0, 1, 8, 8\)"),
    (
        lambda: PHVAE((1, 8, 8)).encode(torch.zeros(2, 1, 8, 8, dtype=torch.int64)),
        "type torch.int64, expected floating",
    ),
    (lambda: PHVAE((1, 8, 8), order=3).decode(torch.zeros(2, 12)), r"z has shape \(2, 12\), expected \(batch, 3, 4\)"),
    (lambda: PHVAE((1, 8, 8), order=3).decode(torch.zeros(2, 3, 4).int()), "z has type torch.int32, expected floating"),
    (lambda: PHVAE((1, 8, 8), order=3).decode(np.full((2, 3, 4), 1e300)), "z holds 24 NaN or infinite values"),
    (lambda: PHVAE((1, 8, 8)).encode(np.array([{}])), "x is not an array of numbers"),
    (lambda: PHVAE((1, 8.7, 8)), r"shape is \(1, 8.7, 8\), expected"),
    (lambda: PHVAE((1, 8, 8)).sample(3, None), "generator is None, expected a seed or a torch.Generator"),
    (lambda: PHVAE((1, 8, 8)).sample(0), "n is 0, expected at least 1"),
    (lambda: PHVAE((1, 8, 8)).log_likelihood(torch.zeros(1, 1, 8, 8), 8), "max_samples is 8, expected at least 32"),
]


def test_arrays_of_any_layout_are_read_alike():
    model, x = PHVAE((1, 8, 8), **SMALL), images().numpy()
    expected = model.encode(x)[0]
    assert torch.equal(model.encode(x.astype(x.dtype.newbyteorder("S")))[0], expected)
    assert torch.equal(model.encode(x[::-1])[0], model.encode(x[::-1].copy())[0])
    assert torch.equal(model.sample(2, np.int64(5)), model.sample(2, 5))


@pytest.mark.parametrize(("act", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_refused_with_what_was_found_and_what_is_allowed(act, message):
    with pytest.raises(ValueError, match=message):
        act()


@pytest.mark.gpu
@pytest.mark.parametrize("options", COMBINATIONS, ids=str)
def test_a_gpu_gives_the_same_objective(options):
    model = PHVAE((1, 8, 8), order=3, **SMALL, **options).double()
    x, eps = images(), noise(model)
    expected = model(x, eps, at=seen(eps))
    found = model.to("cuda")(x.to("cuda"), eps.to("cuda"), at=seen(eps.to("cuda")))
    assert all(torch.allclose(found[key].cpu(), expected[key], rtol=1e-9) for key in expected)
    assert model.sample(3, noise=True).device.type == model.reconstruct(x).device.type == "cuda"
