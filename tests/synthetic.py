"""A small results folder with everything that the analysis reads, written in a second without training."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from phvae.analysis.results.collect import collect
from phvae.data import prepare
from phvae.files import atomic, sha256, sha256_text, write_json, write_text
from phvae.metrics.registry import lookup
from phvae.metrics.rows import row
from phvae.model.options import ModelConfig
from phvae.records import write_record

_GEOMETRIC = {"name": "hierarchical", "weights": "geometric", "ratio": 2}

# name -> label and the model
VARIANTS: dict[str, tuple[str, ModelConfig]] = {
    name: (label, ModelConfig.model_validate(model))
    for name, label, model in [
        ("vae", "VAE", {"divergence": "kl"}),
        ("beta-vae-0.25", "β-VAE ¼", {"divergence": {"name": "kl", "beta": 0.25}}),
        ("beta-vae-0.5", "β-VAE ½", {"divergence": {"name": "kl", "beta": 0.5}}),
        ("beta-vae-2", "β-VAE 2", {"divergence": {"name": "kl", "beta": 2}}),
        ("beta-vae-4", "β-VAE 4", {"divergence": {"name": "kl", "beta": 4}}),
        ("ph-vae-2", "PH-VAE 2", {"order": 2, "divergence": _GEOMETRIC}),
        ("ph-vae-3", "PH-VAE 3", {"order": 3, "divergence": _GEOMETRIC}),
        ("ph-vae-4", "PH-VAE 4", {"order": 4, "divergence": _GEOMETRIC}),
        ("ph-vae-3-matched", "PH-VAE 3, matched", {"order": 3, "divergence": _GEOMETRIC, "encoder_width": "matched"}),
        ("copies-3", "copies 3", {"order": 3, "divergence": _GEOMETRIC, "basis": "copies"}),
        ("ph-vae-3-kl", "PH-VAE 3, KL", {"order": 3, "divergence": "kl"}),
        ("ph-vae-3-log", "PH-VAE 3, log-ratio", {"order": 3, "divergence": "log_polynomial"}),
    ]
}
DATASETS = ("trimodal", "digits", "sprites")  # by default; "moons" is there too
DENSITIES, TABLE = ("trimodal", "moons"), "people"
BASE = {
    "trimodal": {
        "w1_samples_mean": 0.12,
        "w1_samples_model": 0.15,
        "ks_samples_mean": 0.06,
        "reconstruction_nll": 0.4,
        "nll": 1.8,
    },
    "moons": {"sliced_w1_samples_mean": 0.08, "mmd_samples_mean": 0.02, "reconstruction_nll": 0.9, "nll": 2.1},
    "people": {"w1_columns_samples_model": 0.1, "correlation_error_samples_model": 0.05, "nll": 9.0},
    "digits": {"mse": 0.031, "psnr": 15.1, "ssim": 0.71, "fd_classifier_samples": 41.0, "knn_accuracy": 0.91},
    "sprites": {"mse": 0.012, "ssim": 0.88, "mig": 0.21, "dci_forest_disentanglement": 0.34, "active_units": 6.0},
}
FACTORS = ("x", "y", "size")
PEOPLE = ("age", "height (cm)", "income", "born", "score")


def run_folder(root: Path, dataset: str, variant: str, seed: int, n_train: int | str = "all") -> Path:
    return root / "runs" / dataset / f"n-{n_train}" / variant / f"seed-{seed}"


def write_results(
    root: Path,
    *,
    datasets: tuple[str, ...] = DATASETS,
    variants: tuple[str, ...] = tuple(VARIANTS),
    seeds: int = 5,
    sizes: tuple[int | str, ...] = ("all",),
    diverged: tuple[str, str, int] | None = None,
    arrays: bool = True,
) -> Path:
    """Write runs, prepared data, config.json and the long table under `root`; returns `root`.

    `diverged` names one (dataset, variant, seed) that has no numbers.
    """
    root = Path(root)
    expected: list[tuple[str, int | str, str, int]] = []
    for dataset in datasets:
        _write_data(root, dataset)
        for size in sizes:
            for variant in variants:
                for seed in range(seeds):
                    lost = (dataset, variant, seed) == diverged
                    _write_run(
                        run_folder(root, dataset, variant, seed, size), dataset, size, variant, seed, lost, arrays
                    )
                    expected.append((dataset, size, variant, seed))
    collect(root, expected)
    config = {
        "name": root.name,
        "description": "Synthetic results.",
        "baseline": "vae",
        "datasets": {name: {"n_train": list(sizes)} for name in datasets},
        "variants": {
            name: {"label": VARIANTS[name][0], "model": VARIANTS[name][1].model_dump(mode="json")} for name in variants
        },
    }
    write_json(root / "config.json", {"source": "config/synthetic.yaml", "config": config})
    return root


def _write_data(root: Path, dataset: str) -> None:
    """The prepared set, in the shared cache beside the results, and its manifest."""
    cache = root.parent / "data"
    if dataset in DENSITIES:
        options = {"kind": dataset, "n_train": 500, "n_validation": 50, "n_test": 1000}
        folder = prepare(dataset, options, cache=cache)
    elif dataset == TABLE:
        cache.mkdir(parents=True, exist_ok=True)
        table = np.round(_table(1000, np.random.default_rng(5)), 4)
        np.savetxt(cache / "people.csv", table, delimiter=",", header=",".join(PEOPLE), comments="", encoding="utf-8")
        folder = prepare(dataset, {"kind": "table", "path": str(cache / "people.csv")}, cache=cache)
    else:
        folder = cache / f"{dataset}-synthetic"
        folder.mkdir(parents=True, exist_ok=True)
        images, labels, factors = _images(dataset, 300)
        for split in ("train", "validation", "test"):
            np.save(folder / f"{split}.npy", images)
            kind, target = ("labels", labels) if dataset == "digits" else ("factors", factors)
            np.save(folder / f"{split}_{kind}.npy", target)
        files = {p.name: {"bytes": p.stat().st_size, "sha256": sha256(p)} for p in sorted(folder.glob("*.npy"))}
        card = {"kind": dataset, "shape": list(images.shape[1:]), "files": files, "binary": False, "sha256": "0" * 64}
        card |= {"options": {}, "key": dataset, "dtype": "uint8"}
        card |= {"counts": dict.fromkeys(("train", "validation", "test"), len(images))}
        if dataset == "sprites":
            card |= {"factor_names": list(FACTORS), "factor_sizes": [8, 8, 4]}
        write_record(folder / "card.json", card)
    write_record(
        root / "data" / f"{dataset}.json",
        {"dataset": dataset, "folder": folder.name, "sha256": "0" * 64, "binary": False},
    )


def _images(dataset: str, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey blobs (n, 1, S, S) uint8 with labels (n,) and factors (n, 3)."""
    side = 8 if dataset == "digits" else 16
    rng = np.random.default_rng(7)
    factors = np.stack([rng.integers(0, 8, n), rng.integers(0, 8, n), rng.integers(0, 4, n)], axis=1)
    return _blobs(factors, side), (factors[:, 0] + factors[:, 1]) % 10, factors


