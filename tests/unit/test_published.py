"""Published numbers: what the file may say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tables_on_disk import published

from phvae.analysis.claims.published import read_published
from phvae.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("grey,all,vae,mee,1,,x", "entry 1: metric: found 'mee'"),
        ("grey,some,vae,mse,1,,x", "n_train: found 'some', expected a number or all"),
        ('grey,all,vae,mse,"0,12",,x', "value: found '0,12'"),
        ("grey,all,vae,mse,,,x", "value is empty"),
        ("grey,all,vae,mse,1,-,x", "sd: found '-'"),
        ("grey,all,vae,mse,1,-0.1,x", "entry 1: sd: found '-0.1', expected a standard deviation, 0 or larger"),
        ("grey,100,vae,mse,1,,x\ngrey,0100, vae ,mse,2,,y", "grey / 100 / vae / mse twice"),
        ("grey,all,vae,mse,1,,x\ngrey,all,vae,mse,2,,y", "grey / all / vae / mse twice"),
    ],
)
def test_mistakes_in_published_numbers_name_entry_and_column(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_published(published(tmp_path, line))


def test_a_published_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("dataset,value\n")
    with pytest.raises(ConfigError, match="found the columns dataset,value, expected dataset,n_train"):
        read_published(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_published(tmp_path / "absent.csv")
    path.write_text("")
    with pytest.raises(ConfigError, match="not a CSV file"):
        read_published(path)


def test_published_names_are_stripped_and_only_whole_lines_are_comments(tmp_path: Path) -> None:
    lines = ['# ours, unquoted: "', "grey , 0100,vae ,mse , 1,0.1,Table #3 of the paper ", "#grey,all,vae,mse,1,,x"]
    (row,) = read_published(published(tmp_path, *lines)).to_dict("records")
    assert row == {
        "dataset": "grey", "n_train": "100", "variant": "vae", "metric": "mse", "value": 1.0, "sd": 0.1,
        "source": "Table #3 of the paper",
    }  # fmt: skip
