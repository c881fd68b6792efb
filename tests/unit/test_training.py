"""Training a stack into run folders: repeatable, chosen by validation, safe against NaN."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import cell, dense, density, images, key, runs
from training_runs import RESULT, history, results, train

import phvae
from phvae.api.phvae import PHVAE
from phvae.errors import DataError
from phvae.files import read_json
from phvae.jobs import training
from phvae.records import current, read_record
from phvae.training import batches, build, loop
from phvae.training.batches import Batches
from phvae.training.loop import epoch_ends, schedule_weight
from phvae.training.options import Schedule, TrainingConfig


# ---- what a run leaves behind ----
def test_a_run_leaves_a_model_a_history_and_its_record_and_no_checkpoint(tmp_path: Path):
    records = train(tmp_path, cell(training={"checkpoint_minutes": 1e-9}))
    assert sorted(path.name for path in (tmp_path / "seed-0").iterdir()) == sorted([*RESULT, "run.json"])
    record = records[1]
    assert record == read_record(tmp_path / "seed-1" / "run.json", "")
    assert (record["status"], record["run_key"], record["seed"], record["label"]) == ("ok", key(1).sha256, 1, "v")
    assert (record["epochs"], record["step"], record["stack"]) == (2, 6, [0, 1])
    model = phvae.load(tmp_path / "seed-1")
    counts = model.parameter_counts()
    assert counts["total"] == sum(p.numel() for p in model.parameters())
    assert record["parameters"] == {
        "total": counts["total"],
        "encoder": counts["encoders"],
        "decoder": counts["decoder"],
    }
    assert record["peak_memory_mb"] > 10
    assert record["images_per_second"] * record["seconds_train"] == pytest.approx(300, rel=0.3)


def test_the_history_holds_every_term_of_both_splits_and_no_time(tmp_path: Path):
    train(tmp_path)
    rows = history(tmp_path)
    assert [(row["epoch"], row["step"], row["weight"]) for row in rows] == [(1, 3, 1), (2, 6, 1)]
    for split in ("train", "validation"):
        for row in rows:
            total = row[f"{split}_reconstruction"] + row[f"{split}_divergence"]
            assert row[f"{split}_loss"] == pytest.approx(total, rel=1e-5)
            levels = row[f"{split}_kl_level_1"] + row[f"{split}_kl_level_2"]
            assert row[f"{split}_kl"] == pytest.approx(levels, rel=1e-5)
            assert row[f"{split}_reconstruction_level_1"] == pytest.approx(row[f"{split}_reconstruction"], rel=1e-5)
    assert not any("second" in name for name in rows[0])


def test_two_runs_give_identical_bytes_and_touch_no_global_generator(tmp_path: Path):
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    for name in "ab":
        train(tmp_path / name, cell(training={"schedule": {"name": "linear", "warm_up": 0.5}}))
    assert results(tmp_path / "a", 1) == results(tmp_path / "b", 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.slow
def test_a_chunk_of_four_is_four_lone_runs(tmp_path: Path, precision: str):
    """In bits, which is more than the 1e-10 that float64 asks for."""
    tiny = cell(training={"precision": precision})
    train(tmp_path / "together", tiny, range(4))
    for seed in range(4):
        train(tmp_path / "alone", tiny, [seed])
        assert results(tmp_path / "alone", seed) == results(tmp_path / "together", seed)
    assert results(tmp_path / "together", 0)["history.csv"] != results(tmp_path / "together", 1)["history.csv"]


def test_convolutions_run_one_after_the_other_with_the_same_bits(tmp_path: Path):
    tiny = cell({"network": "conv_locatello"}, {"epochs": 1})
    data = images(80, (1, 28, 28), 8)
    train(tmp_path / "together", tiny, [0, 1], data)
    train(tmp_path / "alone", tiny, [1], data)
    assert results(tmp_path / "alone", 1) == results(tmp_path / "together", 1)


def test_more_threads_train_one_after_the_other(tmp_path: Path):
    before = torch.get_num_threads()
    tiny = cell(training={"steps": 1, "epochs": 1})
    records = training.train(tiny, runs(tmp_path, (0, 1)), images(), device="cpu", threads=2)
    assert [records[seed]["stack"] for seed in (0, 1)] == [[0], [1]]
    assert torch.get_num_threads() == before


def test_a_memory_mapped_set_gives_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    held: list[Batches] = []

    def spy(*args: Any, **kw: Any) -> Batches:
        held.append(Batches(*args, **kw))
        return held[-1]

    monkeypatch.setattr(build, "Batches", spy)
    data = images()
    np.save(tmp_path / "train.npy", data.train)
    mapped = images()
    object.__setattr__(mapped, "train", np.load(tmp_path / "train.npy", mmap_mode="r"))
    for name, share, which in (("memory", 1.0, data), ("mapped", 1e-12, mapped)):
        train(tmp_path / name, cell(training={"memory_share": share}, n_train=100), data=which)
    assert [batches.mapped for batches in held] == [False, True]
    assert results(tmp_path / "memory", 1) == results(tmp_path / "mapped", 1)


def test_seeds_share_the_subset_unless_it_varies_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[list[list[int]]] = []
    plain = build.Batches

    def spy(data: Any, subsets: Any, *args: Any, **kw: Any) -> Any:
        seen.append([list(map(int, subset)) for subset in subsets])
        return plain(data, subsets, *args, **kw)

    monkeypatch.setattr(build, "Batches", spy)
    data = images()
    for subset in ("fixed", "by_seed"):
        train(tmp_path / subset, cell(n_train=20, subset=subset), data=data)
    assert seen[0][0] == seen[0][1] == list(data.subset(20, None))
    assert seen[1] == [list(data.subset(20, 0)), list(data.subset(20, 1))]
    assert seen[1][0] != seen[1][1]


# ---- the budget and the best epoch ----
def test_the_best_epoch_is_chosen_on_validation_at_the_final_weight(tmp_path: Path):
    """With a warm-up from 0 the training loss rises, because its weight does; the validation loss must not."""
    tiny = cell(
        {"divergence": {"name": "kl", "beta": 30.0}},
        {"epochs": 6, "schedule": {"name": "linear", "warm_up": 1.0}, "learning_rate": 0.02},
    )
    record = train(tmp_path, tiny, [0])[0]
    rows = history(tmp_path)
    for row in rows:
        assert row["validation_loss"] == pytest.approx(
            row["validation_reconstruction"] + row["validation_divergence"], rel=1e-5
        )
        assert row["train_loss"] < row["train_reconstruction"] + row["train_divergence"]
    losses = [row["validation_loss"] for row in rows]
    assert record["best_epoch"] == 1 + int(np.argmin(losses))
    assert record["best_validation_loss"] == min(losses)
    assert [row["weight"] for row in rows] == pytest.approx([(3 * e - 1) / 18 for e in range(1, 7)])


@pytest.mark.parametrize("select", ["elbo", "reconstruction", "last"])
def test_one_criterion_chooses_the_epoch_of_every_objective(tmp_path: Path, select: str):
    """A heavy divergence makes the loss's lowest epoch another than those of the other criteria."""
    heavy = {"divergence": {"name": "kl", "beta": 30.0}}
    options = {"epochs": 8, "learning_rate": 0.02}
    own = train(tmp_path / "loss", cell(heavy, options), [0])[0]
    record = train(tmp_path / select, cell(heavy, {**options, "select": select}), [0])[0]
    rows = history(tmp_path / select)
    values = {
        "elbo": [row["validation_reconstruction"] + row["validation_kl"] for row in rows],
        "reconstruction": [row["validation_reconstruction"] for row in rows],
        "last": [-row["epoch"] for row in rows],
    }
    assert rows == history(tmp_path / "loss")  # the training is the same
    assert record["best_epoch"] == 1 + int(np.argmin(values[select])) != own["best_epoch"]
    assert record["best_validation_loss"] == rows[record["best_epoch"] - 1]["validation_loss"]
    weights = [results(tmp_path / name, 0)["model.safetensors"] for name in ("loss", select)]
    assert weights[0] != weights[1]


