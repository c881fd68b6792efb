"""A divergence as the long table writes it, and what that text says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["divergence_kind", "divergence_text", "divergence_words", "is_weighted_kl", "short_number"]

_WORDS = {"kl": "KL", "hierarchical": "level-weighted", "log_polynomial": "log-ratio polynomial"}
_WEIGHTED_KL = ("kl", "hierarchical")


def divergence_text(divergence: Mapping[str, Any]) -> str:
    """A resolved divergence as the long table's column `divergence` has it, without beta.

    >>> divergence_text({"name": "hierarchical", "weights": "geometric", "ratio": 2.0, "beta": 4.0})
    'hierarchical:geometric(2)'
    >>> divergence_text({"name": "renyi", "alpha": 0.5, "beta": 1.0}), divergence_text({"name": "kl", "beta": 1.0})
    ('renyi(0.5)', 'kl')
    """
    name = divergence["name"]
    if name == "hierarchical":
        weights = divergence["weights"]
        if weights == "geometric":
            return f"{name}:geometric({short_number(divergence['ratio'])})"
        return f"{name}:{weights}" if isinstance(weights, str) else f"{name}:list({_numbers(weights)})"
    if name == "log_polynomial":
        given = divergence["coefficients"]
        return f"{name}:exponential({divergence['degree']})" if given is None else f"{name}:list({_numbers(given)})"
    options = [value for key, value in divergence.items() if key != "beta" and isinstance(value, int | float)]
    return f"{name}({_numbers(options)})" if options else str(name)


def divergence_kind(text: str) -> str:
    """The divergence's name without its settings.

    >>> divergence_kind("hierarchical:geometric(2)"), divergence_kind("renyi(0.5)"), divergence_kind("kl")
    ('hierarchical', 'renyi', 'kl')
    """
    return re.split(r"[:(]", text, maxsplit=1)[0]


def divergence_words(text: str, *, settings: bool = True) -> str:
    """A divergence of the long table in words; without `settings` its name alone.

    >>> divergence_words("hierarchical:geometric(2)"), divergence_words("kl"), divergence_words("renyi(0.5)")
    ('level-weighted, geometric(2)', 'KL', 'renyi(0.5)')
    >>> divergence_words("log_polynomial:exponential(3)", settings=False)
    'log-ratio polynomial'
    """
    kind = divergence_kind(text)
    words, rest = _WORDS.get(kind, kind), text[len(kind) :]
    if not rest or not settings:
        return words
    return f"{words}, {rest[1:]}" if rest.startswith(":") else words + rest


def is_weighted_kl(text: str) -> bool:
    """Whether a divergence is KL with weights on its levels: at order 1 the same thing as beta * KL."""
    return divergence_kind(text) in _WEIGHTED_KL


def short_number(value: float) -> str:
    """A setting's number without what follows its last digit.

    >>> short_number(2.0), short_number(0.25)
    ('2', '0.25')
    """
    return f"{value:g}"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(short_number(value) for value in values)
