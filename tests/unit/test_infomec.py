"""InfoMEC against the numbers of its authors' program, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from factor_codes import draw_factors, normal, rotation, standardised

from phvae.metrics.factors import make_table
from phvae.metrics.rows import Undefined
from phvae.metrics.scores.infomec import concentration, infoe, information_shares

FACTORS = draw_factors((3, 4, 8), 1200, 5)
CLEAN, NOISE = standardised(FACTORS), normal((1200, 4), 6)
UNEVEN = np.column_stack(
    [np.random.default_rng(1).binomial(3, 0.3, 1200), np.random.default_rng(2).integers(0, 5, 1200)]
)
CASES = {
    "mixed": (np.hstack([CLEAN, NOISE]) @ (np.eye(7) + 0.3 * normal((7, 7), 7)), FACTORS),
    "noisy": (np.hstack([CLEAN + 0.3 * normal((1200, 3), 8), NOISE[:, :2], 0.01 * NOISE[:, 2:]]), FACTORS),
    "rotated": ((CLEAN + 0.2 * normal((1200, 3), 9)) @ rotation(3, 1), FACTORS),
    "noise": (NOISE, FACTORS),
    "uneven": (
        np.hstack([standardised(UNEVEN) + 0.5 * normal((1200, 2), 3), normal((1200, 1), 4)]) @ rotation(3, 2), UNEVEN
    ),
}  # fmt: skip
# github.com/kylehkhsu/latent_quantization, disentangle/metrics/infomec.py as it stands (4ba4c9d), compute_infomec with
# discrete_latents=False on the fitting rows; scikit-learn 1.7.1, numpy 2.2. Its noise is unseeded: "uneven" moves by
# 7e-5. NaN: it divides by the information of a code, or of a factor, that has none.
PUBLISHED = {  # InfoM, InfoE, InfoC, active codes
    "mixed": (0.8581172600007436, 0.9998319379444597, 0.6670553223611272, 7),
    "noisy": (np.nan, 0.7738254821376632, 0.9899858996452188, 5),
    "rotated": (0.7247055882032842, 0.9029237379899825, 0.69479121451864, 3),
    "noise": (np.nan, 0.0060228398541262475, np.nan, 4),
    "uneven": (0.9792168556773675, 0.6215208445985427, 0.7160485816933122, 3),
}


@pytest.mark.parametrize("case", CASES)
def test_infomec_is_that_of_its_authors_program(case: str) -> None:
    codes, factors = CASES[case]
    table = make_table(codes, factors, "abc"[: factors.shape[1]])
    shares = information_shares(table)
    infom, explicit, infoc, active = PUBLISHED[case]
    assert shares.shape == (active, factors.shape[1])
    assert infoe(table) == pytest.approx(explicit, abs=1e-4)
    for expected, found in ((infom, shares), (infoc, shares.T)):
        if np.isfinite(expected):
            assert concentration(found) == pytest.approx(expected, abs=1e-4)
        else:  # what is without information counts as equal shares
            assert not found.sum(axis=1).all()


def test_concentration_by_hand() -> None:
    """Largest shares 3/4, 1/2 and, without information, 1/2: mean 7/12, from [1/2, 1] to [0, 1] 1/6."""
    assert concentration(np.array([[3.0, 1.0], [0.2, 0.2], [0.0, 0.0]])) == pytest.approx(1 / 6)


def test_a_quarter_of_each_value_is_told() -> None:
    """One code for two of four values, another for the other two: all of log 4; one of both alone: half."""
    factor = np.tile(np.arange(4), 300)
    low, high = factor % 2 + 0.01 * normal((1200,)), factor // 2 + 0.01 * normal((1200,), 2)
    both = make_table(np.stack([low, high], axis=1), factor[:, None], "a")
    assert infoe(both) == pytest.approx(1, abs=1e-3)
    one = make_table(np.stack([low, 0 * high], axis=1), factor[:, None], "a")
    assert infoe(one) == pytest.approx(0.5, abs=1e-3)
    assert information_shares(one)[0, 0] == pytest.approx(0.5, abs=0.02)


def test_bad_tables_say_why() -> None:
    single = make_table(normal((600, 3)), draw_factors((3,), 600), "a")
    with pytest.raises(Undefined, match="two factors and two active codes are needed"):
        concentration(information_shares(single))
    rare = np.random.default_rng(0).permutation(600)[:, None] // 6
    with pytest.raises(Undefined, match="11 fitting rows of each factor's typical value; found a 4 of 11"):
        information_shares(make_table(normal((600, 3)), rare, "a"))
    absent = draw_factors((3, 4), 900)
    absent[-1, 1] = 4
    with pytest.raises(Undefined, match="each value of a factor in the fitting rows; found b 4 of 5"):
        infoe(make_table(normal((900, 3)), absent, "ab"))
