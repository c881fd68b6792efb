"""How many tensors of a seed differ when it trains in other companies of seeds; 0 is the promise.

`python -m benchmarks.company`, half a minute on one core: inputs of one, two and three numbers and of images, companies
of 8, 5, 3, 2 and 1 seeds; the sums go to results.csv, with what the rules of
`phvae.training.tape` cost per training step.
`--plain` counts without these rules: what they are for. `MKL_CBWR=AUTO,STRICT` before it asks for MKL's own mode.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from benchmarks.common import alternate, machine, median, record
from phvae.api.phvae import PHVAE
from phvae.determinism.device import session
from phvae.model.options import ModelConfig
from phvae.training import tape
from phvae.training.company import differences
from phvae.training.stacking import Stack

COMPANIES = ([0, 1, 2, 3, 4, 5, 6, 7], [4, 0, 6, 2, 5], [1, 2, 3], [4, 1], [0], [3], [7])
LEARNED = {
    "order": 3,
    "latent_size": 6,
    "network": {"name": "dense", "hidden": [32]},
    "coupling": "learned",
    "likelihood": {"name": "gaussian", "scale": "learned"},
    "reconstruction_weights": "uniform",
}
VAE = {"order": 1, "latent_size": 2, "divergence": "kl", "network": {"name": "dense", "hidden": [64, 64]}}
MODELS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    **{f"VAE, {size} inputs": ((size,), VAE) for size in (1, 2, 3)},
    **{f"learned coupling, {size} inputs": ((size,), LEARNED) for size in (1, 2, 3)},
    "VAE, layers of one": ((2,), VAE | {"latent_size": 1, "network": {"name": "dense", "hidden": [1, 3]}}),
    "VAE, 8x8": ((1, 8, 8), VAE | {"latent_size": 12}),
    "order 3, 5x7, odd widths": (
        (1, 5, 7),
        {"order": 3, "latent_size": 6, "network": {"name": "dense", "hidden": [33, 17]}},
    ),
}
STEPS, REPEATS = 300, 5


@contextmanager
def plain_products() -> Iterator[None]:
    """Computations recorded here take products as they come."""
    rule, tape._irregular = tape._irregular, lambda a, b: False
    try:
        yield
    finally:
        tape._irregular = rule


def step_time(name: str) -> float:
    """Milliseconds of one core per training step of eight seeds."""
    shape, options = MODELS[name]
    config = ModelConfig(**options)
    states = [dict(PHVAE(shape, config, seed=seed).named_parameters()) for seed in range(8)]
    stack = Stack(PHVAE(shape, config), states)
    batch = torch.rand(8, 64, *shape), torch.randn(8, 64, config.order, config.latent_size // config.order)
    stack.step(*batch)  # records
    started = time.process_time()
    for _ in range(STEPS):
        stack.step(*batch)
    return 1000 * (time.process_time() - started) / STEPS


def plain_step_time(name: str) -> float:
    """The same without the rules."""
    with plain_products():
        return step_time(name)


def cost() -> None:
    """What the rules cost, where they do the most."""
    with session("cpu", threads=1):
        for name in ("VAE, 1 inputs", "learned coupling, 1 inputs", "VAE, 8x8"):
            sides = {"ours": partial(step_time, name), "plain": partial(plain_step_time, name)}
            found = alternate(sides, REPEATS)
            ours, plain = median(found["ours"]), median(found["plain"])
            record(f"company: training step of 8 seeds, {name}", "ms", ours, "plain products", plain, REPEATS)
            print(f"training step of 8 seeds, {name}: {ours:.3f} ms, plain products {plain:.3f}")


def count(how: str) -> None:
    """Differing tensors of every model in every company."""
    print(f"{machine()}; {how}: differing tensors by company")
    print("model", *("+".join(map(str, seeds)) for seeds in COMPANIES[1:]), sep="  ")
    total = 0
    for name, (shape, options) in MODELS.items():
        found = differences(shape, options, COMPANIES)
        total += sum(found)
        print(name, *found, sep="  ")
    record(f"company: differing tensors, {how}", "tensors", total)
    print(f"{total} in all")


def main() -> None:
    """Count and time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plain", action="store_true", help="without the rules of phvae.training.tape")
    mode = f", MKL_CBWR={os.environ['MKL_CBWR']}" if "MKL_CBWR" in os.environ else ""
    if parser.parse_args().plain:
        with plain_products():
            count("plain products" + mode)
    else:
        count("phvae" + mode)
        cost()


if __name__ == "__main__":
    main()
