"""Pydantic's errors in the user's words: file, key, found, expected, nearest spelling."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from phvae.errors import ConfigError, nearest
from phvae.own.named import HOW
from phvae.words import plural

__all__ = ["short", "validated"]

Section = TypeVar("Section", bound=BaseModel)

# Pydantic's errors that say no more than that a value is of another kind than asked.
_OTHER_SHAPE = ("_type", "_parsing", "_from_float", "literal_error")
# What is asked for, by pydantic's type of error; braces hold what the error knows.
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping, `key: value`",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt:.12g}",
    "greater_than_equal": "at least {ge:.12g}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt:.12g}",
    "less_than_equal": "at most {le:.12g}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "a mapping, `key: value`",
    "model_type": "a mapping, `key: value`",
    "string_pattern_mismatch": "letters, digits and . _ + - (a name becomes a folder)",
    "string_too_long": "at most {characters}",
    "string_too_short": "at least {characters}",
    "string_type": "a text",
    "too_long": "at most {entries}",
    "too_short": "at least {entries}",
    "tuple_type": "a list",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "a name beside the options",
}
_NAMES = ("literal_error", "union_tag_invalid")


def validated(cls: type[Section], content: Any, where: Callable[[str], str]) -> Section:
    """Validate one section; `where` turns a key's path into "file: path"."""
    try:
        return cls.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_explain(error, cls, content, where)) from None


def _explain(error: ValidationError, cls: type[BaseModel], content: Any, where: Callable[[str], str]) -> str:
    """All mistakes of a section, one a line: file, key, found, expected, nearest spelling."""
    found: dict[str, list[Any]] = {}
    for item in error.errors():
        found.setdefault(_path(item, content), []).append(item)
    lines = []
    for path, items in found.items():
        if isinstance(items[0]["input"], list | dict):
            if any(other.startswith(f"{path}.") for other in found if path):
                continue  # of a choice: what is wrong within the list says more than that it is no number
            items = [item for item in items if not item["type"].endswith(_OTHER_SHAPE)] or items
        lines.append(f"{where(path)}: {_line(items, cls)}")
    return "\n".join(lines[:8])


def _line(items: list[Any], cls: type[BaseModel]) -> str:
    """What was found at one key, and what was expected: each alternative of a choice complains on its own."""
    first = items[0]
    kind, value = first["type"], first["input"]
    if kind == "extra_forbidden":
        known = _known_keys(cls, first["loc"][:-1])
        hint = nearest(str(first["loc"][-1]), known) or f"; known here: {', '.join(known) or 'none'}"
        return f"unknown key{hint}"
    if kind == "missing":
        return "missing, and required"
    if kind == "value_error" and isinstance(value, dict):
        return first["msg"].removeprefix("Value error, ")  # of a whole section: the text names its keys
    if kind == "union_tag_invalid":
        value = first["ctx"]["tag"]
    texts = list(dict.fromkeys(_expected(item, alone=len(items) == 1) for item in items))
    words = [word for item in items if item["type"] in _NAMES for word in _quoted(_expected(item, alone=False))]
    own = HOW if kind == "union_tag_invalid" or first["loc"] == ("basis",) else ""
    return f"found {short(value)}, expected {' or '.join(texts)}{nearest(str(value), words)}{own}"


def _expected(item: Any, *, alone: bool) -> str:
    """What one alternative asks for; `alone`: there is no other."""
    context, value = item.get("ctx", {}), item["input"]
    if item["type"] == "list_type" and alone and isinstance(value, str | int | float):
        return f"a list: [{value}]"
    most = context.get("max_length", context.get("min_length"))
    if most is not None:
        context = context | {"characters": plural(most, "character"), "entries": plural(most, "entry")}
    known = _EXPECTED.get(item["type"])
    return (
        known.format(**context) if known else item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    )


def _quoted(text: str) -> list[str]:
    return text.split("'")[1::2]


def short(value: Any) -> str:
    """A value as found, in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _path(item: Any, content: Any) -> str:
    """The key's path as the user wrote it (pydantic adds union members)."""
    path: list[str] = []
    at = content
    for step in item["loc"]:
        if (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int) and step < len(at)):
            at = at[step]
        elif not (item["type"] in ("extra_forbidden", "missing") and step == item["loc"][-1]) and step != "[key]":
            continue
        if step != "[key]":
            path.append(str(step))
    return ".".join(path)


def _known_keys(cls: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys valid at a place of the configuration."""
    choices: list[type[BaseModel]] = [cls]
    for step in path:
        named = [c for c in choices if "name" in c.model_fields and c.model_fields["name"].default == step]
        fields = [c.model_fields[step].annotation for c in choices if step in c.model_fields]
        if named:
            choices = named
        elif fields:
            choices = [inner for annotation in fields for inner in _models_in(annotation)] or choices
    return list(dict.fromkeys(key for c in choices for key in c.model_fields))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The sections inside an annotation such as dict[str, Section] or One | Other."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]
