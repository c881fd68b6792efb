"""Whether the global random generators were drawn from: no number of this project comes from them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from phvae.errors import ConfigError

__all__ = ["untouched"]


@contextmanager
def untouched(what: str) -> Iterator[None]:
    """Refuse what draws from a global generator of Python, numpy or torch, or seeds it.

    Raises:
        ConfigError: one of them moved; `what` names who is at fault.
    """
    before = _states()
    yield
    moved = [name for name, state in _states().items() if state != before.get(name, state)]
    if moved:
        raise ConfigError(
            f"{what} draws random numbers from the global generator of {' and '.join(moved)}, or seeds it: draw them "
            "from a generator of its own (phvae.determinism.seeding), or the one that is passed; of torch, layers as "
            "phvae.model.layers makes them"
        )


def _states() -> dict[str, Any]:
    """What tells whether a generator moved; torch's where it is loaded."""
    import numpy as np

    state = np.random.get_state(legacy=False)  # noqa: NPY002 (it is read, not drawn from)
    found: dict[str, Any] = {
        "Python": random.getstate(),
        "numpy": (state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"]),
    }
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.get_rng_state().numpy().tobytes()
    return found
