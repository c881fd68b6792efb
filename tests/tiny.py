"""A cell and data so small that a test may train on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from phvae.data import Prepared
from phvae.determinism.seeding import numpy_generator
from phvae.experiment.grid import Cell
from phvae.jobs.run import Run
from phvae.metrics.options import EvaluationConfig
from phvae.model.options import ModelConfig
from phvae.records import Key
from phvae.training.options import TrainingConfig

__all__ = ["cell", "dense", "density", "images", "key", "runs"]


def dense(*hidden: int) -> dict[str, Any]:
    return {"name": "dense", "hidden": list(hidden)}


def cell(
    model: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    evaluation: dict[str, Any] | None = None,
    *,
    n_train: Any = "all",
    subset: str = "fixed",
) -> Cell:
    small = {"n_codes": 24, "n_samples": 32, "n_reconstructions": 20, "n_likelihood": 5, "importance_samples": 32}
    return Cell(
        dataset="tiny",
        n_train=n_train,
        variant="v",
        label="v",
        data={"kind": "claw"},
        subset=subset,
        model=ModelConfig(**({"order": 2, "latent_size": 4, "network": dense(17)} | (model or {}))),
        training=TrainingConfig(**({"epochs": 2, "batch_size": 64} | (training or {}))),
        evaluation=EvaluationConfig(**(small | (evaluation or {}))),
        seeds=(0, 1, 2, 3),
    )


def _prepared(train: np.ndarray, validation: np.ndarray, test: np.ndarray, **more: Any) -> Prepared:
    fields: dict[str, Any] = {
        "kind": "tiny",
        "folder": Path("absent"),
        "shape": train.shape[1:],
        "labels": {},
        "factors": {},
        "factor_names": (),
        "factor_sizes": (),
        "binary": False,
        "is_density": False,
        "scaling": None,
        "sha256": "0" * 64,
        "card": {},
    }
    return Prepared(train=train, validation=validation, test=test, **(fields | more))


def images(n: int = 192, shape: tuple[int, ...] = (1, 6, 6), n_validation: int = 40, n_test: int = 30) -> Prepared:
    """Smooth random images, uint8."""
    generator = numpy_generator(0, "tiny")
    total = n + n_validation + n_test
    level = generator.random((total, 1, 1, 1))
    noise = generator.random((total, *shape))
    x = (255 * (0.7 * level + 0.3 * noise)).astype(np.uint8)
    return _prepared(x[:n], x[n : n + n_validation], x[n + n_validation :])


def density(n: int = 200, dimensions: int = 1) -> Prepared:
    """A standardised normal density with a known scaling."""
    original = numpy_generator(0, "tiny", "density").normal(3.0, 2.0, (n + 60, dimensions))
    offset, scale = np.full(dimensions, -0.1), np.full(dimensions, 0.2)
    x = (offset + scale * original).astype(np.float32)
    return _prepared(x[:n], x[n : n + 30], x[n + 30 :], is_density=True, scaling=(offset, scale))


def key(seed: int, code: str = "code") -> Key:
    return Key(code, f"inputs of seed {seed}")


def runs(root: Path, seeds: Any, code: str = "code", **origin: Any) -> list[Run]:
    return [Run(seed, root / f"seed-{seed}", key(seed, code), {"seed": seed} | origin) for seed in seeds]
