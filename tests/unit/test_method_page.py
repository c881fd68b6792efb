"""docs/method.md: its parameter counts are the code's, and it names every registered part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from phvae.api.phvae import PHVAE
from phvae.model.hierarchy import BASES
from phvae.model.parts import COUPLINGS, DIVERGENCES, LIKELIHOODS, NETWORKS
from phvae.model.posterior import PRIORS

PAGE = Path("docs/method.md").read_text(encoding="utf-8")
ROW = r"^\| (dense|conv_locatello)[^|]*, (\d+)x(\d+)x(\d+) \| (\d) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$"
ROWS = re.findall(ROW, PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[4]}")
def test_the_table_of_parameter_counts(row):
    network, *shape, order = row[0], *map(int, row[1:5])
    full, matched, decoder = (int(number.replace(",", "")) for number in row[5:])
    for width, encoders in (("full", full), ("matched", matched)):
        counts = PHVAE(shape, network=network, order=order, encoder_width=width).parameter_counts()
        assert (counts["encoders"], counts["decoder"]) == (encoders, decoder)


def test_the_table_has_every_order_of_every_network():
    assert [(row[0], int(row[4])) for row in ROWS] == [
        (name, order) for name in ("dense", "conv_locatello") for order in (1, 2, 3, 4, 6)
    ]
    assert {row[0] for row in ROWS} == set(NETWORKS)


def test_every_registered_part_is_described():
    for registry in (BASES, COUPLINGS, PRIORS, DIVERGENCES, LIKELIHOODS, NETWORKS):
        for name in registry:
            assert re.search(rf"`{name}\b", PAGE), name
