"""The metrics: one registry of definitions; each group computes its rows from the files of a run (loads no torch)."""

from phvae.metrics.registry import METRICS, Metric, lookup, names
from phvae.metrics.rows import Inputs, Row

__all__ = ["METRICS", "Inputs", "Metric", "Row", "lookup", "names"]
