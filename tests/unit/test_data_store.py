"""Preparing and loading: options, cache, splits, subsets, damaged folders, jobs at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phvae import data
from phvae.data.builder import Builder
from phvae.data.facts import facts
from phvae.data.recipe import Kind
from phvae.data.registry import KINDS
from phvae.errors import ConfigError, DataError
from phvae.files import read_json

CLAW = {"kind": "claw", "n_train": 100, "n_validation": 10, "n_test": 20}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> data.Prepared:
    return data.load(data.prepare("digits", None, cache=tmp_path_factory.mktemp("cache")))


def test_loading_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'sklearn', 'scipy', 'h5py', 'PIL', 'urllib.request'}"
    code = f"import sys, phvae.data as d; d.validate('sprites', {{}}); print(*({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_card_and_documented_options(kind: str) -> None:
    cls = KINDS[kind]
    about = cls.about
    assert cls.name == kind
    assert all([about.title, about.source, about.licence, about.citation])
    assert cls.__doc__
    # the user's own files tell their sizes, all others are known beforehand, for the default options too
    assert (about.shape is None) == (about.counts is None) == bool(cls.places)
    if about.shape:
        told = facts(data.validate(kind, None))
        assert (told.shape, told.counts, told.assumed) == (about.shape, about.counts, False)


def test_every_named_class_is_found_and_no_two_share_a_name() -> None:
    todo, named = [Kind], []
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        named += [cls.name] if "name" in vars(cls) else []
    assert sorted(named) == sorted(KINDS)


@pytest.mark.parametrize(
    ("kind", "options", "counts"),
    [
        ("cifar10", {"n_validation": 1_000}, (49_000, 1_000, 10_000)),
        ("dsprites", {"n_validation": 1_000}, (721_280, 1_000, 15_000)),
        ("dsprites", {"n_train": 900, "correlated": [["x", "y", 0.2]]}, (900, 5_000, 15_000)),
        ("patches", {"size": 64, "n_test": 5_832}, (5_000, 1_000, 5_832)),
        ("dsprites", {"n_train": 700, "n_test": 10_000}, (700, 5_000, 10_000)),
        ("claw", {"n_train": 700}, (700, 2_000, 10_000)),
        ("factors", {"path": "x", "n_test": 77}, (50_000, 5_000, 77)),
    ],
)
def test_counts_that_options_change(kind: str, options: dict[str, object], counts: tuple[int, ...]) -> None:
    assert facts(data.validate(kind, options)).counts == counts


def test_validate_gives_every_option_its_value() -> None:
    assert data.validate("sprites", None) == {
        "kind": "sprites",
        "resolution": 32,
        "n_train": 5000,
        "n_validation": 1000,
        "n_test": 3000,
        "binary": False,
        "correlated": [],
    }
    assert data.validate("mine", {"kind": "claw"})["n_train"] == 10_000


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clwa", None, "did you mean 'claw'"),
        ("mine", {"kind": "sprits"}, "did you mean 'sprites'"),
        ("sprites", {"resolutoin": 64}, "did you mean 'resolution'"),
        ("sprites", {"resolution": 3}, "resolution: found 3, expected at least 16"),
        ("digits", {"size": 8}, r"datasets\.digits\.data\.size: unknown key; known here: none"),
        ("sprites", {"x": 1}, "data.x: unknown key; known here: resolution, n_train"),
        ("sprites", {"n_train": 60_000}, r"sprites\.data: n_train .* is 64,000, expected at most 55,296"),
        ("images", None, "data.path: missing, and required"),
        ("claw", {"n_train": 10**19}, "n_train: .*at most 1000000000"),
        ("claw", {"n_test": 10**30}, "n_test: .*at most 1000000000"),
        ("lognormal", {"sd": 1e-18}, r"sd: .*at least 0\.01"),
        ("rings", {"radii": [1e308]}, r"radii\.0: .*at most 1000"),
        ("rings", {"radii": [float("nan")]}, r"radii\.0: "),
    ],
)
def test_wrong_options_are_config_errors_with_a_hint(
    name: str, options: dict[str, object] | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        data.validate(name, options)


def test_digits_are_scikit_learns(digits: data.Prepared) -> None:
    from sklearn.datasets import load_digits

    assert digits.shape == (1, 8, 8)
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1258, 180, 359)
    assert digits.train.dtype == np.uint8
    everything = np.concatenate([digits.train, digits.validation, digits.test])
    labels = np.concatenate([digits.labels[s] for s in ("train", "validation", "test")])
    bunch = load_digits()
    # the splits are the whole set, each image once, with its own label
    found = sorted((x.tobytes(), int(y)) for x, y in zip(everything, labels, strict=True))
    wanted = [
        (np.round(x * 255 / 16).astype(np.uint8).tobytes(), int(y))
        for x, y in zip(bunch.images, bunch.target, strict=True)
    ]
    assert found == sorted(wanted)
    for split in ("train", "validation", "test"):
        share = np.bincount(digits.labels[split]) / np.bincount(bunch.target)
        np.testing.assert_allclose(share, len(digits.labels[split]) / 1797, atol=0.012)
    assert digits.card["label_names"] == [str(i) for i in range(10)]
    assert not digits.binary
    assert digits.density is None


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 1258), m=st.integers(1, 1258), seed=st.one_of(st.none(), st.integers(0, 2**31)))
def test_subsets_are_nested(digits: data.Prepared, n: int, m: int, seed: int | None) -> None:
    small, large = (digits.subset(k, seed) for k in sorted((n, m)))
    assert len(small) == min(n, m)
    assert len(np.unique(large)) == max(n, m)
    assert np.isin(small, large).all()
    assert large.min() >= 0
    assert large.max() < 1258


def test_subsets_vary_by_seed_only_if_asked(digits: data.Prepared) -> None:
    assert np.array_equal(digits.subset(100), digits.subset(100, None))
    assert not np.array_equal(digits.subset(100, 1), digits.subset(100, 2))
    assert not np.array_equal(digits.subset(100, 0), digits.subset(100, None))
    assert np.array_equal(digits.subset("all"), np.arange(1258))
    assert np.array_equal(digits.subset(1258, 5), np.arange(1258))


@pytest.mark.parametrize("n", [0, 1259])
def test_too_large_a_subset_is_an_error(digits: data.Prepared, n: int) -> None:
    with pytest.raises(DataError, match=f"n_train is {n}, but digits has 1258"):
        digits.subset(n)


def test_equal_options_share_a_folder_and_others_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.prepare("a", CLAW, cache=tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Builder, "put", None)  # nothing may be written a second time
        assert data.prepare("b", dict(CLAW), cache=tmp_path) == first
    assert data.prepare("a", {**CLAW, "n_test": 21}, cache=tmp_path) != first
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_preparing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    a = data.load(data.prepare("a", CLAW, cache=tmp_path / "1"))
    b = data.load(data.prepare("a", CLAW, cache=tmp_path / "2"))
    assert a.sha256 == b.sha256
    assert a.card == b.card


def test_the_card_tells_the_content(tmp_path: Path) -> None:
    folder = data.prepare("a", CLAW, cache=tmp_path)
    card = read_json(folder / "card.json")
    assert card["counts"] == {"train": 100, "validation": 10, "test": 20}
    assert set(card) >= {"title", "source", "licence", "citation", "shape", "counts", "sha256", "files", "split"}
    assert data.load(folder, verify=True).sha256 == card["sha256"]
    assert folder.name == f"claw-{card['key'][:16]}"


@pytest.mark.slow
def test_jobs_at_once_do_not_collide(tmp_path: Path) -> None:
    code = f"import sys; from phvae import data\nprint(data.prepare('a', {CLAW!r}, cache=sys.argv[1]))"
    jobs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    folders = {job.communicate(timeout=120)[0].strip() for job in jobs}
    assert {job.returncode for job in jobs} == {0}
    assert len(folders) == 1
    assert [p.name for p in tmp_path.iterdir()] == [Path(folders.pop()).name]


def test_threads_at_once_that_all_write_do_not_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    barrier = threading.Barrier(3, timeout=60)
    put = Builder.put

    def slow(self: Builder, split: str, *args: object, **keywords: object) -> None:
        if split == "train":
            barrier.wait()  # all have seen that nothing is prepared
        put(self, split, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Builder, "put", slow)
    folders: list[Path] = []
    threads = [
        threading.Thread(target=lambda: folders.append(data.prepare("a", CLAW, cache=tmp_path))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 3
    assert len(set(folders)) == 1
    data.load(folders[0], verify=True)
    assert list(tmp_path.iterdir()) == [folders[0]]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Builder.put

    def fail(self: Builder, split: str, *args: object, **keywords: object) -> None:
        if split == "test":
            raise OSError(28, "No space left on device")
        put(self, split, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Builder, "put", fail)
    with pytest.raises(DataError, match=r"claw cannot be written \(No space left on device\)$"):
        data.prepare("a", CLAW, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["claw", "sprites"])
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cache: .* cannot be written"):
        data.prepare(kind, None, cache=tmp_path / "cache")


def test_remains_of_killed_jobs_are_swept(tmp_path: Path) -> None:
    import os

    for name, age in ((".preparing-old", 3 * 86_400), (".preparing-new", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.npy").write_bytes(b"x")
        for path in (tmp_path / name / "train.npy", tmp_path / name):
            stamp = path.stat().st_mtime - age
            os.utime(path, (stamp, stamp))
    data.prepare("a", CLAW, cache=tmp_path)
    assert not (tmp_path / ".preparing-old").exists()
    assert (tmp_path / ".preparing-new").exists()
