"""Disentanglement scores: the field's table of ceilings and floors, definitions by loops, invariances, bad inputs."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score, roc_auc_score

from phvae.config import EvaluationConfig, ModelConfig
from phvae.metrics import dependence, groups
from phvae.metrics import disentanglement as scores
from phvae.metrics import disentanglement_information as information
from phvae.metrics import disentanglement_predict as predict
from phvae.metrics import disentanglement_votes as votes
from phvae.metrics.disentanglement_table import Table, make_table
from phvae.metrics.document import CHANGES, INVARIANCES, render
from phvae.metrics.rows import Inputs, Undefined

DSPRITES = (3, 6, 40, 32, 32)
NAMES = ("shape", "scale", "orientation", "x", "y")


def draw_factors(sizes: tuple[int, ...], n: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([generator.integers(0, size, n) for size in sizes], axis=1)


def standardised(factors: np.ndarray) -> np.ndarray:
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def normal(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def rotation(size: int, seed: int) -> np.ndarray:
    return np.linalg.qr(normal((size, size), seed))[0]


# ---- the table of the field: measured with independent code on fresh draws of dSprites' factors ----
FIELD = {  # MIG, SAP, SAP R2, modularity, FactorVAE, BetaVAE, IRS
    "identity": (0.896, 0.245, 1, 1, 1, 1, 1),
    "identity, 5 noise": (0.895, 0.247, 1, 0.82, 1, 1, 0.55),
    "identity + N(0, .1^2), 5 noise": (0.739, 0.240, 0.99, 0.84, 1, 1, 0.53),
    "twice": (0, 0, 0, 1, 1, 1, 1),
    "noise": (0, 0.003, 0, 0.67, 0.20, 0.19, 0.38),
}
TOLERANCE = (0.006, 0.01, 0.006, 0.03, 0.03, 0.02, 0.015)


@pytest.fixture(scope="module")
def dsprites() -> np.ndarray:
    return draw_factors(DSPRITES, 15_000)


def field_codes(factors: np.ndarray) -> dict[str, np.ndarray]:
    identity, noise = standardised(factors), normal(factors.shape, 2)
    return {
        "identity": identity,
        "identity, 5 noise": np.hstack([identity, noise]),
        "identity + N(0, .1^2), 5 noise": np.hstack([identity + 0.1 * normal(factors.shape, 3), noise]),
        "twice": np.hstack([identity, identity]),
        "noise": noise,
    }


def all_scores(table: Table, n_votes: int = 10_000) -> tuple[float, ...]:
    bins = information.equal_width_bins(table.fit_codes)
    return (
        information.mig(bins, table.fit_factors),
        predict.sap(table),
        predict.sap_r2(table),
        information.modularity(bins, table.fit_factors),
        votes.factor_vae(table, n_votes, 0),
        votes.beta_vae(table, n_votes, 0),
        votes.irs(table),
    )


@pytest.mark.parametrize("code", FIELD)
def test_ceilings_and_floors_of_the_field(dsprites: np.ndarray, code: str) -> None:
    table = make_table(field_codes(dsprites)[code], dsprites, NAMES)
    found = all_scores(table)
    for value, expected, tolerance in zip(found, FIELD[code], TOLERANCE, strict=True):
        assert value == pytest.approx(expected, abs=tolerance), (found, FIELD[code])
    if code == "identity":
        assert found[4] == found[5] == 1.0


def test_rotated_codes_lie_among_the_rotations(dsprites: np.ndarray) -> None:
    """The field's rotation is not on record: its row must lie within the range of rotations, between the bounds."""
    factors = dsprites[:3000]
    found = []
    for seed in range(8):
        codes = np.hstack([standardised(factors) @ rotation(5, seed), normal(factors.shape, 4)])
        found.append(all_scores(make_table(codes, factors, NAMES), 1000))
    low, high = np.min(found, axis=0), np.max(found, axis=0)
    published = np.array((0.256, 0.123, 0.24, 0.74, 0.75, 0.91, 0.43))
    assert (low - 0.03 <= published).all(), low
    assert (published <= high + 0.03).all(), high


