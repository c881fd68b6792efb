"""How close the reconstructed rows of a table are to the rows themselves: by column and in all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from phvae.data.columns import columns_of, keys_of, spread_of, to_user
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, attempt

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["METRICS", "applies", "rows"]

METRICS = (
    Metric(
        name="mse_columns",
        group="table",
        label="MSE of columns",
        definition="mean over columns of `mse_column_{column}`, each over the column's variance among the training "
        "rows: about 1 is no better than the mean row",
        unit="variances",
        higher_is_better=False,
        source="textbook",
        shown=(Shown(table=5, sizes=48, orders=48, matched=15, headline=48, panel=65, distortion=15),),
    ),
    Metric(
        name="mse_column_{column}",
        group="table",
        label="MSE of {column}",
        definition="mean squared error of a column of the decoder's mean",
        unit="squared unit of the column",
        higher_is_better=False,
        source="textbook",
    ),
)


def applies(data: Prepared) -> bool:
    """On tables."""
    return bool(columns_of(data))


def rows(inputs: Inputs) -> list[Row]:
    """Errors of the stored decoder means; their floor is what the mean of the test rows gives."""
    data, y = inputs.data, inputs.arrays["reconstructions"]
    columns, variance, x = columns_of(data), spread_of(data) ** 2, to_user(data.test[: len(y)], data)
    names = ["mse_columns", *(f"mse_column_{key}" for key in keys_of(columns))]

    def numbers(squares: np.ndarray) -> list[float]:
        return [float((squares / variance).mean()), *squares.tolist()]

    def compute() -> dict[str, float]:
        return dict(zip(names, numbers(np.square(finite("reconstructions", y) - x).mean(0)), strict=True))

    floors, settings = numbers(x.var(0)), "posterior means decoded; floor: the mean row"
    said = [settings, *(f"{column}; {settings}" for column in columns)]
    return [
        replace(row, settings=text, floor=floor if row.status == "ok" else None)
        for row, text, floor in zip(attempt(names, compute, n=len(y)), said, floors, strict=True)
    ]
