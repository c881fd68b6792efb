"""The splits themselves: which examples are drawn is part of every published number and of no key but `revision`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from phvae import data
from phvae.data.recipe import SPLITS
from phvae.data.splits import hold_out, split_rows, stratified

TOLD = "{} changed: raise `revision` of the kinds it serves, so that no cache keeps the old arrays, then this table"
# the first two draws of each split (train, validation, test), first coordinate, as stored
DRAWS = {
    "trimodal": [0.485393, 0.437817, 0.495294, 0.249400, 0.483530, 0.451666],
    "claw": [0.427816, 0.373067, 0.195070, 0.752889, 0.609564, 0.437570],
    "weibull": [0.213522, 0.233060, 0.346537, 0.141848, 0.199667, 0.284200],
    "lognormal": [0.340414, 0.225347, 0.445824, 0.437937, 0.224239, 0.204526],
    "student_t": [0.637474, 0.529050, 0.407639, 0.527649, 0.556691, 0.540154],
    "gap": [0.425246, 0.863174, 0.255275, 0.775971, 0.694245, 0.376998],
    "bimodal": [0.384704, 0.484713, 0.469204, 0.283975, 0.395358, 0.523593],
    "moons": [0.454183, 0.384555, 0.489910, 0.655520, 0.446999, 0.462222],
    "rings": [0.758630, 0.838099, 0.113749, 0.400947, 0.452020, 0.593558],
    "pinwheel": [0.669312, 0.138292, 0.672784, 0.616625, 0.818650, 0.404250],
}


def scenes(cache: Path) -> list[np.ndarray]:
    sprites = data.load(data.prepare("sprites", {"n_train": 90, "n_validation": 20, "n_test": 30}, cache=cache))
    return [sprites.factors[split] for split in SPLITS]


def subset(n_train: int, seed: int | None) -> Callable[[Path], Iterable[np.ndarray]]:
    return lambda cache: [data.load(data.prepare("digits", None, cache=cache)).subset(n_train, seed)]


# one line a split: what gives its index arrays (the path is an empty cache), and their SHA-256
INDICES: dict[str, tuple[Callable[[Path], Iterable[np.ndarray]], str]] = {
    "hold_out of the MNIST family": (lambda cache: hold_out(60_000, 5_000, "idx", where=""), "3fb0f539fd9f9c22"),
    "hold_out of cifar10": (lambda cache: hold_out(50_000, 5_000, "cifar10", where=""), "33326b39ec1e2d48"),
    "stratified of digits": (lambda cache: stratified(load_digits().target, (0.2, 0.1), "digits"), "875b421aae7c6039"),
    "stratified of images": (lambda cache: stratified(np.arange(1000) % 7, (0.1, 0.09), "images"), "ab67f00957120949"),
    "split_rows of dsprites": (
        lambda cache: split_rows(737_280, None, 5_000, 15_000, "Dsprites", where="").values(),
        "cc6fe99da00a0d59",
    ),
    "scenes of sprites": (scenes, "d303b3db6c693bd3"),
    "subset, one order": (subset(100, None), "f7f370c6634c52e7"),
    "subset, by seed": (subset(100, 3), "2007956dac7ff1e3"),
}


@pytest.mark.parametrize("what", INDICES)
def test_splits_are_the_same_as_ever(what: str, tmp_path: Path) -> None:
    indices, expected = INDICES[what]
    state = hashlib.sha256()
    for rows in indices(tmp_path):
        state.update(rows.astype("<i8").tobytes() + b"/")
    assert state.hexdigest()[:16] == expected, TOLD.format(what)


@pytest.mark.parametrize("kind", DRAWS)
def test_draws_are_the_same_as_ever(kind: str, tmp_path: Path) -> None:
    drawn = data.load(data.prepare(kind, {"n_train": 200, "n_validation": 20, "n_test": 20}, cache=tmp_path))
    first = np.concatenate([getattr(drawn, split)[:2, 0] for split in SPLITS])
    np.testing.assert_allclose(first, DRAWS[kind], rtol=1e-4, err_msg=TOLD.format(kind))
