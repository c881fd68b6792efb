"""Training a stack into run folders: repeatable, resumable to the byte, safe against NaN, signals and two writers."""

from __future__ import annotations

import csv
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import cell, dense, density, images, keys, run_dirs

import phvae
from phvae import checkpoint, loop, training
from phvae.batches import Batches
from phvae.config import Schedule, TrainingConfig
from phvae.files import read_json
from phvae.grid import Cell
from phvae.interrupts import Interrupted
from phvae.loop import epoch_ends, schedule_weight
from phvae.model import PHVAE

RESULT = ("model.safetensors", "model.json", "history.csv")


def _train(
    root: Path, tiny: Cell | None = None, seeds: Any = (0, 1), data: Any = None, run_keys: Any = None
) -> dict[int, dict[str, Any]]:
    return training.train(
        tiny or cell(),
        list(seeds),
        data or images(),
        run_dirs(root, seeds),
        run_keys or keys(seeds),
        device="cpu",
        threads=1,
        provenance={seed: {"label": "v"} for seed in seeds},
    )


def _bytes(root: Path, seed: int) -> dict[str, bytes]:
    return {name: (root / f"seed-{seed}" / name).read_bytes() for name in RESULT}


def _history(root: Path, seed: int = 0) -> list[dict[str, float]]:
    with (root / f"seed-{seed}" / "history.csv").open() as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


class Died(Exception):
    """Stands for a kill: nothing after it is written."""


def _die_at_step(monkeypatch: pytest.MonkeyPatch, wanted: int, act: Callable[[], None]) -> None:
    plain = loop.Trainer._one_step

    def step(self: loop.Trainer) -> None:
        plain(self)
        if self.step == wanted:
            act()

    monkeypatch.setattr(loop.Trainer, "_one_step", step)


def _die() -> None:
    raise Died


