"""Reading YAML strictly: no key twice, no scalar that cannot be read, one message that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from phvae.config.explain import short
from phvae.errors import ConfigError, nearest

__all__ = ["read_yaml"]


class _Strict(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice (the second would silently win) and scalars that cannot be read."""

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
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool) and key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice (line {line})")
            if isinstance(key, str | int | float | bool):
                seen.add(key)
        return super().construct_mapping(node, deep)


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
