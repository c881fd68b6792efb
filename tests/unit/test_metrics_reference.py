"""The reference stage: bounds of the identity and the noise code, one folder kept until something changes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_grid import SMALL

from phvae.experiment.grid import parse_grid
from phvae.files import read_json
from phvae.jobs import reference, stages
from phvae.metrics import disentanglement, weights
from phvae.metrics.disentanglement_information import equal_width_bins, mig
from phvae.metrics.disentanglement_table import make_table
from phvae.metrics.options import EvaluationConfig

SETTINGS = EvaluationConfig(votes=500, n_codes=900)


def toy(seed: int = 0, sizes: tuple[int, ...] = (3, 4, 1)) -> Any:
    generator = np.random.default_rng(seed)
    factors = np.stack([generator.integers(0, size, 1000) for size in sizes], axis=1)
    return SimpleNamespace(
        kind="toy", factors={"test": factors}, factor_names=("a", "b", "still")[: len(sizes)], factor_sizes=sizes,
        is_density=False, labels={}, test=np.zeros((1000, 1, 4, 4), np.uint8), shape=(1, 4, 4), sha256=f"data {seed}",
        binary=False,
    )  # fmt: skip


@pytest.fixture
def only_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MODULES", {"disentanglement": ("phvae.metrics.disentanglement",)})
    monkeypatch.setattr(reference, "groups_of", lambda data: ["disentanglement"])


def test_bounds_are_scores_of_the_identity_and_the_noise_code_at_the_runs_size(tmp_path: Path) -> None:
    data = toy()
    found = disentanglement.reference(tmp_path, data, SETTINGS, device="cpu", threads=1)
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


def test_no_factor_that_varies_gives_no_bounds(tmp_path: Path) -> None:
    assert disentanglement.reference(tmp_path, toy(sizes=(1, 1, 1)), SETTINGS, device="cpu", threads=1) == {}


def test_bounds_are_those_of_all_factors_or_none(tmp_path: Path) -> None:
    data = toy(sizes=(3, 12, 1))  # 50 fitting rows a value of the second
    found = disentanglement.reference(tmp_path, data, SETTINGS, device="cpu", threads=1)
    assert found["irs"].keys() == {"n"}
    assert found["mig"].keys() == {"n", "ceiling", "floor"}
    data.factors["test"][:900, 1] = 0  # it varies in the last rows of the split alone
    assert disentanglement.reference(tmp_path, data, SETTINGS, device="cpu", threads=1) == {}


def test_too_few_examples_give_no_bounds(tmp_path: Path) -> None:
    few = EvaluationConfig(votes=500, n_codes=30)
    assert disentanglement.reference(tmp_path, toy(), few, device="cpu", threads=1) == {}


@pytest.mark.usefixtures("only_codes")
def test_a_folder_is_kept_until_data_settings_or_a_file_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def make(folder: Path, data: Any, settings: EvaluationConfig, *, device: str, threads: int) -> dict[str, Any]:
        calls.append(data.sha256)
        (folder / "features.npy").write_text(data.sha256)
        return {"mig": {"ceiling": 1.0, "floor": 0.0}}

    monkeypatch.setattr(disentanglement, "reference", make)
    path = reference.build(tmp_path, toy(), SETTINGS)
    first = path.read_bytes()
    assert list(read_json(path)["files"]) == ["features.npy"]
    assert reference.build(tmp_path, toy(), SETTINGS).read_bytes() == first
    reference.build(tmp_path, toy(), SETTINGS.model_copy(update={"cells_per_job": 1}))
    assert len(calls) == 1
    other = SETTINGS.model_copy(update={"votes": 700})
    reference.build(tmp_path, toy(), other)
    assert len(calls) == 2
    reference.build(tmp_path, toy(1), other)
    assert len(calls) == 3
    (tmp_path / "features.npy").write_text("cut sho")
    reference.build(tmp_path, toy(1), other)
    (tmp_path / "features.npy").unlink()
    reference.build(tmp_path, toy(1), other)
    assert len(calls) == 5


@pytest.mark.usefixtures("only_codes")
@pytest.mark.parametrize("named", [True, False])
def test_weights_that_appear_later_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    path = tmp_path / weights.INCEPTION_FILE
    settings = SETTINGS.model_copy(update={"inception_weights": str(path) if named else None, "metrics": ["latent"]})
    before = read_json(reference.build(tmp_path / "r", toy(), settings))["key"]
    path.write_bytes(b"weights")
    assert read_json(reference.build(tmp_path / "r", toy(), settings))["key"] != before


@pytest.mark.parametrize("stage", ["reference", "evaluate"])
def test_stages_look_for_weights_along_data_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    asked = []
    monkeypatch.setattr("phvae.jobs.reference.build", lambda f, d, settings, **_: asked.append(settings))
    monkeypatch.setattr("phvae.jobs.evaluate.evaluate", lambda r, cell, *_, **__: asked.append(cell.evaluation))
    monkeypatch.setattr(stages, "_data", lambda *_: None)
    monkeypatch.setattr(stages, "_trained", lambda *_: {0: tmp_path})
    monkeypatch.setattr(stages, "sha256", lambda _: "0")
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / weights.INCEPTION_FILE
    path.touch()
    grid = parse_grid(SMALL | {"data_path": [str(path.parent)], "results": str(tmp_path)}, "a")
    where = {"reference": ("claw",), "evaluate": ("claw", grid.cells[0].n_train, 0)}[stage]
    getattr(stages, stage)(grid, *where)
    assert {settings.inception_weights for settings in asked} == {str(path)}


def test_a_classifier_trained_elsewhere_is_another_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MODULES", {"generation": ()})
    monkeypatch.setattr(reference, "groups_of", lambda data: ["generation"])

    def key(data: Any, threads: int) -> str:
        found: str = read_json(reference.build(tmp_path, data, EvaluationConfig(), threads=threads))["key"]
        return found

    learnt = toy()
    learnt.labels = {"train": np.zeros(3), "test": np.zeros(3)}
    assert key(learnt, 1) != key(learnt, 2)
    assert key(toy(), 1) == key(toy(), 2)


@pytest.mark.usefixtures("only_codes")
def test_groups_that_nobody_asked_for_are_not_built(tmp_path: Path) -> None:
    settings = EvaluationConfig(metrics=["latent"])
    assert read_json(reference.build(tmp_path, toy(), settings))["bounds"] == {}


def test_a_bound_of_an_unknown_metric_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("phvae_test_bounds")
    module.reference = lambda *_, **__: {"migg": {"floor": 0.0}}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(reference, "MODULES", {"latent": (module.__name__,)})
    monkeypatch.setattr(reference, "groups_of", lambda data: ["latent"])
    with pytest.raises(KeyError, match=r"'migg' is not registered.*did you mean 'mig'"):
        reference.build(tmp_path, toy(), SETTINGS)
    assert not (tmp_path / "reference.json").exists()
