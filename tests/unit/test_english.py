"""The English of pages and help: no words of another language's idiom, sentences that one can read."""

from __future__ import annotations

import argparse
import doctest
import importlib.util
import re
from collections.abc import Iterator
from statistics import median

import pytest

from phvae import cli

SPEC = importlib.util.spec_from_file_location("sentences", "docs/sentences.py")
assert SPEC is not None
assert SPEC.loader is not None
sentences = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sentences)

COUNTED = "nats|seconds?|coordinates|images|submissions|lines?|rows?|dots?|draws?|records?|files?|archives?|runs?"
UNIT = "seed|run|level|cell|example|epoch|step|draw|image|job|claim|data set|feature"
BANNED = re.compile(rf"\b(dearer|alike|mend(?:s|ed|ing)?|anew|told (?:apart )?from|(?:{COUNTED}) an? (?:{UNIT}))\b")
# what may stand: a note inside the key of a data set
EXCEPT = {"docs/data.md": {"alike"}}
LONG = {"docs/licences.md"}  # three sentences


def helps() -> Iterator[tuple[str, str]]:
    """The help of each command."""
    parser = cli._parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    yield "phvae", parser.format_help()
    yield from ((f"phvae {name}", command.format_help()) for name, command in commands.choices.items())


PAGES = {str(page): page.read_text(encoding="utf-8") for page in sentences.PAGES}
TEXTS = PAGES | dict(helps())


@pytest.mark.parametrize("name", TEXTS)
def test_no_banned_word(name: str):
    assert set(BANNED.findall(TEXTS[name])) <= EXCEPT.get(name, set())


@pytest.mark.parametrize("name", PAGES)
def test_half_of_the_sentences_are_short(name: str):
    assert name in LONG or median(sentences.lengths(PAGES[name])) < 20


def test_the_length_of_a_sentence():
    assert doctest.testmod(sentences) == (0, 1)


def test_the_words_are_found():
    assert BANNED.findall("A dearer level, mended; nats an example.") == ["dearer", "mended", "nats an example"]
    assert not BANNED.findall("A commend; 3 nats per example, an example.")
