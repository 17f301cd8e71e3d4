"""What operators copy agrees with the code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from plugin import config
from plugin.config import Settings, SourceSettings

EXAMPLE = Path(__file__).parent.parent / "deploy/settings.example.toml"
OPTIONAL = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)
"""Begins a key that the example names without setting it."""


def paths(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The key paths of the leaves of a settings tree."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from paths(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def test_the_settings_example_names_every_key_there_is() -> None:
    """A setting that an operator cannot find in the example does not exist for them."""
    named = tomllib.loads(OPTIONAL.sub("", EXAMPLE.read_text(encoding="utf-8")))
    assert sorted(paths(named)) == sorted(paths(config.load(EXAMPLE).model_dump(mode="json")))


def test_the_settings_example_shows_the_defaults() -> None:
    """Copied unchanged it changes nothing, but that it names a source, which no default can know."""
    shown = config.load(EXAMPLE)
    assert shown.sources == {"auth": SourceSettings(indices=("logs-auth*",), views=config.default_views())}
    assert shown.model_copy(update={"sources": {}}) == Settings()
