"""Every command that a page shows is started in a copy of the checkout, under the variables that docs/cluster.md sets.

What would take long is started as far as it says what it would do: Snakemake and make by a dry run, the rest as
INSTEAD has it.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest
from checkout import REPOSITORY, call, copy
from test_docs import PAGES, commands

DRY = {"snakemake": ["-n", "--quiet", "rules"], "make": ["-n"]}
INSTEAD = {
    # downloads: no test opens a connection
    "phvae data fetch --config config/paper.yaml": "phvae data fetch --help",
    "phvae data fetch inception": "phvae data fetch --help",
    "phvae data fetch NAME": "phvae data fetch --help",
    "phvae check-fid": "phvae check-fid --help",
    # needs a grid that is done
    "phvae paper --config config/quick.yaml": "phvae paper --help",
    "phvae archive --config config/mine.yaml --to published/mine": "phvae archive --help",
    "phvae redraw published/mine": "phvae redraw --help",
    # of the committed archive, which a test must not write to; test_reference.py draws a copy again
    "phvae collect --config config/reference.yaml": "phvae collect --help",
    "phvae archive --config config/reference.yaml --to results/reference": "phvae archive --help",
    "phvae redraw results/reference": "phvae redraw --help",
    "python docs/picture.py": "python -m py_compile docs/picture.py",
    "python docs/renew.py": "python -m py_compile docs/renew.py",
    # needs a grid that has begun on a cluster; test_status.py runs it
    "phvae status results/paper": "phvae status --help",
    # watches until a grid is done; test_watch.py does
    "phvae track --config config/paper.yaml --watch": "phvae track --help",
    # installs the peers, and takes minutes
    "python benchmarks/training.py --cpu": "python benchmarks/training.py --help",
    # needs a run of a quarter of an hour; test_reference.py checks a smaller one
    "phvae check results/reference-runs --against results/reference": "phvae check --help",
    # needs the outputs that the page's script writes; test_packaging.py runs both
    "phvae score outputs/digits/n-all --data digits --output scores.json": "phvae score --help",
    # needs a trained model; test_score.py exports one
    "phvae export-model results/quick/runs/digits/n-all/vae/seed-0 --output exported-model": (
        "phvae export-model --help"
    ),
    "phvae data export NAME --folder FOLDER": "phvae data export digits --folder exported",
    # starts a Slurm, as root; tests/cluster does
    "python tests/cluster/lab.py snakemake --cores 8 --profile slurm": "python -m py_compile tests/cluster/lab.py",
    # minutes; tests/unit/test_tutorials.py runs each in little
    "python docs/tutorials/render.py digits": "python -m py_compile docs/tutorials/render.py",
    # thousands of jobs; test_paper.py has their dry run
    "snakemake --cores 8 --profile slurm --configfile config/paper.yaml": "snakemake --cores 8 --profile slurm -n",
    # ten minutes of two cores; tests/unit/test_audit.py runs a part
    "phvae audit --output docs --cores 2": "phvae audit --help",
    # files that the reader writes; test_extending.py does
    "phvae parts --parts mine/comb.py --parts mine/wasserstein.py": "phvae parts",
    "phvae parts --parts mine/comb.py": "phvae parts",
    "python -m phvae.experiment.schema_docs FOLDER": "python -m phvae.experiment.schema_docs config",
    # of a grid that has begun; test_status.py runs it
    "phvae status results/mine": "phvae status --help",
    # named in a sentence, without what they need
    "phvae archive": "phvae archive --help",
    "phvae claims init": "phvae claims --help",
    "phvae check": "phvae check --help",
    "phvae compare": "phvae compare --help",
    "phvae prepare": "phvae prepare --config config/smoke.yaml --dataset claw",
    "phvae accept": "phvae accept --config config/smoke.yaml --reason 'a remark'",
    "phvae clean": "phvae clean --config config/smoke.yaml --dry-run",
    "phvae config FILE": "phvae config config/smoke.yaml",
    "phvae data show NAME": "phvae data show claw",
    "phvae plan": "phvae plan config/smoke.yaml",
}
# the changelog is history: what it names in passing is nobody's to type
SHOWN = {shlex.join(words): words for page in PAGES if page.name != "CHANGELOG.md" for words, _ in commands(page)}


def exported() -> str:
    """The line of docs/cluster.md that keeps everything out of the home folder."""
    lines = (REPOSITORY / "docs/cluster.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line.strip() for line in lines if line.startswith("    export ")]
    return line


def started(folder: Path, words: list[str]) -> str:
    """Run a command under that line alone; its output.

    Raises:
        AssertionError: it failed, or wrote to the home folder.
    """
    bare = ("env", "-u", "XDG_CACHE_HOME", "-u", "MPLCONFIGDIR")
    done = call(folder, *bare, "bash", "-c", f'{exported()} && exec "$@"', "bash", *words)
    assert not any((folder / "home").iterdir()), "something was written to the home folder"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with what the pages name beside the workflow."""
    folder = copy(tmp_path_factory.mktemp("pages") / "a checkout")
    for name in ("docs", "benchmarks", "tests"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(REPOSITORY / "Makefile", folder)
    shutil.copy2(folder / "config/smoke.yaml", folder / "config/mine.yaml")
    (folder / "results").mkdir()
    if (REPOSITORY / "results/reference").is_dir():
        (folder / "results/reference").symlink_to(REPOSITORY / "results/reference")
    return folder


# what is typed here for each command that is shown
TYPED = {
    shown: shlex.split(INSTEAD[shown]) if shown in INSTEAD else [*words, *DRY.get(words[0], [])]
    for shown, words in SHOWN.items()
}
OURS = [words[1:] for words in TYPED.values() if words[0] == "phvae"]
MEASUREMENTS = [words[2] for words in TYPED.values() if words[1] == "-m" and words[2].startswith("benchmarks.")]
OTHERS = [shown for shown, words in TYPED.items() if words[0] != "phvae" and not {*words} & {*MEASUREMENTS}]


def test_commands_of_phvae_end_well(checkout: Path):
    """In one process: each start of Python costs seconds of imports."""
    code = f"""
from phvae.cli import main
for words in {OURS!r}:
    try:
        status = main(words)
    except SystemExit as end:  # after --help
        status = end.code
    assert status == 0, words
"""
    started(checkout, ["python", "-c", code])


def test_measurements_load(checkout: Path):
    """They take minutes to hours, so that is all."""
    assert len(MEASUREMENTS) > 10
    started(checkout, ["python", "-c", f"import {', '.join(MEASUREMENTS)}"])


@pytest.mark.parametrize("shown", OTHERS)
def test_starts(checkout: Path, shown: str):
    if shown == "python envs/licences.py" and sys.version_info[:2] != (3, 11):
        pytest.skip("the lock is of Python 3.11")
    started(checkout, TYPED[shown])


def test_no_exception_is_left_over():
    assert set(INSTEAD) <= set(SHOWN)


def test_fetched_files_and_figures_leave_the_home_folder_alone(checkout: Path):
    code = "import matplotlib.pyplot; from phvae.data.files.places import cache_folder; print(cache_folder())"
    assert started(checkout, ["python", "-c", code]).strip() == str(checkout / ".cache/phvae/data")
