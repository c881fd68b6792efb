"""A copy of the checkout, as a new user would have it, and Snakemake run inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "pyproject.toml", "workflow", "phvae", "config", "envs", "slurm", "snakemake_logger_plugin_phvae")


def copy(folder: Path) -> Path:
    """Copy what a run needs into `folder`; compiled files too (they hold the source's time), or each copy compiles."""
    folder.mkdir(parents=True)
    for name in PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.egg-info"), symlinks=True)
        elif source.exists():
            shutil.copy2(source, folder / name)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The package of the copy comes first, caches stay inside it, the home folder and fetched data are out of reach."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {name: value for name, value in os.environ.items() if name != "PHVAE_DATA_PATH"} | {
        "PYTHONPATH": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "MPLCONFIGDIR": str(folder / ".cache/matplotlib"),
        "OMP_NUM_THREADS": "1",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def call(folder: Path, *command: str, timeout: int = 400, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy; its output is kept, and shown when it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def snakemake(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in the copy."""
    return call(folder, "snakemake", "--cores", "2", *arguments, **options)  # type: ignore[arg-type]


STAGES = """
import sys
from phvae.experiment.grid import load_grid
from phvae.experiment.questions import Questions
from phvae.jobs import stages
grid = load_grid(sys.argv[1])
for stage, where in Questions(grid).jobs():
    getattr(stages, stage)(grid, *where)
    if stage == sys.argv[2]:
        break
"""


def run_stages(folder: Path, config: str, until: str) -> None:
    """The workflow's jobs up to a stage, in one process of the copy: each start costs seconds of imports."""
    call(folder, sys.executable, "-c", STAGES, config, until)


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    """Jobs by rule that a dry run announces, without `all`."""
    return announced(snakemake(folder, "-n", "--quiet", "rules", *arguments).stdout)


def announced(output: str) -> dict[str, int]:
    """Jobs by rule in the table of a dry run, without `all`."""
    jobs: dict[str, int] = {}
    table = False
    for line in output.splitlines():
        words = line.split()
        if words[:2] == ["job", "count"]:
            table = True
        elif table and len(words) == 2 and words[1].isdigit():
            jobs.setdefault(words[0], int(words[1]))
        elif table and jobs and not words:
            table = False
    return {rule: count for rule, count in jobs.items() if rule not in ("all", "total")}
