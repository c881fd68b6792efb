"""How the workflow grows: 10^2 to 10^4 runs through a dry run and the collect step, in seconds and memory.

`python -m benchmarks.growth` (about three minutes on one core) writes growth.csv and growth.png beside this file.
The aims at 10^4 runs: dry run 60 s, collect 60 s and 2 GB. Times are CPU seconds of the process: what the step takes
where nothing else runs.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import yaml

from benchmarks.analysis import METRICS
from benchmarks.common import machine, record
from phvae.experiment.grid import Grid, load_grid
from phvae.files import atomic, write_text
from phvae.metrics.rows import row
from phvae.records import write_record

HERE = Path(__file__).resolve().parent
SEEDS = 10
# (training sizes, variants): 10^2, 10^3 and 10^4 runs, and a step between each
SIZES = ((1, 10), (3, 10), (10, 10), (10, 30), (10, 100))
AIMS = {"dry run": (60.0, math.inf), "collect": (60.0, 2000.0)}


def write_config(folder: Path, sizes: int, variants: int) -> Path:
    """A grid of sizes x variants cells of ten seeds."""
    content = {
        "name": "growth",
        "results": str(folder / "results"),
        "seeds": SEEDS,
        "device": "cpu",
        "datasets": {"claw": {"n_train": [100 * (i + 1) for i in range(sizes)]}},
        "variants": {"vae": {"model": {"divergence": "kl"}}}
        | {f"beta-{i}": {"model": {"divergence": {"name": "kl", "beta": 0.01 * i}}} for i in range(1, variants)},
    }
    path = folder / "growth.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def write_runs(grid: Grid) -> None:
    """run.json and metrics.json of every run, as the stages before collect leave them."""
    generator = np.random.default_rng(0)
    for cell, seed in grid.runs():
        folder = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)
        folder.mkdir(parents=True)
        run = {
            "run_key": "0" * 64, "label": cell.label, "status": "ok", "config": cell.resolved(), "seconds_train": 1.0,
            "parameters": {"total": 3, "encoder": 2, "decoder": 1}, "commit": "0" * 40, "dirty": False,
            "versions": {"numpy": "2"}, "device": "cpu", "threads": 1, "platform": "x", "images_per_second": 1.0,
        }  # fmt: skip
        values = generator.lognormal(size=len(METRICS))
        rows = [asdict(row(name, float(v), n=1000)) for name, v in zip(METRICS, values, strict=True)]
        write_record(folder / "run.json", run)
        (folder / "metrics.json").write_text(json.dumps({"scores": {"synthetic": {"rows": rows}}}))


def measure(*command: str) -> tuple[float, float]:
    """CPU seconds and peak memory (MB) of a command.

    Raises:
        RuntimeError: it failed; holds its output.
    """
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=HERE.parent, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{command}\n{output.read()[-3000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def run() -> list[dict[str, float]]:
    """Measure every size."""
    found = []
    python = Path(sys.executable).parent
    for sizes, variants in SIZES:
        with tempfile.TemporaryDirectory() as name:
            config = write_config(Path(name), sizes, variants)
            grid = load_grid(config)
            dry = measure(
                str(python / "snakemake"), "-n", "--quiet", "all", "--cores", "1", "--configfile", str(config)
            )
            write_runs(grid)
            collect = measure(str(python / "phvae"), "collect", "--config", str(config))
        found.append(
            {
                "runs": len(grid.runs()),
                "jobs": len(grid.lots()) + 3 * len(grid.batches()) + 7,
                "dry_run_s": round(dry[0], 2),
                "dry_run_mb": round(dry[1]),
                "collect_s": round(collect[0], 2),
                "collect_mb": round(collect[1]),
            }
        )
        print(found[-1], flush=True)
    return found


def draw(found: list[dict[str, float]]) -> None:
    """Seconds and memory by runs, on logarithmic scales, with the aims."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    runs = [entry["runs"] for entry in found]
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for axis, unit, text, aim in ((axes[0], "s", "CPU seconds", 60), (axes[1], "mb", "peak memory, MB", 2000)):
        for step, marker in (("dry_run", "o"), ("collect", "s")):
            axis.loglog(runs, [entry[f"{step}_{unit}"] for entry in found], marker=marker, label=step.replace("_", " "))
        axis.plot([runs[-1]], [aim], marker="v", color="black", linestyle="none", label="aim at $10^4$ runs")
        axis.set_xlabel("runs in the grid")
        axis.set_ylabel(text)
        axis.grid(alpha=0.3)
    axes[0].legend()
    with atomic(HERE / "growth.png") as path:
        figure.savefig(path, dpi=130, metadata={"Software": None})


def main() -> None:
    """Measure, write, draw, record."""
    found = run()
    out = io.StringIO()
    writer = csv.DictWriter(out, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    write_text(HERE / "growth.csv", out.getvalue())
    draw(found)
    for step, (seconds, megabytes) in AIMS.items():
        last = found[-1]
        key = step.replace(" ", "_")
        record(f"growth: {step} of 10,000 runs", "CPU s", last[f"{key}_s"], "aim", seconds)
        aim = None if math.isinf(megabytes) else megabytes
        record(f"growth: {step} of 10,000 runs, memory", "MB", last[f"{key}_mb"], "aim" if aim else None, aim)
        # the exponent of the power law through the last two decades: 1 is linear
        first = found[-3]
        slope = math.log10(last[f"{key}_s"] / first[f"{key}_s"])
        record(f"growth: {step}, exponent from 1,000 to 10,000 runs", "1", slope)
    print(f"{HERE / 'growth.csv'} and growth.png, on {machine()}")


if __name__ == "__main__":
    main()
