"""Reading YAML strictly: no key twice, no scalar that cannot be read, one message that names the file."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import yaml

from phvae.config.explain import short
from phvae.errors import ConfigError, nearest

__all__ = ["read_yaml"]


MOST_VALUES = 100_000  # of a file, those that aliases repeat counted again: the largest shipped one has 791
_MERGE = "tag:yaml.org,2002:merge"


class _Strict(yaml.SafeLoader):
    """Safe YAML that refuses what would be read in silence as something else, or never to the end.

    A key given twice (the second would win), merges (`<<`), scalars that cannot be read, control characters, and
    aliases of aliases, by which a few lines become millions of values.
    """

    def construct_document(self, node: yaml.Node) -> Any:
        if _values(node, {}) > MOST_VALUES:
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {MOST_VALUES:,} values, those that aliases (*) repeat counted again"
            )
        return super().construct_document(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, ArithmeticError, TypeError):  # PyYAML lets them through
            value = node
        tag, line = node.tag.rpartition(":")[2], node.start_mark.line + 1
        if value is node:
            raise yaml.constructor.ConstructorError(None, None, f"{short(node.value)} is no {tag} (line {line})")
        if isinstance(value, int) and value.bit_length() > 63:
            raise yaml.constructor.ConstructorError(None, None, f"an integer beyond 63 bits (line {line})")
        return _text(value, line) if isinstance(value, str) else value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"<< merges keys: write them out (line {line})")
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool) and key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice (line {line})")
            if isinstance(key, str | int | float | bool):
                seen.add(key)
        return super().construct_mapping(node, deep)


def _values(node: yaml.Node, known: dict[yaml.Node, float]) -> float:
    """The number of values below a node, those of an alias counted wherever it stands; infinite inside itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if node not in known:
        known[node] = float("inf")
        inner = (part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,)))
        known[node] = 1 + sum(_values(part, known) for part in inner)
    return known[node]


def _text(value: str, line: int) -> str:
    """A text without control characters but line breaks and tabs; two escapes of JSON that are one character joined."""
    try:
        value = value.encode("utf-16", "surrogatepass").decode("utf-16")
        bad = next((c for c in value if unicodedata.category(c) == "Cc" and c not in "\n\t"), "")
    except UnicodeDecodeError:
        bad = next(c for c in value if unicodedata.category(c) == "Cs")
    if bad:
        raise yaml.constructor.ConstructorError(
            None, None, f"the character U+{ord(bad):04X} is no part of a text (line {line})"
        )
    return value


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML (or JSON) mapping.

    Raises:
        ConfigError: the file is absent, not YAML, or not a mapping.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        hint = nearest(path.name, siblings)
        if not hint and not Path("Snakefile").is_file():
            hint = (
                "; the workflow and its configurations live in the repository, not in the installed package: "
                "run this in a checkout, or give the path of a configuration of your own"
            )
        raise ConfigError(f"{path}: no such file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise ConfigError(f"{path}: found {found}, expected a mapping with at least name, datasets and variants")
    return content
