"""Divergences D(q || p), one per file."""
