"""Data sets: validated options, prepared once into arrays, loaded as memory maps (imports no torch)."""

from phvae.data.prepared import Prepared, load
from phvae.data.registry import KINDS, validate
from phvae.data.store import prepare

__all__ = ["KINDS", "Prepared", "load", "prepare", "validate"]
