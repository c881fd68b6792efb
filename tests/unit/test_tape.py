"""A recorded computation gives the bits of the computation itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from phvae.determinism.device import session
from phvae.training.tape import ALIGNMENT, _irregular, _regular_product, record


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As a stack is computed: with two, a product is divided by the size of the whole stack."""
    with session("cpu", threads=1):
        yield


def test_replay_of_mapped_gradients_is_bit_equal():
    def loss(w: Tensor, x: Tensor) -> Tensor:
        a, b = (torch.tanh(x @ w).unsqueeze(0) * torch.eye(8)[0]).chunk(2, -1)[0].split([3, 1], -1)
        return (a.exp() * b.transpose(-1, -2).reshape(-1, 1)).logsumexp(0).sum() + torch.cat([a, b], -1).std()

    w = _normal(4, 8, 8)
    tape, first = record(lambda x: [vmap(grad(loss))(w, x), vmap(loss)(w, x)], [w], [_normal(4, 8, 8)])
    for seed in range(3):
        x = _normal(4, 8, 8, seed=seed)
        expected = [vmap(grad(loss))(w, x), vmap(loss)(w, x)]
        assert all(torch.equal(found, one) for found, one in zip(tape(x), expected, strict=True))
    assert torch.equal(first[0], vmap(grad(loss))(w, _normal(4, 8, 8)))


def test_fixed_tensors_may_change_in_place_and_constants_are_kept():
    w, constant = torch.ones(2, 3), torch.full((3,), 2.0)
    tape, _ = record(lambda x: [w[1].view(3) * x + constant * constant, w.square().sum()], [w], [torch.ones(3)])
    w.mul_(5)
    assert [value.tolist() for value in tape(torch.ones(3))] == [[9.0, 9.0, 9.0], 150.0]


def test_unused_operations_are_dropped_and_their_memory_is_freed():
    def function(x: Tensor) -> list[Tensor]:
        (x * 3).exp().sum()
        return [x + 1]

    tape, _ = record(function, [], [torch.ones(3)])
    assert len(tape._steps) == 1
    tape, _ = record(lambda x: [x.exp().sin().cos()], [], [torch.ones(3)])
    assert [len(ended) for _, ended in tape._steps] == [1, 1, 1]


def test_operations_that_only_copy_are_left_out():
    def function(x: Tensor) -> list[Tensor]:
        bias, y = 1 * w, (x * 1.0).pow(1)
        return [bias + y, (x.t() * 1).flatten(), 1 * w, y.sum() / 1, x * 2 / 2]

    w = _normal(3, seed=1)
    tape, expected = record(function, [w], [_normal(3, 3)])
    assert all(torch.equal(found, one) for found, one in zip(tape(_normal(3, 3)), expected, strict=True))
    kept = [step.function for step, _ in tape._steps]
    aten = torch.ops.aten
    # of the products by one that which hands out what may change
    assert [kept.count(one) for one in (aten.mul.Tensor, aten.pow.Tensor_Scalar, aten.div.Tensor)] == [2, 0, 1]
    held = tape(_normal(3, 3))[2]
    w.zero_()
    assert held.any()


def test_inputs_that_are_views_are_read_at_their_own_place():
    base = _normal(4, 6)
    tape, _ = record(lambda x: [x.t() * 2], [], [base[:, 1:3]])
    assert torch.equal(tape(base[:, 3:5])[0], base[:, 3:5].t() * 2)
    assert torch.equal(tape(base[:2].reshape(4, 3)[:, :2])[0], base[:2].reshape(4, 3)[:, :2].t() * 2)


def test_writing_into_something_computed_is_replayed_and_into_a_constant_is_refused():
    def computed(x: Tensor) -> list[Tensor]:
        y = torch.zeros_like(x)
        y[1:].add_(x[1:])
        return [y]

    tape, _ = record(computed, [], [torch.ones(3)])
    assert tape(torch.tensor([4.0, 5.0, 6.0]))[0].tolist() == [0.0, 5.0, 6.0]
    assert tape(torch.tensor([4.0, 5.0, 6.0]))[0].tolist() == [0.0, 5.0, 6.0]
    constant = torch.zeros(3)
    with pytest.raises(ValueError, match="writes into a constant"):
        record(lambda x: [constant.add_(x)], [], [torch.ones(3)])


def test_a_random_draw_is_refused_since_it_would_be_the_same_at_every_replay():
    for draw in (torch.randn_like, torch.nn.functional.dropout, torch.bernoulli, lambda x: torch.rand(3) * x):
        with pytest.raises(ValueError, match="draws random numbers"):
            record(lambda x, draw=draw: [draw(x)], [], [torch.full((3,), 0.5)])


@pytest.mark.parametrize(("m", "n"), [(7, 131), (2, 31), (1, 1), (33, 17), (64, 17)])
def test_a_product_has_the_same_bits_in_any_company(m: int, n: int):
    """Weight gradients (m, 64) (64, n), and activations (64, m) times weights (m, n) padded to whole blocks."""
    a, b, x = _normal(6, m, 64), _normal(6, 64, n, seed=1), _normal(6, 64, m, seed=2)
    storage = torch.zeros(6, -(-m * n // ALIGNMENT) * ALIGNMENT)
    storage[:, : m * n] = _normal(6, m * n, seed=3)

    def products(rows: slice) -> list[Tensor]:
        weights = storage[rows]
        view = weights[:, : m * n].view(len(weights), m, n)
        inputs = [a[rows].clone(), b[rows].clone(), x[rows].clone()]
        tape, first = record(lambda a, b, x: [torch.bmm(a, b), torch.bmm(x, view)], [weights], inputs)
        again = tape(*inputs)
        assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
        return again

    together = products(slice(0, 6))
    assert torch.allclose(together[0], a @ b, atol=1e-4)
    for seed in range(6):
        for alone, all_of_them in zip(products(slice(seed, seed + 1)), together, strict=True):
            assert torch.equal(alone[0], all_of_them[seed])


@pytest.mark.parametrize(
    ("m", "n", "rule"), [(1, 64, True), (64, 1, True), (2, 64, False), (3, 64, False), (5, 7, True)]
)
def test_lone_rows_and_columns_and_results_off_the_alignment_are_computed_as_regular_products(
    m: int, n: int, rule: bool
):
    """A lone row or column goes to another kernel than several do, on some processors with other last bits."""
    a, b = _normal(3, m, 16), _normal(3, 16, n, seed=1)
    assert _irregular(a, b) == rule
    found, expected = _regular_product(a, b), torch.einsum("smk,skn->smn", a.double(), b.double())
    assert found.is_contiguous()
    assert torch.allclose(found.double(), expected, atol=1e-5)
