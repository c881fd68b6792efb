"""docs/method.md: its parameter counts are the code's, and it names every registered part."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
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


def test_the_table_of_disentangled_sprites_is_the_measured_one():
    measured = pd.read_csv("benchmarks/disentangling.csv").set_index(["variant", "metric"])
    rows = re.findall(r"^\| ((?:β-|Factor)?(?:TC)?VAE)(?:, . = (\d+))? \| (.*) \|$", PAGE, flags=re.MULTILINE)
    found = {
        f"{name.lower().replace('β', 'beta').replace('rv', 'r-v')}{'-' * bool(at)}{at}": row for name, at, row in rows
    }
    assert set(found) == {name for name, _ in measured.index}
    metrics = ("mig", "factor_vae", "dci_forest_disentanglement", "kl", "mse")
    for variant, row in found.items():
        for metric, text in zip(metrics, row.split(" | "), strict=True):
            numbers = re.findall(r"[+-]?\d+\.\d+", text.replace("−", "-"))
            expected = measured.loc[(variant, metric)]
            values = [expected[name] for name in ("mean", "difference", "low", "high")][: len(numbers)]
            assert len(numbers) in (1, 4)
            assert all(
                abs(float(number) - value) <= 0.51 * 10.0 ** -len(number.partition(".")[2])
                for number, value in zip(numbers, values, strict=True)
            ), (variant, metric)


def test_every_registered_part_is_described():
    for registry in (BASES, COUPLINGS, PRIORS, DIVERGENCES, LIKELIHOODS, NETWORKS):
        for name in registry:
            assert re.search(rf"`{name}\b", PAGE), name
