"""The peer's training loop, run by the Python of the peer's own environment; speaks to training.py through pipes.

Reads a line with a number of images, trains on them in one call of the peer's own `train_step`, answers the number,
the seconds and the CPU seconds.
`python peer.py CASE THREADS`, CASE one of dense-8, dense-28, conv-64.
"""

from __future__ import annotations

import itertools
import sys
import time
import warnings

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


def dense(side: int) -> tuple[Encoder, Decoder]:
    size = side * side
    layers = [nn.Flatten(), nn.Linear(size, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    back = [nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, size), nn.Sigmoid()]
    return Encoder(nn.Sequential(*layers), 256), Decoder(nn.Sequential(*back, nn.Unflatten(1, (1, side, side))))


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


def main(case: str, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    side = int(case.split("-")[1])
    encoder, decoder = dense(side) if case.startswith("dense") else conv()
    config = VAEConfig(input_dim=(1, side, side), latent_dim=LATENT, reconstruction_loss="mse")
    model = VAE(config, encoder=encoder, decoder=decoder)
    options = {"per_device_train_batch_size": 64, "learning_rate": 1e-4, "optimizer_cls": "Adam", "no_cuda": True}
    for line in sys.stdin:
        data = torch.rand(int(line), 1, side, side)
        trainer = BaseTrainer(model, Images(data), training_config=BaseTrainerConfig("/tmp", **options))
        trainer.prepare_training()
        started, cpu = time.perf_counter(), time.process_time()
        trainer.train_step(epoch=1)
        print(int(line), time.perf_counter() - started, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], int(sys.argv[2]))
