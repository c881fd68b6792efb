"""One run as a tracking server shows it (no MLflow)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = [
    "DESIGN",
    "LONGEST",
    "LONGEST_NOTE",
    "NOTE",
    "SECRET",
    "SOURCE",
    "Entry",
    "Point",
    "Status",
    "mask",
    "modified",
    "title",
]

LONGEST = 500  # characters of a parameter; MLflow's own limit is 6,000
LONGEST_NOTE = 5000  # characters of a tag; MLflow's own limit
NOTE = "mlflow.note.content"
SOURCE = {"mlflow.source.name": "phvae", "mlflow.source.type": "PROJECT"}
DESIGN = ("family", "role", "order", "divergence", "hardware")  # tags to filter by
SECRET = re.compile(r"(token|password|passwd|secret|credential|api_?key)", re.IGNORECASE)

Point = tuple[str, float, int]  # metric, value, step
Status = Literal["FINISHED", "FAILED", "RUNNING"]


@dataclass
class Entry:
    """One run.

    Attributes:
        path: names it within its experiment.
        kind: run, variant (the seeds of a cell together) or summary.
        name: shown.
        began, ended: in ms since 1970.
        data: name and SHA-256 of the data set it was trained on, None for what is of several.
        model: the folder of a run whose model stands for the cell's.
    """

    path: str
    kind: str
    name: str
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    files: list[tuple[Path, str]] = field(default_factory=list)
    status: Status = "FINISHED"
    fingerprint: str = ""
    began: int = 0
    ended: int = 0
    data: tuple[str, str] | None = None
    model: Path | None = None

    @property
    def failed(self) -> bool:
        """Whether it gave no numbers."""
        return self.status == "FAILED"


def mask(text: str) -> str:
    """`text` without the passwords and tokens that addresses in it may carry.

    >>> mask("https://me:hunter2@example.org/x?token=abc&n=1")
    'https://***@example.org/x?token=***&n=1'
    """
    # a password may hold @ and /: from its colon on, all up to the last @ is hidden
    text = re.sub(r"(?<=://)(?:[^/\s:@]*:\S*|[^/\s]*)@", "***@", text)
    return re.sub(rf"([?&][^=&\s]*{SECRET.pattern}[^=&\s]*=)[^&\s]*", r"\1***", text, flags=re.IGNORECASE)


def title(path: str) -> str:
    """What a run is called, the variant first: columns are narrow.

    >>> title("claw/n-2000/vae/seed-3"), title("digits/n-all/ph-vae-3")
    ('vae · claw · n 2000 · seed 3', 'ph-vae-3 · digits')
    """
    dataset, size, variant, *seed = path.split("/")
    sizes = [] if size == "n-all" else [size.replace("-", " ")]
    return " · ".join([variant, dataset, *sizes, *(word.replace("-", " ") for word in seed)])


def modified(path: Path) -> int:
    """When a file was written last, in ms since 1970."""
    return path.stat().st_mtime_ns // 1_000_000
