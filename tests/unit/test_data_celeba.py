"""CelebA from small files in its published layouts."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sets_on_disk import nothing_left, prepare

from phvae.data.kinds import celeba
from phvae.errors import DataError

RNG = np.random.default_rng(7)
pytestmark = pytest.mark.usefixtures("no_usual_places")


def write_celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, lacking: str = "") -> dict[str, int]:
    folder = tmp_path / "celeba"
    folder.mkdir()
    names = [f"{i:06d}.jpg" for i in range(1, 13)]
    (folder / "list_eval_partition.txt").write_text(
        "".join(f"{n} {i // 6 if i < 9 else 2}\n" for i, n in enumerate(names))
    )
    smiles = {n: int(v) for n, v in zip(names, RNG.integers(0, 2, 12), strict=True)}
    attributes = [f"{n} -1 {'1' if smiles[n] else '-1'}  1\n" for n in names]
    (folder / "list_attr_celeba.txt").write_text(f"{len(names)}\nMale Smiling Young \n" + "".join(attributes))
    pictures = {}
    for i, name in enumerate(names):
        pixels = np.full((218, 178, 3), 20 * i, np.uint8)
        pixels[35:183, 15:163] = 255 - 20 * i  # the central 148 x 148
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=95)
        pictures[name] = stream.getvalue()
    pictures.pop(lacking, None)
    if form == "folder":
        (folder / "img_align_celeba").mkdir()
        for name, content in pictures.items():
            (folder / "img_align_celeba" / name).write_bytes(content)
    else:
        with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
            for name, content in pictures.items():
                archive.writestr(f"img_align_celeba/{name}", content)
    files = [
        dataclasses.replace(f, md5=hashlib.md5((folder / f.name).read_bytes()).hexdigest())
        if (folder / f.name).exists()
        else f
        for f in celeba.Celeba64.files
    ]
    monkeypatch.setattr(celeba.Celeba64, "files", tuple(files))
    return smiles


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_celeba_from_its_published_layouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    smiles = write_celeba(tmp_path, monkeypatch, form)
    prepared = prepare(tmp_path, "celeba64")
    assert prepared.shape == (3, 64, 64)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (6, 3, 3)
    values = list(smiles.values())
    assert [prepared.labels[s].tolist() for s in ("train", "validation", "test")] == [
        values[:6],
        values[6:9],
        values[9:],
    ]
    grey = [int(p.mean().round()) for s in ("train", "validation", "test") for p in getattr(prepared, s)]
    np.testing.assert_allclose(grey, [255 - 20 * i for i in range(12)], atol=3)  # only the central square is left
    assert prepared.card["label_names"] == ["not Smiling", "Smiling"]


def test_celeba_whose_folder_of_pictures_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_celeba(tmp_path, monkeypatch, "folder")
    for path in (tmp_path / "celeba/img_align_celeba").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="img_align_celeba"):
        prepare(tmp_path, "celeba64")
    assert nothing_left(tmp_path)


def test_celeba_without_a_picture_or_attribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_celeba(tmp_path, monkeypatch, "folder", lacking="000004.jpg")
    with pytest.raises(DataError, match=r"lacks 1 pictures of the partition, such as 000004\.jpg"):
        prepare(tmp_path, "celeba64")
    with pytest.raises(
        DataError, match=r"no attribute 'Smilng'; did you mean 'Smiling'\?; known: Male, Smiling, Young"
    ):
        prepare(tmp_path, "celeba64", label="Smilng")
    assert nothing_left(tmp_path)
