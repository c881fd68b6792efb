"""What a maintainer would ask first: versions, device, determinism, data, weights, disk, profile."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from phvae.errors import PhvaeError
from phvae.experiment import provenance

__all__ = ["doctor"]

GOOD, NOTE, BAD = "ok", "note", "FAIL"
OF_CONFIG = ("data", "weights", "disk")  # checks that read the configuration too
Answer = tuple[str, str]


def doctor(config: str) -> int:
    """Print the findings; returns 1 if the main job could not run here, else 0."""
    checks: dict[str, Callable[[], Answer]] = {
        "python": _python,
        "packages": _packages,
        "snakemake": _snakemake,
        "repository": _repository,
        "config": lambda: _config(config),
        "data": lambda: _data(config),
        "weights": lambda: _weights(config),
        "disk": lambda: _disk(config),
        "profile": _profile,
        "device": _device,
        "determinism": _determinism,
        "company": _company,
    }
    failed: set[str] = set()
    for name, check in checks.items():
        unread = name in OF_CONFIG and "config" in failed
        state, text = (NOTE, "not looked at, for want of a configuration") if unread else _answer(check)
        if state == BAD:
            failed.add(name)
        print(f"{state:5}{name:13}{text}", flush=True)
    print("the main job cannot run here: put right what says FAIL" if failed else "ready: snakemake --cores 2")
    return int(bool(failed))


def _answer(check: Callable[[], Answer]) -> Answer:
    try:
        return check()
    except PhvaeError as error:
        return BAD, str(error)
    except Exception as error:  # a check that breaks is a finding, not a crash
        return BAD, f"{type(error).__name__}: {error}"


def _python() -> Answer:
    text = sys.version.split()[0]
    return (GOOD, text) if sys.version_info >= (3, 11) else (BAD, f"{text}; phvae needs 3.11 or newer")


def _packages() -> Answer:
    found = provenance.versions()
    absent = [name for name, version in found.items() if version == "absent"]
    text = ", ".join(f"{name} {version}" for name, version in found.items() if name != "python")
    return (BAD, f"absent: {', '.join(absent)}; run `make install`") if absent else (GOOD, text)


def _snakemake() -> Answer:
    path = shutil.which("snakemake")
    return (GOOD, path) if path else (BAD, "not on the PATH; activate the environment: source .venv/bin/activate")


def _repository() -> Answer:
    head, dirty = provenance.commit()
    if head is None:
        return NOTE, "not a git checkout: runs are recorded without a commit"
    return (NOTE, f"{head[:12]} with uncommitted changes (recorded with every run)") if dirty else (GOOD, head[:12])


def _config(config: str) -> Answer:
    from phvae.experiment.grid import load_grid

    grid = load_grid(config)
    grid.check_writable()
    return GOOD, f"{config}: {grid.size}"


def _data(config: str) -> Answer:
    from phvae.data.files.places import find, find_unpacked, own, search_path
    from phvae.data.registry import kind_class
    from phvae.experiment.grid import load_grid

    grid = load_grid(config)
    roots = search_path([Path(folder) for folder in grid.config.data_path])
    absent, lost = [], []
    for name in grid.config.datasets:
        options = grid.dataset_cells(name)[0].data
        kind = kind_class(options["kind"])
        absent += [
            f"{name}: {file.name}" for file in kind.files if not (find(file, roots) or find_unpacked(file, roots))
        ]
        lost += [f"{name}: {options[key]}" for key in kind.places if own(options[key], roots) is None]
    if lost:
        return BAD, f"absent: {', '.join(lost)}; looked in {', '.join(map(str, [Path.cwd(), *roots]))}"
    if not absent:
        return GOOD, "every data set of the configuration is here"
    text = f"absent: {', '.join(absent)}; phvae data fetch --config {config}"
    return (NOTE if grid.config.download else BAD), text


def _weights(config: str) -> Answer:
    from phvae.experiment.grid import load_grid
    from phvae.metrics.weights import inception_weights

    grid = load_grid(config)
    wanted = [cell.evaluation for cell in grid.cells if "inception" in cell.evaluation.extractors]
    if not wanted:
        return GOOD, "the configuration asks for no FID"
    path, reason = inception_weights(wanted[0], grid.config.data_path)
    return (GOOD, str(path)) if path else (NOTE, f"FID will be empty: {reason}")


def _disk(config: str) -> Answer:
    from phvae.experiment.grid import load_grid

    folder = load_grid(config).paths.root
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    return (GOOD if free > 2 else BAD), f"{free:.1f} GB free at {folder.resolve()}"


def _profile() -> Answer:
    found = Path("slurm/config.yaml").is_file()
    slurm = "sbatch found" if shutil.which("sbatch") else "no sbatch on this machine"
    text = "--profile slurm resolves to ./slurm" if found else "./slurm/config.yaml is absent: run from the checkout"
    return (GOOD if found else NOTE), f"{text}; {slurm}"


def _device() -> Answer:
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return GOOD, f"cuda: {names}; CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', 'unset')}"
    return GOOD, f"cpu, {os.cpu_count()} cores; no CUDA device"


def _determinism() -> Answer:
    """Train 20 steps twice and compare the bytes of the weights."""
    import numpy as np

    from phvae import PHVAE
    from phvae.determinism.device import resolve
    from phvae.determinism.seeding import numpy_generator

    device = resolve("auto")
    x = numpy_generator(0, "doctor").random((256, 1, 8, 8), dtype=np.float32)
    weights = []
    for _ in range(2):
        model = PHVAE((1, 8, 8), order=3, seed=0)
        model.fit(x, epochs=1, steps=20, batch_size=32, seed=0, device=device)
        weights.append([p.detach().cpu().numpy().tobytes() for p in model.parameters()])
    same = weights[0] == weights[1]
    text = f"20 training steps, twice, on {device}: the bytes {'agree' if same else 'differ'}"
    return (GOOD if same else BAD), text


def _company() -> Answer:
    """Train seeds together and alone, on the smallest inputs, where products of a batch differ most easily."""
    from phvae.determinism.device import resolve
    from phvae.training.company import differences

    device = resolve("auto")
    width = 4 if device == "cuda" else 0  # there stacks have a fixed width
    options = {"order": 2, "latent_size": 2, "network": {"name": "dense", "hidden": [32]}}
    found = [
        sum(differences((size,), options, [[0, 1, 2], [2, 0], [1]], batches=[32, 8], device=device, width=width))
        for size in (1, 2)
    ]
    if not any(found):
        return GOOD, f"seeds trained together and alone, on {device}: the bits agree"
    return NOTE, (
        f"seeds trained together and alone, on {device}: {sum(found)} tensors differ; here a seed's numbers depend on "
        "training.seeds_per_job: keep it as it is"
    )
