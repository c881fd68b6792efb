"""`phvae audit`: measure, judge, write numbers, page and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from phvae.audit.judge import judge
from phvae.audit.measure import measure, portions, summary
from phvae.audit.page import render
from phvae.audit.pictures import write_pictures
from phvae.errors import ConfigError
from phvae.files import write_text
from phvae.metrics.audited import FAILS, FILE, Verdict
from phvae.words import plural

__all__ = ["as_csv", "audit"]

KEPT = Path(".cache/audit")


def audit(folder: Path, cores: int, *, accept: bool) -> str:
    """Measure what is not measured yet and write audit.csv, audit.md and pictures into a folder; returns what to say.

    Args:
        folder: where to.
        cores: processes.
        accept: write the verdicts, too, to where docs/metrics.md and the claims read them.

    Raises:
        ConfigError: fewer than one process.
    """
    if cores < 1:
        raise ConfigError(f"--cores: found {cores}, expected a whole number from 1 on")
    numbers = summary(measure(KEPT, portions(), cores))
    write_text(folder / "audit.csv", numbers.to_csv(index=False, float_format="%.6g"))
    numbers = pd.read_csv(folder / "audit.csv")
    verdicts = judge(numbers)
    write_text(folder / "audit.md", render(numbers, verdicts))
    write_pictures(folder, numbers, verdicts)
    if accept:
        write_text(FILE, as_csv(verdicts))
    failed = sum(one.required and one.verdict == FAILS for one in verdicts)
    said = f"{folder / 'audit.md'}: {plural(len(verdicts), 'verdict')}, {failed} of required checks fail"
    return f"{said}\n{FILE}: written; `make docs` renews docs/metrics.md" if accept else said


def as_csv(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as `phvae.metrics.audited` reads them."""
    return pd.DataFrame(verdicts, columns=Verdict._fields).to_csv(index=False)
