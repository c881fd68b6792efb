from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from phvae.analysis.results import collect, configuration, long_table
from phvae.analysis.results.columns import Costs, Line, Origin, columns, render
from phvae.analysis.statistics.summary import summary
from phvae.errors import DataError
from phvae.metrics.registry import METRICS
from phvae.model.options import ModelConfig

EXPECTED = [("digits", n, v, s) for n in (100, "all") for v in ("vae", "ph-vae-3") for s in (0, 1, 10)]


def row(metric: str, value: float | None, split: str = "test", **more: Any) -> dict[str, Any]:
    base = {"unit": "1", "higher_is_better": False, "n": 100, "ceiling": None, "floor": 0.1, "noise_sd": 0.01}
    status = "ok" if value is not None else "empty"
    return {
        "split": split,
        "metric": metric,
        "value": value,
        **base,
        "settings": "",
        "status": status,
        "reason": "",
        **more,
    }


def scored(rows: Any) -> dict[str, Any]:
    """A file of scores with these rows."""
    return {"scores": {"toy": {"rows": rows}}}


def write_run(root: Path, dataset: str, n: int | str, variant: str, seed: int, **record: Any) -> Path:
    folder = root / "runs" / dataset / f"n-{n}" / variant / f"seed-{seed}"
    folder.mkdir(parents=True)
    order = 3 if "3" in variant else 1
    content = {
        "run_key": f"{variant}{seed}", "dataset": dataset, "n_train": n, "variant": variant, "label": variant.upper(),
        "seed": seed, "status": "ok", "config": {"model": ModelConfig(order=order).model_dump(mode="json")},
        "parameters": {"total": 30, "encoder": 20, "decoder": 10}, "seconds": 5.0, "images_per_second": 900.0,
        "peak_memory_mb": 64.0, "best_epoch": 3, "epochs": 4, "versions": {"numpy": "2"}, "commit": "abc",
        "dirty": False, "device": "cpu", "threads": 1, "reads": {"data": "d1"}, **record,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(content))
    if content["status"] == "ok":
        rows = [row("mse", 0.1 + seed / 3), row("kl", None, reason="why"), row("mse", 0.5, split="train")]
        (folder / "metrics.json").write_text(json.dumps(scored(rows)))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for run in EXPECTED:
        write_run(tmp_path, *run)
    return tmp_path


def test_table_has_the_columns_in_order_and_one_row_a_metric(root: Path) -> None:
    table = collect.collect(root, EXPECTED)
    assert tuple(table.columns) == long_table.COLUMNS
    assert len(table) == len(EXPECTED) * 3
    first = table.iloc[0]
    assert (first.n_train, first.variant, first.seed, first.metric) == ("100", "vae", 0, "kl")
    ph = table[table.variant == "ph-vae-3"].iloc[0]
    assert (ph.order, ph.coupling, ph.divergence, ph.beta) == (3, "chain(0.5)", "hierarchical:geometric(2)", 1.0)
    assert list(table.seed.unique()) == [0, 1, 10]
    empty = table[table.metric == "kl"]
    assert empty.value.isna().all()
    assert set(empty.status) == {"empty"}


def test_a_backbone_is_what_is_left_of_a_model_without_order_and_divergence(tmp_path: Path) -> None:
    models = [{}, {"order": 3}, {"divergence": {"name": "kl", "beta": 4.0}}, {"prior": "standard"}]
    other = [{"latent_size": 24}, {"network": {"name": "dense", "hidden": [9]}}, {"likelihood": "bernoulli"}]
    for seed, model in enumerate([*models, *other]):
        record = {"config": {"model": ModelConfig.model_validate(model).model_dump(mode="json")}}
        write_run(tmp_path, "digits", 100, f"v{seed}", seed, **record)
    found = collect.collect(tmp_path).groupby("variant")["backbone"].unique().map(lambda names: names[0])
    assert found[: len(models)].nunique() == 1
    assert found.nunique() == 1 + len(other)


