"""What an objective may not do is said of it by name, with its line and the way out."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from tiny import dense

from phvae.errors import ConfigError
from phvae.model.model import Model
from phvae.model.options import ModelConfig
from phvae.training.recordable import in_words
from phvae.training.stacking import Stack

BRANCHES = (
    "return kl if kl.mean() > 0 else -kl",
    "return kl if not torch.equal(q.mean, q.log_variance) else -kl",
    "return kl if torch.allclose(q.mean, q.mean) else -kl",
    "return kl * kl.mean().detach().item()",
    "return kl if at.share > 0.5 else -kl",
    "return kl + torch.linalg.cholesky(torch.eye(2) * (1 + kl.mean().square())).sum()",
)
DRAWS = ("return kl * torch.randn_like(kl)", "return kl * torch.rand(())", "return kl[torch.randperm(8)]")
TOGETHER = pytest.mark.parametrize("together", [True, False])


def trained(folder: Path, line: str, together: bool) -> None:
    path = folder / "divergences/mine.py"
    path.parent.mkdir()
    kept = "KEPT = torch.zeros(())"
    text = f"import torch\n{kept}\n\n\ndef value(q, at):\n    kl = q.kl_levels.sum(-1)\n    {line}\n"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("mine", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config, seeds = ModelConfig(latent_size=2, network=dense(8)), 2 if together else 1
    model = Model((3,), config)
    model.divergence = module.value
    states = [dict(Model((3,), config, seed=seed).named_parameters()) for seed in range(seeds)]
    Stack(model, states, together=together).step(torch.rand(seeds, 8, 3), torch.randn(seeds, 8, 1, 2))


@TOGETHER
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (BRANCHES, "branches on a tensor's value, or takes it out of torch: .* use torch.where"),
        (DRAWS, "draws random numbers: .* ask for at.drawn_prior"),
        (("return kl + KEPT.add_(1)",), "writes into a tensor that it keeps: .* make a new tensor"),
    ],
)
def test_a_forbidden_line_is_named_with_the_way_out(tmp_path: Path, lines: tuple[str, ...], words: str, together: bool):
    for number, line in enumerate(lines):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(ConfigError, match=words) as caught:
            trained(tmp_path / str(number), line, together)
        assert str(caught.value).startswith(f"objective mine (line 7, `{line}`) ")


@TOGETHER
def test_what_is_allowed_is_left_alone(tmp_path: Path, together: bool):
    trained(tmp_path, "return torch.where(kl > kl.mean(), kl, 2 * kl)", together)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="sizes differ"), in_words():
        raise RuntimeError("sizes differ")
    with pytest.raises(ConfigError, match=r"^the model draws random numbers"), in_words():
        raise ValueError("dropout draws random numbers")
