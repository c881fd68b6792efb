"""The user's own pictures as a set: layouts, splits, broken files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factor_codes import every_third_is_whole
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures_on_disk import encoded, many, nothing_left, pixels, prepare, write

from phvae import data
from phvae.data.files.trees import layout_of
from phvae.data.splits import stratified
from phvae.errors import ConfigError, DataError
from phvae.metrics.scores import latent

SHARED = [Path(p) for p in os.environ.get("PHVAE_DATA_PATH", "").split(os.pathsep) if p]


@pytest.mark.parametrize("form", ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_set_is_the_same_whatever_it_is_packed_in(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "a", {"readme.txt": b"x", "__MACOSX/._000.png": b"x", **many()}, form)
    prepared = prepare(tmp_path, path)
    assert prepared.shape == (3, 8, 8)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (32, 4, 4)
    numbers = []
    for split in ("train", "validation", "test"):
        for picture, label in zip(getattr(prepared, split), prepared.labels[split], strict=True):
            assert picture.min() == picture.max()
            assert picture.max() % 2 == label
            numbers.append(int(picture.max()))
    assert sorted(numbers) == list(range(40))
    assert prepared.card["label_names"] == ["label0", "label1"]
    assert prepare(tmp_path, write(tmp_path / "b", many(), "folder")).sha256 == prepared.sha256
    assert len(list((tmp_path / "cache").iterdir())) == 1  # one prepared set, whatever the packing


def test_folders_named_train_and_test_are_the_splits(tmp_path: Path) -> None:
    files = {f"top/{s}/{k}": v for s, n in (("train", 20), ("test", 6)) for k, v in many(n).items()}
    prepared = prepare(tmp_path, write(tmp_path, files, "zip"))
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (18, 2, 6)
    assert sorted(int(x.max()) for x in prepared.test) == list(range(6))
    assert prepared.card["source_counts"] == {"train": 20, "test": 6}
    own = prepare(tmp_path, write(tmp_path / "v", {**files, "top/val/label0/x.png": encoded(pixels(99))}, "folder"))
    assert (len(own.train), len(own.validation), len(own.test)) == (20, 1, 6)
    assert own.validation.max() == 99


@pytest.mark.parametrize("split", [True, False])
def test_the_test_split_is_not_sorted_by_label(tmp_path: Path, split: bool) -> None:
    files = many(600, 3)
    if split:
        files = {f"{s}/{k}": v for s, part in (("train", many(60, 3)), ("test", many(120, 3))) for k, v in part.items()}
    prepared = prepare(tmp_path, write(tmp_path, files, "zip"), test_share=0.2)
    labels = prepared.labels["test"]
    assert len(labels) == 120
    assert every_third_is_whole(labels)
    assert np.array_equal(prepared.test.max(axis=(1, 2, 3)) % 3, labels)
    codes = np.eye(3)[labels] + 0.1 * np.random.default_rng(0).standard_normal((120, 3))
    assert latent.knn_accuracy(codes, labels) == 1


def test_layouts() -> None:
    assert layout_of(["a.png", "b.png"]) == [(None, None)] * 2
    assert layout_of(["x/a.png", "x/b.png"]) == [(None, None)] * 2  # one folder around all says nothing
    assert layout_of(["x/1/a.png", "x/2/b.png"]) == [(None, "1"), (None, "2")]
    assert layout_of(["x/1/a.png", "x/2/b.png"], labelled=False) == [(None, None)] * 2
    assert layout_of(["Train/a.png", "TEST/b.png"]) == [("train", None), ("test", None)]
    assert layout_of(["train/a.png", "other/b.png"]) == [(None, "train"), (None, "other")]
    with pytest.raises(DataError, match=r"1/a\.png lies in a label folder, b\.png does not"):
        layout_of(["1/a.png", "b.png"])


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (("train", "val"), "train, val"),  # ImageNet's
        (("Validation", "test"), "Validation, test"),
        (("train", "training"), "train, training"),
        (("train", "test", "extra"), "extra, test, train"),
        (("train", "test", ""), "label0, label1, test, train"),
    ],
)
def test_folders_named_as_splits_are_never_classes(tmp_path: Path, folders: tuple[str, ...], found: str) -> None:
    files = {str(Path(folder, k)): v for folder in folders for k, v in many(20).items()}
    with pytest.raises(DataError, match=rf"set: found the folders {found}; expected train and test \(validation opt"):
        prepare(tmp_path, write(tmp_path, {k: v for k, v in files.items() if k}, "folder"))
    with pytest.raises(DataError, match="expected train and test"):
        layout_of(list(files), labelled=False)


def test_mixed_sizes_need_a_rule(tmp_path: Path) -> None:
    files = {**many(20), "label0/large.png": encoded(pixels(1, 9, 12))}
    path = write(tmp_path, files, "folder")
    with pytest.raises(
        DataError, match=r"mixed size: label0/000\.png has 8 x 8 pixels, label0/large\.png 9 x 12; set `size`"
    ):
        prepare(tmp_path, path, broken="skip")
    assert nothing_left(tmp_path)
    assert prepare(tmp_path, path, size=8).shape == (3, 8, 8)
    assert prepare(tmp_path, path, size=[6, 4], colour="grey").shape == (1, 6, 4)


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz"])
def test_a_broken_file_is_named_and_skipped_or_fatal(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, {**many(), "label1/broken.jpg": b"\xff\xd8\xff no picture"}, form)
    with pytest.raises(DataError, match=r"label1/broken\.jpg.*set `broken: skip`"):
        prepare(tmp_path, path)
    assert nothing_left(tmp_path)
    prepared = prepare(tmp_path, path, broken="skip")
    assert prepared.card["skipped"] == ["label1/broken.jpg"]
    assert sum(prepared.card["counts"].values()) == 40


def test_an_unreadable_file_is_named_and_skipped_or_fatal(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "folder")
    (path / "label0" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"gone\.png"):
        prepare(tmp_path, path)
    assert prepare(tmp_path, path, broken="skip").card["skipped"] == ["label0/gone.png"]


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_a_set_without_pictures(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, {"a.txt": b"x", "b.txt": b"x", "c.gif": b"x"}, form)
    with pytest.raises(DataError, match=r"holds no picture \(.png, .jpg, .jpeg, .webp\); found 2 .txt, 1 .gif"):
        prepare(tmp_path, path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"holds no picture.*found nothing"):
        prepare(tmp_path, empty)


def test_only_broken_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the 2 pictures could be decoded"):
        prepare(tmp_path, write(tmp_path, {"a.png": b"x", "b.png": b"y"}, "zip"), broken="skip")
    assert nothing_left(tmp_path)


def test_too_few_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="4 pictures are too few: the validation split would be empty"):
        prepare(tmp_path, write(tmp_path, many(4), "zip"))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 200), min_size=20, max_size=80),
    st.lists(st.sampled_from([0.01, 0.1, 0.2, 0.45]), min_size=1, max_size=2),
)
def test_parts_have_their_shares_and_no_row_twice(labels: list[int], shares: list[float]) -> None:
    parts = stratified(np.array(labels), tuple(shares), "test")
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert all(abs(len(part) - len(labels) * share) < 1 for part, share in zip(parts, shares, strict=False))


def test_labels_of_one_picture_keep_the_shares_and_are_told(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, write(tmp_path, many(40, labels=40), "zip"), validation_share=0.25)
    counts = [len(getattr(prepared, s)) for s in ("train", "validation", "test")]
    assert counts == [27, 9, 4]
    names = np.array(prepared.card["label_names"])
    unseen = [names[prepared.labels[s]] for s in ("validation", "test")]
    assert prepared.card["labels_without_training"] == sorted(np.concatenate(unseen))


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.zip: not found"):
        prepare(tmp_path, tmp_path / "nowhere.zip")


def test_a_relative_path_is_found_along_the_search_path(tmp_path: Path) -> None:
    write(tmp_path, many(), "zip")
    folder = data.prepare("mine", {"kind": "images", "path": "set.zip"}, cache=tmp_path / "cache", search=[tmp_path])
    assert folder == prepare(tmp_path, tmp_path / "set.zip").folder


def test_pictures_that_vanish_between_the_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from phvae.data.kinds import images

    path = write(tmp_path, many(), "folder")
    original = images.tree_digest

    def then_remove(*args: Any) -> Any:
        result = original(*args)
        (path / "label0" / "000.png").unlink()
        return result

    monkeypatch.setattr(images, "tree_digest", then_remove)
    with pytest.raises(DataError, match=r"label0/000\.png vanished"):
        prepare(tmp_path, path)


@pytest.mark.slow
def test_real_cifar10_jpegs(tmp_path: Path) -> None:
    name = "cifar10-jpeg/cifar10-jpeg-25k.zip"
    if not any((root / name).is_file() for root in SHARED):
        pytest.skip(f"PHVAE_DATA_PATH names no folder that holds {name}")
    folder = data.prepare("cifar10-jpeg", {"kind": "images", "path": name}, cache=tmp_path, search=SHARED)
    real = data.load(folder)
    assert real.shape == (3, 32, 32)
    assert real.card["source_counts"] == {"train": 20_000, "test": 5_000}
    assert (len(real.train), len(real.validation), len(real.test)) == (18_000, 2_000, 5_000)
    assert len(real.card["label_names"]) == 10
    assert set(np.bincount(real.labels["train"])) == {1800}
    assert set(np.bincount(real.labels["test"])) == {500}


def test_an_empty_path_is_not_the_working_directory() -> None:
    with pytest.raises(ConfigError, match=r"mine\.data\.path: found '', expected at least 1 character"):
        data.validate("mine", {"kind": "images", "path": ""})
