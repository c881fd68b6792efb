"""What the claims' verdicts answer, as a record: questions by data sets, and one sentence a family of claims."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from phvae.analysis.presentation.records import read_record
from phvae.files import write_json

__all__ = [
    "MEANINGS",
    "SYMBOLS",
    "Answer",
    "AnswerFamily",
    "Answers",
    "ClaimAnswers",
    "Question",
    "read_answers",
    "write_answers",
]

SYMBOLS = {"supported": "✓", "contradicted": "✗", "small": "≈", "undecided": "?", "not tested": "·"}
MEANINGS = {word: word for word in SYMBOLS} | {"small": "smaller than the effect that matters"}
_FILE = "answers.json"


@dataclass(frozen=True)
class Answer:
    """The answer on one data set: a word of SYMBOLS, and why, in plain words with numbers."""

    dataset: str
    word: str
    reason: str


@dataclass(frozen=True)
class Question:
    """What is asked of a claim, "better than the VAE?", and its answers in the order of `Answers.datasets`."""

    asked: str
    answers: list[Answer]


@dataclass(frozen=True)
class ClaimAnswers:
    """A claim, its own text, and what is asked of it."""

    claim: str
    text: str
    questions: list[Question]


@dataclass(frozen=True)
class AnswerFamily:
    """Claims whose names share the part before the first hyphen, and what was found of them in a sentence."""

    name: str
    sentence: str
    claims: list[ClaimAnswers]


@dataclass(frozen=True)
class Answers:
    """All answers; `datasets` are those of the results that some claim is about, in their order."""

    datasets: list[str]
    families: list[AnswerFamily]


def write_answers(folder: Path, answers: Answers | None) -> None:
    """Keep the answers in the tables' folder; without any, those of an earlier run are removed."""
    if answers is None:
        (folder / _FILE).unlink(missing_ok=True)
    else:
        write_json(folder / _FILE, asdict(answers))


def read_answers(folder: Path) -> Answers | None:
    """The answers in a tables' folder; None where no claim was tested.

    Raises:
        DataError: the file is damaged or holds something else.
    """
    path = folder / _FILE
    return read_record(path, Answers, "run `phvae tables` again") if path.is_file() else None
