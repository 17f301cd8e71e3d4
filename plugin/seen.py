"""When the training last held each template: a bundle knows what its source has stopped saying."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from parsers.matcher import Match
from parsers.templates import UNKNOWN

QUIET = 0.25
"""Share of the training's time, its end, in which a template that is still in use is expected."""


@dataclass(frozen=True)
class Seen:
    """The training's first line and each template's last, seconds since the epoch."""

    first: float
    last: tuple[float, ...]
    """By event id, from 1; `first` where the training held none."""

    @classmethod
    def of(cls, matches: Iterable[Match], n_templates: int) -> Self:
        """From the training's matched lines, in any order; at least one."""
        moments = [(match.event, match.line.time) for match in matches]
        first = min(time for _, time in moments)
        last = [first] * (n_templates + 1)
        for event, time in moments:
            last[event] = max(last[event], time)
        return cls(first, tuple(last[UNKNOWN + 1 :]))

    def quiet_since(self, event: int) -> float | None:
        """When it last came, where that was before the training's last quarter."""
        end = max(self.last, default=self.first)
        time = self.last[event - 1] if event <= len(self.last) else end
        return time if time < end - QUIET * (end - self.first) else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"first": self.first, "last": [*self.last]}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: it is not what `to_json` writes.
        """
        last = value.get("last") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(last, list) or not _are_times([value.get("first"), *last]):
            raise ValueError("times must be an object of first, a number, and last, a list of numbers")
        return cls(float(value["first"]), tuple(map(float, last)))


def _are_times(values: Sequence[object]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
