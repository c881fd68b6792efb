"""Two variants of a grid that are one model under two names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from phvae.errors import ConfigError
from phvae.model.options import ModelConfig

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["refuse_twins"]


def refuse_twins(cells: Sequence[Cell], source: str, device: str) -> None:
    """Refuse two variants that are one model, trained alike on a device: their numbers would count as two findings.

    Raises:
        ConfigError: names both variants and a data set.
    """
    known: dict[str, Cell] = {}
    for cell in cells:
        science = cell.in_effect(device).science()
        science |= {"dataset": cell.dataset} | ({"model": _computed(cell.own_model)} if cell.own_model else {})
        found = known.setdefault(json.dumps(science, sort_keys=True), cell)
        if found is not cell:
            raise ConfigError(
                f"{source}: variants.{cell.variant}: found the model of {found.variant} under another name (data set "
                f"{cell.dataset}), expected variants that differ"
            )


def _computed(model: ModelConfig) -> dict[str, Any]:
    """What a model computes, so that the spellings of one model are alike."""
    plain = model.model_dump(mode="json")
    plain["reconstruction_weights"] = model.scored_weights
    allowance = model.divergence.model_dump(include={"capacity", "free_bits"})
    plain["divergence"] = model.divergence.computed(model.order) | allowance
    if model.order == 1:  # one level: x itself, A = 1
        plain |= dict.fromkeys(("basis", "coupling", "prior", "encoder_width"))
    return plain
