"""A run that is killed, asked to stop or found damaged goes on to the bytes of an untouched one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from tiny import cell, key, runs
from training_runs import RESULT, Died, act_at_step, die, results, train

from phvae.files import read_json
from phvae.jobs import checkpoint, training
from phvae.jobs.interrupts import Interrupted
from phvae.jobs.run import Run
from phvae.records import current
from phvae.training import loop


# ---- interrupted and resumed ----
@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: int):
    train(tmp_path / "untouched")
    often = cell(training={"checkpoint_minutes": 1e-9})
    with monkeypatch.context() as patch:
        act_at_step(patch, wanted, die)
        with pytest.raises(Died):
            train(tmp_path / "killed", often)
    assert not (tmp_path / "killed" / "seed-0" / "run.json").exists()
    train(tmp_path / "killed", often)
    for seed in (0, 1):
        assert results(tmp_path / "killed", seed) == results(tmp_path / "untouched", seed)


@pytest.mark.slow
def test_a_run_resumed_at_every_step_ends_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Best state, moments, order, noise, sums of the epoch: whatever a checkpoint forgot would show here."""
    tiny = cell(training={"learning_rate": 0.05, "epochs": 3, "batch_size": 50})
    train(tmp_path / "untouched", tiny)
    for wanted in range(1, 10):
        with monkeypatch.context() as patch:
            act_at_step(patch, wanted, lambda: os.kill(os.getpid(), signal.SIGUSR1))
            with pytest.raises(Interrupted):
                train(tmp_path / "resumed", tiny)
        assert checkpoint.available(tmp_path / "resumed" / "seed-1", key(1).sha256)[0] == wanted
    train(tmp_path / "resumed", tiny)
    assert results(tmp_path / "resumed", 0) == results(tmp_path / "untouched", 0)
    assert results(tmp_path / "resumed", 1) == results(tmp_path / "untouched", 1)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_ends_with_a_checkpoint_and_status_75(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
):
    with monkeypatch.context() as patch:
        act_at_step(patch, 2, lambda: os.kill(os.getpid(), getattr(signal, name)))
        with pytest.raises(SystemExit) as left:
            train(tmp_path)
    assert left.value.code == 75
    assert f"{name}: checkpoint at step 2; run again to go on" in capfd.readouterr().err
    train(tmp_path)
    assert "going on from the checkpoint at step 2 of 6" in capfd.readouterr().err


def test_a_signal_during_validation_is_obeyed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    train(tmp_path / "untouched", seeds=[0])
    plain = loop.to_model_units
    with monkeypatch.context() as patch:
        patch.setattr(loop, "to_model_units", lambda *a: os.kill(os.getpid(), signal.SIGTERM) or plain(*a))
        with pytest.raises(Interrupted):
            train(tmp_path / "resumed", seeds=[0])
    train(tmp_path / "resumed", seeds=[0])
    assert results(tmp_path / "resumed", 0) == results(tmp_path / "untouched", 0)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    train(tmp_path / "untouched")
    often = cell(training={"checkpoint_minutes": 1e-9})
    with monkeypatch.context() as patch:
        act_at_step(patch, 5, die)
        with pytest.raises(Died):
            train(tmp_path / "killed", often)
    newest = tmp_path / "killed" / "seed-1" / "checkpoint-0000000004"
    newest.write_bytes(newest.read_bytes()[:-7])
    train(tmp_path / "killed", often)
    assert str(newest) in caplog.text
    for seed in (0, 1):
        assert results(tmp_path / "killed", seed) == results(tmp_path / "untouched", seed)


@pytest.mark.slow
def test_a_checkpoint_holds_the_weights_of_the_best_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tiny = cell(training={"learning_rate": 0.05, "batch_size": 16, "epochs": 12})
    best = train(tmp_path / "whole", tiny, [3])[3]["best_epoch"]
    found = []
    for wanted in (10 * best, 10 * best + 5):  # 10 steps an epoch: just after the best epoch, and later
        with monkeypatch.context() as patch:
            act_at_step(patch, wanted + 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
            with pytest.raises(Interrupted):
                train(tmp_path / str(wanted), tiny, [3])
        found.append(checkpoint.read(tmp_path / str(wanted) / "seed-3", wanted + 1)[2])
    kept = [{name: value for name, value in tensors.items() if name.startswith("best/")} for tensors in found]
    weights = [name for name in found[0] if not name.startswith(("best/", "exp_avg"))]
    assert set(kept[0]) == {f"best/{name}" for name in weights}
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])
    assert not all(torch.equal(kept[1][f"best/{name}"], found[1][name]) for name in weights)


