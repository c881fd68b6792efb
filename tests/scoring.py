"""What tests of scores ask of scorers: the names that rows should have, and all scores of codes against factors."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from phvae.metrics.factors import CodesAndFactors, bounds_of
from phvae.metrics.naming import expected
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import SCORERS, Scorer
from phvae.metrics.rows import Inputs, Row
from phvae.model.options import ModelConfig

__all__ = ["expected_of", "factor_bounds", "factor_rows", "factor_scores"]

FACTOR_SCORES: list[Any] = [import_module(scorer.module) for scorer in SCORERS if scorer.group == "disentanglement"]


def expected_of(scorer: Any, settings: EvaluationConfig, model: ModelConfig, data: Any) -> list[str]:
    """The names that a scorer's rows have for a run of these settings."""
    metrics = scorer.metrics if isinstance(scorer, Scorer) else scorer.METRICS
    return expected(metrics, Inputs(data, {}, {}, model, settings, Path(), 0))


def factor_scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int = 0) -> list[Row]:
    """All scores of a table of codes and factors."""
    return [row for scorer in FACTOR_SCORES for row in scorer.scores(table, settings, seed)]


def factor_rows(inputs: Inputs) -> list[Row]:
    """The rows of all scores of codes against factors."""
    return [row for scorer in FACTOR_SCORES for row in scorer.rows(inputs)]


def factor_bounds(data: Any, settings: EvaluationConfig) -> dict[str, dict[str, Any]]:
    """Ceilings and floors of all scores of codes against factors."""
    return {
        name: bounds
        for scorer in FACTOR_SCORES
        for name, bounds in bounds_of(scorer.scores, Path(), data, settings).items()
    }
