"""`phvae check-fid`: the published subsets, both programs on one folder, the report, and what is refused."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inception_on_disk import Trap, frechet_low_rank, write_inception
from pictures_on_disk import encoded, pixels
from PIL import Image
from test_data_cifar import write_cifar

from phvae.cli import main
from phvae.errors import DataError
from phvae.jobs import check_fid as job
from phvae.jobs.check_fid import Finding, check_fid, report
from phvae.metrics.features import Extractor, extract
from phvae.metrics.weights import INCEPTION_FILE, INCEPTION_SHA256

GENUINE = Finding((INCEPTION_FILE, INCEPTION_SHA256, "found"), ("one", "two"), 10.32331, 10.32332, True, "cpu")


@pytest.fixture(scope="module")
def random_inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inception(tmp_path_factory.mktemp("weights") / "random.pth")


def write(folder: Path, *sizes: tuple[int, int]) -> Path:
    """A folder of one grey picture a size, the last one a folder deeper."""
    (folder / "deeper").mkdir(parents=True)
    for i, size in enumerate(sizes):
        place = folder / "deeper" if i == len(sizes) - 1 else folder
        (place / f"{i}.png").write_bytes(encoded(pixels(40 * i, *size)))
    return folder


# ---- what is compared ----
def test_the_subsets_are_those_of_torch_fidelitys_own_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_usual_places: None
) -> None:
    batches = write_cifar(tmp_path, monkeypatch, "folder")
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    monkeypatch.setattr(job, "SUBSET", 4)
    train, test = job._subsets(tmp_path)
    whole = np.concatenate([batches[name][0] for name in batches if name != "test_batch"])
    # numpy.random.RandomState(2020).choice(100, 4, replace=False), and of 20
    for folder, name, rows, images in (
        (train, "cifar10-train-4", (12, 23, 43, 93), whole),
        (test, "cifar10-test-4", (4, 6, 9, 12), batches["test_batch"][0]),
    ):
        assert folder.name == name
        assert sorted(path.name for path in folder.iterdir()) == [f"{row:05d}.png" for row in rows]
        for row in rows:
            stored = np.asarray(Image.open(folder / f"{row:05d}.png"))
            assert np.array_equal(stored, images[row].reshape(3, 32, 32).transpose(1, 2, 0))


@pytest.mark.slow
def test_both_programs_agree_on_seeded_weights_and_a_fault_in_ours_is_seen(
    random_inception: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    no_usual_places: None,
) -> None:
    write_cifar(tmp_path, monkeypatch, "folder")
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    monkeypatch.setattr(job, "SUBSET", 6)
    features: list[np.ndarray] = []

    def noted(*arguments: Any, **options: Any) -> np.ndarray:
        features.append(extract(*arguments, **options))
        return features[-1]

    monkeypatch.setattr(job, "extract", noted)
    assert main(["check-fid", "--weights", str(random_inception)]) == 0
    text = capsys.readouterr().out
    expected = frechet_low_rank(*features)
    ours, theirs = (float(re.findall(rf"    {name} +(\S+)\n", text)[0]) for name in ("phvae", "torch-fidelity"))
    assert ours == pytest.approx(expected, rel=1e-4)
    assert theirs == pytest.approx(expected, rel=1e-3)
    monkeypatch.setattr(job, "_torch_fidelity", lambda *arguments: theirs)
    monkeypatch.setattr(job, "extract", lambda *arguments, **options: 1.01 * features.pop(0))
    assert main(["check-fid", "--weights", str(random_inception)]) == 1
    assert "NOT the same arithmetic" in capsys.readouterr().out


def test_folders_are_read_whole_and_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Extractor("toy", lambda images: images.float().mean(dim=(2, 3)), "0" * 64, "none")
    monkeypatch.setattr(job, "_BATCH", 2)
    folder = write(tmp_path / "pictures", *[(8, 6)] * 3)
    features, words = job._features(folder, network, "cpu")
    assert np.array_equal(features, np.repeat([[0.0], [40.0], [80.0]], 3, axis=1))
    assert words.startswith("pictures: 3 of 8 x 6 pixels, their sha256 ")
    assert len(job._dataset(folder)) == 3
    (folder / "0.png").write_bytes(encoded(pixels(1, 8, 6)))
    assert job._features(folder, network, "cpu")[1] != words


# ---- the report ----
@pytest.mark.parametrize(
    ("finding", "good", "words"),
    [
        (GENUINE, True, ["equal to rounding", "10.3233274 within 0.01", ": reached", "FID here is FID\n"]),
        (replace(GENUINE, theirs=10.33), False, ["MORE than rounding", "NOT FID"]),
        (replace(GENUINE, ours=10.34, theirs=10.34), False, ["equal to rounding", "NOT reached", "NOT FID"]),
        (replace(GENUINE, ours=80.0, theirs=80.0, published=False), True, ["FID here is FID\n"]),
        (
            replace(GENUINE, weights=("mine.pth", "ab" * 32, "named by --weights"), ours=3.0, theirs=3.0),
            True,
            ["ab" * 32, "NOT the published 6726825d", "mine.pth, named by --weights", "no FID"],
        ),
    ],
)
def test_the_report_says_what_was_held_against_what(finding: Finding, good: bool, words: list[str]) -> None:
    text, agrees = report(finding)
    assert agrees is good
    for part in [*words, "torch-fidelity 0.4", "sha256", "one", "two", "machine"]:
        assert part in f"{text}\n"
    assert ("published    " in text) == (finding.published and finding.weights[1] == INCEPTION_SHA256)
    assert all(line.startswith("    ") for line in text.splitlines()[2:])  # code, where it is pasted


# ---- weights ----
def test_weights_are_fetched_where_none_are_named_or_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_usual_places: None
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(job, "fetch_inception", lambda: tmp_path / "fetched")
    path, origin = job._found(None)
    assert (path, origin.split()[0]) == (tmp_path / "fetched", "fetched")
    assert "releases/download" in capsys.readouterr().err
    (tmp_path / INCEPTION_FILE).touch()
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    assert job._found(None)[0] == tmp_path / INCEPTION_FILE
    with pytest.raises(DataError, match=r"expected 6726825d"):  # found by its name, and not it
        check_fid(folders=[str(write(tmp_path / name, (8, 8), (8, 8))) for name in "ab"])


def test_a_named_file_that_is_no_state_dict_is_refused_unread(tmp_path: Path) -> None:
    folders = [str(write(tmp_path / name, (8, 8), (8, 8))) for name in "ab"]
    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap(tmp_path / "executed"), protocol=2))
    (tmp_path / "empty.pth").touch()
    for name in ("trap.pth", "empty.pth"):
        with pytest.raises(DataError, match=f"{name}: no state dict"):
            check_fid(str(tmp_path / name), folders)
    assert not (tmp_path / "executed").exists()
    with pytest.raises(DataError, match="--weights: no file"):
        check_fid(str(tmp_path / "absent.pth"), folders)


# ---- folders ----
def test_folders_without_two_pictures_of_one_size_are_refused(tmp_path: Path) -> None:
    network = Extractor("toy", lambda images: images.float().mean(dim=(2, 3)), "0" * 64, "none")
    with pytest.raises(DataError, match="--folders: no folder"):
        check_fid(folders=[str(tmp_path / "absent"), str(tmp_path)])
    with pytest.raises(DataError, match="holds no picture"):
        check_fid(folders=[str(write(tmp_path / "empty")), str(tmp_path)])
    with pytest.raises(DataError, match="one picture, expected at least two"):
        job._features(write(tmp_path / "one", (8, 8)), network, "cpu")
    with pytest.raises(DataError, match=r"mixed size: deeper/1.png has 9 x 8, others 8 x 8"):
        job._features(write(tmp_path / "mixed", (8, 8), (9, 8)), network, "cpu")
    broken = write(tmp_path / "broken", (8, 8), (8, 8))
    (broken / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken: 0.png"):
        job._features(broken, network, "cpu")
