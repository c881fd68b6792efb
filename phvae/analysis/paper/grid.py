"""The grid of verdicts as LaTeX: claims by data sets, two questions each."""

from __future__ import annotations

from phvae.analysis.claims.answers import MEANINGS, Answers, ClaimAnswers
from phvae.analysis.tables.latex_text import escape_latex

__all__ = ["verdict_grid"]

_SYMBOLS = {
    "supported": r"$\checkmark$", "contradicted": r"$\times$", "small": r"$\approx$", "undecided": "?",
    "not tested": r"$\cdot$",
}  # fmt: skip


def verdict_grid(answers: Answers) -> str:
    """The claims that were tested by the data sets that they are about; a line for what is asked of each."""
    told = "; ".join(f"{symbol} {escape_latex(MEANINGS[word])}" for word, symbol in _SYMBOLS.items())
    count = len(answers.datasets)
    width = max(0.72 - 0.028 * count, 0.2)  # what the marks leave
    columns = f">{{\\raggedright\\arraybackslash}}p{{{width:.3f}\\textwidth}}l{'c' * count}"
    heads = " & ".join(f"\\rotatebox{{90}}{{{escape_latex(name)}}}" for name in answers.datasets)
    claims = [claim for family in answers.families for claim in family.claims if _tested(claim)]
    lines = [
        r"\begin{table}[htbp]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        f"\\caption{{Verdicts. {told}.}}\\label{{tab:verdicts}}\\par\\medskip",
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        f"claim & asked & {heads} \\\\",
    ]
    for claim in claims:
        lines.append(r"\midrule")
        for i, question in enumerate(claim.questions):
            first = escape_latex(claim.text) if i == 0 else ""
            words = [_SYMBOLS[answer.word] for answer in question.answers]
            lines.append(" & ".join([first, escape_latex(question.asked), *words]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _tested(claim: ClaimAnswers) -> bool:
    return any(answer.word != "not tested" for question in claim.questions for answer in question.answers)
