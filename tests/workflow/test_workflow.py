"""The workflow itself: dry runs of every shipped configuration, refusals, what the Snakefile may import."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from checkout import announced, call, copy, planned, snakemake

from phvae.cli import main

# cells: data sets x training sizes x variants; one stack of seeds a cell, up to six cells a batch
JOBS = {
    "smoke": {"prepare": 3, "reference": 3, "train": 7, "encode": 3, "evaluate": 3},
    "quick": {"prepare": 5, "reference": 5, "train": 12, "encode": 7, "evaluate": 7},
    "reference": {"prepare": 15, "reference": 15, "train": 641, "encode": 53, "evaluate": 53},
}
ONCE = {"collect": 1, "tables": 1, "figures": 1, "report": 1, "track": 1}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(tmp_path_factory.mktemp("dry") / "a checkout")


def test_quick_is_the_default(checkout: Path):
    assert planned(checkout) == JOBS["quick"] | ONCE
    assert not (checkout / "results").exists(), "a dry run writes nothing"


def test_dry_run_of_the_reference(checkout: Path):
    assert planned(checkout, "--configfile", "config/reference.yaml") == JOBS["reference"] | ONCE


def test_a_configuration_given_replaces_the_default(checkout: Path):
    output = snakemake(checkout, "-n", "--configfile", "config/smoke.yaml").stdout
    assert announced(output) == JOBS["smoke"] | ONCE
    assert "results/smoke/" in output
    assert "results/quick/" not in output
    assert "trimodal" not in output


def test_the_snakefile_where_catalogues_look_is_the_same(checkout: Path):
    other = ("--snakefile", "workflow/Snakefile", "--configfile", "config/smoke.yaml")
    assert planned(checkout, *other) == JOBS["smoke"] | ONCE


def test_what_takes_longest_to_the_end_starts_first(checkout: Path):
    output = snakemake(checkout, "-n").stdout
    said = re.findall(r"^rule (\w+):(?:\n .*)*?\n    priority: (\d+)", output, re.M)
    longest = {rule: max(int(number) for name, number in said if name == rule) for rule, _ in said}
    assert set(longest) == {"prepare", "reference", "train", "encode", "evaluate"}
    assert longest["prepare"] > longest["train"] > longest["encode"] > longest["evaluate"] > 0


def test_as_a_module_it_is_refused_before_any_job(checkout: Path, tmp_path: Path):
    path = tmp_path / "Snakefile"
    path.write_text(f"module theirs:\n    snakefile: {str(checkout / 'Snakefile')!r}\n\n\nuse rule * from theirs\n")
    done = snakemake(checkout, "-n", "--snakefile", str(path), "--configfile", "config/smoke.yaml", check=False)
    assert done.returncode != 0
    assert "found phvae's workflow as a module" in done.stdout + done.stderr


def test_the_workstations_profile_counts_gpus(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """Also where the shell speaks to a cluster in its own words."""
    monkeypatch.setenv("PHVAE_GRES", "gpu:a100:1")
    (checkout / "config/cuda.yaml").write_text((checkout / "config/smoke.yaml").read_text().replace("cpu", "cuda"))
    local = ("snakemake", "--profile", "workflow/profiles/local", "-n", "--configfile", "config/cuda.yaml")
    output = call(checkout, *local).stdout
    assert output.count("gpu=1") >= JOBS["smoke"]["train"] + JOBS["smoke"]["encode"]
    assert "gres=" not in output


BAD = {
    "unknown data set": ("claw: {n_train: [200]}", "clow: {n_train: [200]}", ["datasets.clow", "did you mean 'claw'"]),
    "order 0": ("order: 3}", "order: 0}", ["variants.ph-vae-3.model.order", "found 0"]),
    "indivisible": ("order: 3}", "order: 4}", ["latent_size 6 is not divisible by order 4"]),
    "a key given twice": ("seeds: 2", "seeds: 2\nseeds: 3", ["key 'seeds' given twice"]),
    "a merge": ("name: smoke", "name: smoke\nx: &x {a: 1}\ny: {<<: *x}", ["<< merges keys: write"]),
    "duplicate seeds": ("seeds: 2", "seeds: [1, 1]", ["seeds", "given twice"]),
    "shell characters": ("name: smoke", "name: 'a;b'", ["name", "'a;b'"]),
    "no name": ("name: smoke", "", ["name: missing, and required"]),
    "absent claims": ("seeds: 2", "seeds: 2\nclaims: my.yaml", ["claims: found 'my.yaml', no such file"]),
    "results folder": (
        "seeds: 2",
        "seeds: 2\nresults: /dev/null/results",
        ["results", "/dev/null/results", "expected a folder"],
    ),
}


def bad(case: str, folder: Path) -> str:
    """A configuration with a mistake; its path."""
    old, new, _ = BAD[case]
    text = Path("config/smoke.yaml").read_text()
    assert old in text
    path = folder / "bad.yaml"
    path.write_text(text.replace(old, new, 1))
    return str(path)


def refused(said: str, words: list[str]) -> None:
    """What is said names the file and the mistake."""
    assert "Traceback" not in said
    for word in ["bad.yaml", *words]:
        assert word in said


@pytest.mark.parametrize("case", BAD)
def test_a_bad_configuration_is_refused(tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]):
    assert main(["config", bad(case, tmp_path)]) == 2
    refused(capsys.readouterr().err, BAD[case][2])


# by the grid, by its place, by its claims: what the Snakefile asks, with the same words as `phvae config`
@pytest.mark.parametrize("case", ["a key given twice", "results folder", "absent claims"])
def test_refuses_a_bad_configuration_before_any_job(checkout: Path, tmp_path: Path, case: str):
    done = snakemake(checkout, "--configfile", bad(case, tmp_path), check=False)
    assert done.returncode != 0
    refused(done.stdout + done.stderr, BAD[case][2])
    assert not (checkout / "results").exists()


def test_refuses_a_file_that_is_no_mapping(checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "bad.yaml"
    for text in ("just words\n", "- a list\n"):
        path.write_text(text)
        assert main(["config", str(path)]) == 2
        assert "Traceback" not in capsys.readouterr().err
    done = snakemake(checkout, "--configfile", str(path), check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(("more", "word"), [(("config/quick.yaml",), "quick.yaml"), (("--config", "seeds=3"), "seeds")])
def test_one_file_says_what_is_run(checkout: Path, more: tuple[str, ...], word: str):
    done = snakemake(checkout, "-n", "--configfile", "config/smoke.yaml", *more, check=False)
    assert done.returncode != 0
    assert f"{word}, expected one file, which alone says what is run" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def heavy_modules(folder: Path) -> set[str]:
    """Heavy packages that a dry run in a folder loads."""
    code = (
        "import sys; from snakemake.cli import main\n"
        "try: main(['-n', '--cores', '1', '--quiet', 'all'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('heavy', *({'torch', 'mlflow', 'pandas', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)))\n"
    )
    done = call(folder, sys.executable, "-c", code)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_the_snakefile_loads_no_heavy_package(checkout: Path, tmp_path: Path):
    (tmp_path / "Snakefile").write_text('rule all:\n    shell: "true"\n')
    found = heavy_modules(checkout)
    # what Snakemake loads for the emptiest of workflows is its own affair
    assert found <= heavy_modules(tmp_path)
    assert "torch" not in found
