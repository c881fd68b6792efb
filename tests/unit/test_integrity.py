"""Nothing wrong in silence: results of another configuration, and damaged ones, are found, refused and made again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.attack_grid import CONFIG, Answer, Job, Workflow
from phvae.errors import PhvaeError
from phvae.experiment.manifests import stale
from phvae.files import sha256
from phvae.jobs import accept
from phvae.jobs.lease import Leases, workflow_lease
from phvae.records import write_record

pytestmark = pytest.mark.slow  # one small grid is run for all

ANALYSIS = ("tables", "figures", "report", "track")
PAGES = ("tables", "figures", "report")  # it is not tracked
BATCH = ("claw", "all", 0)
VAE, PH = (("claw", "all", lot) for lot in (0, 1))  # of vae and ph-vae-2
RUN = "runs/claw/n-all/vae/seed-0"


def workflow(folder: Path, name: str = "config.yaml", **more: object) -> Workflow:
    """A grid of one density, scored by what needs no more."""
    content = CONFIG | {"results": str(folder / "results"), "datasets": {"claw": CONFIG["datasets"]["claw"]}}
    content["evaluation"] = CONFIG["evaluation"] | {"metrics": ["density"]}
    path = folder / name
    path.write_text(json.dumps(content | more))
    return Workflow(path)


def trained_longer(made: Workflow) -> Workflow:
    """The same grid and folder under another configuration."""
    return workflow(made.config.parent, "other.yaml", training=CONFIG["training"] | {"epochs": 3})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """All stages but track, once; the results are kept beside."""
    made = workflow(tmp_path_factory.mktemp("integrity"))
    for job, answer in made.run():
        if job[0] == "report":
            break
        assert answer.status == 0, answer.words
    shutil.copytree(made.config.parent / "results", made.config.parent / "kept")
    return made


@pytest.fixture
def made(finished: Workflow) -> Workflow:
    """The finished grid, free to be damaged."""
    folder = finished.config.parent
    shutil.rmtree(folder / "results")
    shutil.copytree(folder / "kept", folder / "results")
    return finished


def scores(made: Workflow, place: str = "results") -> bytes:
    return (made.config.parent / place / "attacked/metrics.csv").read_bytes()


def named(made: Workflow) -> set[Job]:
    """The jobs whose manifests are stale."""
    found = {path for path, _ in stale(made.questions)}
    return {job for job in made.jobs if made.manifest(job) in found}


def of(made: Workflow, *stages: str) -> set[Job]:
    return {job for job in made.jobs if job[0] in stages}


def run(made: Workflow, until: str = "collect") -> Answer:
    """The workflow's rule up to a stage; how its last job ended."""
    answer = Answer(0, "")
    for job, ended in made.run():
        answer = ended
        if job[0] == until:
            break
    return answer


def refused(answer: Answer, *words: str) -> None:
    """Bad input, in one message that holds these words."""
    assert answer.status == 2, answer.words
    for word in words:
        assert word in answer.words


# ---- another configuration ----


def test_a_finished_grid_has_nothing_to_do(made: Workflow):
    assert named(made) == set()


def test_an_edited_configuration_is_seen_in_the_manifests_alone(made: Workflow):
    """Whatever Snakemake remembers: its notes are gone, or another checkout's."""
    other = trained_longer(made)
    assert named(other) == of(other, "train", "encode", "evaluate", "collect", *PAGES)
    finer = workflow(made.config.parent, "finer.yaml", evaluation=CONFIG["evaluation"] | {"n_likelihood": 5})
    assert named(finer) == of(finer, "encode", "evaluate", "collect", *PAGES, "reference")
    for stage in ("collect", "tables", "figures", "report"):
        answer = other.by_hand((stage, ()))
        refused(answer, "made by other code or under another configuration; run again: phvae ", str(other.config))
    assert scores(made) == scores(made, "kept")


def test_a_run_that_another_configuration_trained_is_refused(made: Workflow):
    other = trained_longer(made)
    assert other.by_hand(("train", VAE)).status == 0
    for job in (("encode", BATCH), ("collect", ())):
        refused(made.by_hand(job), "batches/train/claw/n-all/0.json: made by other code or under another configuration")


