"""Sprites: golden pictures, and every factor moves only its own property, as measured on the image."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phvae import data
from phvae.data.kinds.sprites import FACTORS, render
from phvae.errors import PhvaeError

NAMES = list(FACTORS)
ONE = st.tuples(*(st.integers(0, size - 1) for size in FACTORS.values()))


def measure(image: np.ndarray) -> dict[str, float]:
    """Level (largest grey), area, centroid and axis angle of a picture (1, H, W)."""
    level = float(image.max())
    mass = image[0] / level
    area = float(mass.sum())
    y, x = np.mgrid[: image.shape[1], : image.shape[2]] + 0.5
    cx, cy = float((mass * x).sum() / area), float((mass * y).sum() / area)
    xx, yy, xy = ((mass * a * b).sum() for a, b in ((x - cx, x - cx), (y - cy, y - cy), (x - cx, y - cy)))
    return {"intensity": level, "scale": area, "x": cx, "y": cy, "orientation": float(np.arctan2(2 * xy, xx - yy) / 2)}


def difference(key: str, a: dict[str, float], b: dict[str, float]) -> float:
    """How far a property moved, in units of what would be seen as a change."""
    if key == "orientation":
        return abs((a[key] - b[key] + np.pi / 2) % np.pi - np.pi / 2) / np.radians(2)
    if key == "scale":
        return abs(a[key] / b[key] - 1) / 0.03
    return abs(a[key] - b[key]) / 0.12 if key in "xy" else abs(a[key] - b[key])


@settings(max_examples=150, deadline=None)
@given(classes=ONE, factor=st.sampled_from(NAMES), shift=st.integers(1, 100))
def test_a_factor_moves_only_its_own_property(classes: tuple[int, ...], factor: str, shift: int) -> None:
    other = list(classes)
    i = NAMES.index(factor)
    other[i] = (classes[i] + 1 + shift % (FACTORS[factor] - 1)) % FACTORS[factor]
    pictures = render(np.array([classes, other]))
    before, after = (measure(picture) for picture in pictures)
    for key in before:
        moved = difference(key, before, after)
        assert (moved > 1) == (key == factor), (key, moved)
    assert not np.array_equal(*pictures)  # the shape moves none of these properties, but the picture


@settings(max_examples=60, deadline=None)
@given(classes=ONE, resolution=st.sampled_from([32, 48, 64]))
def test_properties_are_those_stated(classes: tuple[int, ...], resolution: int) -> None:
    found = measure(render(np.array([classes]), resolution)[0])
    scale = np.linspace(0.15, 0.25, 6)[classes[1]] * resolution
    place = np.linspace(0.31, 0.69, 16) * resolution
    stated = {
        "intensity": 103 + 38 * classes[5],
        "scale": scale**2,
        "x": place[classes[3]],
        "y": place[classes[4]],
        "orientation": classes[2] * np.pi / 12,
    }
    for key, value in stated.items():
        assert difference(key, found, {key: value}) < 1, (key, found[key], value)


@settings(max_examples=30, deadline=None)
@given(a=ONE, b=ONE)
def test_different_classes_look_different(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    pictures = render(np.array([a, b]))
    assert np.array_equal(*pictures) == (a == b)


@pytest.mark.parametrize("resolution", [32, 64])
def test_the_border_cuts_nothing(resolution: int) -> None:
    largest = np.array([[s, 5, o, x, y, 4] for s in range(3) for o in range(12) for x in (0, 15) for y in (0, 15)])
    area = render(largest, resolution).sum(axis=(1, 2, 3)) / 255 / resolution**2
    np.testing.assert_allclose(area, 0.25**2, rtol=0.01)


def test_pictures_do_not_depend_on_what_is_rendered_beside_them() -> None:
    generator = np.random.default_rng(3)
    classes = np.stack([generator.integers(size, size=300) for size in FACTORS.values()], axis=1)
    together = render(classes)
    alone = np.concatenate([render(row[None]) for row in classes[:20]])
    assert np.array_equal(together[:20], alone)


def test_edges_are_anti_aliased_and_binary_ones_are_not() -> None:
    classes = np.array([[0, 3, 4, 7, 7, 4]])
    grey, binary = render(classes), render(classes[:, :5], binary=True)
    assert len(np.unique(grey)) > 8
    assert set(np.unique(binary)) == {0, 255}
    assert np.array_equal(binary == 255, grey >= 128)


# looked at once: shapes by row (rectangle, ellipse, triangle), each larger, turned and brighter to the right
GOLDEN = [[s, k, 2 * k, 3 * k, 15 - 3 * k, min(k, 4)] for s in range(3) for k in range(6)]


@pytest.mark.parametrize(
    ("resolution", "binary", "expected"),
    [
        (32, False, "a018c017a893ce86"),
        (64, False, "136d3b1822c448e7"),
        (32, True, "aee22ac85b051e86"),
    ],
)
def test_golden_pictures(resolution: int, binary: bool, expected: str) -> None:
    classes = np.array(GOLDEN)[:, : 5 if binary else 6]
    images = render(classes, resolution, binary)
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == expected


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.slow
def test_no_scene_is_used_twice(tmp_path: Path, binary: bool) -> None:
    options = {"n_train": 50_000, "n_validation": 2_000, "n_test": 3_296, "resolution": 16, "binary": binary}
    sprites = data.load(data.prepare("sprites", options, cache=tmp_path))
    scenes = np.concatenate([sprites.factors[split][:, :5] for split in ("train", "validation", "test")])
    assert len(np.unique(scenes, axis=0)) == len(scenes) == math.prod(sprites.factor_sizes[:5])


def test_a_larger_pool_leaves_the_other_splits_alone(tmp_path: Path) -> None:
    options = {"n_validation": 30, "n_test": 70, "resolution": 16}
    small, large = (data.load(data.prepare("sprites", options | {"n_train": n}, cache=tmp_path)) for n in (100, 1_000))
    for split in ("validation", "test"):
        assert np.array_equal(small.factors[split], large.factors[split])
    assert np.array_equal(small.factors["train"], large.factors["train"][:100])


def test_more_pictures_than_scenes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhvaeError, match="60,000, expected at most 55,296"):
        data.prepare("sprites", {"n_train": 56_000}, cache=tmp_path)


def test_prepared_sprites_are_uniform_draws(tmp_path: Path) -> None:
    options = {"n_train": 3000, "n_validation": 100, "n_test": 2000, "resolution": 16}
    sprites = data.load(data.prepare("sprites", options, cache=tmp_path))
    assert sprites.shape == (1, 16, 16)
    assert sprites.factor_names == ("shape", "scale", "orientation", "x", "y", "intensity")
    assert sprites.factor_sizes == (3, 6, 12, 16, 16, 5)
    assert not sprites.binary
    for split, n in (("train", 3000), ("test", 2000)):
        for i, size in enumerate(sprites.factor_sizes):
            counts = np.bincount(sprites.factors[split][:, i], minlength=size)
            assert len(counts) == size
            assert np.abs(counts - n / size).max() < 5 * np.sqrt(n / size)
    assert not np.array_equal(sprites.factors["train"][:100], sprites.factors["validation"])
    assert np.array_equal(sprites.test[:50], render(sprites.factors["test"][:50], 16))


def test_the_binary_set_shows_the_same_scenes_without_intensity(tmp_path: Path) -> None:
    options = {"n_train": 50, "n_validation": 10, "n_test": 20}
    grey = data.load(data.prepare("sprites", options, cache=tmp_path))
    binary = data.load(data.prepare("sprites", {**options, "binary": True}, cache=tmp_path))
    assert binary.binary
    assert binary.factor_names == grey.factor_names[:5]
    assert np.array_equal(binary.factors["train"], grey.factors["train"][:, :5])
    assert set(np.unique(binary.train)) == {0, 255}
