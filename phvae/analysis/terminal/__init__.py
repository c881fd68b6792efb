"""Answers on a terminal: a comparison, a check against a reference."""
