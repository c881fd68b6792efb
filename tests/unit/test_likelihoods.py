"""Likelihoods against torch.distributions, with every constant, and at the edges of float32."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli
from torch.distributions import Normal

from phvae.model.bound import BoundLikelihood
from phvae.model.hierarchy import BASES, basis_logit, expand
from phvae.model.likelihoods.bernoulli import Bernoulli
from phvae.model.likelihoods.continuous_bernoulli import ContinuousBernoulli, log_sinhc
from phvae.model.likelihoods.gaussian import MIN_LOG_SCALE, Gaussian
from phvae.model.parts import LIKELIHOODS

OPTIONS = {"gaussian": Gaussian(), "continuous_bernoulli": ContinuousBernoulli(), "bernoulli": Bernoulli()}
LOGIT_BASES = ("monomial", "copies")


def build(name, basis="monomial", levels=(1, 2, 3), image=True, options=None):
    return BoundLikelihood(options or OPTIONS[name], basis, levels, image).double()


@pytest.fixture
def batch():
    g = torch.Generator().manual_seed(0)
    x = torch.rand(4, 1, 3, 3, generator=g, dtype=torch.float64)
    return x, 2 * torch.randn(4, 1, 3, 3, generator=g, dtype=torch.float64)


def total(log_prob):
    return -log_prob.flatten(1).sum(1)


def test_every_registered_likelihood_is_tested_here():
    assert set(OPTIONS) == set(LIKELIHOODS)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("image", [True, False])
def test_gaussian_levels_equal_torch_normals(batch, basis, image):
    x, output = batch
    likelihood = build("gaussian", basis, image=image, options=Gaussian(scale=0.3))
    mean = torch.sigmoid(output) if image else output
    levels = expand(x, 8, basis)
    found = likelihood.nll(levels, output, [1, 3, 8])
    for k, value in zip([1, 3, 8], found, strict=True):
        expected = total(Normal(expand(mean, 8, basis)[k - 1], 0.3).log_prob(levels[k - 1]))
        assert torch.allclose(value, expected, rtol=1e-10)
    assert torch.equal(likelihood.mean(output), mean)


def test_the_learned_scale_starts_at_a_tenth_and_is_one_a_scored_level(batch):
    x, output = batch
    likelihood = build("gaussian", levels=(1, 3), options=Gaussian(scale="learned"))
    assert [p.shape for p in likelihood.parameters()] == [(2,)]
    with torch.no_grad():
        likelihood.raw[1] = 1.0
    scale = math.exp(MIN_LOG_SCALE + math.log1p(math.exp(1.0)))
    first, third = likelihood.nll(expand(x, 3), output, [1, 3])
    mean = torch.sigmoid(output)
    assert torch.allclose(first, total(Normal(mean, 0.1).log_prob(x)), rtol=1e-6)
    assert torch.allclose(third, total(Normal(mean**3, scale).log_prob(x**3)), rtol=1e-10)
    with pytest.raises(ValueError, match="level 2 has no learned scale: its reconstruction weight is 0"):
        likelihood.nll(expand(x, 3), output, [2])


@pytest.mark.parametrize(("raw", "expected"), [(-1e3, -6.0), (-5.0, -5.9932847), (0.0, -5.3068528), (9.0, 3.0001234)])
def test_the_learned_scale_is_bounded_below_at_minus_six(raw, expected):
    likelihood = build("gaussian", levels=(1,), options=Gaussian(scale="learned"))
    with torch.no_grad():
        likelihood.raw.fill_(raw)
    assert MIN_LOG_SCALE == -6.0
    assert likelihood.part.log_scale(likelihood, 1).item() >= -6.0
    assert likelihood.part.log_scale(likelihood, 1).item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("basis", LOGIT_BASES)
def test_bernoulli_levels_equal_torch_bernoullis(batch, basis):
    x, output = batch
    levels, means = expand(x, 8, basis), expand(torch.sigmoid(output), 8, basis)
    for k, value in enumerate(build("bernoulli", basis).nll(levels, output, range(1, 9)), 1):
        expected = total(TorchBernoulli(means[k - 1], validate_args=False).log_prob(levels[k - 1]))
        assert torch.allclose(value, expected, rtol=1e-9)


@pytest.mark.parametrize("basis", LOGIT_BASES)
def test_continuous_bernoulli_levels_equal_torchs(batch, basis):
    x, output = batch
    levels, means = expand(x, 4, basis), expand(torch.sigmoid(output), 4, basis)
    for k, value in enumerate(build("continuous_bernoulli", basis).nll(levels, output, range(1, 5)), 1):
        assert torch.allclose(value, total(TorchContinuousBernoulli(means[k - 1]).log_prob(levels[k - 1])), rtol=1e-6)


@pytest.mark.parametrize("logit", [-40.0, -3.0, -0.501, -0.499, -1e-3, 0.0, 1e-9, 0.3, 0.5, 2.0, 30.0])
def test_the_continuous_bernoulli_is_a_density_with_its_mean(logit):
    likelihood = build("continuous_bernoulli")
    output = torch.full((1, 1), logit, dtype=torch.float64)

    def density(x):
        return math.exp(-likelihood.nll([torch.full((1, 1), x, dtype=torch.float64)], output, [1])[0].item())

    assert integrate.quad(density, 0, 1, epsabs=1e-12)[0] == pytest.approx(1, abs=1e-10)
    mean = integrate.quad(lambda x: x * density(x), 0, 1, epsabs=1e-12)[0]
    assert likelihood.mean(output).item() == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("logit", [-6.0, -0.2, 0.0, 1e-4, 3.0])
def test_continuous_bernoulli_draws_follow_the_density(logit):
    output = torch.full((20_000, 1), logit, dtype=torch.float64)
    draws = build("continuous_bernoulli").sample(output, torch.Generator().manual_seed(1)).flatten().numpy()
    rate = logit or 1e-12

    def cdf(x):
        return np.expm1(rate * x) / np.expm1(rate)

    assert stats.kstest(draws, cdf).pvalue > 1e-3


def test_gaussian_and_bernoulli_draws(batch):
    output = torch.full((40_000, 1), 0.4, dtype=torch.float64)
    mean = torch.sigmoid(torch.tensor(0.4)).item()
    noise = build("gaussian").sample(output, torch.Generator().manual_seed(1)).flatten().numpy()
    assert stats.kstest(noise, stats.norm(mean, 0.1).cdf).pvalue > 1e-3
    flips = build("bernoulli").sample(output, torch.Generator().manual_seed(1))
    assert set(flips.unique().tolist()) == {0.0, 1.0}
    assert flips.mean().item() == pytest.approx(mean, abs=5 * 0.5 / 200)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_draws_come_from_the_generator_alone(name, batch):
    _, output = batch
    state = torch.get_rng_state()
    first, second = (build(name).sample(output, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, build(name).sample(output, torch.Generator().manual_seed(8)))


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("level", range(1, 9))
def test_float32_is_finite_with_finite_gradients_at_the_edges(name, level):
    edge = torch.tensor([0.0, 1.0, 0.5])
    output = torch.tensor([-300.0, -80.0, -1e-3, 0.0, 1e-8, 20.0, 80.0, 300.0])
    x, output = (t.flatten()[:, None] for t in torch.meshgrid(edge, output, indexing="ij"))
    output = output.clone().requires_grad_()
    value = BoundLikelihood(OPTIONS[name], "monomial", (level,), True).nll(expand(x, level), output, [level])[0]
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_float32_agrees_with_float64(name, batch):
    x, output = batch
    single = BoundLikelihood(OPTIONS[name], "monomial", (1, 4), True)
    values = single.nll(expand(x.float(), 4), output.float(), [1, 4])
    exact = build(name).nll(expand(x, 4), output, [1, 4])
    for a, b in zip(values, exact, strict=True):
        assert torch.allclose(a.double(), b, rtol=2e-5, atol=1e-4)


def test_helper_functions_against_their_definitions():
    h = torch.tensor([-30.0, -0.26, -0.24, -1e-5, 0.1, 0.25, 3.0], dtype=torch.float64)
    assert torch.allclose(log_sinhc(h), torch.log(torch.sinh(h) / h), rtol=1e-10, atol=1e-12)
    logit = torch.linspace(-8, 8, 33, dtype=torch.float64)
    for k in range(1, 9):
        assert torch.allclose(torch.sigmoid(basis_logit(logit, k, "monomial")), torch.sigmoid(logit) ** k, rtol=1e-10)
