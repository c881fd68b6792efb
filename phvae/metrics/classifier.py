"""The small classifier of a set with labels or factors, whose last hidden layer serves as features of its images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from phvae.determinism.seeding import derive, numpy_generator
from phvae.files import atomic, read_json, sha256, write_json

__all__ = ["FEATURES", "Classifier", "accuracy", "load_classifier", "train_classifier"]

FEATURES = 64
SIDE = 7  # stages halve the image until its sides are at most this
STEPS = 600
BATCH = 128
STANDARD = 2_000  # training images over which features are standardised
RATE = 2e-3
WIDTHS = (16, 32, 64, 64, 64)
WEIGHTS, CARD = "classifier.safetensors", "classifier.json"


class Classifier(nn.Module):
    """Strided 3x3 convolutions with SiLU, a hidden layer of 64 (the features, before its SiLU), a linear layer.

    After training, `standardise` shifts and scales each feature to mean 0 and standard deviation 1.

    Args:
        shape: (C, H, W) of the images.
        classes: number of values of the label, or of each factor.
        generator: of the initial weights; torch's global generator is not touched.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], classes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        channels, height, width = shape
        stages = max(1, math.ceil(math.log2(max(height, width) / SIDE)))
        layers: list[nn.Module] = []
        for i in range(stages):
            wide = WIDTHS[min(i, len(WIDTHS) - 1)]
            layers += [nn.utils.skip_init(nn.Conv2d, channels, wide, 3, stride=2, padding=1), nn.SiLU()]
            channels, height, width = wide, (height + 1) // 2, (width + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.utils.skip_init(nn.Linear, channels * height * width, FEATURES)
        self.classes = tuple(classes)
        self.output = nn.utils.skip_init(nn.Linear, FEATURES, sum(self.classes))
        self.register_buffer("centre", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=generator)
            else:
                nn.init.zeros_(parameter)

    def _hidden(self, images: Tensor) -> Tensor:
        x = images.to(self.hidden.weight.dtype) / 127.5 - 1
        found: Tensor = self.hidden(self.convolutions(x).flatten(1))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Standardised features (B, 64) of uint8 images (B, C, H, W)."""
        return (self._hidden(images) - self.centre) / self.scale

    def logits(self, images: Tensor) -> tuple[Tensor, ...]:
        """Unnormalised log-probabilities of the label, or of each factor: (B, classes) each."""
        return self.output(functional.silu(self._hidden(images))).split(self.classes, dim=1)

    @torch.no_grad()
    def standardise(self, images: Tensor) -> None:
        """Give every feature mean 0 and standard deviation 1 over these images; a constant one keeps its scale."""
        features = self._hidden(images)
        self.centre.copy_(features.mean(0))
        deviation = features.std(0)
        self.scale.copy_(torch.where(deviation > 0, deviation, 1.0))


def train_classifier(
    folder: Path,
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    device: str = "cpu",
    steps: int = STEPS,
) -> dict[str, Any]:
    """Train on all images with a fixed seed and write ``classifier.safetensors`` and ``classifier.json``.

    600 steps of Adam, 128 images each, the rate falling linearly to 0.

    Args:
        folder: where the files go.
        images: (N, C, H, W) uint8.
        labels: (N,) integers from 0, or (N, F) with a column a factor.
        test_images: for the accuracy in the card.
        test_labels: their labels.
        device: where to train.
        steps: number of optimiser steps.

    Returns:
        The card: shape, classes, steps, seed, test accuracy (mean over factors), sha256 of the weights.
    """
    from safetensors.torch import save_file

    targets = np.asarray(labels, dtype=np.int64).reshape(len(labels), -1)
    classes = [int(top) + 1 for top in targets.max(axis=0)]
    model = Classifier(images.shape[1:], classes, torch.Generator().manual_seed(derive(0, "classifier"))).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    generator = numpy_generator(0, "classifier", "order")
    order = np.empty(0, dtype=np.int64)
    for step in range(steps):
        while len(order) < BATCH:
            order = np.concatenate([order, generator.permutation(len(images))])
        rows, order = np.sort(order[:BATCH]), order[BATCH:]
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        x = torch.from_numpy(np.array(images[rows])).to(device)
        y = torch.from_numpy(targets[rows]).to(device)
        optimizer.zero_grad(set_to_none=True)
        parts = zip(model.logits(x), y.unbind(1), strict=True)
        torch.stack([functional.cross_entropy(logits, label) for logits, label in parts]).sum().backward()
        optimizer.step()
    model.standardise(torch.from_numpy(np.array(images[:STANDARD])).to(device))
    state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    with atomic(folder / WEIGHTS) as path:
        save_file(state, path)
    card = {
        "shape": list(images.shape[1:]),
        "classes": classes,
        "steps": steps,
        "batch_size": BATCH,
        "learning_rate": RATE,
        "seed": 0,
        "accuracy": accuracy(model, test_images, test_labels),
        "sha256": sha256(folder / WEIGHTS),
    }
    write_json(folder / CARD, card)
    return card


def accuracy(model: Classifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose label the classifier tells; with factors, (N, F), the mean over them."""
    device = model.hidden.weight.device
    targets = np.asarray(labels).reshape(len(labels), -1)
    right = 0
    with torch.no_grad():
        for start in range(0, len(images), 1_000):
            x = torch.from_numpy(np.array(images[start : start + 1_000])).to(device)
            guess = torch.stack([logits.argmax(1) for logits in model.logits(x)], dim=1).cpu().numpy()
            right += int((guess == targets[start : start + 1_000]).sum())
    return right / targets.size


def load_classifier(folder: Path) -> tuple[Classifier, str]:
    """The classifier of a reference folder, in evaluation mode, and the SHA-256 of its weights.

    Raises:
        OSError: the files are absent.
    """
    from safetensors.torch import load_file

    card = read_json(folder / CARD)
    model = Classifier(tuple(card["shape"]), card["classes"], torch.Generator())  # its weights are replaced
    model.load_state_dict(load_file(folder / WEIGHTS))
    return model.eval().requires_grad_(False), sha256(folder / WEIGHTS)