def test_forest_of_the_field_and_why_not_another(dsprites: np.ndarray) -> None:
    table = make_table(field_codes(dsprites)["identity + N(0, .1^2), 5 noise"], dsprites, NAMES)
    found = predict.dci(table, "forest", 0)
    assert found["dci_forest_disentanglement"] == pytest.approx(0.77, abs=0.02)
    assert found["dci_forest_informativeness"] > 0.6


def test_quantile_bins_survive_an_outlier(dsprites: np.ndarray) -> None:
    codes = field_codes(dsprites)["identity + N(0, .1^2), 5 noise"]
    codes[0] = 20 * codes.std(axis=0)
    table = make_table(codes, dsprites, NAMES)
    assert information.mig(information.equal_width_bins(table.fit_codes), table.fit_factors) < 0.55
    found = information.mig(information.quantile_bins(table.fit_codes), table.fit_factors)
    assert found == pytest.approx(0.719, abs=0.01)


# ---- definitions, written out with loops and other libraries ----
@pytest.fixture(scope="module")
def mixed() -> Table:
    """Seven codes that mix three factors, so that every transposition shows."""
    factors = draw_factors((3, 4, 8), 900, 5)
    codes = np.hstack([standardised(factors), normal((900, 4), 6)]) @ (np.eye(7) + 0.3 * normal((7, 7), 7))
    return make_table(codes, factors, ("a", "b", "c"))


def test_equal_width_bins_are_those_of_a_histogram(mixed: Table) -> None:
    on_the_edges = np.arange(600.0)[:, None] % 41
    codes = np.hstack([mixed.fit_codes, on_the_edges])
    bins = information.equal_width_bins(codes)
    for column, code in zip(bins.T, codes.T, strict=True):
        assert np.array_equal(np.bincount(column, minlength=20), np.histogram(code, 20)[0])