def test_a_kill_between_the_results_of_two_seeds_trains_only_the_second_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    train(tmp_path / "untouched")
    plain = checkpoint.remove

    def remove(folder: Path) -> None:
        plain(folder)
        raise Died

    often = cell(training={"checkpoint_minutes": 1e-9})
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "remove", remove)
        with pytest.raises(Died):
            train(tmp_path / "killed", often)
    first = (tmp_path / "killed" / "seed-0" / "run.json").read_bytes()
    train(tmp_path / "killed", often)
    assert (tmp_path / "killed" / "seed-0" / "run.json").read_bytes() == first
    assert read_json(tmp_path / "killed" / "seed-1" / "run.json")["stack"] == [1]
    assert results(tmp_path / "killed", 1) == results(tmp_path / "untouched", 1)


def test_seeds_go_on_from_the_newest_checkpoint_that_all_have(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    every = runs(tmp_path, range(4))
    for run, steps in zip(every, [(10, 20), (20, 30), (20,), ()], strict=True):
        run.folder.mkdir()
        for step in steps:
            checkpoint.write(run.folder, step, run.key.sha256, {}, {})

    def stacks(chosen: list[Run], together: bool) -> list[tuple[int, list[int]]]:
        return [(step, [run.seed for run in stack]) for step, stack in training._stacks(chosen, together)]

    assert stacks(every[:3], True) == [(20, [0, 1, 2])]
    assert stacks(every, True) == [(30, [1]), (20, [0, 2]), (0, [3])]
    assert stacks(every[:2], False) == [(20, [0]), (30, [1])]
    assert stacks([], True) == []


def test_after_a_change_an_interrupted_training_goes_on_from_its_own_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """The first training came further than the second: its checkpoints have higher steps."""
    often = cell(training={"checkpoint_minutes": 1e-9})
    train(tmp_path / "untouched", seeds=[0])
    for wanted, code in ((5, "code before the change"), (3, "code")):
        with monkeypatch.context() as patch:
            act_at_step(patch, wanted, lambda: os.kill(os.getpid(), signal.SIGTERM))
            with pytest.raises(Interrupted):
                train(tmp_path / "resumed", often, seeds=[0], code=code)
    train(tmp_path / "resumed", seeds=[0])
    assert "going on from the checkpoint at step 3 of 6" in capfd.readouterr().err
    assert results(tmp_path / "resumed", 0) == results(tmp_path / "untouched", 0)


# ---- finished runs ----
def test_adding_seeds_leaves_the_finished_ones_alone(tmp_path: Path):
    train(tmp_path, seeds=[0, 1])
    before = [(tmp_path / "seed-0" / name).stat().st_mtime_ns for name in (*RESULT, "run.json")]
    records = train(tmp_path, seeds=[0, 1, 2])
    assert [(tmp_path / "seed-0" / name).stat().st_mtime_ns for name in (*RESULT, "run.json")] == before
    assert records[2]["stack"] == [2]
    train(tmp_path / "all", seeds=[0, 1, 2])
    assert results(tmp_path / "all", 2) == results(tmp_path, 2)


@pytest.mark.parametrize("harm", ["model", "history", "absent", "record", "key"])
def test_a_run_that_is_not_what_its_record_says_is_trained_again(tmp_path: Path, harm: str):
    train(tmp_path, seeds=[0])
    expected = results(tmp_path, 0)
    folder = tmp_path / "seed-0"
    code = "other code" if harm == "key" else "code"
    if harm == "model":
        (folder / "model.safetensors").write_bytes(b"x")
    elif harm == "history":
        (folder / "history.csv").write_text("")
    elif harm == "absent":
        (folder / "model.json").unlink()
    elif harm == "record":
        (folder / "run.json").write_text("[]")
    assert current(folder / "run.json", key(0, code)) is None
    train(tmp_path, seeds=[0], code=code)
    assert results(tmp_path, 0) == expected
    assert current(folder / "run.json", key(0, code))
