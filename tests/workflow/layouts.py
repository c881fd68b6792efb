"""Tiny files in the published layouts of the paper's data sets, and the hashes that make them the published ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from test_data_cifar import python2_batch

from phvae.data.files.published import Published
from phvae.data.kinds import celeba, cifar, grids, idx

__all__ = ["write_all"]

TRAIN, TEST = 120, 48


def _pictures(count: int, side: int, channels: int) -> np.ndarray:
    """Bright spots on dark ground, (count, side, side, channels) uint8."""
    generator = np.random.default_rng(3)
    place = np.linspace(0, 1, side)
    y, x = generator.random((2, count, 1))
    spot = np.exp(-((place - y) ** 2)[:, :, None] * 30 - ((place - x) ** 2)[:, None, :] * 30)
    colour = generator.uniform(100, 255, (count, 1, 1, channels))
    return (spot[..., None] * colour).astype(np.uint8)


def _idx(folder: Path, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(TRAIN + TEST, dtype=np.uint8) % 10
    images = _pictures(TRAIN + TEST, 28, 1)[..., 0]
    arrays = (images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])
    files = []
    for file, array in zip(kind.files, arrays, strict=True):
        content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
        path = folder / file.folders[0] / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content))
        files.append(Published(file.name, file.folders, sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(kind, "files", tuple(files))


def _cifar(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder / "cifar10/cifar-10-batches-py"
    target.mkdir(parents=True)
    images = _pictures(TRAIN + TEST, 32, 3).transpose(0, 3, 1, 2).reshape(-1, 3072)
    sizes = [TRAIN // 5] * 5 + [TEST]
    hashes = {}
    for name, rows in zip(cifar.MD5, np.split(np.arange(TRAIN + TEST), np.cumsum(sizes)[:-1]), strict=True):
        content = python2_batch(images[rows], [int(row) % 10 for row in rows])
        (target / name).write_bytes(content)
        hashes[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(cifar, "MD5", hashes)


def _celeba(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder / "celeba"
    target.mkdir()
    names = [f"{i + 1:06d}.jpg" for i in range(TRAIN + TEST)]
    split = [0] * (TRAIN - 20) + [1] * 20 + [2] * TEST
    (target / "list_eval_partition.txt").write_text("".join(f"{n} {s}\n" for n, s in zip(names, split, strict=True)))
    smiles = "".join(f"{name} {1 if i % 2 else -1}\n" for i, name in enumerate(names))
    (target / "list_attr_celeba.txt").write_text(f"{len(names)}\nSmiling\n{smiles}")
    with zipfile.ZipFile(target / "img_align_celeba.zip", "w") as archive:
        for name, picture in zip(names, _pictures(len(names), 218, 3)[:, :, :178], strict=True):
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "JPEG")
            archive.writestr(f"img_align_celeba/{name}", stream.getvalue())
    files = (
        Published(file.name, file.folders, md5=hashlib.md5((target / file.name).read_bytes()).hexdigest())
        for file in celeba.Celeba64.files
    )
    monkeypatch.setattr(celeba.Celeba64, "files", tuple(files))


def _classes(sizes: list[int]) -> np.ndarray:
    return np.array(list(itertools.product(*(range(size) for size in sizes))))


def _dsprites(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"shape": 3, "scale": 2, "orientation": 4, "x": 3, "y": 3}
    monkeypatch.setattr(grids.Dsprites, "factor_sizes", sizes)
    classes = _classes([1, *sizes.values()])
    (folder / "dsprites").mkdir()
    np.savez_compressed(
        folder / "dsprites" / grids.Dsprites.files[0].name,
        imgs=(_pictures(len(classes), 64, 1)[..., 0] > 60).astype(np.uint8),
        latents_values=classes.astype(np.float64),
        latents_classes=classes,
    )


def _shapes3d(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"floor_hue": 3, "wall_hue": 3, "object_hue": 2, "scale": 2, "shape": 4, "orientation": 2}
    monkeypatch.setattr(grids.Shapes3d, "factor_sizes", sizes)
    classes = _classes(list(sizes.values()))
    (folder / "3dshapes").mkdir()
    with h5py.File(folder / "3dshapes" / grids.Shapes3d.files[0].name, "w") as file:
        file["images"] = _pictures(len(classes), 64, 3)
        file["labels"] = classes * 0.1


def write_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every published set of the paper's grid, tiny, below `folder`."""
    for kind in (idx.Mnist, idx.FashionMnist):
        _idx(folder, kind, monkeypatch)
    for write in (_cifar, _celeba, _dsprites, _shapes3d):
        write(folder, monkeypatch)
