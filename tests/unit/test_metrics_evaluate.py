"""The evaluate stage: rows of every scorer, failures as rows, bounds, keys, byte-identical files."""

from __future__ import annotations

import dataclasses
import logging
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scoring import expected_of

from phvae.data.registry import kind_class
from phvae.errors import PhvaeError
from phvae.experiment.code import code, files
from phvae.experiment.grid import Cell
from phvae.files import read_json, sha256
from phvae.jobs import evaluate
from phvae.jobs.evaluate import chosen, groups_of
from phvae.metrics import weights
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import METRICS, SCORERS, Scorer
from phvae.metrics.rows import Inputs, Row, attempt, row
from phvae.metrics.stored import stored
from phvae.model.options import ModelConfig
from phvae.records import write_record
from phvae.training.options import TrainingConfig

SETTINGS = EvaluationConfig(metrics=["disentanglement"], votes=300)
REFERENCE = {"scores": {scorer.name: {"bounds": {}, "files": {}} for scorer in SCORERS if scorer.reference}}
N = 480


def toy(**changes: Any) -> Any:
    generator = np.random.default_rng(0)
    content: dict[str, Any] = {
        "kind": "toy", "shape": (1, 4, 4), "is_density": False, "binary": False, "labels": {}, "sha256": "toy",
        "factors": {"test": np.stack([generator.integers(0, s, N) for s in (2, 3)], axis=1)},
        "factor_names": ("shape", "size"), "factor_sizes": (2, 3), "test": np.zeros((N, 1, 4, 4), np.uint8), "card": {},
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
    write_record(tmp_path / "reference" / "reference.json", REFERENCE)
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
    write_record(folder / "encode.json", {"files": files})


def compute(
    run: Path, cell: Cell | None = None, data: Any = None, seed: int = 0, **options: Any
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = evaluate.evaluate(
        run, cell or make_cell(), seed, data or toy(), run.parent / "reference", **options
    )
    return found


def plug(monkeypatch: pytest.MonkeyPatch, metric: str, rows: Any, **more: Any) -> None:
    """Put one scorer of an entry in the place of all of its group."""
    entry = METRICS[metric]
    others = [scorer for scorer in evaluate.SCORERS if scorer.group != entry.group]
    monkeypatch.setattr(evaluate, "SCORERS", [*others, Scorer("toy", "toy", (entry,), rows, **more)])


def expected(data: Any, settings: EvaluationConfig | None = None, **model: Any) -> set[str]:
    """The names of all rows of a run."""
    settings, config = settings or EvaluationConfig(), make_cell(**model).model
    return {name for one in chosen(data, settings) for name in expected_of(one, settings, config, data)}


# ---- the file ----
def test_rows_of_a_run_and_the_file_agree(run: Path) -> None:
    found = compute(run)
    assert stored(read_json(run / "metrics.json")) == found
    assert set(found[0]) == {field.name for field in dataclasses.fields(Row)}
    assert sorted(r["metric"] for r in found) == sorted(expected(toy(), SETTINGS))
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

    plug(monkeypatch, "mig", rows, reference=lambda *_: {})
    part: dict[str, Any] = {"bounds": {}, "files": {}}
    where = run.parent / "reference" / "reference.json"
    write_record(where, {"scores": {"toy": part}})
    first = compute(run)
    (run / "arrays.npz").unlink()  # what `phvae clean` removes
    assert compute(run) == first
    assert len(calls) == 1
    write_run(run, spoil=True)
    compute(run)
    write_record(where, {"scores": {"toy": part | {"code": "other"}, "irs": part}})
    compute(run)  # another scorer's part, and the key of its own, decide nothing
    assert len(calls) == 2
    (where.parent / "toy").mkdir()
    (where.parent / "toy/classifier").write_text("one")
    write_record(where, {"scores": {"toy": part | {"files": {"classifier": sha256(where.parent / "toy/classifier")}}}})
    compute(run)
    write_record(where, {"scores": {"toy": part | {"bounds": {"mig": {"floor": 0.1}}}}})
    compute(run)
    assert len(calls) == 4
    settings = SETTINGS.model_copy(update={"votes": 301})
    compute(run, make_cell(settings))
    compute(run, make_cell(settings.model_copy(update={"cells_per_job": 1})))
    assert len(calls) == 5
    other = make_cell(settings), toy(sha256="other")
    compute(run, *other)
    assert len(calls) == 6
    compute(run, *other, seed=1)
    assert calls[6:] == [1]
    compute(run, make_cell(other[0].evaluation, order=1), other[1], seed=1)
    assert len(calls) == 8
    monkeypatch.setattr(evaluate, "resolve", lambda device: "cuda")
    compute(run, make_cell(other[0].evaluation, order=1), other[1], seed=1)
    assert len(calls) == 9


def counted(calls: list[str], metric: str, name: str = "") -> Scorer:
    """A scorer of one metric that says when it is at work."""

    def rows(inputs: Inputs) -> list[Row]:
        calls.append(metric)
        return [row(metric, 0.5)]

    return Scorer(name or metric, name or metric, (METRICS[metric],), rows)


def test_a_new_scorer_and_an_edited_one_are_computed_without_the_others(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []
    mig, sap, irs = (counted(calls, metric) for metric in ("mig", "sap", "irs"))
    monkeypatch.setattr(evaluate, "SCORERS", [mig, sap])
    compute(run)
    monkeypatch.setattr(evaluate, "SCORERS", [mig, irs, sap])
    assert [r["metric"] for r in compute(run)] == ["mig", "irs", "sap"]
    assert calls == ["mig", "sap", "irs"]
    assert not caplog.records
    monkeypatch.setattr(evaluate, "code", lambda modules: "edited" if "sap" in modules else code(modules))
    compute(run)
    assert calls == ["mig", "sap", "irs", "sap"]
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == f"{run / 'metrics.json'}: sap: made by other code; it is made again"
    assert read_json(run / "costs.json")["seconds_by_scorer"].keys() == {"mig", "sap", "irs"}
    monkeypatch.setattr(evaluate, "SCORERS", [irs])
    assert [r["metric"] for r in compute(run)] == ["irs"]
    assert list(read_json(run / "metrics.json")["scores"]) == ["irs"]
    assert len(calls) == 4


def test_a_kill_loses_the_scorer_at_work_and_no_other(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(inputs: Inputs) -> list[Row]:
        raise KeyboardInterrupt

    calls: list[str] = []
    one, two = counted(calls, "mig", "a"), counted(calls, "sap", "b")
    monkeypatch.setattr(evaluate, "SCORERS", [one, dataclasses.replace(two, rows=killed)])
    with pytest.raises(KeyboardInterrupt):
        compute(run)
    content = read_json(run / "metrics.json")
    assert (content["asked"], list(content["scores"])) == (["a", "b"], ["a"])  # a reader sees what is to come
    monkeypatch.setattr(evaluate, "SCORERS", [one, two])
    assert [r["metric"] for r in compute(run)] == ["mig", "sap"]
    assert calls == ["mig", "sap"]


FOREIGN = [b"{}", b"[]", b"{", b"\xff", b'{"key": "k", "rows": []}', b'{"scores": {"toy": 3}}']


@pytest.mark.parametrize("harm", FOREIGN)
def test_a_damaged_or_foreign_file_of_scores_is_made_again(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, harm: bytes
) -> None:
    plug(monkeypatch, "mig", lambda inputs: [row("mig", 0.5)])
    whole = compute(run)
    (run / "metrics.json").write_bytes(harm)
    assert compute(run) == whole
    assert stored(read_json(run / "metrics.json")) == whole
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith(f"{run / 'metrics.json'}: ")
    assert line.endswith("; it is made again")
    assert all(record.levelno == logging.WARNING for record in caplog.records)


@pytest.mark.parametrize("harm", ["{}", "[]", "{"])
def test_a_damaged_reference_is_named_with_what_to_do(run: Path, harm: str) -> None:
    (run.parent / "reference" / "reference.json").write_text(harm)
    with pytest.raises(PhvaeError, match=r"reference\.json: .*run `phvae reference` again"):
        compute(run)
    write_record(run.parent / "reference" / "reference.json", {"scores": {}})
    with pytest.raises(PhvaeError, match=r"reference\.json: holds nothing of dci; run `phvae reference`"):
        compute(run)


@pytest.mark.parametrize("named", [True, False])
def test_weights_that_appear_later_are_noticed(run: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    monkeypatch.setenv("PHVAE_DATA_PATH", str(run.parent))
    path = run.parent / weights.INCEPTION_FILE
    settings = EvaluationConfig(inception_weights=str(path) if named else None)

    def keys() -> dict[str, Any]:
        return evaluate.keys(run, make_cell(settings), 0, toy(), run.parent / "reference")

    before = keys()
    path.write_bytes(b"weights")
    assert {name for name, key in keys().items() if key != before[name]} == {"generation"}


def test_the_code_behind_the_scores_of_a_density_is_that_of_its_kind_too(run: Path) -> None:
    data = toy(kind="claw", is_density=True, shape=(1,), factors={}, density=kind_class("claw")().density())
    found = evaluate.keys(run, make_cell(EvaluationConfig()), 0, data, run.parent / "reference")
    scorer = next(scorer for scorer in SCORERS if scorer.name == "density")
    modules = [scorer.module, *scorer.modules(data)]
    assert {"density.py", "densities.py", "line.py"} <= {path.name for path in files(modules)}
    assert found["density"].code == code(modules) != code([scorer.module])


def test_costs_of_other_stages_are_kept(run: Path) -> None:
    write_record(run / "costs.json", {"seconds_encode": 2.5})
    compute(run)
    assert read_json(run / "costs.json")["seconds_encode"] == 2.5


MISSING = {
    "encode.json": "run `phvae encode`",
    "codes.npz": "remove .*/encode.json",
    "arrays.npz": "remove .*/encode.json",
}


@pytest.mark.parametrize(("name", "remedy"), MISSING.items())
def test_a_missing_file_names_itself_and_a_remedy(run: Path, name: str, remedy: str) -> None:
    (run / name).unlink()
    with pytest.raises(PhvaeError, match=f"{name}: absent; {remedy}"):
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


def test_a_scorer_that_crashes_becomes_failed_rows_and_leaves_the_others(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(inputs: Inputs) -> list[Row]:
        raise RuntimeError("no such luck")

    crash = [dataclasses.replace(s, rows=rows) if s.name == "latent" else s for s in SCORERS]
    monkeypatch.setattr(evaluate, "SCORERS", crash)
    settings = SETTINGS.model_copy(update={"metrics": ["latent", "disentanglement"]})
    found = compute(run, make_cell(settings))
    assert {r["metric"] for r in found} == expected(toy(), settings)
    failed = [r for r in found if r["status"] == "failed"]
    assert {r["metric"] for r in failed} >= {"kl", "kl_level_2", "kl_level_1_coordinate_2"}
    assert all(r["reason"] == "latent: RuntimeError: no such luck" for r in failed)
    assert "gaussian_tc" not in {r["metric"] for r in failed}
    assert {r["status"] for r in found if r not in failed} == {"ok"}


ERRORS = {
    "no memory": MemoryError("3 GiB"),
    "torch's memory": RuntimeError("DefaultCPUAllocator: not enough memory: 4"),
    "a full disk": OSError(28, "No space left on device"),
    "a torn archive": zipfile.BadZipFile("bad magic number"),
}


@pytest.mark.parametrize("what", ERRORS)
@pytest.mark.parametrize("inside", [True, False])
def test_a_failure_of_the_machine_ends_the_job_and_is_no_row(
    run: Path, monkeypatch: pytest.MonkeyPatch, what: str, inside: bool
) -> None:
    """It would be a row under today's key for ever."""

    def fail(*_: Any) -> Any:
        raise ERRORS[what]

    plug(monkeypatch, "mig", (lambda inputs: attempt(["mig"], fail)) if inside else fail)
    with pytest.raises(type(ERRORS[what])):
        compute(run)
    plug(monkeypatch, "mig", lambda inputs: [row("mig", 0.5)])
    assert [r["value"] for r in compute(run)] == [0.5]


@pytest.mark.parametrize("name", ["codes.npz", "arrays.npz"])
def test_arrays_that_changed_since_they_were_written_are_refused(run: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    content[-200] ^= 1
    (run / name).write_bytes(content)
    with pytest.raises(PhvaeError, match=rf"{name}: its content changed since it was written; remove .*encode\.json"):
        compute(run)
    assert not (run / "metrics.json").exists()


def test_a_reference_that_changed_since_it_was_written_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, "mig", lambda inputs: [row("mig", 0.5)], reference=lambda *_: {})
    folder = run.parent / "reference"
    (folder / "toy").mkdir()
    (folder / "toy/classifier").write_text("one")
    files = {"classifier": sha256(folder / "toy/classifier")}
    write_record(folder / "reference.json", {"scores": {"toy": {"bounds": {}, "files": files}}})
    (folder / "toy/classifier").write_text("two")
    with pytest.raises(
        PhvaeError, match=r"classifier: its content changed .* remove .*/reference\.json and run the workflow"
    ):
        compute(run)


def test_a_row_of_a_metric_without_entry_fails(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, "mig", lambda inputs: [row("sap", 0.5)])
    (found,) = compute(run)
    assert (found["metric"], found["status"]) == ("mig", "failed")
    assert "a row of 'sap', which is none of its METRICS" in found["reason"]


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
    write_record(run.parent / "reference" / "reference.json", {"scores": {"toy": {"bounds": bounds, "files": {}}}})
    names_ = ["mig", "level_2_informativeness", "level_2_informativeness_shape", "irs"]
    rows = [*(row(m, 0.5, noise_sd=0.1) for m in names_), row("sap", 0.1, ceiling=0.2)]
    entries = tuple(metric for metric in METRICS.values() if metric.group == "disentanglement")
    toys = [Scorer("toy", "toy", entries, lambda inputs: rows, reference=lambda *_: {})]
    monkeypatch.setattr(evaluate, "SCORERS", toys)
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