def test_the_table_says_which_variants_the_configuration_keeps_off_the_curve(root: Path) -> None:
    table = collect.collect(root, EXPECTED, None, {"vae"})
    assert table.groupby("variant")["off_curve"].unique().map(list).to_dict() == {"vae": [True], "ph-vae-3": [False]}
    older = table.drop(columns=["off_curve", "family", "role"])
    older.to_parquet(root / "metrics.parquet", index=False)  # of an earlier version
    again = long_table.read_table(root)
    assert tuple(again.columns) == long_table.COLUMNS
    assert not again["off_curve"].any()
    assert again.groupby("variant")["role"].first().to_dict() == {"vae": "baseline", "ph-vae-3": "challenger"}


def test_csv_is_byte_identical_whatever_the_order_and_the_clock(root: Path) -> None:
    collect.collect(root, EXPECTED)
    first = (root / "metrics.csv").read_bytes()
    path = root / "runs/digits/n-100/vae/seed-0/run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 99.0, "peak_memory_mb": 1.0}))
    shuffled = [EXPECTED[0], *reversed(EXPECTED[1:])]
    collect.collect(root, [run for v in ("vae", "ph-vae-3") for run in shuffled if run[2] == v])
    assert (root / "metrics.csv").read_bytes() == first
    assert b"0.43333333333333335" in first  # shortest decimal of the double, not a rounding


def test_reading_back_gives_the_same_table_from_parquet_and_from_csv(root: Path) -> None:
    table = collect.collect(root, EXPECTED)
    pd.testing.assert_frame_equal(long_table.read_table(root), table)
    (root / "metrics.parquet").unlink()
    pd.testing.assert_frame_equal(long_table.read_table(root), table)


def test_lines_stand_in_the_order_of_the_configuration(root: Path) -> None:
    write_run(root, "a", 20, "vae", 0)
    listed = [("digits", "all", "ph-vae-3", 0), ("digits", 100, "ph-vae-3", 0), ("a", 20, "vae", 0),
              ("digits", "all", "vae", 10), ("digits", "all", "vae", 1), ("digits", 100, "vae", 1)]  # fmt: skip
    table = collect.collect(root, listed)
    cells = table[["dataset", "n_train", "variant", "seed"]].drop_duplicates().to_numpy().tolist()
    assert cells == [
        ["digits", "100", "ph-vae-3", 0], ["digits", "100", "vae", 1], ["digits", "all", "ph-vae-3", 0],
        ["digits", "all", "vae", 1], ["digits", "all", "vae", 10], ["a", "20", "vae", 0],
    ]  # fmt: skip


def test_runs_without_numbers_are_rows_with_a_reason(root: Path) -> None:
    write_run(root, "digits", 100, "vae", 2, status="diverged", reason="loss is nan at step 7")
    write_run(root, "digits", 100, "vae", 3)
    (root / "runs/digits/n-100/vae/seed-3/metrics.json").write_text('{"rows": [')
    write_run(root, "digits", 100, "vae", 4)
    (root / "runs/digits/n-100/vae/seed-4/metrics.json").unlink()
    table = collect.collect(root, [*EXPECTED, *[("digits", 100, "vae", s) for s in (2, 3, 4, 5)]])
    lost = table[table.metric == long_table.RUN]
    assert list(zip(lost.seed, lost.status, strict=True)) == [
        (2, "diverged"),
        (3, "failed"),
        (4, "missing"),
        (5, "missing"),
    ]
    reasons = list(lost.reason)
    assert reasons[0] == "loss is nan at step 7"
    assert "metrics.json cannot be read" in reasons[1]
    assert "not evaluated" in reasons[2]
    assert "not trained" in reasons[3]
    assert lost.value.isna().all()
    assert set(lost.order) == {1}  # known from the runs beside it
    costs = long_table.read_costs(root)
    assert list(costs[costs.status != "ok"].status) == list(lost.status)


