"""The parts of a model by name, found by the folder that their file lies in (loads no torch)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TypeVar

from phvae.config.strict import Named
from phvae.model.part import Coupling, Divergence, Likelihood, Network

__all__ = ["BASIS_NAMES", "COUPLINGS", "DIVERGENCES", "LIKELIHOODS", "NETWORKS", "REGISTRIES", "module_of"]

Kind = TypeVar("Kind", Coupling, Divergence, Likelihood, Network)


def _names(folder: str) -> list[str]:
    """The files of a folder of this package, by name."""
    return sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent / folder)]))


def _find(folder: str, kind: type[Kind]) -> dict[str, type[Kind]]:
    """The classes of a kind that the files of a folder define, by the name that a configuration calls them."""
    found: dict[str, type[Kind]] = {}
    for name in _names(folder):
        module = importlib.import_module(f"phvae.model.{folder}.{name}")
        for part in vars(module).values():
            if inspect.isclass(part) and issubclass(part, kind) and part.__module__ == module.__name__:
                found[part.model_fields["name"].default] = part
    return found


def module_of(option: str, name: str) -> str:
    """The module of a part: ``phvae.model.divergences.kl`` of option `divergence` and name `kl`."""
    if option == "basis":
        return f"phvae.model.bases.{name}"
    return REGISTRIES[option][name].__module__


BASIS_NAMES = tuple(_names("bases"))
COUPLINGS = _find("couplings", Coupling)
DIVERGENCES = _find("divergences", Divergence)
LIKELIHOODS = _find("likelihoods", Likelihood)
NETWORKS = _find("networks", Network)
REGISTRIES: dict[str, dict[str, type[Named]]] = {
    "coupling": dict(COUPLINGS),
    "divergence": dict(DIVERGENCES),
    "likelihood": dict(LIKELIHOODS),
    "network": dict(NETWORKS),
}