def _blobs(factors: np.ndarray, side: int, blur: float = 0.0) -> np.ndarray:
    x, y = ((1 + factors[:, i, None, None]) * side / 9 for i in (0, 1))
    width = (0.09 + 0.04 * factors[:, 2, None, None] + blur) * side
    grid = np.arange(side) + 0.5
    squared = (grid[None, None, :] - x) ** 2 + (grid[None, :, None] - y) ** 2
    return (255 * np.exp(-0.5 * squared / width**2)).astype(np.uint8)[:, None]


def effect(variant: str) -> float:
    """How much better a variant is, in parts of the base value: known truth for the tests."""
    model = VARIANTS[variant][1]
    return 0.08 * (model.order - 1) * (model.basis == "monomial")


def _write_run(folder: Path, dataset: str, size: int | str, variant: str, seed: int, lost: bool, arrays: bool) -> None:
    label, model = VARIANTS[variant]
    key = sha256_text(f"{dataset} {size} {variant} {seed}")
    rng = np.random.default_rng(int(key[:8], 16))
    shared = np.random.default_rng(seed).normal()  # alike for all variants of a seed: pairing pays
    run = {
        "run_key": key,
        "dataset": dataset,
        "n_train": size,
        "variant": variant,
        "label": label,
        "seed": seed,
        "config": {"model": model.model_dump(), "training": {"epochs": 30}, "data": {"kind": dataset}, "n_train": size},
        "versions": {"python": "3.11", "torch": "2.14.1", "numpy": "2.4.6"},
        "platform": "linux x86_64",
        "commit": "0" * 40,
        "dirty": False,
        "inputs": {"data": "0" * 64},
        "device": "cpu",
        "threads": 1,
        "status": "diverged" if lost else "ok",
        "reason": "the loss is not finite at epoch 3" if lost else "",
        "parameters": {"total": 12345 * model.order, "encoder": 6000 * model.order, "decoder": 6000},
        "seconds_train": 12.5,
        "images_per_second": 20_000.0,
        "best_epoch": 29,
        "epochs": 30,
    }
    _write_history(folder, model.order, lost, rng)
    write_record(folder / "run.json", run | {"files": {"history.csv": sha256(folder / "history.csv")}})
    if lost:
        return
    rows = [asdict(row(name, value, n=15_000)) for name, value in _values(dataset, size, variant, shared, rng).items()]
    write_record(folder / "metrics.json", {"scores": {"synthetic": {"rows": rows}}})
    _write_model(folder)
    if arrays:
        _write_arrays(folder, dataset, model.order, shared, rng)


