"""Rows of the likelihood: what may be called nll, bits a dimension, the bound, bad inputs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phvae.config import EvaluationConfig, ModelConfig
from phvae.metrics import likelihood
from phvae.metrics.expected import expected_names
from phvae.metrics.rows import Inputs, Row

ARRAYS = {
    "log_px": np.array([-90.0, -110.0]),
    "log_px_half": np.array([-91.0, -111.0]),
    "elbo_reconstruction": np.array([80.0, 90.0, 100.0]),
    "kl": np.array([20.0, 25.0, 30.0]),
}


def rows_of(name: str, *, binary: bool = False, density: bool = False, **arrays: np.ndarray) -> dict[str, Row]:
    shape = (2,) if density else (1, 8, 8)
    data: Any = SimpleNamespace(kind="test", shape=shape, is_density=density, binary=binary, labels={}, factors={})
    data.factor_names = data.factor_sizes = ()
    settings, model = EvaluationConfig(importance_samples=32), ModelConfig(likelihood=name)
    found = likelihood.rows(Inputs(data, {}, ARRAYS | arrays, model, settings, None, 0))  # type: ignore[arg-type]
    assert sorted(r.metric for r in found) == sorted(expected_names(settings, model, data)["likelihood"])
    return {r.metric: r for r in found}


@pytest.mark.parametrize("name", ["gaussian", "continuous_bernoulli"])
def test_a_density_has_nll_and_elbo(name: str) -> None:
    found = rows_of(name)
    values = {metric: row.value for metric, row in found.items()}
    assert values == {
        "nll": 100.0,
        "nll_half": 101.0,
        "bits_per_dim": None,
        "elbo": -115.0,
        "reconstruction_nll": 90.0,
    }
    assert (found["nll"].n, found["elbo"].n) == (2, 3)
    assert "32 importance samples; pixels in [0, 1]" in found["nll"].settings
    assert "16 importance samples" in found["nll_half"].settings
    assert (found["bits_per_dim"].status, found["nll"].unit) == ("empty", "nats")
    assert "not dequantised" in found["bits_per_dim"].reason


def test_bernoulli_on_grey_data_is_never_called_nll_or_elbo() -> None:
    found = rows_of("bernoulli")
    assert {metric: row.value for metric, row in found.items()} == {"bce_elbo": -115.0, "bce_reconstruction": 90.0}
    assert "grey data" in found["bce_elbo"].settings


def test_bernoulli_on_binary_data_is_a_probability_with_bits_a_dimension() -> None:
    found = rows_of("bernoulli", binary=True)
    assert found["nll"].value == 100
    assert found["bits_per_dim"].value == pytest.approx(100 / (64 * math.log(2)))
    assert not any(metric.startswith("bce") for metric in found)


def test_a_density_set_is_in_original_units_and_has_no_bits() -> None:
    found = rows_of("gaussian", density=True)
    assert "original units" in found["nll"].settings
    assert "depends on its unit" in found["bits_per_dim"].reason


def test_the_uniform_code_of_a_coin_is_one_bit() -> None:
    assert likelihood.bits_per_dim(10 * math.log(2), 10) == pytest.approx(1)


@pytest.mark.parametrize(("array", "metrics"), [("log_px", ["nll"]), ("kl", ["elbo", "reconstruction_nll"])])
def test_numbers_that_are_not_finite_are_a_reason_not_a_value(array: str, metrics: list[str]) -> None:
    found = rows_of("gaussian", **{array: np.array([1.0, np.nan, -np.inf])})
    for metric in metrics:
        assert (found[metric].value, found[metric].status) == (None, "empty")
        assert found[metric].reason == f"{array}: 2 of 3 numbers are not finite"
    assert found["nll_half"].status == "ok"
