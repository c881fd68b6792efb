"""A model on disk: its parameters (model.safetensors) and what builds it (model.json)."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from phvae.config import ModelConfig
from phvae.errors import DataError
from phvae.files import atomic, read_json, write_json
from phvae.model import PHVAE

__all__ = ["load", "save"]

FORMAT = 1


def save(model: PHVAE, folder: str | Path) -> None:
    """Write model.safetensors and model.json into a folder, each whole or not at all."""
    folder = Path(folder)
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with atomic(folder / "model.safetensors") as path:
        save_file(state, path)
    content = {
        "format": FORMAT,
        "shape": list(model.shape),
        "scaling": model.scaling,
        "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
        "config": model.config.model_dump(mode="json"),
    }
    write_json(folder / "model.json", content)


def load(folder: str | Path, device: str | torch.device = "cpu") -> PHVAE:
    """Read a model that `save` wrote; its outputs are identical to the saved model's.

    Raises:
        DataError: a file is absent, of another format, or does not fit the other.
    """
    folder = Path(folder)
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name} is absent: expected a folder written by save")
    content = read_json(folder / "model.json")
    if content.get("format") != FORMAT:
        raise DataError(f"{folder / 'model.json'} has format {content.get('format')}, expected {FORMAT}")
    model = PHVAE(content["shape"], ModelConfig(**content["config"])).to(getattr(torch, content["dtype"]))
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise DataError(f"{folder / 'model.safetensors'} does not fit model.json: {error}") from error
    if content["scaling"] is not None:
        offset, scale = content["scaling"]
        model.scaling = (offset, scale)
    return model.to(device)
