# %% [markdown]
# # A VAE and a PH-VAE on digits, in ten minutes
#
# You train three small models on 1,437 handwritten digits, look at what they make of digits that they have not seen,
# and ask where a gain comes from. You need `pip install .` and no GPU. All three trainings together take under a
# minute.
#
# A **VAE** squeezes a picture x into a few numbers, its *code*, and decodes them again. A **PH-VAE** of order 3 has
# three encoders. They see x, x² and x³, and each writes its own third of the code. The decoder is the same.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

import phvae

EPOCHS, EXAMPLES = (2, 4) if "PHVAE_TINY" in os.environ else (40, 50)  # a test runs this page in little

digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.images))
x = digits.images[order][:, None] / 16  # (1797, 1, 8, 8), grey values in [0, 1]
train, test = x[:1437], x[1437:]
test_labels = digits.target[order][1437:]

# %% [markdown]
# ## Three models
#
# The third one is the control: `copies` has the same three encoders, but all of them see plain x. If it does as well
# as the PH-VAE, the powers were not the reason.

# %%
settings = {"latent_size": 12, "network": {"name": "dense", "hidden": [128, 128]}, "seed": 0}
models = {
    "VAE": phvae.PHVAE((1, 8, 8), order=1, divergence="kl", **settings),
    "PH-VAE": phvae.PHVAE((1, 8, 8), order=3, **settings),
    "copies": phvae.PHVAE((1, 8, 8), order=3, basis="copies", **settings),
}
colours = {"VAE": "black", "PH-VAE": "tab:blue", "copies": "tab:orange"}
histories = {name: model.fit(train, epochs=EPOCHS, seed=0) for name, model in models.items()}
histories["PH-VAE"][["epoch", "train_reconstruction", "validation_reconstruction", "validation_kl"]].tail(3).round(2)

# %% [markdown]
# `fit` returns a pandas table with one row per epoch. It held a tenth of the digits out, and kept the weights of the
# epoch with the lowest validation loss. Losses of different objectives cannot be compared, but the reconstruction term
# can:

# %%
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained", num="Reconstruction term by epoch")
for name, history in histories.items():
    axes.plot(history["epoch"], history["validation_reconstruction"], label=name, color=colours[name])
axes.set(xlabel="epoch", ylabel="reconstruction, nats")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What they make of unseen digits


# %%
def show(rows: dict[str, np.ndarray], title: str) -> None:
    """Rows of pictures with their names."""
    tiles = np.pad(np.stack(list(rows.values()))[:, :, 0], ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=1)
    picture = tiles.transpose(0, 2, 1, 3).reshape(10 * len(rows), -1)
    _, axes = plt.subplots(figsize=(7, 0.3 + 0.58 * len(rows)), layout="constrained", num=title)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set_yticks(10 * np.arange(len(rows)) + 4.5, rows)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    plt.show()


reconstructions = {name: model.reconstruct(test[:10]).numpy() for name, model in models.items()}
show({"test digits": test[:10]} | reconstructions, "Test digits, and their reconstructions by the three models")

# %% [markdown]
# New digits come from decoding draws of the prior:

# %%
show({name: model.sample(10, generator=1).numpy() for name, model in models.items()}, "Samples of the three models")

# %% [markdown]
# ## The numbers
#
# - **MSE** is the mean squared error of reconstructions: lower is better.
# - **log p(x)** is how probable the model finds unseen digits, in nats: higher is better. It is estimated by
#   importance sampling.
# - **between codes** says how many of the digits have a nearest neighbour of the same class, among the codes.


# %%
def neighbours_agree(code: np.ndarray) -> float:
    """Share of examples whose nearest other example has the same label."""
    distances = np.square(code[:, None] - code[None]).sum(-1)
    np.fill_diagonal(distances, np.inf)
    return float((test_labels[distances.argmin(1)] == test_labels).mean())


table = pd.DataFrame(
    {
        name: {
            "MSE": float(np.square(model.reconstruct(test).numpy() - test).mean()),
            "log p(x)": float(model.log_likelihood(test[:EXAMPLES]).mean()),
            "between codes": neighbours_agree(model.encode(test)[0].flatten(1).numpy()),
        }
        for name, model in models.items()
    }
)
table.round(4)

# %% [markdown]
# The PH-VAE has a smaller error than the VAE. So has `copies`, which sees no powers. On these digits the gain comes
# with the several encoders and with the weights of their levels, not with x² and x³.
#
# ## What each level carries
#
# Set one level's code to zero, its prior mean, and decode:

# %%
model = models["PH-VAE"]
mean, _ = model.encode(test[:10])
pictures = {"all levels": model.decode(mean).numpy()}
for level in range(3):
    without = mean.clone()
    without[:, level] = 0
    pictures[f"without level {level + 1}"] = model.decode(without).numpy()
show(pictures, "Reconstructions by the PH-VAE without one of its levels")

# %% [markdown]
# ## What you may conclude
#
# Nothing yet. This was one seed, and another seed moves every number above. [The next tutorial](divergences.md) does
# the comparison as it should be done. The model itself is explained in [the method](../method.md).
