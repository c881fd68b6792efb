# %% [markdown]
# # Your own data, from a folder to a verdict
#
# You have a folder of pictures, and want to know whether PH-VAE is better on them than a VAE. This tutorial goes the
# whole way: a configuration, a claim that is written down before the runs, the runs, and the verdict.
#
# ## A folder of pictures
#
# Let us pretend that these are yours: two photographs that come with scikit-learn, cut into small squares, one folder
# each. Squares do not overlap.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import yaml
from PIL import Image
from sklearn.datasets import load_sample_images

from phvae.cli import main as phvae

TINY = "PHVAE_TINY" in os.environ  # a test runs this page with little work
SIDE = 61 if TINY else 12
SCORES = {"metrics": ["reconstruction", "latent"]} if TINY else {"extractors": ["classifier"]}

for name, photograph in zip(("china", "flower"), load_sample_images().images, strict=True):
    folder = Path("pictures") / name
    folder.mkdir(parents=True)
    for top in range(0, 427 - SIDE, SIDE):
        for left in range(0, 640 - SIDE, SIDE):
            square = photograph[top : top + SIDE, left : left + SIDE]
            Image.fromarray(square).save(folder / f"{top}-{left}.png")
len(list(Path("pictures").glob("*/*.png")))

# %% [markdown]
# ## A configuration
#
# It says which data, which variants and how many seeds. Sub-folders are labels, and one fixed seed draws the test
# pictures. [Your own pictures](../own-pictures.md) lists all options. The β-VAEs are there for a curve: what a smaller
# β alone would have bought. `copies` is PH-VAE without the powers.

# %%
grid = {
    "name": "mine",
    "seeds": 1 if TINY else 5,
    "device": "cpu",
    "datasets": {"pictures": {"data": {"kind": "images", "path": str(Path("pictures").resolve()), "size": 8}}},
    "model": {
        "latent_size": 12,
        "network": {"name": "dense", "hidden": [128]},
        "likelihood": {"name": "gaussian", "scale": 0.05},
    },
    "training": {"epochs": 1 if TINY else 25, "select": "elbo"},
    "evaluation": {"n_likelihood": 1 if TINY else 8, "importance_samples": 1024, **SCORES},
    "variants": {
        "vae": {"label": "VAE", "model": {"divergence": "kl"}},
        **{
            f"beta-vae-{beta}": {"label": f"β-VAE, β = {beta}", "model": {"divergence": {"name": "kl", "beta": beta}}}
            for beta in (0.25, 0.5, 2)
        },
        "ph-vae-3": {"label": "PH-VAE, order 3", "model": {"order": 3}},
        "copies-3": {"label": "copies, order 3 (control)", "model": {"order": 3, "basis": "copies"}},
    },
}
Path("mine.yaml").write_text(yaml.safe_dump(grid, sort_keys=False))
_ = phvae(["config", "mine.yaml"])

# %% [markdown]
# ## A claim, before the runs
#
# `phvae claims init` writes a first ledger for this grid. Read it, and edit it: above all `matters`, the smallest
# difference that you would act on. Then name it in the configuration. What you add after the runs will be marked as
# such.

# %%
_ = phvae(["claims", "init", "--config", "mine.yaml"])
with Path("mine.yaml").open("a") as stream:
    stream.write("claims: mine-claims.yaml\n")
claims = yaml.safe_load(Path("mine-claims.yaml").read_text())
print(yaml.safe_dump(claims["claims"], sort_keys=False, allow_unicode=True))

# %% [markdown]
# ## The runs
#
# On the command line this is one command: `make run CONFIG=mine.yaml`. It uses all cores, and goes on where it was
# stopped. In a notebook the same jobs run one after the other:

# %%
from phvae.experiment.grid import load_grid  # noqa: E402
from phvae.experiment.questions import Questions  # noqa: E402
from phvae.jobs import stages  # noqa: E402

mine = load_grid("mine.yaml")
for stage, where in Questions(mine).jobs():
    if stage == ("figures" if TINY else "track"):  # MLflow is left out here
        break
    getattr(stages, stage)(mine, *where)

# %% [markdown]
# ## The verdict
#
# Is PH-VAE better than every control, paired by seed? One row per claim, with the control that was hardest to beat:

# %%
verdicts = pd.read_csv("results/mine/tables/claims.csv")
print(verdicts[["claim", "verdict", "control", "effect", "low", "high"]].to_string(index=False))
print()
print(*verdicts["reason"].dropna(), sep="\n")

# %% [markdown]
# The word is "supported": better than both controls. Be careful all the same.
#
# - The verdict tests one side, at 5 %. The two-sided 95 % interval still holds zero.
# - Five seeds are the fewest that can be tested, and the reason says that normal differences are assumed. Ask for ten
#   (`"seeds": 10`; what is finished stays) before you tell anybody.
# - Look at the pictures. Can you see the difference?

# %%
if not TINY:
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained", num="Test pictures and reconstructions")
    axes.imshow(plt.imread("results/mine/figures/reconstructions-pictures.png"))
    axes.set_axis_off()
    plt.show()

# %% [markdown]
# `results/mine/report.html` has all of it on one page, offline: verdicts, figures, tables, and an explorer of every
# seed.
#
# Where next: [your own claims](../own-claims.md), [your own table](../own-table.md), [how a verdict is
# reached](../verdicts.md).
