"""A model on disk: its parameters (model.safetensors), and what builds it with their hash (model.json)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised

from phvae.api.phvae import PHVAE
from phvae.config.explain import validated
from phvae.errors import DataError, PhvaeError
from phvae.files import atomic, read_json, sha256, write_json
from phvae.model.inputs import check_shape
from phvae.model.options import ModelConfig

__all__ = ["load", "save"]

FORMAT = 1
DTYPES = {name: getattr(torch, name) for name in ("float16", "bfloat16", "float32", "float64")}


def save(model: PHVAE, folder: str | Path) -> None:
    """Write model.safetensors and model.json into a folder, each whole or not at all.

    The description is the first to take its place: between the two `load` refuses weights that are not its own.
    """
    folder = Path(folder)
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with atomic(folder / "model.safetensors") as path:
        path.write_bytes(serialised(state))  # save_file has an error of its own for a full disk
        content = {
            "format": FORMAT,
            "shape": list(model.shape),
            "scaling": model.scaling,
            "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
            "config": model.config.model_dump(mode="json"),
            "weights_sha256": sha256(path),
        }
        write_json(folder / "model.json", content)


def load(folder: str | Path, device: str | torch.device = "cpu") -> PHVAE:
    """Read a model that `save` wrote; its outputs are identical to the saved model's.

    Raises:
        DataError: a file is absent, of another format, damaged, or does not fit the other.
    """
    folder = Path(folder)
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name} is absent: expected a folder written by save")
    model, expected = _built(folder / "model.json")
    weights = folder / "model.safetensors"
    found = sha256(weights)
    if expected not in (found, None):  # models of before November 2026 do not say
        raise DataError(
            f"{weights} does not fit model.json: found sha256 {found}, expected {expected}; it is damaged, or a save "
            "was interrupted: save or train the model again"
        )
    try:
        model.load_state_dict(load_file(weights))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise DataError(f"{weights} does not fit model.json: {error}") from error
    return model.to(device)


def _built(path: Path) -> tuple[PHVAE, Any]:
    """The model that model.json describes, with weights of its own, and the hash of those that it was saved with."""
    try:
        content = read_json(path, "expected a file written by save")
        if content["format"] != FORMAT:
            raise DataError(f"{path} has format {content['format']}, expected {FORMAT}")
        config = validated(ModelConfig, content["config"], lambda key: f"config.{key}")
        dtype = DTYPES[content["dtype"]]
        _check_size(content["shape"], config, dtype, path)
        model = PHVAE(content["shape"], config).to(dtype)
        if content["scaling"] is not None:
            offset, scale = ([float(number) for number in part] for part in content["scaling"])
            if {len(offset), len(scale)} != {model.shape[0]}:
                raise ValueError(f"scaling has {len(offset)} and {len(scale)} numbers, expected {model.shape[0]}")
            if not all(map(math.isfinite, offset + scale)):
                raise ValueError(f"scaling is {content['scaling']}, expected finite numbers")
            model.scaling = (offset, scale)
    except DataError:
        raise
    except KeyError as error:
        raise DataError(f"{path} has no (known) {error.args[0]}: expected a file written by save") from None
    except (PhvaeError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}; expected a file written by save") from None
    return model, content.get("weights_sha256")


def _check_size(given: Sequence[int], config: ModelConfig, dtype: torch.dtype, path: Path) -> None:
    """Refuse, before it is built, a model whose encoders alone are larger than the file of its parameters."""
    shape, network = check_shape(given), config.network
    network.check_shape(shape)
    # of a VAE's encoder: several of full width have more, those of matched width 5 % less at most
    least = int(0.95 * network.encoder_size(shape, 2 * config.latent_size, network.widths)) * dtype.itemsize
    weights = path.with_name("model.safetensors")
    if weights.stat().st_size < least:
        raise DataError(
            f"{weights} does not fit model.json: it has {weights.stat().st_size} bytes, the model described there has "
            f"{least} at least"
        )
