"""The conda file and the Apptainer definition hold the versions of the lock, and the lock covers the project."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ENVS = Path("envs")


def lock(name: str = "requirements.lock") -> list[str]:
    lines = (line.partition("#")[0].strip() for line in (ENVS / name).read_text().splitlines())
    return [line for line in lines if line]


def pins() -> dict[str, Requirement]:
    return {canonicalize_name(one.name): one for one in map(Requirement, lock())}


def conda() -> list:
    return yaml.safe_load((ENVS / "phvae.yaml").read_text())["dependencies"]


def definition() -> dict[str, str]:
    """Sections of the Apptainer definition; the header is ''."""
    parts = re.split(r"^%(\w+)\n", (ENVS / "phvae.def").read_text(), flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def test_the_conda_file_is_the_lock():
    [pip] = [entry["pip"] for entry in conda() if isinstance(entry, dict)]
    assert pip == lock()


def test_every_dependency_is_locked_to_one_version_that_the_project_accepts():
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    locked = pins()
    for line in [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]:
        wanted = Requirement(line)
        [pin] = locked[canonicalize_name(wanted.name)].specifier
        assert pin.operator == "=="
        assert wanted.specifier.contains(pin.version), line


def test_the_lowest_versions_that_were_tried_are_the_lower_bounds():
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert lock("lowest.txt") == [line.replace(">=", "==") for line in project["dependencies"]]


def test_the_image_installs_the_lock_and_nothing_that_is_not_in_it():
    sections = definition()
    assert "--requirement /opt/phvae/envs/requirements.lock" in sections["post"]
    installs = [line for line in sections["post"].splitlines() if "pip install" in line]
    assert len(installs) == 2
    assert "--no-deps /opt/phvae" in installs[1]
    for source in re.findall(r"^\s+(\S+) /opt/phvae", sections["files"], flags=re.MULTILINE):
        assert Path(source).exists(), source


def test_conda_image_and_project_use_the_same_python():
    [python] = [entry for entry in conda() if str(entry).startswith("python=")]
    version = python.removeprefix("python=")
    assert f"From: python:{version}-" in definition()[""]
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert Requirement(f"x{project['requires-python']}").specifier.contains(version)


def test_phvae_comes_into_a_conda_environment_from_the_checkout():
    script = (ENVS / "phvae.post-deploy.sh").read_text()
    assert "pip install --quiet --no-deps --config-settings editable_mode=compat --editable ." in script
