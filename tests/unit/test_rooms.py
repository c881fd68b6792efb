"""The rooms of the package: imports run one way; lazy and type-only ones count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path("phvae")
# Rooms in the order in which they may import: each from those before it only.
ORDER = (
    "ground",
    "determinism",
    "own",
    "config",
    "data",
    "model",
    "training",
    "metrics",
    "encoding",
    "api",
    "experiment",
    "analysis",
    "audit",
    "planning",
    "tracking",
    "jobs",
    "front",
)
GROUND = ("errors", "files", "source", "records", "progress", "words")
# phvae/__init__ gives the public names on demand, and imports nothing itself
FRONT = ("cli", "cli_data", "cli_parts", "doctor", "summary", "__init__", "__main__")


def room(module: str) -> str:
    """The room of a dotted name below the package."""
    first = module.split(".")[0]
    return "ground" if first in GROUND else "front" if first in FRONT else first


def imports(path: Path) -> Iterator[str]:
    """All modules of the package that a file names, below the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "phvae":
            if node.module == "phvae":
                yield from (alias.name for alias in node.names if (PACKAGE / f"{alias.name}.py").exists())
                yield from (alias.name for alias in node.names if (PACKAGE / alias.name).is_dir())
            else:
                yield node.module.removeprefix("phvae.")
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("phvae.") for alias in node.names if alias.name.startswith("phvae."))


def arrows(folder: Path = PACKAGE) -> set[tuple[str, str]]:
    found = set()
    for path in folder.rglob("*.py"):
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        found |= {(room(name), room(other)) for other in imports(path)}
    return {(one, other) for one, other in found if one != other}


def test_every_room_is_known():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(ORDER) - {"ground", "front"}
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*GROUND, *FRONT}


def test_imports_run_one_way_between_rooms():
    against = [(one, other) for one, other in arrows() if one != "front" and ORDER.index(one) < ORDER.index(other)]
    assert not against


def test_no_circle_between_the_rooms_of_a_room():
    for parent in ("analysis", "data", "model", "metrics"):
        folder = PACKAGE / parent
        links: dict[str, set[str]] = {}
        for path in folder.rglob("*.py"):
            place = path.relative_to(folder).parts
            own = place[0] if len(place) > 1 else ""
            for other in imports(path):
                steps = other.split(".")
                if steps[0] == parent and len(steps) > 1 and own and (folder / steps[1]).is_dir() and steps[1] != own:
                    links.setdefault(own, set()).add(steps[1])
        assert not list(circles(links)), parent


def circles(links: dict[str, set[str]]) -> Iterator[str]:
    """Names from which a way along the links leads back."""
    for start in links:
        todo, seen = list(links[start]), set()
        while todo:
            at = todo.pop()
            if at == start:
                yield start
                break
            if at not in seen:
                seen.add(at)
                todo += links.get(at, ())


def test_no_two_classes_have_one_name():
    names: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names.setdefault(node.name, []).append(path.as_posix())
    assert not {name: places for name, places in names.items() if len(places) > 1}
