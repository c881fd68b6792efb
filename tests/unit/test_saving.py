"""Save and load: identical outputs, and files that do not fit refused."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

import phvae
from phvae.api.phvae import PHVAE
from phvae.api.saving import load
from phvae.errors import DataError

VARIANTS = [
    {"order": 3, "coupling": "learned", "likelihood": {"name": "gaussian", "scale": "learned"}},
    {"order": 2, "basis": "legendre", "prior": "standard", "encoder_width": "matched"},
    {"order": 1, "divergence": {"name": "log_polynomial", "coefficients": [1.0, 0.5]}},
    {"order": 2, "divergence": {"name": "hierarchical", "weights": [1, 3]}, "reconstruction_weights": [0.5, 0.5]},
]


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_loaded_model_is_the_saved_one(tmp_path, options, dtype):
    model = PHVAE((1, 8, 8), seed=5, **options).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    model.save(tmp_path / "model")
    again = phvae.load(tmp_path / "model")
    assert again.config == model.config
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=dtype)
    eps = torch.randn(3, model.order, model.level_size, generator=torch.Generator().manual_seed(1), dtype=dtype)
    for key, value in model(x, eps).items():
        assert torch.equal(again(x, eps)[key], value), key
    assert torch.equal(again.sample(4, noise=True), model.sample(4, noise=True))


def test_the_scaling_of_a_density_is_kept(tmp_path):
    model = PHVAE((2,))
    model.scaling = ([0.5, 0.4], [0.1, 0.2])
    model.save(tmp_path)
    assert load(tmp_path).scaling == model.scaling


def test_files_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"model.json is absent: expected a folder written by save"):
        load(tmp_path)
    PHVAE((1, 8, 8)).save(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(description | {"format": 99}))
    with pytest.raises(ValueError, match="format 99, expected 1"):
        load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(description | {"shape": [1, 9, 9]}))
    with pytest.raises(ValueError, match=r"model.safetensors does not fit model.json"):
        load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(description))
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"model.safetensors does not fit model.json"):
        load(tmp_path)


def test_equal_models_are_equal_files(tmp_path):
    for name in ("a", "b"):
        PHVAE((1, 8, 8), seed=5, order=2).save(tmp_path / name)
    for name in ("model.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("hashed", [True, False], ids=["over a model of today", "over a model without a hash"])
def test_a_save_that_was_killed_between_its_files_is_refused(tmp_path, monkeypatch, hashed):
    """The two models have the same shapes: only the hash tells whose weights they are."""
    PHVAE((2,), seed=0).save(tmp_path)
    if not hashed:
        forget_hash(tmp_path / "model.json")
    replace = Path.replace

    def killed(path: Path, target: Path) -> Path:
        done.append(replace(path, target))
        raise KeyboardInterrupt

    done: list[Path] = []
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        PHVAE((2,), divergence="kl", seed=1).save(tmp_path)
    monkeypatch.undo()
    assert len(done) == 1
    with pytest.raises(DataError, match=r"model.safetensors does not fit model.json: found sha256 .* save or train"):
        load(tmp_path)


def test_a_flipped_bit_of_the_weights_is_refused(tmp_path):
    PHVAE((2,)).save(tmp_path)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model.safetensors does not fit model.json: found sha256 .* it is damaged"):
        load(tmp_path)


def test_a_model_without_a_hash_still_loads(tmp_path):
    model = PHVAE((2,), seed=3)
    model.save(tmp_path)
    forget_hash(tmp_path / "model.json")
    assert torch.equal(load(tmp_path).sample(4), model.sample(4))


def forget_hash(path: Path) -> None:
    """Make of a description one of before November 2026."""
    content = json.loads(path.read_text())
    del content["weights_sha256"]
    path.write_text(json.dumps(content))


SMALL = r"it has \d+ bytes, the model described there has \d+ at least"
DAMAGE = {
    "cut short": (lambda content: json.dumps(content)[:40], "damaged .*expected a file written by save"),
    "a list": (lambda content: "[]", "is damaged"),
    "no format": (lambda content: json.dumps({}), "has no .known. format"),
    "no shape": (lambda content: json.dumps({k: v for k, v in content.items() if k != "shape"}), "no .known. shape"),
    "shape": (lambda content: json.dumps(content | {"shape": "small"}), "is damaged"),
    "dtype": (lambda content: json.dumps(content | {"dtype": "float31"}), "has no .known. float31"),
    "no module of torch": (lambda content: json.dumps(content | {"dtype": "nn"}), "has no .known. nn"),
    "configuration": (lambda content: json.dumps(content | {"config": {"order": 0}}), "is damaged.*order"),
    "option": (lambda content: json.dumps(content | {"config": {"ordr": 1}}), "is damaged.*ordr"),
    "network": (lambda content: json.dumps(content | {"config": {"network": "conv_locatello"}}), "28, 32 or 64"),
    "scaling": (lambda content: json.dumps(content | {"scaling": [[1.0]]}), "is damaged"),
    "scaling of another size": (lambda content: json.dumps(content | {"scaling": [[1.0], [1.0]]}), "expected 2"),
    "infinite shape": (lambda content: json.dumps(content | {"shape": [float("inf")]}), r"shape is \(inf,\)"),
    "no number of a shape": (lambda content: json.dumps(content | {"shape": [float("nan")]}), r"shape is \(nan,\)"),
    "huge shape": (
        lambda content: json.dumps(content | {"shape": [10**12]}),
        SMALL,
    ),
    "wide layers": (
        lambda content: json.dumps(content | {"config": {"network": {"name": "dense", "hidden": [10**6, 10**6]}}}),
        r"it has \d+ bytes, the model described there has 38\d{11} at least",
    ),
    "wide and matched": (
        lambda content: json.dumps(
            content | {"config": {"network": {"name": "dense", "hidden": [10**6]}, "encoder_width": "matched"}}
        ),
        SMALL,
    ),
    "deep": (lambda content: "[" * 10**5 + "]" * 10**5, "damaged .*recursion.*expected a file written by save"),
    "infinite scaling": (lambda content: json.dumps(content | {"scaling": [[1, 1], [1e999, 1]]}), "finite numbers"),
    "scaling of words": (lambda content: json.dumps(content | {"scaling": [["a", 1], [1, 1]]}), "is damaged"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_description_is_named(tmp_path, case):
    PHVAE((2,)).save(tmp_path)
    path = tmp_path / "model.json"
    damage, words = DAMAGE[case]
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(DataError, match=rf"{tmp_path}.*model\.json.*{words}"):
        load(tmp_path)


def test_a_full_disk_is_said_with_the_file(tmp_path, monkeypatch):
    def write(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="No space left") as caught:
        PHVAE((1, 6, 6)).save(tmp_path)
    assert caught.value.filename == str(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