def test_mig_and_modularity_against_loops(mixed: Table) -> None:
    bins = information.equal_width_bins(mixed.fit_codes)
    matrix = np.array([[mutual_info_score(c, f) for f in mixed.fit_factors.T] for c in bins.T])
    assert np.allclose(information.mutual_information(bins, mixed.fit_factors), matrix, atol=1e-12)
    gaps = []
    for j, factor in enumerate(mixed.fit_factors.T):
        first, second = sorted(matrix[:, j])[::-1][:2]
        gaps.append((first - second) / scipy_entropy(np.bincount(factor)))
    assert information.mig(bins, mixed.fit_factors) == pytest.approx(np.mean(gaps), abs=1e-12)
    modular = []
    for row in matrix:
        template = np.zeros(3)
        template[row.argmax()] = row.max()
        modular.append(1 - ((row - template) ** 2).sum() / (row.max() ** 2 * 2))
    assert information.modularity(bins, mixed.fit_factors) == pytest.approx(np.mean(modular), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_mutual_information_is_bounded_by_both_entropies(seed: int) -> None:
    a, b = draw_factors((5, 2), 60, seed), draw_factors((3, 7, 2), 60, seed + 1)
    found = information.mutual_information(a, b)
    assert (found >= 0).all()
    assert (found <= np.minimum.outer(information.entropy(a), information.entropy(b)) + 1e-12).all()
    assert np.allclose(np.diag(information.mutual_information(a, a)), information.entropy(a))


def test_dci_against_its_entropies(mixed: Table) -> None:
    importances = np.abs(normal((7, 3), 8))
    disentanglement = 1 - scipy_entropy(importances, base=3, axis=1)
    completeness = 1 - scipy_entropy(importances, base=7, axis=0)
    expected = (
        (disentanglement * importances.sum(axis=1) / importances.sum()).sum(),
        (completeness * importances.sum(axis=0) / importances.sum()).sum(),
    )
    assert predict.dci_from_importances(importances) == pytest.approx(expected, abs=1e-12)


def test_area_under_roc_and_explicitness_against_sklearn(mixed: Table) -> None:
    scale = mixed.fit_codes.std(axis=0)
    fit, test = ((c - mixed.fit_codes.mean(axis=0)) / scale for c in (mixed.fit_codes, mixed.test_codes))
    areas = []
    for known, truth in zip(mixed.fit_factors.T, mixed.test_factors.T, strict=True):
        probability = LogisticRegression(max_iter=1000).fit(fit, known).predict_proba(test)
        hot = truth[:, None] == np.arange(known.max() + 1)
        assert np.allclose(predict.area_under_roc(probability, hot).mean(), roc_auc_score(hot, probability))
        areas.append(roc_auc_score(hot, probability))
    assert predict.explicitness(mixed) == pytest.approx(np.mean(areas), abs=1e-9)


def test_sap_r2_against_numpy(mixed: Table) -> None:
    square = np.corrcoef(mixed.fit_codes, mixed.fit_factors, rowvar=False)[:7, 7:] ** 2
    ranked = np.sort(square, axis=0)
    assert predict.sap_r2(mixed) == pytest.approx((ranked[-1] - ranked[-2]).mean(), abs=1e-12)


def test_sap_by_hand() -> None:
    """Two balanced classes told apart by one code entirely, by the other not at all: the gap is 1 - 1/2."""
    factor = np.tile([0, 1], 300)
    codes = np.stack([factor * 10.0 - 5, np.tile([0.0, 0.0, 1.0, 1.0], 150)], axis=1)
    table = make_table(codes, factor[:, None], ["only"])
    assert predict.sap(table) == pytest.approx(0.5, abs=1e-12)


def test_irs_against_loops(mixed: Table) -> None:
    total, weights = 0.0, 0.0
    for code in mixed.fit_codes.T:
        largest = np.abs(code - code.mean()).max()
        best = -np.inf
        for factor in mixed.fit_factors.T:
            moved = []
            for value in np.unique(factor):
                group = code[factor == value]
                moved.append(np.quantile(np.abs(group - group.mean()), 0.99))
            best = max(best, 1 - np.mean(moved) / largest)
        total, weights = total + best * largest, weights + largest
    assert votes.irs(mixed) == pytest.approx(total / weights, abs=1e-12)


class World:
    """Codes of fresh factor draws: what the original protocols sample from."""

    sizes = (3, 4, 8)
    mixing = np.eye(5)[:3] + 0.45 * normal((3, 5), 9)

    def __init__(self) -> None:
        self.generator = np.random.default_rng(10)

    def factors(self, n: int) -> np.ndarray:
        return np.stack([self.generator.integers(0, size, n) for size in self.sizes], axis=1)

    def codes(self, factors: np.ndarray) -> np.ndarray:
        centred = factors / (np.array(self.sizes) - 1) - 0.5
        return centred @ self.mixing + 0.8 * self.generator.standard_normal((len(factors), 5))


def test_factor_vae_from_the_table_agrees_with_fresh_draws() -> None:
    world = World()
    spread = world.codes(world.factors(10_000)).var(axis=0, ddof=1)

    def count(n: int) -> np.ndarray:
        found = np.zeros((5, 3), dtype=int)
        for factor in world.generator.integers(3, size=n):
            factors = world.factors(64)
            factors[:, factor] = factors[0, factor]
            found[(world.codes(factors).var(axis=0, ddof=1) / spread).argmin(), factor] += 1
        return found

    winner, test = count(5000).argmax(axis=1), count(5000)
    fresh = test[np.arange(5), winner].sum() / test.sum()
    factors = world.factors(15_000)
    table = make_table(world.codes(factors), factors, "abc")
    assert 0.5 < fresh < 0.97  # a score at its ceiling would show nothing
    assert votes.factor_vae(table, 10_000, 0) == pytest.approx(fresh, abs=0.03)


def test_beta_vae_from_the_table_agrees_with_fresh_draws() -> None:
    world = World()

    def points(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = world.generator.integers(3, size=n)
        fixed = np.repeat(labels, 64)[:, None] == np.arange(3)
        one, two = world.factors(n * 64), world.factors(n * 64)
        two[fixed] = one[fixed]
        return np.abs(world.codes(one) - world.codes(two)).reshape(n, 64, 5).mean(axis=1), labels

    fresh = LogisticRegression(max_iter=1000).fit(*points(10_000)).score(*points(5000))
    factors = world.factors(15_000)
    table = make_table(world.codes(factors), factors, "abc")
    assert 0.5 < fresh < 0.97
    assert votes.beta_vae(table, 10_000, 0) == pytest.approx(fresh, abs=0.03)


@pytest.mark.parametrize("score", [votes.factor_vae, votes.beta_vae])
def test_votes_are_learnt_on_fitting_points_alone(score: Any) -> None:
    """Two codes that change places between fitting and test points: what was learnt is always wrong."""
    factors = draw_factors((4, 4), 900)
    codes = standardised(factors)
    codes[600:] = codes[600:, ::-1]
    assert score(make_table(codes, factors, "ab"), 1000, 0) < 0.01


# ---- what the scores do not notice ----
SMALL = EvaluationConfig(votes=1000)


def measured(codes: np.ndarray, factors: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Every score of the page's table; `other` are the codes of a second seed."""
    table = make_table(codes, factors, ("a", "b", "c"))
    found = {row.metric: row.value for row in scores.score_rows(table, [], EvaluationConfig(votes=20_000), 0)}
    kl = [codes.std(axis=0), other.std(axis=0)]  # a dead code has no divergence
    for method in ("lasso", "spearman"):
        found[f"udr_{method}"] = groups.udr([codes, other], kl, method).mean()
    found["gaussian_tc"] = dependence.gaussian_total_correlation(codes)
    found["mean_code_mi"] = dependence.mean_mutual_information(codes)
    return found


@pytest.fixture(scope="module")
def changed() -> dict[str, dict[str, float]]:
    factors = draw_factors((3, 4, 8), 2400, 11)
    # noisy and mixed enough that no score is at its ceiling
    clean = np.hstack([standardised(factors), normal((2400, 2), 12)]) + 1.5 * normal((2400, 5), 16)
    codes = clean @ (np.eye(5) + 0.25 * normal((5, 5), 13))
    other = clean @ (np.eye(5) + 0.25 * normal((5, 5), 14))
    scaled, cubed = codes.copy(), codes.copy()
    scaled[:, 1] *= 4.0
    cubed[:, 1] = cubed[:, 1] ** 3
    renumbered = factors.copy()
    renumbered[:, 2] = np.array([3, 0, 5, 1, 7, 2, 6, 4])[factors[:, 2]]
    order = [3, 0, 4, 1, 2]
    dead = np.hstack([codes, np.full((2400, 1), 0.5)])
    inputs = {
        "as it is": (codes, factors),
        "codes permuted": (codes[:, order], factors),
        "code × 4": (scaled, factors),
        "code cubed": (cubed, factors),
        "dead code added": (dead, factors),
        "factors reordered": (codes, factors[:, [2, 0, 1]]),
        "values renumbered": (codes, renumbered),
    }
    return {name: measured(c, f, other) for name, (c, f) in inputs.items()}


@pytest.mark.parametrize("metric", INVARIANCES)
def test_invariances_of_the_page(changed: dict[str, dict[str, float]], metric: str) -> None:
    base = changed["as it is"][metric]
    for change, claim in zip(CHANGES, INVARIANCES[metric], strict=True):
        distance = abs(changed[change][metric] - base)
        if claim == "yes":
            assert distance <= 1e-7, (change, base, distance)
        elif claim == "nearly":
            assert distance <= 0.02, (change, base, distance)
        elif claim == "no":
            assert distance > 1e-4, (change, base, distance)


def test_every_score_of_codes_has_a_line_of_invariances() -> None:
    names = {
        row.metric
        for row in scores.score_rows(make_table(normal((90, 3)), draw_factors((2, 3), 90), "ab"), [], SMALL, 0)
    }
    assert names | {"udr_lasso", "udr_spearman", "gaussian_tc", "mean_code_mi"} == set(INVARIANCES)


def test_the_page_is_the_registry() -> None:
    from pathlib import Path

    assert Path("docs/metrics.md").read_text(encoding="utf-8") == render(), (
        "run: python -m phvae.metrics.document docs/metrics.md"
    )


# ---- dependence of codes ----
def test_gaussian_total_correlation_of_a_known_covariance() -> None:
    covariance = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, 0.3], [0.0, 0.3, 0.5]])
    codes = normal((1000, 3), 15)
    codes -= codes.mean(axis=0)
    white = codes @ np.linalg.inv(np.linalg.cholesky(codes.T @ codes / 1000)).T
    codes = white @ np.linalg.cholesky(covariance).T  # sample covariance exactly as wanted
    expected = 0.5 * (np.log(np.diag(covariance)).sum() - np.log(np.linalg.det(covariance)))
    assert dependence.gaussian_total_correlation(codes) == pytest.approx(expected, abs=1e-10)


