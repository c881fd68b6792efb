"""A trained model as plain torch programs, which load where this package is not installed."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from phvae.api.phvae import PHVAE
from phvae.api.units import to_model, to_user
from phvae.files import atomic, write_text
from phvae.model.hierarchy import expand
from phvae.model.posterior import PRIORS, couple

__all__ = ["export_model"]

LOADER = '''\
"""Reads the model beside this file with torch alone: `from load_model import encode, decode, generate`."""

from pathlib import Path

import torch

HERE = Path(__file__).parent
# x (B, {shape}), {units}, {wide} -> means and log-variances of the codes, each (B, {order}, {size})
encode = torch.export.load(HERE / "encode.pt2").module()
# codes (B, {order}, {size}) -> the decoder's means (B, {shape}), in the units of x
decode = torch.export.load(HERE / "decode.pt2").module()
# standard normal noise (B, {order}, {size}) -> the decoder's means of draws from the prior
generate = torch.export.load(HERE / "generate.pt2").module()

if __name__ == "__main__":
    noise = torch.randn(4, {order}, {size}, dtype=torch.{dtype})
    print("four samples:", generate(noise).shape)
    mean, log_variance = encode(generate(noise))
    print("their reconstructions:", decode(mean).shape)
'''


class _Encode(nn.Module):
    def __init__(self, model: PHVAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        model = self.model
        if model.scaling:
            x = to_model(x.double(), model.scaling).to(next(model.parameters()).dtype)
        q = model.posterior(expand(x, model.order, model.config.basis))
        return q.mean, q.log_variance


class _Decode(nn.Module):
    def __init__(self, model: PHVAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        found = self.model.likelihood.mean(self.model.decoder(z.flatten(1)))
        return to_user(found, self.model.scaling) if self.model.scaling else found


class _Generate(nn.Module):
    def __init__(self, model: PHVAE) -> None:
        super().__init__()
        self.model, self.decode = model, _Decode(model)

    def forward(self, w: Tensor) -> Tensor:
        found: Tensor = self.decode(couple(PRIORS[self.model.config.prior](self.model.coupling(w)), w))
        return found


def export_model(model: PHVAE, folder: Path) -> list[Path]:
    """Write encode.pt2, decode.pt2 and generate.pt2 (torch.export), and load_model.py, which reads them.

    Outputs are those of `encode`, `decode` and `decode(unwhiten(w))`, for batches of any size, on the CPU.

    Args:
        model: of images: x is in [0, 1], floats; of a table: in the user's units, float64.
        folder: where to; made if it is not there.

    Returns:
        The files.

    Raises:
        OSError: the folder cannot be written.
    """
    model = model.cpu().eval()
    like, code = next(model.parameters()), (3, model.order, model.level_size)
    wide = torch.float64 if model.scaling else like.dtype
    x, z = torch.zeros(3, *model.shape, dtype=wide), torch.zeros(code, dtype=like.dtype)
    batch = torch.export.Dim("batch", min=1)
    written = []
    for name, program, example in (("encode", _Encode, x), ("decode", _Decode, z), ("generate", _Generate, z)):
        with torch.no_grad():
            made = torch.export.export(program(model), (example,), dynamic_shapes=({0: batch},))
        written.append(Path(folder) / f"{name}.pt2")
        with atomic(written[-1]) as temporary:
            torch.export.save(made, temporary)
    told = {
        "shape": ", ".join(map(str, model.shape)),
        "units": "the table's own units" if model.scaling else "from 0 to 1" if model.unit_interval else "as trained",
        "dtype": str(like.dtype).removeprefix("torch."),
        "wide": str(wide).removeprefix("torch."),
        "order": model.order,
        "size": model.level_size,
    }
    written.append(Path(folder) / "load_model.py")
    write_text(written[-1], LOADER.format(**told))
    return written
