"""The kinds of data by name: those in the files of `kinds/`, and the user's own (loads no torch)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

from phvae.config.explain import validated
from phvae.config.strict import stated
from phvae.data.density_set import DensitySet
from phvae.data.recipe import About, Kind
from phvae.errors import ConfigError, nearest
from phvae.own.checks import check_free, classes
from phvae.own.load import own
from phvae.own.named import HOW

__all__ = ["KINDS", "kind_class", "parse", "stated_options", "validate"]


def _find() -> dict[str, type[Kind]]:
    """Every class of the folder that has a name of its own, in the order of files and lines."""
    found: dict[str, type[Kind]] = {}
    for file in sorted(file.name for file in pkgutil.iter_modules([str(Path(__file__).parent / "kinds")])):
        module = importlib.import_module(f"phvae.data.kinds.{file}")
        for part in vars(module).values():
            own = inspect.isclass(part) and part.__module__ == module.__name__
            if own and issubclass(part, Kind) and "name" in vars(part):
                found[part.name] = part
    return found | _own(found)


def _own(taken: dict[str, type[Kind]]) -> dict[str, type[Kind]]:
    """The user's kinds."""
    found: dict[str, type[Kind]] = {}
    for one in own():
        for kind in classes(one, Kind, ["read"]):
            check_free(one, kind.__name__, getattr(kind, "name", None), {*taken, *found})
            if not isinstance(getattr(kind, "about", None), About):
                raise ConfigError(f"{one.file}: {kind.__name__} needs `about: ClassVar[About] = About(...)`")
            if issubclass(kind, DensitySet) and kind.density is DensitySet.density:
                raise ConfigError(f"{one.file}: {kind.__name__} lacks density(self)")
            found[kind.name] = kind
    return found


KINDS = _find()


def kind_class(kind: str) -> type[Kind]:
    """The class of a kind's options.

    Raises:
        ConfigError: if there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(
            f"data kind {kind!r} is unknown{nearest(kind, KINDS)}; known kinds: {', '.join(sorted(KINDS))}{HOW}"
        )
    return KINDS[kind]


def parse(name: str, data: dict[str, Any] | None) -> Kind:
    """The typed options of a data set called `name`; `kind` defaults to the name itself.

    Raises:
        ConfigError: on an unknown kind, an unknown option or a value that an option does not take.
    """
    options = dict(data or {})
    try:
        cls = kind_class(str(options.pop("kind", name)))
    except ConfigError as error:
        raise ConfigError(f"datasets.{name}: {error}") from None
    return validated(cls, options, lambda key: f"datasets.{name}.data" + (f".{key}" if key else ""))


def stated_options(data: dict[str, Any], *, places: bool = False) -> dict[str, Any]:
    """What validated options say beyond the defaults, the kind with them; where the data lie only with `places`.

    >>> stated_options(validate("mixture", {"kind": "trimodal", "n_train": 500}))
    {'kind': 'trimodal', 'n_train': 500}
    """
    cls = kind_class(str(data["kind"]))
    options = cls.model_validate({name: value for name, value in data.items() if name != "kind"})
    return {"kind": cls.name, **stated(options, () if places else cls.places)}


def validate(name: str, data: dict[str, Any] | None) -> dict[str, Any]:
    """The complete options of a data set: its kind and every option with its value. Reads no data.

    >>> validate("mixture", {"kind": "trimodal", "n_train": 500})["n_test"]
    10000

    Raises:
        ConfigError: on an unknown kind or option, with the nearest valid spelling.
    """
    options = parse(name, data)
    return {"kind": options.name, **options.model_dump(mode="json")}
