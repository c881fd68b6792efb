"""What every section of a configuration is made of: strict types and their bounds."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field

__all__ = [
    "BARE",
    "BY_NAME",
    "LARGEST",
    "MOST_AT_ONCE",
    "MOST_STEPS",
    "SMALLEST",
    "Coefficient",
    "Named",
    "Strict",
    "Unique",
    "Weight",
    "Whole",
    "at_home",
    "stated",
]

Entry = TypeVar("Entry")


class Strict(BaseModel):
    """A section of the configuration: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Named(Strict):
    """A part that is told apart by its name."""

    name: str = ""


def stated(section: BaseModel, exclude: Collection[str] = ()) -> dict[str, Any]:
    """What a section says beyond the defaults, as plain data: an option that is added later changes nothing in it.

    A part's name is always said. What the defaults are is in the code, which keys hold beside this.
    """
    found = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if name not in exclude and (value != field.get_default(call_default_factory=True) or name == "name"):
            found[name] = stated(value) if isinstance(value, BaseModel) else value
    return found


def _by_name(value: Any) -> Any:
    """A bare name means the part with its defaults: `divergence: kl`."""
    return {"name": value} if isinstance(value, str) else value


BY_NAME, BARE = Discriminator("name"), BeforeValidator(_by_name)


def _unquoted(value: Any) -> Any:
    """Pydantic reads `'3'` and `true` as 3 and 1; the schema does not (1e-3 is a text to YAML: fractions stay lax)."""
    if isinstance(value, str | bool):
        raise ValueError("a whole number")
    return value


def at_home(value: str) -> str:
    """A leading `~` is the home folder, as it is for data."""
    try:
        return str(Path(value).expanduser()) if value.startswith("~") else value
    except RuntimeError:  # no such user, or a user without an entry
        raise ValueError("a path whose `~` has a home folder: give an absolute path, or set HOME") from None


def _each_once(values: list[Any]) -> list[Any]:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"each entry once: {', '.join(twice)} is given twice")
    return values


# A list without repetitions: Unique[str], Unique[int | Literal["all"]].
Unique = Annotated[list[Entry], AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True})]
# Larger ones only overflow in sums and powers; a smaller scale is no noise of data, and its squares leave float32.
LARGEST, SMALLEST = 1e6, 1e-6
# A larger number of examples, of units or of steps is a slip of the keyboard.
MOST_AT_ONCE, MOST_STEPS = 10**6, 10**9
Whole = Annotated[int, BeforeValidator(_unquoted)]
Weight = Annotated[float, Field(ge=0, le=LARGEST)]
Coefficient = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