def test_files_that_another_configuration_left_without_a_manifest_are_refused(made: Workflow):
    other, manifest = trained_longer(made), made.manifest(("train", VAE))
    kept = manifest.read_bytes()
    assert other.by_hand(("train", VAE)).status == 0
    manifest.write_bytes(kept)
    for job in (("encode", BATCH), ("collect", ())):
        refused(made.by_hand(job), f"{RUN}/", ": its content changed", "run again: phvae train", str(made.config))


def test_a_training_by_hand_amid_the_workflow_leaves_the_workflow_its_own_numbers(made: Workflow):
    other = trained_longer(made)
    made.manifest(("train", PH)).unlink()
    answers = []
    for job, answer in made.run():
        answers.append(answer)
        if job == ("train", PH):
            assert other.by_hand(("train", VAE)).status == 0
    refused(answers[-1], "batches/train/claw/n-all/0.json: made by other code or under another configuration")
    assert run(made).status == 0
    assert scores(made) == scores(made, "kept")


# ---- damaged files ----


def one_digit(path: Path) -> None:
    text = path.read_text()
    digits = [found.start() for found in re.finditer(r"\d", text)]
    at = digits[len(digits) // 2]
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


def one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def another_scale(card: Path) -> None:
    content = json.loads(card.read_text())
    content["scaling"]["scale"][0] *= 2
    card.write_text(json.dumps(content))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def exchange(*names: str) -> Callable[[Path], None]:
    """Exchange a run's files with those of the next seed."""

    def swap(folder: Path) -> None:
        for name in names:
            one, two = folder / name, folder.with_name("seed-1") / name
            content = one.read_bytes()
            one.write_bytes(two.read_bytes())
            two.write_bytes(content)

    return swap


ENCODE, EVALUATE, COLLECT = ("encode", BATCH), ("evaluate", BATCH), ("collect", ())
DAMAGES: dict[str, tuple[str, Callable[[Path], None], Job, str]] = {
    "a digit of a score": (f"{RUN}/metrics.json", one_digit, COLLECT, "metrics.json"),
    "a digit of a cell's scores": ("runs/claw/n-all/vae/groups.json", one_digit, COLLECT, "groups.json"),
    "a bit of the long table, tables": ("metrics.parquet", one_bit, ("tables", ()), "metrics.parquet"),
    "a bit of the long table, figures": ("metrics.parquet", one_bit, ("figures", ()), "metrics.parquet"),
    "a history cut short": (f"{RUN}/history.csv", half, COLLECT, "history.csv"),
    "a history cut short, figures": (f"{RUN}/history.csv", half, ("figures", ()), "history.csv"),
    "weights": (f"{RUN}/model.safetensors", one_bit, ENCODE, "model.safetensors"),
    "weights of another seed": (RUN, exchange("model.safetensors", "model.json"), ENCODE, "model.safetensors"),
    "a model with its record": (RUN, exchange("model.safetensors", "model.json", "run.json"), ENCODE, "run.json"),
    "codes": (RUN, exchange("codes.npz"), EVALUATE, "codes.npz"),
    "arrays": (RUN, exchange("arrays.npz"), EVALUATE, "arrays.npz"),
    "an encoding with its record": (RUN, exchange("codes.npz", "arrays.npz", "encode.json"), EVALUATE, "encode.json"),
    "the same, collected": (RUN, exchange("codes.npz", "arrays.npz", "encode.json"), COLLECT, "encode.json"),
    "scores of another seed": (RUN, exchange("metrics.json"), COLLECT, "metrics.json"),
    "a reference": ("reference/claw/reference.json", one_digit, EVALUATE, "reference.json"),
    "a table of the report": ("tables/claims.json", one_digit, ("report", ()), "claims.json"),
    "a table that MLflow shows": ("tables/claims.md", one_digit, ("track", ()), "claims.md"),
    "a figure that MLflow shows": ("figures/paired_seeds-claw.pdf", one_bit, ("track", ()), "paired_seeds-claw.pdf"),
    "a model that MLflow keeps": (f"{RUN}/model.safetensors", one_bit, ("track", ()), "model.safetensors"),
    "the long table that MLflow keeps": ("metrics.csv", one_digit, ("track", ()), "metrics.csv"),
    "a page": ("report.html", one_digit, ("track", ()), "report.html"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damage_is_refused_by_who_reads_it(made: Workflow, case: str):
    name, change, job, word = DAMAGES[case]
    change(made.paths.root / name)
    if job[0] in ("encode", "evaluate"):  # the work is not done yet
        made.manifest(job).unlink()
        for path in made.paths.root.glob(f"runs/*/*/*/*/{ {'encode': 'encode', 'evaluate': 'metrics'}[job[0]] }.json"):
            path.unlink()
    refused(made.by_hand(job), f"/{word}: its content changed since it was written; ")


def test_a_run_in_the_place_of_another_is_refused(made: Workflow):
    one, two = (made.paths.cell("claw", "all", "vae") / f"seed-{seed}" for seed in (0, 1))
    one.rename(one.with_name("aside"))
    two.rename(one)
    one.with_name("aside").rename(two)
    refused(made.by_hand(COLLECT), f"{RUN}/")


@pytest.mark.parametrize("file", ["train.npy", "test.npy", "card.json"])
def test_damaged_data_are_refused_with_the_command_that_prepares_them(made: Workflow, file: str):
    (folder,) = (made.config.parent / "results/data").iterdir()
    (another_scale if file == "card.json" else one_bit)(folder / file)
    for job in (("train", VAE), ENCODE, ("reference", ("claw",)), ("figures", ())):
        answer = made.by_hand(job)
        refused(answer, f"{folder}/{file}: its content changed", "run again: phvae prepare")
        assert answer.words.endswith(f": phvae prepare --config {made.config} --dataset claw\n")
    assert made.by_hand(("prepare", ("claw",))).status == 0
    assert made.by_hand(("train", VAE)).status == 0


def test_the_card_of_another_set_is_refused(made: Workflow):
    (folder,) = (made.config.parent / "results/data").iterdir()
    card = json.loads((folder / "card.json").read_text())
    del card["seal"]
    card["files"]["test.npy"]["bytes"] += 8  # which is not what is wrong
    write_record(folder / "card.json", card | {"sha256": "0" * 64})
    refused(made.by_hand(("train", VAE)), f"{folder}/card.json: is of another set, claw 00000000", "phvae prepare")


@pytest.mark.parametrize("name", [f"{RUN}/encode.json", f"{RUN}/run.json"])
def test_an_absent_record_is_named_with_a_remedy(made: Workflow, name: str):
    (made.paths.root / name).unlink()
    refused(made.by_hand(("figures", ())), f"{name}: absent; remove ", "run the workflow again")


@pytest.mark.parametrize("name", ["samples.npz", "history.csv"])
def test_what_a_figure_shows_is_not_left_out_because_it_is_gone(made: Workflow, name: str):
    (made.paths.root / RUN / name).unlink()
    refused(made.by_hand(("figures", ())), f"{RUN}/{name}: absent; remove ", "run the workflow again")


def test_absent_codes_are_made_again_as_the_message_says(made: Workflow):
    for name in ("codes.npz", "metrics.json"):
        (made.paths.root / RUN / name).unlink()
    refused(made.by_hand(EVALUATE), f"{RUN}/codes.npz: absent; remove {made.paths.root / RUN}/encode.json")
    (made.paths.root / RUN / "encode.json").unlink()
    assert run(made).status == 0
    assert scores(made) == scores(made, "kept")


@pytest.mark.parametrize("change", [one_digit, half, Path.unlink])
def test_the_report_shows_the_configuration_that_it_is_given(made: Workflow, change: Callable[[Path], None]):
    page = (made.paths.root / "report.html").read_bytes()
    change(made.paths.config)
    assert made.by_hand(("report", ())).status == 0
    assert (made.paths.root / "report.html").read_bytes() == page


def test_figures_ask_for_the_manifest_of_data(made: Workflow):
    made.manifest(("prepare", ("claw",))).unlink()
    refused(made.by_hand(("figures", ())), "data/claw.json: absent; run first: phvae prepare")


# ---- what the workflow makes again ----

OWN: dict[str, Job] = {
    f"{RUN}/run.json": ("train", VAE),
    f"{RUN}/model.safetensors": ("train", VAE),
    f"{RUN}/history.csv": ("train", VAE),
    f"{RUN}/encode.json": ENCODE,
    f"{RUN}/metrics.json": EVALUATE,
    "runs/claw/n-all/vae/groups.json": EVALUATE,
    "reference/claw/reference.json": ("reference", ("claw",)),
    "metrics.csv": COLLECT,
    "costs.parquet": COLLECT,
    "tables/claims.md": ("tables", ()),
    "figures/paired_seeds-claw.png": ("figures", ()),
    "report.html": ("report", ()),
    "batches/train/claw/n-all/0.json": ("train", VAE),
    "batches/evaluate/claw/n-all/0.json": EVALUATE,
    "stages/tables.json": ("tables", ()),
    "data/claw.json": ("prepare", ("claw",)),
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_gone_or_newly_written_is_made_again(made: Workflow, name: str):
    path = made.paths.root / name
    content = path.read_bytes()
    path.unlink()
    assert named(made) == {OWN[name]}
    half_of_it = content[: len(content) // 2]
    path.write_bytes(half_of_it)
    assert named(made) == {OWN[name]}
    if OWN[name][0] not in ANALYSIS:
        assert run(made).status == 0
        assert scores(made) == scores(made, "kept")
        assert path.read_bytes() == content or path.suffix == ".parquet" or "seconds" in path.read_text()


def test_before_the_first_end_what_is_absent_is_no_news(made: Workflow):
    for stage in ("collect", *ANALYSIS):
        made.manifest((stage, ())).unlink(missing_ok=True)
    made.manifest(EVALUATE).unlink()
    assert named(made) == set()


def test_what_later_results_were_made_of_is_missed_also_before_the_first_end(made: Workflow):
    for stage in ("collect", *ANALYSIS):
        made.manifest((stage, ())).unlink(missing_ok=True)
    made.manifest(("train", VAE)).unlink()
    assert named(made) == {("train", VAE)}
    made.manifest(ENCODE).unlink()  # as `clean` leaves it
    assert named(made) == {("train", VAE)}


def test_cleaned_arrays_are_no_damage(made: Workflow):
    made.manifest(ENCODE).unlink()
    for path in made.paths.root.glob("runs/*/*/*/*/arrays.npz"):
        path.unlink()
    assert named(made) == set()
    assert made.by_hand(COLLECT).status == 0
    assert scores(made) == scores(made, "kept")


def test_records_hold_what_they_held(made: Workflow):
    """No test above passes because nothing is listed."""
    listed = json.loads(made.manifest(("train", VAE)).read_text())["files"]
    names = {"run.json", "history.csv", "model.safetensors", "model.json"}
    assert set(listed) == {f"runs/claw/n-all/vae/seed-{seed}/{name}" for seed in (0, 1) for name in names}
    assert all(sha256(made.paths.root / name) == known for name, known in listed.items())


# ---- one workflow a results folder ----

HOLDER = """
import sys
from pathlib import Path
from phvae.jobs.lease import workflow_lease
with workflow_lease(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_workflow_is_refused_and_a_killed_one_replaced(made: Workflow):
    root = made.paths.root
    with _holder(root) as first:
        with pytest.raises(PhvaeError, match=rf"{root}: process {first.pid} on .* is at work in this folder"):
            workflow_lease(root).__enter__()
        with pytest.raises(PhvaeError, match=f"process {first.pid} on"):
            accept.accept(made.grid, "a remark")
        assert (root / "workflow.lease").exists()
        first.kill()
        first.wait()
        with workflow_lease(root):
            assert json.loads((root / "workflow.lease").read_text())["pid"] == os.getpid()
    assert not (root / "workflow.lease").exists()


def test_a_workflow_on_another_machine_is_dead_after_120_seconds_of_silence_only(tmp_path: Path):
    lease = tmp_path / "workflow.lease"
    lease.write_text(json.dumps({"token": "x", "pid": 17, "start": "", "place": "elsewhere boot"}))
    for silence in (0, 100):
        os.utime(lease, (time.time() - silence,) * 2)
        with pytest.raises(
            PhvaeError, match=r"process 17 on elsewhere .*sign of life \d+ s ago; after 120 s it is dead"
        ):
            workflow_lease(tmp_path).__enter__()
    os.utime(lease, (time.time() - 121,) * 2)
    with workflow_lease(tmp_path):
        assert json.loads(lease.read_text())["pid"] == os.getpid()


def test_a_workflow_does_not_wait_for_a_run_of_an_earlier_one(tmp_path: Path):
    with Leases([tmp_path / "runs"]), workflow_lease(tmp_path):
        pass
