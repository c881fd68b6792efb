"""The folders that a configuration names: what is accepted, and how what is not is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_grid import SMALL, changed

from phvae.errors import ConfigError
from phvae.experiment.grid import parse_grid


def test_refuses_a_results_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    grid = parse_grid(SMALL | {"results": str(tmp_path / "file" / "results")}, "small.yaml")
    with pytest.raises(ConfigError, match=r"results: found .*expected a folder that can be written"):
        grid.check_writable()
    parse_grid(SMALL | {"results": str(tmp_path / "new" / "results")}, "small.yaml").check_writable()
    assert not (tmp_path / "new").exists()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    content = changed("evaluation.inception_weights", "~/inception.pth") | {"results": "~/scratch"}
    grid = parse_grid(content, "small.yaml")
    assert grid.paths.root == tmp_path / "scratch/small"
    assert grid.cells[0].evaluation.inception_weights == str(tmp_path / "inception.pth")
    for folder in ("results", "a/~b", "./~", "r $(date)"):  # as they are
        assert parse_grid(SMALL | {"results": folder}, "small.yaml").config.results == folder


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("s3://bucket/x", "a folder that this machine has mounted, not an address"),
        ("file:///tmp/x", "a folder .* not an address"),
        ("-rf", "a folder that does not begin with a hyphen"),
        ("--help", "a folder that does not begin with a hyphen"),
        ("./-rf", "a folder that does not begin with a hyphen"),
        ("a\ud800", "a folder without braces .* and control characters"),
    ],
)
def test_a_results_folder_that_is_something_else(folder, expected):
    with pytest.raises(ConfigError, match=rf"small.yaml: results: found .*, expected {expected}"):
        parse_grid(SMALL | {"results": folder}, "small.yaml")


@pytest.mark.parametrize("target", ["loop", "nothing"])
@pytest.mark.parametrize("folder", ["loop", "loop/x"])
def test_a_results_folder_behind_a_link_that_leads_nowhere(tmp_path, monkeypatch, folder, target):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to(target)
    with pytest.raises(ConfigError, match=r"results: found .*expected a folder that can be written; loop cannot"):
        parse_grid(SMALL | {"results": folder}, "small.yaml").check_writable()


@pytest.mark.parametrize("folder", ["$HOME/x", "a/$USER", "~no-such-user/x"])
def test_a_results_folder_that_only_a_shell_would_find(folder):
    with pytest.raises(ConfigError, match=r"small.yaml: results: found .*, expected a (folder|path) .*path"):
        parse_grid(SMALL | {"results": folder}, "small.yaml")
