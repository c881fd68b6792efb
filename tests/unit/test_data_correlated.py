"""Correlated factors: the joint distribution asked for in training, the test split as it was, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2
from sets_on_disk import grid, write_factors
from sets_on_disk import prepare as from_disk

from phvae import data
from phvae.data.correlated import Pair, kept
from phvae.data.kinds import grids
from phvae.data.prepared import Prepared
from phvae.errors import PhvaeError

FEW = {"resolution": 16, "n_train": 4_500, "n_validation": 2_000, "n_test": 500}
SIZES = {"a": 4, "b": 7, "c": 12, "d": 5}


def sprites(folder: Path, **options: Any) -> Prepared:
    return data.load(data.prepare("sprites", FEW | options, cache=folder))


def formula(first: int, second: int, sigma: float) -> np.ndarray:
    """p(a, b), (first, second), written out a cell at a time."""
    share = np.array(
        [
            [np.exp(-((i / (first - 1) - j / (second - 1)) ** 2) / (2 * sigma**2)) for j in range(second)]
            for i in range(first)
        ]
    )
    return share / share.sum()


def joint(classes: np.ndarray, columns: tuple[int, int], sizes: tuple[int, int]) -> np.ndarray:
    """Counts of two factors, `sizes`."""
    return np.bincount(
        np.ravel_multi_index(tuple(classes[:, columns].T), sizes), minlength=sizes[0] * sizes[1]
    ).reshape(sizes)


def surprise(counts: np.ndarray, shares: np.ndarray) -> float:
    """The p value of Pearson's chi-square; cells of fewer than five expected are taken together."""
    expected = shares * counts.sum()
    rare = expected < 5
    found = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum())
    found, wanted = found[wanted > 0], wanted[wanted > 0]
    return float(chi2.sf(((found - wanted) ** 2 / wanted).sum(), len(found) - 1))


@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.7])
def test_sprites_have_the_joint_distribution_asked_for(tmp_path: Path, sigma: float) -> None:
    prepared = sprites(tmp_path, correlated=[["x", "intensity", sigma], ["scale", "orientation", 0.4]])
    names, sizes = prepared.factor_names, prepared.factor_sizes
    for split in ("train", "validation"):
        classes = prepared.factors[split]
        for first, second, asked in (("x", "intensity", sigma), ("scale", "orientation", 0.4)):
            pair = names.index(first), names.index(second)
            counts = joint(classes, pair, (sizes[pair[0]], sizes[pair[1]]))
            assert surprise(counts, formula(*counts.shape, asked)) > 1e-3
            assert surprise(counts, formula(*counts.shape, asked * 2)) < 1e-3, "the test can tell strengths apart"
        for other in ("shape", "y"):  # uniform still
            column = names.index(other)
            counts = np.bincount(classes[:, column], minlength=sizes[column])
            assert surprise(counts, np.full(sizes[column], 1 / sizes[column])) > 1e-3
        counts = joint(classes, (names.index("x"), names.index("scale")), (16, 6))  # of two pairs
        assert surprise(counts, np.outer(counts.sum(1), counts.sum(0)) / counts.sum() ** 2) > 1e-3
    test = joint(prepared.factors["test"], (names.index("x"), names.index("intensity")), (16, 5))
    assert surprise(test, np.full((16, 5), 1 / 80)) > 1e-3


@pytest.mark.parametrize("binary", [False, True])
def test_the_test_split_is_that_of_the_uncorrelated_set(tmp_path: Path, binary: bool) -> None:
    few = {"n_train": 200, "n_validation": 50, "n_test": 100, "binary": binary}
    plain, other = sprites(tmp_path, **few), sprites(tmp_path, **few, correlated=[["x", "y", 0.2]])
    for name in ("test.npy", "test_factors.npy"):
        assert (plain.folder / name).read_bytes() == (other.folder / name).read_bytes()
    assert not np.array_equal(plain.train, other.train)
    assert plain.card["split"] + "; train and validation correlated: x with y (sigma 0.2)" == other.card["split"]
    assert other.card["options"]["correlated"] == [["x", "y", 0.2]]
    scenes = np.concatenate([other.factors[split][:, :5] for split in ("train", "validation", "test")])
    assert len(np.unique(scenes, axis=0)) == len(scenes) == 350
    larger = sprites(tmp_path, **few | {"n_train": 400}, correlated=[["x", "y", 0.2]])
    assert np.array_equal(larger.train[:200], other.train)
    assert np.array_equal(larger.validation, other.validation)


