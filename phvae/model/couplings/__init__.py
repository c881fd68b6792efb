"""Couplings A, one per file."""
