"""The weights of the objective, and the acceptance rule of the log-ratio polynomial on both of its sides."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from phvae.model.acceptance import failing_point, require_non_negative
from phvae.model.divergences.hierarchical import Hierarchical
from phvae.model.divergences.log_polynomial import LogPolynomial
from phvae.model.options import ModelConfig

ACCEPTED = [
    [1.0],
    [2.5],
    [1.0, 0.5, 1 / 6],
    [0.0, 1.0],
    [1.0, 0.0, 0.0],
    [1.0, -0.5, 1 / 6],  # the Taylor polynomial of 1 - e^-s of odd degree touches the bound at 0 only
    [1.0, -0.49, 0.2],
    [0.0, 9.0, -6.0, 1.0],  # s^2 (s - 3)^2
    *([1 / math.factorial(j) for j in range(1, m + 1)] for m in range(1, 13)),
]
REFUSED = [
    [1.0, 0.0, 1.0],
    [-1.0],
    [-1.0, 5.0],
    [1.0, -0.5],
    [1.0, -0.51, 0.2],
    [0.0, 0.0, 1.0],
    [0.0, 1.0, 1.0],
    [0.0, -1.0],
    [1.0, 0.0, -1e-6],
    [0.0, 8.999, -6.0, 1.0],  # below 0 near s = 3 only
    [0.0, 8.999, 6.0, 1.0],  # below 0 near s = -3 only
    [0.0, 80.999, 0.0, -18.0, 0.0, 1.0],  # s^2 ((s^2 - 9)^2 - .001)
    [1.0, 0.5, 1 / 6, -1e-4],
]


def excess(c, s):
    return sum(c_j * s**j for j, c_j in enumerate(c, 1)) + c[0] * math.expm1(-s)


@pytest.mark.parametrize("c", ACCEPTED)
def test_accepted(c):
    assert failing_point(c) is None
    LogPolynomial(coefficients=c)


@pytest.mark.parametrize("c", REFUSED)
def test_refused_with_an_s_that_fails(c):
    s = failing_point(c)
    assert excess(c, s) < 0
    with pytest.raises(ValueError, match=r"not guaranteed non-negative: .* fails at s ="):
        require_non_negative(c)
    with pytest.raises(ValueError, match="not guaranteed non-negative"):
        LogPolynomial(coefficients=c)


@pytest.mark.parametrize("c", [
    [1.0, -0.499, 1e3, 1e6],  # f/s^2 = .001 + 1e3 s + 1e6 s^2, least at s = -5e-4
    [0.0, 1.0, 1e5, 2e9],
])  # fmt: skip
def test_a_dip_beside_zero_is_found(c):
    assert min(excess(c, s) for s in np.linspace(-2e-3, 2e-3, 4001)) < 0
    assert excess(c, failing_point(c)) < 0


def test_a_tail_that_turns_negative_far_out_is_found_and_one_beyond_checking_is_refused():
    far = [1.0, 1.0, -2e-9]
    assert excess(far, 1e9) < 0 < excess(far, 1e8)
    assert excess(far, failing_point(far)) < 0
    for last in (-1e-12, 1e-12):
        with pytest.raises(ValueError, match="too small beside the largest to be checked"):
            LogPolynomial(coefficients=[1.0, 1.0, last])


@pytest.mark.parametrize("c", REFUSED)
def test_what_is_refused_is_negative_for_some_two_point_q_and_p(c):
    """The rule is necessary: q = (t, 1-t), p = (t e^-s, ...) has D < 0 for small t."""
    s = failing_point(c)

    def divergence(t):
        ratios = (s, math.log1p(-t) - math.log1p(-t * math.exp(-s)))
        return sum(
            weight * sum(c_j * r**j for j, c_j in enumerate(c, 1)) for weight, r in zip((t, 1 - t), ratios, strict=True)
        )

    small = 0.1 * math.exp(min(s, 0.0))
    assert min(divergence(small * 2.0**-k) for k in range(30)) < 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-2, 2).map(lambda v: round(v, 3)), min_size=1, max_size=6), st.floats(0, 1))
@pytest.mark.slow
def test_the_rule_agrees_with_a_dense_grid(c, shrink):
    c = [value * shrink ** (j > 0) / math.factorial(j + 1) for j, value in enumerate(c)]
    if not any(c):
        return
    s = np.concatenate([np.linspace(-60, 60, 24001), np.linspace(-700, 700, 2801)])
    s = s[np.abs(s) > 1e-3]
    lowest = ((sum(c_j * s**j for j, c_j in enumerate(c, 1)) + c[0] * np.expm1(-s)) / s**2).min()
    found = failing_point(c)
    if lowest < -1e-9:
        assert found is not None
    if found is not None:
        assert excess(c, found) < 1e-12


@pytest.mark.parametrize("c", [[1e308, 1e308], [1e300, -1e300, 1e300], [1.0, -1e7]])
def test_coefficients_that_only_overflow_are_refused(c):
    with pytest.raises(ValidationError, match=r"than or equal to -?1000000"):
        LogPolynomial(coefficients=c)


def test_the_largest_weights_stay_finite():
    largest = {"name": "log_polynomial", "beta": 1e6, "coefficients": [1e6, 1e6, 1e6, 1e6]}
    assert all(map(math.isfinite, ModelConfig(divergence=largest).divergence.listed))
    assert all(map(math.isfinite, Hierarchical(weights=[1e6] * 16, beta=1e6).level_weights(16)))
    assert all(map(math.isfinite, Hierarchical(ratio=1e6).level_weights(16)))
    for options in ({"weights": [1e308, 1e308]}, {"ratio": 1e200}, {"beta": 1e308}):
        with pytest.raises(ValidationError, match="less than or equal to 1000000"):
            Hierarchical(**options)


def test_all_zero_coefficients_are_no_divergence():
    with pytest.raises(ValueError, match="all zero"):
        require_non_negative([0.0, 0.0])


@given(st.integers(1, 8), st.floats(0.2, 5), st.floats(0, 8))
def test_normalised_level_weights_sum_to_order_times_beta(order, ratio, beta):
    for weights in ("uniform", "geometric", [float(k * k) for k in range(1, order + 1)]):
        given = {"ratio": ratio} if weights == "geometric" else {}
        omega = Hierarchical(weights=weights, beta=beta, **given).level_weights(order)
        assert len(omega) == order
        assert math.fsum(omega) == pytest.approx(order * beta, abs=1e-12)
    assert Hierarchical(weights="uniform", beta=beta).level_weights(order) == pytest.approx([beta] * order)


def test_geometric_weights_and_a_list_left_alone():
    omega = Hierarchical(ratio=3.0, beta=2.0).level_weights(3)
    assert omega == pytest.approx([6 / 13, 18 / 13, 54 / 13])
    assert Hierarchical(weights=[1, 2, 3], normalise=False).level_weights(3) == [1.0, 2.0, 3.0]


def test_exponential_coefficients():
    assert LogPolynomial(degree=4).listed == [1, 1 / 2, 1 / 6, 1 / 24]
    assert LogPolynomial(coefficients=[1, 0.25]).listed == [1.0, 0.25]


def test_reconstruction_weights():
    assert ModelConfig(order=3).scored_weights == [1, 0, 0]
    assert ModelConfig(order=4, reconstruction_weights="uniform").scored_weights == [0.25] * 4
    assert ModelConfig(order=2, reconstruction_weights=[0, 2]).scored_weights == [0, 2]


def test_the_rule_needs_no_torch():
    code = (
        "import sys; from phvae.model.divergences.log_polynomial import LogPolynomial\n"
        "try: LogPolynomial(coefficients=[1, 0, 1])\n"
        "except ValueError: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
