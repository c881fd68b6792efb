"""Every registered objective has a text of its own with its options, and only weighted KL is of the beta curve."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from phvae.analysis.results.design import design
from phvae.analysis.results.divergences import divergence_kind, divergence_text, divergence_words, is_weighted_kl
from phvae.analysis.results.roles import with_roles
from phvae.model.options import ModelConfig
from phvae.model.parts import DIVERGENCES

TEXTS: list[tuple[Any, str, str]] = [
    ("kl", "kl", "KL"),
    ("hierarchical", "hierarchical:geometric(2)", "level-weighted, geometric(2)"),
    ("log_polynomial", "log_polynomial:exponential(3)", "log-ratio polynomial, exponential(3)"),
    ("beta_tcvae", "beta_tcvae(weighted alpha=1 gamma=1)", "β-TCVAE(weighted alpha=1 gamma=1)"),
    ("dip_vae", "dip_vae(I lambda_d=10 lambda_od=10)", "DIP-VAE(I lambda_d=10 lambda_od=10)"),
    (
        "factor_vae",
        "factor_vae(critic_layers=6 critic_learning_rate=0.0001 critic_width=1000 gamma=10)",
        "FactorVAE(critic_layers=6 critic_learning_rate=0.0001 critic_width=1000 gamma=10)",
    ),
    (
        "info_vae",
        "info_vae(rbf alpha=0 lambda_mmd=500 scale=1)",
        "InfoVAE(rbf alpha=0 lambda_mmd=500 scale=1)",
    ),
    ("wae_mmd", "wae_mmd(imq lambda_mmd=500 scale=1)", "WAE-MMD(imq lambda_mmd=500 scale=1)"),
    ("renyi", "renyi(0.5)", "Rényi(0.5)"),
    ("skew_js", "skew_js(0.5)", "skew JS(0.5)"),
    ({"name": "skew_js", "dual": True}, "skew_js(dual 0.5)", "skew JS(dual 0.5)"),
    ({"name": "kl", "free_bits": 0.5}, "kl + free_bits(0.5)", "KL + free bits(0.5)"),
    (
        {"name": "hierarchical", "capacity": {"nats": 25}},
        "hierarchical:geometric(2) + capacity(gamma=1000 nats=25 until=1)",
        "level-weighted, geometric(2) + capacity(gamma=1000 nats=25 until=1)",
    ),
]


def resolved(divergence: Any) -> dict[str, Any]:
    return ModelConfig(divergence=divergence).model_dump(mode="json")


@pytest.mark.parametrize(("divergence", "text", "words"), TEXTS, ids=str)
def test_a_divergence_is_told_with_its_options(divergence: Any, text: str, words: str):
    options = resolved(divergence)["divergence"]
    found = divergence_text(options)
    assert found == divergence_text(dict(reversed(options.items()))), "records have their keys in another order"
    assert (found, divergence_words(found)) == (text, words)
    name = divergence if isinstance(divergence, str) else divergence["name"]
    assert divergence_kind(found) == name
    assert is_weighted_kl(found) == (divergence in ("kl", "hierarchical"))


def test_every_registered_divergence_has_a_text_here():
    assert {divergence for divergence, *_ in TEXTS if isinstance(divergence, str)} == set(DIVERGENCES)


def test_no_other_objective_is_taken_for_a_point_of_the_beta_curve():
    models = {str(divergence): resolved(divergence) for divergence, *_ in TEXTS}
    rows = [dataclasses.asdict(design(model)) | {"variant": name} for name, model in models.items()]
    table = with_roles(pd.DataFrame(rows).assign(dataset="digits", off_curve=False), "kl")
    roles = dict(zip(table["variant"], table["role"], strict=True))
    assert {name for name, role in roles.items() if role in ("baseline", "curve")} == {"kl", "hierarchical"}
    assert {role for name, role in roles.items() if name not in ("kl", "hierarchical")} == {"challenger"}
    assert table["family"].eq("β-VAE").sum() == 2
