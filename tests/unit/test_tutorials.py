"""The tutorials: each runs as a plain script, in little, and its page shows the code that runs."""

from __future__ import annotations

import importlib.util
import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

FOLDER = Path("docs/tutorials").resolve()
SPEC = importlib.util.spec_from_file_location("render", FOLDER / "render.py")
assert SPEC is not None
assert SPEC.loader is not None
render = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(render)

SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "render.py")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHVAE_TINY", "1")
    monkeypatch.setattr(plt, "show", lambda: None)
    try:
        runpy.run_path(str(script))
    finally:
        plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_page_shows_the_code_that_runs(script: Path):
    page = script.with_suffix(".md").read_text(encoding="utf-8")
    cells = render.cells(script.read_text(encoding="utf-8"))
    shown = [code.strip() for code in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    assert shown == [text for kind, text in cells if kind == "python"], f"python docs/tutorials/render.py {script.stem}"
    assert all(text in page for kind, text in cells if kind == "markdown")


def test_a_cell_prints_as_in_a_notebook():
    names: dict[str, object] = {}
    assert render.run("a = 1\nprint('one')\na + 1", names) == "one\n2"
    assert render.run("a = 2", names) == ""
