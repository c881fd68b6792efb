"""FactorVAE and β-TCVAE of pythae 0.1.2 beside ours, all else alike; writes outside.csv and outside_batch.csv.

`python -m benchmarks.outside` exports the splits, trains pythae's models on them in an environment of their own
(outside_peer.py), runs the grid of outside.yaml with theirs as external variants, and gives both sides one batch under
the same weights. Half an hour on a busy machine of two cores. outside.csv has a row per variant, metric and seed;
outside_batch.csv a row per quantity of that batch. `--page` prints the tables of docs/external.md from both.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.training import ROOT, peer_python
from phvae.analysis.results.long_table import read_table
from phvae.experiment.grid import load_grid

__all__ = ["BATCH", "SCORES", "batch_page", "scores_page"]

HERE = Path(__file__).resolve().parent
CONFIG = HERE / "outside.yaml"
SCORES, BATCH = HERE / "outside.csv", HERE / "outside_batch.csv"
PLACE = Path(".cache/outside")
METRICS = {
    "mse": ("MSE", 5),
    "kl": ("KL, nats", 2),
    "mig": ("MIG", 3),
    "factor_vae": ("FactorVAE score", 3),
    "dci_forest_disentanglement": ("DCI", 3),
}


def measure() -> None:
    """Train theirs and ours, score both, write the two tables."""
    grid = load_grid(CONFIG)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    phvae, exported = [sys.executable, "-m", "phvae.cli"], PLACE / "exported" / "sprites.npz"
    peer = [peer_python(), str(HERE / "outside_peer.py")]
    seeds = ",".join(map(str, range(grid.config.seeds)))
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "2", f"{grid.paths.root}/metrics.csv", "--configfile"]
    for command in (
        [*phvae, "data", "export", "sprites", "--config", str(CONFIG), "--folder", str(exported.parent)],
        [*peer, "train", str(exported), str(PLACE), seeds],
        [*snakemake, str(CONFIG)],
        [*peer, "batch", str(grid.paths.root), str(exported), str(BATCH)],
    ):
        subprocess.run(command, check=True, env=environment)
    found = read_table(grid.paths.root)
    found = found[found["metric"].isin(METRICS) & (found["split"] == "test")]
    found = found[["variant", "metric", "seed", "value"]].sort_values(["variant", "metric", "seed"])
    found.to_csv(SCORES, index=False, float_format="%.6g", lineterminator="\n")


def scores_page() -> str:
    """The scores as docs/external.md has them: a row a variant, the seeds side by side."""
    table = pd.read_csv(SCORES)
    lines = ["| variant | " + " | ".join(label for label, _ in METRICS.values()) + " |", "| --- " * 6 + "|"]
    for name, variant in load_grid(CONFIG).config.variants.items():
        cells = [variant.label or name]
        for metric, (_, digits) in METRICS.items():
            rows = table[(table["variant"] == name) & (table["metric"] == metric)].sort_values("seed")
            cells.append(", ".join(f"{value:.{digits}f}".lstrip("0") for value in rows["value"]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def batch_page() -> str:
    """The batch as docs/external.md has it."""
    labels = {name: variant.label for name, variant in load_grid(CONFIG).config.variants.items()}
    lines = ["| model | what | ours | pythae's |", "| --- | --- | --- | --- |"]
    for row in pd.read_csv(BATCH).itertuples():
        lines.append(f"| {labels[row.variant]} | {row.what} | {row.ours:.6f} | {row.pythae:.6f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print; or print alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", action="store_true", help="print the tables, measure nothing")
    if not parser.parse_args().page:
        measure()
    print(scores_page(), batch_page(), sep="\n\n")


if __name__ == "__main__":
    main()
