"""How long the sentences of a page are: `python docs/sentences.py` prints a line per page."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
PAGES = [path.relative_to(ROOT) for path in (*ROOT.glob("README.md"), *sorted(ROOT.glob("docs/**/*.md")))]
# what is no prose: fenced and indented code, formulas, comments, tables, headings, pictures
NO_PROSE = re.compile(
    r"^```.*?^```$|^\$\$.*?^\$\$$|<!--.*?-->|^(?: {4}\S| *\||#|!\[|:::).*?$", re.MULTILINE | re.DOTALL
)
END = re.compile(r"(?<=[.!?:;])(?:[)\"*]*)\s+(?=[^a-z\s])|\n\s*(?:\n|[-*] |\d+\. )")


def lengths(text: str) -> list[int]:
    """The words of each sentence of a page in Markdown.

    >>> lengths("# A page\\n\\nOne two three. Four five\\nsix seven.\\n\\n- Eight nine.\\n\\n| ten | eleven |\\n")
    [3, 4, 2]
    """
    counts = (len(re.findall(r"[^\W_][\w'’]*", part)) for part in END.split(NO_PROSE.sub("\n\n", text)))
    return [count for count in counts if count > 1]


if __name__ == "__main__":
    for page in PAGES:
        words = lengths((ROOT / page).read_text(encoding="utf-8")) or [0]
        print(f"{page!s:34} {len(words):4} sentences, median {median(words):4.1f} words, longest {max(words)}")
