from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from latex_on_disk import set_pages

from phvae.analysis.presentation.numbers import column_places, number, plus_minus
from phvae.analysis.tables.latex import latex
from phvae.analysis.tables.latex_text import escape_latex
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, without_empty_columns
from phvae.analysis.tables.markdown import escape_markdown, markdown

NASTY = "a|b & 50 % of #1 in $x_1$ {q} ~ ^ \\cmd <t> β-VAE ½ µ–— “é” ΑΩς *b* `c` _d_ 中 √² ‡"

KNOWN = (
    r"\textbackslash{}", r"\textasciicircum{}", r"\textasciitilde{}", r"\textless{}", r"\textgreater{}",
    r"\textbar{}", r"\allowbreak{}", r"$\beta$",
    r"$\Omega$", r"$\pm$", "$-$", r"\{", r"\}", r"\$", r"\&", r"\#", r"\%", r"\_",
)  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.12164, 0.00134, "0.1216 ± 0.0013"),
        (-0.5, 0.25, "-0.50 ± 0.25"),
        (12345.6, 987.0, "12,346 ± 987"),
        (3.2e-6, 1.1e-7, "(3.20 ± 0.11)e-06"),
        (2.5e8, 1.0e7, "(2.50 ± 0.10)e+08"),
        (0.0, 0.0, "0 ± 0"),
        (1.5, 0.0, "1.500 ± 0"),
        (-1e-9, 0.3, "0.00 ± 0.30"),
        (0.5, float("nan"), "0.500"),
        (float("nan"), 0.1, "–"),
    ],
)
def test_a_mean_is_rounded_where_its_interval_ends(mean: float, half: float, text: str) -> None:
    assert plus_minus(mean, half) == text


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_keeps_three_digits(value: float) -> None:
    shown = float(number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=5.1e-3) or abs(value) < 1e-300


def test_the_numbers_of_a_column_have_as_many_decimals_where_the_spread_allows() -> None:
    means, halves = [0.0107, 0.0123, 0.0741, 0.0102], [0.00026, 0.00012, 0.0123, 0.000004]
    places = column_places(means, halves)
    texts = [plus_minus(mean, half, places) for mean, half in zip(means, halves, strict=True)]
    assert texts == ["0.01070 ± 0.00026", "0.01230 ± 0.00012", "0.07410 ± 0.01230", "0.010200 ± 0.000004"]
    assert [number(value, places=places) for value in (0.5, 0.000123)] == ["0.50000", "0.00012"]
    assert [number(value, places=column_places([20, 5, 1200])) for value in (20.0, 5.0, 1200.0)] == ["20", "5", "1,200"]


def test_rows_for_reference_stand_below_a_rule_in_both_forms() -> None:
    rows, apart = [[TableCell("a"), TableCell("1")]], [[TableCell("mean image"), TableCell("2")]]
    table = Table("t", "T", "C", [TableBlock("h", ["v", "m"], rows, reference=apart)], "L", ["one", "two"])
    lines = markdown(table).splitlines()
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert found[2:] == [["a", "1"], ["———", "———"], ["mean image", "2"]]
    assert lines[lines.index("L") :][:3] == ["L", "", "## h"]
    assert lines[-2:] == ["- one", "- two"]
    assert "a & 1 \\\\\n\\midrule\nmean image & 2 \\\\" in latex(table)
    assert "C L" in latex(table)
    assert "one two" in latex(table)


def test_columns_without_a_value_of_any_variant_are_left_out() -> None:
    rows = [[TableCell(text) for text in row] for row in (("a", "1", "–", ""), ("b", "–", "–", "2"))]
    apart = [[TableCell(text) for text in ("mean image", "3", "4", "5")]]
    block = TableBlock("h", ["v", "x", "y", "z"], rows, widths=[0.3, None, 0.2], reference=apart, headline=3)
    found = without_empty_columns(block)
    assert found.header == ["v", "x", "z"]
    assert [cell.text for cell in found.reference[0]] == ["mean image", "3", "5"]
    assert (list(found.widths), found.headline) == ([0.3, None], 2)


def plain(text: str) -> str:
    """What a reader of Markdown sees."""
    return re.sub(r"\\(.)", r"\1", text.strip())


def test_markdown_shows_text_as_it_is() -> None:
    cells = [TableCell(NASTY), TableCell("1 ± 2", bold=True, mark="†")]
    table = Table("t", NASTY, "caption", [TableBlock("h", ["v", "m"], [cells], note="n")])
    lines = markdown(table).splitlines()
    assert lines[0].startswith("# ")
    assert plain(lines[0][2:]) == NASTY
    row = next(line for line in lines if "± 2" in line)
    assert [part.strip() for part in re.split(r"(?<!\\)\|", row)[1:-1]][1] == "**1 ± 2** †"
    assert plain(re.split(r"(?<!\\)\|", row)[1]) == NASTY
    assert [line for line in lines if line in ("## h", "caption", "n")] == ["caption", "## h", "n"]


