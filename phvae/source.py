"""The code of a Python file as a hash that documentation and layout do not change, and the modules that it imports."""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from pathlib import Path

from phvae.files import sha256, sha256_text

__all__ = ["code_sha256", "code_tokens", "imported"]

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_BLOCKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: "\n{", tokenize.DEDENT: "\n}"}
# f-strings are one token up to Python 3.11, several from 3.12 on: there they are put together again
_OPENS, _CLOSES = getattr(tokenize, "FSTRING_START", None), getattr(tokenize, "FSTRING_END", None)

Place = tuple[int, int]
LINE_END = 10**9

# Documentation that is an argument: what only people read of an option; what is read of a metric after it is computed.
DOCUMENTATION = {
    "Field": {"description"},
    "Metric": {
        *("label", "definition", "unit", "higher_is_better", "source"),
        *("best", "comparable_from", "invariances", "shown"),
    },
}


def code_sha256(path: Path) -> str:
    """The hash of a file's tokens if it is Python, of its bytes otherwise; alike on Python 3.11, 3.12 and 3.13."""
    if path.suffix != ".py":
        return sha256(path)
    return _tokens_sha256(path.read_text(encoding="utf-8"))


@functools.cache
def _tokens_sha256(source: str) -> str:
    return sha256_text(" ".join(code_tokens(source)))


def code_tokens(source: str) -> list[str]:
    """The tokens of a source text without comments, docstrings, documentation in arguments, and layout.

    >>> code_tokens('def f(x):  # twice\\n    "Doc."\\n    return 2 * x\\n')
    ['def', 'f', '(', 'x', ')', ':', '\\n', '\\n{', 'return', '2', '*', 'x', '\\n', '\\n}']
    """
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    ends = _docstrings(tree) | _documentation(tree, lines)
    found: list[str] = []
    opened: list[Place] = []
    skipped, comma = (0, 0), False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == _OPENS:
            opened.append(token.start)
        if token.start in ends:
            skipped, comma = ends[token.start], ends[token.start][1] < LINE_END
        quoted = bool(opened)
        if token.type == _CLOSES and opened:
            start = opened.pop()
            if not opened and token.end > skipped:
                found.append(_between(lines, start, token.end))
        if quoted or token.type in _LAYOUT or token.end <= skipped:
            continue
        if comma and token.string == ",":  # what parted the argument from the next
            comma = False
            continue
        comma = False
        found.append(_BLOCKS.get(token.type, token.string))
    return [token for token, before in zip(found, [":", *found], strict=False) if (token, before) != ("\n", "\n")]


@functools.cache
def imported(source: str) -> tuple[str, ...]:
    """The names that a source text imports when it runs: modules, and module.name of `from module import name`.

    Imports inside functions count; those under `if TYPE_CHECKING` do not run. A relative name keeps its dots.

    >>> imported("def f():\\n    from math import pi\\n")
    ('math', 'math.pi')
    """
    found: list[str] = []
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dots, module = "." * node.level, node.module or ""
            found += [f"{dots}{module}"] if module else []
            found += [f"{dots}{module}{'.' if module else ''}{alias.name}" for alias in node.names]
        todo += ast.iter_child_nodes(node)
    return tuple(dict.fromkeys(found))


def _docstrings(tree: ast.Module) -> dict[Place, Place]:
    """Where the docstrings of a module, its classes and functions begin, and the end of the line where each ends."""
    places: dict[Place, Place] = {}
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        body = getattr(node, "body", [])
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            text = body[0].value if isinstance(body[0], ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                places[text.lineno, text.col_offset] = (text.end_lineno or text.lineno, LINE_END)
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):  # statements hold statements only here
            below = getattr(node, name, [])
            todo += below if isinstance(below, list) else []
    return places


def _documentation(tree: ast.Module, lines: list[str]) -> dict[Place, Place]:
    """Where documentation that is an argument begins and ends."""

    def place(line: int, column: int) -> Place:
        return line, len(lines[line - 1].encode()[:column].decode())  # ast counts bytes, tokenize characters

    return {
        place(word.lineno, word.col_offset): place(word.end_lineno or 0, word.end_col_offset or 0)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        for word in call.keywords
        if word.arg in DOCUMENTATION.get(call.func.id, ())
    }


def _between(lines: list[str], start: Place, end: Place) -> str:
    """The text from one place to another."""
    rows = lines[start[0] - 1 : end[0]]
    rows[-1] = rows[-1][: end[1]]
    rows[0] = rows[0][start[1] :]
    return "".join(rows)
