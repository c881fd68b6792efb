"""The code of a Python file as a hash that comments, docstrings and layout do not change."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

from phvae.files import sha256, sha256_text

__all__ = ["code_sha256", "code_tokens"]

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_BLOCKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: "\n{", tokenize.DEDENT: "\n}"}
# f-strings are one token up to Python 3.11, several from 3.12 on: there they are put together again
_OPENS, _CLOSES = getattr(tokenize, "FSTRING_START", None), getattr(tokenize, "FSTRING_END", None)

Place = tuple[int, int]


def code_sha256(path: Path) -> str:
    """The hash of a file's tokens if it is Python, of its bytes otherwise; alike on Python 3.11, 3.12 and 3.13."""
    if path.suffix != ".py":
        return sha256(path)
    return sha256_text(" ".join(code_tokens(path.read_text(encoding="utf-8"))))


def code_tokens(source: str) -> list[str]:
    """The tokens of a source text without comments, docstrings and layout.

    >>> code_tokens('def f(x):  # twice\\n    "Doc."\\n    return 2 * x\\n')
    ['def', 'f', '(', 'x', ')', ':', '\\n', '\\n{', 'return', '2', '*', 'x', '\\n', '\\n}']
    """
    ends = _docstrings(source)
    lines = source.splitlines(keepends=True)
    found: list[str] = []
    opened: list[Place] = []
    skipped = (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == _OPENS:
            opened.append(token.start)
        if opened:
            if token.type == _CLOSES:
                start = opened.pop()
                if not opened:
                    found.append(_between(lines, start, token.end))
            continue
        skipped = ends.get(token.start, skipped)
        if token.type in _LAYOUT or token.end <= skipped:
            continue
        found.append(_BLOCKS.get(token.type, token.string))
    return [token for token, before in zip(found, [":", *found], strict=False) if (token, before) != ("\n", "\n")]


def _docstrings(source: str) -> dict[Place, Place]:
    """Where the docstrings of a module, its classes and functions begin, and the end of the line where each ends."""
    places: dict[Place, Place] = {}
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        body = getattr(node, "body", [])
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            text = body[0].value if isinstance(body[0], ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                places[text.lineno, text.col_offset] = (text.end_lineno or text.lineno, 10**9)
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):  # statements hold statements only here
            below = getattr(node, name, [])
            todo += below if isinstance(below, list) else []
    return places


def _between(lines: list[str], start: Place, end: Place) -> str:
    """The text from one place to another."""
    rows = lines[start[0] - 1 : end[0]]
    rows[-1] = rows[-1][: end[1]]
    rows[0] = rows[0][start[1] :]
    return "".join(rows)
