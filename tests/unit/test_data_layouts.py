"""dSprites, 3D Shapes and the user's factor tables, from small files in their published layouts."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from factor_codes import every_third_is_whole
from scoring import factor_bounds
from sets_on_disk import grid, nothing_left, prepare, write_factors

from phvae.data.files import arrays
from phvae.data.kinds import grids
from phvae.errors import DataError
from phvae.metrics.options import EvaluationConfig

RNG = np.random.default_rng(7)
TABLE = grid([5, 4, 3])
PIXELS = RNG.integers(0, 256, (60, 12, 10), dtype=np.uint8)
pytestmark = pytest.mark.usefixtures("no_usual_places")


def write_dsprites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    sizes = {"shape": 3, "scale": 2, "orientation": 4, "x": 3, "y": 3}
    monkeypatch.setattr(grids.Dsprites, "factor_sizes", sizes)
    classes = grid([1, *sizes.values()])
    images = RNG.integers(0, 2, (len(classes), 64, 64), dtype=np.uint8)
    values = classes.astype(np.float64)
    (tmp_path / "dsprites").mkdir()
    np.savez_compressed(
        tmp_path / "dsprites" / grids.Dsprites.files[0].name,
        imgs=images,
        latents_values=values,
        latents_classes=classes,
        metadata=np.array({"author": "lmatthey"}, dtype=object),  # the published file has such a member, never read
        allow_pickle=True,
    )
    return images, classes


def test_dsprites_from_its_published_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, classes = write_dsprites(tmp_path, monkeypatch)
    with pytest.warns(UserWarning, match="unverified"):
        prepared = prepare(tmp_path, "dsprites", n_test=40, n_validation=20)
    assert prepared.binary
    assert prepared.shape == (1, 64, 64)
    assert prepared.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert prepared.factor_sizes == (3, 2, 4, 3, 3)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (156, 20, 40)
    lookup = {tuple(c[1:]): image for c, image in zip(classes, images, strict=True)}
    seen = set()
    for split in ("train", "validation", "test"):
        for picture, factors in zip(getattr(prepared, split), prepared.factors[split], strict=True):
            assert np.array_equal(picture[0], lookup[tuple(factors)] * 255)
            seen.add(tuple(factors))
    assert len(seen) == 216  # without replacement
    assert not prepared.card["inputs"][0]["verified"]


def test_the_test_split_of_dsprites_is_not_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dsprites(tmp_path, monkeypatch)
    with pytest.warns(UserWarning, match="unverified"):
        prepared = prepare(tmp_path, "dsprites", n_test=120, n_validation=20)
    assert every_third_is_whole(prepared.factors["test"])


def test_dsprites_of_another_grid_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dsprites(tmp_path, monkeypatch)
    monkeypatch.setattr(grids.Dsprites, "factor_sizes", {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32})
    with (
        pytest.warns(UserWarning, match="unverified"),
        pytest.raises(DataError, match=r"\[3, 2, 4, 3, 3\] values, expected \[3, 6, 40, 32, 32\]"),
    ):
        prepare(tmp_path, "dsprites")


def test_shapes3d_from_its_published_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"floor_hue": 2, "wall_hue": 3, "object_hue": 2, "scale": 2, "shape": 4, "orientation": 3}
    monkeypatch.setattr(grids.Shapes3d, "factor_sizes", sizes)
    monkeypatch.setattr(arrays, "_BLOCK", 64 * 64 * 3 * 50)  # several blocks
    classes = grid(list(sizes.values()))
    images = RNG.integers(0, 256, (len(classes), 64, 64, 3), dtype=np.uint8)
    (tmp_path / "3dshapes").mkdir()
    with h5py.File(tmp_path / "3dshapes/3dshapes.h5", "w") as file:
        file["images"] = images
        file["labels"] = classes * np.array([0.1, 0.1, 0.1, 1 / 7, 1, 30 / 7]) - np.array([0, 0, 0, -0.75, 0, 30])
    with pytest.warns(UserWarning, match="unverified"):
        prepared = prepare(tmp_path, "shapes3d", n_test=150, n_validation=10, n_train=100)
    assert every_third_is_whole(prepared.factors["test"])
    assert prepared.shape == (3, 64, 64)
    assert prepared.factor_sizes == tuple(sizes.values())
    assert len(prepared.train) == 100
    lookup = {tuple(c): image for c, image in zip(classes, images, strict=True)}
    for split in ("train", "validation", "test"):
        for picture, factors in zip(getattr(prepared, split), prepared.factors[split], strict=True):
            assert np.array_equal(picture.transpose(1, 2, 0), lookup[tuple(factors)])


@pytest.mark.parametrize(
    ("ending", "form"),
    [*itertools.product(["npz"], ["bytes", "unit", "hwc", "chw", "binary", "bool", "int64"]), ("h5", "bytes")],
)
def test_own_factors_of_every_form(tmp_path: Path, ending: str, form: str) -> None:
    images: np.ndarray = {
        "bytes": PIXELS,
        "unit": PIXELS.astype(np.float32) / 255,
        "hwc": np.stack([PIXELS] * 3, axis=-1),
        "chw": np.stack([PIXELS] * 3, axis=1),
        "binary": PIXELS >> 7,
        "bool": PIXELS > 127,
        "int64": PIXELS.astype(np.int64),
    }[form]
    write_factors(tmp_path / f"own.{ending}", images, TABLE * 0.5)
    prepared = prepare(tmp_path, "factors", path=f"own.{ending}", names=["a", "b", "c"], sizes=[5, 4, 3])
    assert prepared.shape == ((3, 12, 10) if form in ("hwc", "chw") else (1, 12, 10))
    assert prepared.factor_names == ("a", "b", "c")
    assert prepared.factor_sizes == (5, 4, 3)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (42, 6, 12)
    assert prepared.binary == (form in ("binary", "bool"))
    expected = np.where(PIXELS > 127, 255, 0) if prepared.binary else PIXELS
    for picture, factors in zip(prepared.test, prepared.factors["test"], strict=True):
        row = int(np.ravel_multi_index(tuple(factors), (5, 4, 3)))
        assert np.array_equal(picture[0], expected[row])
    assert "own" not in str(prepared.card["options"])  # the card can be shared: it names no path


@pytest.mark.parametrize(
    ("images", "factors", "options", "message"),
    [
        (PIXELS[:59], TABLE[:59], {}, r"59 rows do not form the grid 5 x 4 x 3 = 60"),
        (PIXELS, np.concatenate([TABLE[:59], TABLE[:1]]), {}, "1 combinations of factors occur more than once"),
        (PIXELS, TABLE, {"sizes": [4, 4, 3]}, "factor 0 has more values than the 4 stated"),
        (PIXELS, TABLE, {"sizes": [5, 12]}, "3 factors, but 2 sizes"),
        (PIXELS[:59], TABLE, {}, "59 images, but 60 rows of factors"),
        (PIXELS, TABLE[:, 0], {}, "expected .images, factors"),
        (PIXELS, TABLE + np.array([np.nan, 0, 0]), {}, "NaN"),
        (PIXELS.reshape(60, -1), TABLE, {}, "no set of images"),
        (PIXELS.astype(np.float32), TABLE, {}, r"expected 0\.\.1"),
        (np.full((60, 4, 4), np.nan, np.float32), TABLE, {}, r"expected 0\.\.1"),
        (PIXELS / 255, TABLE, {"values": "bytes"}, "no value is above 1, .* set `values: unit` for numbers in 0..1"),
        (PIXELS >> 7, TABLE, {"values": "bytes"}, "no value is above 1, .* `values: binary` for 0 and 1"),
        (PIXELS.astype(np.int16) - 1, TABLE, {}, r"expected 0\.\.255"),
        (PIXELS, TABLE, {"names": ["a", "b"]}, "3 factors need as many different names"),
        (PIXELS, TABLE, {"images": "imags"}, "no array 'imags'; did you mean 'images'"),
        (PIXELS, TABLE, {"n_test": 60}, r"own\.npz: 60 rows are too few"),
        (PIXELS[:0], TABLE[:0], {}, "at least one row"),
    ],
)
def test_factors_that_do_not_fit_are_refused(
    tmp_path: Path, images: np.ndarray, factors: np.ndarray, options: dict[str, Any], message: str
) -> None:
    write_factors(tmp_path / "own.npz", images, factors)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, "factors", path="own.npz", **options)
    assert nothing_left(tmp_path)


def test_floats_of_bytes_are_rounded_not_cut(tmp_path: Path) -> None:
    write_factors(tmp_path / "own.npz", np.abs(PIXELS.astype(np.float32) - 0.01), TABLE)
    prepared = prepare(tmp_path, "factors", path="own.npz", values="bytes")
    rows = np.ravel_multi_index(tuple(prepared.factors["test"].T), (5, 4, 3))
    assert np.array_equal(prepared.test[:, 0], PIXELS[rows])


@pytest.mark.parametrize("grid_", [True, False])
@pytest.mark.slow
def test_a_perfect_code_of_own_factors_is_found_perfect(tmp_path: Path, grid_: bool) -> None:
    table = grid([3, 6, 10, 8])  # sorted by its first factor
    table = table if grid_ else table[:-1]
    write_factors(tmp_path / "own.npz", np.zeros((len(table), 4, 4), np.uint8), table)
    names = ["shape", "scale", "turn", "x"]
    prepared = prepare(tmp_path, "factors", path="own.npz", names=names, grid=grid_, n_test=1200)
    assert every_third_is_whole(prepared.factors["test"])
    bounds = factor_bounds(prepared, EvaluationConfig(votes=500))
    for name in ("dci_forest_informativeness", "explicitness", "factor_vae", "level_{k}_informativeness_shape"):
        assert bounds[name]["ceiling"] > 0.85 > bounds[name]["floor"], name


def test_a_table_that_is_no_grid_is_taken_when_asked(tmp_path: Path) -> None:
    write_factors(tmp_path / "own.npz", PIXELS[:50], TABLE[:50])
    assert prepare(tmp_path, "factors", path="own.npz", grid=False).factor_sizes == (5, 4, 3)
