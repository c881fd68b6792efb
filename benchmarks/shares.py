"""Where the time of a finished grid went, stage by stage: `python -m benchmarks.shares results/quick`, a second.

From what Snakemake noted of each job (`.snakemake/metadata`) and what each run says it took (costs.parquet). For a grid
that was run in one go, on one machine, with nothing beside it. What `phvae plan` expected stands beside it. `--keep`
adds the run to grids.csv beside this file, and the median of the grid's runs on this machine to results.csv.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.common import RESULTS, machine, record
from phvae.analysis.results.long_table import read_costs
from phvae.experiment.grid import load_grid
from phvae.experiment.stages import STAGES
from phvae.planning.plan import jobs as planned_jobs

KEPT = RESULTS.with_name("grids.csv")
COMPUTE = {"train": "seconds_train", "encode": "seconds_encode", "evaluate": "seconds_evaluate"}


@dataclass(frozen=True)
class Job:
    """One job: its stage, and when it ran, in seconds since 1970."""

    stage: str
    start: float
    end: float


def jobs(metadata: Path, root: Path) -> list[Job]:
    """The jobs whose outputs lie below `root`, each once, though each of its outputs has a note."""
    found = {}
    for note in metadata.iterdir():
        record = json.loads(note.read_text())
        if any(name.startswith(f"{root.as_posix()}/") for name in record["log"]):
            found[record["log"][0]] = Job(record["rule"], record["starttime"], record["endtime"])
    return list(found.values())


def shares(done: list[Job], root: Path, cores: int) -> tuple[pd.DataFrame, float, float]:
    """A line a stage, the wall seconds, and the core-seconds of training, encoding and metrics themselves."""
    costs = read_costs(root)
    compute = {stage: float(costs[column].sum()) for stage, column in COMPUTE.items()}
    planned = pd.Series(0.0, index=list(STAGES))
    for job in planned_jobs(load_grid(root / "config.json")):
        planned[job.stage] += job.seconds * job.threads
    rows = []
    for stage in STAGES:
        own = [job for job in done if job.stage == stage]
        width = cores if stage == "figures" else 1
        rows.append(
            (stage, len(own), sum(job.end - job.start for job in own) * width, compute.get(stage), planned[stage])
        )
    wall = max(job.end for job in done) - min(job.start for job in done)
    frame = pd.DataFrame(rows, columns=["stage", "jobs", "core seconds", "compute", "planned"]).set_index("stage")
    frame.loc["all"] = frame.sum()
    frame.loc["no job"] = [0, cores * wall - frame.loc["all", "core seconds"], None, None]
    return frame, wall, sum(compute.values())


def keep(name: str, models: int, frame: pd.DataFrame, wall: float, compute: float, cores: int) -> None:
    """Add a run to grids.csv, and the median of those of this grid, size and machine to results.csv."""
    counted = frame.loc[list(STAGES)].query("planned > 0")
    row = {
        "grid": name, "models": models, "wall": round(wall), "compute": round(compute), "cores": cores,
        "planned": round(counted["planned"].sum()), "taken": round(counted["core seconds"].sum()),
        "machine": machine(), "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }  # fmt: skip
    before = pd.read_csv(KEPT) if KEPT.is_file() else pd.DataFrame()
    kept = pd.concat([before, pd.DataFrame([row])])
    kept.to_csv(KEPT, index=False)
    same = kept[(kept[["grid", "models", "machine"]] == [name, models, row["machine"]]).all(axis=1)]
    busy = (same["compute"] / same["cores"]).median()
    record(f"grid: {name}, {models} models", "s", same["wall"].median(), "its compute on busy cores", busy, len(same))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", action="store_true", help="add the run to grids.csv and results.csv")
    asked = parser.parse_args()
    frame, wall, compute = shares(jobs(Path(".snakemake/metadata"), asked.results), asked.results, asked.cores)
    print(frame.round(1).to_string())
    ratio = wall * asked.cores / compute
    print(f"wall {wall:.0f} s, compute {compute:.0f} core-seconds: {ratio:.2f} times on {asked.cores} cores")
    if asked.keep:
        grid = load_grid(asked.results / "config.json")
        keep(grid.config.name, len(read_costs(asked.results)), frame, wall, compute, asked.cores)


if __name__ == "__main__":
    main()