def _values(dataset: str, size: int | str, variant: str, shared: float, rng: np.random.Generator) -> dict[str, float]:
    model = VARIANTS[variant][1]
    order, beta = model.order, model.divergence.beta
    gain, small = effect(variant), 1.0 if size == "all" else 1 + 30 / float(size) ** 0.8
    values = {}
    for metric, base in BASE[dataset].items():
        sign = 1 if lookup(metric).higher_is_better else -1
        noise = 0.02 * shared + 0.015 * rng.normal()
        trade = 0.25 * np.log2(beta) if metric in ("mse", "reconstruction_nll", "fd_classifier_samples") else 0.0
        values[metric] = base * (1 + sign * gain + noise + trade) * (small if sign < 0 else 1 / small)
    images = dataset not in (*DENSITIES, TABLE)
    rate = (16 if images else 4) * beta**-0.45 * (1 + 0.03 * order + 0.02 * rng.normal())
    values["kl"] = rate
    share = 0.6 ** np.arange(order)
    for k, part in enumerate(rate * share / share.sum(), start=1):
        values[f"kl_level_{k}"] = float(part)
        if images and order > 1:
            for band, height in (("low", 0.03), ("mid", 0.01), ("high", 0.003)):
                wave = height * (1.3 if (band == "low") == (k == 1) else 0.4)
                values[f"drop_level_{k}_{band}"] = wave * (1 + 0.1 * rng.normal())
    return {name: float(value) for name, value in values.items()}


def _write_history(folder: Path, order: int, lost: bool, rng: np.random.Generator) -> None:
    epochs = 3 if lost else 30
    names = ["loss", "reconstruction", "divergence", "kl", *(f"kl_level_{k}" for k in range(1, order + 1))]
    header = ["epoch", "step", *(f"{split}_{name}" for split in ("train", "validation") for name in names)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for epoch in range(1, epochs + 1):
        loss = 60 * np.exp(-epoch / 6) + 25 - order + 0.2 * rng.normal()
        one = [loss, loss * 0.7, loss * 0.3, loss * 0.25, *([loss * 0.25 / order] * order)]
        if lost and epoch == epochs:
            one = [float("nan")] * len(one)
        writer.writerow([epoch, epoch * 20, *(f"{v:.6g}" for v in one), *(f"{v * 1.03:.6g}" for v in one)])
    write_text(folder / "history.csv", out.getvalue())


def _write_model(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"decoder.0.weight": np.zeros((4, 3), np.float32)}, folder / "model.safetensors")
    write_json(folder / "model.json", {"shape": [1, 8, 8], "dtype": "float32", "model": {"order": 1}})


