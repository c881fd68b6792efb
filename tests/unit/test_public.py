"""The public face: few names, loaded when asked for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import phvae


def test_every_public_name_is_there():
    for name in phvae.__all__:
        assert getattr(phvae, name) is not None
    assert set(phvae.__all__) <= set(dir(phvae))
    with pytest.raises(AttributeError, match="module 'phvae' has no attribute 'VAE'"):
        _ = phvae.VAE


def test_importing_the_package_costs_no_torch():
    modules = "phvae, phvae.experiment.schema, phvae.model.parts"
    code = f"import sys, {modules}; print(sorted({{'torch', 'pandas'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert phvae.__version__ == project["version"]
