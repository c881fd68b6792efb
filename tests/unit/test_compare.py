from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from known_truth import write_known

from phvae.analysis.results.long_table import read_table
from phvae.analysis.terminal.compare import compare
from phvae.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known(tmp_path_factory.mktemp("known"))


def block(text: str, dataset: str, metric: str) -> dict[str, str]:
    """Lines of one metric of one data set, by label."""
    part = text.split(f"== {dataset},")[1].split("\n== ")[0]
    part = next(p for p in part.split("\n\n") if p.startswith(metric))
    return {line[:32].split("  ")[1].strip(): line for line in (" " + raw for raw in part.splitlines()[2:])}


def test_every_word_is_the_known_truth(root: Path) -> None:
    text = compare(root, "vae")
    grey = block(text, "grey", "MSE, lower is better")
    assert grey["VAE"].endswith("baseline")
    assert grey["PH-VAE, order 3"].endswith("better")
    assert grey["copies_3 & 100 % control {#}"].endswith("not resolved")
    assert grey["PH-VAE, order 4"].endswith(
        "not resolved (the variant diverged more often than the baseline), 1 incomplete pair"
    )
    assert grey["β-VAE, β = 2"].endswith("worse")
    curve = block(text, "curve", "W1, samples (means) [IQR], lower is better; p cannot fall below 0.00195")
    assert "10/10" in curve["PH-VAE, order 3"]
    assert curve["PH-VAE, order 3"].endswith("better")  # a fifth off the spread is not told at ten seeds
    assert curve["β-VAE, β = 0.5"].endswith("not resolved, more reproducible")  # as these ten seeds fell
    assert "runs without numbers: PH-VAE, order 4: 10 missing" in text
    assert "runs without numbers: PH-VAE, order 4: 1 diverged" in text


def test_the_configurations_baseline_is_the_default(root: Path) -> None:
    (root / "config.json").write_text(json.dumps({"source": "x", "config": {"baseline": "copies-3"}}))
    try:
        assert block(compare(root), "grey", "MSE")["copies_3 & 100 % control {#}"].endswith("baseline")
    finally:
        (root / "config.json").unlink()
    assert block(compare(root), "grey", "MSE")["VAE"].endswith("baseline")


def test_columns_stand_under_each_other(root: Path) -> None:
    part = compare(root, "vae").split("MSE, lower is better")[1].split("\n\n")[0].splitlines()[1:]
    start = part[0].index("seeds")
    assert all(line[start - 1] == " " and line[start] != " " for line in part)


def test_the_largest_training_size_is_shown_alone(root: Path, tmp_path: Path) -> None:
    table = read_table(root)
    pd.concat([table.assign(n_train="50"), table]).to_csv(tmp_path / "metrics.csv", index=False)
    text = compare(tmp_path, "vae")
    assert "== grey, all training examples" in text
    assert "50 training examples" not in text


def test_errors_say_what_to_do(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"found 'vaee'.*did you mean 'vae'"):
        compare(root, "vaee")
    with pytest.raises(DataError, match="run `phvae collect` first"):
        compare(tmp_path, "vae")
