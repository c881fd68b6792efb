"""Codes whose relation to the factors is known, and every score of codes against factors on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import numpy as np

from phvae.data.kinds.sprites import FACTORS
from phvae.determinism.seeding import numpy_generator
from phvae.metrics.factors import make_table
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import SCORERS

__all__ = ["MODULES", "VOTES", "codes", "scores", "values"]

VOTES = 2_000  # the fewer of the grids: 2,000 of config/quick.yaml, 10,000 of config/reference.yaml
_UNUSED, _OWN = 0.02, 0.1  # standard deviations: of a code that holds nothing, of what a clean code adds to its factor
MODULES = [scorer.module for scorer in SCORERS if scorer.group == "disentanglement"]
_SIZES = tuple(FACTORS.values())
_LOST = [list(FACTORS).index(name) for name in ("shape", "x")]


def _rotation(name: str) -> np.ndarray:
    """A random rotation of six codes, always the same for a name."""
    size = len(_SIZES)
    return np.linalg.qr(numpy_generator(0, "audit", "rotation", name).standard_normal((size, size)))[0]


def _half_turned(clean: np.ndarray) -> np.ndarray:
    """Each two neighbours turned by a quarter of a right angle."""
    angle = np.pi / 8
    turned = clean.copy()
    for i in range(0, clean.shape[1] - 1, 2):
        a, b = clean[:, i], clean[:, i + 1]
        turned[:, i], turned[:, i + 1] = np.cos(angle) * a - np.sin(angle) * b, np.sin(angle) * a + np.cos(angle) * b
    return turned


def _clean(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each factor as one code, (n, 6) of standard deviation 1; six unused codes (n, 6); the factors (n, 6)."""
    factors = np.stack([generator.integers(0, size, n) for size in _SIZES], axis=1)
    levels = (np.array(_SIZES) - 1) / 2
    width = np.sqrt((np.square(_SIZES) - 1) / 12)
    clean = (factors - levels) / width + _OWN * generator.standard_normal(factors.shape)
    return clean, _UNUSED * generator.standard_normal(factors.shape), factors


def codes(n: int, draw: int) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """Codes (n, L) and factors (n, 6) of each case, from one draw of the examples."""
    generator = numpy_generator(draw, "audit", "codes", n)
    clean, unused, factors = _clean(n, generator)
    more = generator.standard_normal(clean.shape)
    rows = generator.permutation(n)
    other, other_unused, other_factors = _clean(n, generator)
    turn, second = _rotation("first"), _rotation("second")
    base = np.hstack([clean, unused])
    lost = clean.copy()
    lost[:, _LOST] = _UNUSED * more[:, _LOST]
    scaled = base.copy()
    scaled[:, 0] *= 4
    cubed = clean**3
    made = {
        "clean": base,
        "noise": np.hstack([more, unused]),
        "middling": np.hstack([_half_turned(clean) + more, unused]),
        "noisy": np.hstack([clean + more, unused]),
        "rotated": np.hstack([clean @ turn, unused]),
        "mixed": np.hstack([np.tanh(1.5 * clean @ turn) @ second, unused]),
        "lost": np.hstack([lost, unused]),
        "doubled": np.hstack([clean, clean + _OWN * more]),
        "codes permuted": base[:, numpy_generator(0, "audit", "order").permutation(base.shape[1])],
        "codes negated": base * np.where(np.arange(base.shape[1]) % 2, -1, 1),
        "wider": np.hstack([base, _UNUSED * more]),
        "scaled": scaled,
        "curved": np.hstack([cubed / cubed.std(axis=0), unused]),
    }
    found = {name: (one, factors) for name, one in made.items()}
    found["rows permuted"] = base[rows], factors[rows]
    found["redrawn"] = np.hstack([other, other_unused]), other_factors
    return found


def scores(codes: np.ndarray, factors: np.ndarray, seed: int) -> dict[str, float]:
    """Every score of codes (n, L) against factors (n, 6) that the grids compute; those without a value are left out."""
    table, settings = make_table(codes, factors, list(FACTORS)), EvaluationConfig(votes=VOTES)
    rows = [row for module in MODULES for row in import_module(module).scores(table, settings, seed)]
    return {row.metric: row.value for row in rows if row.value is not None and not row.metric.startswith("level_")}


def values(n: int, draw: int, folder: Path, only: str | None = None) -> Iterator[tuple[str, Mapping[str, float]]]:
    """The scores of each case, or of one; `folder` is not needed."""
    yield from ((name, scores(*case, draw)) for name, case in codes(n, draw).items() if only in (None, name))
