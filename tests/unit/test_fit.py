"""`fit`: one model in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import cell, dense, images, runs

from phvae import PHVAE, load
from phvae.api.fitting import fit
from phvae.errors import ConfigError, DataError, PhvaeError
from phvae.jobs.training import train
from phvae.progress import Meter

OPTIONS: dict[str, Any] = {"order": 2, "latent_size": 4, "network": dense(17)}


def _weights(model: PHVAE) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def _same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_fit_is_the_training_of_the_workflow(tmp_path: Path):
    data = images()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = PHVAE((1, 6, 6), **OPTIONS, seed=3)
        history = model.fit(data.train, validation=data.validation, epochs=2, seed=3, device="cpu")
    finally:
        torch.set_num_threads(before)
    train(cell(), runs(tmp_path, [3]), data, device="cpu", threads=1)
    assert _same(_weights(model), _weights(load(tmp_path / "seed-3")))
    lines = (tmp_path / "seed-3" / "history.csv").read_text().splitlines()
    assert list(history.columns) == lines[0].split(",")
    assert [float(value) for value in history.iloc[1]] == [float(value) for value in lines[2].split(",")]


def test_fit_keeps_the_epoch_that_is_asked_for():
    data = images()

    def fitted(epochs: int, select: Any) -> tuple[list[torch.Tensor], Any]:
        model = PHVAE((1, 6, 6), **OPTIONS, divergence={"name": "kl", "beta": 30.0}, seed=0)
        options = {"epochs": epochs, "learning_rate": 0.02, "select": select}
        history = model.fit(data.train, validation=data.validation, device="cpu", **options)
        return _weights(model), history

    best, history = fitted(8, "loss")
    lowest = 1 + int(history["validation_loss"].idxmin())
    assert lowest < 8
    assert _same(best, fitted(lowest, "last")[0])
    assert not _same(best, fitted(8, "last")[0])
    with pytest.raises(ConfigError, match="fit: select: found 'best'"):
        PHVAE((1, 6, 6), **OPTIONS).fit(data.train, select="best")


def test_fit_learns_repeats_and_goes_on_from_where_the_model_is():
    x = images(200).train
    models = [PHVAE((1, 6, 6), **OPTIONS, seed=0) for _ in range(2)]
    histories = [model.fit(x, epochs=4, seed=0, learning_rate=5e-3, device="cpu") for model in models]
    assert _same(_weights(models[0]), _weights(models[1]))
    assert histories[0].equals(histories[1])
    assert histories[0].validation_loss.iloc[-1] < histories[0].validation_loss.iloc[0]
    more = models[0].fit(x, epochs=1, seed=0, learning_rate=5e-3, device="cpu")
    assert more.train_loss[0] < histories[0].train_loss[0]


def test_bytes_and_their_floats_train_alike():
    x = images(200).train
    x.setflags(write=False)  # as a memory map is
    models = [PHVAE((1, 6, 6), **OPTIONS, seed=0) for _ in range(3)]
    for model, data in zip(models, (x, x.astype(np.float32) / 255, torch.from_numpy(x.copy())), strict=True):
        fit(model, data, steps=5, epochs=1, device="cpu")
    assert _same(_weights(models[0]), _weights(models[2]))
    for a, b in zip(_weights(models[0]), _weights(models[1]), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_model_keeps_its_type_and_its_mode_and_may_be_float64():
    model = PHVAE((1, 6, 6), **OPTIONS, seed=0).double()
    model.fit(images().train, steps=2, epochs=1, device="cpu", precision="float64")
    assert all(parameter.dtype == torch.float64 and parameter.requires_grad for parameter in model.parameters())
    assert not any(parameter.grad is not None for parameter in model.parameters())


def test_progress_prints_a_line_an_epoch_and_silence_is_the_default(capfd: pytest.CaptureFixture[str]):
    model = PHVAE((1, 6, 6), **OPTIONS)
    model.fit(images().train, epochs=2, device="cpu")
    assert capfd.readouterr().err == ""
    model.fit(images().train, epochs=2, device="cpu", progress=True)
    assert len(capfd.readouterr().err.splitlines()) == 2


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = Meter("fit", 60)
    shown.step(20)
    shown.line("epoch 1/3")
    before, line, after = capsys.readouterr().err.partition("fit  epoch 1/3\n")
    assert line
    assert "0/60" in before
    assert "20/60" in after, "the bar is drawn again below the line"


def test_only_lines_go_into_a_file(capsys: pytest.CaptureFixture[str]):
    shown = Meter("fit", 60)
    for step in range(61):
        shown.step(step)
    shown.line("epoch 1/3")
    assert capsys.readouterr().err == "fit  epoch 1/3\n"


def test_a_terminal_stays_silent_unless_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    PHVAE((1, 6, 6), **OPTIONS).fit(images().train, epochs=1, device="cpu")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.full((10, 6, 6), 99, np.uint8), r"x has shape \(10, 6, 6\), expected \(batch, 1, 6, 6\)"),
        (np.full((10, 1, 6, 6), 2.0), r"expected images in \[0, 1\]"),
        (np.full((10, 1, 6, 6), np.nan), "NaN"),
        (np.full((10, 1, 6, 6), 99, np.int32), "type"),
        (np.full((1, 1, 6, 6), 99, np.uint8), "at least 2"),
        (np.full((0, 1, 6, 6), 0.5), "shape"),
    ],
)
def test_unusable_data_are_refused(x: np.ndarray, message: str):
    with pytest.raises(DataError, match=message):
        fit(PHVAE((1, 6, 6), **OPTIONS), x, device="cpu")


def _forms(x: np.ndarray) -> dict[str, Any]:
    """One array, in memory and in numbers that differ from the plain ones."""
    half = torch.from_numpy(np.where(x > 127, np.float32(0.5), np.float32(0.25)))  # exact in every type
    return {
        "big-endian": (x / 255).astype(">f8"),
        "flipped": (x / 255).astype(np.float32)[..., ::-1],
        "flipped bytes": x[:, :, ::-1],
        "transposed bytes": torch.from_numpy(x).transpose(2, 3),
        "a list": (x / 255).tolist(),
        "no mask": np.ma.masked_array(x, mask=False),
        "bfloat16": half.bfloat16(),
        "float8": half.to(torch.float8_e4m3fn),
        "with gradients": half.clone().requires_grad_(),
    }


@pytest.mark.parametrize("form", _forms(np.zeros((1, 1, 6, 6), np.uint8)))
@pytest.mark.filterwarnings("error")
def test_arrays_of_every_layout_and_type_train_as_the_plain_ones(form: str):
    given = _forms(images().train[:40])[form]
    plain = given.detach().float() if isinstance(given, torch.Tensor) and given.is_floating_point() else given
    plain = plain.numpy() if isinstance(plain, torch.Tensor) else np.asarray(plain)
    plain = np.ascontiguousarray(plain, plain.dtype.newbyteorder("="))
    models = [PHVAE((1, 6, 6), **OPTIONS, seed=0) for _ in range(2)]
    for model, x in zip(models, (given, plain), strict=True):
        model.fit(x, steps=3, epochs=1, device="cpu")
    assert _same(_weights(models[0]), _weights(models[1]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.ma.masked_array(np.zeros((10, 1, 6, 6)), mask=np.arange(360).reshape(10, 1, 6, 6) < 5),
            "5 masked elements",
        ),
        (torch.zeros(10, 1, 6, 6).to_sparse(), "expected a dense tensor"),
        (np.zeros((10, 1, 6, 6), np.longdouble), "not an array of numbers"),
        ([[1.0], [1.0, 2.0]], "not an array of numbers"),
        (None, "not an array of numbers: found None"),
        (0.5, "not an array of numbers: found 0.5"),
    ],
    ids=["masked", "sparse", "long", "ragged", "none", "a number"],
)
def test_what_holds_no_plain_numbers_is_refused(x: Any, message: str):
    model = PHVAE((1, 6, 6), **OPTIONS)
    for call in (model.fit, model.encode):
        with pytest.raises(DataError, match=message):
            call(x)


@pytest.mark.parametrize("seed", [1.0, True, None, -1, "1", np.float32(1)])
def test_what_is_no_seed_is_refused(seed: Any):
    model = PHVAE((1, 6, 6), **OPTIONS)
    for call in (
        lambda: PHVAE((1, 6, 6), **OPTIONS, seed=seed),
        lambda: model.fit(images().train, seed=seed, device="cpu"),
        lambda: model.log_likelihood(images().train[:2], seed=seed),
    ):
        with pytest.raises(ConfigError, match=r"seed: found .*, expected a whole number from 0 on"):
            call()


def test_a_seed_of_numpy_is_that_seed():
    models = [PHVAE((1, 6, 6), **OPTIONS, seed=seed) for seed in (7, np.int64(7), np.uint8(7))]
    assert all(_same(_weights(models[0]), _weights(model)) for model in models[1:])


def test_a_frozen_parameter_is_not_trained_in_silence():
    model = PHVAE((1, 6, 6), **OPTIONS)
    model.decoder.requires_grad_(False)
    before = _weights(model)
    with pytest.raises(ConfigError, match=r"4 parameters are frozen, such as decoder\.0\.weight, but fit trains all"):
        model.fit(images().train, steps=1, epochs=1, device="cpu")
    assert _same(_weights(model), before)
    model.requires_grad_().fit(images().train, steps=1, epochs=1, device="cpu")


@pytest.mark.parametrize(
    "options",
    [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": -1.0}, {"warm_up": 2.0}, {"validation": 1.5}, {"device": "x"}],
)
def test_impossible_settings_are_refused(options: dict[str, Any]):
    with pytest.raises(ValueError):
        PHVAE((1, 6, 6), **OPTIONS).fit(images().train, **({"device": "cpu"} | options))


def test_a_share_of_any_real_type_is_a_share():
    one, other = [
        PHVAE((1, 6, 6), **OPTIONS).fit(images().train, epochs=1, validation=share, device="cpu")
        for share in (0.25, np.float32(0.25))
    ]
    assert one.equals(other)


def test_a_diverged_training_leaves_the_model_as_it_was():
    model = PHVAE((1, 6, 6), **OPTIONS)
    before = _weights(model)
    with pytest.raises(PhvaeError, match="diverged at step 1"):
        model.fit(images().train, steps=1, epochs=1, learning_rate=1e38, device="cpu")
    assert _same(_weights(model), before)


FORKED = """
import os, sys, threading
import numpy as np, torch
from phvae import PHVAE
from phvae.errors import ConfigError
def fit(threads):
    torch.set_num_threads(threads)
    PHVAE((64,), network={"name": "dense", "hidden": [512]}).fit(x, epochs=1, device="cpu")
x = np.random.default_rng(0).random((400, 64)).astype(np.float32)
fit(2)
child = os.fork()
if not child:
    try:
        fit(2)
    except ConfigError as error:
        fit(1)
        print(error)
    sys.exit()
watch = threading.Timer(30, os.kill, (child, 9))
watch.start()
os.waitpid(child, 0)
watch.cancel()
fit(2)
"""


@pytest.mark.slow
def test_a_forked_process_says_why_it_cannot_train_with_threads():
    """It hung: the threads of its parent are not there."""
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=True)
    assert "forked from a process that had trained with several threads" in done.stdout