def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of dSprites with a small grid."""
    monkeypatch.setattr(grids.Dsprites, "factor_sizes", SIZES)
    (tmp_path / "dsprites").mkdir()
    classes = grid([1, *SIZES.values()])
    images = np.random.default_rng(0).integers(0, 2, (len(classes), 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "dsprites" / grids.Dsprites.files[0].name, imgs=images, latents_classes=classes)


@pytest.mark.filterwarnings("ignore:.*unverified")
@pytest.mark.usefixtures("no_usual_places")
@pytest.mark.parametrize("kind", ["dsprites", "factors"])
def test_grids_on_disk_are_drawn_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    published(tmp_path, monkeypatch)
    table = grid(list(SIZES.values()))
    pixels = (np.arange(len(table))[:, None, None] % 251 * np.ones((1, 6, 6))).astype(np.uint8)
    write_factors(tmp_path / "own.npz", pixels, table)
    options: dict[str, Any] = {"n_train": 600, "n_validation": 20, "n_test": 60}
    options |= {"path": "own.npz", "names": list(SIZES)} if kind == "factors" else {}
    plain = from_disk(tmp_path, kind, **options)
    other = from_disk(tmp_path, kind, **options, correlated=[["b", "d", 0.3]])
    assert np.array_equal(plain.test, other.test)
    assert np.array_equal(plain.factors["test"], other.factors["test"])
    for split, n in (("train", 600), ("validation", 20), ("test", 60)):
        assert len(other.factors[split]) == n
    counts = joint(other.factors["train"], (1, 3), (7, 5))
    assert surprise(counts, formula(7, 5, 0.3)) > 1e-3
    assert surprise(counts, formula(7, 5, 1.0)) < 1e-3
    assert other.card["split"].endswith("; train and validation correlated: b with d (sigma 0.3)")
    rows = np.concatenate([other.factors[split] for split in ("train", "validation", "test")])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_an_exact_count_of_a_large_grid() -> None:
    """Within five standard deviations in every cell, of two pairs at once."""
    classes = np.tile(grid(list(SIZES.values())), (100, 1))
    chosen = classes[kept(classes, SIZES, [Pair("a", "b", 0.25), Pair("d", "c", 0.6)])]
    for (i, j), sigma in {(0, 1): 0.25, (3, 2): 0.6}.items():
        sizes = tuple(SIZES.values())
        counts = joint(chosen, (i, j), (sizes[i], sizes[j]))
        expected = len(chosen) * formula(sizes[i], sizes[j], sigma)
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 1).all()


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("sprites", {"correlated": [["x", "intensty", 0.2]]}, "'intensty' is no factor; did you mean 'intensity'"),
        ("sprites", {"correlated": [["x", "z", 0.2]]}, "'z' is no factor; factors: shape, scale, orientation, x, y, i"),
        ("sprites", {"correlated": [["x", "intensity", 0.2]], "binary": True}, "'intensity' is no factor"),
        ("sprites", {"correlated": [["x", "y", 0]]}, r"correlated\.0\.2: found 0, expected more than 0"),
        ("sprites", {"correlated": [["x", "y", -1]]}, r"correlated\.0\.2: found -1, expected more than 0"),
        ("sprites", {"correlated": [["x", "y"]]}, r"correlated\.0\.2: missing"),
        ("sprites", {"correlated": [["x", "x", 0.2]]}, "each factor in one pair: x is given twice"),
        (
            "sprites",
            {"correlated": [["x", "y", 0.2], ["y", "scale", 0.2]]},
            "each factor in one pair: y is given twice",
        ),
        ("dsprites", {"correlated": [["x", "y", 0.2]]}, "n_train is not given, expected a number"),
        ("shapes3d", {"correlated": [["hue", "scale", 0.2]], "n_train": 9}, "'hue' is no factor"),
        ("factors", {"correlated": [["a", "b", 0.2]], "path": "a.npz", "grid": False}, "full grid .* grid: false"),
        ("digits", {"correlated": [["x", "y", 0.2]]}, r"digits\.data\.correlated: unknown key"),
        ("claw", {"correlated": [["x", "y", 0.2]]}, r"claw\.data\.correlated: unknown key"),
        ("images", {"correlated": [["x", "y", 0.2]], "path": "a"}, r"images\.data\.correlated: unknown key"),
    ],
)
def test_pairs_that_mean_nothing_are_refused(kind: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(PhvaeError, match=text):
        data.validate(kind, options)


@pytest.mark.usefixtures("no_usual_places")
def test_own_factors_are_named_when_the_file_is_read(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(0, 240, 20, dtype=np.uint8)[:, None, None], (1, 4, 4))
    write_factors(tmp_path / "own.npz", pixels, grid([4, 3, 1]))
    with pytest.raises(PhvaeError, match=r"own\.npz: correlated: 'shape' is no factor; factors: factor_1, factor_2, f"):
        from_disk(tmp_path, "factors", path="own.npz", correlated=[["shape", "factor_1", 0.2]])
    with pytest.raises(PhvaeError, match=r"own\.npz: correlated: factor_3 has one value"):
        from_disk(tmp_path, "factors", path="own.npz", correlated=[["factor_3", "factor_1", 0.2]])


def test_more_examples_than_the_correlation_leaves_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhvaeError, match=r"n_train 4,500 is more than the 3,4\d\d scenes .* raise sigma"):
        sprites(tmp_path, correlated=[["x", "y", 0.001]])


@pytest.mark.filterwarnings("ignore:.*unverified")
@pytest.mark.usefixtures("no_usual_places")
def test_more_rows_than_the_correlation_leaves_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, monkeypatch)
    with pytest.raises(PhvaeError, match=r"\d+ of 1680 rows, left by n_test and `correlated`, are too few for n_val"):
        from_disk(tmp_path, "dsprites", n_train=1500, n_validation=20, n_test=60, correlated=[["a", "b", 0.2]])


def test_a_set_without_pairs_keeps_its_key() -> None:
    """The option is no part of a set that does not state it."""
    from phvae.data.registry import stated_options

    assert stated_options(data.validate("sprites", {"correlated": []})) == {"kind": "sprites"}
