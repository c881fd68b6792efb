"""What a metric is called on an axis, in a table's head and on a terminal."""

from __future__ import annotations

from phvae.metrics.naming import regex
from phvae.metrics.registry import lookup, pattern_of

__all__ = ["direction", "metric_label", "short_unit"]

_MEASURED_ON = {"samples_mean": "samples (means)", "samples_model": "samples (with noise)"}
_UNITS = {"interquartile ranges": "IQR", "standard deviations": "SD", "1": ""}


def short_unit(unit: str) -> str:
    """A unit as it stands in brackets; empty for a pure number.

    >>> short_unit("interquartile ranges"), short_unit("nats"), short_unit("1")
    ('IQR', 'nats', '')
    """
    return _UNITS.get(unit, unit)


def direction(higher_is_better: bool | None) -> str:
    """The words that say which way is better.

    >>> direction(False)
    'lower is better'
    """
    return {True: "higher is better", False: "lower is better", None: ""}[higher_is_better]


def metric_label(metric: str, *, unit: bool = True) -> str:
    """A metric's name for an axis, with what it is measured on and its unit.

    >>> metric_label("w1_samples_mean")
    'W1, samples (means) [IQR]'
    >>> metric_label("not_registered")
    'not registered'
    """
    try:
        pattern = pattern_of(metric)
    except KeyError:
        return metric.replace("_", " ")
    entry = lookup(metric)
    label = entry.label
    found = regex(pattern).fullmatch(metric)
    for key, value in (found.groupdict() if found else {}).items():
        if f"{{{key}}}" in label:
            label = label.replace(f"{{{key}}}", value)
        else:
            label = f"{label}, {_MEASURED_ON.get(value, value)}"
    short = short_unit(entry.unit)
    return f"{label} [{short}]" if unit and short else label
