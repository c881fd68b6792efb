"""What is known of a metric: its name, definition, unit, direction and paper."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Metric"]


@dataclass(frozen=True)
class Metric:
    """One definition; `name` may hold placeholders such as {k}.

    Attributes:
        group: the group of the evaluation it belongs to (a word of `EvaluationConfig.metrics`, or "groups").
        label: short text for an axis.
        unit: unit of the value; "1" for a pure number.
        higher_is_better: True, False, or None where neither direction is better.
        paper: where the definition comes from.
        best: the value of the data themselves, where more in the better direction is no merit.
        comparable_from: examples (`n` of a row) below which a difference between models decides nothing.
    """

    name: str
    group: str
    label: str
    definition: str
    unit: str
    higher_is_better: bool | None
    paper: str
    best: float | None = None
    comparable_from: int | None = None