# ---- what a run leaves behind ----
def test_a_run_leaves_a_model_a_history_and_its_record_and_no_checkpoint(tmp_path: Path):
    records = _train(tmp_path, cell(training={"checkpoint_minutes": 1e-9}))
    assert sorted(path.name for path in (tmp_path / "seed-0").iterdir()) == sorted([*RESULT, "run.json"])
    record = records[1]
    assert record == read_json(tmp_path / "seed-1" / "run.json")
    assert (record["status"], record["run_key"], record["seed"], record["label"]) == ("ok", "key-1", 1, "v")
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
    _train(tmp_path)
    rows = _history(tmp_path)
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
        _train(tmp_path / name, cell(training={"schedule": {"name": "linear", "warm_up": 0.5}}))
    assert _bytes(tmp_path / "a", 1) == _bytes(tmp_path / "b", 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_chunk_of_four_is_four_lone_runs(tmp_path: Path, precision: str):
    """In bits, which is more than the 1e-10 that float64 asks for."""
    tiny = cell(training={"precision": precision})
    _train(tmp_path / "together", tiny, range(4))
    for seed in range(4):
        _train(tmp_path / "alone", tiny, [seed])
        assert _bytes(tmp_path / "alone", seed) == _bytes(tmp_path / "together", seed)
    assert _bytes(tmp_path / "together", 0)["history.csv"] != _bytes(tmp_path / "together", 1)["history.csv"]


def test_convolutions_run_one_after_the_other_with_the_same_bits(tmp_path: Path):
    tiny = cell({"network": "conv_locatello"}, {"epochs": 1})
    data = images(80, (1, 28, 28), 8)
    _train(tmp_path / "together", tiny, [0, 1], data)
    _train(tmp_path / "alone", tiny, [1], data)
    assert _bytes(tmp_path / "alone", 1) == _bytes(tmp_path / "together", 1)


def test_more_threads_train_one_after_the_other(tmp_path: Path):
    dirs, before = run_dirs(tmp_path, (0, 1)), torch.get_num_threads()
    tiny = cell(training={"steps": 1, "epochs": 1})
    records = training.train(
        tiny, [0, 1], images(), dirs, keys((0, 1)), device="cpu", threads=2, provenance={0: {}, 1: {}}
    )
    assert [records[seed]["stack"] for seed in (0, 1)] == [[0], [1]]
    assert torch.get_num_threads() == before


def test_a_memory_mapped_set_gives_the_same_numbers(tmp_path: Path):
    data = images()
    np.save(tmp_path / "train.npy", data.train)
    mapped = images()
    object.__setattr__(mapped, "train", np.load(tmp_path / "train.npy", mmap_mode="r"))
    for name, share, which in (("memory", 1.0, data), ("mapped", 1e-12, mapped)):
        _train(tmp_path / name, cell(training={"memory_share": share}, n_train=100), data=which)
    assert _bytes(tmp_path / "memory", 1) == _bytes(tmp_path / "mapped", 1)


def test_seeds_share_the_subset_unless_it_varies_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[list[list[int]]] = []
    plain = training.Batches

    def spy(data: Any, subsets: Any, *args: Any, **kw: Any) -> Any:
        seen.append([list(map(int, subset)) for subset in subsets])
        return plain(data, subsets, *args, **kw)

    monkeypatch.setattr(training, "Batches", spy)
    data = images()
    for subset in ("fixed", "by_seed"):
        _train(tmp_path / subset, cell(n_train=20, subset=subset), data=data)
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
    record = _train(tmp_path, tiny, [0])[0]
    rows = _history(tmp_path)
    for row in rows:
        assert row["validation_loss"] == pytest.approx(
            row["validation_reconstruction"] + row["validation_divergence"], rel=1e-5
        )
        assert row["train_loss"] < row["train_reconstruction"] + row["train_divergence"]
    losses = [row["validation_loss"] for row in rows]
    assert record["best_epoch"] == 1 + int(np.argmin(losses))
    assert record["best_validation_loss"] == min(losses)
    assert [row["weight"] for row in rows] == pytest.approx([(3 * e - 1) / 18 for e in range(1, 7)])


def test_the_saved_model_is_that_of_the_best_epoch(tmp_path: Path):
    """A large learning rate makes the validation loss go up again; a shorter budget ends at the best epoch."""
    options = {"learning_rate": 0.05, "batch_size": 16}
    record = _train(tmp_path / "long", cell(training={**options, "epochs": 12}), [3])[3]
    best = record["best_epoch"]
    assert 1 < best < 12
    _train(tmp_path / "short", cell(training={**options, "epochs": best}), [3])
    assert _bytes(tmp_path / "long", 3)["model.safetensors"] == _bytes(tmp_path / "short", 3)["model.safetensors"]


def test_training_and_validation_terms_are_means_over_examples(tmp_path: Path):
    """With a learning rate of (almost) 0 an epoch's training loss is the loss of all examples, here of validation's."""
    tiny = cell(training={"epochs": 1, "learning_rate": 1e-30, "batch_size": 25})
    data = images(200, n_validation=200)
    object.__setattr__(data, "validation", data.train)
    _train(tmp_path, tiny, [0], data)
    row = _history(tmp_path)[0]
    assert row["train_loss"] == pytest.approx(row["validation_loss"], rel=0.01)


def test_validation_sees_the_same_noise_every_epoch(tmp_path: Path):
    _train(tmp_path, cell(training={"epochs": 3, "learning_rate": 1e-30}), [0])
    assert len({row["validation_loss"] for row in _history(tmp_path)}) == 1


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
            _train(tmp_path / str(interval), cell(training={"epochs": 1, "batch_size": 25}))
    assert sizes == {1: [2, 2, *[1] * 6], 100: [2] * 8}
    assert _bytes(tmp_path / "1", 0) == _bytes(tmp_path / "100", 0)
    records = [read_json(tmp_path / name / "seed-1" / "run.json") for name in ("1", "100")]
    assert records[0]["diverged"] == records[1]["diverged"]


def test_steps_replace_passes_and_keep_the_number_of_epochs(tmp_path: Path):
    record = _train(tmp_path, cell(training={"epochs": 3, "steps": 10}, n_train=40), [0])[0]
    assert (record["step"], record["epochs"]) == (10, 3)
    assert [row["step"] for row in _history(tmp_path)] == [4, 7, 10]
    assert epoch_ends(TrainingConfig(epochs=30, steps=2), 7) == [1, 2]


def test_every_pass_sees_every_example_once_in_an_order_of_its_own():
    """Batches are full: 25 of 16 are 8 passes over 50; the 4th holds the end of one and the start of the next."""
    data = np.arange(50, dtype=np.float32)[:, None]
    batches = Batches(data, [np.arange(50)] * 2, [0, 1], batch_size=16, levels=(1, 2))
    seen = torch.cat([batches.at(step)[0] for step in range(25)], 1).squeeze(-1)
    passes = [tuple(map(int, order)) for row in seen for order in row.split(50)]
    assert all(sorted(order) == list(range(50)) for order in passes)
    assert len(set(passes)) == 16
    alone = Batches(data, [np.arange(50)], [1], batch_size=16, levels=(1, 2))
    for step in (20, 3, 4):
        x, eps = alone.at(step)
        assert x.shape == (1, 16, 1)
        assert torch.equal(x, batches.at(step)[0][1:])
        assert torch.equal(eps, batches.at(step)[1][1:])
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


# ---- interrupted and resumed ----
@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: int):
    _train(tmp_path / "untouched")
    often = cell(training={"checkpoint_minutes": 1e-9})
    with monkeypatch.context() as patch:
        _die_at_step(patch, wanted, _die)
        with pytest.raises(Died):
            _train(tmp_path / "killed", often)
    assert not (tmp_path / "killed" / "seed-0" / "run.json").exists()
    _train(tmp_path / "killed", often)
    for seed in (0, 1):
        assert _bytes(tmp_path / "killed", seed) == _bytes(tmp_path / "untouched", seed)