def _write_arrays(folder: Path, dataset: str, order: int, shared: float, rng: np.random.Generator) -> None:
    n, d = 300, 12 // order
    images, _, factors = _images(dataset, n)
    seen = factors if dataset not in (*DENSITIES, TABLE) else rng.integers(0, 8, (n, 3))
    mean = rng.normal(scale=0.3, size=(n, order, d))
    for f in range(3):
        mean[:, f % order, f // order] += (seen[:, f] - 3.0) / 2
    mean = mean.astype(np.float32)
    codes = {"mean": mean, "log_variance": np.full_like(mean, -2), "whitened": mean, "coupling": np.eye(order)}
    with atomic(folder / "codes.npz") as path:
        np.savez_compressed(path, **codes)
    if dataset in DENSITIES:
        kept = _density_samples(2 if dataset == "moons" else 1, shared, rng)
    elif dataset == TABLE:
        rows = _table(400, rng, 0.8)
        kept = {name: rows for name in ("samples_mean", "samples_model", "reconstructions", "originals")}
    else:
        kept = _image_samples(dataset, images, order)
        for name in ("reconstructions", "samples_mean"):
            picture = Image.fromarray(np.concatenate([i[0] for i in kept[name][:8]], axis=1))
            (folder / "pictures").mkdir(exist_ok=True)
            picture.save(folder / "pictures" / f"{name}.png")
    with atomic(folder / "samples.npz") as path:
        np.savez_compressed(path, **kept)
    files = {name: sha256(folder / name) for name in ("codes.npz", "samples.npz")}
    write_record(folder / "encode.json", {"files": files})


def _density_samples(dimensions: int, shared: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    n = 4096
    if dimensions == 1:
        clean = rng.choice([-2.0, 0.0, 2.0], size=(n, 1), p=[0.3, 0.4, 0.3]) + 0.45 * rng.normal(size=(n, 1))
    else:
        angle, upper = rng.uniform(0, np.pi, n), rng.random(n) < 0.5
        clean = np.stack([np.where(upper, np.cos(angle), 1 - np.cos(angle)), np.sin(angle)], axis=1)
        clean[~upper, 1] = 0.5 - clean[~upper, 1]
    clean = clean + 0.05 * shared
    columns = {"samples_mean": clean, "samples_model": clean + 0.25 * rng.normal(size=clean.shape)}
    columns |= {"reconstructions": clean, "originals": clean}
    return {name: values.astype(np.float32) for name, values in columns.items()}


def _table(n: int, rng: np.random.Generator, link: float = 1.0) -> np.ndarray:
    """Rows (n, 5) of unlike units, two of them skewed or whole; `link` is how much columns hang together."""
    z = rng.normal(size=(n, 5))
    common = link * z[:, :1] + (1 - link**2) ** 0.5 * z[:, 1:]
    return np.stack(
        [np.rint(50 + 15 * z[:, 0]), 170 + 8 * common[:, 0] + 3 * z[:, 1], np.exp(10 + 0.4 * common[:, 1]),
         1.7e9 + 1e5 * z[:, 3], common[:, 3] - z[:, 2]], axis=1,
    )  # fmt: skip


def _image_samples(dataset: str, images: np.ndarray, order: int) -> dict[str, np.ndarray]:
    side, k = images.shape[-1], 64
    factors = _images(dataset, 300)[2]
    blur = 0.05 / order
    line = np.stack([np.linspace(0, 7, 8), np.linspace(7, 0, 8), np.full(8, 1.0)], axis=1)
    steps = np.full((order, 7, 3), (4.0, 4.0, 1.0))
    for level in range(order):
        steps[level, :, level % 3] = np.linspace(0, 7, 7) if level % 3 < 2 else np.linspace(0, 3, 7)
    return {
        "originals": images[:k],
        "reconstructions": _blobs(factors[:k], side, blur),
        "samples_mean": _blobs(factors[100 : 100 + k], side, blur),
        "samples_model": _blobs(factors[100 : 100 + k], side, blur),
        "nearest": images[100:112],
        "traversals": _blobs(steps.reshape(-1, 3), side, blur).reshape(order, 7, 1, side, side),
        "interpolations": _blobs(line, side, blur),
    }
