"""What a variant is, from its resolved model: columns of the long table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from phvae.analysis.results.columns import Design
from phvae.analysis.results.divergences import divergence_text, short_number
from phvae.files import sha256_text

__all__ = ["design"]


def design(model: Mapping[str, Any] | None) -> Design:
    """The design of a resolved model; an empty one where none is known."""
    if model is None:
        return Design(None, "", "", "", "", "", None, "")
    coupling, divergence = model["coupling"], model["divergence"]
    rho = f"({short_number(coupling['rho'])})" if "rho" in coupling else ""
    return Design(
        order=model["order"],
        basis=model["basis"],
        encoder_width=model["encoder_width"],
        coupling=coupling["name"] + rho,
        prior=model["prior"],
        divergence=divergence_text(divergence),
        beta=divergence.get("beta"),
        backbone=_backbone(model),
    )


def _backbone(model: Mapping[str, Any]) -> str:
    """What two variants have in common that may share a beta curve: networks, sizes, likelihood, as a short hash."""
    named = ("order", "basis", "encoder_width", "coupling", "prior", "divergence")
    return sha256_text(json.dumps({k: v for k, v in model.items() if k not in named}, sort_keys=True))[:8]
