"""The generated schema and reference page: in sync with the types, and true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from phvae.experiment.grid import load_grid
from phvae.experiment.schema_docs import reference, schema

GRIDS = [path for path in sorted(Path("config").glob("*.yaml")) if path.name != "claims.yaml"]


def test_the_committed_files_are_the_generated_ones():
    assert Path("config/README.md").read_text() == reference(), "run `make docs`"
    assert json.loads(Path("config/schema.json").read_text()) == schema(), "run `make docs`"


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.name)
def test_shipped_configurations_fit_the_schema(path):
    jsonschema.validate(yaml.safe_load(path.read_text()), schema())


@pytest.mark.parametrize(
    "change",
    [
        {"variants": {"vae": {"model": {"ordr": 1}}}},
        {"variants": {"vae": {"model": {"divergence": {"name": "kl", "beta": -1}}}}},
        {"variants": {"vae": {"model": {"divergence": "kll"}}}},
        {"datasets": {}},
        {"seeds": []},
        {"nme": "x"},
    ],
)
def test_the_schema_refuses_what_the_types_refuse(change):
    content = yaml.safe_load(Path("config/smoke.yaml").read_text()) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema())


def test_every_key_has_a_meaning():
    for line in reference().splitlines():
        if line.startswith("| `") and line.count("|") == 5:
            assert line.split("|")[4].strip(), line


def test_the_runs_of_each_shipped_configuration():
    told = dict(re.findall(r"^\| `([\w-]+\.yaml)` \|.*\| (\d+) runs \|$", reference(), re.MULTILINE))
    assert set(told) == {path.name for path in GRIDS} - {"paper.yaml"}
    assert told == {name: str(len(load_grid(f"config/{name}").runs())) for name in told}
