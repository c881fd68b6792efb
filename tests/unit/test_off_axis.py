"""Panels that few far values do not squeeze: where an axis ends, and the arrows for what lies off it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from phvae.analysis.figures.off_axis import mark_beyond, span_of

FEW = [(x - 1, x, x + 1) for x in (0.0, 1.0, 2.0, 3.0, 4.0)]


def test_a_far_value_is_cut_and_a_near_one_is_not():
    assert span_of(FEW) == pytest.approx((-1.3, 5.3))
    assert span_of([*FEW, (99, 100, 101)]) == span_of([*FEW, (999, 1000, 1001)]) == pytest.approx((-1.3, 5.3))
    assert span_of([*FEW, (5, 6, 7)])[1] > 7
    assert span_of([*FEW, (-101, -100, -99)]) == pytest.approx((-1.3, 5.3))


def test_two_groups_are_both_shown():
    groups = [(x, x, x) for x in (0.0, 0.1, 0.2, 10.0, 10.1, 10.2)]
    low, high = span_of(groups)
    assert low < 0 < 10.2 < high


def test_a_far_end_of_an_interval_is_cut_but_not_its_value():
    low, high = span_of([*FEW, (2, 3, 500)])
    assert low < -1
    assert 5 < high < 50


def test_what_the_axis_must_hold_is_on_it_and_lost_values_are_left_out():
    assert span_of(FEW, (40.0,))[1] > 40
    assert span_of([*FEW, (np.nan, np.nan, np.nan)]) == span_of(FEW)
    assert span_of([(np.nan, 2.0, np.nan), (np.nan, 4.0, np.nan)]) == pytest.approx((1.9, 4.1))
    assert span_of([]) == (0.0, 1.0)
    low, high = span_of([(3, 3, 3)])
    assert low < 3 < high


def test_an_arrow_with_its_number_stands_at_the_side_where_a_point_is_off():
    ax = Figure().subplots()
    ax.set(xlim=(0, 10), ylim=(4, -1))
    mark_beyond(ax, 5, 2, color="black")
    assert not ax.lines
    assert not ax.texts
    mark_beyond(ax, [12.0, 3.0, 25.0], 1, color="black")
    mark_beyond(ax, -0.0314, 2, color="black")
    found = [(line.get_marker(), *line.get_xydata()[0]) for line in ax.lines]
    assert found == [(">", 10, 1), ("<", 0, 2)]
    assert [text.get_text() for text in ax.texts] == ["12 to 25", "−0.031"]
    ax = Figure().subplots()
    ax.set(xlim=(0, 10), ylim=(0, 1))
    for y in (7.0, -2.0, np.nan):
        mark_beyond(ax, 3, y, color="black")
    assert [line.get_marker() for line in ax.lines] == ["^", "v"]
    assert [text.get_text() for text in ax.texts] == ["7.0", "−2.0"]
