"""What the tests of tracking ask of MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phvae.files import read_json, write_json
from phvae.tracking import sync as tracking

FEW = ("vae", "ph-vae-3")
CELLS = {f"digits/n-all/{variant}" for variant in FEW}
RUNS = {f"{cell}/seed-{seed}" for cell in CELLS for seed in (0, 1)}


def client(root: Path, uri: str | None = None) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or tracking.default_uri(root))


def runs(root: Path, uri: str | None = None, name: str = "quick") -> dict[str, Any]:
    """path -> run; two runs under one path are an error."""
    server = client(root, uri)
    found = server.search_runs([server.get_experiment_by_name(name).experiment_id], max_results=1000)
    paths = [run.data.tags.get("phvae.path", run.info.run_id) for run in found]
    assert len(set(paths)) == len(paths)
    return dict(zip(paths, found, strict=True))


def ids(root: Path, uri: str | None = None) -> dict[str, str]:
    return {path: run.info.run_id for path, run in runs(root, uri).items()}


def reads_data(results: Path) -> None:
    """Let every run say which data it was trained on."""
    for path in results.rglob("run.json"):
        write_json(path, read_json(path) | {"reads": {"data": "0123456789abcdef" * 4}})
