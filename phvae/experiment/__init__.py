"""The grid: what a configuration asks for, its cells, their paths and keys (loads no torch)."""
