"""The picture of gpu.csv: images per second against models in a stack. `python -m benchmarks.gpu_picture`."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import pandas as pd
from matplotlib import pyplot as plt

HERE = Path(__file__).resolve().parent
BATCH = 64
TITLES = {"dense-8": "dense 8×8, hidden 256, 256", "dense-28-512-256": "dense 28×28, hidden 512, 256"}
OURS = {"graph": ("ours, float32", "#0b5c8e"), "graph+tf32": ("ours, tf32", "#56a3d1")}
PEERS = {
    "jax, float32": ("JAX, float32", "#9a3412", "o"),
    "jax, tf32": ("JAX, tf32", "#e08a5b", "o"),
    "torch.func": ("torch.func", "#5b6670", "s"),
    "torch loop": ("torch loop, fused Adam", "#5b6670", "^"),
    "pythae 0.1.2, loader": ("pythae 0.1.2", "#1c2126", "D"),
}


def main() -> None:
    """Draw."""
    table = pd.read_csv(HERE / "gpu.csv")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for axis, (case, title) in zip(axes, TITLES.items(), strict=True):
        of_case = table[table.case == case]
        steps = of_case[of_case.unit == "us per step"]
        for side, (label, colour) in OURS.items():
            found = steps[steps.side == side]
            rates = found.models * BATCH / (1e-6 * found.value)
            axis.plot(found.models, rates, marker="o", color=colour, label=label, zorder=3)
        rates = of_case[of_case.unit == "images/s"].replace({"side": {"jax": "jax, tf32"}})
        rates = rates.drop_duplicates(["models", "side"], keep="last")  # of several calls the newest
        for side, (label, colour, marker) in PEERS.items():
            found = rates[rates.side == side]
            style = {"marker": marker, "linestyle": "--", "markersize": 5}
            if len(found):
                axis.plot(found.models, found.value, color=colour, label=label, **style)
        axis.set(xscale="log", yscale="log", title=title, xlabel="models in a stack")
        axis.set_xticks([1, 4, 10, 40, 100], ["1", "4", "10", "40", "100"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("images per second, all models")
    axes[0].legend(fontsize=8)
    figure.savefig(HERE / "gpu.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
