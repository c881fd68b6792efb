"""Draw the diagram of docs/method.md: `python docs/diagram.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

LEVELS = 3
BLUES = ("#9ecae1", "#4292c6", "#08519c")
GREY = "0.9"


def box(axes: Axes, x: float, y: float, text: str, colour: str = GREY, width: float = 1.5, height: float = 0.7) -> None:
    """A box with text, its middle at (x, y)."""
    axes.add_patch(plt.Rectangle((x - width / 2, y - height / 2), width, height, facecolor=colour, edgecolor="0.2"))
    axes.text(x, y, text, ha="center", va="center", color="white" if colour == BLUES[2] else "black")


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], **look: object) -> None:
    """An arrow between two places."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.2", **look})


def main(path: Path) -> None:
    """Draw order 3: its powers, encoders, levels of the code, and the one decoder."""
    figure, axes = plt.subplots(figsize=(9, 3.4))
    axes.set(xlim=(-0.9, 11.4), ylim=(-0.75, 3.6), aspect="equal")
    axes.set_axis_off()
    box(axes, 0, 1.4, "x", width=1)
    for level in range(LEVELS):
        y, colour = 2.8 - 1.4 * level, BLUES[level]
        power = ("x", "x²", "x³")[level]
        box(axes, 2, y, f"$\\varphi_{level + 1}(x)$ = {power}", width=1.9)
        box(axes, 4.4, y, f"encoder {level + 1}", colour)
        box(axes, 6.6, y, f"$z_{level + 1}$", colour, width=0.9)
        arrow(axes, (0.5, 1.4), (1.05, y))
        arrow(axes, (2.95, y), (3.65, y))
        arrow(axes, (5.15, y), (6.15, y))
        axes.text(5.65, y + 0.14, f"$\\mu_{level + 1}, \\sigma_{level + 1}$", ha="center", fontsize="small")
        arrow(axes, (7.05, y), (8.1, 1.4))
        if level:
            arrow(axes, (6.6, y + 1.05), (6.6, y + 0.35), linestyle="--")
    axes.text(6.72, 2.1, "A", va="center")
    axes.text(6.72, 0.7, "A", va="center")
    box(axes, 8.85, 1.4, "decoder")
    arrow(axes, (9.6, 1.4), (10.2, 1.4))
    box(axes, 10.7, 1.4, "$\\hat{x}$", width=1)
    axes.text(2, 3.4, "powers of x", ha="center")
    axes.text(4.4, 3.4, "one encoder each", ha="center")
    axes.text(6.6, 3.4, "the code", ha="center")
    axes.text(8.85, 2.0, "one, shared", ha="center")
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main(Path(__file__).with_name("method.png"))
