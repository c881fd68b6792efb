"""What a kind of data must offer: typed options that read their sources and write the three splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from phvae.config.strict import Strict
from phvae.data.builder import Builder
from phvae.data.card import SPLITS

__all__ = ["MOST", "SPLITS", "About", "Count", "Input", "Kind", "Recipe", "Sources"]

MOST = 1_000_000_000  # examples of a split: beyond it a number is a slip of the keyboard
Count = Annotated[int, Field(ge=1, le=MOST)]


@dataclass(frozen=True)
class About:
    """What is known of a kind before any byte of it is read.

    Attributes:
        shape: of one example, (C, H, W) or (D,), with the default options; None where the user's files tell it.
        counts: examples of train, validation and test with the default options; None where the user's files tell it.
    """

    title: str
    source: str
    licence: str
    citation: str
    shape: tuple[int, ...] | None
    counts: tuple[int, int, int] | None
    note: str = ""


@dataclass(frozen=True)
class Sources:
    """Where a kind may look for its files, whether it may fetch them, and its name for messages."""

    search: tuple[Path, ...] = ()
    cache: Path = Path("cache")
    download: bool = False
    progress: bool = False
    kind: str = "NAME"


@dataclass(frozen=True)
class Input:
    """One source: its name, SHA-256 of its unpacked bytes, whether these are the published ones (None: the user's)."""

    name: str
    sha256: str
    verified: bool | None


@dataclass(frozen=True)
class Recipe:
    """A set whose sources were found and checked: what they are, and how to write the splits."""

    inputs: tuple[Input, ...]
    write: Callable[[Builder], None]


class Kind(Strict):
    """The options of one kind of data. Its own options are its fields; `read` finds and checks the sources.

    A class in a file of `kinds/` with a `name` is a kind that configurations may ask for.
    """

    name: ClassVar[str]
    about: ClassVar[About]
    # number of values of each ground-truth factor, where they are known beforehand
    factor_sizes: ClassVar[Mapping[str, int]] = {}
    # published files, for `phvae data fetch`; `stamp` watches copies that no published hash vouches for
    files: ClassVar[tuple[Any, ...]] = ()
    # raised by one when the same options and sources give other arrays than before
    revision: ClassVar[int] = 1
    # options that say where the data lie, not what they are: no part of the key or of the card; `stamp` watches them
    places: ClassVar[frozenset[str]] = frozenset()
    # whether values lie in [0, 1], as likelihoods other than the normal ask
    unit_interval: ClassVar[bool] = True

    def read(self, sources: Sources) -> Recipe:
        """Find and check the sources.

        Raises:
            DataError: if a source is absent, damaged or not what it should be.
        """
        raise NotImplementedError

    def glance(self, sources: Sources) -> tuple[tuple[int, ...], tuple[int, int, int]]:
        """Shape of an example, and about how many each split has; asked of kinds with `places` only.

        Raises:
            DataError: if the source is absent, or does not tell without being read whole.
        """
        raise NotImplementedError
