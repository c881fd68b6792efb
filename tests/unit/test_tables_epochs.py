"""The table of epochs: what was kept beside the last."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from test_results import TERMS, write_run

from phvae.analysis.results.collect import collect
from phvae.analysis.tables.epochs import epochs
from phvae.analysis.tables.inputs import read_inputs
from phvae.model.options import ModelConfig

CONFIG = {"model": ModelConfig().model_dump(mode="json"), "training": {"epochs": 4, "select": "elbo"}}
KEPT = {0: 3, 1: 4, 2: 4}  # seed -> epoch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for variant in ("vae", "ph-vae-3"):
        for seed, kept in KEPT.items():
            folder = write_run(tmp_path, "digits", "all", variant, seed, best_epoch=kept, config=CONFIG)
            if variant == "vae":
                (folder / "history.csv").write_text(TERMS)
    write_run(tmp_path, "digits", "all", "vae", 3, best_epoch=1, status="diverged", config=CONFIG)
    (tmp_path / "runs/digits/n-all/vae/seed-3/history.csv").write_text(TERMS)
    return tmp_path


def test_the_epoch_that_was_kept_stands_beside_the_last(root: Path) -> None:
    expected = [("digits", "all", "vae", seed) for seed in (*KEPT, 3)]
    collect(root, expected + [("digits", "all", "ph-vae-3", seed) for seed in KEPT])
    table, frame = epochs(read_inputs(root))
    (row,) = frame.to_dict("records")  # the other variant has no history, and the run that diverged kept no epoch
    assert (row["variant"], row["runs"], row["best_epoch"], row["epochs"], row["at_last"]) == ("vae", 3, 4, 4, 2)
    assert row["kept_elbo"] == pytest.approx((6.5 + 7 + 7) / 3)  # reconstruction + KL, of epochs 3, 4 and 4
    assert row["last_elbo"] == pytest.approx(7)
    assert (row["kept_kl"], row["last_kl"]) == pytest.approx(((3 + 4 + 4) / 3, 4))
    (block,) = table.blocks
    cells = dict(zip(block.header, block.rows[0], strict=True))
    assert cells["variant"].text == "VAE (1 diverged)"
    shown = {name: cell.text for name, cell in cells.items() if name != "variant"}
    assert shown == {
        "chosen by": "elbo", "median epoch": "4", "of": "4", "seeds at the last": "2", "−ELBO, kept": "6.83",
        "−ELBO, last": "7", "KL, kept": "3.67", "KL, last": "4",
    }  # fmt: skip


def test_without_a_history_there_is_no_table(tmp_path: Path) -> None:
    write_run(tmp_path, "digits", "all", "vae", 0)
    collect(tmp_path, [("digits", "all", "vae", 0)])
    table, frame = epochs(read_inputs(tmp_path))
    assert not table.blocks
    assert isinstance(frame, pd.DataFrame)
    assert not len(frame)