def test_a_line_break_in_a_name_does_not_break_the_table() -> None:
    assert escape_markdown("a\nb") == "a b"
    assert escape_latex("a\n\tb") == "a b"


@given(st.text(alphabet=string.printable + "βΩ±–é中", max_size=40))
def test_no_special_character_survives_in_latex(text: str) -> None:
    left = escape_latex(text)
    for known in KNOWN:
        left = left.replace(known, "")
    assert not set(left) & set("\\{}$&#%_^~<>")


def test_marks_stand_behind_the_cell_in_both_forms() -> None:
    table = Table(
        "t",
        "T",
        "C",
        [
            TableBlock(
                "",
                ["a", "b"],
                [[TableCell("x"), TableCell("1", mark="†")], [TableCell("y"), TableCell("2", bold=True)]],
            )
        ],
    )
    assert r"1\,$\dagger$ \\" in latex(table)
    assert "|   1 † |" in markdown(table)
    assert r"\textbf{2}" in latex(table)


def test_wide_blocks_are_split_for_the_page_and_keep_their_first_column() -> None:
    header = ["variant", *(f"m{i}" for i in range(7))]
    block = TableBlock("h", header, [[TableCell("a"), *(TableCell(str(i)) for i in range(7))]], note="the end")
    text = latex(Table("t", "T", "C", [block]))
    assert text.count(r"\begin{tabular}") == 3
    assert [text.count(f"m{i} ") for i in range(7)] == [1] * 7
    assert text.count("a & ") == 3
    assert text.count("the end") == 1


def test_long_blocks_are_split_into_pages_and_lose_no_row() -> None:
    rows = [[TableCell(f"name{i}."), TableCell(f"{i}")] for i in range(120)]
    apart = [[TableCell("z"), TableCell("1")]]
    text = latex(Table("t", "T", "C", [TableBlock("h", ["v", "m"], rows, reference=apart)]))
    pages = text.split(r"\begin{table*}")[1:]
    assert len(pages) == 3
    assert [page.count(r"\toprule") for page in pages] == [1, 1, 1]
    assert [text.count(f"name{i}.") for i in range(120)] == [1] * 120
    assert "z & 1" in pages[-1]
    assert text.count(r"\caption") == 1


def test_a_number_has_true_minus_signs_and_powers_of_ten_in_latex() -> None:
    cells = [TableCell("a-1e-05"), TableCell("(-9.3 ± 1.5)e-04", value=-9.3e-4), TableCell("-0.5", value=-0.5)]
    assert "a-1e-05 & ($-$9.3 $\\pm$ 1.5)$\\times10^{-4}$ & $-$0.5" in latex(
        Table("t", "T", "", [TableBlock("", ["v", "a", "b"], [cells])])
    )


def test_markdown_fits_120_columns_and_loses_nothing() -> None:
    numbers = TableBlock("n", ["variant", *(f"metric {i}" for i in range(12))], [
        [TableCell("PH-VAE, order 3"), *(TableCell(f"{i}.12 ± 0.34", mark="●") for i in range(12))]
    ])  # fmt: skip
    words = TableBlock("w", ["claim", "in words", "verdict"], [
        [TableCell(f"claim-{i}"), TableCell("many words - of it 1. and 2. " * 9), TableCell("open")] for i in range(2)
    ], widths=[0.2, 0.5, 0.3])  # fmt: skip
    text = markdown(Table("t", "T", "caption - of it " * 30, [numbers, words], rules=["a rule + more " * 20]))
    assert max(map(len, text.splitlines())) <= 120
    assert [text.count(f"metric {i} ") for i in range(12)] == [1] * 12
    assert [text.count(f"{i}.12 ± 0.34 ●") for i in range(2, 10)] == [1] * 8
    assert text.count("PH-VAE, order 3") == len([line for line in text.splitlines() if line.startswith("| variant")])
    starts = [line for line in text.splitlines() if re.match(r"\s*([-+]|\d+\.) ", line)]
    assert [line.split(";")[0] for line in starts[:2]] == ["- **claim-0**", "- **claim-1**"]
    assert len(starts) == 3, "no other line begins a list"
    assert " ".join(text.split()).count("many words - of it 1. and 2") == 18


@pytest.mark.latex
def test_nasty_and_long_names_compile(tmp_path: Path) -> None:
    long_name = "a-very-long-variant-name-with-many-parts_and_underscores.and.dots+and-more-of-it-up-to-80"
    rows = [
        [TableCell(NASTY), TableCell("0.123 ± 0.004", bold=True, mark="‡"), TableCell("-1.2e-05", value=-1.2e-5)],
        [TableCell(long_name), TableCell("–"), TableCell("–")],
    ]
    table = Table("t", NASTY, NASTY, [TableBlock(NASTY, ["variant", NASTY, long_name], rows, note=NASTY)])
    body = latex(table)
    assert r"\textbf{0.123 $\pm$ 0.004}" in body
    assert r"$-$1.2$\times10^{-5}$" in body
    set_pages(tmp_path, body + "é ß ł ő ą ð Ĳ".translate({ord(c): escape_latex(c) for c in "éßłőąðĲ"}), "")
