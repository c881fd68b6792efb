"""What `make run` prints last."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
import pytest

from phvae.analysis.claims.answers import Answer, AnswerFamily, Answers, ClaimAnswers, Question, write_answers
from phvae.analysis.results.long_table import COST_COLUMNS
from phvae.cli import main
from phvae.errors import DataError
from phvae.experiment.grid import Grid, parse_grid
from phvae.files import write_json, write_text
from phvae.summary import summary

GRID = {"name": "tiny", "seeds": 2, "datasets": {"claw": {}}, "variants": {"vae": {"model": {"order": 1}}}}


def test_names_places_costs_and_diverged_runs(tmp_path: Path):
    grid = parse_grid(GRID | {"results": str(tmp_path / "my results")}, "tiny")
    finish(grid)
    common = {"dataset": "claw", "n_train": "all", "variant": "vae"}
    spent = {"seconds_train": 10.0, "seconds_encode": 2.0, "seconds_evaluate": 0.5}
    rows = [common | spent | {"seed": seed, "status": status} for seed, status in enumerate(("ok", "diverged"))]
    pd.DataFrame(rows).reindex(columns=list(COST_COLUMNS)).to_parquet(grid.paths.root / "costs.parquet")
    text = summary(grid, since=time.time() - 60)
    assert "tiny: 1 data set, 1 cell, 2 runs; 2 trained" in text
    assert "diverged  claw/vae/1" in text
    assert "claw/vae/0" not in text
    assert "themselves 25 s of one core" in text
    assert str(grid.paths.root / "report.html") in text
    assert "not finished" not in text
    assert "of one core" not in summary(grid)
    assert "busy cores" not in text
    assert "4.80 times what 2 busy cores would need" in summary(grid, since=time.time() - 60, cores=2)
    assert "busy cores" not in summary(grid, since=time.time() + 1, cores=2)  # the runs are older
    assert f"--backend-store-uri 'sqlite:///{tmp_path}/my results/mlflow/mlflow.db'" in text


def finish(grid: Grid) -> None:
    """Leave the files that the closing lines name."""
    for cell, seed in grid.runs():
        write_json(grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed) / "run.json", {})
    write_text(grid.paths.root / "report.html", "")
    write_json(grid.paths.root / "tracking.json", {"uri": "sqlite:///a"})


@pytest.mark.parametrize("makefile", [True, False])
def test_results_in_the_checkout_are_opened_by_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, makefile: bool):
    monkeypatch.chdir(tmp_path)
    for name in ("Makefile", "Snakefile") if makefile else ():
        (tmp_path / name).touch()
    grid = parse_grid(GRID, "tiny")
    finish(grid)
    assert ("make ui" in summary(grid)) == makefile
    assert ("mlflow server" in summary(grid)) != makefile


def test_no_file_is_named_that_does_not_exist(tmp_path: Path):
    grid = parse_grid(GRID | {"results": str(tmp_path)}, "config/my grid.yaml")
    text = summary(grid, since=time.time())
    assert "2 runs; 2 missing" in text
    assert f"not finished (there is no {tmp_path / 'tiny'}); to go on: make run CONFIG='config/my grid.yaml'" in text
    finish(grid)
    (grid.paths.root / "report.html").unlink()
    named = [line.split()[1] for line in summary(grid).splitlines() if str(tmp_path) in line and "open" not in line]
    assert named == []
    assert "tiny: 1 data set, 1 cell, 2 runs; 2 trained\n" in summary(grid)
    assert "not finished; to go on" in summary(grid)


def test_runs_are_counted_on_the_disk(tmp_path: Path):
    grid = parse_grid(GRID | {"results": str(tmp_path)}, "tiny")
    finish(grid)
    (grid.paths.run("claw", "all", "vae", 1) / "run.json").unlink()
    assert "tiny: 1 data set, 1 cell, 2 runs; 1 trained, 1 missing" in summary(grid)


def test_outside_a_checkout_it_says_where_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert "make run CONFIG=tiny, in a checkout of the repository" in summary(parse_grid(GRID, "tiny"))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"uri": 3}'])
def test_a_damaged_record_of_tracking_is_named(tmp_path: Path, text: str):
    grid = parse_grid(GRID | {"results": str(tmp_path)}, "tiny")
    grid.paths.root.mkdir()
    path = grid.paths.root / "tracking.json"
    path.write_text(text)
    with pytest.raises(DataError, match=f"{path}: .*; run `phvae track` again"):
        summary(grid)


@pytest.mark.parametrize(("empty", "status"), [([], 0), (["vae"], 1)])
def test_a_variant_without_a_number_does_not_end_well(
    tmp_path: Path, empty: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("phvae.summary.empty_variants", lambda grid: empty)
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(GRID | {"baseline": "vae", "results": str(tmp_path)}))
    assert main(["summary", "--config", str(path)]) == status
    assert ("not a single number of vae" in capsys.readouterr().out) is bool(empty)


def test_begins_with_what_the_claims_say_and_ends_with_what_to_type_next(tmp_path: Path):
    grid = parse_grid(GRID | {"results": str(tmp_path)}, "tiny")
    finish(grid)
    assert "none was tested" not in summary(grid)
    tables = grid.paths.root / "tables"
    write_text(tables / "claims.md", "")
    *_, said, following = summary(grid).splitlines()
    assert said == f"  claims    none was tested; why stands in {tables / 'claims.md'}"
    assert following == f"  next      phvae compare {grid.paths.root}"
    asked = [Question("better than the VAE?", [Answer("claw", "supported", "It is.")])]
    family = AnswerFamily("fit", "Fit: PH is better.", [ClaimAnswers("fit", "It fits.", asked)])
    write_answers(tables, Answers(["claw"], [family]))
    assert summary(grid).splitlines()[:9] == [
        "",
        "- Fit: PH is better.",
        "",
        "     claw",
        "fit  ✓",
        "",
        "In each cell: better than the VAE?",
        "✓ supported  ✗ contradicted  ≈ smaller than what matters  ? undecided  · not tested",
        "",
    ]
