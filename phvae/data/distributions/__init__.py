"""Exact densities in one and two dimensions."""