@pytest.mark.slow
def test_the_saved_model_is_that_of_the_best_epoch(tmp_path: Path):
    """A large learning rate makes the validation loss go up again; a shorter budget ends at the best epoch."""
    options = {"learning_rate": 0.05, "batch_size": 16}
    record = train(tmp_path / "long", cell(training={**options, "epochs": 12}), [3])[3]
    best = record["best_epoch"]
    assert 1 < best < 12
    train(tmp_path / "short", cell(training={**options, "epochs": best}), [3])
    assert results(tmp_path / "long", 3)["model.safetensors"] == results(tmp_path / "short", 3)["model.safetensors"]


def test_training_and_validation_terms_are_means_over_examples(tmp_path: Path):
    """With a learning rate of (almost) 0 an epoch's training loss is the loss of all examples, here of validation's."""
    tiny = cell(training={"epochs": 1, "learning_rate": 1e-30, "batch_size": 25})
    data = images(200, n_validation=200)
    object.__setattr__(data, "validation", data.train)
    train(tmp_path, tiny, [0], data)
    row = history(tmp_path)[0]
    assert row["train_loss"] == pytest.approx(row["validation_loss"], rel=0.01)


def test_validation_sees_the_same_noise_every_epoch(tmp_path: Path):
    train(tmp_path, cell(training={"epochs": 3, "learning_rate": 1e-30}), [0])
    assert len({row["validation_loss"] for row in history(tmp_path)}) == 1


