from __future__ import annotations

import base64
import io
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic import write_results

from phvae.analysis import report, tables
from phvae.analysis.render import Block, Cell, Table, markdown
from phvae.analysis.report_graph import STAGES, draw_graph, layers
from phvae.analysis.report_tables import read_csv, read_markdown, sort_value
from phvae.errors import DataError
from phvae.files import write_json, write_text

RULES = Path(__file__).parents[2] / "workflow" / "rules"
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
    figure: forest-{dataset}
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    root = write_results(
        folder / "a grid", datasets=("sprites",), variants=("vae", "ph-vae-3"), seeds=6,
        diverged=("sprites", "vae", 5), arrays=False,
    )  # fmt: skip
    (folder / "claims.yaml").write_text(CLAIM)
    (folder / "published.csv").write_text((RULES.parents[1] / "config/published.csv").read_text())
    tables.write(root, folder / "claims.yaml", folder / "published.csv", baseline="vae")
    picture(root / "figures" / "forest-sprites.png")
    picture(root / "figures" / "traversals-sprites.gif")
    entries = [
        {"name": "forest-sprites", "figure": "forest", "subject": "sprites", "caption": "Look at a < b & c.",
         "files": ["forest-sprites.png", "forest-sprites.pdf"]},
        {"name": "traversals-sprites", "figure": "traversals", "subject": "sprites", "caption": "Moves.",
         "files": ["traversals-sprites.gif"]},
    ]  # fmt: skip
    write_json(root / "figures" / "index.json", {"figures": entries, "absent": ["small_data"]})
    return root


def picture(path: Path, side: int = 24) -> None:
    path.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    return report.write(results).read_text(encoding="utf-8")


class Outline(HTMLParser):
    """Ids, addresses and open tags of a page."""

    VOID = frozenset({"meta", "link", "img", "br"})

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
    order = [page.index(f'id="{name}"') for name in ("claims", "tables", "figures", "origin", "reproduce")]
    assert order == sorted(order)
    claims = page[order[0] : order[1]]
    assert "✓" in page  # by style
    assert re.search(r'class="good"><b>supported', claims)
    assert '<a href="#figure-forest-sprites">forest: sprites</a>' in claims


def test_a_claim_links_to_the_pages_of_its_figure_that_hold_its_data_sets(tmp_path: Path) -> None:
    rows = [
        "claim,dataset,figure",
        "a,mnist,rate_distortion",
        "a,absent,rate_distortion",
        "a,mnist,forest-mnist",
        "b,x,",
    ]
    write_text(tmp_path / "claims.csv", "\n".join(rows))
    shown = [
        {"name": "rate_distortion", "figure": "rate_distortion", "subject": "claw, gap"},
        {"name": "rate_distortion-2", "figure": "rate_distortion", "subject": "digits, mnist"},
        {"name": "forest-mnist", "figure": "forest", "subject": "mnist"},
        {"name": "forest-digits", "figure": "forest", "subject": "digits"},
    ]
    found = report._claim_figures(tmp_path / "claims.csv", shown)
    assert found == {"a": ["rate_distortion-2", "forest-mnist"], "b": []}


def test_words_of_verdicts_have_their_colour(results: Path, tmp_path: Path) -> None:
    rows = [["a", "supported"], ["b", "contradicted (smaller than the effect that matters)"], ["c", "not resolved (x)"]]
    copy = shutil.copytree(results, tmp_path / "copy")
    page = Table("claims", "Claims", "Words.", [Block("", ["claim", "verdict"], [list(row) for row in rows])])
    write_text(copy / "tables" / "claims.md", markdown(page))
    text = report.write(copy).read_text(encoding="utf-8")
    for word, colour in (("supported", "good"), ("contradicted (smaller", "bad"), ("not resolved (x", "open")):
        assert f'class="{colour}">{word}' in text


def test_text_from_files_is_escaped(page: str) -> None:
    assert "&lt;b&gt;reconstructed&lt;/b&gt;" in page
    assert "Look at a &lt; b &amp; c." in page


def test_pictures_are_embedded_bit_by_bit(page: str, results: Path) -> None:
    found = re.findall(r'src="data:image/(png|gif);base64,([^"]+)"', page)
    assert [kind for kind, _ in found] == ["png", "gif"]
    assert base64.b64decode(found[0][1]) == (results / "figures" / "forest-sprites.png").read_bytes()


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
    assert report.write(results).read_text(encoding="utf-8") == page


