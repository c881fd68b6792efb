"""The evaluate stage: rows of every group, failures as rows, bounds, keys, byte-identical files; the registry."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phvae.errors import PhvaeError
from phvae.experiment.grid import Cell
from phvae.files import read_json, sha256, write_json
from phvae.jobs import evaluate
from phvae.jobs.evaluate import MODULES
from phvae.metrics import METRICS, lookup, names, weights
from phvae.metrics.expected import expected_names, groups_of
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import pattern_of
from phvae.metrics.rows import Inputs, Row, Undefined, attempt, row, without_value
from phvae.model.options import ModelConfig
from phvae.training.options import TrainingConfig

SETTINGS = EvaluationConfig(metrics=["disentanglement"], votes=300)
N = 480


def toy(**changes: Any) -> Any:
    generator = np.random.default_rng(0)
    content: dict[str, Any] = {
        "kind": "toy", "shape": (1, 4, 4), "is_density": False, "binary": False, "labels": {}, "sha256": "toy",
        "factors": {"test": np.stack([generator.integers(0, s, N) for s in (2, 3)], axis=1)},
        "factor_names": ("shape", "size"), "factor_sizes": (2, 3), "test": np.zeros((N, 1, 4, 4), np.uint8),
    }  # fmt: skip
    return SimpleNamespace(**content | changes)


def make_cell(settings: EvaluationConfig = SETTINGS, **model: Any) -> Cell:
    return Cell(
        "toy", "all", "ph", "PH", {"kind": "toy"}, "fixed",
        ModelConfig(**{"order": 2, "latent_size": 4} | model), TrainingConfig(), settings, (0,),
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path / "run")
    write_json(tmp_path / "reference" / "reference.json", {"key": "r", "bounds": {}, "files": {}})
    return tmp_path / "run"


def write_run(folder: Path, spoil: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    codes = np.random.default_rng(1).standard_normal((N, 2, 2)).astype(np.float32)
    codes[:, 0, 0] += toy().factors["test"][:, 0]
    if spoil:
        codes[3] = np.nan
    np.savez(folder / "codes.npz", whitened=codes, mean=codes, log_variance=0 * codes, coupling=np.eye(2))
    np.savez(folder / "arrays.npz", kl=np.ones(N, np.float32))
    files = {name: sha256(folder / name) for name in ("codes.npz", "arrays.npz")}
    write_json(folder / "encode.json", {"key": "e", "files": files})


def compute(
    run: Path, cell: Cell | None = None, data: Any = None, seed: int = 0, **options: Any
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = evaluate.evaluate(
        run, cell or make_cell(), seed, data or toy(), run.parent / "reference", **options
    )
    return found


def plug(monkeypatch: pytest.MonkeyPatch, group: str, rows: Any) -> None:
    module = ModuleType("phvae_test_group")
    module.rows = rows  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(MODULES, group, (module.__name__,))


# ---- the file ----
def test_rows_of_a_run_and_the_file_agree(run: Path) -> None:
    found = compute(run)
    assert read_json(run / "metrics.json")["rows"] == found
    assert set(found[0]) == {field.name for field in dataclasses.fields(Row)}
    expected = expected_names(SETTINGS, make_cell().model, toy())["disentanglement"]
    assert sorted(r["metric"] for r in found) == sorted(expected)
    assert {r["status"] for r in found} == {"ok"}
    assert read_json(run / "costs.json")["seconds_evaluate"] > 0


def test_equal_inputs_give_equal_bytes_with_any_number_of_threads(run: Path) -> None:
    compute(run)
    first = (run / "metrics.json").read_bytes()
    (run / "metrics.json").unlink()
    compute(run, threads=2)
    assert (run / "metrics.json").read_bytes() == first


def test_a_finished_run_is_left_alone_until_something_changes(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def rows(inputs: Inputs) -> list[Row]:
        calls.append(inputs.seed)
        return [row("mig", 0.5)]

    plug(monkeypatch, "disentanglement", rows)
    first = compute(run)
    (run / "arrays.npz").unlink()  # what `phvae clean` removes
    assert compute(run) == first
    assert len(calls) == 1
    write_run(run, spoil=True)
    compute(run)
    write_json(run.parent / "reference" / "reference.json", {"key": "other", "bounds": {}, "files": {}})
    compute(run)
    # the same key, but another classifier
    write_json(run.parent / "reference" / "reference.json", {"key": "other", "bounds": {}, "files": {"c": "1"}})
    compute(run)
    compute(run, make_cell(SETTINGS.model_copy(update={"votes": 301})))
    compute(run, make_cell(SETTINGS.model_copy(update={"votes": 301, "cells_per_job": 1})))
    other = make_cell(SETTINGS.model_copy(update={"votes": 301})), toy(sha256="other")
    compute(run, *other)
    assert len(calls) == 6
    compute(run, *other, seed=1)
    assert calls[6:] == [1]
    compute(run, make_cell(other[0].evaluation, order=1), other[1], seed=1)
    assert len(calls) == 8
    monkeypatch.setattr(evaluate, "resolve", lambda device: "cuda")
    compute(run, make_cell(other[0].evaluation, order=1), other[1], seed=1)
    assert len(calls) == 9


@pytest.mark.parametrize("named", [True, False])
def test_weights_that_appear_later_are_noticed(run: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    monkeypatch.setenv("PHVAE_DATA_PATH", str(run.parent))
    plug(monkeypatch, "disentanglement", lambda inputs: [row("mig", 0.5)])
    path = run.parent / weights.INCEPTION_FILE
    settings = SETTINGS.model_copy(update={"inception_weights": str(path) if named else None})
    compute(run, make_cell(settings))
    before = read_json(run / "metrics.json")["key"]
    path.write_bytes(b"weights")
    compute(run, make_cell(settings))
    assert read_json(run / "metrics.json")["key"] != before


def test_costs_of_other_stages_are_kept(run: Path) -> None:
    write_json(run / "costs.json", {"seconds_encode": 2.5})
    compute(run)
    assert read_json(run / "costs.json")["seconds_encode"] == 2.5


@pytest.mark.parametrize(
    ("name", "stage"), [("encode.json", "encode"), ("codes.npz", "encode"), ("arrays.npz", "encode")]
)
def test_a_missing_file_names_itself_and_the_stage(run: Path, name: str, stage: str) -> None:
    (run / name).unlink()
    with pytest.raises(PhvaeError, match=rf"{name}: absent; run `phvae {stage}`"):
        compute(run)
    (run.parent / "reference" / "reference.json").unlink()
    write_run(run)
    with pytest.raises(PhvaeError, match=r"reference\.json: absent; run `phvae reference`"):
        compute(run)


# ---- failures ----
def test_codes_that_are_not_finite_cost_rows_not_the_grid(run: Path) -> None:
    write_run(run, spoil=True)
    found = compute(run)
    assert {(r["status"], r["value"]) for r in found} == {("failed", None)}
    assert all("not finite" in r["reason"] for r in found)


def test_a_group_that_crashes_becomes_failed_rows(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(inputs: Inputs) -> list[Row]:
        raise RuntimeError("no such luck")

    plug(monkeypatch, "latent", rows)
    found = compute(run, make_cell(SETTINGS.model_copy(update={"metrics": ["latent", "disentanglement"]})))
    latent = [r for r in found if lookup(r["metric"]).group == "latent"]
    assert {r["metric"] for r in latent} >= {"kl", "kl_level_2", "gaussian_tc"}
    assert {r["status"] for r in latent} == {"failed"}
    assert all(r["reason"] == "phvae_test_group: RuntimeError: no such luck" for r in latent)
    assert {r["status"] for r in found if r not in latent} == {"ok"}


def test_one_module_of_a_group_that_crashes_leaves_the_others(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("phvae_test_more")
    module.rows = lambda inputs: [][0]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(MODULES, "latent", ("phvae.metrics.dependence", module.__name__))
    found = compute(run, make_cell(SETTINGS.model_copy(update={"metrics": ["latent"]})))
    status = {r["metric"]: r["status"] for r in found}
    assert status["gaussian_tc"] == "ok"
    assert status["kl"] == "failed"
    assert len(status) == len(found)


def test_a_group_that_means_nothing_here_says_so(run: Path) -> None:
    found = compute(run, make_cell(SETTINGS.model_copy(update={"metrics": ["density"]})))
    assert found
    assert {r["status"] for r in found} == {"empty"}
    assert "density has no meaning on toy" in found[0]["reason"]


# ---- bounds ----
def test_bounds_come_from_the_reference_unless_the_row_has_its_own(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = {
        "mig": {"ceiling": 0.9, "floor": 0.01, "n": 100},
        "level_{k}_informativeness": {"ceiling": 1.0, "floor": 0.4},
        "level_{k}_informativeness_shape": {"ceiling": 0.8, "floor": 0.5},
        "sap": {"ceiling": 0.3},
    }
    write_json(run.parent / "reference" / "reference.json", {"key": "r", "bounds": bounds, "files": {}})
    names_ = ["mig", "level_2_informativeness", "level_2_informativeness_shape", "irs"]
    plug(
        monkeypatch,
        "disentanglement",
        lambda inputs: [*(row(m, 0.5, noise_sd=0.1) for m in names_), row("sap", 0.1, ceiling=0.2)],
    )
    found = {r["metric"]: (r["ceiling"], r["floor"], r["noise_sd"]) for r in compute(run)}
    assert found == {
        "mig": (0.9, 0.01, 0.1),
        "level_2_informativeness": (1.0, 0.4, 0.1),
        "level_2_informativeness_shape": (0.8, 0.5, 0.1),
        "irs": (None, None, 0.1),
        "sap": (0.2, None, None),
    }


# ---- which groups and names apply ----
def test_groups_that_mean_something() -> None:
    assert groups_of(toy()) == ["reconstruction", "generation", "disentanglement", "latent", "likelihood"]
    assert groups_of(toy(factors={})) == ["reconstruction", "generation", "latent", "likelihood"]
    assert groups_of(toy(factors={}, is_density=True, shape=(1,))) == ["density", "latent", "likelihood"]


def test_expected_names_follow_data_model_and_settings() -> None:
    def expected(data: Any, settings: EvaluationConfig | None = None, **model: Any) -> set[str]:
        found = expected_names(settings or EvaluationConfig(), make_cell(**model).model, data)
        return {name for group in found.values() for name in group}

    images = expected(toy(labels={"test": np.zeros(N)}))
    assert {"fid_samples", "fd_classifier_samples", "knn_accuracy", "nll", "level_2_informativeness_size"} <= images
    assert not images & {"bce_elbo", "fd_efficientnet_lite0_samples", "dci_boosting_completeness", "w1_samples_mean"}
    other = EvaluationConfig(extractors=["efficientnet-lite0", "classifier"], dci=["boosting"])
    plain = expected(toy(), other)
    assert {"fd_efficientnet_lite0_samples", "fd_classifier_samples", "dci_boosting_completeness"} <= plain
    assert not plain & {"fid_samples", "knn_accuracy", "dci_forest_completeness"}
    assert "fd_classifier_samples" not in expected(toy(factors={}), other)  # neither labels nor factors to learn
    assert "bce_elbo" in expected(toy(), likelihood="bernoulli")
    assert "nll" in expected(toy(binary=True), likelihood="bernoulli")
    one = expected(toy(factors={}, is_density=True, shape=(1,)))
    assert "w1_samples_mean" in one
    assert "sliced_w1_samples_mean" not in one
    two = expected(toy(factors={}, is_density=True, shape=(2,)))
    assert "mmd_reconstructions" in two
    assert "ks_reconstructions" not in two
    assert "level_1_informativeness_size" not in expected(toy(factor_sizes=(2, 1)))


# ---- rows and registry ----
def test_a_row_takes_unit_and_direction_from_the_registry() -> None:
    found = row("w1_samples_mean", 0.25, n=10)
    assert (found.unit, found.higher_is_better, found.status, found.n) == ("interquartile ranges", False, "ok", 10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_value_that_is_not_finite_is_empty_with_a_reason(value: float | None) -> None:
    found = row("mig", value)
    assert (found.value, found.status) == (None, "empty")
    assert str(value) in found.reason


def test_a_row_without_value_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        without_value("mig", "empty", "")
    with pytest.raises(ValueError, match="other than ok"):
        without_value("mig", "ok", "because")


def test_attempt_tells_undefined_from_failed_and_reports_what_is_left_out() -> None:
    def undefined() -> dict[str, float]:
        raise Undefined("no code varies")

    assert [(r.status, r.reason) for r in attempt(["mig"], undefined)] == [("empty", "no code varies")]
    assert [r.status for r in attempt(["mig", "sap"], lambda: {"mig": 0.5})] == ["ok", "empty"]
    assert attempt(["mig"], lambda: {"mig": float(np.log(np.float64(-1)))})[0].status == "empty"


def test_every_metric_has_words_a_unit_and_a_source_and_a_module() -> None:
    for metric in METRICS.values():
        assert len(metric.definition) > 20, metric.name
        assert metric.unit, metric.name
        assert metric.paper, metric.name
        assert metric.group in {*MODULES, "groups"}, metric.name


def test_names_and_patterns_are_inverse() -> None:
    for group in {metric.group for metric in METRICS.values()}:
        found = names(group, order=3, level_size=2, factors=("shape", "x"))
        assert len(found) == len(set(found))
        assert {pattern_of(name) for name in found} == {m.name for m in METRICS.values() if m.group == group}


def test_the_registry_refuses_unknown_names_with_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"'migs' is not registered.*did you mean 'mig'"):
        lookup("migs")
    with pytest.raises(KeyError):
        lookup("kl_level_0")


def test_the_registry_loads_no_heavy_library() -> None:
    code = (
        "import sys, phvae.metrics; print(sorted({'torch', 'sklearn', 'scipy', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
