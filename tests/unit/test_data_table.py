"""The user's own table: every format gives the same set, splits are as stated, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sets_on_disk import nothing_left, prepare

from phvae import data
from phvae.api.phvae import PHVAE
from phvae.data.columns import columns_of, spread_of, to_user
from phvae.data.facts import facts, glance
from phvae.data.files import csv_rows
from phvae.data.recipe import Sources
from phvae.data.stamp import stamp
from phvae.errors import ConfigError, DataError


def people(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Columns of unlike units; the times differ in their eighth digit."""
    g = np.random.default_rng(seed)
    return pd.DataFrame({
        "age": g.integers(18, 90, n), "size (cm)": g.normal(170, 9, n).round(1), "born": 1.7e9 + 100 * g.normal(size=n),
    })  # fmt: skip


def rows_of(found: data.Prepared) -> np.ndarray:
    """All rows in original units, sorted."""
    rows = np.concatenate([to_user(getattr(found, split), found) for split in ("train", "validation", "test")])
    return rows[np.lexsort(rows.T)]


def sorted_rows(frame: pd.DataFrame) -> np.ndarray:
    rows = frame.to_numpy(float)
    return rows[np.lexsort(rows.T)]


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "comma.csv": lambda t, p: t.to_csv(p, index=False),
    "marked.csv": lambda t, p: t.to_csv(p, index=False, encoding="utf-8-sig"),
    "german.csv": lambda t, p: t.to_csv(p, index=False, sep=";", decimal=",", encoding="utf-16"),
    "quoted.csv": lambda t, p: t.to_csv(p, index=False, quoting=1, lineterminator="\r\n"),
    "blank.csv": lambda t, p: p.write_text("\n" + t.to_csv(index=False).replace("\n", "\n\n")),
    "plain.parquet": lambda t, p: t.to_parquet(p),
    "plain.npz": lambda t, p: np.savez(p, x=np.ascontiguousarray(t)),
}
DIALECTS = {"german.csv": {"separator": ";", "decimal": ",", "encoding": "utf-16"}}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    WRITERS[name](people(), tmp_path / name)
    found = prepare(tmp_path, "table", path=name, **DIALECTS.get(name, {}))
    assert columns_of(found) == (("x1", "x2", "x3") if name.endswith("npz") else ("age", "size (cm)", "born"))
    assert (len(found.train), len(found.validation), len(found.test)) == (42, 6, 12)
    np.testing.assert_allclose(rows_of(found), sorted_rows(people()), rtol=0, atol=1e-6)


def test_the_ends_of_the_training_rows_become_a_tenth_and_nine_tenths_as_in_fit(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "a.csv", index=False)
    found = prepare(tmp_path, "table", path="a.csv")
    np.testing.assert_allclose([found.train.min(0), found.train.max(0)], [[0.1] * 3, [0.9] * 3], atol=1e-12)
    assert found.density is None
    train = to_user(found.train, found)
    np.testing.assert_allclose(spread_of(found), train.std(0), rtol=1e-6)
    model = PHVAE((3,), latent_size=2, network={"name": "dense", "hidden": [4]})
    model.fit(train, validation=train[:5], epochs=1, device="cpu")
    np.testing.assert_allclose(found.scaling, model.scaling, rtol=1e-6)


def test_rows_with_missing_values_are_dropped_and_counted(tmp_path: Path) -> None:
    table = people().astype(object)
    for i, word in enumerate(["", "NA", "nan", "N/A", "NULL", None]):
        table.iloc[7 * i, i % 3] = word
    table.to_csv(tmp_path / "a.csv", index=False)
    found = prepare(tmp_path, "table", path="a.csv", missing="drop")
    assert found.card["dropped_rows"] == 6
    np.testing.assert_allclose(rows_of(found), sorted_rows(people().drop([0, 7, 14, 21, 28, 35])), atol=1e-6)
    people().astype({"age": "Int64"}).replace({"age": {20: pd.NA}}).to_parquet(tmp_path / "a.parquet")
    assert prepare(tmp_path, "table", path="a.parquet", missing="drop").card["dropped_rows"] > 0


def test_chosen_columns_come_in_their_order_and_others_may_hold_words(tmp_path: Path) -> None:
    people().assign(town="Ulm, Donau", size=0).to_csv(tmp_path / "a.csv", index=True)
    found = prepare(tmp_path, "table", path="a.csv", columns=["born", "age"])
    assert columns_of(found) == ("born", "age")
    np.testing.assert_allclose(rows_of(found), sorted_rows(people()[["born", "age"]]), atol=1e-6)


