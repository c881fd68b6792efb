"""What of a source file decides its hash: every token that runs, and nothing that only people read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from phvae.determinism.seeding import numpy_generator
from phvae.experiment import provenance
from phvae.source import code_sha256, code_tokens

CODE = '''"""A module."""
import math  # for pi


class Circle:
    """A circle
    of a radius."""

    def area(self, r):
        """Its area."""
        # squared
        text = f"{r:.3f} {{}} {'a' if r else 'b'}"  # kept
        "an expression, not a docstring"
        return (math.pi *
                r ** 2)
'''


def test_comments_docstrings_and_layout_are_left_out():
    tokens = code_tokens(CODE)
    rewritten = CODE.replace("A module.", "Another.").replace("# squared", "# not\n\n        # cubed")
    rewritten = rewritten.replace("of a radius", "of\n    a\n\n    diameter").replace(
        " *\n                r ** 2", " * r**2"
    )
    assert rewritten != CODE
    assert code_tokens(rewritten) == tokens
    assert code_tokens(CODE.replace('        """Its area."""\n', "")) == tokens
    assert '"an expression, not a docstring"' in tokens


@pytest.mark.parametrize(
    ("old", "new"),
    [("math.pi", "math.e"), ("** 2", "** 3"), (".3f", ".4f"), ("{{}}", "{{ }}"), ("an expression", "a word"),
     ("        return", "        if r:\n            return")],
)  # fmt: skip
def test_what_runs_is_not(old: str, new: str):
    assert CODE.count(old) == 1
    assert code_tokens(CODE.replace(old, new)) != code_tokens(CODE)


def test_an_f_string_is_one_token_on_every_python():
    """Python 3.12 and later give it in pieces."""
    assert code_tokens("a = f'{b!r:>{c}} {{d}}' \"e\"  # f\n") == ["a", "=", "f'{b!r:>{c}} {{d}}'", '"e"', "\n"]


def _constants(source: str) -> list[ast.Constant]:
    """Numbers on one line each, outside of f-strings, whose parts have no place of their own on Python 3.11."""
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in inside]
    return [node for node in found if type(node.value) in (int, float)]


@pytest.mark.slow
def test_any_number_changed_in_a_file_that_a_run_executes_changes_its_hash(tmp_path: Path):
    generator = numpy_generator(0, "mutations")
    files = [path for path in provenance.module_files("train") if _constants(path.read_text())]
    for trial in range(50):
        path = files[generator.integers(len(files))]
        source = path.read_text()
        constants = _constants(source)
        constant = constants[generator.integers(len(constants))]
        lines = source.splitlines(keepends=True)
        row = lines[constant.lineno - 1].encode()
        begin, end = constant.col_offset, constant.end_col_offset
        lines[constant.lineno - 1] = (row[:begin] + repr(constant.value + 1).encode() + row[end:]).decode()
        changed = tmp_path / f"{trial}.py"
        changed.write_text("".join(lines))
        assert code_sha256(changed) != code_sha256(path), (path.name, constant.lineno)


def test_what_is_not_python_counts_by_its_bytes(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text("<!-- one -->")
    before = code_sha256(path)
    path.write_text("<!-- two -->")
    assert code_sha256(path) != before
