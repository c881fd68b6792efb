# %% [markdown]
# # A PyTorch model beside ours
#
# You have a model of your own, written in plain PyTorch. This tutorial scores it with the same metrics, on the same
# test examples, as the models of this project. Your model hands over arrays, not code.
#
# ## The same data
#
# `prepare` makes the exact splits, once. (`phvae data export digits --folder exported` writes them as a file, for a
# model in another environment.)

# %%
import os

import numpy as np
import pandas as pd
import torch
from torch import nn

import phvae
from phvae.data import load, prepare

TINY = "PHVAE_TINY" in os.environ  # a test runs this page with little work
SETTINGS = {"metrics": ["reconstruction", "latent"]} if TINY else {}

digits = load(prepare("digits", {"kind": "digits"}, cache="data"))
train, test = (torch.from_numpy(np.array(part) / 255).float() for part in (digits.train, digits.test))
print(train.shape, test.shape)

# %% [markdown]
# ## Your model
#
# This one is a small VAE. Any model will do that can give some of these: means and log-variances of codes,
# reconstructions of the test examples, samples.

# %%
torch.manual_seed(0)
encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2 * 6))
decoder = nn.Sequential(nn.Linear(6, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
for _ in range(20 if TINY else 3000):
    batch = train[torch.randint(len(train), (64,))]
    mean, log_variance = encoder(batch).chunk(2, 1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    nll = ((batch - decoder(z)) ** 2).sum() / (2 * 0.1**2)
    kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum()
    optimizer.zero_grad()
    ((nll + kl) / len(batch)).backward()
    optimizer.step()

# %% [markdown]
# ## Its scores
#
# Codes must be in coordinates in which the prior is N(0, I). Row i belongs to test example i. Everything is checked:
# names, shapes, ranges, finite numbers, and whether the rows are in order.

# %%
with torch.no_grad():
    mean, log_variance = encoder(test).chunk(2, 1)
    reconstructions, samples = decoder(mean), decoder(torch.randn(1000, 6))

theirs = phvae.score(
    digits,
    codes=(mean.numpy(), log_variance.numpy()),
    reconstructions=reconstructions.numpy(),
    samples=samples.numpy(),
    **SETTINGS,
).set_index("metric")
shown = ["mse", "psnr", "ssim", "sharpness", "knn_accuracy", "kl", "fd_classifier_samples"]
theirs.reindex(shown)[["value", "floor", "unit"]]

# %% [markdown]
# The floor says what you get without a model: for the error the mean image, for kNN accuracy the commonest label, for
# the Fréchet distance of samples real digits against real digits.

# %% [markdown]
# ## One of ours beside it
#
# A VAE of the same sizes, trained by this package, scored by the same call:

# %%
model = phvae.PHVAE(
    (1, 8, 8), order=1, divergence="kl", latent_size=6, network={"name": "dense", "hidden": [128]}, seed=0
)
model.fit(train, validation=np.array(digits.validation), epochs=1 if TINY else 150, seed=0)
mean, log_variance = (part.flatten(1).numpy() for part in model.encode(test))
ours = phvae.score(
    digits,
    codes=(mean, log_variance),
    reconstructions=model.reconstruct(test).numpy(),
    samples=model.sample(1000, generator=1).numpy(),
    **SETTINGS,
).set_index("metric")
pd.DataFrame({"theirs": theirs["value"], "ours": ours["value"]}).reindex(shown).round(4)

# %% [markdown]
# Two numbers side by side are one seed each. To *compare*, train your model at several seeds, write one file per seed,
# and name the folder in a configuration:
#
#     variants:
#       vae: {model: {divergence: kl}}
#       theirs: {label: their VAE, external: outputs}
#
# Then your model has its row in every table, with intervals and verdicts. [A model from elsewhere](../external.md)
# says what a file holds.
