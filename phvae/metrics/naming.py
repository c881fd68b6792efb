"""Names of metrics: what placeholders such as {k} stand for, and which names a run's rows should have."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from phvae.data.columns import columns_of, keys_of
from phvae.metrics.metric import Metric

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.rows import Inputs

__all__ = ["PLACEHOLDERS", "expected", "names", "regex", "varying"]

# What a placeholder of a name stands for; None means that the model or the data decide ({k}: a level, {j}: a
# coordinate of it, {factor}, {column}).
PLACEHOLDERS: dict[str, tuple[str, ...] | None] = {
    "k": None,
    "j": None,
    "factor": None,
    "column": None,
    "output": ("samples_mean", "samples_model", "reconstructions"),
    "images": ("samples", "reconstructions"),
    "band": ("low", "mid", "high"),
}
_OPEN = {"k": r"[1-9][0-9]*", "j": r"[1-9][0-9]*", "factor": r"[A-Za-z0-9_.+-]+", "column": r"[A-Za-z0-9_.+-]+"}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def regex(pattern: str) -> re.Pattern[str]:
    """What the names that follow a pattern match as a whole."""
    parts = _PLACEHOLDER.split(pattern)
    return re.compile(
        "".join(
            re.escape(part) if i % 2 == 0 else f"(?P<{part}>{_OPEN.get(part) or '|'.join(PLACEHOLDERS[part] or ())})"
            for i, part in enumerate(parts)
        )
    )


def names(
    pattern: str, *, order: int = 0, level_size: int = 0, factors: Sequence[str] = (), columns: Sequence[str] = ()
) -> list[str]:
    """All names that follow a pattern, for a model of `order` levels of `level_size` coordinates.

    >>> names("kl_level_{k}", order=2)
    ['kl_level_1', 'kl_level_2']
    """
    values = {key: list(value) for key, value in PLACEHOLDERS.items() if value is not None} | {
        "k": [str(k) for k in range(1, order + 1)],
        "j": [str(j) for j in range(1, level_size + 1)],
        "factor": list(factors),
        "column": list(columns),
    }
    keys = _PLACEHOLDER.findall(pattern)
    chosen = itertools.product(*(values[key] for key in keys))
    return [pattern.format(**dict(zip(keys, each, strict=True))) for each in chosen]


def expected(metrics: Iterable[Metric], inputs: Inputs) -> list[str]:
    """The names that rows of these metrics have: what a scorer that failed is shown with."""
    order, size = _levels(inputs)
    factors, columns = varying(inputs.data), keys_of(columns_of(inputs.data))
    return [
        name
        for metric in metrics
        if metric.when(inputs)
        for name in names(metric.name, order=order, level_size=size, factors=factors, columns=columns)
    ]


def _levels(inputs: Inputs) -> tuple[int, int]:
    """Number and size of a run's levels; none where neither model nor codes are known."""
    if inputs.model:
        return inputs.model.order, inputs.model.latent_size // inputs.model.order
    _, order, size = inputs.codes["whitened"].shape if "whitened" in inputs.codes else (0, 0, 0)
    return order, size


def varying(data: Prepared) -> list[str]:
    """The factors that take more than one value."""
    return [name for name, size in zip(data.factor_names, data.factor_sizes, strict=True) if size > 1]
