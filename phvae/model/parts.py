"""The parts of a model by name: those of this folder's folders, and the user's own (loads no torch)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from phvae.config.strict import Named
from phvae.errors import ConfigError
from phvae.model.part import Coupling, Divergence, Likelihood, Network
from phvae.own.checks import check_call, check_free, classes
from phvae.own.load import own

__all__ = ["BASIS_NAMES", "COUPLINGS", "DIVERGENCES", "LIKELIHOODS", "NETWORKS", "REGISTRIES", "module_of"]

Kind = TypeVar("Kind", Coupling, Divergence, Likelihood, Network)


def _names(folder: str) -> list[str]:
    """The files of a folder of this package, by name."""
    return sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent / folder)]))


def _find(folder: str, kind: type[Kind], *required: str) -> dict[str, type[Kind]]:
    """The classes of a kind that the files of a folder define, and the user's, by what a configuration calls them."""
    found: dict[str, type[Kind]] = {}
    for name in _names(folder):
        module = importlib.import_module(f"phvae.model.{folder}.{name}")
        for part in vars(module).values():
            if inspect.isclass(part) and issubclass(part, kind) and part.__module__ == module.__name__:
                found[part.model_fields["name"].default] = part
    return found | _own(kind, required, found)


def _own(kind: type[Kind], required: Sequence[str], taken: dict[str, type[Kind]]) -> dict[str, type[Kind]]:
    """The user's classes of a kind."""
    found: dict[str, type[Kind]] = {}
    for one in own():
        for part in classes(one, kind, required):
            field = part.model_fields["name"]
            if field.annotation != Literal[field.default]:
                raise ConfigError(f'{one.file}: {part.__name__} needs a name as `name: Literal["mine"] = "mine"`')
            check_free(one, part.__name__, field.default, {*taken, *found})
            found[field.default] = part
    return found


def _bases() -> dict[str, str]:
    """The modules of the bases by name; a user's file with a function `levels` is one."""
    found = {name: f"phvae.model.bases.{name}" for name in _names("bases")}
    for one in own():
        if levels := getattr(one.module, "levels", None):
            check_call(one, "levels", levels, ["x", "order"])
            check_free(one, "levels", one.name, found)
            found[one.name] = one.module.__name__
    return found


def module_of(option: str, name: str) -> str:
    """The module of a part: ``phvae.model.divergences.kl`` of option `divergence` and name `kl`."""
    return _BASES[name] if option == "basis" else REGISTRIES[option][name].__module__


_BASES = _bases()
BASIS_NAMES = tuple(_BASES)
COUPLINGS = _find("couplings", Coupling, "matrix")
DIVERGENCES = _find("divergences", Divergence, "value")
LIKELIHOODS = _find("likelihoods", Likelihood, "mean", "nll", "sample")
NETWORKS = _find("networks", Network, "encoder", "encoder_size", "decoder")
REGISTRIES: dict[str, dict[str, type[Named]]] = {
    "coupling": dict(COUPLINGS),
    "divergence": dict(DIVERGENCES),
    "likelihood": dict(LIKELIHOODS),
    "network": dict(NETWORKS),
}
