"""What each switch of the method does on 8x8 digits: the table of docs/method.md (about 5 minutes on one core).

Rate and distortion on held-out digits, mean and standard deviation over seeds: `python -m benchmarks.switches`.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from phvae import PHVAE

SEEDS = range(3)
NETWORK = {"name": "dense", "hidden": [128, 128]}
REFERENCE = {"order": 3, "latent_size": 12, "network": NETWORK}
SWITCHES = {
    "VAE (order 1, kl)": {"order": 1, "divergence": "kl"},
    "PH-VAE, all defaults (order 3)": {},
    "order 2": {"order": 2},
    "order 6": {"order": 6},
    "basis legendre": {"basis": "legendre"},
    "basis chebyshev": {"basis": "chebyshev"},
    "basis copies": {"basis": "copies"},
    "coupling identity": {"coupling": "identity"},
    "coupling learned": {"coupling": "learned"},
    "prior standard": {"prior": "standard"},
    "prior standard, coupling identity": {"prior": "standard", "coupling": "identity"},
    "divergence kl": {"divergence": "kl"},
    "divergence geometric(1/2)": {"divergence": {"name": "hierarchical", "ratio": 0.5}},
    "divergence exponential(3)": {"divergence": {"name": "log_polynomial", "degree": 3}},
    "reconstruction weights uniform": {"reconstruction_weights": "uniform"},
    "encoder width matched": {"encoder_width": "matched"},
}


def measure(options: dict, seed: int, train: np.ndarray, held_out: np.ndarray) -> list[float]:
    """NLL of level 1, KL, its shares by level, and the importance-sampled -log p(x): nats an example, held out."""
    model = PHVAE((1, 8, 8), seed=seed, **(REFERENCE | options))
    model.fit(train, validation=held_out, epochs=40, seed=seed, device="cpu")
    x = model.as_data(held_out)
    eps = torch.randn(len(x), model.order, model.level_size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        levels = [level.item() for level in model(x, eps)["kl_levels"]]
    nll = -model.log_likelihood(held_out, 64, seed=seed).mean().item()
    mse = (model.reconstruct(held_out) - x).square().mean().item()
    return [nll, mse, sum(levels), *(value / sum(levels) for value in levels)]


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    images = (load_digits().images[:, None] / 16).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(images))
    train, held_out = images[order[360:]], images[order[:360]]
    print("| switch | -log p(x), nats | MSE, 1e-3 | KL, nats | share of KL by level |\n| --- | --- | --- | --- | --- |")
    for name, options in SWITCHES.items():
        values = np.array([measure(options, seed, train, held_out) for seed in SEEDS])
        (nll, mse, kl, *shares), spread = values.mean(0), values.std(0, ddof=1)
        cells = [
            f"{nll:.1f} ± {spread[0]:.1f}",
            f"{1e3 * mse:.1f} ± {1e3 * spread[1]:.1f}",
            f"{kl:.1f} ± {spread[2]:.1f}",
        ]
        print(f"| {name} | {' | '.join(cells)} | {' '.join(f'{share:.2f}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
