"""The stages of the workflow, in one table: what each works on, reads and writes, and the code behind its numbers.

The command line, the keys, the parameters of Snakemake's rules and the pages of the documentation derive from it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Literal

from phvae.own.named import spelt

__all__ = ["CLAIMS", "PLACE", "PUBLISHED", "ROOMS", "STAGES", "Stage", "command", "flag"]

# Where numbers are made; a name without an ending is a folder.
ROOMS = (
    "determinism",
    "data/prepared.py",
    "data/columns.py",
    "data/distributions",
    "model",
    "training",
    "encoding",
    "metrics",
    "analysis",
    "tracking",
)

# What names a job of a stage, by what the stage works on: also the options of its command.
PLACE = {
    "data set": ("dataset",),
    "lot": ("dataset", "n_train", "lot"),
    "batch": ("dataset", "n_train", "batch"),
    "grid": (),
}

CLAIMS, PUBLISHED = "config/claims.yaml", "config/published.csv"


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: its rule and its command.
        unit: what one job works on.
        summary: what it does, in words.
        reads: what it takes, in words.
        writes: what it leaves, below results/NAME/.
        after: the stages whose work it reads.
        code: the modules whose code, with all that they import, decides its numbers; parts of models, kinds of data
            and scorers are added by name.
        rooms: where that code lies.
        files: other files that decide what it writes, as patterns below the package.
    """

    name: str
    unit: Literal["data set", "lot", "batch", "grid"]
    summary: str
    reads: str
    writes: str
    after: tuple[str, ...]
    code: tuple[str, ...]
    rooms: tuple[str, ...] = ROOMS
    files: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether it runs where Snakemake runs, not as a job of a cluster."""
        return self.unit == "grid"


_ALL = (
    Stage(
        "prepare",
        "data set",
        "prepare a data set in the shared cache",
        "published files, the user's own, or a formula",
        "data/{dataset}.json; arrays in results/data/",
        (),
        ("phvae.data.store",),
        rooms=("data", "determinism"),
    ),
    Stage(
        "reference",
        "data set",
        "compute what all runs on a data set share",
        "prepared data",
        "reference/{dataset}/: classifier, features, ceilings, floors",
        ("prepare",),
        (),
    ),
    Stage(
        "train",
        "lot",
        "train a lot: stacks of seeds, about a minute of work",
        "prepared data",
        "runs/.../seed-{seed}/: model, history.csv, run.json",
        ("prepare",),
        ("phvae.model.model", "phvae.training.build", "phvae.determinism.device", "phvae.data.prepared"),
    ),
    Stage(
        "encode",
        "batch",
        "encode, reconstruct and sample with a batch of trained cells",
        "trained models, prepared data",
        "codes.npz, arrays.npz, samples.npz, pictures/, encode.json of each run",
        ("train",),
        ("phvae.model.model", "phvae.encoding.encoder", "phvae.determinism.device", "phvae.data.prepared"),
    ),
    Stage(
        "evaluate",
        "batch",
        "score a batch of encoded cells",
        "those arrays, the reference",
        "metrics.json of each run, groups.json of each cell",
        ("encode", "reference"),
        (),
    ),
    Stage(
        "collect",
        "grid",
        "gather all runs into one long table",
        "records, histories and scores of all runs",
        "metrics.parquet, metrics.csv, costs.parquet, runs.parquet",
        ("evaluate",),
        ("phvae.analysis.results.collect",),
    ),
    Stage(
        "tables",
        "grid",
        "statistics, claims and tables from the long table",
        "the long table, the ledger of claims, published numbers",
        "tables/",
        ("collect",),
        ("phvae.analysis.tables.write",),
    ),
    Stage(
        "figures",
        "grid",
        "figures from the long table, claims and stored arrays",
        "the long table, the ledger of claims, stored arrays",
        "figures/",
        ("collect",),
        ("phvae.analysis.figures.write",),
    ),
    Stage(
        "report",
        "grid",
        "one offline page with claims, tables and figures",
        "tables/, figures/",
        "report.html",
        ("tables", "figures"),
        ("phvae.analysis.report.write",),
        files=("analysis/report/templates/*",),
    ),
    Stage(
        "track",
        "grid",
        "bring MLflow up to date with the results",
        "the results folder",
        "tracking.json; an MLflow view that can be rebuilt",
        ("report",),
        ("phvae.tracking.sync",),
    ),
)
STAGES: dict[str, Stage] = {stage.name: stage for stage in _ALL}


def command(config: str, stage: str, *where: Any) -> str:
    """The command of a job, to be copied into a shell."""
    names = PLACE[STAGES[stage].unit]
    options = [word for name, value in zip(names, where, strict=True) for word in (flag(name), str(value))]
    own = [word for file in spelt() for word in ("--parts", file)]
    return shlex.join(["phvae", stage, "--config", config, *options, *own])


def flag(name: str) -> str:
    """The option that a command takes for a name of `PLACE`."""
    return "--" + name.replace("_", "-")
