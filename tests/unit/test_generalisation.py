"""The generalisation gap: training minus test, by hand; on grey data, on densities, and without its arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scoring import expected_of
from tiny import density, images

from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row
from phvae.metrics.scores import generalisation
from phvae.model.options import ModelConfig

GAUSSIAN = ModelConfig(likelihood={"name": "gaussian", "scale": 0.1})  # type: ignore[arg-type]
BERNOULLI = ModelConfig(likelihood="bernoulli")  # type: ignore[arg-type]


def stored(data: Any, **changes: Any) -> dict[str, np.ndarray]:
    """Means: ELBO -2 of training and -5 of test examples, log p(x) -1 and -3, squared error .01 and (51 / 255)^2."""
    test = np.array(data.test[:20])
    made = np.where(test < 128, test + 51, test - 51).astype(test.dtype)
    arrays = {
        "elbo": np.array([-4.0, -6.0]), "elbo_error": np.array([0.3, 0.4]), "elbo_draws": np.array(16),
        "log_px": np.array([-3.0, -3.0]), "log_px_error": np.array([0.0, 0.0]), "log_px_draws": np.array([1024, 8192]),
        "log_px_settled": np.array([True, True]), "reconstructions": made,
        "train_elbo": np.array([-1.0, -2.0, -3.0]), "train_elbo_error": np.array([0.6, 0.0, 0.0]),
        "train_log_px": np.array([-1.0, -1.0, -1.0]), "train_log_px_error": np.zeros(3),
        "train_log_px_settled": np.array([True, True, True]), "train_error": np.full(10, 0.01),
    }  # fmt: skip
    return arrays | changes


def rows(data: Any, model: ModelConfig = GAUSSIAN, **changes: Any) -> dict[str, Row]:
    arrays = {name: value for name, value in stored(data, **changes).items() if value is not None}
    inputs = Inputs(data, {}, arrays, model, EvaluationConfig(), Path(), 0)
    found = {row.metric: row for row in generalisation.rows(inputs)}
    assert sorted(found) == sorted(expected_of(generalisation, EvaluationConfig(), model, data))
    return found


def test_training_minus_test_by_hand() -> None:
    found = rows(images())
    assert found["gap_elbo"].value == pytest.approx(3)
    assert found["gap_elbo"].noise_sd == pytest.approx(np.hypot(0.5 / 2, 0.6 / 3))
    assert found["gap_nll"].value == pytest.approx(-2)
    assert found["gap_mse"].value == pytest.approx(0.01 - 0.04)
    assert (found["gap_elbo"].n, found["gap_mse"].n) == (3, 10)
    assert "3 training examples, drawn by one fixed seed; 2 test examples" in found["gap_elbo"].settings
    assert "10 training examples, drawn by one fixed seed; 20 test examples" in found["gap_mse"].settings


def test_grey_data_have_a_bound_of_their_own_and_densities_no_pixels() -> None:
    assert rows(images(), BERNOULLI)["gap_bce_elbo"].value == pytest.approx(3)
    assert rows(images(), BERNOULLI).keys() == {"gap_bce_elbo", "gap_mse"}
    assert rows(density()).keys() == {"gap_elbo", "gap_nll"}


def test_a_likelihood_that_has_not_settled_on_either_side_decides_nothing() -> None:
    for side in ("log_px_settled", "train_log_px_settled"):
        found = rows(images(), **{side: np.array([True, False, True])})
        assert "1 of 3 examples has not settled" in found["gap_nll"].caution
        assert found["gap_elbo"].caution == ""


def test_without_its_arrays_a_gap_is_empty_and_says_why() -> None:
    absent = {name: None for name in stored(images()) if name.startswith("train_")}
    for row in rows(images(), **absent).values():
        assert (row.status, row.n) == ("empty", None)
        assert row.reason == generalisation.ABSENT


def test_numbers_that_are_not_finite_are_counted() -> None:
    found = rows(images(), train_elbo=np.array([np.nan, -1.0, 0.0]))
    assert found["gap_elbo"].reason == "train_elbo: 1 of 3 numbers are not finite"
    assert found["gap_mse"].status == "ok"
