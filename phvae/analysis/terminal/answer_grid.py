"""The answers to the claims as text for a terminal: a sentence a family, then claims by data sets in symbols."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from phvae.analysis.claims.answers import MEANINGS, SYMBOLS, Answers, ClaimAnswers
from phvae.analysis.presentation.numbers import aligned

__all__ = ["WIDTH", "answer_lines"]

WIDTH = 100  # columns
LONGEST = 30  # letters of a name


def answer_lines(answers: Answers) -> list[str]:
    """Lines of at most WIDTH columns.

    A cell has a symbol a question that some claim is asked, in one order; data sets that do not fit beside each other
    stand below, and claims that were tested on none of them do not.
    """
    lines = [
        line
        for family in answers.families
        for line in textwrap.wrap(_plain(family.sentence), WIDTH, initial_indent="- ", subsequent_indent="  ")
    ]
    claims = [claim for family in answers.families for claim in family.claims]
    questions = list(dict.fromkeys(question.asked for claim in claims for question in claim.questions))
    start = max(len(_short(claim.claim)) for claim in claims)
    for places in _bands(answers.datasets, WIDTH - start, 2 * len(questions) - 1):
        head = ["", *(_short(answers.datasets[place]) for place in places)]
        rows = [_row(claim, questions, places) for claim in claims if _tested(claim, places)]
        lines += ["", *aligned([head, *rows])] if rows else []
    legend = "  ".join(f"{symbol} {MEANINGS[word]}" for word, symbol in SYMBOLS.items())
    return [*lines, "", *textwrap.wrap(_plain(f"In each cell: {' '.join(questions)}"), WIDTH), legend]


def _bands(names: Sequence[str], width: int, cell: int) -> Iterator[list[int]]:
    """The places of the names, as many at once as fit `width` in columns two blanks apart."""
    band: list[int] = []
    left = width
    for place, name in enumerate(names):
        needed = max(len(_short(name)), cell) + 2
        if band and needed > left:
            yield band
            band, left = [], width
        band.append(place)
        left -= needed
    if band:
        yield band


def _row(claim: ClaimAnswers, questions: Sequence[str], places: Sequence[int]) -> list[str]:
    asked = {question.asked: [SYMBOLS[answer.word] for answer in question.answers] for question in claim.questions}
    return [
        _short(claim.claim),
        *(" ".join(asked[one][place] if one in asked else " " for one in questions) for place in places),
    ]


def _tested(claim: ClaimAnswers, places: Sequence[int]) -> bool:
    return any(question.answers[place].word != "not tested" for question in claim.questions for place in places)


def _short(name: str) -> str:
    return _plain(name) if len(name) <= LONGEST else f"{_plain(name)[: LONGEST - 1]}…"


def _plain(text: str) -> str:
    """A text without what would move the cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
