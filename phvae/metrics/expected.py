"""Which groups and which metrics of the registry mean something for a data set, a model and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phvae.metrics.registry import lookup, names

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.metrics.options import EvaluationConfig
    from phvae.model.options import ModelConfig

__all__ = ["expected_names", "groups_of"]


def groups_of(data: Prepared) -> list[str]:
    """The groups of metrics that mean something on a data set, in the order of the long table."""
    found = ["density"] if data.is_density else ["reconstruction", "generation"]
    if "test" in data.factors:
        found.append("disentanglement")
    return [*found, "latent", "likelihood"]


def expected_names(settings: EvaluationConfig, model: ModelConfig, data: Prepared) -> dict[str, list[str]]:
    """The names, by group, that a run's rows should have: what a group that failed is shown with."""
    groups = groups_of(data) if settings.metrics == "auto" else list(dict.fromkeys(settings.metrics))
    factors = varying_names(data)
    size = model.latent_size // model.order
    found = {group: names(group, order=model.order, level_size=size, factors=factors) for group in groups}
    return {group: [name for name in every if _applies(name, settings, model, data)] for group, every in found.items()}


def varying_names(data: Prepared) -> list[str]:
    """The factors that take more than one value."""
    return [name for name, size in zip(data.factor_names, data.factor_sizes, strict=True) if size > 1]


def _applies(name: str, settings: EvaluationConfig, model: ModelConfig, data: Prepared) -> bool:
    metric = lookup(name)
    if metric.group == "density":
        return name.startswith(("sliced_w1_", "mmd_")) == (len(data.shape) == 1 and data.shape[0] > 1)
    if metric.group == "generation":
        extractor = next((e for e in settings.extractors if e.replace("-", "_") in name), None)
        if name.startswith("fid_"):
            extractor = "inception" if "inception" in settings.extractors else None
        return extractor is not None and (extractor != "classifier" or "test" in data.labels or "test" in data.factors)
    if metric.group == "likelihood":
        return name.startswith("bce_") == (model.likelihood.name == "bernoulli" and not data.binary)
    if name.startswith("dci_"):
        return name.split("_")[1] in settings.dci
    return name != "knn_accuracy" or "test" in data.labels
