"""What the number of threads does to a model's numbers: `python -m benchmarks.threads`, one minute.

The VAE and PH-VAE of order 3 on the digits, five seeds in a stack, with one, two and four threads: how far the final
validation loss of a seed moves from one thread's, beside its standard deviation over seeds.
"""

from __future__ import annotations

import tempfile

import pandas as pd

from benchmarks.common import record, table
from phvae.experiment.grid import parse_grid
from phvae.jobs import stages

CONFIG = {
    "seeds": 5,
    "device": "cpu",
    "baseline": "vae",
    "model": {"latent_size": 12, "network": {"name": "dense", "hidden": [128, 128]}},
    "training": {"epochs": 40, "batch_size": 32, "seeds_per_job": 5},
    "datasets": {"digits": {}},
    "variants": {"vae": {"model": {"order": 1, "divergence": "kl"}}, "ph-vae-3": {"model": {"order": 3}}},
}
THREADS = (1, 2, 4)


def final_losses(results: str, threads: int) -> pd.DataFrame:
    """Validation loss of the last epoch in nats, a row a seed, a column a variant."""
    grid = parse_grid(CONFIG | {"name": f"threads-{threads}", "threads": threads, "results": results}, "threads")
    stages.prepare(grid, "digits")
    found: dict[str, dict[int, float]] = {}
    for lot in grid.lots():
        stages.train(grid, *lot)
    for cell in grid.cells:
        where = (cell.dataset, cell.n_train, cell.variant)
        histories = {seed: pd.read_csv(grid.paths.run(*where, seed) / "history.csv") for seed in cell.seeds}
        found[cell.variant] = {seed: history.validation_loss.iloc[-1] for seed, history in histories.items()}
    return pd.DataFrame(found)


def main() -> None:
    """Measure, record, print."""
    with tempfile.TemporaryDirectory() as results:
        losses = {threads: final_losses(results, threads) for threads in THREADS}
    one = losses[1]
    for threads in THREADS[1:]:
        moved = (losses[threads] - one).abs().max()
        for variant in one:
            record(
                f"threads: {threads} against 1, {variant}, largest move of a seed",
                "nats",
                moved[variant],
                "standard deviation over seeds",
                one[variant].std(),
                len(one),
            )
    print(table("threads"))


if __name__ == "__main__":
    main()
