"""The arrays of a model that was trained elsewhere: what its author gave, and a reason for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from phvae.metrics.rows import Undefined

__all__ = ["Given"]

# our array -> what had to be given for it; all others need the model
_NEEDED = {
    "mean": "mean",
    "whitened": "mean",
    "coupling": "mean",
    "log_variance": "log_variance",
    "kl": "log_variance",
    "kl_levels": "log_variance",
    "reconstructions": "reconstructions",
    "samples_mean": "samples",
    "samples_model": "noisy_samples",
    "log_px": "log_px",
}


class Given(Mapping[str, np.ndarray]):
    """Arrays by name; reading one that was not given raises Undefined, which becomes the reason of a row.

    >>> Given({})["samples_mean"]
    Traceback (most recent call last):
    phvae.metrics.rows.Undefined: external: no samples given
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._arrays:
            return self._arrays[name]
        if name in _NEEDED:
            raise Undefined(f"external: no {_NEEDED[name]} given")
        raise Undefined("external: needs the model itself, which was trained elsewhere")

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
