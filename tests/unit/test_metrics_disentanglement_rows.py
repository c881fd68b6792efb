"""Disentanglement rows: what the scores do not notice, levels, constant factors, bad inputs, dependence of codes."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factor_codes import draw_factors, normal, rotation, standardised
from scoring import factor_rows, factor_scores

from phvae.metrics.across_seeds import udr
from phvae.metrics.document import CHANGES, render
from phvae.metrics.factors import make_table
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import METRICS
from phvae.metrics.rows import Inputs, Undefined
from phvae.metrics.scores import dci, dependence
from phvae.model.options import ModelConfig

SMALL = EvaluationConfig(votes=1000)


def test_sorted_factors_are_refused() -> None:
    factors = np.stack([np.repeat([0, 1, 2], 40), np.tile([0, 1], 60)], axis=1)
    with pytest.raises(Undefined, match=r"shape: the last third holds the values \[2\], the first two thirds do not"):
        make_table(normal((120, 3)), factors, ("shape", "x"))
    mixed = np.random.default_rng(0).permutation(120)
    assert make_table(normal((120, 3)), factors[mixed], ("shape", "x")).names == ("shape", "x")
    factors[:, 0] = 0
    assert make_table(normal((120, 3)), factors, ("shape", "x")).constant == ("shape",)
    factors[-9:, 0] = 1  # too few to say that the rows are sorted, but it varies
    with pytest.raises(Undefined, match=r"two values of each factor in its 80 fitting rows; found shape 1 of 2$"):
        make_table(normal((120, 3)), factors, ("shape", "x"))


# ---- what the scores do not notice ----


def measured(codes: np.ndarray, factors: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Every score of the page's table; `other` are the codes of a second seed."""
    table = make_table(codes, factors, ("a", "b", "c"))
    found = {row.metric: row.value for row in factor_scores(table, EvaluationConfig(votes=20_000))}
    kl = [codes.std(axis=0), other.std(axis=0)]  # a dead code has no divergence
    for method in ("lasso", "spearman"):
        found[f"udr_{method}"] = udr.udr([codes, other], kl, method).mean()
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


INVARIANCES = {name: metric.invariances for name, metric in METRICS.items() if metric.invariances}


@pytest.mark.parametrize("metric", INVARIANCES)
@pytest.mark.slow
def test_invariances_of_the_page(changed: dict[str, dict[str, float]], metric: str) -> None:
    base = changed["as it is"][metric]
    for change, claim in zip(CHANGES, INVARIANCES[metric], strict=True):
        found = changed[change][metric]
        distance = np.inf if found is None else abs(found - base)
        if claim == "yes":
            assert distance <= 1e-7, (change, base, distance)
        elif claim == "nearly":
            assert distance <= 0.02, (change, base, distance)
        elif claim == "no":
            assert distance > 1e-5, (change, base, distance)


def test_every_score_of_codes_has_a_line_of_invariances() -> None:
    table = make_table(normal((90, 3)), draw_factors((2, 3), 90), "ab")
    names = {row.metric for row in factor_scores(table, SMALL) if not row.metric.startswith("level_")}
    assert names | {"udr_lasso", "udr_spearman", "gaussian_tc", "mean_code_mi"} == set(INVARIANCES)
    assert {len(found) for found in INVARIANCES.values()} == {len(CHANGES)}


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


def test_dependence_is_that_of_active_codes_beside_its_value_without_any() -> None:
    active = normal((359, 4), 3)
    collapsed = 1e-4 * (active @ normal((4, 30), 4))  # functions of the others: the value would be infinite
    codes = np.hstack([active, collapsed])
    for measure in (dependence.gaussian_total_correlation, dependence.mean_mutual_information):
        assert measure(codes) == measure(active) > 0
        with pytest.raises(Undefined, match=r"two active codes \(variance above 0\.01\), found 1 of 31"):
            measure(codes[:, 3:])
    found = dependence.rows(make_inputs(active.reshape(359, 1, 4), np.zeros((359, 1), int)))
    for row in found:  # independent codes are at their floor, which a small table lifts off zero
        assert row.floor is not None
        assert 0 < row.floor == pytest.approx(row.value, rel=0.5)


