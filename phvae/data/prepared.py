"""A prepared data set: memory-mapped splits, labels, factors and the data card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from phvae.data.card import REMEDY, Card, read_card
from phvae.data.files.safe import reading
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError
from phvae.files import sha256

if TYPE_CHECKING:
    from phvae.data.distributions.line import Density1D
    from phvae.data.distributions.plane import Density2D

__all__ = ["Prepared", "load"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prepared data set.

    Attributes:
        kind: the kind of data, such as `digits`.
        shape: of one example: (C, H, W) for images, (D,) for densities and tables.
        train: uint8 (N, C, H, W), 0..255; or (N, D) after the affine map `scaling`, float32, of tables float64.
            Memory-mapped.
        validation: as `train`.
        test: as `train`; the canonical test split, or one drawn with one fixed seed.
        labels: split -> int64 (N,), or empty.
        factors: split -> int64 (N, F), the class of every factor, or empty.
        factor_names: names of the F factors.
        factor_sizes: number of classes of the F factors.
        binary: whether every pixel is 0 or 255.
        is_density: whether an example is a few numbers: of a density with a known pdf, or of a table.
        scaling: (offset, scale), each (D,), of x_model = offset + scale * x_original; None for images.
        sha256: one hash of all content.
        card: the data card.
    """

    kind: str
    folder: Path
    shape: tuple[int, ...]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    labels: Mapping[str, np.ndarray]
    factors: Mapping[str, np.ndarray]
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    binary: bool
    is_density: bool
    scaling: tuple[np.ndarray, np.ndarray] | None
    sha256: str
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """The kind, as a name for messages."""
        return self.kind

    @property
    def density(self) -> Density1D | Density2D | None:
        """The exact density that the examples were drawn from, in original units; None of images and tables."""
        from phvae.data.density_set import DensitySet
        from phvae.data.registry import kind_class, parse

        if not (self.is_density and issubclass(kind_class(self.kind), DensitySet)):
            return None
        options: Any = parse(self.kind, {"kind": self.kind, **self.card["options"]})
        exact: Density1D | Density2D = options.density()
        return exact

    def subset(self, n_train: int | Literal["all"] = "all", seed: int | None = None) -> np.ndarray:
        """Indices (n_train,) into `train`, ascending; for equal seeds a smaller subset lies within a larger one.

        Args:
            n_train: number of training examples, or "all".
            seed: None draws from the set's one fixed order; a seed draws from an order of its own.

        Raises:
            DataError: if the training split has fewer examples.
        """
        total = len(self.train)
        if n_train == "all":
            return np.arange(total)
        if not 1 <= n_train <= total:
            raise DataError(f"n_train is {n_train}, but {self.kind} has {total} training examples")
        generator = numpy_generator(0, "subset", "fixed") if seed is None else numpy_generator(seed, "subset")
        return np.sort(generator.permutation(total)[:n_train])


def load(folder: str | Path, *, verify: bool = False, remedy: str = REMEDY, known: str | None = None) -> Prepared:
    """Load a prepared folder without reading its arrays into memory.

    Args:
        folder: what `prepare` returned.
        verify: read every file once and compare its SHA-256 with the card's.
        remedy: what to do about a damaged set: the end of every message.
        known: the SHA-256 of the set, where it is known from elsewhere; None takes any.

    Raises:
        DataError: if the folder is no prepared set, or a file of it is absent or damaged; names the file.
    """
    folder = Path(folder)
    card, everything = read_card(folder, remedy)
    if known not in (None, card.sha256):
        raise DataError(f"{folder / 'card.json'}: is of another set, {card.kind} {card.sha256:.8}; {remedy}")
    try:
        return _loaded(folder, card, everything, verify)
    except DataError as error:
        raise DataError(f"{error}; {remedy}") from None


def _loaded(folder: Path, card: Card, everything: dict[str, Any], verify: bool) -> Prepared:
    for name, known in card.files.items():
        _check_file(folder / name, known.bytes, known.sha256 if verify else None)
    splits = _arrays(folder, card, "", card.dtype, *card.shape)
    labels, factors = (
        {split: np.array(array) for split, array in _arrays(folder, card, what, "int64", *shape).items()}
        for what, shape in (("_labels", ()), ("_factors", (len(card.factor_names),)))
    )
    scaling = card.scaling
    return Prepared(
        kind=card.kind,
        folder=folder,
        shape=tuple(card.shape),
        **splits,
        labels=labels,
        factors=factors,
        factor_names=tuple(card.factor_names),
        factor_sizes=tuple(card.factor_sizes),
        binary=card.binary,
        is_density=scaling is not None,
        scaling=None if scaling is None else (np.array(scaling.offset), np.array(scaling.scale)),
        sha256=card.sha256,
        card=everything,
    )


def _check_file(path: Path, size: int, known: str | None) -> None:
    with reading(path):
        if not path.is_file() or path.stat().st_size != size:
            raise DataError(f"{path}: absent or cut short, expected {size} bytes")
        if known is not None and sha256(path) != known:
            raise DataError(f"{path}: its content changed since it was prepared")


def _arrays(folder: Path, card: Card, what: str, dtype: str, *shape: int) -> dict[str, np.ndarray]:
    """Memory maps of the listed files `{split}{what}.npy`, by split; each of `shape` per example."""
    found = {}
    for split, count in card.counts:
        path = folder / f"{split}{what}.npy"
        if path.name not in card.files:
            continue
        with reading(path):
            array: np.ndarray = np.lib.format.open_memmap(path, mode="r")
        if (str(array.dtype), array.shape) != (dtype, (count, *shape)):
            raise DataError(f"{path}: {array.dtype} of shape {array.shape}, expected {dtype} of {(count, *shape)}")
        found[split] = array
    return found
