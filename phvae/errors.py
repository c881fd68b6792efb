"""The errors a user can cause: one readable message, exit status 2, no traceback."""

from __future__ import annotations

import difflib
import zipfile
import zlib
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor

__all__ = ["ConfigError", "DataError", "PhvaeError", "nearest", "no_memory", "of_the_machine"]


class PhvaeError(ValueError):
    """Something the user can mend: the message names what was found, what was expected, what to do."""


class ConfigError(PhvaeError):
    """A configuration that cannot be run."""


class DataError(PhvaeError):
    """A data set that is absent, damaged or not what it says it is."""


def no_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch and the loader of libraries say so in words.

    >>> no_memory(RuntimeError("CUDA out of memory")), no_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    words = ("not enough memory", "can't allocate memory", "out of memory", "failed to map segment")
    spoken = isinstance(error, RuntimeError | ImportError) and any(word in str(error) for word in words)
    return isinstance(error, MemoryError) or spoken


def of_the_machine(error: BaseException) -> bool:
    """Whether an error is the machine's or a file's, and may be gone when the same is tried again.

    >>> of_the_machine(OSError(28, "No space left on device")), of_the_machine(ZeroDivisionError())
    (True, False)
    """
    kinds = (OSError, EOFError, zipfile.BadZipFile, zlib.error, BrokenExecutor)
    return isinstance(error, kinds) or no_memory(error)


# What people write -> what it is called here.
_SYNONYMS = {"gpu": "cuda"}


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest valid spelling, or an empty string; capitals do not count.

    >>> nearest("kll", ["kl", "hierarchical"]), nearest("VAE", ["vae"])
    ("; did you mean 'kl'?", "; did you mean 'vae'?")
    >>> nearest("zzz", ["kl"])
    ''
    """
    spelt = {name.lower(): name for name in reversed(list(known))}
    lower = str(word).lower()
    found = difflib.get_close_matches(_SYNONYMS.get(lower, lower), spelt, n=1, cutoff=0.5)
    return f"; did you mean {spelt[found[0]]!r}?" if found else ""
