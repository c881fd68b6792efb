"""Renew every page that is made from the code: `make docs`."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path

from phvae import cli_data as cli
from phvae.analysis.claims import ledger
from phvae.analysis.claims.answering import answers
from phvae.analysis.claims.answers import Answers, Question
from phvae.analysis.claims.contests import binary_sets
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.results import columns
from phvae.analysis.results.configuration import default_baseline
from phvae.analysis.results.long_table import labels_of, read_runs, read_table
from phvae.experiment import schema_docs as config_docs
from phvae.files import write_text
from phvae.metrics import document

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "results/reference"


def between(page: Path, name: str, new: str) -> None:
    """Renew what stands between two marks of a page."""
    start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    text, count = re.subn(f"(?<={start}).*?(?={end})", lambda _: new, text, flags=re.DOTALL)
    assert count == 1, f"{page}: expected one pair of marks {start.strip()}, found {count}"
    write_text(page, text)


def reference_answers() -> Answers:
    """What today's rules answer on the committed reference results."""
    table, runs = read_table(REFERENCE), read_runs(REFERENCE)
    claims, binary, labels = read_claims(ROOT / "config/claims.yaml")[0], binary_sets(runs), labels_of(table, runs)
    verdicts = ledger.evaluate(table, claims, binary=binary, labels=labels)
    found = answers(table, claims, verdicts, default_baseline(REFERENCE), labels, binary=binary)
    assert found is not None, "expected tested claims"
    return found


def results_page() -> str:
    """docs/results.md as the committed tables have it."""
    spec = importlib.util.spec_from_file_location("results", ROOT / "docs/results.py")
    assert spec is not None
    assert spec.loader is not None
    results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(results)
    return str(results.page(REFERENCE, reference_answers()))


def answers_table(found: Answers) -> str:
    """The answers in Markdown: a line per claim that several data sets tested, a column per question, sets counted."""
    stated = (claim for family in found.families for claim in family.claims)
    claims = [one for one in stated if max(_words(question).total() for question in one.questions) > 1]
    asked = list(dict.fromkeys(question.asked for claim in claims for question in claim.questions))
    lines = [["claim", *(question.removesuffix("?") for question in asked)], ["---"] * (1 + len(asked))]
    for claim in claims:
        counts = {question.asked: counted(question) for question in claim.questions}
        lines.append([claim.text.rstrip("."), *(counts.get(question, "–") for question in asked)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _words(question: Question) -> Counter[str]:
    """On how many data sets it was answered with each word."""
    return Counter(answer.word for answer in question.answers if answer.word != "not tested")


def counted(question: Question) -> str:
    """On how many of the data sets tested the answer is yes, and on how many no."""
    words = _words(question)
    if not words:
        return "not tested"
    others = (("contradicted", "contradicted"), ("small", "as good"))
    more = [f", {said} on {words[word]}" for word, said in others if words[word]]
    return f"{words['supported']} of {words.total()}{''.join(more)}"


if __name__ == "__main__":
    config_docs.main(ROOT / "config")
    document.main(ROOT / "docs/metrics.md")
    write_text(ROOT / "docs/columns.md", columns.render())
    for name, table in (("cards", cli.cards_table()), ("files", cli.files_table())):
        between(ROOT / "docs/data.md", name, table)
    between(ROOT / "README.md", "answers", answers_table(reference_answers()))
    write_text(ROOT / "docs/results.md", results_page())
