"""DIP-VAE against NumPy's covariance, and where its penalty must be zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from posteriors import covariances, matrix_of, random_posterior, seen
from pydantic import ValidationError

from phvae.model.divergences.dip_vae import DIPVAE
from phvae.model.posterior import Posterior, couple


@pytest.mark.parametrize(("coupling", "prior"), [("chain", "hierarchical"), ("chain", "standard")])
@pytest.mark.parametrize("kind", ["I", "II"])
def test_the_penalty_is_that_of_numpys_covariance(kind, coupling, prior):
    q = random_posterior(coupling, prior)
    mean, covariance = covariances(q)
    total = np.cov(mean.T, bias=True) + (covariance.mean(0) if kind == "II" else 0)
    diagonal = np.diag(total)
    penalty = 3 * ((total**2).sum() - (diagonal**2).sum()) + 5 * ((diagonal - 1) ** 2).sum()
    value = DIPVAE(type=kind, lambda_od=3, lambda_d=5).value(q, seen(q))
    assert (value - q.kl_levels.sum(1)).numpy() == pytest.approx(np.full(6, penalty), rel=1e-10)


@pytest.mark.parametrize("kind", ["I", "II"])
def test_decorrelated_codes_of_unit_variance_are_not_charged(kind):
    """Whitened means at the corners of a cube, scaled so that with the posterior's variance they make 1."""
    variance = 0.0 if kind == "I" else 0.4
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 4).view(16, 2, 2)
    w = corners * (1 - variance) ** 0.5
    matrix = matrix_of("chain", 2)
    log_variance = torch.full_like(w, np.log(variance or 0.3))
    q = Posterior(couple(matrix, w), log_variance, matrix, "hierarchical")
    value = DIPVAE(type=kind).value(q, seen(q))
    assert torch.allclose(value, q.kl_levels.sum(1), rtol=0, atol=1e-12)


def test_without_weights_it_is_kl_and_refused():
    with pytest.raises(ValidationError, match="both 0, which is KL: use kl"):
        DIPVAE(lambda_od=0, lambda_d=0)
