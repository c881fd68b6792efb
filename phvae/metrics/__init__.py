"""Scores from the files of a run: one module a score, found by its folder; the registry gathers them."""
