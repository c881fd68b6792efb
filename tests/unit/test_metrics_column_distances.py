"""Scores of tables: against scipy and by hand, at the floor for true rows, in the columns' own units."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scoring import expected_of

from phvae.metrics.correlations import correlations
from phvae.metrics.energy import energy
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row
from phvae.metrics.scores import column_distances as columns
from phvae.metrics.scores import column_errors
from phvae.metrics.transport import directions, sliced_w1
from phvae.model.options import ModelConfig

NAMES, SETTINGS = ["age", "size (cm)", "income"], EvaluationConfig(n_samples=400, n_reconstructions=300)
MIX = np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.0], [0.0, 0.3, 2.0]])


def draws(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3)) @ MIX + 5


def table(units: np.ndarray, names: list[str] = NAMES, rows: int = 500) -> Any:
    """What the metrics read of a table whose columns are `draws` in some units; a unit of the model is .05."""
    x, size = draws(rows, 1)[:, : len(names)], len(names)
    train = draws(900, 2)[:, :size]
    return SimpleNamespace(
        kind="table", shape=(size,), train=0.3 + 0.05 * train, test=0.3 + 0.05 * x, is_density=True,
        scaling=(np.full(size, 0.3), 0.05 / units), labels={}, factors={}, factor_names=(), factor_sizes=(),
        binary=False, card={"columns": names, "spread": (train.std(0) * units).tolist()},
    )  # fmt: skip


def scored(scorer: Any, data: Any, samples: np.ndarray, reconstructions: np.ndarray) -> dict[str, Row]:
    moved = samples + 0.05 / data.scaling[1]
    arrays = {"samples_mean": samples, "samples_model": moved, "reconstructions": reconstructions}
    return {r.metric: r for r in scorer.rows(Inputs(data, {}, arrays, ModelConfig(), SETTINGS, None, 0))}  # type: ignore[arg-type]


def both(units: np.ndarray) -> dict[str, Row]:
    data = table(units)
    samples = np.stack([draws(400, seed) for seed in (3, 4, 5)]) * units
    test = draws(500, 1)[:300] * units + 0.1 * units
    return scored(columns, data, samples, test) | scored(column_errors, data, samples, test)


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    return both(np.ones(3))


def test_the_rows_are_those_of_the_registry(found: dict[str, Row]) -> None:
    data = table(np.ones(3))
    wanted = [
        name for scorer in (columns, column_errors) for name in expected_of(scorer, SETTINGS, ModelConfig(), data)
    ]
    assert sorted(found) == sorted(wanted)
    assert {row.status for row in found.values()} == {"ok"}
    assert columns.applies(data)
    assert column_errors.applies(data)


def test_distances_of_columns_are_scipys(found: dict[str, Row]) -> None:
    truth, sets = draws(500, 1)[:400], [draws(400, seed) for seed in (3, 4, 5)]
    for j, key in enumerate(["age", "size_cm", "income"]):
        w1 = [stats.wasserstein_distance(one[:, j], truth[:, j]) for one in sets]
        ks = [stats.ks_2samp(one[:, j], truth[:, j]).statistic for one in sets]
        for name, values in (("w1", w1), ("ks", ks)):
            row = found[f"{name}_column_{key}_samples_mean"]
            assert row.value == pytest.approx(np.mean(values), rel=1e-9)
            assert row.noise_sd == pytest.approx(np.std(values, ddof=1), rel=1e-9)
            assert row.settings == f"{NAMES[j]}; against 400 test rows"
    spread = draws(900, 2).std(0)
    each = [found[f"w1_column_{key}_samples_mean"].value for key in ("age", "size_cm", "income")]
    assert found["w1_columns_samples_mean"].value == pytest.approx(np.mean(each / spread), rel=1e-9)


def test_energy_is_scipys_on_a_line_but_unbiased() -> None:
    g = np.random.default_rng(0)
    x, y = g.normal(size=(30, 1)), g.normal(1, 2, size=(20, 1))
    biased = stats.energy_distance(x[:, 0], y[:, 0]) ** 2
    within = [np.abs(z - z.T).sum() * (1 / (len(z) * (len(z) - 1)) - 1 / len(z) ** 2) for z in (x, y)]
    assert energy(x, y) == pytest.approx(biased - sum(within), rel=1e-9)
    many = [energy(g.normal(size=(20, 2)), g.normal(size=(20, 2))) for _ in range(400)]
    assert abs(np.mean(many)) < 4 * np.std(many) / np.sqrt(len(many))


def test_sliced_w1_is_the_mean_of_scipys_over_the_directions_of_any_space() -> None:
    x, y = draws(40, 0), draws(25, 1)
    expected = np.mean([stats.wasserstein_distance(x @ line, y @ line) for line in directions(3)])
    assert sliced_w1(x, y) == pytest.approx(expected, rel=1e-12)


def test_correlations_are_numpys_and_nought_of_a_constant() -> None:
    x = draws(50, 0) * [1, 1e-6, 1e9]
    np.testing.assert_allclose(correlations(x), np.corrcoef(x.T), atol=1e-12)
    x[:, 1] = 0.1
    assert correlations(x)[1].tolist() == [0, 0, 0]
    g = np.random.default_rng(0)
    independent = np.stack([g.permutation(column) for column in draws(4000, 0).T], axis=1)
    covariance = MIX.T @ MIX
    known = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    expected = np.abs(known[np.triu_indices(3, 1)]).mean()
    assert columns.correlation_error(draws(4000, 1), independent) == pytest.approx(expected, abs=0.03)


def test_another_unit_moves_the_numbers_of_its_column_alone(found: dict[str, Row]) -> None:
    units = np.array([1.0, 1e-4, 1e6])
    other = both(units)
    for name, row in found.items():
        key = next((key for key in ("size_cm", "income") if f"column_{key}" in name), None)
        unit = units[["size_cm", "income"].index(key) + 1] if key else 1.0
        factor = unit**2 if name.startswith("mse") else 1.0 if name.startswith("ks") else unit
        assert other[name].value == pytest.approx(factor * row.value, rel=1e-6), name


def test_errors_are_squares_over_the_variance_and_the_mean_row_is_the_floor(found: dict[str, Row]) -> None:
    variance = draws(900, 2).var(0)
    assert found["mse_column_age"].value == pytest.approx(0.01)
    assert found["mse_columns"].value == pytest.approx((0.01 / variance).mean())
    assert found["mse_columns"].floor == pytest.approx((draws(500, 1)[:300].var(0) / variance).mean())


def test_true_rows_stand_at_the_floor_and_moved_ones_far_above() -> None:
    data = table(np.ones(3))
    floors = columns.reference(None, data, SETTINGS)  # type: ignore[arg-type]
    assert not any(name.endswith("reconstructions") for name in floors)
    rows = scored(columns, data, np.stack([draws(400, seed) for seed in (3, 4, 5)]), draws(300, 6))
    for name, floor in floors.items():
        away = abs(rows[name].value - floor["floor"]) / floor["noise_sd"]
        if not name.startswith("correlation"):  # a shift changes none
            assert (away > 4) if name.endswith("model") else (away < 4), (name, away)


def test_one_column_has_no_pairs_and_one_row_no_energy() -> None:
    data = table(np.ones(1), ["age"], rows=1)
    rows = scored(columns, data, draws(16, 3)[None, :, :1], draws(1, 1)[:, :1])
    assert sorted(rows) == sorted(expected_of(columns, SETTINGS, ModelConfig(), data))
    assert not any(name.startswith(("sliced", "correlation")) for name in rows)
    assert rows["energy_columns_samples_mean"].status == "empty"
    assert "at least 2" in rows["energy_columns_samples_mean"].reason


def test_a_row_that_is_not_finite_is_told() -> None:
    rows = scored(columns, table(np.ones(3)), np.full((1, 20, 3), np.nan), draws(9, 1))
    assert {rows[name].status for name in rows if name.endswith("samples_mean")} == {"empty"}
    assert "60 of 60 numbers are not finite" in rows["w1_columns_samples_mean"].reason
