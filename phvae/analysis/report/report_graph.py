"""The graph of stages as a small drawing: layers from left to right, without any drawing program."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["STAGES", "draw_graph", "layers"]

Edge = tuple[str, str]

# The workflow's rules, as docs and Snakefile have them; a test compares.
STAGES: tuple[Edge, ...] = (
    ("prepare", "reference"),
    ("prepare", "train"),
    ("train", "encode"),
    ("encode", "evaluate"),
    ("reference", "evaluate"),
    ("encode", "groups"),
    ("evaluate", "collect"),
    ("groups", "collect"),
    ("collect", "tables"),
    ("collect", "figures"),
    ("tables", "report"),
    ("figures", "report"),
    ("report", "track"),
)

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 92, 30, 40, 16


def layers(edges: Sequence[Edge]) -> list[list[str]]:
    """Nodes by the length of the longest way to them.

    >>> layers([("a", "b"), ("b", "c"), ("a", "c")])
    [['a'], ['b'], ['c']]

    Raises:
        ValueError: the edges form a circle.
    """
    nodes = list(dict.fromkeys(node for edge in edges for node in edge))
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        changed = False
        for start, end in edges:
            if depth[end] < depth[start] + 1:
                depth[end], changed = depth[start] + 1, True
        if not changed:
            break
    else:
        raise ValueError(f"the graph has a circle among {', '.join(nodes)}")
    return [[node for node in nodes if depth[node] == d] for d in range(max(depth.values(), default=-1) + 1)]


def draw_graph(edges: Sequence[Edge]) -> str:
    """The graph as an SVG element; node names are escaped."""
    columns = layers(edges)
    rows = max((len(column) for column in columns), default=0)
    width = len(columns) * (_WIDTH + _GAP_X) - _GAP_X + 4
    height = rows * (_HEIGHT + _GAP_Y) - _GAP_Y + 4
    at: dict[str, tuple[float, float]] = {}
    for depth, column in enumerate(columns):
        top = 2 + (height - 4 - len(column) * (_HEIGHT + _GAP_Y) + _GAP_Y) / 2
        for row, node in enumerate(column):
            at[node] = (2 + depth * (_WIDTH + _GAP_X), top + row * (_HEIGHT + _GAP_Y))
    parts = []
    for start, end in edges:
        x0, y0 = at[start][0] + _WIDTH, at[start][1] + _HEIGHT / 2
        x1, y1 = at[end][0] - 5, at[end][1] + _HEIGHT / 2
        bend = max((x1 - x0) / 2, 14)
        parts.append(
            f'<path d="M{x0:.0f} {y0:.0f} C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"/>'
        )
    for node, (x, y) in at.items():
        parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>'
            f'<text x="{x + _WIDTH / 2:.0f}" y="{y + _HEIGHT / 2:.0f}">{escape(node)}</text>'
        )
    names = ", ".join(escape(f"{start} to {end}") for start, end in edges)
    return (
        f'<svg class="graph" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="Graph of stages: {names}"><defs><marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" '
        f'markerWidth="6" markerHeight="6" orient="auto"><path class="tip" d="M0 0 L6 3 L0 6z"/></marker></defs>'
        + "".join(parts)
        + "</svg>"
    )
