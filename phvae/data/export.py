"""The exact splits of a prepared set in one file that plain numpy reads, for models trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from phvae.data.card import SPLITS
from phvae.data.prepared import Prepared
from phvae.files import atomic, sha256, write_text

__all__ = ["export"]

READER = """\
import hashlib, numpy as np

with open("{name}.npz", "rb") as file:
    assert hashlib.file_digest(file, "sha256").hexdigest() == "{digest}"
data = np.load("{name}.npz")
train, validation, test, sha256 = (data[part] for part in ("train", "validation", "test", "sha256"))
"""


def export(data: Prepared, name: str, folder: Path, rows: Mapping[str, np.ndarray] | None = None) -> list[Path]:
    """Write `{name}.npz`, its SHA-256 as `sha256sum -c` reads it, and a reader of five lines.

    The npz holds train, validation and test as the models of this package are given them (images uint8
    N x C x H x W; densities float32 N x D), labels and factors of each split where the set has them, the set's own
    hash as `sha256`, and of a density `offset` and `scale` of the map from original units. Equal sets give equal bytes.

    Args:
        data: the prepared set.
        name: what the files are called.
        folder: where to; made if it is not there.
        rows: further arrays: which rows of `train` a smaller training set has.

    Returns:
        The three files.

    Raises:
        OSError: the folder cannot be written.
    """
    arrays: dict[str, np.ndarray] = {split: getattr(data, split) for split in SPLITS}
    arrays |= {f"{split}_labels": array for split, array in data.labels.items()}
    arrays |= {f"{split}_factors": array for split, array in data.factors.items()}
    if data.factor_names:
        arrays |= {"factor_names": np.array(data.factor_names), "factor_sizes": np.array(data.factor_sizes)}
    if data.scaling is not None:
        arrays |= dict(zip(("offset", "scale"), data.scaling, strict=True))
    arrays |= {"sha256": np.array(data.sha256), **(rows or {})}
    target = Path(folder) / f"{name}.npz"
    with atomic(target) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
    digest = sha256(target)
    written = {
        f"{name}.npz.sha256": f"{digest}  {name}.npz\n",
        f"read_{name}.py": READER.format(name=name, digest=digest),
    }
    for file, text in written.items():
        write_text(target.with_name(file), text)
    return [target, *(target.with_name(file) for file in written)]
