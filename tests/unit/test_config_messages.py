"""What a mistake in a configuration is answered with: the key as written, what was found, what is expected."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from phvae.cli import main
from phvae.errors import ConfigError
from phvae.experiment.grid import parse_grid
from phvae.words import listed, plural

SMALL: dict[str, Any] = {"name": "small", "datasets": {"claw": {}}, "variants": {"vae": {}, "ph-vae": {}}}


def message(path: str, value: Any) -> str:
    """What is said of SMALL with one entry replaced, without the file; `path` is dotted."""
    content = copy.deepcopy(SMALL)
    *parents, last = path.split(".")
    at = content
    for key in parents:
        at = at.setdefault(key, {})
    at[last] = value
    with pytest.raises(ConfigError) as caught:
        parse_grid(content, "small.yaml")
    return str(caught.value).removeprefix("small.yaml: ")


MESSAGES = [
    ("seeds", 0, "seeds: found 0, expected at least 1 or a list"),
    ("seeds", 2.5, "seeds: found 2.5, expected a whole number or a list"),
    ("seeds", [], "seeds: found [], expected at least 1 entry"),
    ("seeds", [-1], "seeds.0: found -1, expected at least 0"),
    ("datasets.claw.n_train", 100, "datasets.claw.n_train: found 100, expected a list: [100]"),
    ("datasets.claw.n_train", "all", "datasets.claw.n_train: found 'all', expected a list: [all]"),
    ("datasets.claw.n_train", [1], "datasets.claw.n_train.0: found 1, expected at least 2 or 'all'"),
    ("datasets.claw", None, "datasets.claw: found None, expected a mapping, `key: value`"),
    ("datasets", {}, "datasets: found {}, expected at least 1 entry"),
    ("baseline", "VAE", "baseline: found 'VAE', expected one of the variants: vae, ph-vae; did you mean 'vae'?"),
    ("device", "gpu", "device: found 'gpu', expected 'auto', 'cpu' or 'cuda'; did you mean 'cuda'?"),
    ("device", "CPU", "device: found 'CPU', expected 'auto', 'cpu' or 'cuda'; did you mean 'cpu'?"),
    ("download", "yes", "download: found 'yes', expected true or false"),
    ("description", 5, "description: found 5, expected a text"),
    ("name", "x" * 81, f"name: found '{'x' * 76}..., expected at most 80 characters"),
    ("training.learning_rate", 0, "training.learning_rate: found 0, expected more than 0"),
    ("training.learning_rate", "fast", "training.learning_rate: found 'fast', expected a number"),
    ("training.steps", "a", "training.steps: found 'a', expected a whole number"),
    ("training.seeds_per_job", 0, "training.seeds_per_job: found 0, expected 'auto' or at least 1"),
    ("training.schedule", "linear", "training.schedule: found 'linear', expected a mapping, `key: value`"),
    ("model.latent_size", 10**7, "model.latent_size: found 10000000, expected at most 1000000"),
    ("model.reconstruction_weights", [-1], "model.reconstruction_weights.0: found -1, expected at least 0"),
    ("model.network", {"name": "dense", "hidden": 64}, "model.network.hidden: found 64, expected a list: [64]"),
    ("evaluation.metrics", [], "evaluation.metrics: found [], expected at least 1 entry"),
    (
        "model.divergence",
        {"name": "hierarchical", "weights": "geometrik"},
        "model.divergence.weights: found 'geometrik', expected 'uniform' or 'geometric' or a list; did you mean "
        "'geometric'?",
    ),
]  # fmt: skip
PICTURES = [
    (0, "found 0, expected at least 1 or a list"),
    ("a", "found 'a', expected a whole number or a list"),
    ([1, 2, 3], "found [1, 2, 3], expected at most 2 entries"),
]


@pytest.mark.parametrize(("path", "value", "text"), MESSAGES)
def test_a_mistake_is_one_line_in_plain_words(path: str, value: Any, text: str):
    assert message(path, value) == text


@pytest.mark.parametrize(("value", "text"), PICTURES)
def test_a_choice_is_named_by_its_key_alone(value: Any, text: str):
    own = {"data": {"kind": "images", "path": "x", "size": value}}
    assert message("datasets.own", own) == f"datasets.own.data.size: {text}"


def test_counts_and_lists_in_words():
    assert [plural(n, "cell") for n in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]
    assert listed("abc") == "a, b, c"


def test_one_is_no_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "one.yaml"
    path.write_text("{name: one, seeds: 1, datasets: {claw: {}}, variants: {vae: {}}}")
    for command in ("config", "plan"):
        assert main([command, str(path)]) == 0
        assert "1 data set, 1 cell, 1 run\n" in capsys.readouterr().out
