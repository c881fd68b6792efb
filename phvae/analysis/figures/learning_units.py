"""The validation reconstruction of a history as the scores measure it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phvae.metrics.log_px import is_density

if TYPE_CHECKING:
    from phvae.data import Prepared

__all__ = ["ScoreUnit", "score_unit"]


class ScoreUnit(NamedTuple):
    """The score that a reconstruction in nats is, and how it becomes one: factor * nats + offset."""

    metric: str
    factor: float = 1.0
    offset: float = 0.0


def score_unit(model: Mapping[str, Any], data: Prepared | None) -> ScoreUnit | None:
    """The score that a model's reconstruction is, of sampled codes: the MSE of images under normal noise of a fixed
    scale, else nats in the data's own units.

    Args:
        model: the model of a run's configuration.
        data: its prepared data.

    Returns:
        None where it is not known: without the data, or where several levels are reconstructed.
    """
    if data is None or model["reconstruction_weights"] != "first":
        return None
    if data.scaling is not None:
        return ScoreUnit("reconstruction_nll", 1.0, -float(np.log(np.abs(data.scaling[1])).sum()))
    name, scale = model["likelihood"]["name"], model["likelihood"].get("scale")
    if name == "gaussian" and scale != "learned":
        elements = math.prod(data.shape)
        return ScoreUnit("mse", 2 * scale**2 / elements, -(scale**2) * (2 * math.log(scale) + math.log(2 * math.pi)))
    return ScoreUnit("reconstruction_nll" if is_density(name, data.binary) else "bce_reconstruction")
