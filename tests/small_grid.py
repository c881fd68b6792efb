"""A small configuration for tests, and changes of it."""

from __future__ import annotations

import copy

SMALL = {
    "name": "small",
    "seeds": 2,
    "model": {"latent_size": 12},
    "datasets": {"claw": {"n_train": [100]}, "digits": {}},
    "variants": {
        "vae": {"model": {"order": 1, "divergence": "kl"}},
        "ph-vae-3": {"model": {"order": 3, "divergence": "hierarchical"}},
    },
}


def changed(path: str, value: object, of: dict = SMALL) -> dict:
    """A configuration with one entry replaced; `path` is dotted."""
    content = copy.deepcopy(of)
    at = content
    *parents, last = path.split(".")
    for key in parents:
        at = at.setdefault(key, {})
    at[last] = value
    return content
