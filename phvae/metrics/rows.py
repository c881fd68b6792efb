"""What a scorer is given, and the rows that it gives back."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from phvae.errors import of_the_machine

if TYPE_CHECKING:
    import numpy as np

    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig
    from phvae.model.model import Model
    from phvae.model.options import ModelConfig

__all__ = ["Inputs", "Row", "Status", "Undefined", "at_least", "attempt", "row", "without_value"]

Status = Literal["ok", "empty", "failed"]


class Undefined(ValueError):
    """A metric that has no value on these inputs; the message is the reason shown in the row."""


def at_least(least: int, found: int, what: str) -> None:
    """Refuse a score below the least number of points from which it says anything about a code or a model.

    >>> at_least(60, 59, "examples")
    Traceback (most recent call last):
    phvae.metrics.rows.Undefined: examples: 59, at least 60 are needed

    Raises:
        Undefined: there are fewer.
    """
    if found < least:
        raise Undefined(f"{what}: {found}, at least {least} are needed")


@dataclass(frozen=True)
class Row:
    """One metric of one run; `value` is None exactly when `status` is not "ok", and then `reason` says why.

    `caution` says why a value is shown but decides nothing: its estimate has not settled. What is known of the metric
    itself (unit, direction, from how many examples it compares) stands in its entry.
    """

    split: str
    metric: str
    value: float | None
    n: int | None
    ceiling: float | None
    floor: float | None
    noise_sd: float | None
    settings: str
    status: Status
    reason: str
    caution: str = ""


def _not_asked() -> Model:
    raise ValueError("the trained model is given to a file of scores that says `uses_model = True` beside its METRICS")


@dataclass(frozen=True)
class Inputs:
    """What the `rows(inputs)` of a scorer may read.

    Attributes:
        data: the prepared data set.
        codes: mean, log_variance, whitened (N, n, d) float32, coupling (n, n); row i is test example i.
        arrays: what the encode stage wrote to arrays.npz; each access reads one array from the file.
        model: the run's resolved model; None of one that was trained elsewhere, whose codes are of one level and in
            coordinates in which the prior is N(0, I), and whose arrays may be absent (`phvae.metrics.given`).
        settings: the run's resolved evaluation settings.
        reference: the scorer's folder of the reference stage (classifier, features).
        seed: the run's seed, for the metrics' own draws.
        threads: processes or threads that a metric may use; never changes a value.
        device: where features of images are computed, "cpu" or "cuda".
        trained: gives the trained model on the CPU, in the units of `data.test`, to a file of scores that says
            `uses_model = True` beside its METRICS: its decoder and encoders.
    """

    data: Prepared
    codes: Mapping[str, np.ndarray]
    arrays: Mapping[str, np.ndarray]
    model: ModelConfig | None
    settings: EvaluationConfig
    reference: Path
    seed: int
    threads: int = 1
    device: str = "cpu"
    trained: Callable[[], Model] = _not_asked


def _optional(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def row(
    metric: str,
    value: float | None,
    *,
    n: int | None = None,
    settings: str = "",
    split: str = "test",
    ceiling: float | None = None,
    floor: float | None = None,
    noise_sd: float | None = None,
    reason: str = "",
    caution: str = "",
) -> Row:
    """A row of a value; one that is not finite becomes empty, with a reason.

    >>> row("mig", 0.25, n=10_000).status, row("mig", float("nan"), reason="no code varies").reason
    ('ok', 'no code varies')
    """
    if value is None or not math.isfinite(value):
        return without_value(metric, "empty", reason or f"the value is {value}", n=n, settings=settings, split=split)
    return Row(
        split,
        metric,
        float(value),
        n,
        _optional(ceiling),
        _optional(floor),
        _optional(noise_sd),
        settings,
        "ok",
        "",
        caution,
    )


def without_value(
    metric: str, status: Status, reason: str, *, n: int | None = None, settings: str = "", split: str = "test"
) -> Row:
    """A row that says why there is no value."""
    if status == "ok" or not reason:
        raise ValueError(f"a row of {metric} without a value needs a reason and a status other than ok, not {status!r}")
    return Row(split, metric, None, n, None, None, None, settings, status, reason)


def attempt(
    metrics: Sequence[str],
    compute: Callable[[], Mapping[str, float]],
    *,
    n: int | None = None,
    settings: str = "",
    split: str = "test",
    **bounds: Any,
) -> list[Row]:
    """The rows of `compute()` (name -> value); what it raises becomes rows instead of an end of the grid.

    `Undefined` gives status "empty" (the metric has no value here), any other exception "failed". A name that
    `compute` leaves out is empty too. Floating-point warnings are silenced: the value itself tells. What the machine
    does (memory, disk, a damaged file) is raised: it would be a row for ever, and may be gone tomorrow.

    >>> [(r.status, r.reason) for r in attempt(["mig"], lambda: {"mig": 1 / 0})]
    [('failed', 'ZeroDivisionError: division by zero')]
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            values = compute()
    except Undefined as error:
        return [without_value(m, "empty", str(error), n=n, settings=settings, split=split) for m in metrics]
    except Exception as error:  # one metric must not end a grid of hundreds
        if of_the_machine(error):
            raise
        reason = f"{type(error).__name__}: {error}"
        return [without_value(m, "failed", reason, n=n, settings=settings, split=split) for m in metrics]
    return [row(m, values.get(m), n=n, settings=settings, split=split, **bounds) for m in metrics]