def test_unit_direction_and_too_few_examples_come_from_the_entry_of_the_metric(root: Path) -> None:
    least = METRICS["factor_vae"].comparable_from
    assert least is not None
    rows = [
        row("factor_vae", 0.4, "few", n=least - 1), row("factor_vae", 0.4, "enough", n=least),
        row("factor_vae", 0.4, "unknown", n=None), row("factor_vae", None, "empty", n=1),
        row("factor_vae", 0.4, "own", n=1, caution="not settled"), row("w1_samples_mean", 0.1, n=1),
        row("of an earlier version", 0.1, unit="ells", higher_is_better=True),
    ]  # fmt: skip
    (root / "runs/digits/n-100/vae/seed-0/metrics.json").write_text(json.dumps(scored(rows)))
    table = collect.collect(root, EXPECTED)
    found = table[(table.n_train == "100") & (table.variant == "vae") & (table.seed == 0)].set_index("metric")
    votes = found.loc["factor_vae"].set_index("split")
    assert dict(votes.caution) == {
        "few": f"from {least - 1:,} examples, comparable from {least:,}", "enough": "", "unknown": "", "empty": "",
        "own": "not settled",
    }  # fmt: skip
    assert set(votes.higher_is_better) == {True}
    assert (found.unit["w1_samples_mean"], found.higher_is_better["w1_samples_mean"]) == ("interquartile ranges", False)
    assert (found.unit["of an earlier version"], found.higher_is_better["of an earlier version"]) == ("ells", True)


def test_scores_that_a_kill_cut_short_are_missing(root: Path) -> None:
    path = root / "runs/digits/n-100/vae/seed-0/metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"asked": ["toy", "mig", "dci"]}))
    table = collect.collect(root, EXPECTED)
    (lost,) = table[table.metric == long_table.RUN].to_dict("records")
    assert (lost["seed"], lost["status"]) == (0, "missing")
    assert lost["reason"] == "not evaluated to the end: metrics.json lacks mig, dci"


def test_groups_have_no_seed(root: Path) -> None:
    (root / "runs/digits/n-100/vae/groups.json").write_text(json.dumps(scored([row("udr_lasso", 0.4)])))
    table = collect.collect(root, EXPECTED)
    udr = table[table.metric == "udr_lasso"]
    assert udr.seed.isna().all()
    assert list(udr.value) == [0.4]


def test_costs_come_from_the_stages_files(root: Path) -> None:
    folder = root / "runs/digits/n-100/vae/seed-0"
    (folder / "costs.json").write_text(json.dumps({"seconds_train": 7.5, "seconds_encode": 1.5}))
    collect.collect(root, EXPECTED)
    costs = long_table.read_costs(root)
    assert tuple(costs.columns) == long_table.COST_COLUMNS
    assert (costs.seconds_train[0], costs.seconds_encode[0], costs.parameters[0]) == (7.5, 1.5, 30)
    assert costs.seconds_train[1] == 5.0


@pytest.mark.parametrize(("losses", "gain"), [
    ([10, *[-5] * 17, -9, -10], 5 / 20),  # 20 epochs: the last two brought 5 of 20
    ([10, 2, *[3] * 18], 0.0),
    ([1, *[2] * 19], None),  # never fell
    ([10, 5, 1], None),  # too short to tell
])  # fmt: skip
def test_what_the_last_tenth_of_the_epochs_brought(root: Path, losses: list[float], gain: float | None) -> None:
    lines = "".join(f"{epoch},{loss}\n" for epoch, loss in enumerate(losses, 1))
    (root / "runs/digits/n-100/vae/seed-0/history.csv").write_text("epoch,validation_loss\n" + lines)
    collect.collect(root, EXPECTED)
    costs = long_table.read_costs(root)
    assert costs.late_gain[0] == pytest.approx(gain) if gain is not None else pd.isna(costs.late_gain[0])
    assert pd.isna(costs.late_gain[1])  # has no history


TERMS = "epoch,validation_loss,validation_reconstruction,validation_kl\n1,9,5,2\n2,7,4,2.5\n3,6,3.5,3\n4,8,3,4\n"


