"""Families of weights: what the configuration may say of them, what is chosen, what is compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_grid import changed
from tables_on_disk import published
from test_results import row, scored, write_run

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import number
from phvae.analysis.report.compared import compared
from phvae.analysis.results.collect import collect
from phvae.analysis.results.tuned import tuned
from phvae.analysis.tables.divergences import divergences
from phvae.analysis.tables.inputs import TableInputs, read_inputs
from phvae.analysis.tables.layout import Table
from phvae.analysis.tables.score_cells import difference_cell
from phvae.analysis.tables.weights import weights
from phvae.analysis.tables.write import write_tables
from phvae.errors import ConfigError
from phvae.experiment.grid import parse_grid
from phvae.experiment.tuning import TuningConfig
from phvae.files import write_json
from phvae.model.options import ModelConfig

# ---- the configuration ----
FAMILIES = {"kl": ["vae", "beta-4"], "log": ["log-1", "log-4"]}
GRID: dict[str, Any] = {
    "name": "small",
    "seeds": 5,
    "model": {"latent_size": 12},
    "datasets": {"claw": {"n_train": [100]}, "digits": {}},
    "variants": {
        "vae": {"model": {"divergence": "kl"}},
        "beta-4": {"model": {"divergence": {"name": "kl", "beta": 4}}},
        "log-1": {"model": {"divergence": {"name": "log_polynomial", "beta": 1}}},
        "log-4": {"model": {"divergence": {"name": "log_polynomial", "beta": 4}}},
    },
    "tuning": {"seeds": [0, 1], "families": FAMILIES},
}
LOG_4 = "variants.log-4"
REFUSED = {
    "of unequal numbers": ("tuning.families.log", ["log-1"], "tuning.families: .*as many weights in each family"),
    "with a variant twice": ("tuning.families.log", ["log-1", "log-1"], "each entry once"),
    "with a variant in two": ("tuning.families.log", ["log-1", "vae"], "each variant in one family: vae in several"),
    "without the baseline": ("baseline", "absent", "expected one of the variants"),
    "of the wrong baseline": ("tuning.families", {"log": ["log-1", "log-4"]}, "found none with vae, the baseline"),
    "of unknown variants": ("tuning.families.log", ["log-1", "log-5"], "found log-5, expected variants of claw"),
    "absent in part": ("datasets.claw.variants", ["vae", "beta-4", "log-1"], "families.log: found log-4"),
    "of other orders": (
        f"{LOG_4}.model", {"order": 3, "divergence": {"name": "log_polynomial", "beta": 4}},
        "variants that differ in divergence.beta, model.order .data set claw., expected one number",
    ),
    "of two options": (
        f"{LOG_4}.model.divergence", {"name": "log_polynomial", "beta": 4, "degree": 2}, "beta, divergence.deg",
    ),
    "trained otherwise": (f"{LOG_4}.training", {"epochs": 9}, "divergence.beta, training.epochs"),
    "without a seed to report": ("tuning.seeds", [0, 1, 2, 3, 4], "found 0, 1, 2, 3, 4, expected some of the seeds"),
    "on a seed that is not run": ("tuning.seeds", [7], "found 7, expected some of the seeds"),
    "by an unknown criterion": ("tuning.criterion", "validation_elb", "validation_elbo"),
    "by what has no direction": ("tuning.criterion", "kl", "a metric of single runs with a better direction"),
    "by a score of all seeds": ("tuning.criterion", "udr_spearman", "a metric of single runs"),
}  # fmt: skip


def test_families_are_part_of_a_grid() -> None:
    grid = parse_grid(GRID, "mine.yaml")
    assert grid.config.tuning is not None
    assert grid.config.tuning.family_of("log-4") == "log"
    assert parse_grid(changed("datasets.claw.variants", ["vae", "beta-4"], GRID), "mine.yaml")  # a family may be absent


@pytest.mark.parametrize("case", REFUSED)
def test_families_that_cannot_be_compared_are_refused(case: str) -> None:
    path, value, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message) as error:
        parse_grid(changed(path, value, GRID), "mine.yaml")
    assert "mine.yaml: " in str(error.value)


# ---- known truth: rate falls with the weight, mse is a line of the rate; ph is better by GAIN at equal rate ----
BETAS = {"b1": 1.0, "vae": 2.0, "b4": 4.0}
RATES = {"b1": 9.0, "vae": 6.0, "b4": 3.0, "p1": 8.0, "p2": 5.0, "p4": 2.0}
GAIN = 0.06
SELECTION, SEEDS = (0, 1), range(7)
TUNING = TuningConfig(
    seeds=list(SELECTION), criterion="mse", families={"β-VAE": ["b1", "vae", "b4"], "PH": ["p1", "p2", "p4"]}
)


def mse(variant: str, seed: int) -> float:
    """A line of the rate; at the selection seeds b4 and p2 are the best, elsewhere b1 and p1."""
    noise = 1e-3 * np.sin(7 * seed)
    if seed in SELECTION and variant in ("b4", "p2"):
        return 0.1 + noise
    return 1 - RATES[variant] / 20 - GAIN * variant.startswith("p") + noise


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tuned") / "results"
    expected: list[tuple[str, int | str, str, int]] = []
    for dataset in ("claw", "digits"):
        for variant in RATES:
            beta = BETAS.get(variant, 1.0)
            divergence = (
                {"name": "kl", "beta": beta} if variant in BETAS else {"name": "hierarchical", "ratio": beta + 2}
            )
            model = ModelConfig.model_validate({"order": 1 if variant in BETAS else 3, "divergence": divergence})
            config = {"model": model.model_dump(mode="json"), "training": {"epochs": 4}}
            for seed in SEEDS:
                expected.append((dataset, "all", variant, seed))
                lost = (dataset, variant, seed) == ("digits", "p2", 1)  # the best of its family, but for this seed
                folder = write_run(
                    root,
                    dataset,
                    "all",
                    variant,
                    seed,
                    config=config,
                    best_epoch=1,
                    status="diverged" if lost else "ok",
                )
                if not lost:
                    rows = [
                        row("kl", RATES[variant] + 0.01 * seed, higher_is_better=None),
                        row("mse", mse(variant, seed)),
                    ]
                    write_json(folder / "metrics.json", scored(rows))
                reconstruction, kl = 10 - RATES[variant], abs(RATES[variant] - 5) * 2
                history = f"epoch,validation_reconstruction,validation_kl\n1,{reconstruction},{kl}\n"
                (folder / "history.csv").write_text(history)
    collect(root, expected)
    return root


@pytest.fixture(scope="module")
def inputs(root: Path) -> TableInputs:
    return read_inputs(root)


def test_the_weight_is_chosen_on_the_selection_seeds_alone(inputs: TableInputs) -> None:
    found = tuned(inputs.table, inputs.costs, TUNING)
    chosen = found.weights[found.weights["chosen"]]
    assert list(zip(chosen["dataset"], chosen["family"], chosen["variant"], chosen["at_end"], strict=True)) == [
        ("claw", "β-VAE", "b4", True), ("claw", "PH", "p2", False),
        ("digits", "β-VAE", "b4", True), ("digits", "PH", "p1", True),  # p2 diverged at a selection seed
    ]  # fmt: skip
    assert set(found.report["seed"]) == set(SEEDS) - set(SELECTION)
    row = found.weights.query("dataset == 'claw' and variant == 'p4'").iloc[0]
    assert row["criterion"] == pytest.approx(np.mean([mse("p4", seed) for seed in SELECTION]))


def test_the_validation_elbo_chooses_without_a_score(inputs: TableInputs) -> None:
    found = tuned(inputs.table, inputs.costs, TUNING.model_copy(update={"criterion": "validation_elbo"}))
    chosen = found.weights[found.weights["chosen"] & (found.weights["dataset"] == "claw")]
    assert list(chosen["variant"]) == ["vae", "p2"]
    assert list(chosen["criterion"]) == pytest.approx([4 + 2, 5 + 0])


def test_families_are_compared_on_the_other_seeds(inputs: TableInputs) -> None:
    _, frame = divergences(inputs, TUNING)
    one = frame.query("dataset == 'claw' and metric == 'mse'").set_index("family")
    assert list(one.index) == ["β-VAE", "PH"]
    assert one.loc["PH", "n"] == one.loc["PH", "pairs"] == 5
    assert one.loc["PH", "rate"] == pytest.approx(RATES["p2"] + 0.01 * 4)
    assert one.loc["PH", "difference"] == pytest.approx(-(5 - 3) / 20 - GAIN)  # p2 against b4: rate 5 against 3
    assert one.loc["PH", "word"] == "better"
    assert one.loc["PH", "equal_rate_pairs"] == 5
    assert one.loc["PH", "equal_rate_difference"] == pytest.approx(-GAIN, abs=1e-3)
    assert one.loc["PH", "equal_rate_word"] == "better"
    assert pd.isna(one.loc["β-VAE", "difference"])


def test_a_rate_beyond_the_curve_is_said_to_be_and_not_extrapolated(inputs: TableInputs) -> None:
    """The only run weight of this family has a rate below the lowest of the baseline's."""
    tuning = TUNING.model_copy(update={"families": {"β-VAE": ["vae", "b1", "b4"], "PH": ["p4", "p4b", "p4c"]}})
    table, frame = divergences(inputs, tuning)
    row = frame.query("dataset == 'claw' and metric == 'mse' and family == 'PH'").iloc[0]
    assert (row["variant"], row["equal_rate_pairs"], row["equal_rate_outside"]) == ("p4", 0, 5)
    assert pd.isna(row["equal_rate_difference"])
    (block,) = [block for block in table.blocks if block.heading == "claw, all training examples, 5 seeds, MSE"]
    assert [line[-1].text for line in block.rows] == ["–", "off the curve"]
    over = next(block for block in table.blocks if block.heading == "Over data sets, MSE")
    assert over.rows[1][2].text == "0 better, 0 worse, 0 not resolved, 2 off the curve"


