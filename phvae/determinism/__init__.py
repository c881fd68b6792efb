"""Repeatable numbers: random streams by name, the settings of a computation."""
