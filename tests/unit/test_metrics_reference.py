"""The reference stage: bounds of the identity and the noise code, one folder kept until something changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scoring import factor_bounds
from small_grid import SMALL

from phvae.experiment.grid import parse_grid
from phvae.files import read_json
from phvae.jobs import evaluate, reference, stages
from phvae.metrics import weights
from phvae.metrics.factors import make_table
from phvae.metrics.information import equal_width_bins
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import METRICS, SCORERS, Scorer
from phvae.metrics.scores.mutual_information import mig

SETTINGS = EvaluationConfig(votes=500, n_codes=900)


def toy(seed: int = 0, sizes: tuple[int, ...] = (3, 4, 1)) -> Any:
    generator = np.random.default_rng(seed)
    factors = np.stack([generator.integers(0, size, 1000) for size in sizes], axis=1)
    return SimpleNamespace(
        kind="toy", factors={"test": factors}, factor_names=("a", "b", "still")[: len(sizes)], factor_sizes=sizes,
        is_density=False, labels={}, test=np.zeros((1000, 1, 4, 4), np.uint8), shape=(1, 4, 4), sha256=f"data {seed}",
        binary=False, card={},
    )  # fmt: skip


def plug(monkeypatch: pytest.MonkeyPatch, *makes: Any) -> None:
    """Put toys that make these references in the place of all scorers; they are called a, b, and so on."""
    toys = [Scorer(name, name, (METRICS["mig"],), lambda inputs: [], m) for name, m in zip("abc", makes, strict=False)]
    monkeypatch.setattr(evaluate, "SCORERS", toys)


def test_bounds_are_scores_of_the_identity_and_the_noise_code_at_the_runs_size() -> None:
    data = toy()
    found = factor_bounds(data, SETTINGS)
    factors = data.factors["test"][:900]
    table = make_table(factors[:, :2].astype(float), factors, data.factor_names)
    assert found["mig"]["ceiling"] == pytest.approx(mig(equal_width_bins(table.fit_codes), table.fit_factors))
    assert found["mig"]["n"] == 600
    for name in ("mig", "sap", "factor_vae", "beta_vae", "explicitness", "dci_forest_disentanglement"):
        assert found[name]["floor"] < found[name]["ceiling"] <= 1, name
    assert found["factor_vae"]["ceiling"] == found["beta_vae"]["ceiling"] == 1.0
    assert found["level_{k}_informativeness_a"]["ceiling"] == 1.0
    assert found["level_{k}_informativeness_b"]["floor"] == pytest.approx(0.25, abs=0.08)
    assert "level_{k}_informativeness_still" not in found


def test_no_factor_that_varies_gives_no_bounds() -> None:
    assert factor_bounds(toy(sizes=(1, 1, 1)), SETTINGS) == {}


def test_bounds_are_those_of_all_factors_or_none() -> None:
    data = toy(sizes=(3, 12, 1))  # 50 fitting rows a value of the second
    found = factor_bounds(data, SETTINGS)
    assert found["irs"].keys() == {"n"}
    assert found["mig"].keys() == {"n", "ceiling", "floor"}
    data.factors["test"][:900, 1] = 0  # it varies in the last rows of the split alone
    assert factor_bounds(data, SETTINGS) == {}


def test_too_few_examples_give_no_bounds() -> None:
    few = EvaluationConfig(votes=500, n_codes=30)
    assert factor_bounds(toy(), few) == {}


def test_a_folder_is_kept_until_data_settings_or_a_file_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def make(folder: Path, data: Any, settings: EvaluationConfig, *, device: str, threads: int) -> dict[str, Any]:
        calls.append(data.sha256)
        (folder / "features.npy").write_text(data.sha256)
        return {"mig": {"ceiling": 1.0, "floor": 0.0}}

    plug(monkeypatch, make)
    path = reference.build(tmp_path, toy(), SETTINGS)
    first = path.read_bytes()
    assert list(read_json(path)["scores"]["a"]["files"]) == ["features.npy"]
    path.unlink()  # as the workflow does before it runs a rule again
    assert reference.build(tmp_path, toy(), SETTINGS).read_bytes() == first
    reference.build(tmp_path, toy(), SETTINGS.model_copy(update={"cells_per_job": 1, "metrics": ["disentanglement"]}))
    assert len(calls) == 1
    other = SETTINGS.model_copy(update={"votes": 700})
    reference.build(tmp_path, toy(), other)
    assert len(calls) == 2
    reference.build(tmp_path, toy(1), other)
    assert len(calls) == 3
    features = tmp_path / "a" / "features.npy"
    features.write_text("cut sho")
    reference.build(tmp_path, toy(1), other)
    features.unlink()
    reference.build(tmp_path, toy(1), other)
    assert len(calls) == 5
    for harm in (b"{}", b"[]", b"\xff"):
        (tmp_path / "a" / "record.json").write_bytes(harm)
        reference.build(tmp_path, toy(1), other)
    assert len(calls) == 8


def test_a_scorer_that_is_edited_builds_its_part_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def make(name: str) -> Any:
        def build(folder: Path, *_: Any, **__: Any) -> dict[str, Any]:
            calls.append(name)
            assert not list(folder.iterdir())  # what an earlier build left is gone
            (folder / name).write_text(str(len(calls)))
            return {}

        return build

    plug(monkeypatch, make("a"), make("b"))
    before = read_json(reference.build(tmp_path, toy(), SETTINGS))["scores"]
    monkeypatch.setattr(reference, "code", lambda modules: "edited" if "b" in modules else before["a"]["code"])
    after = read_json(reference.build(tmp_path, toy(), SETTINGS))["scores"]
    assert calls == ["a", "b", "b"]
    assert after["a"] == before["a"]
    assert after["b"]["files"] != before["b"]["files"]


@pytest.mark.parametrize("named", [True, False])
def test_weights_that_appear_later_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    path = tmp_path / weights.INCEPTION_FILE
    settings = SETTINGS.model_copy(update={"inception_weights": str(path) if named else None})
    before = generation_inputs(tmp_path, monkeypatch, toy(), settings)
    path.write_bytes(b"weights")
    assert generation_inputs(tmp_path, monkeypatch, toy(), settings) != before


def generation_inputs(folder: Path, monkeypatch: pytest.MonkeyPatch, data: Any, settings: Any, threads: int = 1) -> str:
    """What the reference of generated images is keyed by; it is not built."""
    scorer = next(scorer for scorer in SCORERS if scorer.name == "generation")
    monkeypatch.setattr(evaluate, "SCORERS", [dataclasses.replace(scorer, reference=lambda *_, **__: {})])
    path = reference.build(folder / "r", data, settings, threads=threads)
    return str(read_json(path)["scores"]["generation"]["inputs"])


@pytest.mark.parametrize("stage", ["reference", "evaluate"])
def test_stages_look_for_weights_along_data_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    asked = []
    monkeypatch.setattr("phvae.jobs.reference.build", lambda f, d, settings, **_: asked.append(settings))
    monkeypatch.setattr("phvae.jobs.evaluate.evaluate", lambda r, cell, *_, **__: asked.append(cell.evaluation))
    monkeypatch.setattr("phvae.jobs.groups.evaluate", lambda *_: [])
    monkeypatch.setattr(stages, "_data", lambda *_: None)
    monkeypatch.setattr(stages, "_trained", lambda *_: {0: tmp_path})
    for name in ("needed", "write_manifest"):
        monkeypatch.setattr(stages, name, lambda *_: None)
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / weights.INCEPTION_FILE
    path.touch()
    grid = parse_grid(SMALL | {"data_path": [str(path.parent)], "results": str(tmp_path)}, "a")
    where = {"reference": ("claw",), "evaluate": ("claw", grid.cells[0].n_train, 0)}[stage]
    getattr(stages, stage)(grid, *where)
    assert {settings.inception_weights for settings in asked} == {str(path)}


def test_a_classifier_trained_elsewhere_is_another_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def key(data: Any, threads: int) -> str:
        return generation_inputs(tmp_path, monkeypatch, data, EvaluationConfig(), threads)

    learnt, plain = toy(), toy()
    learnt.labels = {"train": np.zeros(3), "test": np.zeros(3)}
    plain.factors = {}
    assert key(learnt, 1) != key(learnt, 2)
    assert key(plain, 1) == key(plain, 2)


def test_groups_that_nobody_asked_for_are_not_built(tmp_path: Path) -> None:
    settings = EvaluationConfig(metrics=["latent"])
    assert read_json(reference.build(tmp_path, toy(), settings))["scores"] == {}


def test_a_bound_of_an_unknown_metric_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, lambda *_, **__: {"migg": {"floor": 0.0}})
    with pytest.raises(KeyError, match=r"'migg' is not registered.*did you mean 'mig'"):
        reference.build(tmp_path, toy(), SETTINGS)
    assert not (tmp_path / "reference.json").exists()