# ---- rows: levels, settings, bad inputs ----
def fake_data(factors: np.ndarray, names: tuple[str, ...], sizes: tuple[int, ...]) -> Any:
    return SimpleNamespace(
        card={}, kind="toy", factors={"test": factors}, factor_names=names, factor_sizes=sizes, is_density=False,
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
    return {row.metric: row for row in factor_rows(inputs)}


def test_levels_tell_which_one_carries_which_factor() -> None:
    factors = draw_factors((3, 4), 660)
    codes = normal((660, 2, 2))  # (examples, levels, coordinates)
    codes[:, :, 1] = standardised(factors)
    found = by_name(make_inputs(codes, factors))
    assert found["level_1_informativeness_a"].value == found["level_2_informativeness_b"].value == 1.0
    assert found["level_1_informativeness_b"].value < 0.4
    assert found["level_2_informativeness_a"].value < 0.5
    for level in ("level_1", "level_2"):
        parts = [found[f"{level}_informativeness_{factor}"].value for factor in "ab"]
        assert found[f"{level}_informativeness"].value == pytest.approx(np.mean(parts))
    assert "fit 440, test 220, 2 factors" in found["mig"].settings
    assert (found["mig"].n, found["sap"].n) == (440, 660)
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
    found = factor_rows(make_inputs(codes, factors))
    assert {row.status for row in found} == {"failed"}
    assert all("1 of 600" in row.reason and "17" in row.reason and row.value is None for row in found)


@pytest.mark.parametrize(
    ("codes", "factors", "reason"),
    [
        (np.zeros((600, 2, 3)), draw_factors((3, 4), 600), "every code is constant"),
        (normal((40, 2, 3)), draw_factors((3, 4), 40), "examples: 40, at least 60"),
        (normal((600, 2, 3)), np.ones((600, 2), int), "one value only"),
    ],
)
def test_no_value_has_a_reason_and_never_a_zero(codes: np.ndarray, factors: np.ndarray, reason: str) -> None:
    inputs = make_inputs(codes, factors)
    found = factor_rows(dataclasses.replace(inputs, data=fake_data(factors, ("a", "b"), (3, 4))))
    assert len(found) > 10
    assert {row.status for row in found} == {"empty"}
    assert all(row.value is None and reason in row.reason for row in found)


def test_a_single_code_has_no_gap_but_other_scores() -> None:
    factors = draw_factors((3, 4), 660)
    found = by_name(make_inputs(standardised(factors)[:, None, :1], factors))
    for name in ("mig", "mig_quantile", "sap", "sap_r2", "dci_forest_disentanglement", "infoc"):
        assert found[name].status == "empty", name
    assert {found[name].status for name in ("explicitness", "irs", "infom", "infoe")} == {"ok"}


def test_a_single_factor_has_no_modularity() -> None:
    factors = draw_factors((3,), 600)
    found = by_name(make_inputs(normal((600, 1, 3)), factors))
    assert {found[name].status for name in ("modularity", "beta_vae", "dci_forest_completeness", "infom")} == {"empty"}
    assert found["mig"].status == "ok"


def test_codes_below_the_pruning_have_no_factor_vae_score() -> None:
    factors = draw_factors((3, 4), 600)
    found = by_name(make_inputs(0.01 * standardised(factors)[:, None, :], factors))
    assert found["factor_vae"].status == "empty"
    assert "0.05" in found["factor_vae"].reason
    assert found["mig"].value > 0.9


# ---- all factors that vary, with all their values, or none ----
def test_a_factor_that_varies_beyond_the_rows_empties_every_score() -> None:
    """It was taken for constant and left out, so that the scores averaged others."""
    factors = draw_factors((3, 4), 900)
    factors[:600, 1] = 2
    codes = normal((600, 1, 3))
    found = factor_rows(make_inputs(codes, factors))
    assert len(found) > 10
    assert {row.status for row in found} == {"empty"}
    assert all("two values of each factor in its 400 fitting rows; found b 1 of 2" in row.reason for row in found)


@pytest.mark.parametrize("rows", [slice(0, 5), slice(-1, None)])
def test_a_class_of_one_part_alone_has_no_explicitness_and_no_votes(rows: slice) -> None:
    factors = draw_factors((3, 4), 900)
    factors[rows, 1] = 4
    found = by_name(make_inputs(standardised(factors)[:, None, :], factors))
    assert found["explicitness"].reason == (
        "explicitness needs each value of a factor in fitting and test rows; found b 4 of 5"
    )
    for name in ("factor_vae", "beta_vae"):
        assert "rows of each value of a factor; found b 4 of 5" in found[name].reason
    unfitted = {"infoe"} if rows.start == -1 else set()
    empty = {name for name, row in found.items() if row.status != "ok"}
    assert empty == {"explicitness", "factor_vae", "beta_vae"} | unfitted


def test_a_value_of_one_row_is_not_left_out_of_the_votes() -> None:
    factors = draw_factors((3, 4), 600)
    factors[[0, -1], 0] = 3  # in both parts, once
    found = by_name(make_inputs(standardised(factors)[:, None, :], factors))
    for name in ("factor_vae", "beta_vae"):
        assert found[name].reason == "votes need two fitting rows of each value of a factor; found a 3 of 4"
    assert found["explicitness"].status == "ok"


def test_values_beyond_the_rows_count() -> None:
    factors = draw_factors((3, 4), 900)
    factors[600:, 1] = np.arange(300) % 5 + 4  # five values more
    found = by_name(make_inputs(normal((600, 1, 3)), factors))
    for name in ("explicitness", "factor_vae", "beta_vae"):
        assert found[name].reason.endswith("; found b 4 of 9"), name
    assert found["irs"].reason.endswith("factor's typical value; found b 0 of 100")


def test_no_score_is_that_of_some_factors() -> None:
    """A third factor too rare for some scores: they are empty, and no other equals its value without that factor."""
    factors = np.hstack([draw_factors((3, 4), 900), np.random.default_rng(3).permutation(900)[:, None] // 10])
    codes = (np.hstack([standardised(factors), normal((900, 1))]) @ rotation(4, 0))[:, None, :]
    three, two = by_name(make_inputs(codes, factors)), by_name(make_inputs(codes, factors[:, :2]))
    empty = {name for name, row in three.items() if row.status != "ok"}
    assert empty == {"irs", "factor_vae", "beta_vae", "infom", "infoc"}
    assert all("found c" in three[name].reason for name in empty)
    of_one = {f"level_1_informativeness_{name}" for name in "abc"}
    for name in three.keys() - empty - of_one:
        assert two[name].status == "ok"
        assert three[name].value != two[name].value, name


@pytest.mark.slow
def test_equal_seeds_give_equal_values_and_another_seed_other_votes() -> None:
    factors = draw_factors((3, 4, 8), 900)
    codes = (standardised(factors) @ rotation(3, 0) + 2 * normal((900, 3)))[:, None, :]
    one, two = factor_rows(make_inputs(codes, factors)), factor_rows(make_inputs(codes, factors))
    assert one == two
    three = by_name(make_inputs(codes, factors, seed=1))
    assert three["mig"].value == next(row.value for row in one if row.metric == "mig")
    for name in ("beta_vae", "dci_forest_disentanglement", "dci_forest_completeness"):
        assert three[name].value != next(row.value for row in one if row.metric == name), name


def test_another_seed_shuffles_the_codes_of_the_floor_otherwise() -> None:
    codes = normal((200, 1, 3))
    one, two, three = (dependence.rows(make_inputs(codes, np.zeros((200, 1), int), seed=seed)) for seed in (0, 0, 1))
    assert one == two
    for row, other in zip(one, three, strict=True):
        assert row.value == other.value
        assert row.floor != other.floor


@pytest.mark.parametrize("regressor", ["forest", "boosting"])
@pytest.mark.slow
def test_threads_change_no_value_of_dci(regressor: str) -> None:
    factors = draw_factors((2, 3), 200)
    table = make_table(standardised(factors) @ rotation(2, 0), factors, "ab")
    assert dci.dci(table, regressor, 0, threads=1) == dci.dci(table, regressor, 0, threads=2)


def test_boosting_is_named_apart() -> None:
    factors = draw_factors((2, 3), 200)
    codes = standardised(factors)[:, None, :]
    found = by_name(make_inputs(codes, factors, settings=EvaluationConfig(votes=200, dci=["boosting"])))
    assert found["dci_boosting_disentanglement"].value > 0.9
    assert "boosting" in found["dci_boosting_disentanglement"].settings
    assert not any(name.startswith("dci_forest") for name in found)
