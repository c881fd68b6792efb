"""Two variants of a grid that are one model under two names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from phvae.errors import ConfigError
from phvae.experiment.schema import KL, Hierarchical, LogPolynomial, ModelConfig
from phvae.model.coefficients import level_weights, log_coefficients, reconstruction_weights

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["refuse_twins"]


def refuse_twins(cells: Sequence[Cell], source: str) -> None:
    """Refuse two variants that are one model, trained alike: their numbers would be counted as two findings.

    Raises:
        ConfigError: names both variants and a data set.
    """
    known: dict[str, Cell] = {}
    for cell in cells:
        science = cell.science()
        science |= {"dataset": cell.dataset, "model": _computed(cell.model)}
        found = known.setdefault(json.dumps(science, sort_keys=True), cell)
        if found is not cell:
            raise ConfigError(
                f"{source}: variants.{cell.variant}: found the model of {found.variant} under another name (data set "
                f"{cell.dataset}), expected variants that differ"
            )


def _computed(model: ModelConfig) -> dict[str, Any]:
    """What a model computes, so that the spellings of one model are alike."""
    plain = model.model_dump(mode="json")
    plain["reconstruction_weights"] = reconstruction_weights(model.reconstruction_weights, model.order)
    if isinstance(model.divergence, Hierarchical):
        plain["divergence"] = {"weights": level_weights(model.divergence, model.order)}
    elif isinstance(model.divergence, LogPolynomial):
        plain["divergence"] = {"beta": model.divergence.beta, "coefficients": log_coefficients(model.divergence)}
    if model.order == 1:  # one level: x itself, A = 1, and weighing it is weighing KL
        plain |= dict.fromkeys(("basis", "coupling", "prior", "encoder_width"))
        if isinstance(model.divergence, KL):
            plain["divergence"] = {"weights": [model.divergence.beta]}
    return plain
