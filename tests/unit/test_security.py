"""What a stranger's configuration or file may not do: run code, leave its folder, read or show a secret."""

from __future__ import annotations

import ast
import copy
import json
import os
import pickle
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import copy as checkout
from checkout import snakemake
from small_grid import SMALL, changed

from phvae.cli import main
from phvae.errors import ConfigError, DataError
from phvae.experiment import provenance
from phvae.experiment.grid import load_grid, parse_grid
from phvae.files import write_json
from phvae.jobs import checkpoint

HOSTILE_NAMES = [
    "a;touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "a b",
    "a\ntouch pwned",
    "a|b",
    "a&b",
    "a>b",
    "*",
    "~root",
    "../../etc",
    "/etc/passwd",
    "a/b",
    "..",
    ".hidden",
    "-rf",
    "--config",
    "{wildcards.dataset}",
    "{config}",
    "a'b",
    'a"b',
    "a\\b",
    "a\x00b",
    "ａ",
    "",
    "a" * 200,
]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder in which a file called `pwned` would show."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("section", ["name", "datasets", "variants"])
def test_names_are_restricted(section: str, name: str):
    content = copy.deepcopy(SMALL)
    if section == "name":
        content["name"] = name
    elif section == "datasets":
        content["datasets"][name] = {"data": {"kind": "claw"}}
    else:
        content["variants"][name] = {}
    with pytest.raises(ConfigError) as error:
        parse_grid(content, "evil.yaml")
    assert "evil.yaml" in str(error.value)


CODE = {
    "python object": "!!python/object/apply:os.system ['touch pwned']",
    "python name": "!!python/name:os.system",
    "python module": "!!python/module:subprocess",
    "new object": "!!python/object/new:subprocess.Popen [[touch, pwned]]",
    "own tag": "!run touch pwned",
}


@pytest.mark.parametrize("value", CODE.values(), ids=CODE)
def test_yaml_that_asks_for_code_is_refused(nowhere: Path, value: str, capsys: pytest.CaptureFixture[str]):
    path = nowhere / "evil.yaml"
    path.write_text(yaml.safe_dump(SMALL) + f"description: {value}\n")
    assert main(["config", str(path)]) == 2
    assert "not valid YAML" in capsys.readouterr().err
    assert [p.name for p in nowhere.iterdir()] == ["evil.yaml"]


EXPRESSION = "__import__('os').system('touch pwned')"


@pytest.mark.parametrize(
    "path",
    [
        "seeds", "threads", "device", "training.steps", "training.learning_rate", "variants.vae.model.order",
        "variants.vae.model.divergence", "model.latent_size", "model.network",
        "model.likelihood.scale", "evaluation.n_codes", "datasets.claw.n_train",
        "datasets.claw.data.kind", "datasets.claw.data.n_test", "datasets.claw.variants", "baseline",
    ],
)  # fmt: skip
def test_no_value_is_evaluated(nowhere: Path, path: str):
    with pytest.raises(ConfigError):
        parse_grid(changed(path, EXPRESSION), "evil.yaml")
    assert not list(nowhere.iterdir())


def test_templates_of_snakemake_are_refused_before_snakemake_sees_them(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
):
    """Snakemake itself runs the expressions of a configuration that asks for it: so `make run` checks first."""
    path = nowhere / "evil.yaml"
    path.write_text(f"__use_yte__: true\n{yaml.safe_dump(SMALL)}description: ?{EXPRESSION}\n")
    assert main(["config", str(path)]) == 2
    assert "__use_yte__" in capsys.readouterr().err
    assert [p.name for p in nowhere.iterdir()] == ["evil.yaml"]
    repository = Path(__file__).resolve().parents[2]
    recipe = subprocess.run(
        ["make", "-n", "run", f"CONFIG={path}"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    assert recipe.index(f'phvae config "{path}"') < recipe.index("snakemake")


@pytest.mark.parametrize("folder", ["a{dataset}", "a\nb", "a\x00b", "{config}/results"])
def test_results_folders_that_snakemake_would_misread(folder: str):
    with pytest.raises(ConfigError, match="results"):
        parse_grid(changed("results", folder), "evil.yaml")


@pytest.mark.slow
def test_shell_characters_in_paths_reach_no_shell(tmp_path: Path):
    """A job of the real workflow, with a results folder and a configuration file that a shell would act on."""
    folder = checkout(tmp_path / "a $(touch pwned-a) checkout")
    results = tmp_path / "r $(touch pwned-b) `touch pwned-c`; touch pwned-d & 'e\""
    config = folder / "config; touch pwned-e.yaml"
    config.write_text(yaml.safe_dump(changed("results", str(results)) | {"datasets": {"claw": {"n_train": [100]}}}))
    snakemake(folder, "--until", "prepare", "--configfile", str(config))
    assert (results / "small/data/claw.json").is_file()
    assert not [path for path in tmp_path.rglob("pwned*") if "touch" not in path.name]


class Pickled:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_pickles_are_neither_models_nor_checkpoints(nowhere: Path):
    from phvae.api.phvae import PHVAE
    from phvae.api.saving import load

    PHVAE((2,), latent_size=2, seed=0).save("model")
    Path("model/model.safetensors").write_bytes(pickle.dumps(Pickled()))
    with pytest.raises(DataError):
        load("model")
    checkpoint.location(Path("model"), 7).write_bytes(pickle.dumps(Pickled()))
    assert checkpoint.available(Path("model"), "key") == []
    assert not Path("pwned").exists()


def calls() -> list[tuple[str, ast.Call]]:
    found = []
    for path in sorted(Path("phvae").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [(str(path), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return found


@pytest.mark.slow
def test_the_package_calls_nothing_that_runs_text():
    for path, call in calls():
        name = ast.unparse(call.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        # the user's own parts run, from the files that the user names on the command line or in the environment
        if path != "phvae/own/load.py":
            assert name not in ("eval", "exec", "compile", "os.system", "os.popen", "pickle.load"), path
        # CIFAR-10 is published as pickles: only bytes with the published hash are read
        assert name != "pickle.loads" or ast.unparse(call.args[0]) == "_checked(name, content)", path
        assert keywords.get("shell") != "True", f"{path}: {name}"
        assert keywords.get("allow_pickle") != "True", f"{path}: {name}"
        if name == "torch.load":
            assert keywords.get("weights_only") == "True", path
        if name == "yaml.load":
            assert keywords.get("Loader") == "_Strict", path
        assert not (name.endswith("chmod") and int(ast.literal_eval(call.args[-1])) & 0o022), path


def test_the_yaml_loader_is_a_safe_one():
    from phvae.config.reader import _Strict

    assert issubclass(_Strict, yaml.SafeLoader)
    assert not issubclass(_Strict, yaml.UnsafeLoader)


def test_secrets_of_the_environment_are_recorded_nowhere(monkeypatch: pytest.MonkeyPatch):
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2-hunter2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hunter2-hunter2@example.org")
    grid = load_grid("config/quick.yaml")
    record = provenance.describe(grid.cells[0], 0, {}, "cpu", 1)
    assert "hunter2" not in json.dumps(record)
    assert "hunter2" not in grid.config.model_dump_json()


def test_what_is_written_is_nobody_elses_to_write(tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_json(tmp_path / "a/b/c.json", {})
    finally:
        os.umask(before)
    for path in (tmp_path / "a").rglob("*"):
        assert not path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP), path