def test_too_many_pictures_are_made_smaller_and_the_page_stays_under_its_limit(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shutil.copytree(results, tmp_path / "copy")
    picture(root / "figures" / "forest-sprites.png", 400)
    monkeypatch.setattr(report, "MOST_BYTES", 100_000)
    text = report.write(root).read_text(encoding="utf-8")
    (found,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(base64.b64decode(found)) < 110_000
    with Image.open(io.BytesIO(base64.b64decode(found))) as image:
        assert image.width < 400
    assert "image/gif" not in text


def test_long_tables_are_cut_with_a_note(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_ROWS", 2)
    (tmp_path / "tables").mkdir()
    write_text(tmp_path / "tables" / "numbers.csv", "a,b\n1,x\n2,y\n3,z\n")
    text = report.write(tmp_path).read_text(encoding="utf-8")
    assert "The first 2 of 3 rows." in text
    assert ">y</td>" in text
    assert ">z</td>" not in text


def test_nothing_to_show_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="phvae tables"):
        report.write(tmp_path)


def test_markdown_of_the_tables_stage_is_read_back(tmp_path: Path) -> None:
    rows = [["β-VAE | 2 *", Cell("0.0152 ± 0.0010", bold=True)], ["ph_vae", Cell("1,234 ± 31", mark="†")]]
    block = Block("data_set [1]", ["variant", "MSE"], rows, note="A note with an * and a |.")
    write_text(tmp_path / "t.md", markdown(Table("t", "A *title*", "A caption.", [block, block])))
    page = read_markdown(tmp_path / "t.md")
    assert (page.title, page.caption) == ("A *title*", "A caption.")
    assert [found.heading for found in page.blocks] == ["data_set [1]"] * 2
    found = page.blocks[1]
    assert found.header == ["variant", "MSE"]
    assert [[(c.text, c.bold) for c in row] for row in found.rows] == [
        [("β-VAE | 2 *", False), ("0.0152 ± 0.0010", True)],
        [("ph_vae", False), ("1,234 ± 31 †", False)],
    ]
    assert found.note == "A note with an * and a |."
    assert [row[1].value for row in found.rows] == [0.0152, 1234.0]


def test_csv_shows_long_numbers_short(tmp_path: Path) -> None:
    write_text(tmp_path / "t.csv", 'a,b\n0.123456789,"x, y"\n')
    (row,) = read_csv(tmp_path / "t.csv").blocks[0].rows
    assert [cell.text for cell in row] == ["0.1235", "x, y"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("−0.5", -0.5), ("1.00e-07", 1e-7), ("(3.20 ± 0.11)e-06", 3.2e-6), ("12 %", 12), ("0.03 [0.01, 0.05]", 0.03),
     ("vae", None), ("", None), ("-", None), ("(too few seeds)", None), ("9 (1/2) †", 9), ("1,234,567", 1234567),
     ("(-3.2 ± 1.1)e-06 †", -3.2e-6), ("12%", 12), ("5/6", 5), ("3(2)", 3), ("1.5 ± 0", 1.5), ("12ab34", None),
     ("5e1234567", None), ("3D Shapes", None), ("2.14.1", None), ("123456789012, 2ab (3)", None), ("2026-01-01", None)],
)  # fmt: skip
def test_cells_sort_by_their_number(text: str, value: float | None) -> None:
    assert sort_value(text) == value


def test_the_graph_is_the_workflows() -> None:
    rules = {
        name for file in RULES.glob("*.smk") for name in re.findall(r"^(?:local)?rule (\w+):", file.read_text(), re.M)
    }
    assert {node for edge in STAGES for node in edge} == rules


def test_graph_layers_go_one_way_and_circles_are_refused() -> None:
    columns = layers(STAGES)
    depth = {node: i for i, column in enumerate(columns) for node in column}
    assert all(depth[start] < depth[end] for start, end in STAGES)
    assert sum(len(column) for column in columns) == len(depth)
    with pytest.raises(ValueError, match="circle"):
        layers([("a", "b"), ("b", "a")])


def test_graph_boxes_do_not_touch_and_names_are_escaped() -> None:
    drawing = draw_graph([*STAGES, ("<a & b>", "train")])
    assert "&lt;a &amp; b&gt;" in drawing
    boxes = [
        tuple(float(v) for v in found)
        for found in re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', drawing)
    ]
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, *_ in boxes[i + 1 :]:
            assert abs(u - x) >= w or abs(v - y) >= h


DAMAGE = {
    "tables/index.json": ["{", "{}", "[]", '{"tables": 3}', '{"tables": [3]}', '{"tables": [{}]}'],
    "tables/claims.csv": ["", "name,figure\na,b\n"],
    "figures/index.json": ["{", "{}", '{"figures": [{"name": "forest"}]}'],
    "config.json": ["{", "[]", "{}", '{"config": 3}'],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in DAMAGE.items() for text in texts])
def test_a_damaged_file_is_named_with_what_to_do(results: Path, tmp_path: Path, name: str, text: str) -> None:
    copy = shutil.copytree(results, tmp_path / "copy")
    (copy / name).write_text(text)
    with pytest.raises(DataError, match=rf"{copy / name}: .*; .*run .* again"):
        report.write(copy)
