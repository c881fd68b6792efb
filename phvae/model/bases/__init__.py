"""Bases phi_k(x), one per file: a function `levels(x, order)`."""
