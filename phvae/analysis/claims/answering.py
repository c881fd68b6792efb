"""From verdicts to answers: better than the baseline, and better than every control, claim by claim."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.answer_reasons import answer_reason, answer_word, called, in_words
from phvae.analysis.claims.answers import Answer, AnswerFamily, Answers, ClaimAnswers, Question
from phvae.analysis.claims.family_sentences import Found, Outcome, family_sentence
from phvae.analysis.claims.schema import Claim, Claims, Control, family_of

__all__ = ["answers"]

EVERY = "better than every control?"
Rows = dict[str, Mapping[str, Any]]  # data set -> its verdict
Labels = Mapping[str, str]


def answers(
    table: pd.DataFrame,
    claims: Claims,
    verdicts: pd.DataFrame,
    baseline: str,
    labels: Labels,
    *,
    binary: Collection[str] = (),
) -> Answers | None:
    """The answers that the verdicts give, and beside them those of the same rule with the baseline as only control.

    A claim whose only control is the baseline is asked once, and a claim about the baseline of its controls only.

    Args:
        table: the long table.
        claims: the claims.
        verdicts: `ledger.decide` of them.
        baseline: the variant that others are compared with.
        labels: variant -> what it is called.
        binary: data sets with pixels 0 and 1 only, where powers change nothing.

    Returns:
        None where nothing was tested.
    """
    plain = {
        name: claim.model_copy(update={"controls": [Control(variant=baseline)]})
        for name, claim in claims.claims.items()
        if claim.challenger != baseline and not _alone(claim, baseline)
    }
    against = claims.model_copy(update={"claims": plain})
    more = ledger.evaluate(table, against, binary=binary, labels=labels) if plain else verdicts.iloc[:0]
    about = {dataset for claim in claims.claims.values() for dataset in claim.datasets}
    datasets = [dataset for dataset in map(str, table["dataset"].unique()) if dataset in about]
    than = f"better than the {labels.get(baseline, baseline)}?"
    families: dict[str, list[tuple[ClaimAnswers, Found]]] = {}
    for name, claim in claims.claims.items():
        alone = _alone(claim, baseline)
        asked = {than: _rows(verdicts if alone else more, name, datasets)} if claim.challenger != baseline else {}
        asked |= {} if alone else {EVERY: _rows(verdicts, name, datasets)}
        sides = (asked.get(than, {}), asked.get(EVERY, {}))
        outcomes = ([_outcome(row, claim, labels) for row in rows.values()] for rows in sides)
        found = Found(name, claim.text, called(claim.challenger, labels), *outcomes)
        families.setdefault(family_of(name), []).append((_answered(name, claim, asked, datasets, labels), found))
    if not any(found.tested for group in families.values() for _, found in group):
        return None
    label = labels.get(baseline, baseline)
    return Answers(
        datasets,
        [
            AnswerFamily(name, family_sentence([found for _, found in group], label), [one for one, _ in group])
            for name, group in families.items()
        ],
    )


def _alone(claim: Claim, baseline: str) -> bool:
    """Whether the baseline is a claim's only control."""
    return [(one.variant, one.challenger or claim.challenger) for one in claim.controls] == [
        (baseline, claim.challenger)
    ]


def _rows(verdicts: pd.DataFrame, claim: str, datasets: list[str]) -> Rows:
    """The verdicts on a claim, on the data sets of the results."""
    rows = verdicts[(verdicts["claim"] == claim) & verdicts["dataset"].isin(datasets)].to_dict("records")
    return {str(row["dataset"]): {str(key): value for key, value in row.items()} for row in rows}


def _answered(name: str, claim: Claim, asked: Mapping[str, Rows], datasets: list[str], labels: Labels) -> ClaimAnswers:
    questions = [
        Question(question, [_answer(dataset, rows.get(dataset), claim, labels) for dataset in datasets])
        for question, rows in asked.items()
    ]
    return ClaimAnswers(name, claim.text, questions)


def _answer(dataset: str, row: Mapping[str, Any] | None, claim: Claim, labels: Labels) -> Answer:
    if row is None:
        return Answer(dataset, "not tested", "The claim is not about this data set.")
    return Answer(dataset, answer_word(row), answer_reason(row, claim.challenger, labels))


def _outcome(row: Mapping[str, Any], claim: Claim, labels: Labels) -> Outcome:
    control = called(row["control"], labels)
    if row["challenger"] != claim.challenger:
        control += f" (against {called(row['challenger'], labels)})"
    return Outcome(answer_word(row), control, in_words(row["reason"]))
