"""Run tutorials: `python docs/tutorials/render.py NAME…` makes NAME.md and its pictures from NAME.py; without, all."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
NOTE = "*This page is a notebook: [{0}.py]({0}.py) opens in Jupyter (with jupytext), VS Code, or runs as a script.*"


def cells(script: str) -> list[tuple[str, str]]:
    """The cells of a script in the percent format: ("markdown" or "python", text)."""
    found = re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", script, re.MULTILINE | re.DOTALL)
    return [
        ("markdown", re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip()) if kind else ("python", text.strip())
        for kind, text in found
    ]


def run(code: str, names: dict[str, Any]) -> str:
    """Run a cell as a notebook would; what it prints, and the value of a last expression."""
    body = ast.parse(code).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(ast.Module(body, []), "tutorial", "exec"), names)
        value = eval(compile(last, "tutorial", "eval"), names) if last else None
    shown = "" if value is None else repr(value)
    return (printed.getvalue() + shown).strip("\n")


def pictures(name: str, first: int) -> list[str]:
    """Save the open figures; the lines of Markdown that show them."""
    lines = []
    for number in plt.get_fignums():
        figure, file = plt.figure(number), f"{name}-{first + len(lines)}.png"
        figure.savefig(HERE / file, dpi=100)
        lines.append(f"![{figure.get_label()}]({file})")
        plt.close(figure)
    return lines


def page(name: str) -> str:
    """The page of a tutorial, run in an empty folder."""
    names: dict[str, Any] = {"__name__": "tutorial"}
    parts, drawn = [], 1
    for kind, text in cells((HERE / f"{name}.py").read_text(encoding="utf-8")):
        if kind == "markdown":
            parts.append(text)
            continue
        output = run(text, names)
        shown = pictures(name, drawn)
        drawn += len(shown)
        parts += [f"```python\n{text}\n```", *([f"```text\n{output}\n```"] if output else []), *shown]
    parts.insert(1, NOTE.format(name))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    matplotlib.use("agg")
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if path != Path(__file__)):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            (HERE / f"{name}.md").write_text(page(name), encoding="utf-8")
