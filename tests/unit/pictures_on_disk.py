"""Small pictures in folders and archives, and how they are prepared."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from phvae import data


def encoded(pixels: np.ndarray | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, form, **options)
    return stream.getvalue()


def pixels(value: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def many(n: int = 40, labels: int = 2) -> dict[str, bytes]:
    """n small pictures in label folders; each is one grey value, its own number (up to 240)."""
    return {f"label{i % labels}/{i:03d}.png": encoded(pixels(i % 240)) for i in range(n)}


def write(root: Path, files: dict[str, bytes], form: str) -> Path:
    root.mkdir(exist_ok=True)
    if form == "folder":
        for name, content in files.items():
            (root / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "set" / name).write_bytes(content)
        return root / "set"
    if form == "zip":
        with zipfile.ZipFile(root / "set.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return root / "set.zip"
    path = root / f"set.{form}"
    with tarfile.open(path, "w:" + form.removeprefix("tar").removeprefix(".")) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def prepare(tmp_path: Path, path: Path, **options: Any) -> data.Prepared:
    return data.load(data.prepare("mine", {"kind": "images", "path": str(path), **options}, cache=tmp_path / "cache"))


def nothing_left(tmp_path: Path) -> bool:
    return not (tmp_path / "cache").exists() or list((tmp_path / "cache").iterdir()) == []
