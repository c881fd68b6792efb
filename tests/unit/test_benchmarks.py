"""What no workflow calls still loads, and the targets of the Makefile call what there is."""

from __future__ import annotations

import importlib
import operator
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

MODULES = sorted(
    path.stem
    for path in Path("benchmarks").glob("*.py")
    if path.stem not in ("__init__", "peer", "peer_jax", "outside_peer")
)


@pytest.mark.parametrize("name", MODULES)  # peers have an environment of their own
def test_loads(name: str):
    assert importlib.import_module(f"benchmarks.{name}").__doc__


def test_the_soak_kills_at_places_that_there_are():
    from benchmarks.soak import PLACES

    assert all(callable(operator.attrgetter(name)(importlib.import_module(module))) for module, name, _ in PLACES)


def test_the_attacked_grid_is_made_light_where_there_is_something_to_lighten():
    code = "from benchmarks.attack_grid import make_light; make_light()"  # it changes modules: in a process of its own
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def recipe(target: str) -> list[str]:
    """The words of a target's last command."""
    command = ["make", "-n", "--no-print-directory", "-o", ".venv/installed", target]  # `make test` runs make in make
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return shlex.split(done.stdout.splitlines()[-1].rpartition("&& ")[2])


def test_bench_starts():
    command = [sys.executable, *recipe("bench")[1:], "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "usage:" in done.stdout) == (0, True), done.stderr


@pytest.mark.slow
def test_the_tracking_page_is_served_to_this_machine_only_from_where_track_writes():
    words = recipe("ui")
    assert words[:2] == ["mlflow", "server"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--host"] == "127.0.0.1"
    assert options["--backend-store-uri"] == "sqlite:///results/mlflow/mlflow.db"
    shown = subprocess.run(["mlflow", "server", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(option in shown for option in options)


def test_the_likelihoods_that_were_measured_are_as_near_as_the_method_says():
    table = pd.read_csv("benchmarks/likelihood.csv")
    rows = {kind: group for kind, group in table.groupby("kind")}
    assert {name: len(group) for name, group in rows.items()} == {"annealed": 6, "exact": 180, "sandwich": 12}
    assert rows["exact"]["difference"].abs().max() <= 0.01
    assert (rows["exact"]["settled"] == 1).all()
    assert rows["annealed"]["difference"].abs().max() <= 0.5
    inside = rows["sandwich"]
    assert (inside["estimate"] >= inside["lower"] - 0.5).all()
    assert (inside["estimate"] <= inside["upper"] + 0.5).all()
    assert (table["elbo_excess"].dropna() <= 3).all()


def test_the_attacks_are_those_that_the_page_counts_and_none_succeeded():
    from benchmarks.attack import page

    table = pd.read_csv("benchmarks/attack.csv")
    assert (table["failed"] == 0).all()
    assert table["tried"].sum() > 500
    assert page() in Path("docs/integrity.md").read_text(encoding="utf-8")


def test_the_page_has_the_peers_numbers_beside_ours():
    from benchmarks.outside import batch_page, scores_page

    page = Path("docs/external.md").read_text(encoding="utf-8")
    assert scores_page() in page
    assert batch_page() in page


def test_the_same_weights_and_batch_give_the_peers_losses_but_for_what_the_page_names():
    from benchmarks.outside import BATCH

    table = pd.read_csv(BATCH).set_index(["variant", "what"])
    apart = (table["ours"] / table["pythae"] - 1).abs()
    named = [
        ("factor-vae", "encoder's gradient, norm"),
        ("beta-tcvae", "weighted parts"),
        ("stratified", "weighted parts"),
        ("stratified", "weighted parts, KL at the draw"),
    ]
    assert (apart[named] > 1e-4).all()
    assert len(apart.drop(named)) == 10
    assert (apart.drop(named) < 1e-5).all()


def test_the_peers_scores_are_among_ours_but_for_the_rate_of_its_stratified_sampling():
    from benchmarks.outside import SCORES

    values = pd.read_csv(SCORES).pivot_table(index=["variant", "metric"], columns="seed", values="value")

    def apart(one: str, other: str) -> list[str]:
        """Metrics in which the means of two variants differ: Welch's t, 95 %."""
        p = stats.ttest_ind(values.loc[one], values.loc[other], axis=1, equal_var=False).pvalue
        return list(values.loc[one].index[p < 0.05])

    assert apart("factor-vae", "factor-vae-pythae") == []
    assert apart("beta-tcvae", "beta-tcvae-pythae") == []
    assert apart("stratified", "stratified-pythae") == ["kl"]
    assert apart("beta-tcvae", "stratified-pythae") == []
