"""Whether claims were fixed before the runs: those that the runs were trained under, held against those of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phvae.analysis.claims.reading import read_claims
from phvae.analysis.claims.schema import Claims
from phvae.errors import ConfigError
from phvae.experiment.paths import Paths
from phvae.files import sha256

__all__ = ["Registered", "registered"]

ADDED, WITHDRAWN = "added", "withdrawn"
ELSEWHERE = " (the file was edited, but nothing that it says of their data sets)"


@dataclass(frozen=True)
class Registered:
    """What changed in the claims since the runs were trained.

    Attributes:
        state: the whole file in words.
        marks: (claim, data set) -> what was done to the claim after runs on that data set; absent where nothing was.
    """

    state: str
    marks: dict[tuple[str, str], str]


def registered(runs: pd.DataFrame, claims: Claims, digest: str, root: Path) -> Registered:
    """Hold the claims of today against those that each run was trained under.

    A run is asked only for the claims on its own data set: a data set that is added to the file before its runs, or
    taken on by a claim, changes nothing for the runs of others. Where the earlier file is not kept among the results
    (by versions before 2027), any change of it counts as an edit.

    Args:
        runs: the runs, with dataset and claims_sha256.
        claims: the claims of today.
        digest: the hash of their file.
        root: the results folder, which keeps earlier files by their hashes.
    """
    recorded = runs[runs["claims_sha256"].fillna("") != ""]
    if not len(recorded):
        return Registered("not recorded by the runs", {})
    others = set(recorded["claims_sha256"]) - {digest}
    earlier = {other: kept for other in sorted(others) if (kept := _kept(Paths(root).claims(other), other))}
    lost = recorded["claims_sha256"].isin(others - set(earlier))
    parts = []
    if lost.any():
        names = ", ".join(sorted({str(one)[:12] for one in recorded.loc[lost, "claims_sha256"]}))
        parts.append(f"EDITED: {lost.sum()} of {len(recorded)} runs were made under other claims (sha256 {names})")
    changes = _changes(recorded, claims, earlier)
    if changes:
        told = [f"{name} on {dataset} ({what})" for (name, dataset), what in changes.items()]
        parts.append(f"CHANGED: {', '.join(told)}")
    elif not parts:
        parts.append("unchanged since before the runs" + (ELSEWHERE if earlier else ""))
    if len(recorded) < len(runs):
        parts.append(f"{len(runs) - len(recorded)} of {len(runs)} runs did not record it")
    return Registered("; ".join(parts), changes)


def _kept(path: Path, digest: str) -> Claims | None:
    """The claims of an earlier file; None where it is not kept, not as it was, or not readable any more."""
    try:
        return read_claims(path)[0] if path.is_file() and sha256(path) == digest else None
    except ConfigError:
        return None


def _changes(runs: pd.DataFrame, claims: Claims, earlier: Mapping[str, Claims]) -> dict[tuple[str, str], str]:
    """(claim, data set) -> what was done to it, and after how many of the runs on that data set."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    counted = runs.groupby(["dataset", "claims_sha256"], sort=False).size().reset_index(name="count")
    for dataset, digest, count in counted.astype({"count": object}).itertuples(index=False):
        if digest in earlier:
            before, now = _on(earlier[digest], dataset), _on(claims, dataset)
            for name in {**before, **now}:
                if before.get(name) != now.get(name):
                    counts = found.setdefault((name, dataset), {})
                    what = _difference(before.get(name), now.get(name))
                    counts[what] = counts.get(what, 0) + int(count)
    of = runs["dataset"].value_counts()
    return {
        (name, dataset): ", ".join(f"{what} after {_share(count, of[dataset])}" for what, count in counts.items())
        for (name, dataset), counts in found.items()
    }


def _on(claims: Claims, dataset: str) -> dict[str, dict[str, object]]:
    """What is claimed on a data set: all of it but the figure that shows it, and the other data sets."""
    return {
        name: {"level": claims.level} | claim.model_dump(exclude={"datasets", "figure"})
        for name, claim in claims.claims.items()
        if dataset in claim.datasets
    }


def _difference(before: dict[str, object] | None, now: dict[str, object] | None) -> str:
    if before is None or now is None:
        return ADDED if before is None else WITHDRAWN
    return f"edited ({', '.join(key for key in now if now[key] != before[key])})"


def _share(count: int, runs: int) -> str:
    return "the runs" if count == runs else f"{count} of {runs} runs"
