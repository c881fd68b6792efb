"""Generated images of which it is known how many copy a training image, and the scores that look for copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from phvae.audit.digits import blurred, drawn, training
from phvae.determinism.seeding import numpy_generator
from phvae.metrics.scores.memorisation import authentic, copying

__all__ = ["images", "scores", "values"]

_SHARE = 0.2
_GREY = 5


def images(n: int, draw: int) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """Generated and test images of each case, uint8; all cases of a draw share the test images."""
    generator = numpy_generator(draw, "audit", "copies", n)
    train = training()[0]
    test, truth = drawn(n, generator), drawn(n, generator)
    copies = train[generator.permutation(len(train))[:n]]
    some, count = truth.copy(), round(_SHARE * n)
    some[:count] = copies[:count]
    near = np.clip(copies + (_GREY * generator.standard_normal(copies.shape)).round(), 0, 255).astype(np.uint8)
    generated = {
        "truth": truth,
        "redrawn": drawn(n, generator),
        "copies": copies,
        "some copies": some,
        "near copies": near,
        "blurred copies": blurred(copies),
    }
    return {name: (one, test) for name, one in generated.items()}


def scores(generated: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """AuthPct and C_T against the training images."""
    train = training()[0]
    return {"auth_pct": authentic(generated, train), "c_t": copying(generated, test, train)}


def values(n: int, draw: int, folder: Path, only: str | None = None) -> Iterator[tuple[str, Mapping[str, float]]]:
    """The scores of each case, or of one; `folder` is not needed."""
    yield from ((name, scores(*case)) for name, case in images(n, draw).items() if only in (None, name))
