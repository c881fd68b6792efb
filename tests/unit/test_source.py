"""What of a source file decides its hash: every token that runs, and nothing that only people read."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_documentation_in_arguments_is_left_out():
    plain = 'x = Metric(name="mig", label="MIG", unit="1", source="β, 2018")\ny = Other(label="a")\n'
    tokens = code_tokens(plain)
    assert code_tokens(plain.replace('"MIG"', '"gap"').replace('"β, 2018"', "f'{1}'\n'2'")) == tokens
    assert code_tokens(plain.replace('label="MIG", ', "")) == tokens
    assert code_tokens(plain.replace('"mig"', '"sap"')) != tokens
    assert code_tokens(plain.replace('label="a"', 'label="b"')) != tokens
    field = 'z = Field(3, ge=1, description="how many")\n'
    assert code_tokens(field) == code_tokens(field.replace("how many", "how much"))
    assert code_tokens(field) != code_tokens(field.replace("ge=1", "ge=2"))


def test_what_is_not_python_counts_by_its_bytes(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text("<!-- one -->")
    before = code_sha256(path)
    path.write_text("<!-- two -->")
    assert code_sha256(path) != before