@pytest.mark.parametrize(("record", "select", "kept"), [
    ({}, "loss", (3.5, 3.0)),  # an earlier record does not say what chose its epoch
    ({"training": {"select": "last"}, "best_epoch": 4}, "last", (3.0, 4.0)),
    ({"best_epoch": None}, "loss", (None, None)),
    ({"best_epoch": 9}, "loss", (None, None)),  # damaged: the history is shorter
])  # fmt: skip
def test_costs_hold_the_terms_of_the_epoch_that_was_kept_and_of_the_last(
    root: Path, record: dict[str, Any], select: str, kept: tuple[float | None, float | None]
) -> None:
    config = {"model": ModelConfig().model_dump(mode="json"), "training": {"epochs": 4, **record.pop("training", {})}}
    folder = write_run(root, "digits", 100, "vae", 2, config=config, **record)
    (folder / "history.csv").write_text(TERMS)
    collect.collect(root, [*EXPECTED, ("digits", 100, "vae", 2)])
    costs = long_table.read_costs(root).query("seed == 2").iloc[0]
    assert costs["select"] == select
    found = tuple(None if pd.isna(costs[name]) else costs[name] for name in ("kept_reconstruction", "kept_kl"))
    assert found == kept
    assert (costs["last_reconstruction"], costs["last_kl"]) == (3.0, 4.0)


def test_costs_of_an_earlier_version_lack_what_it_did_not_keep(root: Path) -> None:
    collect.collect(root, EXPECTED)
    path = root / "costs.parquet"
    pd.read_parquet(path).drop(columns="late_gain").to_parquet(path)
    assert long_table.read_costs(root)["late_gain"].isna().all()


def test_runs_keep_label_origin_and_whether_the_data_are_binary(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data/digits.json").write_text(json.dumps({"binary": True}))
    collect.collect(root, EXPECTED)
    runs = long_table.read_runs(root)
    assert tuple(runs.columns) == long_table.RUN_COLUMNS
    assert (runs.label[0], runs.commit[0], runs.binary[0], runs.data_sha256[0]) == ("VAE", "abc", True, "d1")
    assert set(runs.hardware) == {""}  # of an earlier version
    path = root / "runs/digits/n-100/vae/seed-0/run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hardware": "a chip"}))
    collect.collect(root, EXPECTED)
    assert long_table.read_runs(root).hardware[0] == "a chip"


def test_a_run_without_a_record_has_the_label_of_its_variant(root: Path) -> None:
    collect.collect(root, [*EXPECTED, ("digits", "all", "vae", 99), ("digits", "all", "never", 0)])
    runs = long_table.read_runs(root)
    labels = dict(zip(zip(runs["variant"], runs["seed"], strict=True), runs["label"], strict=True))
    assert (labels["vae", 99], labels["never", 0]) == ("VAE", "never")


def test_labels_of_the_configuration_stand_over_those_of_the_runs(root: Path) -> None:
    collect.collect(root, EXPECTED, {"vae": "plain"})
    labels = dict(long_table.read_runs(root)[["variant", "label"]].itertuples(index=False))
    assert labels == {"vae": "plain", "ph-vae-3": "PH-VAE-3"}


def test_without_expectations_the_runs_on_disk_are_taken(root: Path) -> None:
    assert len(collect.collect(root)) == len(EXPECTED) * 3


def test_a_metric_twice_is_refused(root: Path) -> None:
    path = root / "runs/digits/n-100/vae/seed-0/metrics.json"
    path.write_text(json.dumps(scored([row("mse", 1.0), row("mse", 2.0)])))
    with pytest.raises(DataError, match="'mse' twice"):
        collect.collect(root, EXPECTED)


def test_no_runs_and_no_table_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no runs"):
        collect.collect(tmp_path)
    with pytest.raises(DataError, match="phvae collect"):
        long_table.read_table(tmp_path)


@pytest.mark.parametrize(
    ("divergence", "text"),
    [
        ("kl", "kl"),
        ({"name": "hierarchical", "weights": "uniform"}, "hierarchical:uniform"),
        ({"name": "hierarchical", "weights": [1, 2, 0.5]}, "hierarchical:list(1 2 0.5)"),
        ({"name": "log_polynomial"}, "log_polynomial:exponential(3)"),
        ({"name": "log_polynomial", "coefficients": [1, 0.5]}, "log_polynomial:list(1 0.5)"),
    ],
)
def test_divergences_in_words(tmp_path: Path, divergence: Any, text: str) -> None:
    model = ModelConfig.model_validate({"order": 3, "divergence": divergence}).model_dump(mode="json")
    write_run(tmp_path, "a", 5, "v", 0, config={"model": model})
    assert set(collect.collect(tmp_path).divergence) == {text}


