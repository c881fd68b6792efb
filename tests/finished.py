"""A grid of one cell and what a finished run of it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phvae.experiment import provenance
from phvae.experiment.grid import Grid, parse_grid
from phvae.experiment.keys import training_key
from phvae.files import sha256
from phvae.records import Key, write_record

__all__ = ["DATA", "finish", "folder_of", "key_of", "small_grid"]

DATA = "d" * 64


def small_grid(root: Path, **more: Any) -> Grid:
    content = {
        "name": "small",
        "results": str(root),
        "device": "cpu",
        "seeds": 2,
        "model": {"latent_size": 2},
        "datasets": {"claw": {}},
        "variants": {"vae": {"model": {"divergence": "kl"}}},
    }
    return parse_grid(content | more, "small.yaml")


def folder_of(grid: Grid, seed: int = 0) -> Path:
    return grid.paths.run("claw", "all", "vae", seed)


def key_of(grid: Grid, seed: int = 0, code: str = "", device: str = "cpu", threads: int = 1) -> Key:
    """Today's key of a run, or the one it had under earlier code."""
    today = training_key(grid.cells[0], seed, DATA, device, threads)
    return Key(code or today.code, today.inputs)


def finish(grid: Grid, seed: int = 0, code: str = "earlier", device: str = "cpu", **changed: Any) -> Path:
    """Leave what a finished run leaves, with its arrays; returns its run.json (with some entries changed)."""
    write_record(grid.paths.data("claw"), {"sha256": DATA})
    folder, cell = folder_of(grid, seed), grid.cells[0]
    folder.mkdir(parents=True)
    for name in ("history.csv", "model.safetensors", "codes.npz", "arrays.npz", "metrics.json"):
        (folder / name).write_text(name)
    write_record(folder / "metrics.json", {"asked": ["latent"], "scores": {"latent": {"rows": []}}})
    files = {name: sha256(folder / name) for name in ("history.csv", "model.safetensors")}
    key = key_of(grid, seed, code, device)
    described = provenance.describe(cell, seed, {"data": DATA}, "cpu", 1) | {"device": device, "files": files}
    write_record(folder / "run.json", described | key.fields() | {"run_key": key.sha256} | changed)
    return folder / "run.json"
