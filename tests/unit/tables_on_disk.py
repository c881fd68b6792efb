"""Tables written from the results whose every verdict is known, and how tests read them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml
from known_truth import write_known

from phvae.analysis.tables.write import write_tables

NAMES = (
    "claims", "densities", "columns", "images", "disentanglement", "latent", "matched-rate", "small-data",
    "divergences-orders", "score-agreement", "epochs", "cost", "parameters", "provenance",
)  # fmt: skip
CLAIM = {
    "text": "Images are better: 100 % & more_so.", "datasets": ["grey", "bits", "mnist"], "metric": "mse",
    "direction": "lower", "challenger": "ph-vae-3", "controls": ["vae", "rate-distortion"],
    "matters": {"relative": 0.05}, "figure": "paired_seeds-{dataset}",
}  # fmt: skip


def published(folder: Path, *lines: str) -> Path:
    path = folder / "published.csv"
    path.write_text("\n".join(["dataset,n_train,variant,metric,value,sd,source", *lines]) + "\n")
    return path


def claims(folder: Path) -> Path:
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": {"better_images": CLAIM}}))
    return path


def write_known_tables(folder: Path) -> Path:
    """The results whose every verdict is known, with their tables and some published numbers."""
    root = write_known(folder / "results")
    extra = published(folder, "grey,all,ph-vae-3,mse,0.0123,0.0004,table 2", "grey,all,paper_model,ssim,0.9,,fig. 3")
    write_tables(root, claims(folder), extra)
    return root


def read(root: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(root / "tables" / f"{name}.csv", keep_default_na=False, na_values={"published": "", "p": ""})


def lines(root: Path, name: str, heading: str) -> dict[str, list[str]]:
    """The cells of one block of a Markdown table, by the text of the first column; pieces put side by side again."""
    text = (root / "tables" / f"{name}.md").read_text(encoding="utf-8")
    block = next(part for part in text.split("\n## ") if part.startswith(heading))
    found: dict[str, list[str]] = {}
    for line in block.splitlines():
        if line.startswith("|"):
            first, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            found.setdefault(first, []).extend(cells)
    return found


def prose(root: Path, name: str) -> str:
    """A Markdown table's text, its lines joined."""
    return " ".join((root / "tables" / f"{name}.md").read_text(encoding="utf-8").split())
