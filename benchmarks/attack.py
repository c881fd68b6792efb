"""Attacks on what the stages read: no damaged file may lead to another number with exit status 0.

`python -m benchmarks.attack`, about half an hour on one core; `--stage encode` tries what encode reads.

A small grid runs to its end. Then, for every kind of file that a stage reads (an audit hook sees them), one bit is
flipped, the file is cut to half, emptied, exchanged with its sibling of another seed, cell, data set or configuration,
or removed. What follows is tried in two ways:

- by hand: the file's time stays as it was; the job that reads it starts anew, and those that need it follow;
- by the rule of the workflow: the file looks newly written; what `make run` would run is run.

It held where all ends with status 0 and a reader sees the bytes of the untouched grid: metrics.csv, tables, figures,
the report, the files that MLflow shows. It is refused where a job ends with another status, names the file (or the
record that holds its hash) and says what to do. That is done, and the rule of the workflow must lead to the same bytes:
repaired. Anything else has failed. The counts go to attack.csv beside this file.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attack_grid import Answer, Finished, Job, digest, make_light, phvae
from phvae.experiment.stages import STAGES

TABLE = Path(__file__).resolve().parent / "attack.csv"
ATTACKS = ("flip", "truncate", "empty", "swap", "delete")
WAYS = ("by hand", "by the rule")
OUTCOMES = ("held", "repaired", "failed")
ROUNDS = 5  # of doing what a message says
SHOWN = re.compile(r"metrics\.csv|tables/[^/]+\.csv|figures/[^/]+\.png|report\.html")
COSTS = re.compile(r"tables/cost\.csv|report\.html")  # a damaged costs.json loses seconds, no score


@dataclass(frozen=True)
class Trial:
    """One attack: the stage whose input is damaged, how, what follows, and the file's name in the results folder."""

    stage: str
    attack: str
    way: str
    name: str


# ---- which files, and what is done to them ----


def kind(name: str) -> str:
    """Files of one kind play one part: of runs (seeds, variants, data sets), tables and figures one stands for all."""
    name = re.sub(r"/(vae|ph-vae-2)/", "/VARIANT/", re.sub(r"seed-\d+", "SEED", name))
    name = re.sub(r"/(runs|batches/\w+)/(claw|sprites)/", r"/\1/DATASET/", name)
    name = re.sub(r"/tables/(?!index|statistics)[^.]+", "/tables/TABLE", name)
    return re.sub(r"/figures/(?!index)[^.]+", "/figures/FIGURE", name)


def trials(found: Finished, stages: list[str]) -> list[Trial]:
    """Every kind of file x attack: by hand for each stage that reads it, by the rule once."""
    made = []
    ruled: set[str] = set()
    for stage in STAGES:
        read = {name for job in found.reads if job[0] == stage for name in found.reads[job] if "/configs/" not in name}
        for name in {kind(name): name for name in sorted(read)}.values():
            ways = WAYS if kind(name) not in ruled else WAYS[:1]
            ruled.add(kind(name))
            made += [Trial(stage, attack, way, name) for attack in ATTACKS for way in ways if stage in stages]
    return made


def sibling(found: Finished, name: str) -> str:
    """The nearest file of the same name and other content; empty if the grid has none."""

    def place(other: str) -> tuple[str, int, str]:
        return other.partition("/")[0], other.count("/"), Path(other).name

    alike = [n for n in found.digests if place(n) == place(name) and found.digests[n] != found.digests[name]]
    return max(alike, key=lambda other: (len(os.path.commonpath([name, other])), other), default="")


