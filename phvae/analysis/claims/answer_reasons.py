"""A verdict in plain words: the answer's word, and its reason with the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.schema import CURVE_CONTROL
from phvae.analysis.presentation.metric_labels import metric_label, short_unit
from phvae.analysis.presentation.numbers import number
from phvae.analysis.statistics.curve_margin import WITHIN
from phvae.analysis.statistics.rate_distortion import CURVE_NAME
from phvae.analysis.statistics.seeds_needed import MOST_SEEDS
from phvae.metrics.registry import lookup
from phvae.words import plural

__all__ = ["answer_reason", "answer_word", "called", "in_words"]

Row = Mapping[str, Any]  # of `ledger.decide`
Labels = Mapping[str, str]  # variant -> what it is called


def answer_word(row: Row) -> str:
    """The word of a verdict; "small" is undecided, but for that no effect that matters is possible."""
    if row["verdict"] in (ledger.NOT_TESTED, ledger.NOT_TESTABLE):
        return "not tested"
    if row["verdict"] != ledger.UNRESOLVED:
        return str(row["verdict"])
    return "small" if row["reason"].startswith(ledger.EQUIVALENT) else "undecided"


def answer_reason(row: Row, challenger: str, labels: Labels) -> str:
    """Why a verdict is as it is.

    Args:
        row: the verdict on a data set.
        challenger: the claim's own; another one in the row stands in for it.
        labels: variant -> what it is called.

    Returns:
        Sentences: who is better than whom, by how much in the metric's unit with its 95 % interval, at how many seeds,
        and what an undecided claim would need; or what stood against a test.
    """
    word = answer_word(row)
    notes = [_sentence(in_words(part)) for part in row["reason"].split("; ") if part]
    if word == "not tested":
        return " ".join(notes)
    said = [_comparison(row, word, challenger, labels), _numbers(row), *notes]
    return " ".join([*said, _to_settle(row) if word == "undecided" else ""]).rstrip()


def called(variant: str, labels: Labels) -> str:
    """The label of a variant or control."""
    return CURVE_NAME if variant == CURVE_CONTROL else labels.get(variant, variant)


def in_words(reason: str) -> str:
    """A part of a ledger's reason as the clause of a sentence."""
    said = {ledger.SMALL: f"the effect is {ledger.SMALL}", ledger.NORMALITY: f"it {ledger.NORMALITY}"}
    return said.get(reason, reason)


def _comparison(row: Row, word: str, challenger: str, labels: Labels) -> str:
    ours, theirs = (called(row[side], labels) for side in ("challenger", "control"))
    if row["challenger"] != challenger:
        ours += f", in the place of {called(challenger, labels)},"
    hardest = f", the hardest of {row['controls']} controls" if row["controls"] > 1 else ""
    if word == "contradicted":
        return f"{theirs} is better than {ours}."
    if word == "supported":
        return f"{ours} is better than {theirs}{hardest}."
    return f"{ours} against {theirs}{hardest}."


def _numbers(row: Row) -> str:
    """The effect with its interval, what matters, and what it rests on."""
    label = metric_label(row["metric"], unit=False)
    effect = f"{number(row['effect'])} [{number(row['low'])}, {number(row['high'])}]"
    if row["compare"] == "spread":
        found = f"Spread of {label} between seeds: {effect} times the control's"
        matters = f"below {number(1 - row['matters'])} or above {number(1 / (1 - row['matters']))} it matters"
    else:
        sides = f"{number(row['challenger_value'])} against {number(row['control_value'])}"
        found = f"{label} ({row['direction']} is better): {sides}, difference {effect}{_unit(row['metric'])}"
        matters = f"from {number(row['matters'])} on it matters"
    seeds = plural(int(row["n"]), "seed") + (f" of {int(row['n'] + row['incomplete'])}" if row["incomplete"] else "")
    size = "" if row["n_train"] == "all" else f", {int(row['n_train']):,} training examples"
    return f"{found}; {matters} ({seeds}{size})."


def _to_settle(row: Row) -> str:
    """The seeds that should settle what is undecided for want of seeds."""
    reason, needed = row["reason"], row["seeds_needed"]
    if not (reason.startswith((ledger.INDISTINCT, WITHIN)) or ledger.NOT_BEYOND in reason):
        return ""
    if pd.isna(needed):
        return f"More than {MOST_SEEDS:,} seeds would be needed."
    return f"About {int(needed):,} seeds should settle it." if needed > row["n"] else "More seeds may settle it."


def _unit(metric: str) -> str:
    try:
        unit = short_unit(lookup(metric).unit)
    except KeyError:  # the registry no longer knows it
        return ""
    return f" {unit}" if unit else ""


def _sentence(text: str) -> str:
    start = text[:1].upper() if text[:1].isascii() else text[:1]  # β stays
    return f"{start}{text[1:]}."
