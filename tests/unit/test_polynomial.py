"""The data format against closed forms, at the edges of float32, and on binary data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from phvae.api.phvae import PHVAE
from phvae.model.hierarchy import BASES, expand, is_binary, warn_if_binary

ORDERS = range(1, 9)
CLOSED_FORMS = {
    "monomial": lambda x, k: x**k,
    "legendre": lambda x, k: (np.polynomial.legendre.legval(2 * x - 1, [0] * k + [1]) + 1) / 2,
    "chebyshev": lambda x, k: (np.polynomial.chebyshev.chebval(2 * x - 1, [0] * k + [1]) + 1) / 2,
    "copies": lambda x, k: x,
}


def test_every_basis_has_a_closed_form_here():
    assert set(CLOSED_FORMS) == set(BASES)


@pytest.mark.parametrize("basis", BASES)
@given(x=st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=5), order=st.integers(1, 8))
def test_levels_equal_their_closed_form(basis, x, order):
    x = np.array(x)
    levels = expand(torch.tensor(x, dtype=torch.float64), order, basis)
    assert len(levels) == order
    for k, level in enumerate(levels, 1):
        np.testing.assert_allclose(level.numpy(), CLOSED_FORMS[basis](x, k), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("order", [1, 2, 8])
def test_the_first_level_is_the_data_bit_for_bit(basis, order):
    x = torch.linspace(-0.3, 1.3, 1001)
    assert torch.equal(expand(x, order, basis)[0], x)


@pytest.mark.parametrize("basis", BASES)
def test_float32_is_sound_on_the_whole_interval(basis):
    x = torch.linspace(0, 1, 4097)
    single, double = expand(x, 8, basis), expand(x.double(), 8, basis)
    for a, b in zip(single, double, strict=True):
        assert torch.allclose(a.double(), b, atol=5e-6, rtol=0)
        assert a.min() >= -5e-6
        assert a.max() <= 1 + 5e-6


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("order", ORDERS)
def test_gradients_are_finite_at_0_and_1(basis, order):
    x = torch.tensor([0.0, 1e-38, 0.5, 1.0 - 1e-7, 1.0], requires_grad=True)
    torch.stack(expand(x, order, basis)).sum().backward()
    assert torch.isfinite(x.grad).all()
    if basis == "monomial":
        assert x.grad[[0, 4]].tolist() == [1.0, order * (order + 1) / 2]


def test_binary_data_make_monomial_the_copies():
    x = torch.tensor([0.0, 1.0, 1.0, 0.0])
    assert all(torch.equal(a, b) for a, b in zip(expand(x, 8, "monomial"), expand(x, 8, "copies"), strict=True))


@pytest.mark.parametrize("basis", ["legendre", "chebyshev"])
def test_binary_data_leave_odd_degrees_and_empty_even_ones(basis):
    x = torch.tensor([0.0, 1.0, 1.0, 0.0])
    for k, level in enumerate(expand(x, 8, basis), 1):
        assert torch.equal(level, x if k % 2 else torch.ones(4))


@pytest.mark.parametrize(("order", "basis", "warns"), [
    (3, "monomial", True),
    (2, "chebyshev", True),
    (1, "monomial", False),
    (3, "copies", False),
])  # fmt: skip
def test_the_binary_warning(order, basis, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_binary(False, order, basis)
        warn_if_binary(True, order, basis)
    assert [str(w.message)[:19] for w in caught] == ["the data are binary"] * warns


def test_fit_warns_on_binary_data():
    model = PHVAE((1, 4, 4), order=2, latent_size=2, network={"name": "dense", "hidden": [4]})
    x = (torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    with pytest.warns(UserWarning, match="the data are binary"):
        model.fit(x, epochs=1, device="cpu")


@pytest.mark.parametrize(("x", "expected"), [
    (torch.tensor([0.0, 1.0, 1.0]), True),
    (torch.tensor([0.0, 0.5, 1.0]), False),
    (np.array([[True], [False]]), True),
    (np.array([0, 255, 255], dtype=np.uint8), True),
    (np.array([0, 1, 255], dtype=np.uint8), False),
    (np.append(np.zeros(10_000), 0.25), False),
])  # fmt: skip
def test_what_is_binary(x, expected):
    assert is_binary(x) is expected


def test_errors_name_what_was_found_and_what_is_allowed():
    with pytest.raises(ValueError, match=r"'monomials', expected one of .*monomial.* did you mean 'monomial'"):
        expand(torch.zeros(1), 2, "monomials")
    with pytest.raises(ValueError, match="order is 0, expected at least 1"):
        expand(torch.zeros(1), 0)
