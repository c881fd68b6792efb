"""A stack of seeds computes, bit for bit, what each of its seeds computes alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import dense
from torch import Tensor
from torch.func import functional_call

from phvae.api.phvae import PHVAE
from phvae.determinism.device import session
from phvae.determinism.seeding import torch_generator
from phvae.model.options import ModelConfig
from phvae.training.company import differences
from phvae.training.stacking import Stack, term_names

MODELS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "vae": ((1, 8, 8), {"latent_size": 12, "divergence": "kl", "network": dense(64, 64)}),
    "odd widths": ((1, 5, 7), {"order": 3, "latent_size": 6, "network": dense(33, 17)}),
    "matched, silu": (
        (1, 8, 8),
        {
            "order": 4,
            "latent_size": 8,
            "encoder_width": "matched",
            "network": {"name": "dense", "hidden": [64, 64], "activation": "silu"},
            "likelihood": "continuous_bernoulli",
            "divergence": "log_polynomial",
        },
    ),
    "learned": (
        (1,),
        {
            "order": 3,
            "latent_size": 6,
            "network": dense(32),
            "coupling": "learned",
            "likelihood": {"name": "gaussian", "scale": "learned"},
            "reconstruction_weights": "uniform",
        },
    ),
}

# what looks at the batch as a whole, sums over it, or takes small matrices apart
_UNEVEN = {"order": 3, "latent_size": 9, "network": dense(33, 17), "prior": "standard", "coupling": "learned"}
OBJECTIVES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    str(divergence): ((1, 5, 7), _UNEVEN | {"divergence": divergence})
    for divergence in (
        "beta_tcvae",
        {"name": "dip_vae", "type": "II"},
        "info_vae",
        "wae_mmd",
        "renyi",
        "skew_js",
        {"name": "factor_vae", "critic_width": 33, "critic_layers": 2},
        {"name": "kl", "capacity": {"nats": 5}},
        {"name": "kl", "free_bits": 0.2},
    )
}


def _states(shape: tuple[int, ...], config: ModelConfig, seeds: list[int]) -> list[dict[str, Tensor]]:
    return [dict(PHVAE(shape, config, seed=seed).named_parameters()) for seed in seeds]


def _train(
    shape: tuple[int, ...], options: dict[str, Any], seeds: list[int], sizes: list[int], **more: Any
) -> tuple[list[list[Tensor]], list[dict[str, Tensor]]]:
    """A few steps and one validation; terms and state of each seed."""
    config = ModelConfig(**options)
    stack = Stack(PHVAE(shape, config), _states(shape, config, seeds), learning_rate=3e-3, **more)
    terms = []
    for step, size in enumerate([*sizes, 64]):
        draws = [torch_generator(seed, "test", step) for seed in seeds]
        x = torch.stack([torch.rand(size, *shape, generator=g) for g in draws]).to(stack.dtype)
        n = config.order
        eps = torch.stack([torch.randn(size, n, config.latent_size // n, generator=g) for g in draws]).to(stack.dtype)
        last = step == len(sizes)
        terms.append(stack.losses(x, eps) if last else stack.step(x, eps, weight=0.5))
    return [[each[i] for each in terms] for i in range(len(seeds))], [stack.state(i) for i in range(len(seeds))]


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(found, dict):
        return found.keys() == expected.keys() and all(torch.equal(found[k], expected[k]) for k in found)
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


SMALL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    f"{size} inputs, {name}": ((size,), options)
    for size in (1, 2, 3)
    for name, options in (("learned", MODELS["learned"][1]), ("vae", MODELS["vae"][1]))
}
COMPANIES = ([0, 1, 2, 3, 4, 5, 6, 7], [7, 5, 3, 1, 0], [1, 2, 3], [4, 1], [0], [6])


ALL = MODELS | SMALL | OBJECTIVES
EACH = [pytest.param(name, marks=[] if name == "1 inputs, vae" else pytest.mark.slow) for name in ALL]


@pytest.mark.parametrize("name", EACH)
@pytest.mark.slow
def test_a_seed_has_the_same_bits_in_any_company(name: str):
    """Weights, both Adam moments and every term; full batches, a batch of odd size, and validation."""
    assert differences(*ALL[name], COMPANIES) == [0] * 5


def test_a_difference_between_companies_is_counted(monkeypatch: pytest.MonkeyPatch):
    class Uneven(Stack):
        def __init__(self, model: PHVAE, states: list[dict[str, Tensor]], **options: Any) -> None:
            super().__init__(model, states, **options | {"learning_rate": 1e-3 * len(states)})

    monkeypatch.setattr("phvae.training.company.Stack", Uneven)
    options = {"latent_size": 1, "divergence": "kl", "network": dense(8)}
    # weights and biases of two layers a side, with two moments each, and the terms of the second step and after
    assert differences((2,), options, [[0, 1], [1, 0], [1]], batches=[8, 8]) == [0, 8 * 3 + 2]


@pytest.mark.slow
def test_stacked_double_precision_agrees_with_plain_training_to_1e_10_after_100_steps():
    """Against nothing of the stack: a plain model, a plain loss.backward(), a plain Adam."""
    shape, options = (1, 4, 4), {"order": 2, "latent_size": 4, "network": dense(16)}
    config = ModelConfig(**options)
    sizes = [16] * 100
    with session("cpu", threads=1):
        _, states = _train(shape, options, [0, 1, 2, 3], sizes, precision="float64")
        for seed in (0, 3):
            model = PHVAE(shape, config, seed=seed).double()
            optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
            for step, size in enumerate(sizes):
                g = torch_generator(seed, "test", step)
                x = torch.rand(size, *shape, generator=g).double()
                eps = torch.randn(size, 2, 2, generator=g).double()
                optimiser.zero_grad()
                model(x, eps, 0.5)["loss"].backward()
                optimiser.step()
            for parameter, value in model.named_parameters():
                assert torch.allclose(states[seed][parameter], value.detach(), rtol=0, atol=1e-10)


def test_terms_are_those_of_the_model_in_the_order_of_their_names():
    shape, config = (1, 4, 4), ModelConfig(order=2, latent_size=4, network=dense(8))
    stack = Stack(PHVAE(shape, config), _states(shape, config, [5]))
    x, eps = torch.rand(1, 7, *shape, generator=torch_generator(0, "x")), torch.ones(1, 7, 2, 2)
    out = functional_call(stack.model, stack.state(0, moments=False), (x[0], eps[0]))
    values = dict(zip(term_names(2), stack.losses(x, eps)[0], strict=True))
    assert values["loss"] == pytest.approx(float(out["loss"]), rel=1e-6)
    assert values["kl_level_2"] == pytest.approx(float(out["kl_levels"][1]), rel=1e-6)
    assert values["reconstruction_level_1"] == pytest.approx(float(out["reconstruction_levels"][0]), rel=1e-6)
    stack.step(x, eps, weight=0.0)
    assert not torch.equal(stack.losses(x, eps)[0], torch.stack(list(values.values())))


def test_a_stack_from_saved_states_goes_on_with_the_same_bits():
    shape, config = (1, 4, 4), ModelConfig(order=2, latent_size=4, network=dense(9))
    x, eps = torch.rand(3, 64, *shape, generator=torch_generator(0, "x")), torch.ones(3, 64, 2, 2)
    stack = Stack(PHVAE(shape, config), _states(shape, config, [0, 1, 2]))
    for _ in range(3):
        stack.step(x, eps)
    again = Stack(PHVAE(shape, config), [stack.state(i) for i in range(3)], step=3)
    stack.keep([2, 0])
    rows = torch.tensor([2, 0])
    for _ in range(2):
        terms, expected = stack.step(x[rows], eps[rows]), again.step(x, eps)
        assert torch.equal(terms, expected[rows])
    assert _equal(stack.state(0), again.state(2))


def test_half_precision_trains_close_to_full_precision_and_keeps_float32_weights():
    shape, options = MODELS["vae"]
    with session("cpu", threads=1):
        terms, states = _train(shape, options, [0], [64] * 5, precision="bfloat16")
        full, _ = _train(shape, options, [0], [64] * 5)
    assert all(value.dtype == torch.float32 for value in states[0].values())
    assert terms[0][-1].dtype == torch.float32
    assert not torch.equal(terms[0][-1], full[0][-1])
    assert float(terms[0][-1][0]) == pytest.approx(float(full[0][-1][0]), rel=0.02)


def test_convolutions_train_one_by_one_and_learn():
    shape = (1, 28, 28)
    config = ModelConfig(latent_size=4, network="conv_locatello")
    with pytest.raises(ValueError, match="one by one"):
        Stack(PHVAE(shape, config), _states(shape, config, [0, 1]), together=False)
    with session("cpu", threads=1):
        stack = Stack(PHVAE(shape, config), _states(shape, config, [0]), together=False)
        x = torch.zeros(1, 8, *shape)
        x[..., 10:18, 10:18] = 1
        losses = [float(stack.step(x, torch.zeros(1, 8, 1, 4), weight=1.0)[0, 0]) for _ in range(12)]
    assert losses[-1] < losses[0] - 100


def test_the_global_generators_are_not_touched():
    state = torch.get_rng_state()
    _train(*MODELS["vae"], [0, 1], [16, 16])
    assert torch.equal(torch.get_rng_state(), state)
