"""The peer's training loop, run by the Python of the peer's own environment; speaks to training.py through pipes.

Reads a line with a number of images, trains on them in one call of the peer's own `train_step`, answers the number,
the seconds and the CPU seconds.
`python peer.py CASE THREADS [DEVICE LOADER]`, CASE dense-SIDE, with the widths of its two hidden layers if they are not
256 (dense-28-512-256), or conv-64; LOADER `loader`, a DataLoader as the peer makes it, or `resident`, batches of
tensors on the device.
"""

from __future__ import annotations

import itertools
import sys
import time
import warnings
from collections.abc import Iterator

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn

LATENT = 12


class Encoder(BaseEncoder):
    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__()
        self.body, self.mean, self.log_variance = body, nn.Linear(width, LATENT), nn.Linear(width, LATENT)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        h = self.body(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, z: torch.Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.body(z))


def dense(side: int, wide: int = 256, narrow: int = 256) -> tuple[Encoder, Decoder]:
    size = side * side
    layers = [nn.Flatten(), nn.Linear(size, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU()]
    back = [nn.Linear(LATENT, narrow), nn.ReLU(), nn.Linear(narrow, wide), nn.ReLU(), nn.Linear(wide, size)]
    back += [nn.Sigmoid(), nn.Unflatten(1, (1, side, side))]
    return Encoder(nn.Sequential(*layers), narrow), Decoder(nn.Sequential(*back))


def conv() -> tuple[Encoder, Decoder]:
    sizes = (1, 32, 32, 64, 64)
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Conv2d(a, b, 4, 2, 1), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(1024, 256), nn.ReLU()]
    back: list[nn.Module] = [nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU()]
    back.append(nn.Unflatten(1, (64, 4, 4)))
    sizes = (64, 64, 32, 32, 1)
    for a, b in itertools.pairwise(sizes):
        back += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.ReLU()]
    back[-1] = nn.Sigmoid()
    return Encoder(nn.Sequential(*layers), 256), Decoder(nn.Sequential(*back))


class Images(torch.utils.data.Dataset):
    def __init__(self, data: torch.Tensor) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"data": self.data[index]}


class Resident:
    """Batches of a tensor where it lies, in a new order each pass."""

    def __init__(self, data: torch.Tensor, size: int) -> None:
        self.data, self.size, self.dataset = data, size, data

    def __len__(self) -> int:
        return -(-len(self.data) // self.size)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        order = torch.randperm(len(self.data), device=self.data.device)
        for rows in order.split(self.size):
            yield {"data": self.data[rows]}


def main(case: str, threads: int, device: str = "cpu", loader: str = "loader") -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    _, side, *hidden = (int(part) if part.isdigit() else 0 for part in case.split("-"))
    encoder, decoder = dense(side, *hidden) if case.startswith("dense") else conv()
    config = VAEConfig(input_dim=(1, side, side), latent_dim=LATENT, reconstruction_loss="mse")
    model = VAE(config, encoder=encoder, decoder=decoder)
    options = {"per_device_train_batch_size": 64, "learning_rate": 1e-4, "optimizer_cls": "Adam"}
    options["no_cuda"] = device == "cpu"
    for line in sys.stdin:
        data = torch.rand(int(line), 1, side, side)
        trainer = BaseTrainer(model, Images(data), training_config=BaseTrainerConfig("/tmp", **options))
        trainer.prepare_training()
        if loader == "resident":
            trainer.train_loader = Resident(data.to(device), 64)
        started, cpu = time.perf_counter(), time.process_time()
        trainer.train_step(epoch=1)
        print(int(line), time.perf_counter() - started, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
