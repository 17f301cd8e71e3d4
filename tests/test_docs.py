"""What operators copy agrees with the code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugin import config
from plugin.config import Settings, SourceSettings

EXAMPLE = Path(__file__).parent.parent / "deploy/settings.example.toml"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The example as it is shipped, whatever the variables of whoever runs the tests say."""
    for name in (each for each in __import__("os").environ if each.startswith("SIEM_ANOMALY__")):
        monkeypatch.delenv(name)
    return config.load(EXAMPLE)


def paths(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The key paths of a tree of settings, its leaves alone."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from paths(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"
