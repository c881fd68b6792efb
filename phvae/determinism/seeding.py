"""Random generators, each derived from (seed, component); the global generators are never touched."""

from __future__ import annotations

import hashlib
import numbers
from typing import TYPE_CHECKING

from phvae.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["derive", "numpy_generator", "torch_generator"]


def derive(seed: int, *component: str | int) -> int:
    """A 63-bit seed for one component of a run, independent of every other component.

    Variants share what they share: (seed, "decoder") gives the same decoder to all of them.

    >>> derive(0, "order") == derive(0, "order"), derive(0, "order") == derive(0, "noise")
    (True, False)

    Raises:
        ConfigError: a seed that is no whole number from 0 on: `1.0` and `True` would be other streams than `1`.
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
        raise ConfigError(f"seed: found {seed!r:.60}, expected a whole number from 0 on")
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
