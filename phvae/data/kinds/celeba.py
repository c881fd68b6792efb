"""CelebA, aligned and cropped faces, brought to 64x64 pixels.

torchvision's reader wants the pictures unpacked, decodes one at a time and loads torch: hence this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from phvae.data.builder import Builder
from phvae.data.files.archives import walk
from phvae.data.files.obtain import obtain
from phvae.data.files.pictures import Rule, decode_all
from phvae.data.files.places import find_unpacked, search_path
from phvae.data.files.published import Published
from phvae.data.files.safe import reading
from phvae.data.files.trees import is_picture, tree_digest
from phvae.data.recipe import SPLITS, About, Input, Kind, Recipe, Sources
from phvae.errors import DataError, nearest

__all__ = ["Celeba64", "read_attribute", "read_partition"]

_FOLDERS = ("celeba", "CelebA", "celeba64")
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="


def _published(name: str, drive: str, md5: str, limit: int = 1 << 26, unpacked: tuple[str, ...] = ()) -> Published:
    # ids and md5: torchvision.datasets.CelebA
    return Published(
        name,
        _FOLDERS,
        urls=(_DRIVE + drive,),
        md5=md5,
        hashes_from="md5: torchvision",
        limit=limit,
        unpacked=unpacked,
        members=("000001.jpg",) if unpacked else (),
    )


def read_partition(path: Path) -> dict[str, int]:
    """Read list_eval_partition.txt, whose hash was checked: picture name -> 0 train, 1 validation, 2 test."""
    with reading(path):
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return {name: int(part) for name, part in rows}


def read_attribute(path: Path, attribute: str) -> dict[str, int]:
    """Read one column of list_attr_celeba.txt, whose hash was checked: picture name -> 0 or 1.

    Raises:
        DataError: if there is no such attribute.
    """
    with reading(path):
        _, header, *lines = path.read_text(encoding="ascii").splitlines()
        if attribute not in (names := header.split()):
            raise DataError(
                f"{path}: has no attribute {attribute!r}{nearest(attribute, names)}; known: {', '.join(names)}"
            )
        column = names.index(attribute) + 1
        return {parts[0]: int(parts[column] == "1") for parts in map(str.split, lines)}


class Celeba64(Kind):
    """Faces of celebrities, 202,599 pictures with the published partition."""

    crop: Annotated[int, Field(ge=64, le=178)] = Field(148, description="side of the central square, of 178 x 218")
    label: str = Field("Smiling", description="the attribute that serves as label")

    name: ClassVar[str] = "celeba64"
    about: ClassVar[About] = About(
        title="CelebA, aligned faces at 64x64",
        source="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        licence="non-commercial research only (the publishers' agreement)",
        citation="Z. Liu, P. Luo, X. Wang, X. Tang (2015), Deep learning face attributes in the wild, ICCV",
        shape=(3, 64, 64),
        counts=(162_770, 19_867, 19_962),
        note="a central square of 148 pixels, bicubic to 64; one of 40 binary attributes as label",
    )
    files: ClassVar[tuple[Published, ...]] = (
        _published("list_eval_partition.txt", "0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668"),
        _published("list_attr_celeba.txt", "0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c"),
        _published(
            "img_align_celeba.zip",
            "0B7EVK8r0v71pZjFTYXZWM3FlRnM",
            "00d2c5bc6d35e252742224ab0c1e8fcb",
            limit=1 << 31,
            unpacked=(*(f"{f}/img_align_celeba" for f in _FOLDERS), "img_align_celeba"),
        ),
    )

    def read(self, sources: Sources) -> Recipe:
        """Find the partition, the attributes, and the pictures: a zip, or unpacked as torchvision does."""
        folder = find_unpacked(self.files[2], search_path(sources.search))
        checked = obtain(self.files[:2] if folder else self.files, sources)
        inputs = [found for _, found in checked]
        if folder:
            inputs.append(Input("img_align_celeba", tree_digest(folder, "fail")[1], verified=False))
        pictures = folder or checked[2][0]
        partition = read_partition(checked[0][0])
        attribute = read_attribute(checked[1][0], self.label)
        return Recipe(tuple(inputs), lambda builder: self._write(builder, pictures, partition, attribute))

    def _write(self, builder: Builder, path: Path, partition: dict[str, int], attribute: dict[str, int]) -> None:
        from tqdm import tqdm

        names = {split: sorted(n for n, p in partition.items() if p == i) for i, split in enumerate(SPLITS)}
        place = {name: (split, row) for split, rows in names.items() for row, name in enumerate(rows)}
        out = {split: builder.create(split, (len(rows), 3, 64, 64)) for split, rows in names.items()}
        missing = set(place)
        files = (
            (name.rsplit("/", 1)[-1], content)
            for name, content in walk(path, lambda n: is_picture(n) and n.rsplit("/", 1)[-1] in place)
        )
        pictures = decode_all(files, Rule("rgb", size=(64, 64), crop=(self.crop, self.crop)))
        for name, picture in tqdm(pictures, "celeba64", len(place), leave=False, disable=not builder.progress, unit=""):
            if isinstance(picture, DataError):
                raise DataError(f"{path}: {picture}")
            split, row = place[name]
            out[split].write(row, picture[None])
            missing.discard(name)
        if missing:
            raise DataError(f"{path}: lacks {len(missing)} pictures of the partition, such as {min(missing)}")
        for split, rows in names.items():
            builder.annotate(split, labels=np.array([attribute[n] for n in rows]))
        builder.facts["label_names"] = [f"not {self.label}", self.label]
        builder.facts["split"] = "published partition"