def test_a_run_resumed_at_every_step_ends_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Best state, moments, order, noise, sums of the epoch: whatever a checkpoint forgot would show here."""
    tiny = cell(training={"learning_rate": 0.05, "epochs": 3, "batch_size": 50})
    _train(tmp_path / "untouched", tiny)
    for wanted in range(1, 10):
        with monkeypatch.context() as patch:
            _die_at_step(patch, wanted, lambda: os.kill(os.getpid(), signal.SIGUSR1))
            with pytest.raises(Interrupted):
                _train(tmp_path / "resumed", tiny)
        assert checkpoint.available(tmp_path / "resumed" / "seed-1", "key-1")[0] == wanted
    _train(tmp_path / "resumed", tiny)
    assert _bytes(tmp_path / "resumed", 0) == _bytes(tmp_path / "untouched", 0)
    assert _bytes(tmp_path / "resumed", 1) == _bytes(tmp_path / "untouched", 1)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_ends_with_a_checkpoint_and_status_75(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
):
    with monkeypatch.context() as patch:
        _die_at_step(patch, 2, lambda: os.kill(os.getpid(), getattr(signal, name)))
        with pytest.raises(SystemExit) as left:
            _train(tmp_path)
    assert left.value.code == 75
    assert f"{name}: checkpoint at step 2; run again to go on" in capfd.readouterr().err
    _train(tmp_path)
    assert "going on from the checkpoint at step 2 of 6" in capfd.readouterr().err


def test_a_signal_during_validation_is_obeyed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _train(tmp_path / "untouched", seeds=[0])
    plain = loop.to_model_units
    with monkeypatch.context() as patch:
        patch.setattr(loop, "to_model_units", lambda *a: os.kill(os.getpid(), signal.SIGTERM) or plain(*a))
        with pytest.raises(Interrupted):
            _train(tmp_path / "resumed", seeds=[0])
    _train(tmp_path / "resumed", seeds=[0])
    assert _bytes(tmp_path / "resumed", 0) == _bytes(tmp_path / "untouched", 0)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    _train(tmp_path / "untouched")
    often = cell(training={"checkpoint_minutes": 1e-9})
    with monkeypatch.context() as patch:
        _die_at_step(patch, 5, _die)
        with pytest.raises(Died):
            _train(tmp_path / "killed", often)
    newest = tmp_path / "killed" / "seed-1" / "checkpoint-0000000004"
    newest.write_bytes(newest.read_bytes()[:-7])
    _train(tmp_path / "killed", often)
    assert str(newest) in caplog.text
    for seed in (0, 1):
        assert _bytes(tmp_path / "killed", seed) == _bytes(tmp_path / "untouched", seed)


def test_a_checkpoint_holds_the_best_epoch_with_its_own_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tiny = cell(training={"learning_rate": 0.05, "batch_size": 16, "epochs": 12})
    best = _train(tmp_path / "whole", tiny, [3])[3]["best_epoch"]
    found = []
    for wanted in (10 * best, 10 * best + 5):  # 10 steps an epoch: just after the best epoch, and later
        with monkeypatch.context() as patch:
            _die_at_step(patch, wanted + 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
            with pytest.raises(Interrupted):
                _train(tmp_path / str(wanted), tiny, [3])
        found.append(checkpoint.read(tmp_path / str(wanted) / "seed-3", wanted + 1)[2])
    kept = [{name: value for name, value in tensors.items() if name.startswith("best/")} for tensors in found]
    assert len(kept[0]) == len(found[0]) // 2
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])
    moment = next(name for name in kept[1] if "exp_avg_sq" in name)
    assert not torch.equal(kept[1][moment], found[1][moment.removeprefix("best/")])


def test_a_kill_between_the_results_of_two_seeds_trains_only_the_second_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _train(tmp_path / "untouched")
    plain = checkpoint.remove

    def remove(folder: Path) -> None:
        plain(folder)
        raise Died

    often = cell(training={"checkpoint_minutes": 1e-9})
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "remove", remove)
        with pytest.raises(Died):
            _train(tmp_path / "killed", often)
    first = (tmp_path / "killed" / "seed-0" / "run.json").read_bytes()
    _train(tmp_path / "killed", often)
    assert (tmp_path / "killed" / "seed-0" / "run.json").read_bytes() == first
    assert read_json(tmp_path / "killed" / "seed-1" / "run.json")["stack"] == [1]
    assert _bytes(tmp_path / "killed", 1) == _bytes(tmp_path / "untouched", 1)


def test_seeds_go_on_from_the_newest_checkpoint_that_all_have(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dirs = run_dirs(tmp_path, range(4))
    for seed, steps in {0: (10, 20), 1: (20, 30), 2: (20,), 3: ()}.items():
        dirs[seed].mkdir()
        for step in steps:
            checkpoint.write(dirs[seed], step, f"key-{seed}", {}, {})
    assert training._groups([0, 1, 2], dirs, keys(range(4)), together=True) == [(20, [0, 1, 2])]
    assert training._groups([0, 1, 2, 3], dirs, keys(range(4)), together=True) == [(30, [1]), (20, [0, 2]), (0, [3])]
    assert training._groups([0, 1], dirs, keys(range(4)), together=False) == [(20, [0]), (30, [1])]
    assert training._groups([], dirs, {}, together=True) == []


# ---- finished runs ----
def test_adding_seeds_leaves_the_finished_ones_alone(tmp_path: Path):
    _train(tmp_path, seeds=[0, 1])
    before = [(tmp_path / "seed-0" / name).stat().st_mtime_ns for name in (*RESULT, "run.json")]
    records = _train(tmp_path, seeds=[0, 1, 2])
    assert [(tmp_path / "seed-0" / name).stat().st_mtime_ns for name in (*RESULT, "run.json")] == before
    assert records[2]["stack"] == [2]
    _train(tmp_path / "all", seeds=[0, 1, 2])
    assert _bytes(tmp_path / "all", 2) == _bytes(tmp_path, 2)


@pytest.mark.parametrize("harm", ["model", "history", "absent", "record", "key"])
def test_a_run_that_is_not_what_its_record_says_is_trained_again(tmp_path: Path, harm: str):
    _train(tmp_path, seeds=[0])
    expected = _bytes(tmp_path, 0)
    folder = tmp_path / "seed-0"
    run_keys = {0: "another"} if harm == "key" else keys([0])
    if harm == "model":
        (folder / "model.safetensors").write_bytes(b"x")
    elif harm == "history":
        (folder / "history.csv").write_text("")
    elif harm == "absent":
        (folder / "model.json").unlink()
    elif harm == "record":
        (folder / "run.json").write_text("[]")
    assert not training.finished(folder, run_keys[0])
    _train(tmp_path, seeds=[0], run_keys=run_keys)
    assert _bytes(tmp_path, 0) == expected
    assert training.finished(folder, run_keys[0])


# ---- NaN ----
def _poisoned(monkeypatch: pytest.MonkeyPatch, seed: int, wanted: int) -> None:
    """From a step on, one seed's noise is infinite."""
    plain = training.Batches.at

    def at(self: Any, step: int) -> Any:
        x, eps = plain(self, step)
        if seed in self.seeds and step >= wanted:
            eps = eps.clone()
            eps[self.seeds.index(seed), 0, 0, 0] = math.inf
        return x, eps

    monkeypatch.setattr(training.Batches, "at", at)


