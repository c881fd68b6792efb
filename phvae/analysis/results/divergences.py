"""A divergence as the long table writes it, and what that text says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["divergence_kind", "divergence_text", "divergence_words", "is_weighted_kl", "short_number"]

_WORDS = {
    "kl": "KL",
    "hierarchical": "level-weighted",
    "log_polynomial": "log-ratio polynomial",
    "beta_tcvae": "β-TCVAE",
    "dip_vae": "DIP-VAE",
    "factor_vae": "FactorVAE",
    "info_vae": "InfoVAE",
    "renyi": "Rényi",
    "skew_js": "skew JS",
    "wae_mmd": "WAE-MMD",
}
_WEIGHTED_KL = ("kl", "hierarchical")
_ELSEWHERE = ("name", "beta", "capacity", "free_bits")


def divergence_text(divergence: Mapping[str, Any]) -> str:
    """A resolved divergence as the long table's column `divergence` has it, without beta.

    >>> divergence_text({"name": "hierarchical", "weights": "geometric", "ratio": 2.0, "beta": 4.0})
    'hierarchical:geometric(2)'
    >>> divergence_text({"name": "renyi", "alpha": 0.5, "beta": 1.0}), divergence_text({"name": "kl", "beta": 1.0})
    ('renyi(0.5)', 'kl')
    >>> divergence_text({"name": "dip_vae", "type": "II", "lambda_od": 10.0, "lambda_d": 5.0, "free_bits": 0.5})
    'dip_vae(II lambda_d=5 lambda_od=10) + free_bits(0.5)'
    """
    text, capacity, free = _without_allowance(divergence), divergence.get("capacity"), divergence.get("free_bits")
    if capacity:
        return f"{text} + capacity({_options(capacity)})"
    return f"{text} + free_bits({short_number(free)})" if free else text


def _without_allowance(divergence: Mapping[str, Any]) -> str:
    name = divergence["name"]
    if name == "hierarchical":
        weights = divergence["weights"]
        if weights == "geometric":
            return f"{name}:geometric({short_number(divergence['ratio'])})"
        return f"{name}:{weights}" if isinstance(weights, str) else f"{name}:list({_numbers(weights)})"
    if name == "log_polynomial":
        given = divergence["coefficients"]
        return f"{name}:exponential({divergence['degree']})" if given is None else f"{name}:list({_numbers(given)})"
    given = {key: value for key, value in divergence.items() if value is not None and value is not False}
    options = _options({key: value for key, value in given.items() if key not in _ELSEWHERE})
    return f"{name}({options})" if options else str(name)


def _options(options: Mapping[str, Any]) -> str:
    """Choices by their names, switches by their keys, then numbers with their keys, or one without; in one order."""
    choices = {key: value for key, value in sorted(options.items()) if isinstance(value, str | bool)}
    numbers = {key: short_number(value) for key, value in sorted(options.items()) if key not in choices}
    told = [key if value is True else str(value) for key, value in choices.items()]
    alone = len(numbers) == 1
    return " ".join(told + [number if alone else f"{key}={number}" for key, number in numbers.items()])


def divergence_kind(text: str) -> str:
    """The divergence's name without its settings.

    >>> divergence_kind("hierarchical:geometric(2)"), divergence_kind("renyi(0.5)"), divergence_kind("kl")
    ('hierarchical', 'renyi', 'kl')
    """
    return re.split(r"[:( ]", text, maxsplit=1)[0]


def divergence_words(text: str, *, settings: bool = True) -> str:
    """A divergence of the long table in words; without `settings` its name alone, and what it is not charged for.

    >>> divergence_words("hierarchical:geometric(2)"), divergence_words("kl"), divergence_words("renyi(0.5)")
    ('level-weighted, geometric(2)', 'KL', 'Rényi(0.5)')
    >>> divergence_words("log_polynomial:exponential(3)", settings=False)
    'log-ratio polynomial'
    >>> divergence_words("kl + capacity(gamma=1000 nats=25 until=1)", settings=False)
    'KL + capacity(gamma=1000 nats=25 until=1)'
    """
    kind = divergence_kind(text)
    words, (own, plus, allowance) = _WORDS.get(kind, kind), text[len(kind) :].partition(" + ")
    if settings:
        words += own.replace(":", ", ", 1)
    return words + plus + allowance.replace("_", " ")


def is_weighted_kl(text: str) -> bool:
    """Whether a divergence is KL with weights on its levels, all of it charged: at order 1 the same thing as beta * KL.

    >>> is_weighted_kl("hierarchical:geometric(2)"), is_weighted_kl("kl + free_bits(0.5)"), is_weighted_kl("info_vae")
    (True, False, False)
    """
    return divergence_kind(text) in _WEIGHTED_KL and " + " not in text


def short_number(value: float) -> str:
    """A setting's number without what follows its last digit.

    >>> short_number(2.0), short_number(0.25)
    ('2', '0.25')
    """
    return f"{value:g}"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(short_number(value) for value in values)