def flipped(content: bytes, name: str) -> bytes:
    """One bit in the middle; in a text it makes another digit."""
    text = Path(name).suffix in (".json", ".csv", ".md", ".tex", ".html")
    digits = [at for at, byte in enumerate(content) if text and chr(byte).isdigit()]
    at = min(digits or [len(content) // 2], key=lambda where: abs(where - len(content) // 2))
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def damage(found: Finished, trial: Trial) -> list[str]:
    """Damage a file; the names of all that were damaged."""
    name = trial.name
    content = (found.kept / name).read_bytes()
    if trial.attack == "delete":
        (found.live / name).unlink()
        return [name]
    changed = {name: {"flip": flipped(content, name), "truncate": content[: len(content) // 2]}.get(trial.attack, b"")}
    if trial.attack == "swap":
        other = sibling(found, name)
        changed[name] = (found.kept / other if other else found.other / name).read_bytes()
        changed |= {other: content} if other else {}
    for each, found_there in changed.items():
        state = (found.kept / each).stat()
        (found.live / each).unlink()
        (found.live / each).write_bytes(found_there)
        if trial.way == "by hand":
            os.utime(found.live / each, ns=(state.st_atime_ns, state.st_mtime_ns))
    return list(changed)


# ---- what follows ----


def whole(found: Finished, damaged: list[str], jobs: list[Job]) -> bool:
    """Whether the jobs to come read nothing but the untouched grid's files: then they write that grid's."""
    left = found.differing()
    return left <= set(damaged) and not any(left & found.reads[job] for job in jobs)


def by_hand(found: Finished, trial: Trial, damaged: list[str]) -> Answer:
    """Start the job that reads the file anew, without what it wrote, and those that need it."""
    job = next(job for job in found.reads if job[0] == trial.stage and trial.name in found.reads[job])
    for name in found.wrote[job] - set(damaged):
        if not name.endswith("/costs.json"):  # several stages add to it
            (found.live / name).unlink(missing_ok=True)
    jobs = found.workflow.after(job)
    for done, each in enumerate(jobs, 1):
        answer = found.workflow.by_hand(each)
        if answer.status or whole(found, damaged, jobs[done:]):
            _renew_view(found, jobs[done:])
            break
    return answer


def by_rule(found: Finished, damaged: list[str]) -> Answer:
    """What `make run` would run."""
    jobs, answer = found.workflow.due(), Answer(0, "")
    for done, (_, answer) in enumerate(found.workflow.run(), 1):
        if not answer.status and whole(found, damaged, jobs[done:]):
            _renew_view(found, jobs[done:])
            break
    return answer


def _renew_view(found: Finished, jobs: list[Job]) -> None:
    """MLflow's view lies outside the results: what an earlier call showed there, the call to come changes."""
    for job in jobs:
        if job[0] == "track" and view(found.live) != view(found.kept):
            found.workflow.by_hand(job)


def view(folder: Path) -> Counter[tuple[str, str]]:
    """The files that MLflow shows."""
    return Counter((path.name, digest(path)) for path in (folder / "mlflow/artifacts").rglob("*") if path.is_file())


def follow(found: Finished, answer: Answer, damaged: list[str]) -> Answer:
    """Do what the message says, then as the workflow's rule has it; so on for what that says."""
    for _ in range(ROUNDS):
        for path in removals(answer.words):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        ended = [phvae(*words) for words in commands(answer.words)]
        answer = next((one for one in ended if one.status), None) or by_rule(found, damaged)
        if not answer.status:
            break
    return answer


def message(words: str) -> str:
    """What is said last, without what was logged before."""
    return "phvae: " + words.rpartition("phvae: ")[2].strip()


def removals(words: str) -> list[Path]:
    """What a message says is to be removed."""
    text = message(words)
    named = re.findall(r"remove (\S+?)[,;]? ", text + " ")
    return [Path(re.match(r"phvae: (\S+?): ", text)[1] if name == "it" else name) for name in named]  # type: ignore[index]


def commands(words: str) -> list[list[str]]:
    """The commands that a message gives, without `phvae`."""
    return [shlex.split(text) for text in re.findall(r": phvae (\w+ --config .+?)(?: \(or keep|$)", message(words))]


def shown(found: Finished, folder: Path, damaged: list[str]) -> dict[str, object]:
    """What a reader sees of results."""
    root = folder / found.workflow.paths.root.name
    costs = any(name.endswith("/costs.json") for name in damaged)
    names = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    seen = {
        name: digest(root / name) for name in names if SHOWN.fullmatch(name) and not (costs and COSTS.fullmatch(name))
    }
    return seen if costs else seen | {"MLflow's files": view(folder)}


def differences(found: Finished, damaged: list[str]) -> list[str]:
    """What a reader sees otherwise than in the untouched grid."""
    now, then = shown(found, found.live, damaged), shown(found, found.kept, damaged)
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))


def told_as_missing(found: Finished, damaged: list[str]) -> bool:
    """Whether the long table differs by rows that say `missing` and name what was damaged."""
    table = Path(found.workflow.paths.root.name) / "metrics.csv"
    known = set((found.kept / table).read_text().splitlines())
    more = [line for line in (found.live / table).read_text().splitlines() if line not in known]
    return bool(more) and all(",missing," in line and any(name in line for name in damaged) for line in more)


def verdict(found: Finished, trial: Trial) -> tuple[str, str]:
    """How an attack ended, and the story of it."""
    found.restore()
    damaged = damage(found, trial)
    answer = by_hand(found, trial, damaged) if trial.way == "by hand" else by_rule(found, damaged)
    said = answer.words.strip()[-600:]
    if "Traceback" in answer.words:
        return "failed", said
    if not answer.status:
        different = differences(found, damaged)
        if not different:
            return "held", said
        if not told_as_missing(found, damaged):
            return "failed", f"status 0, but {', '.join(different[:5])} differ; {said}"
    else:
        names = [path for name in damaged for path in (found.live / name, *found.holders(name))]
        if not any(str(path) in message(answer.words) for path in names):
            return "failed", f"neither the file nor its record is named: {said}"
        if "again" not in message(answer.words) and not commands(answer.words):
            return "failed", f"no remedy: {said}"
    answer = follow(found, answer, damaged)
    if answer.status or "Traceback" in answer.words:
        return "failed", f"{said}\n    and after {ROUNDS} rounds: {answer.words.strip()[-600:]}"
    different = differences(found, damaged)
    return ("failed", f"{said}\n    then {', '.join(different[:5])} differ") if different else ("repaired", said)


def write(counts: Counter[tuple[str, str, str]], path: Path = TABLE) -> None:
    """Renew the rows of the stages that were tried: one a stage and attack."""
    tried = {stage for stage, _, _ in counts}
    kept = list(csv.reader(path.read_text().splitlines()))[1:] if path.is_file() else []
    fresh = [row for row in kept if row[0] not in tried]
    for stage in tried:
        for attack in ATTACKS:
            each = [counts[stage, attack, outcome] for outcome in OUTCOMES]
            fresh.append([stage, attack, str(sum(each)), *map(str, each)])
    fresh.sort(key=lambda row: [*STAGES].index(row[0]))
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([["stage", "attack", "tried", *OUTCOMES], *fresh])


def page(path: Path = TABLE) -> str:
    """The counts by stage, as docs/integrity.md shows them."""
    by_stage: dict[str, Counter[str]] = {}
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            for stage in (row["stage"], "all"):
                counts = by_stage.setdefault(stage, Counter())
                counts.update({name: int(row[name]) for name in ("tried", *OUTCOMES)})
    by_stage["all"] = by_stage.pop("all")
    lines = [["reads", "tried", *OUTCOMES], ["---"] * 5]
    lines += [[stage, *(str(counts[name]) for name in ("tried", *OUTCOMES))] for stage, counts in by_stage.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=[*STAGES], nargs="+", help="try only what these stages read")
    arguments = parser.parse_args()
    make_light()
    counts: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        found = Finished(Path(folder).resolve())
        todo = trials(found, arguments.stage or [*STAGES])
        print(
            f"{len(found.digests)} files; {len(todo)} attacks on {len({trial.name for trial in todo})} kinds",
            flush=True,
        )
        for number, trial in enumerate(todo, 1):
            outcome, story = verdict(found, trial)
            counts[trial.stage, trial.attack, outcome] += 1
            print(f"{number:5d}  {outcome:8}  {trial.stage}: {trial.attack} {trial.name}, {trial.way}", flush=True)
            if outcome == "failed":
                print(f"    {story}", flush=True)
        if not found.is_whole():
            raise SystemExit("the untouched grid was changed: nothing that was found counts")
    write(counts)
    print(page())
    total = Counter(outcome for _, _, outcome in counts.elements())
    print(", ".join(f"{total[outcome]} {outcome}" for outcome in OUTCOMES), f"of {len(todo)} attacks")
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
