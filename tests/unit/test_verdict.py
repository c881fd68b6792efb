from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from phvae.analysis.statistics import skew_bound
from phvae.analysis.statistics.verdict import Comparison, Side, judge, withheld


def comparison(**more: Any) -> Comparison:
    """Ten comparisons' worth of one: ten pairs in which `a` is clearly lower than `b`, and lower is better."""
    sides = Side("a", mean=0.5), Side("b", mean=0.8)
    base = Comparison(*sides, pairs=10, sign=-1.0, p_above=0.999, p_below=0.001)
    return replace(base, **more)


def word(c: Comparison, **more: Any) -> tuple[str, str]:
    words, reasons = judge(c, **more)
    return words[0], reasons[0]


def turned(c: Comparison) -> Comparison:
    """The same comparison seen from the other side."""
    return replace(c, one=c.other, other=c.one, p_above=c.p_below, p_below=c.p_above, skew=-np.asarray(c.skew))


def test_the_better_side_is_better_and_the_other_worse() -> None:
    assert word(comparison()) == ("better", "")
    assert word(turned(comparison())) == ("worse", "")
    assert word(comparison(sign=1.0)) == ("worse", "")
    assert word(comparison(sign=np.nan)) == ("", "neither direction is better")
    assert word(comparison(p_below=0.03)) == ("not resolved", "the interval of the difference contains zero")
    assert word(comparison(p_below=0.03), level=0.05) == ("better", "")
    assert word(comparison(p_below=np.nan, p_above=np.nan))[0] == "not resolved"
    assert word(comparison(pairs=2)) == ("not resolved", "fewer than 3 complete pairs")
    assert word(comparison(pairs=0)) == ("not resolved", "no complete pair")


MORE = float(skew_bound(10)) + 0.01
AGAINST = {
    "diverged": ({"one": Side("a", diverged=0.1, mean=0.5)}, "a diverged more often than b"),
    "lost": ({"one": Side("a", lost=0.1, mean=0.5)}, "a has a value at fewer seeds than b"),
    "beyond": ({"best": 0.6}, "a is at 0.5, past the data's own value of 0.6: not better"),
    "skewed": ({"skew": MORE}, "the differences are too skewed to decide"),
    "barred": ({"barred": "off the curve"}, "off the curve"),
    "its caution": ({"one": Side("a", mean=0.5, caution="few")}, "few"),
    "the other's caution": ({"other": Side("b", mean=0.8, caution="few")}, "few"),
}


@pytest.mark.parametrize("case", list(AGAINST))
def test_what_stands_against_a_winner_leaves_the_question_open_whichever_side_it_is(case: str) -> None:
    change, reason = AGAINST[case]
    c = comparison(**change)
    assert word(c) == ("not resolved", reason)
    assert word(turned(c)) == ("not resolved", reason)
    assert [texts[0] for texts in withheld(turned(c))][1] == reason


def test_the_same_of_the_loser_changes_nothing() -> None:
    for loser in (Side("b", diverged=0.1, mean=0.8), Side("b", lost=0.1, mean=0.8)):
        assert word(comparison(other=loser)) == ("better", "")
        assert word(turned(comparison(other=loser))) == ("worse", "")
    assert word(comparison(skew=-MORE)) == ("better", "")  # skewed to the end at which a sample does not err
    assert word(comparison(skew=MORE - 0.02)) == ("better", "")


def test_a_caution_is_told_even_where_nothing_is_resolved() -> None:
    c = comparison(p_below=0.4, one=Side("a", mean=0.5, caution="few"))
    assert word(c) == ("not resolved", "few")
    assert word(replace(c, pairs=0)) == ("not resolved", "few")


def test_both_at_the_noise_floor_is_a_word_and_stands_against_both() -> None:
    c = comparison(one=Side("a", mean=0.5, floor=0.5, noise=0.2), other=Side("b", mean=0.8, floor=0.5, noise=0.2))
    assert word(c) == ("both as good as real data", "")
    assert [texts[0] for texts in withheld(c)] == ["both as good as real data"] * 2
    assert word(replace(c, other=Side("b", mean=2.0, floor=0.5, noise=0.2))) == ("better", "")


def test_many_comparisons_are_judged_as_each_alone() -> None:
    cases = [comparison(**change) for change, _ in AGAINST.values()]

    def column(name: str, *, side: str = "") -> np.ndarray:
        found = [getattr(getattr(c, side) if side else c, name) for c in cases]
        return np.array(found, dtype=object if isinstance(found[0], str) else float)

    fields = ("name", "diverged", "lost", "mean", "floor", "noise", "caution")
    sides = (Side(*(column(name, side=side) for name in fields)) for side in ("one", "other"))
    rest = {name: column(name) for name in ("pairs", "sign", "p_above", "p_below", "skew", "best", "barred")}
    together = judge(Comparison(*sides, **rest))
    assert list(zip(*together, strict=True)) == [word(c) for c in cases]
