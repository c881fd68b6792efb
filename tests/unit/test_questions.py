"""Questions: a change of the configuration redoes what config/README.md says, and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from small_grid import SMALL, changed

from phvae.config.strict import stated
from phvae.experiment.grid import parse_grid
from phvae.experiment.questions import Questions
from phvae.experiment.schema import Config, DatasetConfig, VariantConfig
from phvae.metrics.options import EvaluationConfig
from phvae.model.options import ModelConfig
from phvae.training.options import TrainingConfig

BASE = changed("device", "cpu", changed("datasets.digits.seeds", 3))
MINE = ["model", "training", "evaluation", "datasets", "variants"]  # sections: their keys are listed
# a key of the page -> an entry of the configuration and another value for it
CHANGES: dict[str, tuple[str, Any]] = {
    "name": ("name", "other"),
    "results": ("results", "elsewhere"),
    "data": ("datasets.claw.data", {"n_test": 77}),
    "model": ("model.latent_size", 6),
    "device": ("device", "auto"),
    "n_train": ("datasets.claw.n_train", [90]),
    "subset": ("datasets.claw.subset", "by_seed"),
    "epochs": ("training.epochs", 7),
    "steps": ("training.steps", 700),
    "batch_size": ("training.batch_size", 32),
    "learning_rate": ("training.learning_rate", 0.01),
    "schedule": ("training.schedule", {"name": "linear", "warm_up": 0.5}),
    "select": ("training.select", "elbo"),
    "precision": ("training.precision", "bfloat16"),
    "compile": ("training.compile", "auto"),
    "seeds": ("seeds", 4),
    "seeds_per_job": ("training.seeds_per_job", 1),
    "threads": ("threads", 2),
    "n_codes": ("evaluation.n_codes", 99),
    "n_samples": ("evaluation.n_samples", 99),
    "n_reconstructions": ("evaluation.n_reconstructions", 99),
    "redraws": ("evaluation.redraws", 2),
    "importance_samples": ("evaluation.importance_samples", 99),
    "n_likelihood": ("evaluation.n_likelihood", 9),
    "metrics": ("evaluation.metrics", ["latent", "disentanglement"]),
    "extractors": ("evaluation.extractors", ["classifier"]),
    "dci": ("evaluation.dci", ["boosting"]),
    "votes": ("evaluation.votes", 500),
    "cells_per_job": ("evaluation.cells_per_job", 1),
    "external": ("variants.vae", {"external": "another"}),
    "label": ("variants.vae.label", "Plain"),
    "curve": ("variants.vae.curve", False),
    "baseline": ("baseline", "ph-vae-3"),
    "claims": ("claims", "none"),
    "tuning": ("tuning", {"seeds": [0], "families": {"VAE": ["vae"], "PH-VAE": ["ph-vae-3"]}}),
    "description": ("description", "another"),
    "data_path": ("data_path", ["/nowhere"]),
    "download": ("download", True),
    "inception_weights": ("evaluation.inception_weights", "/nowhere/weights.pth"),
    "checkpoint_minutes": ("training.checkpoint_minutes", 1.0),
    "memory_share": ("training.memory_share", 0.5),
    "cuda_graph": ("training.cuda_graph", "off"),
}


def table() -> dict[str, set[str]]:
    """What the page says: key -> the stages that are redone first."""
    page = Path("config/README.md").read_text().partition("## What a change redoes")[2].partition("## ")[0]
    found = {}
    for keys, stages in re.findall(r"^\| (`.*`) \| (.*) \|$", page, re.MULTILINE):
        words = {"everything"} if stages.startswith("everything") else set(re.split(", ", stages.partition(";")[0]))
        found |= dict.fromkeys(re.findall(r"`(\w+)`", keys), words)
    return found


def test_every_key_is_in_the_table():
    keys = {key for cls in (Config, DatasetConfig, VariantConfig) for key in cls.model_fields} - set(MINE)
    keys |= {key for cls in (EvaluationConfig, TrainingConfig) for key in cls.model_fields} | {"model"}
    assert keys == set(table()) == set(CHANGES)


def redone_first(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The stages with a job whose question is new while those before it have their old ones."""
    old, new = (Questions(parse_grid(content, "mine.yaml")) for content in (before, after))
    known = {new_job: old.of(job[0], *job[1]) for job in old.jobs() if (new_job := (job[0], job[1]))}
    again = {job for job in new.jobs() if known.get(job) != new.of(job[0], *job[1])}
    return {stage for stage, where in again if not again.intersection(new.before(stage, where))}


@pytest.mark.parametrize("key", sorted(set(CHANGES) - {"name", "results"}))
def test_a_change_redoes_what_the_page_says(key: str):
    before = BASE
    if key == "compile":  # nothing is compiled on a CPU
        before = changed("device", "cuda", BASE)
    if key == "external":
        before = changed("variants.vae", {"external": "one"}, BASE)
    if key == "subset":  # of all examples there is one
        assert redone_first(BASE, changed("datasets.digits.subset", "by_seed", BASE)) == {"report"}
    found = redone_first(before, changed(*CHANGES[key], before))
    # the page of results shows the whole configuration
    assert found - {"report"} == table()[key] - {"report"}
    assert found or table()[key] == {"report"}


def test_options_without_effect_on_a_cpu_redo_nothing_but_the_page():
    for path, value in (("training.compile", "auto"), ("training.precision", "tf32")):
        assert redone_first(BASE, changed(path, value, BASE)) == {"report"}


def test_a_variant_that_is_added_costs_its_own_cells():
    added = changed("variants.beta", {"model": {"divergence": {"name": "kl", "beta": 4}}}, BASE)
    added["variants"] = {**SMALL["variants"], "beta": added["variants"]["beta"]}
    old, new = (Questions(parse_grid(content, "mine.yaml")) for content in (BASE, added))
    known = {(stage, where): old.of(stage, *where) for stage, where in old.jobs()}
    trained = [where for stage, where in new.jobs() if stage == "train" and (stage, where) not in known]
    assert {stack.cell.variant for where in trained for stack in new.stacks(where)} == {"beta"}
    for stage in ("prepare", "reference", "train"):
        same = [where for name, where in new.jobs() if name == stage and (name, where) in known]
        assert same
        assert all(new.of(stage, *where) == known[stage, where] for where in same)


@pytest.mark.parametrize("stage", ["tables", "figures"])
def test_tables_and_figures_are_made_again_where_the_grids_own_claims_change(stage: str, tmp_path: Path):
    path = tmp_path / "my claims.yaml"
    path.write_text("one")
    mine = changed("claims", str(path), BASE)

    def asked(stage: str) -> str:
        return Questions(parse_grid(mine, "mine.yaml")).of(stage)

    before, collected = asked(stage), asked("collect")
    path.write_text("two")
    assert asked(stage) != before
    assert asked("collect") == collected


def test_what_a_section_says_beyond_its_defaults():
    beta = ModelConfig(divergence={"name": "kl", "beta": 2})
    assert stated(beta) == {"divergence": {"name": "kl", "beta": 2.0}}
    assert stated(ModelConfig(divergence="log_polynomial")) == {"divergence": {"name": "log_polynomial"}}
    assert stated(ModelConfig(latent_size=6), exclude={"latent_size"}) == {}
