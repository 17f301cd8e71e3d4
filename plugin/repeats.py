"""Anomalies that say again what a person has been told: they are written, marked suppressed, and alert nobody.

What is lastingly new is as strange with each line until its source is trained again: a host that was given a new job
would fill every inbox. So the first of alike anomalies is told, and then none for a while, unless one is much stranger.
Elastic's detection rules call the same alert suppression; here the worker does it, and no licence is asked for.

Alike is what one view says in the same words of the same host, user and address, or of the same new pair, host and
user. What was told when is carried from poll to poll in the checkpoint, so no page size and no crash changes which one
is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from models.windows import END, UNKNOWN
from plugin import explain
from plugin.pipeline import Anomaly
from plugin.ports import Told

STRANGER = 10.0
"""Points over the one that was told, ten times rarer: that is news."""
LATE = "-late-"
"""And a number of spans of time ends the key of what alike late ones repeat."""
MAX_TOLD = 10_000
"""Remembered of one source, the latest; some 300 kB of a checkpoint. What is forgotten is told once more."""


def marked(
    told: Mapping[str, Told], anomalies: Iterable[Anomaly], suppress_s: float
) -> tuple[list[Anomaly], dict[str, Told]]:
    """The anomalies, in their order, with how many alike ones came since the one that was told; and what is told now.

    An anomaly is news when nothing alike was told within `suppress_s` of it, or when it is `STRANGER`.
    """
    known = dict(told)
    found = []
    for anomaly in anomalies:
        key, at = _saying(anomaly), anomaly.sighting.line.clock or anomaly.sighting.line.time
        before = known.get(key)
        if before is not None and 0.0 < suppress_s <= before.at - at:  # it came late, long before what was told
            key = f"{key}{LATE}{at // suppress_s:.0f}"
            before = known.get(key)
        if before is None or abs(at - before.at) >= suppress_s or anomaly.score >= before.score + STRANGER:
            found.append(replace(anomaly, repeats=0))
            known[key] = Told(at, anomaly.score, 0)
            if before and at < before.at:  # it came late: what was told after it is what others repeat
                known[key] = before._replace(score=max(before.score, anomaly.score))
        else:
            found.append(replace(anomaly, repeats=before.n + 1))
            known[key] = before._replace(n=before.n + 1)
    return found, known


def remembered(told: Mapping[str, Told], since: float) -> dict[str, Told]:
    """What is worth carrying on: told after an instant, seconds since the epoch, and of that the latest."""
    recent = {key: each for key, each in told.items() if each.at >= since}
    if len(recent) <= MAX_TOLD:
        return recent
    return dict(sorted(recent.items(), key=lambda item: (item[1].at, item[0]))[-MAX_TOLD:])


def _saying(anomaly: Anomaly) -> str:
    """A digest of what is said and of whom: the same for alike ones, under any bundle."""
    line, why = anomaly.sighting.line, anomaly.explanation
    said = (why.pair,) if why.pair else (*_words(anomaly), line.address)
    words = "\0".join((anomaly.view.name, why.aspect, line.host, line.user, *said))
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _words(anomaly: Anomaly) -> tuple[str, ...]:
    """What an anomaly says that is not about a pair: of a pair the news is the pair, whichever line shows it."""
    window, why = anomaly.sighting.window, anomaly.explanation
    kind = "bin" if window.bins else "END" if window.event == END else "line"
    word = why.observed if isinstance(why.observed, str) else ""
    return (kind, explain.message(anomaly), explain.about(anomaly), _last(anomaly), word)


def _last(anomaly: Anomaly) -> str:
    """What a session that fell silent ended with, as far as its view looks back; no two lines like none are alike."""
    window = anomaly.sighting.window
    if window.event != END:
        return ""
    if anomaly.before[-1:] == (UNKNOWN,):
        return explain.masked(anomaly)
    return explain.text(anomaly, window.history[-1]) if explain.events(window.history) else ""
