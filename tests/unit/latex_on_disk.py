"""LaTeX set by pdflatex, and what its log says of the pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

__all__ = ["CLASSES", "set_pages", "widest_overfull"]

CLASSES = {"one column": "", "two columns": "twocolumn"}


def set_pages(folder: Path, body: str, options: str) -> str:
    """Set a document of the class article; its log."""
    start = f"\\documentclass[{options}]{{article}}\\usepackage{{array,booktabs}}\\begin{{document}}\n"
    (folder / "t.tex").write_text(f"{start}{body}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = (folder / "t.log").read_text(encoding="latin-1")
    assert answer.returncode == 0, log[-2000:]
    assert "Float too large" not in log
    return log


def widest_overfull(log: str) -> float:
    """By how many points the widest line leaves its place."""
    return max(map(float, re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)), default=0.0)