def test_a_metric_without_values_takes_no_place_and_ranks_leave_out_what_is_not_whole(inputs: TableInputs) -> None:
    table = inputs.table
    lost = (table["dataset"] == "digits") & table["variant"].isin(["p1", "p2", "p4"]) & (table["metric"] == "mse")
    here = replace(inputs, table=table.assign(value=table["value"].mask(lost)))
    tuning = TUNING.model_copy(update={"criterion": "validation_elbo"})
    over, *others = divergences(here, tuning)[0].blocks
    assert [line[-1].text for line in over.rows] == ["2.00", "1.00"]
    assert over.header[-1] == "mean rank, 1 set"
    assert [line[3].text for line in others[1].rows][1] == "–"
    empty = replace(inputs, table=table.assign(value=table["value"].mask(table["metric"] == "mse")))
    assert not divergences(empty, tuning)[0].blocks


def test_seeds_off_the_curve_are_counted_in_whole_numbers() -> None:
    numbers = {"pairs": 2.0, "outside": 1.0, "no_curve": 0.0, "difference": -1.0, "difference_low": -2.0}
    row = pd.Series({**numbers, "difference_high": 0.0, "word": "not resolved", "caution": ""})
    cell = difference_cell(row)
    assert (cell.text, cell.mark.strip()) == ("-1.0 ± 1.0", "(2/3)")


