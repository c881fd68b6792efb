"""What a torch user would write by hand, as peers: `python -m benchmarks.peer_torch WAY CASE SEEDS DEVICE`.

WAY `loop`: one model, a plain loop over tensors in memory, fused Adam. WAY `func`: SEEDS models by torch.func's
ensembling, as torch's own tutorial does it, and one fused Adam. CASE as in `benchmarks.peer`. Reads a line with a
number of steps, answers images, seconds and CPU seconds.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

BATCH, LATENT, IMAGES, RATE = 64, 12, 6_400, 1e-4


class Network(nn.Module):
    """A VAE of the case: dense-SIDE, with two hidden layers, or conv-64."""

    def __init__(self, case: str) -> None:
        super().__init__()
        kind, side, *hidden = case.split("-")
        side = int(side)
        if kind == "dense":
            wide, narrow = (int(width) for width in hidden) if hidden else (256, 256)
            self.encoder = nn.Sequential(
                nn.Flatten(), nn.Linear(side * side, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU(),
                nn.Linear(narrow, 2 * LATENT),
            )  # fmt: skip
            self.decoder = nn.Sequential(
                nn.Linear(LATENT, narrow), nn.ReLU(), nn.Linear(narrow, wide), nn.ReLU(),
                nn.Linear(wide, side * side), nn.Unflatten(1, (1, side, side)),
            )  # fmt: skip
        else:
            down = [nn.Conv2d(a, b, 4, 2, 1) for a, b in itertools.pairwise((1, 32, 32, 64, 64))]
            up = [nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in itertools.pairwise((64, 64, 32, 32, 1))]
            self.encoder = nn.Sequential(
                *itertools.chain.from_iterable((layer, nn.ReLU()) for layer in down),
                nn.Flatten(), nn.Linear(1024, 256), nn.ReLU(), nn.Linear(256, 2 * LATENT),
            )  # fmt: skip
            self.decoder = nn.Sequential(
                nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU(), nn.Unflatten(1, (64, 4, 4)),
                *list(itertools.chain.from_iterable((layer, nn.ReLU()) for layer in up))[:-1],
            )  # fmt: skip

    def forward(self, x: Tensor, eps: Tensor) -> Tensor:
        """Minus the evidence lower bound, with a Gaussian of scale 1."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        output = torch.sigmoid(self.decoder(mean + eps * torch.exp(0.5 * log_variance)))
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        return (0.5 * (output - x).square().flatten(1).sum(1) + kl).mean()


def loop(case: str, seeds: int, device: str) -> Callable[[int], None]:
    """One model."""
    if seeds != 1:
        raise SystemExit("a plain loop trains one model")
    model = Network(case).to(device)
    side = int(case.split("-")[1])
    data = torch.rand(IMAGES, 1, side, side, device=device)
    adam = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)

    def run(steps: int) -> None:
        for step in range(steps):
            if step % (IMAGES // BATCH) == 0:
                order = torch.randperm(IMAGES, device=device).view(-1, BATCH)
            x = data[order[step % len(order)]]
            loss = model(x, torch.randn(BATCH, LATENT, device=device))
            adam.zero_grad()
            loss.backward()
            adam.step()

    return run


def func(case: str, seeds: int, device: str) -> Callable[[int], None]:
    """Several models at once."""
    models = [Network(case).to(device) for _ in range(seeds)]
    parameters, _ = stack_module_state(models)
    side = int(case.split("-")[1])
    data = torch.rand(IMAGES, 1, side, side, device=device)
    adam = torch.optim.Adam(parameters.values(), lr=RATE, fused=True)

    def one(parameters: dict[str, Tensor], x: Tensor, eps: Tensor) -> Tensor:
        return functional_call(models[0], parameters, (x, eps))

    step_of_all = vmap(grad_and_value(one))

    def run(steps: int) -> None:
        for step in range(steps):
            if step % (IMAGES // BATCH) == 0:
                order = torch.stack([torch.randperm(IMAGES, device=device).view(-1, BATCH) for _ in range(seeds)], 1)
            x = data[order[step % len(order)]]
            gradients, _ = step_of_all(parameters, x, torch.randn(seeds, BATCH, LATENT, device=device))
            for name, parameter in parameters.items():
                parameter.grad = gradients[name]
            adam.step()

    return run


def main(way: str, case: str, seeds: int, device: str) -> None:
    torch.set_num_threads(1)
    run = {"loop": loop, "func": func}[way](case, seeds, device)
    for line in sys.stdin:
        started, cpu = time.perf_counter(), time.process_time()
        run(int(line))
        if device == "cuda":
            torch.cuda.synchronize()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        print(int(line) * BATCH * seeds, seconds, cpu_seconds, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