def test_how_often_the_host_looks_changes_no_bit_but_ends_a_diverged_seed_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes: dict[int, list[int]] = {1: [], 100: []}
    plain = loop.Trainer._one_step
    for interval, seen in sizes.items():
        with monkeypatch.context() as patch:
            patch.setattr(loop, "LOG_INTERVAL", interval)
            patch.setattr(loop.Trainer, "_one_step", lambda self: plain(self) or seen.append(len(self.stack)))  # noqa: B023
            _poisoned(patch, 1, 1)
            train(tmp_path / str(interval), cell(training={"epochs": 1, "batch_size": 25}))
    assert sizes == {1: [2, 2, *[1] * 6], 100: [2] * 8}
    assert results(tmp_path / "1", 0) == results(tmp_path / "100", 0)
    records = [read_json(tmp_path / name / "seed-1" / "run.json") for name in ("1", "100")]
    assert records[0]["diverged"] == records[1]["diverged"]


def test_steps_replace_passes_and_keep_the_number_of_epochs(tmp_path: Path):
    record = train(tmp_path, cell(training={"epochs": 3, "steps": 10}, n_train=40), [0])[0]
    assert (record["step"], record["epochs"]) == (10, 3)
    assert [row["step"] for row in history(tmp_path)] == [4, 7, 10]
    assert epoch_ends(TrainingConfig(epochs=30, steps=2), 7) == [1, 2]


def test_the_memory_is_that_of_the_control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own"
    monkeypatch.setattr(batches, "OWN", own)
    monkeypatch.setattr(batches, "CGROUPS", tmp_path)
    machine = batches.available_memory()
    for text, file, limit in (
        ("0::/slurm/job_7/step_0\n", "slurm/job_7/memory.max", 3_000_000),
        ("12:cpuset:/a\n4:memory:/slurm/job_8\n", "memory/slurm/job_8/memory.limit_in_bytes", 2_000_000),
        ("0::/\n", "memory.max", 1_000_000),
    ):
        own.write_text(text)
        assert batches.available_memory() == machine
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("max\n")
        assert batches.available_memory() == machine
        (tmp_path / file).write_text(f"{limit}\n")
        assert batches.available_memory() == limit


def test_every_pass_sees_every_example_once_in_an_order_of_its_own():
    """Batches are full: 25 of 16 are 8 passes over 50; the 4th holds the end of one and the start of the next."""
    data = np.arange(50, dtype=np.float32)[:, None]
    both = Batches(data, [np.arange(50)] * 2, [0, 1], batch_size=16, levels=(1, 2))
    seen = torch.cat([both.at(step)[0] for step in range(25)], 1).squeeze(-1)
    passes = [tuple(map(int, order)) for row in seen for order in row.split(50)]
    assert all(sorted(order) == list(range(50)) for order in passes)
    assert len(set(passes)) == 16
    alone = Batches(data, [np.arange(50)], [1], batch_size=16, levels=(1, 2))
    for step in (20, 3, 4):
        x, eps = alone.at(step)
        assert x.shape == (1, 16, 1)
        assert torch.equal(x, both.at(step)[0][1:])
        assert torch.equal(eps, both.at(step)[1][1:])
    noise = torch.cat([alone.at(step)[1] for step in range(25)], 1)
    assert len(noise.unique()) == noise.numel()


def test_a_batch_may_be_larger_than_the_training_set():
    data = np.arange(5, dtype=np.float32)[:, None]
    x = Batches(data, [np.arange(5)], [0], batch_size=16, levels=(1, 1)).at(0)[0].flatten()
    assert [sorted(part.tolist()) for part in x[:15].split(5)] == [[0, 1, 2, 3, 4]] * 3


def test_schedules():
    linear = Schedule(name="linear", warm_up=0.2)
    assert [schedule_weight(linear, t, 100) for t in (0, 5, 20, 99)] == [0.0, 0.25, 1.0, 1.0]
    assert schedule_weight(Schedule(), 0, 100) == 1.0


