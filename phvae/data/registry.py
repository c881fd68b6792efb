"""The registry of data kinds: a name and the class of its options, imported only when that kind is asked for."""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import ValidationError

from phvae.data.recipe import Kind
from phvae.errors import ConfigError, nearest

__all__ = ["KINDS", "kind_class", "parse", "validate"]

KINDS: dict[str, str] = {
    "trimodal": "phvae.data.kinds.densities:Trimodal",
    "claw": "phvae.data.kinds.densities:Claw",
    "weibull": "phvae.data.kinds.densities:Weibull",
    "lognormal": "phvae.data.kinds.densities:LogNormal",
    "student_t": "phvae.data.kinds.densities:StudentT",
    "gap": "phvae.data.kinds.densities:Gap",
    "bimodal": "phvae.data.kinds.densities:Bimodal",
    "moons": "phvae.data.kinds.densities:Moons",
    "rings": "phvae.data.kinds.densities:Rings",
    "pinwheel": "phvae.data.kinds.densities:Pinwheel",
    "digits": "phvae.data.kinds.digits:Digits",
    "mnist": "phvae.data.kinds.idx:Mnist",
    "fashion-mnist": "phvae.data.kinds.idx:FashionMnist",
    "kmnist": "phvae.data.kinds.idx:Kmnist",
    "cifar10": "phvae.data.kinds.cifar:Cifar10",
    "celeba64": "phvae.data.kinds.celeba:Celeba64",
    "dsprites": "phvae.data.kinds.grids:Dsprites",
    "shapes3d": "phvae.data.kinds.grids:Shapes3d",
    "sprites": "phvae.data.kinds.sprites:Sprites",
    "images": "phvae.data.kinds.images:Images",
    "factors": "phvae.data.kinds.factors:Factors",
}


def kind_class(kind: str) -> type[Kind]:
    """The options class of a kind.

    Raises:
        ConfigError: if no such kind is registered.
    """
    if kind not in KINDS:
        raise ConfigError(
            f"data kind {kind!r} is unknown{nearest(kind, KINDS)}; known kinds: {', '.join(sorted(KINDS))}"
        )
    module, _, name = KINDS[kind].partition(":")
    found: type[Kind] = getattr(importlib.import_module(module), name)
    return found


def parse(name: str, data: dict[str, Any] | None) -> tuple[str, Kind]:
    """The kind and the typed options of a data set called `name`; `kind` defaults to the name itself.

    Raises:
        ConfigError: on an unknown kind, an unknown option or a value that an option does not take.
    """
    options = dict(data or {})
    kind = str(options.pop("kind", name))
    try:
        cls = kind_class(kind)
    except ConfigError as error:
        raise ConfigError(f"datasets.{name}: {error}") from None
    try:
        return kind, cls(**options)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"]) or "options"
            if item["type"] == "extra_forbidden":
                known = sorted(cls.model_fields)
                hint = nearest(key, known) or f"; {kind} takes: {', '.join(known) or 'no options'}"
                lines.append(f"{key} is no option of {kind}{hint}")
            else:
                lines.append(f"{key}: {item['msg']} (found {item['input']!r})")
        raise ConfigError(f"datasets.{name}.data: " + "; ".join(lines)) from None


def validate(name: str, data: dict[str, Any] | None) -> dict[str, Any]:
    """The complete options of a data set: its kind and every option with its value. Reads no data.

    >>> validate("mixture", {"kind": "trimodal", "n_train": 500})["n_test"]
    10000

    Raises:
        ConfigError: on an unknown kind or option, with the nearest valid spelling.
    """
    kind, options = parse(name, data)
    return {"kind": kind, **options.model_dump(mode="json")}
