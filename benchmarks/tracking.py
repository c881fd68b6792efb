"""How the views of results grow: figures of 5,000 runs of 40 metrics, and their sync to MLflow's sqlite.

`python -m benchmarks.tracking`, about four minutes on one core: all figures, but the sync of 500 runs only, once into
an empty database and once beside the first 500, so that growth would show. `--all` syncs all 5,000 (aim: 2 minutes).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.analysis import METRICS, write_runs
from benchmarks.common import record
from phvae.files import sha256
from phvae.records import read_record, write_record

EPOCHS = 60
CURVES = ("loss", "reconstruction", "divergence", "kl", "kl_level_1")

STAGE = """
import resource, sys, time
from pathlib import Path
stage, root = sys.argv[1], Path(sys.argv[2])
start = time.perf_counter()
if stage == "collect":
    from phvae.analysis.results.collect import collect
    collect(root)
elif stage == "figures":
    from phvae.analysis.figures.write import write_figures
    write_figures(root)
else:
    from phvae.tracking.sync import sync
    sync(root)
wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def measured(stage: str, root: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MB of a stage in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-c", STAGE, stage, str(root)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    wall, processor, memory = map(float, answer.stdout.splitlines()[-1].split())
    return wall, processor, memory


def add_files(folder: Path, generator: np.random.Generator) -> None:
    """What a run keeps beside its numbers: a history, a model, two pictures."""
    names = [f"{split}_{name}" for split in ("train", "validation") for name in CURVES]
    rows = np.column_stack([np.arange(1, EPOCHS + 1), np.arange(EPOCHS), generator.random((EPOCHS, len(names)))])
    header = ",".join(["epoch", "step", *names])
    np.savetxt(folder / "history.csv", rows, delimiter=",", fmt="%.6g", header=header, comments="")
    (folder / "model.safetensors").write_bytes(generator.bytes(300_000))
    (folder / "model.json").write_text('{"dtype": "float32", "shape": [1, 8, 8]}')
    files = {name: sha256(folder / name) for name in ("history.csv", "model.safetensors", "model.json")}
    write_record(folder / "run.json", read_record(folder / "run.json", "", run_key=str) | {"files": files})
    (folder / "pictures").mkdir()
    for name in ("samples", "reconstructions"):
        (folder / "pictures" / f"{name}.png").write_bytes(generator.bytes(15_000))


def moved(source: Path, target: Path, count: int) -> int:
    """Move the first `count` runs, whole cells, of one results folder into another."""
    folders = sorted(path.parent for path in source.glob("runs/*/*/*/seed-*/run.json"))[:count]
    generator = np.random.default_rng(0)
    for folder in folders:
        place = target / folder.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(place)
        add_files(place, generator)
    return len(folders)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        whole, part = Path(name) / "all" / "grid", Path(name) / "part" / "grid"
        runs = write_runs(whole)
        if "--all" in sys.argv:
            moved(whole, part, runs)
            wall, processor, memory = measured("sync", part)
            record(f"sync: all {runs:,} runs of {len(METRICS)} metrics (aim 120)", "s", wall)
            print(f"sync of {runs:,} runs: {wall:.0f} s, {processor:.0f} CPU s, {memory:.0f} MB")
            return
        measured("collect", whole)
        wall, processor, memory = measured("figures", whole)
        case = f"figures: {runs:,} runs of {len(METRICS)} metrics"
        print(f"{case}: {wall:.0f} s, {processor:.0f} CPU s, {memory:.0f} MB")
        record(f"{case} (aim 60)", "s", wall)
        record(f"{case}, CPU", "s", processor)
        record(f"{case}, peak memory (aim 2000)", "MB", memory)
        for which in ("into an empty database", "beside 500 others"):
            count = moved(whole, part, 500)
            wall, processor, memory = measured("sync", part)
            case = f"sync: {count} runs of {len(METRICS)} metrics {which}"
            scaled = wall * runs / count / 60
            print(
                f"{case}: {wall:.0f} s, {processor:.0f} CPU s, {memory:.0f} MB; {runs:,} at that pace: {scaled:.0f} min"
            )
            record(case, "s", wall)
            record(f"{case}, CPU", "s", processor)
        wall, _, _ = measured("sync", part)
        record("sync: nothing new among 1,000 runs", "s", wall)
        print(f"sync again: {wall:.0f} s")


if __name__ == "__main__":
    main()