def test_each_step_is_weighed_as_its_row_says(tmp_path: Path):
    """One step an epoch: the loss of a row is that of its step."""
    options = {"steps": 4, "epochs": 4, "schedule": {"name": "linear", "warm_up": 1.0}}
    train(tmp_path, cell(training=options))
    found = history(tmp_path)
    assert [row["weight"] for row in found] == [0.0, 0.25, 0.5, 0.75]
    for row in found:
        total = row["train_reconstruction"] + row["weight"] * row["train_divergence"]
        assert row["train_loss"] == pytest.approx(total, rel=1e-5)
        assert row["train_divergence"] > 1e-3 * abs(total)  # else no weight would show


# ---- NaN ----
def _poisoned(monkeypatch: pytest.MonkeyPatch, seed: int, wanted: int) -> None:
    """From a step on, one seed's noise is infinite."""
    plain = Batches.at

    def at(self: Any, step: int) -> Any:
        x, eps = plain(self, step)
        if seed in self.seeds and step >= wanted:
            eps = eps.clone()
            eps[self.seeds.index(seed), 0, 0, 0] = math.inf
        return x, eps

    monkeypatch.setattr(Batches, "at", at)


@pytest.mark.parametrize("wanted", [0, 4])
def test_a_seed_that_diverges_stops_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], wanted: int
):
    train(tmp_path / "well", seeds=range(3))
    with monkeypatch.context() as patch:
        _poisoned(patch, 1, wanted)
        records = train(tmp_path / "poisoned", seeds=range(3))
    for seed in (0, 2):
        assert results(tmp_path / "poisoned", seed) == results(tmp_path / "well", seed)
    record = records[1]
    assert record["status"] == "diverged"
    assert record["diverged"]["step"] == record["step"] == wanted + 1
    first = ", the first" if not wanted else ""
    told = f"seed 1 diverged at step {wanted + 1}{first}: not finite is the reconstruction"
    assert told in capfd.readouterr().err
    assert "divergence" not in record["diverged"]["not_finite"]
    assert not (tmp_path / "poisoned" / "seed-1" / "model.safetensors").exists()
    assert current(tmp_path / "poisoned" / "seed-1" / "run.json", key(1))
    if wanted:
        assert all(math.isfinite(value) for value in record["diverged"]["last_finite"].values())
        assert len(history(tmp_path / "poisoned", 1)) == 1
        assert record["epochs"] == 1
    else:
        assert record["diverged"]["last_finite"] == {}


def test_a_step_that_leaves_the_finite_numbers_is_found_by_validation(tmp_path: Path):
    """Finite loss, infinite weights: a learning rate that no float32 survives, one step."""
    tiny = cell(training={"learning_rate": 1e38, "steps": 1, "epochs": 1})
    record = train(tmp_path, tiny, [0])[0]
    assert (record["status"], record["best_epoch"], record["best_validation_loss"]) == ("diverged", None, None)
    assert record["diverged"]["last_finite"]["loss"] > 0


def test_all_seeds_may_diverge(tmp_path: Path):
    records = train(tmp_path, cell(training={"learning_rate": 1e38}))
    assert [record["status"] for record in records.values()] == ["diverged"] * 2


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_data_outside_the_unit_interval_are_refused_where_the_likelihood_is_defined_there(tmp_path: Path, split: str):
    """The configuration refuses it for the densities it knows; a kind that was added is seen here."""
    data = density()
    for name in ("train", "validation", "test"):
        object.__setattr__(data, name, np.clip(getattr(data, name), 0, 1))
    tiny = cell({"latent_size": 2, "order": 1, "network": dense(8), "likelihood": "bernoulli"})
    assert train(tmp_path / "inside", tiny, [0], data)[0]["status"] == "ok"
    getattr(data, split)[3] = 1.5
    words = f"tiny: the {split} split has values from 0 to 1.5, expected numbers in .* use likelihood gaussian"
    with pytest.raises(DataError, match=words):
        train(tmp_path / "outside", tiny, [0], data)
    assert not (tmp_path / "outside" / "seed-0" / "model.safetensors").exists()


# ---- what a person sees ----
def test_one_line_an_epoch_and_no_bar_in_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    train(tmp_path)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("tiny/n-all/v  seeds 0-1  epoch 2/2  step 6  train loss")
    assert not any("\r" in line for line in lines)


def test_densities_are_saved_with_their_scaling(tmp_path: Path):
    train(tmp_path, cell({"latent_size": 2, "order": 1, "network": dense(8)}), [0], density())
    model = phvae.load(tmp_path / "seed-0")
    assert isinstance(model, PHVAE)
    assert [list(part) for part in model.scaling or ()] == [[-0.1], [0.2]]
