"""A detector's files: what it is as JSON, its numbers as safetensors. Reading them reads data and cannot run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from models.layers import Numbers, Weights

WORDS, NUMBERS = "detector.json", "weights.safetensors"


def write(directory: Path, words: Mapping[str, Any], numbers: Weights) -> None:
    """Into an existing directory."""
    (directory / WORDS).write_text(json.dumps(words), encoding="utf-8")
    save_file(dict(numbers), directory / NUMBERS)


def read(directory: Path) -> tuple[dict[str, Any], dict[str, Numbers]]:
    """What `write` was given.

    Raises:
        OSError, ValueError: a file is missing, truncated or foreign.
    """
    words = json.loads((directory / WORDS).read_text(encoding="utf-8"))
    if not isinstance(words, dict):
        raise ValueError(f"{WORDS}: no object")
    try:
        return words, load_file(directory / NUMBERS)
    except SafetensorError as error:
        raise ValueError(f"{NUMBERS}: {error}") from error