def test_mean_mutual_information_of_a_copy_and_of_independent_codes() -> None:
    code = np.tile(np.arange(20.0), 100)
    other = np.repeat(np.arange(20.0), 100)
    assert dependence.mean_mutual_information(np.stack([code, code], 1)) == pytest.approx(np.log(20))
    assert dependence.mean_mutual_information(np.stack([code, other], 1)) == pytest.approx(0, abs=1e-12)


def test_total_correlation_of_a_copy_is_undefined() -> None:
    code = normal((100, 1))
    with pytest.raises(Undefined, match="singular"):
        dependence.gaussian_total_correlation(np.hstack([code, code]))


# ---- rows: levels, settings, bad inputs ----
def fake_data(factors: np.ndarray, names: tuple[str, ...], sizes: tuple[int, ...]) -> Any:
    return SimpleNamespace(
        kind="toy", factors={"test": factors}, factor_names=names, factor_sizes=sizes, is_density=False,
        labels={}, shape=(1, 8, 8), test=np.zeros((len(factors), 1, 8, 8), np.uint8), sha256="0", binary=False,
    )  # fmt: skip


def make_inputs(codes: np.ndarray, factors: np.ndarray, **changes: Any) -> Inputs:
    names = tuple("abcdefgh"[: factors.shape[1]])
    sizes = tuple(int(s) for s in factors.max(axis=0) + 1)
    _, order, size = codes.shape
    given = Inputs(
        fake_data(factors, names, sizes),
        {"whitened": codes.astype(np.float32)},
        {},
        ModelConfig(order=order, latent_size=order * size),
        SMALL,
        reference=None,  # type: ignore[arg-type]
        seed=0,
    )
    return dataclasses.replace(given, **changes)


