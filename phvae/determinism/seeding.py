"""Random generators, each derived from (seed, component); the global generators are never touched."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["derive", "numpy_generator", "torch_generator"]


def derive(seed: int, *component: str | int) -> int:
    """A 63-bit seed for one component of a run, independent of every other component.

    Variants share what they share: (seed, "decoder") gives the same decoder to all of them.

    >>> derive(0, "order") == derive(0, "order"), derive(0, "order") == derive(0, "noise")
    (True, False)
    """
    text = "/".join(str(part) for part in (seed, *component))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *component: str | int) -> np.random.Generator:
    """A NumPy generator for (seed, component)."""
    import numpy as np

    return np.random.default_rng(derive(seed, *component))


def torch_generator(seed: int, *component: str | int) -> torch.Generator:
    """A torch generator for (seed, component), on the CPU: the same numbers whatever the device."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *component))
