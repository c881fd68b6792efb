"""docs/results.md: the text of results.md.in with every number computed from the committed tables.

In the text `{{ ... }}` calls a function of `Numbers`. A number that cannot be computed is an error, so the page cannot
say what the tables do not hold.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined

from phvae.analysis.claims.answers import SYMBOLS, Answers, Question
from phvae.analysis.presentation.numbers import number
from phvae.analysis.results.long_table import read_costs, read_runs, read_table, size_key
from phvae.analysis.statistics import paired_interval
from phvae.analysis.statistics.rate_distortion import RATE

__all__ = ["Numbers", "page"]

HERE = Path(__file__).resolve().parent


class Numbers:
    """The scores of a results folder, by data set, metric and variant, at the largest training size unless told."""

    def __init__(self, root: Path, answers: Answers | None = None) -> None:
        self.root, table = root, read_table(root)
        self.runs, self.costs, self.answers = read_runs(root), read_costs(root), answers
        self._scores = table[(table["split"] == "test") & table["seed"].notna() & table["value"].notna()]
        sizes = table.groupby("dataset")["n_train"].unique()
        self._largest = {name: max(own, key=size_key) for name, own in sizes.items()}

    def of(self, dataset: str, metric: str, variant: str, n_train: str = "") -> pd.Series:
        """The value of each seed."""
        rows = self._scores[
            (self._scores["dataset"] == dataset)
            & (self._scores["metric"] == metric)
            & (self._scores["variant"] == variant)
            & (self._scores["n_train"] == (n_train or self._largest[dataset]))
        ]
        if not len(rows):
            raise LookupError(f"no {metric} of {variant} on {dataset}")
        return rows.set_index("seed")["value"].sort_index()

    def mean(self, dataset: str, metric: str, variant: str, n_train: str = "", digits: int = 3) -> str:
        """The mean over seeds."""
        return number(float(self.of(dataset, metric, variant, n_train).mean()), digits).replace("-", "−")

    def ceiling(self, dataset: str, metric: str, digits: int = 2) -> str:
        """The highest value of a score that a data set allows."""
        rows = self._scores[(self._scores["dataset"] == dataset) & (self._scores["metric"] == metric)]
        (highest,) = rows["ceiling"].dropna().unique()
        return number(float(highest), digits)

    def apart(self, dataset: str, metric: str, one: str, other: str, n_train: str = "", digits: int = 2) -> str:
        """The mean difference of two variants, paired by seed, with its 95 % interval."""
        mean, low, high = self._difference(dataset, metric, one, other, n_train)
        return f"{number(mean, digits)} [{number(low, digits)}, {number(high, digits)}]".replace("-", "−")

    def rate(self, dataset: str, variant: str) -> str:
        """The mean KL, in nats."""
        return self.mean(dataset, RATE, variant, digits=2)

    def below(self, datasets: list[str], metric: str, one: str, other: str) -> list[str]:
        """The data sets on which the whole interval of `one` minus `other` is below zero."""
        return [name for name in datasets if self._difference(name, metric, one, other)[2] < 0]

    def _difference(self, dataset: str, metric: str, one: str, other: str, n_train: str = "") -> tuple[float, ...]:
        pairs = (self.of(dataset, metric, one, n_train) - self.of(dataset, metric, other, n_train)).dropna().to_numpy()
        low, high = paired_interval(pairs)
        return float(pairs.mean()), float(low), float(high)

    def count(self) -> str:
        """The number of runs."""
        return f"{len(self.runs):,}"

    def hours(self) -> str:
        """The hours of one core that training, encoding and scoring took."""
        spent = self.costs[["seconds_train", "seconds_encode", "seconds_evaluate"]].sum().sum()
        return f"{spent / 3600:.1f}"

    def hardware(self) -> str:
        """The model of CPU of each data set."""
        found = self.runs.groupby("hardware", sort=False)["dataset"].unique()
        return "; ".join(f"{', '.join(names)} on {model}" for model, names in found.items())

    def commit(self) -> str:
        """The commit of the runs."""
        (commit,) = self.runs["commit"].unique()
        return f"`{commit[:12]}`"

    def grid(self) -> str:
        """The verdicts: a line per claim that was tested, a column per data set."""
        assert self.answers is not None
        names = self.answers.datasets
        lines = [["claim", *names], ["---", *[":---:"] * len(names)]]
        for claim in (claim for family in self.answers.families for claim in family.claims):
            words = [self._symbol(claim.questions[-1], name) for name in names]
            if any(words):
                lines.append([claim.text.rstrip("."), *words])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _symbol(self, question: Question, dataset: str) -> str:
        words = [answer.word for answer in question.answers if answer.dataset == dataset]
        return SYMBOLS[words[0]] if words and words[0] != "not tested" else ""

    def word(self, claim: str) -> str:
        """What was found of a claim, by data sets, as a sentence."""
        counts = Counter(answer.word for answer in self._asked(claim).answers if answer.word != "not tested")
        said = {"supported": "better than every control", "contradicted": "worse than a control",
                "small": "apart by less than matters", "undecided": "not resolved"}  # fmt: skip
        some = "On some" if counts["supported"] else "Not shown"
        start = "Yes" if counts["supported"] > counts.total() / 2 else some
        if counts.total() == 1:
            return f"**{start}**: {said[next(iter(counts))]} on {self.datasets_of(claim)[0]}."
        parts = [f"{words} on {counts[word]}" for word, words in said.items() if counts[word]]
        return f"**{start}**: of {counts.total()} sets, {', '.join(parts)}."

    def extreme(self, datasets: list[str], metric: str, one: str, other: str) -> str:
        """The largest mean difference over some data sets, with its sign."""
        return number(max((self._difference(name, metric, one, other)[0] for name in datasets), key=abs), 2).replace(
            "-", "−"
        )

    def table(self, columns: list[tuple[str, str, str]], variants: list[str], digits: int = 3) -> str:
        """Means over seeds: a line per variant, a column per (heading, data set, metric); a dash if it was not run."""
        labels = dict(zip(self.runs["variant"], self.runs["label"], strict=True))
        lines = [["variant", *(heading for heading, *_ in columns)], ["---", *["---:"] * len(columns)]]
        lines += [
            [labels[v], *(self._mean_if_run(name, score, v, digits) for _, name, score in columns)] for v in variants
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def over(self, datasets: list[str], metric: str, variants: list[str], digits: int = 3) -> str:
        """The table of one score: a line per variant, a column per data set."""
        return self.table([(name, name, metric) for name in datasets], variants, digits)

    def _mean_if_run(self, dataset: str, metric: str, variant: str, digits: int) -> str:
        return self.mean(dataset, metric, variant, digits=digits) if self._ran(dataset, variant) else "–"

    def _ran(self, dataset: str, *variants: str) -> bool:
        return set(variants) <= set(self.runs.loc[self.runs["dataset"] == dataset, "variant"])

    def differences(self, datasets: list[str], metric: str, columns: list[tuple[str, str, str]]) -> str:
        """Paired differences: a line per data set, a column per (heading, variant, the one subtracted)."""
        lines = [["data set", *(heading for heading, *_ in columns)], ["---", *["---:"] * len(columns)]]
        for name in datasets:
            pairs = [(one, other) for _, one, other in columns]
            apart = (self.apart(name, metric, *pair) if self._ran(name, *pair) else "–" for pair in pairs)
            lines.append([name, *apart])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def datasets_of(self, claim: str) -> list[str]:
        """The data sets on which a claim was tested."""
        return [answer.dataset for answer in self._asked(claim).answers if answer.word != "not tested"]

    def _asked(self, claim: str) -> Question:
        """Whether the claim's challenger beats every control."""
        assert self.answers is not None
        (found,) = (one for family in self.answers.families for one in family.claims if one.claim == claim)
        return found.questions[-1]


def page(reference: Path, answers: Answers) -> str:
    """The page; `ref` are the numbers of the reference results."""
    text = (HERE / "results.md.in").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(text).render(ref=Numbers(reference, answers))
