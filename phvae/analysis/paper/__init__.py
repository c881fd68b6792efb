"""A paper from a results folder: its LaTeX source."""
