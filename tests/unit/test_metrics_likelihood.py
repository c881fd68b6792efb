"""Rows of the likelihood: what may be called nll, bits a dimension, the bound, bad inputs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scoring import expected_of

from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row
from phvae.metrics.scores import likelihood
from phvae.model.options import ModelConfig

ARRAYS = {
    "log_px": np.array([-90.0, -110.0]),
    "log_px_error": np.array([0.03, 0.04]),
    "log_px_k": np.array([0.1, 0.325]),
    "log_px_draws": np.array([512, 1024]),
    "log_px_settled": np.array([True, True]),
    "elbo": np.array([-105.0, -125.0]),
    "elbo_reconstruction": np.array([80.0, 100.0]),
    "elbo_error": np.array([0.6, 0.8]),
    "elbo_draws": np.array(16),
}


def rows_of(name: str, *, binary: bool = False, density: bool = False, **arrays: np.ndarray) -> dict[str, Row]:
    shape = (2,) if density else (1, 8, 8)
    data: Any = SimpleNamespace(kind="test", shape=shape, is_density=density, binary=binary, labels={}, factors={})
    data.factor_names = data.factor_sizes = ()
    data.card = {}
    settings, model = EvaluationConfig(), ModelConfig(likelihood=name)
    found = likelihood.rows(Inputs(data, {}, ARRAYS | arrays, model, settings, None, 0))  # type: ignore[arg-type]
    assert sorted(r.metric for r in found) == sorted(expected_of(likelihood, settings, model, data))
    return {r.metric: r for r in found}


@pytest.mark.parametrize("name", ["gaussian", "continuous_bernoulli"])
def test_a_density_has_nll_and_elbo(name: str) -> None:
    found = rows_of(name)
    values = {metric: row.value for metric, row in found.items()}
    assert values == {
        "nll": 100.0,
        "bits_per_dim": None,
        "elbo": -115.0,
        "reconstruction_nll": 90.0,
    }
    assert (found["nll"].n, found["elbo"].n) == (2, 2)
    assert found["nll"].settings.endswith("768 draws per example, k up to 0.33, 2 of 2 settled; pixels in [0, 1]")
    assert (found["nll"].noise_sd, found["elbo"].noise_sd) == pytest.approx((0.025, 0.5))
    assert not any(row.caution for row in found.values())
    assert (found["bits_per_dim"].status, found["nll"].status) == ("empty", "ok")
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


@pytest.mark.parametrize(("array", "metrics"), [("log_px", ["nll"]), ("elbo", ["elbo", "reconstruction_nll"])])
def test_numbers_that_are_not_finite_are_a_reason_not_a_value(array: str, metrics: list[str]) -> None:
    found = rows_of("gaussian", **{array: np.array([1.0, np.nan, -np.inf])})
    for metric in metrics:
        assert (found[metric].value, found[metric].status) == (None, "empty")
        assert found[metric].reason == f"{array}: 2 of 3 numbers are not finite"


@pytest.mark.parametrize(("left", "says"), [(0, ""), (1, ""), (2, "2 of 20 examples has not settled at 1,024 draws")])
def test_a_likelihood_that_has_not_settled_says_so(left: int, says: str) -> None:
    settled = np.arange(20) >= left
    twenty = {name: np.resize(ARRAYS[name], 20) for name in ARRAYS if name != "elbo_draws"}
    found = rows_of("bernoulli", binary=True, **twenty | {"log_px_settled": settled})
    for metric in ("nll", "bits_per_dim"):
        assert found[metric].status == "ok"
        assert found[metric].caution.endswith(says)
        assert bool(found[metric].caution) == bool(says)
    assert found["elbo"].caution == ""
