"""`fit`: one model in memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import cell, dense, images, runs

from phvae import PHVAE, load
from phvae.api.fitting import fit
from phvae.errors import DataError, PhvaeError
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
