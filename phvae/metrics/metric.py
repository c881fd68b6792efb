"""What is known of a metric: name, definition, unit, direction, source, when it applies and where it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from phvae.metrics.rows import Inputs

__all__ = ["Metric", "Place", "Shown"]

Place = Literal["table", "sizes", "orders", "matched", "headline", "panel", "small_panel", "distortion"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Where a metric is shown: its number in the order of each place, None where it is not.

    Attributes:
        name: the metric's whole name; empty for that of an entry without placeholders.
        table: the table of its group's scores.
        sizes: the table of small data.
        orders: the table of divergences and orders.
        matched: the table at matched rate.
        headline: the lines of `phvae compare`.
        panel: the panels of figures, which go to the first that a data set has.
        small_panel: further panels of figures of training sizes.
        distortion: the distortion of rate-distortion figures, the first that a data set has.
    """

    name: str = ""
    table: int | None = None
    sizes: int | None = None
    orders: int | None = None
    matched: int | None = None
    headline: int | None = None
    panel: int | None = None
    small_panel: int | None = None
    distortion: int | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One definition; `name` may hold placeholders such as {k}.

    All but `name`, `group` and `when` is read where results are collected and shown: an edit of it scores nothing anew
    (`DOCUMENTATION` in `phvae/source.py`).

    Attributes:
        group: the group of the evaluation it belongs to (a word of `EvaluationConfig.metrics`, or "groups").
        label: short text for an axis.
        unit: unit of the value; "1" for a pure number.
        higher_is_better: True, False, or None where neither direction is better.
        source: where the definition comes from.
        best: the value of the data themselves, where more in the better direction is no merit.
        comparable_from: examples (`n` of a row) below which a difference between models decides nothing.
        invariances: for each of `phvae.metrics.document.CHANGES` whether the score does not notice it.
        shown: the tables and figures it is in.
        when: whether it means something for a run that its scorer scores.
    """

    name: str
    group: str
    label: str
    definition: str
    unit: str
    higher_is_better: bool | None
    source: str
    best: float | None = None
    comparable_from: int | None = None
    invariances: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    when: Callable[[Inputs], bool] = lambda inputs: True
