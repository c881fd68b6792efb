"""The answers to the claims: words, reasons and sentences, against numbers made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from claims_by_hand import claim, claims, made, symmetric
from scipy import stats

from phvae.analysis.claims import ledger
from phvae.analysis.claims.answering import answers
from phvae.analysis.claims.answers import SYMBOLS, Answers, read_answers, write_answers
from phvae.analysis.claims.family_sentences import Found, Outcome, family_sentence
from phvae.analysis.terminal.answer_grid import WIDTH, answer_lines
from phvae.errors import DataError

LABELS = {"vae": "VAE", "ph": "PH <b>", "copies": "copies, order 3"}
NOISE = symmetric(np.array([0.3, 0.1, 0.7, 0.2, 0.5, 0.9]))  # 12 seeds


def table(shift: float, copies: float | None = 0.0, scale: float = 0.1) -> pd.DataFrame:
    """ph at 10 + shift, vae at 10, copies at 10 + its own shift."""
    others = {} if copies is None else {"copies": copies + scale * NOISE[::-1]}
    return made({"ph": shift + scale * NOISE, **others}, np.full(12, 10.0))


def asked(frame: pd.DataFrame, controls: list[Any], **more: Any) -> Answers | None:
    entry = {"datasets": ["d"], "metric": "m", "matters": {"absolute": 0.5}, "text": "It is better.", **more}
    stated = claims({"big-one": claim(entry.pop("challenger", "ph"), controls, **entry)})
    return answers(frame, stated, ledger.evaluate(frame, stated, labels=LABELS), "vae", LABELS)


def only(found: Answers | None) -> dict[str, tuple[str, str]]:
    """Question -> word and reason of the one answer."""
    assert found is not None
    (one,) = found.families[0].claims
    return {question.asked: (question.answers[0].word, question.answers[0].reason) for question in one.questions}


THAN, EVERY = "better than the VAE?", "better than every control?"


@pytest.mark.parametrize(
    ("shift", "copies", "words"),
    [
        (-2.0, 0.0, ("supported", "supported")),
        (-2.0, -2.0, ("supported", "small")),
        (-2.0, -4.0, ("supported", "contradicted")),
        (2.0, 0.0, ("contradicted", "contradicted")),
        (-2.0, None, ("supported", "not tested")),
    ],
)
def test_two_questions_have_answers_of_their_own(shift: float, copies: float | None, words: tuple[str, str]) -> None:
    found = only(asked(table(shift, copies), ["vae", "copies"]))
    assert (found[THAN][0], found[EVERY][0]) == words
    assert set(words) <= set(SYMBOLS)


def test_what_too_few_seeds_leave_open_says_how_many_should_do() -> None:
    frame = table(0.0, scale=2.0)
    word, reason = only(asked(frame, ["vae"]))[THAN]
    needed = next(n for n in range(2, 999) if 2 * stats.t.ppf(0.975, n - 1) / n**0.5 <= 0.5)
    assert word == "undecided"
    assert reason.endswith(f"Not distinguishable from VAE at 12 seeds. About {needed} seeds should settle it.")


def test_the_reason_holds_the_numbers_of_an_independent_test() -> None:
    word, reason = only(asked(table(-2.0), ["copies"]))[THAN]
    ours, theirs = (table(-2.0).query("variant == @name")["value"].to_numpy() for name in ("ph", "vae"))
    test = stats.ttest_rel(ours, theirs, alternative="less")
    low, high = stats.ttest_rel(ours, theirs).confidence_interval()
    assert (word == "supported") == (test.pvalue <= 0.05)
    assert reason == (
        f"PH <b> is better than VAE. m (lower is better): {ours.mean():.2f} against {theirs.mean():.1f}, difference "
        f"{(ours - theirs).mean():.2f} [{low:.2f}, {high:.2f}]; from 0.500 on it matters (12 seeds)."
    )


def test_the_baseline_alone_is_asked_about_once_and_a_baseline_of_its_controls_only() -> None:
    assert list(only(asked(table(-2.0), ["vae"]))) == [THAN]
    assert list(only(asked(table(-2.0), ["copies"]))) == [THAN, EVERY]
    assert list(only(asked(table(-2.0), ["copies"], challenger="vae"))) == [EVERY]
    assert list(only(asked(table(-2.0), [{"variant": "vae", "challenger": "copies"}]))) == [THAN, EVERY]


def test_supported_by_little_stays_supported_and_says_so() -> None:
    word, reason = only(asked(table(-0.3), ["vae"]))[THAN]
    assert word == "supported"
    assert reason.endswith("The effect is smaller than what matters.")


def test_spreads_are_answered_by_their_ratio() -> None:
    frame = table(0.0, scale=0.1)
    wide = frame["variant"] == "vae"
    frame.loc[wide, "value"] = 10 + 2 * NOISE
    word, reason = only(asked(frame, ["copies"], compare="spread", matters={"relative": 0.25}))[THAN]
    assert word == "supported"
    assert "Spread of m between seeds: 0.0500 [" in reason
    assert "times the control's; below 0.750 or above 1.33 it matters" in reason


def test_nothing_tested_leaves_nothing(tmp_path: Path) -> None:
    assert asked(table(-2.0), ["copies"], metric="other") is None
    assert asked(table(-2.0), ["copies"], datasets=["elsewhere"]) is None
    found = asked(table(-2.0), ["copies"])
    write_answers(tmp_path, found)
    assert read_answers(tmp_path) == found
    write_answers(tmp_path, None)
    assert read_answers(tmp_path) is None
    (tmp_path / "answers.json").write_text("{}")
    with pytest.raises(DataError, match=r"answers\.json: .*run `phvae tables` again"):
        read_answers(tmp_path)


def found(name: str, baseline: str, controls: str = "", control: str = "copies") -> Found:
    """A claim with a letter a data set: s(upported), c(ontradicted), = (small), ?, · (not tested)."""
    words = {"s": "supported", "c": "contradicted", "=": "small", "?": "undecided", "·": "not tested"}
    sides = ([Outcome(words[letter], control, "no runs of it") for letter in side] for side in (baseline, controls))
    return Found(name, "It is good.", "PH", *sides)


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        (
            [found("fit", "sss", "==?")],
            'Fit ("It is good"): PH is better than the VAE on 3 of 3 data sets, but beats every control on none; '
            "on 2 of 3 copies is as good.",
        ),
        (
            [found("image-fit", "ss", "sc"), found("image-detail", "s?", "?c")],
            "Image: PH is better than the VAE on 2 of 2 data sets for fit and 1 of 2 for detail, and beats every "
            "control on 1 of 2 for fit; contradicted on 1 of 2 for fit and 1 of 2 for detail, where copies is better.",
        ),
        (
            [found("fit", "==", "==")],
            'Fit ("It is good"): PH is as good as the VAE on 2 of 2 data sets, and beats every control on none; '
            "on 2 of 2 copies is as good.",
        ),
        (
            [found("fit", "s", "?")],
            'Fit ("It is good"): PH is better than the VAE on the one data set tested, but is not shown to beat every '
            "control.",
        ),
        ([found("fit", "??")], 'Fit ("It is good"): PH is not shown to be better or worse than the VAE.'),
        ([found("fit", "cc?")], 'Fit ("It is good"): PH is worse than the VAE on 2 of 3 data sets (contradicted).'),
        ([found("fit", "··", "··")], 'Fit ("It is good"): not tested here (no runs of it).'),
        ([found("fit", "", "")], 'Fit ("It is good"): not tested here (no runs on the data sets that are named).'),
        (
            [found("fit", "", "cc"), found("fit-2", "·", "·")],
            "Fit: PH beats every control on none; contradicted on 2 of 2 data sets for fit, where copies is better; "
            "not tested here: fit-2.",
        ),
    ],
)  # fmt: skip
def test_sentences(claims: list[Found], sentence: str) -> None:
    assert family_sentence(claims, "VAE") == sentence


def test_lines_fit_a_terminal_and_keep_hostile_names_as_text() -> None:
    names = [f"data-set-{i}" for i in range(20)]
    frame = pd.concat([table(-2.0, -4.0).assign(dataset=name) for name in names])
    entry = claim("ph", ["vae", "copies"], datasets=names, metric="m", matters={"absolute": 0.5})
    stated = claims({"one": entry, "of-a-very-long-name-that-has-no-end": entry})
    hostile = LABELS | {"vae": "VAE\x1b[2J"}
    lines = answer_lines(answers(frame, stated, ledger.evaluate(frame, stated), "vae", hostile) or pytest.fail("none"))
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)
    assert sum(line.count("✓ ✗") for line in lines) == 2 * len(names)
    assert {name for line in lines for name in line.split()} >= set(names)
    assert lines[-2].startswith("In each cell: better than the VAE")
    assert lines[-1].startswith("✓ supported  ✗ contradicted")
