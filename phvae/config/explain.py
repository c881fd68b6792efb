"""Pydantic's errors in the user's words: file, key, found, expected, nearest spelling."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from phvae.errors import ConfigError, nearest

__all__ = ["short", "validated"]

Section = TypeVar("Section", bound=BaseModel)


def validated(cls: type[Section], content: Any, where: Callable[[str], str]) -> Section:
    """Validate one section; `where` turns a key's path into "file: path"."""
    try:
        return cls.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_explain(error, cls, content, where)) from None


def _explain(error: ValidationError, cls: type[BaseModel], content: Any, where: Callable[[str], str]) -> str:
    """All mistakes of a section, one a line: file, key, found, expected, nearest spelling."""
    found: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for item in error.errors():
        path, hint = _path_and_hint(item, cls, content)
        values[path] = item["input"]
        text = item["msg"]
        for opening in ("Value error, ", "Input should be ", "String should have "):
            text = text.removeprefix(opening)
        if item["type"] == "extra_forbidden":
            text = f"unknown key{hint}"
        elif item["type"] == "missing":
            text = "missing, and required"
        elif item["type"] == "union_tag_invalid":
            expected = item["ctx"]["expected_tags"]
            text = f"found {item['ctx']['tag']!r}, expected one of {expected}"
            text += nearest(item["ctx"]["tag"], [tag.strip("' ") for tag in expected.split(",")])
        elif item["type"] == "union_tag_not_found":
            text = f"found {short(item['input'])}, expected a name beside the options"
        elif item["type"] == "string_pattern_mismatch":
            text = f"found {item['input']!r}, expected letters, digits and . _ + - (a name becomes a folder)"
        elif item["type"] == "value_error" and isinstance(item["input"], dict):
            pass  # of a whole section: the text names its keys
        elif item["type"] == "literal_error":
            text = f"found {short(item['input'])}, expected {text}{nearest(str(item['input']), _quoted(text))}"
        else:
            text = f"found {short(item['input'])}, expected {text}"
        found.setdefault(path, []).append(text)
    lines = []
    for path, texts in found.items():
        # the members of a union complain one by one: one line for all of them
        first, *others = dict.fromkeys(texts)
        prefix = f"found {short(values[path])}, expected "
        lines.append(f"{where(path)}: {first}" + "".join(f" or {text.removeprefix(prefix)}" for text in others))
    return "\n".join(lines[:8])


def _quoted(text: str) -> list[str]:
    return text.split("'")[1::2]


def short(value: Any) -> str:
    """A value as found, in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _path_and_hint(item: Any, cls: type[BaseModel], content: Any) -> tuple[str, str]:
    """The key's path as the user wrote it (pydantic adds union members), and the nearest known key."""
    path: list[str] = []
    at = content
    for step in item["loc"]:
        if (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int) and step < len(at)):
            at = at[step]
        elif not (item["type"] in ("extra_forbidden", "missing") and step == item["loc"][-1]) and step != "[key]":
            continue
        if step != "[key]":
            path.append(str(step))
    hint = ""
    if item["type"] == "extra_forbidden":
        known = _known_keys(cls, item["loc"][:-1])
        hint = nearest(str(item["loc"][-1]), known) or f"; known here: {', '.join(known) or 'none'}"
    return ".".join(path), hint


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