def test_splits_by_seed_by_column_and_by_files(tmp_path: Path) -> None:
    words = ["train"] * 40 + ["test"] * 12 + ["validation"] * 8
    table = people().assign(fold=words)
    table.to_csv(tmp_path / "all.csv", index=False)
    table.to_parquet(tmp_path / "all.parquet")
    for split in ("train", "validation", "test"):
        table[table["fold"] == split].drop(columns="fold").to_csv(tmp_path / f"{split}.csv", index=False)
    files = {"path": "train.csv", "validation_path": "validation.csv", "test_path": "test.csv"}
    by_files = prepare(tmp_path, "table", **files)
    for by in (prepare(tmp_path, "table", path=f"all.{kind}", split="fold") for kind in ("csv", "parquet")):
        for split in ("train", "validation", "test"):
            assert np.array_equal(getattr(by, split), getattr(by_files, split)), split
    assert not np.array_equal(to_user(by_files.test, by_files), people()[40:52].to_numpy(float)), "in the file's order"
    assert {part["name"] for part in by_files.card["inputs"]} == {"train", "validation", "test"}
    test_alone = prepare(tmp_path, "table", path="train.csv", test_path="test.csv")
    assert [len(test_alone.train), len(test_alone.validation), len(test_alone.test)] == [36, 4, 12]
    seeds = [prepare(tmp_path, "table", path="train.csv", split_seed=seed) for seed in (0, 1)]
    assert not np.array_equal(seeds[0].test, seeds[1].test)
    assert np.array_equal(rows_of(seeds[0]).round(4), rows_of(seeds[1]).round(4))


def test_no_row_is_lost_between_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "CELLS", 21)  # 7 rows a piece
    people().to_csv(tmp_path / "a.csv", index=False)
    people().to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        np.testing.assert_allclose(rows_of(prepare(tmp_path, "table", path=name)), sorted_rows(people()), atol=1e-6)
    text = (tmp_path / "a.csv").read_text().splitlines()
    text[39] = text[39].replace(text[39].split(",")[1], "tall")
    (tmp_path / "b.csv").write_text("\n".join(text))
    with pytest.raises(DataError, match=r"b\.csv: line 40, column 'size \(cm\)': found 'tall', expected a number"):
        prepare(tmp_path, "table", path="b.csv")


def test_a_look_counts_rows_without_reading_them(tmp_path: Path) -> None:
    people(6000).to_csv(tmp_path / "a.csv", index=False)
    people(600).to_parquet(tmp_path / "a.parquet")
    options = data.validate("people", {"kind": "table", "path": "a.parquet"})
    assert (facts(options).shape, facts(options).is_density, facts(options).assumed) == ((10,), True, True)
    assert glance(options, Sources((tmp_path,))).counts == (420, 60, 120)
    found = glance(options | {"path": "a.csv", "columns": ["age"]}, Sources((tmp_path,)))
    assert found.shape == (1,)
    assert found.counts[0] == pytest.approx(4200, rel=0.02)


def test_another_file_of_any_split_is_noticed(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "a.csv", index=False)
    people(9).to_csv(tmp_path / "b.csv", index=False)
    options = data.validate("people", {"kind": "table", "path": "a.csv", "test_path": "b.csv"})
    before = stamp(options, (tmp_path,))
    people(8).to_csv(tmp_path / "b.csv", index=False)
    assert stamp(options, (tmp_path,)) not in (before, None)


