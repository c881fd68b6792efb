"""The paper of a grid: its source from tables and figures of today, and a PDF where LaTeX is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from phvae.analysis.paper.source import write_paper
from phvae.errors import PhvaeError
from phvae.experiment.grid import Grid
from phvae.experiment.manifests import needed
from phvae.experiment.questions import Questions
from phvae.files import atomic

__all__ = ["paper", "typeset"]

SECONDS = 300  # that LaTeX may take
_SHOWN = 12  # lines of its log


def paper(grid: Grid) -> str:
    """Write results/NAME/paper/ and, where pdflatex is installed, results/NAME/paper.pdf; say what was written.

    Raises:
        PhvaeError: tables or figures are absent or of another question; or LaTeX fails.
    """
    for stage in ("tables", "figures"):
        needed(Questions(grid), stage)
    source, target = write_paper(grid.paths.root), grid.paths.root / "paper.pdf"
    if shutil.which("pdflatex") is None:
        target.unlink(missing_ok=True)  # of an earlier source
        return f"{source}: written, but no PDF: pdflatex is not installed (Debian: texlive-latex-recommended)"
    typeset(source, target)
    return str(target)


def typeset(source: Path, target: Path) -> None:
    """Set a LaTeX document, twice, for its references; equal sources give equal bytes.

    Raises:
        PhvaeError: LaTeX fails; holds the end of its log.
    """
    fixed = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
        command += [f"-output-directory={folder}", source.name]
        for _ in range(2):
            answer = subprocess.run(
                command, cwd=source.parent, env=fixed, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                check=False,
            )  # fmt: skip
            if answer.returncode:
                end = answer.stdout.decode("utf-8", "replace").splitlines()[-_SHOWN:]
                raise PhvaeError("\n".join([f"{source}: pdflatex failed", *end]))
        with atomic(target) as temporary:
            shutil.copyfile(Path(folder) / source.with_suffix(".pdf").name, temporary)
