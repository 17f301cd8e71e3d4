"""Settings to real ports. One function wires the real things; tests hand in their own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from plugin import bundle as bundles
from plugin.bundle import Bundle
from plugin.commands.follow import Share
from plugin.commands.poll import Polling
from plugin.config import Settings
from plugin.doors.elastic.anomalies import ElasticAnomalies
from plugin.doors.elastic.checkpoints import ElasticCheckpoints
from plugin.doors.elastic.client import connect
from plugin.doors.elastic.logs import ElasticLogs
from plugin.doors.elastic.setup import Installer
from plugin.ports import Ports


def build(settings: Settings) -> Ports:
    """The stores of the settings; nothing is asked of them yet.

    Raises:
        ConfigError: a key file or an authority cannot be read.
    """
    client, prefix = connect(settings.elasticsearch), settings.elasticsearch.prefix
    return Ports(ElasticLogs(client, prefix), ElasticAnomalies(client, prefix), ElasticCheckpoints(client, prefix))


def installer(settings: Settings) -> Installer:
    """What installs index templates, and says which rights are missing."""
    return Installer(connect(settings.elasticsearch), settings.elasticsearch)


def shares(settings: Settings, sources: Iterable[str]) -> list[Share]:
    """What is polled by itself of these sources: each of their parts."""
    return [(name, part) for name in sources for part in range(settings.source(name).partitions)]


def polling(settings: Settings, share: Share) -> Polling:
    """A source, or a part of it, with the bundle it has in use.

    Raises:
        ConfigError: no such source.
        BundleError: it has no bundle, or one that cannot be read.
    """
    source, part = share
    given = settings.source(source)
    bundle = _bundle(settings.bundles, source, bundles.current_id(settings.bundles, source))
    return Polling(source, given, bundle, settings.elasticsearch.prefix, settings.worker, part)


@lru_cache(maxsize=16)  # a bundle never changes; what it remembers of lines, 100 MB at the worst, is worth keeping
def _bundle(shelf: Path, source: str, id: str) -> Bundle:
    return bundles.load(shelf / source / id)