@pytest.mark.parametrize("wanted", [0, 4])
def test_a_seed_that_diverges_stops_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], wanted: int
):
    _train(tmp_path / "well", seeds=range(3))
    with monkeypatch.context() as patch:
        _poisoned(patch, 1, wanted)
        records = _train(tmp_path / "poisoned", seeds=range(3))
    for seed in (0, 2):
        assert _bytes(tmp_path / "poisoned", seed) == _bytes(tmp_path / "well", seed)
    record = records[1]
    assert record["status"] == "diverged"
    assert record["diverged"]["step"] == record["step"] == wanted + 1
    assert "seed 1 diverged" in capfd.readouterr().err
    assert not (tmp_path / "poisoned" / "seed-1" / "model.safetensors").exists()
    assert training.finished(tmp_path / "poisoned" / "seed-1", "key-1")
    if wanted:
        assert all(math.isfinite(value) for value in record["diverged"]["last_finite"].values())
        assert len(_history(tmp_path / "poisoned", 1)) == 1
        assert record["epochs"] == 1
    else:
        assert record["diverged"]["last_finite"] == {}


def test_a_step_that_leaves_the_finite_numbers_is_found_by_validation(tmp_path: Path):
    """Finite loss, infinite weights: a learning rate that no float32 survives, one step."""
    tiny = cell(training={"learning_rate": 1e38, "steps": 1, "epochs": 1})
    record = _train(tmp_path, tiny, [0])[0]
    assert (record["status"], record["best_epoch"], record["best_validation_loss"]) == ("diverged", None, None)
    assert record["diverged"]["last_finite"]["loss"] > 0


def test_all_seeds_may_diverge(tmp_path: Path):
    records = _train(tmp_path, cell(training={"learning_rate": 1e38}))
    assert [record["status"] for record in records.values()] == ["diverged"] * 2


# ---- what a person sees ----
def test_one_line_an_epoch_and_no_bar_in_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    _train(tmp_path)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("tiny/n-all/v  seeds 0-1  epoch 2/2  step 6  train loss")
    assert not any("\r" in line for line in lines)


def test_densities_are_saved_with_their_scaling(tmp_path: Path):
    _train(tmp_path, cell({"latent_size": 2, "order": 1, "network": dense(8)}), [0], density())
    model = phvae.load(tmp_path / "seed-0")
    assert isinstance(model, PHVAE)
    assert [list(part) for part in model.scaling or ()] == [[-0.1], [0.2]]
