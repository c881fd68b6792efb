"""A small grid from prepare to collect, without Snakemake: seconds of each stage. `python -m benchmarks.cell CONFIG`.

For a whole cell of config/paper.yaml on a GPU: `python -m benchmarks.cell benchmarks/cell.yaml`. Jobs run one after
the other; those of evaluate may use all cores (`--threads`). Rows go to --output, as those of `benchmarks.gpu`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from phvae.experiment.grid import load_grid
from phvae.experiment.questions import Questions
from phvae.experiment.stages import STAGES, command

from .gpu import ROOT, Table


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "cell.csv")
    arguments = parser.parse_args()
    grid = load_grid(arguments.config)
    jobs = list(Questions(grid).jobs())
    table, total = Table(arguments.output), 0.0
    seeds = sum(len(cell.seeds) for cell in grid.cells)
    for stage in list(STAGES)[: list(STAGES).index("collect") + 1]:
        places = [where for name, where in jobs if name == stage]
        started = time.perf_counter()
        for where in places:
            words = [sys.executable, "-m", *shlex.split(command(arguments.config, stage, *where))]
            words += ["--threads", str(arguments.threads)] if stage == "evaluate" else []
            subprocess.run(words, check=True, cwd=ROOT)
        seconds = time.perf_counter() - started
        total += seconds
        table.add(grid.config.name, seeds, f"{stage}, jobs: {len(places)}", "s", [seconds])
    table.add(grid.config.name, seeds, "all stages", "s", [total])


if __name__ == "__main__":
    main()
