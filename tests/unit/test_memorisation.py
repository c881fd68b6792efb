"""AuthPct and C_T against published programs and by hand; the nearest of many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import images

from phvae.data import Prepared
from phvae.metrics import neighbours
from phvae.metrics.neighbours import nearest
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import lookup
from phvae.metrics.rows import Inputs, Row, Undefined
from phvae.metrics.scores import memorisation
from phvae.metrics.scores.memorisation import authentic, copying
from phvae.model.options import ModelConfig


def clusters(n: int, seed: int, size: int = 5) -> np.ndarray:
    """Three clusters far apart, of unequal weight."""
    g = np.random.default_rng(seed)
    return 20 * g.choice(3, n, p=[0.2, 0.3, 0.5])[:, None] + g.standard_normal((n, size))


TRAIN, TEST = clusters(300, 0), clusters(200, 1)
CASES = {
    "of one law": clusters(250, 2),
    "near copies": TRAIN[:220] + 0.02 * np.random.default_rng(3).standard_normal((220, 5)),
    "wide": clusters(150, 4) + np.random.default_rng(5).standard_normal((150, 5)),
    "a cluster missing": clusters(400, 6)[clusters(400, 6)[:, 0] < 30],
}
# github.com/layer6ai-labs/dgm-eval (74c79f7): compute_authpct(TRAIN, case), compute_CTscore(TRAIN, TEST, case)
PUBLISHED = {
    "of one law": (50.79999923706055, 0.07339016191240885),
    "near copies": (0.0, -10.82094069398292),
    "wide": (66.0, 3.955749390024251),
    "a cluster missing": (56.4766845703125, 0.49057259719728386),
}


@pytest.mark.parametrize("case", CASES)
def test_both_scores_are_those_of_published_programs(case: str) -> None:
    found = authentic(CASES[case], TRAIN), copying(CASES[case], TEST, TRAIN)
    assert found == pytest.approx(PUBLISHED[case], abs=1e-4)


def test_authenticity_by_hand() -> None:
    """Of training examples 0, 1 and 10: 0.4 is nearer to 0 than 1 is, 2.5 is not to 1; 11 is to 10, 20 is not."""
    train = np.array([[0.0], [1.0], [10.0]])
    assert authentic(np.array([[0.4], [2.5], [11.0], [20.0]]), train) == 50.0
    assert authentic(train, train) == 0.0


def test_copies_are_below_and_strangers_above_zero() -> None:
    assert copying(CASES["near copies"], TEST, TRAIN) < -5
    assert abs(copying(CASES["of one law"], TEST, TRAIN)) < 3
    assert copying(CASES["wide"], TEST, TRAIN) > 3


def test_many_features_are_told_by_their_components() -> None:
    """A rotation into 80 dimensions changes no distance, nor does leaving out the 16 that are empty."""
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((80, 80)))[0][:5]
    wide = [one @ turn for one in (CASES["wide"], TEST, TRAIN)]
    assert copying(*wide) == pytest.approx(copying(CASES["wide"], TEST, TRAIN), abs=1e-6)


def test_the_nearest_in_pieces_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 1, 4, 4), np.uint8)
    whole = nearest(pixels[:40], pixels, np.arange(40))
    far = ((pixels[:40, None].astype(int) - pixels[None]) ** 2).sum((2, 3, 4))
    far[np.arange(40), np.arange(40)] = 10**9
    assert np.array_equal(whole[1], far.argmin(axis=1))
    assert np.array_equal(whole[0], np.sqrt(far.min(axis=1)))
    monkeypatch.setattr(neighbours, "_ROWS", 7)
    pieces = nearest(pixels[:40], pixels, np.arange(40))
    assert all(np.array_equal(one, two) for one, two in zip(whole, pieces, strict=True))


def rows(data: Prepared | None = None, **changes: Any) -> dict[str, Row]:
    data = data or images(n=192, n_test=150)
    arrays = {"samples_mean": np.array(data.train[None, :100]), "train_rows": np.arange(150)} | changes
    known = {name: value for name, value in arrays.items() if value is not None}
    inputs = Inputs(data, {}, known, ModelConfig(), EvaluationConfig(), Path(), 0)
    return {row.metric: row for row in memorisation.rows(inputs)}


def test_copies_of_training_images_are_told_from_test_images() -> None:
    found = rows()
    assert found["auth_pct"].value == 0.0
    assert found["auth_pct"].floor is not None
    assert found["auth_pct"].floor > 30
    assert found["c_t"].value < -5
    assert "100 decoder means of prior draws; 150 of 150 training examples" in found["c_t"].settings
    unseen = rows(train_rows=np.arange(100, 192))
    assert unseen["auth_pct"].value > 30
    assert unseen["c_t"].value > -3


def test_runs_of_one_job_share_nothing_but_equal_training_examples() -> None:
    data = images(n=192, n_test=150)
    made = data.train[None, :60]
    for train_rows in (np.arange(100), np.arange(92, 192), np.arange(100)):
        found = rows(data, samples_mean=made, train_rows=train_rows)
        assert found["c_t"].value == copying(made[0], data.test, data.train[train_rows])
        assert found["auth_pct"].value == authentic(made[0], data.train[train_rows])
        assert found["auth_pct"].floor == authentic(data.test, data.train[train_rows])


def test_they_have_no_direction_so_that_they_decide_nothing() -> None:
    assert {lookup(name).higher_is_better for name in ("auth_pct", "c_t")} == {None}


def test_what_is_too_little_says_so() -> None:
    with pytest.raises(Undefined, match="no array of the run's training examples"):
        rows(train_rows=None)
    found = rows(train_rows=np.arange(20))
    assert found["c_t"].reason == "training examples: 20, at least 64 are needed"
    assert found["auth_pct"].status == "ok"
    found = rows(samples_mean=np.array(images().train[None, :16]))
    assert found["c_t"].reason == "no cell of C_T has more than 20 of the 16 generated examples"
    with pytest.raises(Undefined, match="training examples: 1, at least 2"):
        authentic(TEST, TRAIN[:1])
    with pytest.raises(Undefined, match="a cell of C_T has 0 test"):
        copying(CASES["of one law"], TEST[TEST[:, 0] < 30], TRAIN)
