"""The user's own pictures: a folder, zip or tar of PNG, JPEG and WebP files, sub-folders as labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from phvae.data.builder import Builder, Target
from phvae.data.files.archives import names_of, walk
from phvae.data.files.pictures import Rule, decode, decode_all
from phvae.data.files.places import locate
from phvae.data.files.trees import is_picture, layout_of, tree_digest
from phvae.data.recipe import About, Input, Kind, Recipe, Sources
from phvae.data.splits import stratified
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError

__all__ = ["Images"]

Side = Annotated[int, Field(ge=1, le=4096)]


class Images(Kind):
    """Pictures of a folder, zip or tar."""

    path: str = Field(
        min_length=1, description="folder, zip or tar; a relative path is looked for along the search path too"
    )
    size: Side | tuple[Side, Side] | None = Field(
        None, description="pixels a side, or [height, width]; none: their own"
    )
    fit: Literal["crop", "pad", "stretch"] = Field("crop", description="how a picture of another shape comes to size")
    crop: Side | tuple[Side, Side] | None = Field(None, description="central piece that is cut out before")
    colour: Literal["rgb", "grey"] = "rgb"
    background: Annotated[int, Field(ge=0, le=255)] = Field(0, description="grey behind transparent and padded pixels")
    labels: Literal["folders", "none"] = Field("folders", description="whether sub-folders are labels")
    broken: Literal["fail", "skip"] = Field("fail", description="what a file that cannot be decoded does")
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(0.1, description="of the training part")
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(0.1, description="where there is no folder `test`")

    name: ClassVar[str] = "images"
    about: ClassVar[About] = About(
        title="The user's own pictures",
        source="the user's folder, zip or tar",
        licence="the user's",
        citation="the user's",
        shape=None,
        counts=None,
    )
    revision: ClassVar[int] = 2
    places: ClassVar[frozenset[str]] = frozenset({"path"})

    def read(self, sources: Sources) -> Recipe:
        """List and hash the pictures; they are decoded while they are written."""
        path = locate(self.path, sources)
        names, digest = tree_digest(path, self.broken)
        layout = layout_of(names, labelled=self.labels == "folders", where=path)
        rule = self._rule()
        return Recipe((Input("pictures", digest, verified=None),), lambda b: self._write(b, path, names, layout, rule))

    def glance(self, sources: Sources) -> tuple[tuple[int, ...], tuple[int, int, int]]:
        """Count the pictures' names; the first one tells a size that no option does."""
        path = locate(self.path, sources)
        names = names_of(path, is_picture)
        if not names:
            raise DataError(f"{path}: holds no picture")
        given = Counter(split for split, _ in layout_of(names, labelled=False, where=path))
        test = given["test"] or _share(given[None], self.test_share)
        left = given["train"] or given[None] - test
        validation = given["validation"] or _share(left, self.validation_share)
        train = left if given["validation"] else left - validation
        return self._shape(path, names[0]), (train, validation, test)

    def _shape(self, path: Path, first: str) -> tuple[int, ...]:
        if size := _pair(self.size):
            return (1 if self.colour == "grey" else 3, *size)
        _, content = next(walk(path, first.__eq__))
        if isinstance(content, DataError):
            raise content
        return decode(content, self._rule(), first).shape

    def _rule(self) -> Rule:
        return Rule(self.colour, _pair(self.size), self.fit, _pair(self.crop), self.background)

    def _write(
        self, builder: Builder, path: Path, names: list[str], layout: list[tuple[str | None, str | None]], rule: Rule
    ) -> None:
        pixels, good, skipped = self._decoded(builder, path, names, rule)
        labels = sorted({label for _, label in layout if label is not None})
        classes = np.array([labels.index(label) for _, label in layout if label is not None], dtype=np.int64)
        given = np.array([split or "" for split, _ in layout])
        splits = self._splits(good, given, classes, path)
        for split, rows in splits.items():
            out = builder.create(split, (len(rows), *pixels.shape[1:]))
            for i, row in enumerate(rows):
                out.write(i, pixels.read(row)[None])
            builder.annotate(split, labels=classes[rows] if labels else None)
        (builder.folder / "scratch").unlink()
        builder.facts["label_names"] = labels
        trained = set(classes[splits["train"]]) if labels else set()
        builder.facts["labels_without_training"] = [name for i, name in enumerate(labels) if i not in trained]
        builder.facts["source_counts"] = {s or "all": int((given[good] == s).sum()) for s in sorted(set(given))}
        builder.facts["skipped"] = skipped
        builder.facts["split"] = "folders" if given[0] else "one fixed seed, stratified by label"

    def _decoded(
        self, builder: Builder, path: Path, names: list[str], rule: Rule
    ) -> tuple[Target, np.ndarray, list[str]]:
        """All pictures in one array on disk, the indices of the good ones, and the names of the others."""
        from tqdm import tqdm

        place = {name: i for i, name in enumerate(names)}
        good = np.zeros(len(names), dtype=bool)
        skipped: list[str] = []
        pixels: Target | None = None
        first = ""
        pictures = decode_all(_known(walk(path, place.__contains__), path, place), rule)
        for name, picture in tqdm(pictures, "pictures", len(names), leave=False, disable=not builder.progress, unit=""):
            if isinstance(picture, DataError):
                if self.broken == "fail":
                    raise DataError(f"{path}: {picture}; set `broken: skip` to leave such files out")
                skipped.append(name)
                continue
            if pixels is None:
                first, pixels = name, builder.scratch("scratch", (len(names), *picture.shape))
            if picture.shape != pixels.shape[1:]:
                raise DataError(
                    f"{path}: pictures of mixed size: {first} has {_size(pixels.shape[1:])} pixels, {name} "
                    f"{_size(picture.shape)}; set `size` (and `fit`) to bring them to one"
                )
            pixels.write(place[name], picture[None])
            good[place[name]] = True
        if pixels is None:
            raise DataError(f"{path}: none of the {len(names)} pictures could be decoded; the first: {skipped[0]}")
        return pixels, np.flatnonzero(good), sorted(skipped)

    def _splits(self, good: np.ndarray, given: np.ndarray, classes: np.ndarray, path: Path) -> dict[str, np.ndarray]:
        strata = classes if len(classes) else np.zeros(len(given), dtype=np.int64)

        def part(rows: np.ndarray, *shares: float) -> list[np.ndarray]:
            return [rows[i] for i in stratified(strata[rows], shares, "images")]

        if not given[0]:
            test, validation, train = part(good, self.test_share, self.validation_share * (1 - self.test_share))
        else:
            train, test = (good[given[good] == s] for s in ("train", "test"))
            validation = good[given[good] == "validation"]
            if not len(validation):
                validation, train = part(train, self.validation_share)
        # the order of file names is the order of labels: the first test pictures would not hold the last one's labels
        test = numpy_generator(0, "order", "images").permutation(test)
        splits = {"train": train, "validation": validation, "test": test}
        if empty := [s for s, rows in splits.items() if not len(rows)]:
            raise DataError(f"{path}: {len(good)} pictures are too few: the {empty[0]} split would be empty")
        return splits


def _known(
    items: Iterator[tuple[str, bytes | DataError]], path: Path, place: dict[str, int]
) -> Iterator[tuple[str, bytes | DataError]]:
    """The same files as in the first pass, or an error: another process may be changing them."""
    left = set(place)
    for name, content in items:
        left.discard(name)
        yield name, content
    if left:
        raise DataError(f"{path}: {sorted(left)[0]} vanished while the pictures were read")


def _pair(value: int | tuple[int, int] | None) -> tuple[int, int] | None:
    return (value, value) if isinstance(value, int) else value


def _share(count: int, share: float) -> int:
    return int(count * share + 0.5)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[2]}"
