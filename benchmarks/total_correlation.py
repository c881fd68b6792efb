"""The bias of the beta-TCVAE's two estimators by batch size: `python -m benchmarks.total_correlation`, a minute.

A set of 1,024 posteriors whose three means lie near a line: total correlation and dimension-wise KL are known by
enumeration of the whole set. Means over 16,384 draws of what batches of each size estimate, in nats; to
total_correlation.csv. A difference of a constant does not train: what trains is how it changes with the codes, so the
last column has the slope, the change of the estimate over the change of the truth, between the line and a half of it.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.common import machine
from phvae.files import write_text
from phvae.model.divergences.beta_tcvae import BetaTCVAE
from phvae.model.posterior import Posterior

EXAMPLES, DRAWS, SIZES = 1_024, 16_384, (16, 64, 256, 1_024)
PATH = Path(__file__).with_name("total_correlation.csv")


def codes(length: float) -> tuple[Tensor, Tensor]:
    """Means (N, 3) near a line of that length, and log-variances."""
    g = torch.Generator().manual_seed(0)
    along = torch.randn(EXAMPLES, 1, generator=g, dtype=torch.float64)
    mean = length * along + 0.4 * torch.randn(EXAMPLES, 3, generator=g, dtype=torch.float64)
    return mean, torch.full_like(mean, 2 * math.log(0.3))


def posterior(mean: Tensor, log_variance: Tensor, g: torch.Generator) -> Posterior:
    """Of some examples, with a draw; one level."""
    eps = torch.randn(len(mean), 1, 3, generator=g, dtype=torch.float64)
    eye = torch.eye(1, dtype=torch.float64)
    return Posterior(mean[:, None], log_variance[:, None], eye, "hierarchical", eps)


def exact(length: float) -> Tensor:
    """Total correlation and dimension-wise KL of the set: of all examples at once, free of the constants."""
    g = torch.Generator().manual_seed(1)
    mean, log_variance = codes(length)
    found = []
    for _ in range(DRAWS // EXAMPLES):
        parts = BetaTCVAE().parts(posterior(mean, log_variance, g), EXAMPLES)
        found.append(torch.stack([part.mean() for part in parts]))
    constant = math.log(EXAMPLES)  # the weighted estimate of the whole set is low by that, once a density
    return torch.stack(found).mean(0) - torch.tensor([2 * constant, -3 * constant], dtype=torch.float64)


def estimated(estimator: str, batch: int, length: float) -> Tensor:
    """The same as batches of one size estimate it."""
    g = torch.Generator().manual_seed(2)
    mean, log_variance = codes(length)
    found = []
    for _ in range(DRAWS // batch):
        rows = torch.randperm(EXAMPLES, generator=g)[:batch]
        parts = BetaTCVAE(estimator=estimator).parts(posterior(mean[rows], log_variance[rows], g), EXAMPLES)
        found.append(torch.stack([part.mean() for part in parts]))
    return torch.stack(found).mean(0)


def main() -> None:
    """Measure, record, print."""
    truth, half = exact(1.0), exact(0.5)
    print(f"{machine()}; exact: total correlation {truth[0]:.3f}, dimension-wise KL {truth[1]:.3f}")
    lines = ["estimator,batch,total_correlation,bias,dimension_wise_kl,bias,slope"]
    for estimator in ("weighted", "stratified"):
        for batch in SIZES:
            found, other = estimated(estimator, batch, 1.0), estimated(estimator, batch, 0.5)
            bias, slope = found - truth, (found - other)[0] / (truth - half)[0]
            cells = (found[0], bias[0], found[1], bias[1], slope)
            lines.append(",".join([estimator, str(batch), *(f"{cell:.3f}" for cell in cells)]))
            print(lines[-1], flush=True)
    write_text(PATH, "\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
