"""What codes hold: KL against multivariate normals, the aggregate posterior, kNN, MMD, bad inputs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from scoring import expected_of

from phvae.metrics.codes import kl_parts
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row, Undefined
from phvae.metrics.scores import latent
from phvae.model.options import ModelConfig

ORDER, SIZE = 3, 2
CHAIN = np.array([[1, 0, 0], [0.5, 1, 0], [0.25, 0.5, 1]])


def inputs_of(
    mean: np.ndarray,
    log_variance: np.ndarray | float = 0.0,
    *,
    prior: str = "hierarchical",
    labels: Any = None,
    seed: int = 0,
) -> Inputs:
    """Codes of a model with A = chain(.5); kl_levels as the encode stage would write them."""
    order, size = mean.shape[1:]
    coupling = CHAIN[:order, :order]
    log_variance = np.broadcast_to(np.asarray(log_variance, dtype=float), mean.shape)
    whitened = mean if prior == "standard" else np.einsum("kl,nlj->nkj", np.linalg.inv(coupling), mean)
    codes = {"mean": mean, "log_variance": log_variance, "whitened": whitened, "coupling": coupling}
    data: Any = SimpleNamespace(
        card={},
        kind="test",
        shape=(1, 8, 8),
        is_density=False,
        factors={},
        labels={} if labels is None else {"test": labels},
    )
    data.factor_names = data.factor_sizes = ()
    data.card = {}
    model = ModelConfig(order=order, latent_size=order * size, prior=prior)
    inputs = Inputs(data, codes, {}, model, EvaluationConfig(), None, seed)  # type: ignore[arg-type]
    levels = kl_parts(inputs.codes, inputs.model.prior).sum(-1)
    return Inputs(data, codes, {"kl_levels": levels, "kl": levels.sum(1)}, model, EvaluationConfig(), None, seed)  # type: ignore[arg-type]


def rows_of(*arguments: Any, **options: Any) -> dict[str, Row]:
    inputs = inputs_of(*arguments, **options)
    found = {r.metric: r for r in latent.rows(inputs)}
    assert sorted(found) == sorted(expected_of(latent, EvaluationConfig(), inputs.model, inputs.data))
    return found


def normal(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, ORDER, SIZE))


# ---- KL ----
@pytest.mark.parametrize("prior", ["hierarchical", "standard"])
def test_the_parts_sum_to_the_kl_of_multivariate_normals(prior: str) -> None:
    g = np.random.default_rng(0)
    mean, log_variance = g.normal(size=(4, ORDER, SIZE)), g.normal(-1, 0.5, size=(4, ORDER, SIZE))
    inputs = inputs_of(mean, log_variance, prior=prior)
    full = np.kron(CHAIN, np.eye(SIZE))
    p = full @ full.T if prior == "hierarchical" else np.eye(ORDER * SIZE)
    for i in range(4):
        q = full @ np.diag(np.exp(log_variance[i].ravel())) @ full.T
        m = mean[i].ravel()
        trace = np.trace(np.linalg.solve(p, q)) + m @ np.linalg.solve(p, m) - len(m)
        exact = 0.5 * (trace + np.linalg.slogdet(p)[1] - np.linalg.slogdet(q)[1])
        assert kl_parts(inputs.codes, inputs.model.prior)[i].sum() == pytest.approx(exact, rel=1e-10)


def test_kl_rows_sum_from_coordinates_to_levels_to_the_whole() -> None:
    found = rows_of(normal(50), -1.0)
    for k in range(1, ORDER + 1):
        parts = [found[f"kl_level_{k}_coordinate_{j}"].value for j in range(1, SIZE + 1)]
        assert sum(parts) == pytest.approx(found[f"kl_level_{k}"].value, rel=1e-9)
    assert sum(found[f"kl_level_{k}"].value for k in range(1, ORDER + 1)) == pytest.approx(found["kl"].value, rel=1e-9)


def test_a_posterior_equal_to_the_prior_costs_nothing() -> None:
    found = rows_of(np.zeros((20, ORDER, SIZE)))
    assert found["kl"].value == pytest.approx(0, abs=1e-12)
    assert (found["active_units"].value, found["w_norm"].value) == (0, 0)


# ---- the aggregate posterior ----
@pytest.mark.parametrize("prior", ["hierarchical", "standard"])
def test_draws_of_the_aggregate_posterior_have_its_mean_and_covariance(prior: str) -> None:
    """z ~ N(m, A S A^T); the coordinates in which the prior is N(0, I) are A^-1 z or z."""
    mean = np.broadcast_to(np.arange(6.0).reshape(1, ORDER, SIZE) / 3, (60_000, ORDER, SIZE))
    variance = np.array([[0.5, 1.0], [2.0, 0.1], [1.0, 0.3]])
    u = latent.aggregate(inputs_of(mean, np.log(variance), prior=prior))
    full = np.kron(CHAIN, np.eye(SIZE))
    back = np.linalg.inv(full) if prior == "hierarchical" else np.eye(6)
    covariance = back @ full @ np.diag(variance.ravel()) @ full.T @ back.T
    assert np.allclose(u.mean(0), back @ mean[0].ravel(), atol=0.04)
    assert np.allclose(np.cov(u.T), covariance, atol=0.08)


def test_draws_of_the_prior_have_norm_one_and_half_of_them_in_the_ball() -> None:
    u = normal(20_000).reshape(-1, 6)
    assert latent.w_norm(u) == pytest.approx(1, abs=0.02)
    assert latent.ball_share(u) == pytest.approx(0.5, abs=0.015)
    assert latent.ball_share(np.zeros((5, 6))) == 1
    assert latent.ball_share(np.full((5, 6), 3.0)) == 0
    radius = math.sqrt(2 * math.log(2))  # the median of chi^2_2 is 2 log 2
    assert latent.ball_share(np.array([[radius * 0.999, 0], [radius * 1.001, 0]])) == 0.5
    assert multivariate_normal([0, 0]).pdf([radius, 0]) == pytest.approx(0.5 / (2 * np.pi))


def test_mmd_to_the_prior_is_zero_for_the_prior_and_positive_for_a_collapsed_or_shifted_posterior() -> None:
    values = [latent.mmd_prior(normal(500, s).reshape(-1, 6), np.random.default_rng(99 + s)) for s in range(20)]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(20) + 1e-4
    for other in (np.zeros((500, 6)), normal(500).reshape(-1, 6) + 1):
        assert latent.mmd_prior(other, np.random.default_rng(5)) > 20 * np.std(values)


def test_draws_depend_on_the_seed_alone() -> None:
    one, two = (latent.rows(inputs_of(normal(300))) for _ in range(2))
    assert one == two
    three = {row.metric: row.value for row in latent.rows(inputs_of(normal(300), seed=1))}
    changed = {row.metric for row in one if row.value != three[row.metric]}
    assert changed == {"ball_share", "mmd_prior"}


def test_the_priors_draws_depend_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent, "aggregate", lambda inputs: normal(300).reshape(300, -1))
    values = [rows_of(normal(300), seed=seed)["mmd_prior"].value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


# ---- active units, neighbours ----
def test_active_units_do_not_count_a_constant_code_or_a_large_mean() -> None:
    mean = normal(400)
    whitened_constant = mean.copy()
    whitened_constant[:, 0] = 7.0
    assert rows_of(mean, prior="standard")["active_units"].value == 6
    assert rows_of(whitened_constant, prior="standard")["active_units"].value == 4
    assert latent.active_units(np.array([[0.0, 0.0], [0.19, 0.21]])) == 1  # variances .009 and .011


def test_knn_tells_separated_labels_and_scores_chance_on_noise() -> None:
    g = np.random.default_rng(0)
    labels = g.integers(0, 4, 1_200)
    separate = normal(1_200) * 0.1
    separate[:, 0, 0] += labels
    found = rows_of(separate, labels=labels)["knn_accuracy"]
    assert found.value > 0.99
    assert found.floor == pytest.approx(np.bincount(labels[800:]).max() / 400)
    assert rows_of(normal(1_200), labels=labels)["knn_accuracy"].value == pytest.approx(0.25, abs=0.07)


def test_knn_equals_a_loop() -> None:
    g = np.random.default_rng(1)
    w, labels = g.normal(size=(60, 3)), g.integers(0, 2, 60)  # two labels, five neighbours: no ties
    right = 0
    for i in range(40, 60):
        nearest = np.argsort(((w[:40] - w[i]) ** 2).sum(1))[:5]
        right += int(np.bincount(labels[nearest], minlength=2).argmax() == labels[i])
    assert latent.knn_accuracy(w, labels) == right / 20


def test_norm_activity_and_ball_do_not_depend_on_the_order_of_codes() -> None:
    w = normal(50).reshape(50, 6)
    shuffled = w[:, np.random.default_rng(0).permutation(6)]
    for metric in (latent.active_units, latent.w_norm, latent.ball_share):
        assert metric(w) == pytest.approx(metric(shuffled))


# ---- bad inputs ----
def test_codes_that_are_not_finite_leave_empty_rows() -> None:
    mean = normal(60)
    mean[3, 1, 1] = np.nan
    found = rows_of(mean, labels=np.arange(60) % 3)
    for metric in ("active_units", "w_norm", "ball_share", "mmd_prior", "knn_accuracy", "kl_level_2_coordinate_2"):
        assert (found[metric].value, found[metric].status) == (None, "empty"), metric
        assert "not finite" in found[metric].reason


def test_one_class_and_too_few_examples_have_no_accuracy() -> None:
    assert "one label" in rows_of(normal(60), labels=np.zeros(60, int))["knn_accuracy"].reason
    assert "codes that vote: 4, at least 5" in rows_of(normal(6), labels=np.arange(6))["knn_accuracy"].reason
    with pytest.raises(Undefined, match="one label"):
        latent.knn_accuracy(normal(60).reshape(60, -1), np.ones(60, int))


def test_a_single_example_gives_reasons_not_zeros() -> None:
    found = rows_of(normal(1))
    for metric in ("active_units", "w_norm", "mmd_prior"):
        assert (found[metric].value, found[metric].status) == (None, "empty")
        assert "at least 2" in found[metric].reason
    assert found["kl"].status == "ok"
