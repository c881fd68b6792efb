"""Outputs of models trained elsewhere: what is refused, and how they are laid out."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from external_outputs import linear_model, write

from phvae.data import Prepared
from phvae.encoding.external import in_memory, layout, opened
from phvae.encoding.order import in_order
from phvae.errors import DataError
from phvae.metrics.given import Given
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Undefined
from phvae.model.gaussian import GaussianTerms  # noqa: F401
