"""Patches: golden places and pixels, splits that share no pixel, every option that cannot be refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from phvae import data
from phvae.data.kinds import patches
from phvae.data.prepared import Prepared
from phvae.data.recipe import SPLITS
from phvae.errors import PhvaeError

FEW = {"n_train": 300, "n_validation": 40, "n_test": 60}


def prepare(folder: Path, **options: int) -> Prepared:
    return data.load(data.prepare("patches", FEW | options, cache=folder))


def unique(photographs: np.ndarray) -> np.ndarray:
    """Photographs of the same shape in which a pixel's first two channels are its row and column, modulo 256."""
    rows, columns = np.indices(photographs.shape[1:3])
    third = (rows // 256 + 2 * (columns // 256))[None] + 10 * np.arange(len(photographs))[:, None, None]
    both = np.broadcast_to(np.stack([rows % 256, columns % 256], axis=-1), (*photographs.shape[:3], 2))
    return np.concatenate([both, third[..., None]], axis=-1).astype(np.uint8)


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photographs whose every pixel tells where it lies."""
    import sklearn.datasets

    found = load_sample_images()
    found.images = list(unique(np.stack(found.images)))
    monkeypatch.setattr(sklearn.datasets, "load_sample_images", lambda: found)


@pytest.mark.parametrize("size", [8, 33, 64])
@pytest.mark.usefixtures("numbered")
def test_splits_share_no_pixel_and_keep_their_distance(tmp_path: Path, size: int) -> None:
    prepared = prepare(tmp_path, size=size)
    used = {}
    for split in SPLITS:
        pixels = getattr(prepared, split).transpose(0, 2, 3, 1).reshape(-1, 3).astype(int)
        row, column = pixels[:, 0] + 256 * (pixels[:, 2] % 10 % 2), pixels[:, 1] + 256 * (pixels[:, 2] % 10 // 2)
        used[split] = np.zeros((2, 427, 640), dtype=bool)
        used[split][pixels[:, 2] // 10, row, column] = True
    for split in ("validation", "test"):
        rest = np.any([used[other] for other in SPLITS if other != split], axis=0)
        for photo, row, column in np.argwhere(used[split])[::97]:
            near = rest[photo, max(row - patches.GAP, 0) : row + patches.GAP + 1]
            assert not near[:, max(column - patches.GAP, 0) : column + patches.GAP + 1].any()


@pytest.mark.usefixtures("numbered")
def test_patches_are_whole_squares_of_one_photograph_and_each_is_used_once(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, size=12, n_test=2_000)
    x = prepared.test.astype(int)
    assert prepared.shape == (3, 12, 12)
    across = np.arange(12)
    assert np.array_equal(x[:, 0] - x[:, 0, :1, :1] - across[:, None], (x[:, 0] < x[:, 0, :1, :1]) * -256)
    assert np.array_equal(x[:, 1] - x[:, 1, :1, :1] - across, (x[:, 1] < x[:, 1, :1, :1]) * -256)
    assert np.array_equal(np.unique(x[:, 2] // 10), [0, 1])
    assert np.array_equal(x[:, 2, 0, 0] // 10, prepared.labels["test"])
    assert len(np.unique(x[:, :, 0, 0], axis=0)) == 2_000
    assert prepared.card["inputs"][0]["verified"] is False  # other pixels than the published ones
    assert np.array_equal(prepare(tmp_path, size=12).test, prepared.test[:60])  # other counts, the same order


def test_every_tile_is_in_one_split_and_every_row_of_tiles_in_all() -> None:
    tiles = [tile for split in SPLITS for tile in patches.TILES[split]]
    assert sorted(tiles) == [(row, column) for row in range(4) for column in range(6)]
    assert all({row for row, _ in patches.TILES[split]} == {0, 1, 2, 3} for split in SPLITS)


# the places were looked at once, on the photographs
@pytest.mark.parametrize(("size", "expected"), [(8, "45e2889d90e252ed"), (64, "d8171ed8fc52f5e5")])
@pytest.mark.usefixtures("numbered")
def test_golden_places(tmp_path: Path, size: int, expected: str) -> None:
    prepared = prepare(tmp_path, size=size)
    corners = [np.ascontiguousarray(getattr(prepared, split)[:, :, 0, 0]) for split in SPLITS]
    assert hashlib.sha256(b"/".join(corner.tobytes() for corner in corners)).hexdigest()[:16] == expected


def test_the_pixels_are_those_of_libjpeg_turbo(tmp_path: Path) -> None:
    told = "another decoder or other photographs: a set of its own, whose numbers are not those of the documents"
    assert [entry["verified"] for entry in prepare(tmp_path).card["inputs"]] == [True, True], told


def test_another_decoders_pixels_are_another_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets

    before = prepare(tmp_path)
    found = load_sample_images()
    found.images[1] = found.images[1].copy()
    found.images[1][200, 300, 0] ^= 1
    monkeypatch.setattr(sklearn.datasets, "load_sample_images", lambda: found)
    after = prepare(tmp_path)
    assert after.folder != before.folder
    assert [entry["verified"] for entry in after.card["inputs"]] == [True, False]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"size": 7}, "size: found 7, expected at least 8"),
        ({"size": 65}, "size: found 65, expected at most 64"),
        ({"size": 64, "n_test": 5_833}, r"n_test is 5,833, expected at most 5,832: there are no more places of 64 pix"),
        ({"colour": "grey"}, "colour: unknown key"),
    ],
)
def test_what_the_photographs_do_not_hold_is_refused(tmp_path: Path, options: dict[str, object], text: str) -> None:
    with pytest.raises(PhvaeError, match=text):
        data.prepare("patches", options, cache=tmp_path)
