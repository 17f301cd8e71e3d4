"""Figures for Prometheus: one endpoint a worker, whatever number of processes it forks.

With several processes each writes its figures to files of a folder that all of them share, and the endpoint adds them
up. `prometheus_client` decides between the two ways when it is imported, by a variable of the environment: so it is
imported here alone, and only once `share` has been called where several processes are to be counted as one.
"""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from plugin.config import MetricsSettings
from plugin.errors import ConfigError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
COUNTS = {
    "events": "Documents judged.",
    "late": "Documents among them that came after later ones had been judged.",
    "rejected": "Documents that could not be read.",
    "unknown": "Lines that no template matches.",
    "cache_misses": "Messages that had to be matched, because none like them was remembered.",
    "dropped_sessions": "Open sessions dropped unjudged, because more than max_sessions were open.",
    "anomalies": "Lines and ends of sessions over the cut.",
    "suppressed": "Anomalies among them that repeat what was told.",
    "records": "Anomaly documents created.",
    "duplicates": "Documents that a replay found already there.",
    "dead_letters": "Documents that could not be read, or that Elasticsearch can never take.",
}
LEVELS = {
    "lag_seconds": "From the end of what has been judged to the server's now.",
    "backlog_seconds": "Of it what could have been judged by now.",
    "overlap_seconds": "How far back documents are told apart one by one; less than set where too many came.",
    "checkpoint_bytes": "Size of the checkpoint as stored.",
}


def share() -> None:
    """Count this process and those it forks as one, in a folder of their own. Call before anything is measured."""
    if FOLDER_VARIABLE not in os.environ:
        folder = os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="siem-anomaly-metrics-")
        atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    """The last to go clears up; a child that was forked goes before."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def serve(settings: MetricsSettings) -> None:
    """Answer `GET /metrics` in a thread of this process.

    Raises:
        ConfigError: the port cannot be listened on.
    """
    import prometheus_client  # noqa: PLC0415 - after `share`
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    registry: CollectorRegistry = prometheus_client.REGISTRY
    if FOLDER_VARIABLE in os.environ:
        registry = prometheus_client.CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        prometheus_client.start_http_server(settings.port, settings.host, registry)
    except OSError as error:
        raise ConfigError(
            [f"metrics.port: {settings.host}:{settings.port} cannot be listened on ({error.strerror})"]
        ) from None


def forget(pid: int) -> None:
    """A process has ended: its levels are no longer anyone's; its counts stay."""
    import_module("prometheus_client.multiprocess").mark_process_dead(pid)


class Meter:
    """Implements `Watch`: what polls did, as counters and gauges, by source."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge  # noqa: PLC0415 - after `share`

        self._counts: dict[str, Counter] = {
            name: Counter(f"siem_anomaly_{name}", words, ["source"]) for name, words in COUNTS.items()
        }
        self._levels: dict[str, Gauge] = {
            name: Gauge(f"siem_anomaly_{name}", words, ["source"], multiprocess_mode="mostrecent")
            for name, words in LEVELS.items()
        }
        self._seconds = Counter("siem_anomaly_station_seconds", "Time spent, by station.", ["source", "station"])
        self._polls = Counter("siem_anomaly_polls", "Polls by how they ended.", ["source", "outcome"])
        self._last = Gauge(
            "siem_anomaly_last_poll_timestamp_seconds",
            "When a poll last went through, by this machine's clock.",
            ["source"],
            multiprocess_mode="mostrecent",
        )
        self._memory = Gauge(
            "siem_anomaly_peak_memory_bytes", "Most memory a process has had.", multiprocess_mode="liveall"
        )

    def polled(
        self, source: str, counts: Mapping[str, int], levels: Mapping[str, float], seconds: Mapping[str, float]
    ) -> None:
        """A poll went through."""
        for name, counter in self._counts.items():
            counter.labels(source).inc(counts[name])
        for name, level in levels.items():
            self._levels[name].labels(source).set(level)
        for station, spent in seconds.items():
            self._seconds.labels(source, station).inc(spent)
        self._last.labels(source).set_to_current_time()
        self._polls.labels(source, "ok").inc()
        self._memory.set(_peak_bytes())

    def failed(self, source: str, outcome: str) -> None:
        """A poll did not."""
        self._polls.labels(source, outcome).inc()


def _peak_bytes() -> int:
    """The kernel counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