def by_name(inputs: Inputs) -> dict[str, Any]:
    return {row.metric: row for row in scores.rows(inputs)}


def test_levels_tell_which_one_carries_which_factor() -> None:
    factors = draw_factors((3, 4), 600)
    codes = normal((600, 2, 2))  # (examples, levels, coordinates)
    codes[:, :, 1] = standardised(factors)
    found = by_name(make_inputs(codes, factors))
    assert found["level_1_informativeness_a"].value == found["level_2_informativeness_b"].value == 1.0
    assert found["level_1_informativeness_b"].value < 0.4
    assert found["level_2_informativeness_a"].value < 0.5
    for level in ("level_1", "level_2"):
        parts = [found[f"{level}_informativeness_{factor}"].value for factor in "ab"]
        assert found[f"{level}_informativeness"].value == pytest.approx(np.mean(parts))
    assert "fit 400, test 200, 2 factors" in found["mig"].settings
    assert (found["mig"].n, found["sap"].n) == (400, 600)
    assert all(row.status == "ok" for row in found.values())


def test_constant_factors_are_left_out_and_said_so() -> None:
    factors = np.hstack([draw_factors((3, 4), 600), np.full((600, 1), 2)])
    codes = np.stack([standardised(factors[:, :2])], axis=1)
    found = by_name(make_inputs(codes, factors))
    without = by_name(make_inputs(codes, factors[:, :2]))
    assert found["mig"].value == without["mig"].value > 0.9
    assert "constant and left out: c" in found["mig"].settings
    assert found["level_1_informativeness_c"].status == "empty"
    assert "one value" in found["level_1_informativeness_c"].reason


