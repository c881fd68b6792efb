"""Scores of fewer points than they need are empty and say how many: a value of chance would pass for a finding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factor_codes import draw_factors, normal, standardised
from scoring import factor_scores
from tiny import images

from phvae.metrics.across_seeds import udr
from phvae.metrics.codes import MIN_POINTS
from phvae.metrics.document import render
from phvae.metrics.factors import make_table
from phvae.metrics.features import Extractor
from phvae.metrics.mmd import bandwidth
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row, Undefined, at_least
from phvae.metrics.scores import dependence, generation, reconstruction
from phvae.metrics.scores.dci import LEAST_ROWS
from phvae.model.options import ModelConfig

SIZES = (2, 3)  # values of each factor


def perfect(n: int) -> dict[str, Row]:
    """The scores of codes that are the factors themselves."""
    factors = draw_factors(SIZES, n)
    table = make_table(standardised(factors), factors, ["a", "b"])
    return {row.metric: row for row in factor_scores(table, EvaluationConfig(votes=100))}


@pytest.mark.parametrize("n", [60, 66, 70, 90])
def test_no_informativeness_where_no_tree_can_split(n: int):
    """It was the commonest value's share, 'ok', beside an empty DCI."""
    found = perfect(n)
    for name in ("level_1_informativeness", "level_1_informativeness_a", "dci_forest_informativeness"):
        assert found[name].status == "empty", name
        assert found[name].reason == f"fitting rows of a forest: {2 * n // 3}, at least {LEAST_ROWS} are needed"


def test_from_the_least_size_on_perfect_codes_beat_the_commonest_value():
    found = perfect(2 * LEAST_ROWS)
    assert found["level_1_informativeness_a"].value == 1
    assert found["dci_forest_disentanglement"].value > 0.4


def inputs(codes: np.ndarray) -> Inputs:
    table = {"whitened": codes.astype(np.float32)}
    return Inputs(images(), table, {}, ModelConfig(latent_size=2), EvaluationConfig(), Path(), 0)


@pytest.mark.parametrize(("n", "status"), [(59, "empty"), (60, "ok")])
def test_dependence_and_udr_need_sixty_examples(n: int, status: str):
    codes = normal((n, 1, 2))
    assert {row.status for row in dependence.rows(inputs(codes))} == {status}
    seeds = [
        {"whitened": codes, "log_variance": np.full_like(codes, -2), "coupling": np.eye(1)},
        {"whitened": codes + 0.1, "log_variance": np.full_like(codes, -2), "coupling": np.eye(1)},
    ]
    assert {row.status for row in udr.rows(seeds, "hierarchical")} == {status}


def test_one_way_to_say_it():
    at_least(2, 2, "examples")
    with pytest.raises(Undefined, match=r"^examples: 1, at least 2 are needed$"):
        at_least(2, 1, "examples")
    with pytest.raises(Undefined, match=r"^points that give a kernel's width: 1, at least 2 are needed$"):
        bandwidth(np.ones((1, 2)))


def test_settings_say_what_was_decoded_and_how_many_subsets():
    data = images(n_test=30)
    model, settings = ModelConfig(latent_size=2), EvaluationConfig(extractors=["classifier"])
    arrays = {"reconstructions": np.array(data.test), "dropped": np.array(data.test)[None]}
    found = reconstruction.rows(Inputs(data, {}, arrays, model, settings, Path(), 0))
    assert found
    assert all(row.settings.startswith("posterior means decoded") for row in found)
    network = Extractor("classifier", lambda x: x, "d" * 64, "as it is")

    def text(n: int, images: str) -> str:
        how = generation._families("classifier", images, n)[0].settings
        return generation._settings(network, n, images, how)

    assert "posterior means decoded" in text(64, "reconstructions")
    assert "KID of 1 subset of 64" in text(64, "samples")
    assert "KID of 10 subsets of 1000" in text(5_000, "samples")


def test_the_page_says_the_sizes_of_the_code():
    text = " ".join(render().split())
    assert f"forests need {LEAST_ROWS} fitting rows" in text
    assert f"UDR need {MIN_POINTS} examples" in text
