"""The registry: every metric by name, and the names that placeholders such as {k} stand for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from phvae.errors import nearest
from phvae.metrics.definitions_codes import CODE_METRICS
from phvae.metrics.definitions_outputs import OUTPUT_METRICS
from phvae.metrics.metric import Metric

__all__ = ["METRICS", "PLACEHOLDERS", "Metric", "lookup", "names", "pattern_of"]

# What a placeholder of a name stands for; None means that the model or the data decide ({k}: a level, {j}: a
# coordinate of it, {factor}).
PLACEHOLDERS: dict[str, tuple[str, ...] | None] = {
    "k": None,
    "j": None,
    "factor": None,
    "output": ("samples_mean", "samples_model", "reconstructions"),
    "images": ("samples", "reconstructions"),
    "band": ("low", "mid", "high"),
}
_OPEN = {"k": r"[1-9][0-9]*", "j": r"[1-9][0-9]*", "factor": r"[A-Za-z0-9_.+-]+"}


METRICS: dict[str, Metric] = {metric.name: metric for metric in (*OUTPUT_METRICS, *CODE_METRICS)}


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    text = "".join(
        re.escape(part) if i % 2 == 0 else f"(?P<{part}>{_OPEN.get(part) or '|'.join(PLACEHOLDERS[part] or ())})"
        for i, part in enumerate(parts)
    )
    return re.compile(text)


_REGEXES = {pattern: _regex(pattern) for pattern in METRICS}


@lru_cache(maxsize=4096)
def pattern_of(name: str) -> str:
    """The registered pattern that a metric's name follows.

    >>> pattern_of("kl_level_2"), pattern_of("mig")
    ('kl_level_{k}', 'mig')

    Raises:
        KeyError: no registered metric has this name.
    """
    if name in METRICS:
        return name
    for pattern, regex in _REGEXES.items():
        if regex.fullmatch(name):
            return pattern
    raise KeyError(f"metric {name!r} is not registered in phvae/metrics/definitions_*.py{nearest(name, METRICS)}")


def lookup(name: str) -> Metric:
    """The definition behind a metric's name.

    >>> lookup("mig").higher_is_better, lookup("w1_samples_mean").unit
    (True, 'interquartile ranges')
    """
    return METRICS[pattern_of(name)]


def names(group: str, *, order: int, level_size: int = 1, factors: Sequence[str] = ()) -> list[str]:
    """All names of a group, with placeholders filled in, for a model of `order` levels of `level_size` coordinates.

    >>> names("groups", order=1)
    ['udr_lasso', 'udr_spearman']
    """
    values: Mapping[str, Sequence[str]] = {
        **{key: value for key, value in PLACEHOLDERS.items() if value is not None},
        "k": [str(k) for k in range(1, order + 1)],
        "j": [str(j) for j in range(1, level_size + 1)],
        "factor": list(factors),
    }
    found = []
    for pattern, metric in METRICS.items():
        if metric.group != group:
            continue
        keys = re.findall(r"\{(\w+)\}", pattern)
        for combination in itertools.product(*(values[key] for key in keys)):
            found.append(pattern.format(**dict(zip(keys, combination, strict=True))))
    return found
