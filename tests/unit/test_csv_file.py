"""CSV files: what a spreadsheet would run is text; all else is as pandas writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phvae.analysis.presentation.csv_file import write_csv


def cell(folder: Path, value: object) -> str:
    write_csv(folder / "a.csv", pd.DataFrame({"first": [value], "last": ["x"]}))
    return pd.read_csv(folder / "a.csv", dtype=str, keep_default_na=False)["first"].iloc[0]


@pytest.mark.parametrize(
    "text", ["=1+1", "=HYPERLINK(A1)", "@SUM(A1)", "+A1", "-A1", "\t=1", "\n=1", "＝1", "-", "+1 run"]
)
def test_a_formula_becomes_text(tmp_path, text):
    assert cell(tmp_path, text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1", "+0.5", "-inf", "-1e-05", "a=b", "β-VAE", "–", "", "'=1", " =1", "1 - 2"])
def test_numbers_and_other_texts_stay(tmp_path, text):
    assert cell(tmp_path, text) == text


def test_a_table_without_formulas_is_what_pandas_writes(tmp_path):
    table = pd.DataFrame(
        {
            "float": [-0.1, np.nan, 1e-300],
            "int": pd.array([-1, None, 3], dtype="Int64"),
            "bool": pd.array([True, None, False], dtype="boolean"),
            "text": ["a,b", None, 'say "x"'],
            "mixed": [-1, None, -0.5],
            "category": pd.Categorical(["u", "v", "u"]),
        }
    )
    for content in (table, table.iloc[:0]):
        write_csv(tmp_path / "a.csv", content)
        assert (tmp_path / "a.csv").read_text() == content.to_csv(index=False, lineterminator="\n")


def test_the_other_cells_of_a_column_stay(tmp_path):
    table = pd.DataFrame({"mixed": ["=1", None, -1, 0.5], "category": pd.Categorical(["=u", "v", "v", None])})
    write_csv(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_text() == "mixed,category\n'=1,'=u\n,v\n-1,v\n0.5,\n"