def test_a_diverged_run_is_counted_once_also_with_a_row_a_metric(root: Path) -> None:
    folder = write_run(root, "digits", 100, "vae", 2, status="diverged")
    rows = [row(name, None, status="diverged", reason="the training diverged") for name in ("mse", "kl")]
    (folder / "metrics.json").write_text(json.dumps(scored(rows)))
    table = collect.collect(root, [*EXPECTED, ("digits", 100, "vae", 2)])
    lost = table[table["seed"] == 2]
    assert list(zip(lost["metric"], lost["status"], strict=True)) == [("kl", "diverged"), ("mse", "diverged")]
    mse = summary(table).query("n_train == '100' and variant == 'vae' and metric == 'mse' and split == 'test'").iloc[0]
    assert (mse["diverged"], mse["n"], mse["planned"], mse["missing"]) == (1, 3, 4, 0)


RECORD = {"config": {}, "parameters": [1], "hardware": 8, "files": 1, "epochs": "many", "best_epoch": 1.5,
          "reads": 3, "versions": "2", "label": 1, "accepted": [3], "run_key": 5, "dirty": "no"}  # fmt: skip


@pytest.mark.parametrize("key", [*RECORD, "config.model", "config.model.order"])
def test_a_record_that_the_tables_cannot_take_is_a_failed_run(root: Path, key: str) -> None:
    model = ModelConfig().model_dump(mode="json")
    models = {"config.model": {}, "config.model.order": model | {"order": "x"}}
    damage = {"config": {"model": models[key]}} if key in models else {key: RECORD[key]}
    write_run(root, "digits", 100, "vae", 2, **damage)
    table = collect.collect(root, [*EXPECTED, ("digits", 100, "vae", 2)])
    (lost,) = table[table.seed == 2].to_dict("records")
    assert (lost["metric"], lost["status"]) == (long_table.RUN, "failed")
    assert lost["reason"].startswith("run.json cannot be read: ")
    assert len(table[table.metric != long_table.RUN]) == len(EXPECTED) * 3
    assert list(long_table.read_runs(root).query("seed == 2").status) == ["failed"]


ROWS = {"empty": [{}], "number": 3, "numbers": [3], "value": [row("mse", 1.0) | {"value": "abc"}],
        "n": [row("mse", 1.0, n=1.5)], "split": [row("mse", 1.0) | {"split": 1}]}  # fmt: skip


@pytest.mark.parametrize("what", ROWS)
def test_scores_that_the_table_cannot_hold_are_a_failed_run(root: Path, what: str) -> None:
    folder = root / "runs/digits/n-100/vae/seed-0"
    (folder / "metrics.json").write_text(json.dumps(scored(ROWS[what])))
    table = collect.collect(root, EXPECTED)
    (lost,) = table[(table.metric == long_table.RUN)].to_dict("records")
    assert (lost["seed"], lost["status"]) == (0, "failed")
    assert lost["reason"].startswith("metrics.json cannot be read: ")
    for content in (scored(ROWS[what]), {"rows": [row("udr_lasso", 0.4)]}):  # the second of an earlier version
        (folder.parent / "groups.json").write_text(json.dumps(content))
        with pytest.raises(DataError, match=r"vae/groups\.json: .*; run `phvae evaluate` again"):
            collect.collect(root, EXPECTED)


def test_damaged_costs_are_left_out(root: Path) -> None:
    folder = root / "runs/digits/n-100/vae/seed-0"
    (folder / "costs.json").write_text(json.dumps({"seconds_train": "long", "seconds_encode": 1.5}))
    (folder / "history.csv").write_text("epoch,validation_loss\n1,0.5\n2")
    collect.collect(root, EXPECTED)
    costs = long_table.read_costs(root)
    assert (costs.seconds_train[0], costs.seconds_encode[0]) == (5.0, 1.5)
    assert pd.isna(costs.late_gain[0])


def test_scores_of_another_file_of_weights_are_missing(root: Path) -> None:
    folder = root / "runs/digits/n-100/vae/seed-0"
    record = json.loads((folder / "run.json").read_text()) | {"files": {"model.safetensors": "w1"}}
    (folder / "run.json").write_text(json.dumps(record))
    for read, status in (("w1", "ok"), ("w0", "missing")):
        (folder / "encode.json").write_text(json.dumps({"reads": {"model.safetensors": read}, "run_key": "older"}))
        collect.collect(root, EXPECTED)
        assert long_table.read_runs(root).status[0] == status