def test_over_data_sets_stand_the_record_and_the_mean_rank(inputs: TableInputs) -> None:
    table, _ = divergences(inputs, TUNING)
    over = table.blocks[0]
    assert over.heading == "Over data sets, MSE"
    assert over.header[-1] == "mean rank, 2 sets"
    assert [[cell.text for cell in line] for line in over.rows] == [
        ["β-VAE", "–", "–", "2.00"],
        ["PH", "2 better, 0 worse, 0 not resolved", "2 better, 0 worse, 0 not resolved", "1.00"],
    ]


def cells(table: Table, heading: str) -> list[list[str]]:
    block = next(block for block in table.blocks if block.heading.startswith(heading))
    return [[cell.text for cell in line] for line in block.rows]


def test_every_weight_is_shown_with_its_rate(inputs: TableInputs) -> None:
    table, frame = weights(inputs, TUNING)
    assert len(frame) == 12
    shown = cells(table, "digits")
    assert [line[:3] for line in shown] == [
        ["β-VAE", "B1", ""], ["β-VAE", "VAE", ""], ["β-VAE", "B4", "yes"],
        ["PH", "P1", "yes"], ["PH", "P2", ""], ["PH", "P4", ""],
    ]  # fmt: skip
    assert [line[4] for line in shown] == ["9.04", "6.04", "3.04", "8.04", "5.04", "2.04"]


def plain_label(metric: str) -> str:
    return metric_label(metric, unit=False)


def test_only_a_configuration_with_families_has_their_tables(root: Path, tmp_path: Path) -> None:
    plain = {table.name for table in write_tables(root, None, published(tmp_path))}
    opening = compared(root / "tables", "vae", {})
    assert opening is not None
    assert (opening.kind, opening.note) == ("variant", "")
    both = {table.name for table in write_tables(root, None, published(tmp_path), tuning=TUNING)}
    opening = compared(root / "tables", "vae", {})
    assert opening is not None
    assert (opening.kind, opening.baseline, opening.variants) == ("family", "β-VAE", ["PH"])
    assert "selection seeds" in opening.note
    frame = pd.read_csv(root / "tables" / "divergences.csv").query("family == 'PH'")
    for one in opening.sets:
        row = frame[(frame["dataset"] == one.dataset) & (frame["metric"].map(plain_label) == one.metric)]
        assert number(row["difference"].iloc[0]) in one.cells["PH"].reason
    assert both - plain == {"divergences", "weights"}
    for ending in ("csv", "md", "tex", "json"):
        assert (root / "tables" / f"divergences.{ending}").stat().st_size > 0


def test_without_a_choice_there_is_no_comparison(inputs: TableInputs) -> None:
    table, frame = divergences(inputs, TUNING.model_copy(update={"criterion": "mig"}))
    assert not table.blocks
    assert not len(frame)
    assert weights(inputs, TUNING.model_copy(update={"criterion": "mig"}))[1]["chosen"].sum() == 0
