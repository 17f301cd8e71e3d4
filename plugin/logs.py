"""Log set-up: one line an event, `key=value`, on stderr."""

from __future__ import annotations

import logging
import time


def set_up(*, debug: bool = False) -> None:
    """Send our own log lines to stderr, and of others only warnings; times are UTC."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # its door says the same in one sentence
    logging.getLogger("siem_anomaly").setLevel(logging.DEBUG if debug else logging.INFO)
