"""The estimated log p(x) against what is known of it a second way; writes likelihood.csv beside this file.

    snakemake --cores 2 --configfile benchmarks/likelihood.yaml --until train
    python -m benchmarks.likelihood [data set ...]

Half an hour on one core. `exact`: densities, a million draws from the prior, of which enough fall near every x.
`sandwich`: images simulated from a trained model, so that their code is an exact draw from the posterior; between
annealed importance sampling forwards (a lower bound in expectation) and backwards (an upper one). `annealed`: real
digits against the lower bound alone. `elbo_excess`: the ELBO minus the estimate, in Monte Carlo standard errors.
`before`: what 64 draws from the encoder's posterior gave until November 2026. Values are means over examples, in nats
of the model's units.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

import phvae
from benchmarks.annealing import anneal
from phvae import PHVAE
from phvae.data.prepared import load as load_data
from phvae.encoding.importance import Estimate, estimate
from phvae.experiment.grid import Cell, load_grid
from phvae.files import read_json
from phvae.model.hierarchy import expand

HERE = Path(__file__).resolve().parent
PRIOR_DRAWS, PART = 1_000_000, 50_000
DENSITY_EXAMPLES, IMAGE_EXAMPLES = 100, 10
CHAINS, STEPS = 16, 2000
BOUND_DRAWS = 64


def exact(model: PHVAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """log p(x) from a million draws of the prior, and its standard error, (B,)."""
    generator = torch.Generator().manual_seed(7)
    first, second = (torch.full((len(x),), -math.inf, dtype=torch.float64) for _ in range(2))
    for _ in range(PRIOR_DRAWS // PART):
        w = torch.randn(PART, model.order, model.level_size, generator=generator)
        output = model.decoder(model.unwhiten(w).flatten(1))
        for i, example in enumerate(x):
            nll = model.likelihood.nll([example.expand_as(output)], output, [1])[0]
            first[i] = torch.logaddexp(first[i], torch.logsumexp(-nll.double(), 0))
            second[i] = torch.logaddexp(second[i], torch.logsumexp(-2 * nll.double(), 0))
    relative = (
        torch.exp(second - 2 * first + math.log(PRIOR_DRAWS)) - 1
    )  # variance of the weights over their mean's square
    return first - math.log(PRIOR_DRAWS), torch.sqrt(relative / PRIOR_DRAWS)


def log_weights(model: PHVAE, x: Tensor, draws: int) -> tuple[Tensor, Tensor]:
    """Of draws from the encoder's posterior: log p(x, z) / q(z | x) (B, draws), and its mean with the KL exact, too."""
    generator = torch.Generator().manual_seed(3)
    q = model.posterior(expand(x, model.order, model.config.basis))
    weights, bound = [], []
    for _ in range(draws):
        eps = torch.randn(q.mean.shape, generator=generator)
        z = q.draw(eps)
        nll = model.likelihood.nll([x], model.decoder(z.flatten(1)), [1])[0]
        weights.append(q.log_prior(z) - nll - q.log_density(eps))
        bound.append(-nll - q.kl_levels.sum(1))
    return torch.stack(weights, 1).double(), torch.stack(bound, 1).double()


def mean_error(errors: Tensor) -> float:
    """The standard error of a mean of independent estimates."""
    return (errors.double().square().sum().sqrt() / len(errors)).item()


def row(
    kind: str, cell: Cell, seed: int, found: Estimate, low: Tensor, error: Tensor, high: Tensor | None, **more: float
) -> dict:
    """One line of the table: the estimate and what it is held against."""
    value = found.value.mean().item()
    return {
        "kind": kind, "dataset": cell.dataset, "variant": cell.variant, "seed": seed, "examples": len(low),
        "estimate": round(value, 4), "lower": round(low.mean().item(), 4),
        "upper": round((low if high is None else high).mean().item(), 4),
        "difference": round((found.value - low).mean().item(), 4),
        "standard_error": round(mean_error(found.error), 4), "standard_error_lower": round(mean_error(error), 4),
        "settled": round(found.settled.double().mean().item(), 3), "draws": round(found.draws.double().mean().item()),
        **{name: round(number, 4) for name, number in more.items()},
    }  # fmt: skip


@torch.no_grad()
def rows(cell: Cell, seed: int, model: PHVAE, test: np.ndarray) -> Iterator[dict]:
    """What is known of one run."""
    density = len(model.shape) == 1
    x = model.as_data(test[: DENSITY_EXAMPLES if density else IMAGE_EXAMPLES])
    started = time.process_time()
    found = estimate(model, x, seed=seed)
    seconds = time.process_time() - started
    weights, bound = log_weights(model, x, BOUND_DRAWS)
    before = (torch.logsumexp(weights, 1) - math.log(BOUND_DRAWS)).mean().item()
    error = (bound.var(1) / BOUND_DRAWS + found.error.square()).sum().sqrt() / len(x)
    excess = (bound.mean(1) - found.value).mean() / error
    more = {"before": before, "elbo": bound.mean().item(), "elbo_excess": excess.item(), "seconds": seconds}
    if density:
        yield row("exact", cell, seed, found, *exact(model, x), None, **more)
        return
    generator = torch.Generator().manual_seed(seed)
    if cell.dataset == "digits":
        yield row("annealed", cell, seed, found, *anneal(model, x, CHAINS, STEPS, generator), None, **more)
    w = torch.randn(IMAGE_EXAMPLES, model.order, model.level_size, generator=generator)
    output = model.decoder(model.unwhiten(w).flatten(1))
    drawn = model.likelihood.sample(output, generator)
    model.unit_interval = False  # noise takes simulated pixels out of [0, 1]
    simulated = estimate(model, drawn, seed=seed)
    low, error = anneal(model, drawn, CHAINS, STEPS, generator)
    high, _ = anneal(model, drawn, 1, STEPS, generator, start=w.flatten(1)[:, None])
    yield row("sandwich", cell, seed, simulated, low, error, high)


def main() -> None:
    """Every run of the grid, or of the data sets that are named; images of the first seed only."""
    torch.set_num_threads(1)
    grid = load_grid(HERE / "likelihood.yaml")
    wanted = sys.argv[1:] or list(grid.config.datasets)
    path = HERE / "likelihood.csv"
    table = pd.read_csv(path).to_dict("records") if path.is_file() else []
    table = [row for row in table if row["dataset"] not in wanted]
    for cell in (cell for cell in grid.cells if cell.dataset in wanted):
        manifest = read_json(grid.paths.data(cell.dataset))
        test = np.array(load_data(Path(grid.config.results) / "data" / manifest["folder"]).test)
        for seed in cell.seeds if cell.dataset not in ("digits", "sprites") else cell.seeds[:1]:
            model = phvae.load(grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed))
            model.scaling = None  # the prepared arrays are in the model's units
            for one in rows(cell, seed, model, test):
                table.append(one)
                print(*one.values(), sep="  ", flush=True)
        pd.DataFrame(table).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