def text(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\n".join(lines).encode(encoding)


def saved(write: Callable[[Path], Any], tmp_path: Path) -> bytes:
    write(tmp_path / "other")
    return (tmp_path / "other").read_bytes()


LINES = [f"{i},{i * i}" for i in range(20)]
BAD: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "text": (text("a,b", "1,2", "3,x"), {}, r"line 3, column 'b': found 'x', expected a number; leave .* by `columns`"),
    "short row": (text("a,b", "1,2", "3"), {}, r"line 3: 1 cells, expected 2, as many as line 1 has"),
    "long row": (text("a,b", "1,2", "3,4,5"), {}, r"line 3: 3 cells, expected 2"),
    "missing": (text("a,b", "1,2", "3,"), {}, r"line 3, column 'b': found a missing value, .*`missing: drop` leaves"),
    "infinite": (text("a,b", "1,2", "inf,4"), {"missing": "drop"}, r"line 3, column 'a': found an infinite value, exp"),
    "overflow": (text("a,b", "1,2", "1e999,4"), {}, r"line 3, column 'a': found an infinite value"),
    "utf-16": (text("a,b", *LINES, encoding="utf-16"), {}, r"written in utf-16 .* set `encoding: utf-16`"),
    "latin-1": (text("a,Größe", *LINES, encoding="latin-1"), {}, r"line 1: not utf-8; .* set `encoding: latin-1`"),
    "latin-1 below": (text("a,b", "1,2", "ü,3", encoding="latin-1"), {}, r"line 3: not utf-8"),
    "semicolons": (text("a;b", "1;2"), {}, r"line 1 is one column, 'a;b', expected .* set `separator: ';'`"),
    "decimal commas": (text("a;b", "1,5;2"), {"separator": ";"}, r"line 2, column 'a': found '1,5', .*: set `decimal"),
    "two of a name": (text("a,b,a", "1,2,3"), {}, r"two columns of one name: a; expected each name once"),
    "no name": (text(",b", "1,2"), {}, r"column 1 has no name, .*to_csv\(index=False\)"),
    "no names": (text("1,2", "3,4"), {}, r"line 1 holds numbers, expected the names of the columns"),
    "empty": (b"", {}, r"empty, expected a line of column names"),
    "no rows": (text("a,b"), {}, r"no rows, expected numbers below the names"),
    "none left": (text("a,b", "1,"), {"missing": "drop"}, r"no rows without a missing value"),
    "one row": (text("a,b", "1,2"), {}, r"1 rows are too few for n_test 1 \+ n_validation 1 \+ n_train 1"),
    "constant": (text("a,b", *(f"{i},7" for i in range(20))), {}, r"columns without a scale \(constant.*: b; expected"),
    "unknown column": (text("age,b", *LINES), {"columns": ["agee"]}, r"has no column 'agee'; did you mean 'age'\?"),
    "a word for a split": (text("a,s", "1,train", "2,dev"), {"split": "s"}, r"line 3, column 's': found 'dev', exp"),
    "no test": (text("a,s", "1,train", "2,train"), {"split": "s"}, r"column 's' says test of no row"),
    "open quote": (text("a,b", '"1,2', "3,4"), {}, r"line \d: unexpected end of data; expected a CSV file"),
    "bytes": (bytes(range(256)), {}, r"line 2: not utf-8"),
    "gzip": (b"\x1f\x8b\x08\x00", {}, r"packed by gzip, .*: unpack it"),
    "cut parquet": (b"PAR1\x00\x00", {}, r"damaged or not of the expected format"),
    "too many columns": (text(",".join(f"c{i}" for i in range(1001)), ",".join("1" * 1001)), {}, r"1001 columns, exp"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named_in_one_message(case: str, tmp_path: Path) -> None:
    content, options, message = BAD[case]
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"bad\.csv: {message}") as caught:
        prepare(tmp_path, "table", path="bad.csv", **options)
    assert len(str(caught.value).splitlines()) == 1
    assert nothing_left(tmp_path)


BAD_ARRAYS: dict[str, tuple[Callable[[Path], Any], dict[str, Any], str]] = {
    "words": (lambda p: people().assign(town="Ulm").to_parquet(p), {}, r"no numbers: town \(.*string\); expected"),
    "times": (lambda p: people().assign(at=pd.Timestamp(0)).to_parquet(p), {}, r"no numbers: at \(timestamp"),
    "missing": (lambda p: people().where(people()["age"] != 20).to_parquet(p), {}, r"row \d+, column 'age': found a m"),
    "infinite": (lambda p: np.savez(p, x=[[1.0, 2.0], [3.0, np.inf]]), {}, r"row 2, column 'x2': found an infinite"),
    "a cube": (lambda p: np.savez(p, x=np.ones((3, 3, 3))), {}, r"x: shape \(3, 3, 3\), expected \(rows, columns\)"),
    "another array": (lambda p: np.savez(p, y=np.ones((3, 3))), {}, r"has no array 'x'; .*found: y"),
    "of a data frame": (lambda p: np.savez(p, x=people().to_numpy()), {}, r"again with numpy\.ascontiguousarray"),
    "objects": (lambda p: np.savez(p, x=np.array([[None]])), {}, r"pickled objects; refused"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_what_is_wrong_in_an_array_is_named(case: str, tmp_path: Path) -> None:
    write, options, message = BAD_ARRAYS[case]
    name = "bad.npz" if "savez" in str(write.__code__.co_names) else "bad.parquet"
    write(tmp_path / name)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, "table", path=name, **options)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "s", "test_path": "b.csv"}, "either `split`, a column, or files"),
        ({"split": "s", "columns": ["s"]}, "`split` to be no column that is learnt"),
        ({"encoding": "klingon"}, r"encoding.*the name of an encoding"),
        ({"columns": ["a", "a"]}, "a is given twice"),
        ({"column": ["a"]}, "did you mean 'columns'"),
    ],
)
def test_options_that_contradict_each_other_are_refused_unread(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        data.validate("people", {"kind": "table", "path": "absent.csv", **options})


def test_a_table_without_its_columns_in_a_split_file_is_refused(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "a.csv", index=False)
    people().drop(columns="age").to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(DataError, match=r"b\.csv: has no column 'age', expected those of .*a\.csv"):
        prepare(tmp_path, "table", path="a.csv", test_path="b.csv")
