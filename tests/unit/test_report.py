from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic import write_results

from phvae.analysis.claims.answers import Answer, AnswerFamily, Answers, ClaimAnswers, Question, write_answers
from phvae.analysis.figures.index import DrawnFigure, FigureIndex, write_figure_index
from phvae.analysis.report import pictures, write
from phvae.analysis.report.commands import commands
from phvae.analysis.report.gallery import FigureGroup, gallery
from phvae.analysis.report.pictures import ShownFigure
from phvae.analysis.report.write import write_report
from phvae.analysis.tables.layout import ShownIn, Table, TableBlock, TableCell, read_tables, write_table
from phvae.analysis.tables.write import write_tables
from phvae.errors import DataError

CONFIG = Path(__file__).parents[2] / "config"
CLAIM = """
written: 2026-01-01
source: a test
claims:
  accuracy:
    text: Images are <b>reconstructed</b> more accurately.
    datasets: [sprites]
    metric: mse
    direction: lower
    challenger: ph-vae-3
    controls: [vae]
    matters: {relative: 0.01}
    figure: paired_seeds-{dataset}
"""


ASKED = [
    Question("better than the VAE?", [Answer("sprites", "supported", "by 0.002 [0.001, 0.003]")]),
    Question("better than every <i>control</i>?", [Answer("sprites", "undecided", "<script>alert(1)</script>")]),
]
TEXT = "Images are <b>reconstructed</b> more accurately."
ANSWERS = Answers(
    ["sprites"], [AnswerFamily("accuracy", "Better than <u>the VAE</u>.", [ClaimAnswers("accuracy", TEXT, ASKED)])]
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    root = write_results(
        folder / "a grid", datasets=("sprites",), variants=("vae", "ph-vae-3"), seeds=6,
        diverged=("sprites", "vae", 5), arrays=False,
    )  # fmt: skip
    (folder / "claims.yaml").write_text(CLAIM)
    (folder / "published.csv").write_text((CONFIG / "published.csv").read_text())
    write_tables(root, folder / "claims.yaml", folder / "published.csv", baseline="vae")
    picture(root / "figures" / "paired_seeds-sprites.png")
    picture(root / "figures" / "traversals-sprites.gif")
    picture(root / "figures" / "contest-accuracy.png")
    drawn = [
        DrawnFigure(
            "paired_seeds-sprites",
            "paired_seeds",
            ["sprites"],
            "Look at a < b & c.",
            ["paired_seeds-sprites.png", "paired_seeds-sprites.pdf"],
        ),
        DrawnFigure("traversals-sprites", "traversals", ["sprites"], "Moves.", ["traversals-sprites.gif"]),
        DrawnFigure("contest-accuracy", "contest", ["sprites"], "", ["contest-accuracy.png"], alt="A <b> won."),
    ]
    write_figure_index(root / "figures", FigureIndex(drawn, ["small_data"]))
    write_answers(root / "tables", ANSWERS)
    return root


def picture(path: Path, side: int = 24) -> None:
    path.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    return write_report(results).read_text(encoding="utf-8")


PARTS = ("warnings", "answers", "claims", "figures", "tables", "origin", "reproduce")


class Outline(HTMLParser):
    """Ids, addresses and open tags of a page."""

    VOID = frozenset({"meta", "link", "img", "br", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.addresses += [str(found[key]) for key in ("src", "href") if key in found]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_names_nothing_outside_itself(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    for address in outline.addresses:
        assert address.startswith(("data:", "#")), address
        assert not address.startswith("#") or address[1:] in outline.ids, address
    assert "default-src 'none'" in page


def test_claims_come_first_and_link_to_their_figure(page: str) -> None:
    order = [page.index(f'id="{name}"') for name in PARTS]
    assert order == sorted(order)
    claims = page[order[2] : order[3]]
    assert re.search(r'class="good"><b>supported', claims)
    assert '<section class="claim" id="claim-accuracy"' in claims
    assert "tables/claim-contests.csv" in claims
    answers = page[order[1] : order[2]]
    assert re.search(r'<td class="good"><a href="#claim-accuracy"[^>]*>✓</a></td>', answers)
    assert re.search(r'<td class="open"><a href="#claim-accuracy"[^>]*>\?</a></td>', answers)
    assert "#figure-paired_seeds-sprites" in claims
    assert '<figure id="figure-contest-accuracy">' in claims
    assert 'alt="A &lt;b&gt; won."' in claims


def test_what_has_no_numbers_is_named_in_one_line(results: Path, page: str) -> None:
    tables = read_tables(results / "tables")
    empty = [table for table in tables if not table.blocks]
    assert {"densities", "small-data"} <= {table.name for table in empty}
    assert f"Without numbers in these results: {', '.join(table.title for table in empty)}.</p>" in page
    shown = {table.name for table in tables if f'id="table-{table.name}"' in page}
    assert shown == {table.name for table in tables if table.blocks and table.name != "claims"}


def test_a_block_links_to_the_pages_of_its_figure_that_hold_its_data_sets() -> None:
    drawn = [
        DrawnFigure("rate_distortion", "rate_distortion", ["claw", "gap"], "", []),
        DrawnFigure("rate_distortion-2", "rate_distortion", ["digits", "mnist"], "", []),
        DrawnFigure("paired_seeds-mnist", "paired_seeds", ["mnist"], "", []),
        DrawnFigure("paired_seeds-digits", "paired_seeds", ["digits"], "", []),
    ]
    meant = [
        ShownIn("rate_distortion", "mnist"),
        ShownIn("rate_distortion", "absent"),
        ShownIn("paired_seeds-mnist", "mnist"),
    ]
    blocks = [TableBlock("a", [], [], shown_in=meant), TableBlock("b", [], [])]
    found = write._figures_by_block([Table("claims", "", "", blocks)], drawn)
    assert found == {("claims", "a"): ["rate_distortion-2", "paired_seeds-mnist"], ("claims", "b"): []}


def test_words_of_verdicts_have_their_colour(results: Path, tmp_path: Path) -> None:
    words = {"supported": "good", "contradicted": "bad", "not resolved": "open", "not testable": "mute"}
    rows = [[TableCell("a"), TableCell(f"{word} (because)", word=word)] for word in words]
    copy = shutil.copytree(results, tmp_path / "copy")
    table = Table("claims", "Claims", "Words.", [TableBlock("", ["claim", "verdict"], rows, widths=[0.5, 0.5])])
    write_table(copy / "tables", table)
    text = write_report(copy).read_text(encoding="utf-8")
    for word, colour in words.items():
        assert f'class="{colour}">{word} (because)' in text


def test_cells_sort_by_the_number_that_they_show(page: str, results: Path) -> None:
    (images,) = [table for table in read_tables(results / "tables") if table.name == "images"]
    numbers = [cell for row in images.blocks[0].rows for cell in row if cell.value is not None]
    assert numbers
    for cell in numbers:
        assert float(cell.text.split(" ")[0].replace(",", "")) == pytest.approx(cell.value, rel=0.01)
        assert f'data-value="{cell.value}"' in page


def test_text_from_files_is_escaped(page: str) -> None:
    assert "&lt;b&gt;reconstructed&lt;/b&gt;" in page
    assert "Look at a &lt; b &amp; c." in page
    assert "Better than &lt;u&gt;the VAE&lt;/u&gt;." in page
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2  # in the answer's title and in the claim's own table


def test_pictures_are_embedded_pixel_by_pixel_and_none_moves_by_itself(page: str, results: Path) -> None:
    found = re.findall(r'(src|data-moving)="data:image/(webp|gif);base64,([^"]+)"', page)
    assert [(place, kind) for place, kind, _ in found] == [*[("src", "webp")] * 3, ("data-moving", "gif")]
    _, shown, still, moving = (base64.b64decode(data) for *_, data in found)
    for data, name in ((shown, "paired_seeds-sprites.png"), (still, "traversals-sprites.gif")):
        with Image.open(io.BytesIO(data)) as one, Image.open(results / "figures" / name) as other:
            assert np.array_equal(np.asarray(one.convert("RGB")), np.asarray(other.convert("RGB")))
    assert moving == (results / "figures" / "traversals-sprites.gif").read_bytes()
    assert 'alt="paired seeds of sprites: Look at a &lt; b &amp; c."' in page


def test_origin_lists_lost_runs_versions_config_and_ways_back(page: str) -> None:
    assert "the loss is not finite at epoch 3" in page
    assert "11 ok" in page
    assert "1 diverged" in page
    assert re.search(r"<th scope=\"row\">torch</th><td>2\.14\.1</td>", page)
    assert "baseline: vae" in page
    assert "snakemake --cores 2 --configfile config/synthetic.yaml" in page
    assert "Not drawn, because these results hold nothing for them: small data." in page


def test_the_claims_hash_and_day_stand_on_the_page(page: str) -> None:
    assert "2026-01-01" in page
    assert re.search(r"sha256 [0-9a-f]{64}", page)


def test_equal_results_give_equal_bytes(results: Path, page: str) -> None:
    assert write_report(results).read_text(encoding="utf-8") == page


def test_too_many_pictures_are_made_smaller_and_the_page_stays_under_its_limit(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shutil.copytree(results, tmp_path / "copy")
    picture(root / "figures" / "paired_seeds-sprites.png", 400)
    monkeypatch.setattr(pictures, "MOST_BYTES", 22_000)
    text = write_report(root).read_text(encoding="utf-8")
    _, found, _ = re.findall(r'src="data:image/webp;base64,([^"]+)"', text)
    assert len(base64.b64decode(found)) < 22_000
    with Image.open(io.BytesIO(base64.b64decode(found))) as image:
        assert image.width < 400
    assert "image/gif" not in text


def test_long_tables_are_cut_with_a_note(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "MOST_ROWS", 2)
    copy = shutil.copytree(results, tmp_path / "copy")
    rows = [[TableCell(text)] for text in ("row one", "row two", "row three")]
    write_table(copy / "tables", Table("cost", "Cost", "Words.", [TableBlock("", ["a"], rows)]))
    text = write_report(copy).read_text(encoding="utf-8")
    assert "The first 2 of 3 rows." in text
    assert ">row two</th>" in text
    assert ">row three</th>" not in text


def test_nothing_to_show_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="phvae tables"):
        write_report(tmp_path)


DAMAGE = {
    "tables/index.json": ["{", "{}", "[]", '{"tables": 3}', '{"baseline": "vae", "tables": [3]}'],
    "tables/claims.json": [
        "",
        "{",
        "[]",
        '{"name": "claims"}',
        '{"name": "a", "title": "", "caption": "", "blocks": 3}',
    ],
    "figures/index.json": ["{", "{}", '{"figures": [{"name": "paired_seeds"}]}'],
    "config.json": ["{", "[]", "{}", '{"config": 3}'],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in DAMAGE.items() for text in texts])
def test_a_damaged_file_is_named_with_what_to_do(results: Path, tmp_path: Path, name: str, text: str) -> None:
    copy = shutil.copytree(results, tmp_path / "copy")
    (copy / name).write_text(text)
    with pytest.raises(DataError, match=rf"{copy / name}: .*; .*run .* again"):
        write_report(copy)


def test_a_table_of_the_index_that_is_absent_is_named(results: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(results, tmp_path / "copy")
    (copy / "tables" / "images.json").unlink()
    with pytest.raises(DataError, match=r"images\.json: absent; run `phvae tables` again"):
        write_report(copy)


def test_figures_that_no_claim_is_shown_in_go_to_the_appendix() -> None:
    datasets = {
        "interval_plot-nll_x": ["claw", "gap"], "paired_seeds-claw": ["claw"], "samples-claw": ["claw"],
        "paired_seeds-gap": ["gap"], "kl_levels": ["claw", "gap"], "kl_levels-2": ["digits"],
    }  # fmt: skip
    figures = [
        ShownFigure(DrawnFigure(name, name.split("-")[0], shown, "", [], "lost" * (name == "paired_seeds-gap")), [])
        for name, shown in datasets.items()
    ]

    def told(groups: list[FigureGroup]) -> list[tuple[str, list[str]]]:
        return [(group.name, [figure.drawn.name for figure in group.figures]) for group in groups]

    found = gallery(figures, {"paired_seeds-claw"})
    assert told(found.first) == [
        ("Several data sets", ["interval_plot-nll_x"]), ("claw", ["paired_seeds-claw"]), ("gap", ["paired_seeds-gap"]),
    ]  # fmt: skip
    assert told(found.more) == [
        ("Several data sets", ["kl_levels"]), ("claw", ["samples-claw"]), ("digits", ["kl_levels-2"]),
    ]  # fmt: skip
    assert found.first_links == {
        "interval plot": [("nll x", "interval_plot-nll_x")],
        "paired seeds": [("claw", "paired_seeds-claw"), ("gap", "paired_seeds-gap")],
    }
    assert found.more_links["KL levels"] == [("2 data sets", "kl_levels"), ("digits", "kl_levels-2")]
    assert not gallery(figures, ()).more
    assert not gallery([figures[2], figures[4]], {"contest-density"}).more, "nothing else would be shown"


def test_commands_are_quoted_and_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = commands(tmp_path / "results" / "a grid", "my config.yaml", ["a part.py"])
    assert told["a comparison"] == "phvae compare 'results/a grid' --baseline VARIANT"
    assert told["figures"] == "phvae figures --config 'my config.yaml'"
    assert next(iter(told.values())) == "export PHVAE_PARTS='a part.py'"


def test_without_claims_the_page_opens_with_the_comparison(results: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(results, tmp_path / "copy")
    (copy / "tables" / "answers.json").unlink()
    write_tables(copy, None, CONFIG / "published.csv", baseline="vae")
    (copy / "tables" / "answers.json").unlink(missing_ok=True)
    text = write_report(copy).read_text(encoding="utf-8")
    opening = text[text.index('id="answers"') : text.index('id="figures"')]
    assert "Compared with VAE" in opening
    assert "sprites (MSE, lower is better): better than VAE: PH-VAE 3." in opening
    assert re.search(r'<td class="good" title="difference -0[.]00[^"]*5 pairs"><span aria-label="better"', opening)
    assert "not tested" not in opening
    assert 'id="claims"' not in text


def test_words_in_backticks_are_code_and_escaped(results: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(results, tmp_path / "copy")
    (copy / "tables" / "answers.json").unlink()
    write_tables(copy, None, CONFIG / "published.csv", baseline="vae")
    path = copy / "tables" / "claims.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"caption": "Type `phvae <b>` here."}))
    assert '<p class="soft">Type <code>phvae &lt;b&gt;</code> here.</p>' in write_report(copy).read_text()