def test_scores_of_an_earlier_model_are_missing(root: Path) -> None:
    folder = root / "runs/digits/n-100/vae/seed-0"
    encoded = {"key": "e", "run_key": "vae0", "files": {}}
    for known, status in ((encoded, "ok"), (encoded | {"run_key": "older"}, "missing"), ({"key": "e"}, "ok")):
        (folder / "encode.json").write_text(json.dumps(known))
        collect.collect(root, EXPECTED)
        assert long_table.read_runs(root).status[0] == status
    (folder / "encode.json").write_text(json.dumps(encoded | {"run_key": "older"}))
    table = collect.collect(root, EXPECTED)
    assert list(table[table.metric == long_table.RUN].reason) == [collect.OUTDATED]
    record = json.loads((folder / "run.json").read_text())
    accepted = [{"from": "older", "to": "vae0"}]  # the same numbers under the key of edited code
    (folder / "run.json").write_text(json.dumps(record | {"accepted": accepted}))
    assert len(collect.collect(root, EXPECTED)) == len(EXPECTED) * 3


TABLES = {"empty": b"", "words": b"no table", "cut": None}


@pytest.mark.parametrize("harm", TABLES)
@pytest.mark.parametrize("name", ["metrics.parquet", "metrics.csv", "costs.parquet", "runs.parquet"])
def test_a_damaged_table_is_named_with_what_to_do(root: Path, name: str, harm: str) -> None:
    collect.collect(root, EXPECTED)
    path = root / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if harm == "cut" else TABLES[harm] or b"")
    if name == "metrics.csv":
        (root / "metrics.parquet").unlink()
        if harm == "cut":
            path.write_bytes(content.replace(b"0.1,1,", b"a,b,c,1,", 1))
    others = {"costs.parquet": long_table.read_costs, "runs.parquet": long_table.read_runs}
    read = others.get(name, long_table.read_table)
    with pytest.raises(DataError, match=f"{path}: .*; run `phvae collect` again"):
        read(root)


@pytest.mark.parametrize("name", ["metrics.parquet", "metrics.csv"])
def test_a_table_of_another_schema_is_refused(root: Path, name: str) -> None:
    table = collect.collect(root, EXPECTED).assign(schema_version=7).drop(columns="unit")
    table.to_parquet(root / "metrics.parquet")
    table.to_csv(root / "metrics.csv", index=False)
    if name == "metrics.csv":
        (root / "metrics.parquet").unlink()
    with pytest.raises(DataError, match=f"{name}: found schema 7, expected 1; run `phvae collect` again"):
        long_table.read_table(root)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "damaged"),
        ("{}", "config: found nothing"),
        ("[]", "found []"),
        ('{"config": 3}', "config: found 3"),
    ],
)
def test_a_damaged_configuration_is_named_with_its_remedy(tmp_path: Path, content: str, found: str) -> None:
    assert configuration.default_baseline(tmp_path) == "vae"
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(DataError, match=r"config\.json: .*; remove it and run the workflow again$") as error:
        configuration.default_baseline(tmp_path)
    assert found in str(error.value)


def test_the_configuration_tells_the_baseline(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"config": {"baseline": "b"}}))
    assert configuration.default_baseline(tmp_path) == "b"


def test_a_column_is_one_field_with_its_type_and_meaning() -> None:
    for record in (Line, Costs, Origin):
        assert all(column.meaning for column in columns(record).values())
    assert (
        "schema_version", "dataset", "n_train", "variant", *long_table.CELL_COLUMNS, "off_curve", "seed",
        *long_table.ROW_COLUMNS, "run_key", "family", "role",
    ) == long_table.COLUMNS  # fmt: skip
    assert long_table.TYPES["order"] == long_table.TYPES["seed"] == "Int64"
    assert (long_table.TYPES["beta"], long_table.TYPES["off_curve"], long_table.TYPES["unit"]) == (
        "float64",
        "boolean",
        "str",
    )
    assert Path("docs/columns.md").read_text(encoding="utf-8") == render(), "run: make docs"
