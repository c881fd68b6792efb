"""What a training step costs with each objective, relative to KL: `python -m benchmarks.objectives`, six minutes.

Digits, dense 256-256, 12 coordinates in 3 levels, batches of 64, a stack of 5 seeds, one thread: CPU time of 20 steps,
in turn with KL's, ratio of medians of 15; under both priors, since under the standard one levels are correlated. The
table goes to objectives.csv.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import alternate, machine, median, record
from phvae.determinism.device import session
from phvae.model.model import Model
from phvae.model.options import ModelConfig
from phvae.training.stacking import Stack

SEEDS, BATCH, STEPS, REPEATS = 5, 64, 20, 15
SHAPE, LEVELS = (1, 8, 8), (3, 4)
PATH = Path(__file__).with_name("objectives.csv")
CASES: dict[str, dict[str, Any]] = {
    "hierarchical": {"name": "hierarchical"},
    "log_polynomial": {"name": "log_polynomial"},
    "beta_tcvae": {"name": "beta_tcvae"},
    "dip_vae I": {"name": "dip_vae"},
    "dip_vae II": {"name": "dip_vae", "type": "II"},
    "factor_vae": {"name": "factor_vae"},
    "factor_vae, small": {"name": "factor_vae", "critic_width": 200, "critic_layers": 3},
    "info_vae": {"name": "info_vae"},
    "wae_mmd": {"name": "wae_mmd"},
    "renyi": {"name": "renyi"},
    "skew_js": {"name": "skew_js"},
    "skew_js dual": {"name": "skew_js", "dual": True},
    "kl with capacity": {"name": "kl", "capacity": {"nats": 20}},
    "kl with free_bits": {"name": "kl", "free_bits": 0.5},
}


def stepper(divergence: dict[str, Any], prior: str) -> Callable[[], float]:
    """What trains the stack for some steps and tells the milliseconds of CPU time per step."""
    coupling = "identity" if divergence["name"] == "log_polynomial" else "chain"
    order = LEVELS[0]
    config = ModelConfig(order=order, latent_size=12, divergence=divergence, prior=prior, coupling=coupling)
    states = [dict(Model(SHAPE, config, seed=seed).named_parameters()) for seed in range(SEEDS)]
    stack = Stack(Model(SHAPE, config), states, examples=1_258)
    noises = [torch.randn(SEEDS, BATCH, *LEVELS) for _ in range(2 if config.divergence.draws_prior else 1)]
    batch = torch.rand(SEEDS, BATCH, *SHAPE), *noises
    stack.step(*batch)  # records

    def milliseconds() -> float:
        started = time.process_time()
        for _ in range(STEPS):
            stack.step(*batch)
        return 1000 * (time.process_time() - started) / STEPS

    return milliseconds


def main() -> None:
    """Measure, record, print."""
    print(f"{machine()}; milliseconds of CPU time per step of {SEEDS} seeds: objective, KL, ratio")
    with session("cpu", threads=1):
        for prior in ("hierarchical", "standard"):
            kl = stepper({"name": "kl"}, prior)
            for name, divergence in CASES.items():
                found = alternate({"KL": kl, name: stepper(divergence, prior)}, REPEATS)
                value, peer = median(found[name]), median(found["KL"])
                record(f"{name}, prior {prior}", "ms", value, "KL", peer, REPEATS, path=PATH)
                print(f"{name:20}{prior:14}{value:8.2f}{peer:8.2f}{value / peer:8.2f}", flush=True)


if __name__ == "__main__":
    main()
