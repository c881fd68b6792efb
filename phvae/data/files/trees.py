"""Folders of pictures: their names and hash, and what the folders say of split and label."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal

from phvae.data.files.archives import walk
from phvae.data.files.pictures import ENDINGS
from phvae.errors import DataError

__all__ = ["is_hidden", "is_picture", "layout_of", "tree_digest"]

_SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation"), "validation"
)


def is_hidden(name: str) -> bool:
    """Whether a file or a folder on its way is hidden, or one of macOS's resource forks."""
    return "/." in f"/{name}" or "/__MACOSX/" in f"/{name}/"


def is_picture(name: str) -> bool:
    """Whether a file name, with forward slashes, is that of a picture that counts.

    >>> is_picture("cats/1.JPG"), is_picture("__MACOSX/cats/._1.jpg"), is_picture("readme.txt")
    (True, False, False)
    """
    return name.lower().endswith(ENDINGS) and not is_hidden(name)


def tree_digest(path: Path, broken: Literal["fail", "skip"]) -> tuple[list[str], str]:
    """Names of all pictures, sorted, and one hash of their names and bytes, alike for a folder, a zip and a tar.

    Raises:
        DataError: if the source is damaged, holds no picture or one name twice, or a file cannot be read and
            `broken` is `fail`.
    """
    found: dict[str, str] = {}
    others: Counter[str] = Counter()

    def wanted(name: str) -> bool:
        if not is_picture(name):
            others[PurePosixPath(name).suffix or "no ending"] += 1
        return is_picture(name)

    for name, content in walk(path, wanted):
        if name in found:
            raise DataError(f"{path}: holds {name} twice")
        if isinstance(content, DataError) and broken == "fail":
            raise DataError(f"{content}; set `broken: skip` to leave such files out")
        found[name] = "unreadable" if isinstance(content, DataError) else hashlib.sha256(content).hexdigest()
    if not found:
        kinds = ", ".join(f"{n} {ending}" for ending, n in others.most_common(5)) or "nothing"
        raise DataError(f"{path}: holds no picture ({', '.join(ENDINGS)}); found {kinds}")
    state = hashlib.sha256()
    for name in sorted(found):
        state.update(f"{name}\0{found[name]}\n".encode("utf-8", "surrogateescape"))
    return sorted(found), state.hexdigest()


def layout_of(
    names: list[str], labelled: bool = True, where: object = "the pictures"
) -> list[tuple[str | None, str | None]]:
    """The split and the label that each name's folders give; folders that hold everything say nothing.

    >>> layout_of(["set/train/cat/1.png", "set/train/dog/1.png", "set/test/cat/1.png"])
    [('train', 'cat'), ('train', 'dog'), ('test', 'cat')]

    Raises:
        DataError: if some pictures lie in label folders and others beside them, or in folders of which some are named
            as splits but not all, or not both train and test. `where` names the source.
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    common = 0
    while all(len(f) > common for f in folders) and len({f[common] for f in folders}) == 1:
        common += 1
    folders = [f[common:] for f in folders]
    tops = {f[0].lower() if f else "." for f in folders}
    splits: list[str | None] = [None] * len(names)
    if len(tops & set(_SPLIT_NAMES)) > 1:  # one alone may be a class: a train is a vehicle
        if not (tops <= set(_SPLIT_NAMES) and {"train", "test"} <= {_SPLIT_NAMES[t] for t in tops}):
            found = ", ".join(sorted({f[0] if f else "." for f in folders}))
            raise DataError(
                f"{where}: found the folders {found}; expected train and test (validation optional) "
                "and no other; rename them, or point `path` inside one of them"
            )
        splits = [_SPLIT_NAMES[f[0].lower()] for f in folders]
        folders = [f[1:] for f in folders]
    labels: list[str | None] = [f[0] if f else None for f in folders]
    if not labelled or len(set(labels)) == 1:
        return [(split, None) for split in splits]
    if None in labels:
        inside = names[next(i for i, label in enumerate(labels) if label is not None)]
        beside = names[labels.index(None)]
        raise DataError(
            f"{where}: {inside} lies in a label folder, {beside} does not; sort all pictures into folders or set "
            "`labels: none`"
        )
    return list(zip(splits, labels, strict=True))