def test_codes_that_are_not_finite_fail_with_the_example_named() -> None:
    factors = draw_factors((3, 4), 600)
    codes = normal((600, 1, 2))
    codes[17, 0, 1] = np.nan
    found = scores.rows(make_inputs(codes, factors))
    assert {row.status for row in found} == {"failed"}
    assert all("1 of 600" in row.reason and "17" in row.reason and row.value is None for row in found)


@pytest.mark.parametrize(
    ("codes", "factors", "reason"),
    [
        (np.zeros((600, 2, 3)), draw_factors((3, 4), 600), "every code is constant"),
        (normal((40, 2, 3)), draw_factors((3, 4), 40), "40 examples are too few"),
        (normal((600, 2, 3)), np.ones((600, 2), int), "one value only"),
    ],
)
def test_no_value_has_a_reason_and_never_a_zero(codes: np.ndarray, factors: np.ndarray, reason: str) -> None:
    inputs = make_inputs(codes, factors)
    found = scores.rows(dataclasses.replace(inputs, data=fake_data(factors, ("a", "b"), (3, 4))))
    assert len(found) > 10
    assert {row.status for row in found} == {"empty"}
    assert all(row.value is None and reason in row.reason for row in found)


def test_a_single_code_has_no_gap_but_other_scores() -> None:
    factors = draw_factors((3, 4), 600)
    found = by_name(make_inputs(standardised(factors)[:, None, :1], factors))
    for name in ("mig", "mig_quantile", "sap", "sap_r2", "dci_forest_disentanglement"):
        assert found[name].status == "empty", name
    assert found["explicitness"].status == found["irs"].status == "ok"


def test_a_single_factor_has_no_modularity() -> None:
    factors = draw_factors((3,), 600)
    found = by_name(make_inputs(normal((600, 1, 3)), factors))
    assert {found[name].status for name in ("modularity", "beta_vae", "dci_forest_completeness")} == {"empty"}
    assert found["mig"].status == "ok"


def test_codes_below_the_pruning_have_no_factor_vae_score() -> None:
    factors = draw_factors((3, 4), 600)
    found = by_name(make_inputs(0.01 * standardised(factors)[:, None, :], factors))
    assert found["factor_vae"].status == "empty"
    assert "0.05" in found["factor_vae"].reason
    assert found["mig"].value > 0.9


def test_a_class_absent_from_the_test_points_is_no_trouble() -> None:
    factors = draw_factors((3, 4), 600)
    factors[:5, 0] = 3  # in the fitting points only
    factors[-1, 1] = 4  # in the test points only
    found = by_name(make_inputs(standardised(factors)[:, None, :], factors))
    assert all(row.status == "ok" for row in found.values()), found


def test_equal_seeds_give_equal_values_and_another_seed_other_votes() -> None:
    factors = draw_factors((3, 4, 8), 900)
    codes = (standardised(factors) @ rotation(3, 0) + 2 * normal((900, 3)))[:, None, :]
    one, two = scores.rows(make_inputs(codes, factors)), scores.rows(make_inputs(codes, factors))
    assert one == two
    three = by_name(make_inputs(codes, factors, seed=1))
    assert three["mig"].value == one[0].value
    assert three["beta_vae"].value != next(row.value for row in one if row.metric == "beta_vae")


@pytest.mark.parametrize("regressor", ["forest", "boosting"])
def test_threads_change_no_value_of_dci(regressor: str) -> None:
    factors = draw_factors((2, 3), 200)
    table = make_table(standardised(factors) @ rotation(2, 0), factors, "ab")
    assert predict.dci(table, regressor, 0, threads=1) == predict.dci(table, regressor, 0, threads=2)


def test_boosting_is_named_apart() -> None:
    factors = draw_factors((2, 3), 200)
    codes = standardised(factors)[:, None, :]
    found = by_name(make_inputs(codes, factors, settings=EvaluationConfig(votes=200, dci=["boosting"])))
    assert found["dci_boosting_disentanglement"].value > 0.9
    assert "boosting" in found["dci_boosting_disentanglement"].settings
    assert not any(name.startswith("dci_forest") for name in found)
