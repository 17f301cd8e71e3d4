"""What a line says at its template's placeholders, and when: numbers, words, hours, pauses, each against what is usual.

Source: Du, Li, Zheng and Srikumar, "DeepLog", CCS 2017 (its parameter value model): for each template a recurrent
network predicts the numbers and the pause before the line from those of the last lines, and errors are judged by
held-out ones. It is kept for numbers that it predicts better than their mean does, of templates with more lines than
it has weights. What the paper leaves out is counted: words, their hours, sizes beside the words they come with, and
the middle of the last lines, which tells a drift that a network follows without surprise. All are judged by the tail of
held-out lines (`models.usual`).

Of m parts that have a say the least likely one speaks: that one of m is so unlikely is m times likelier.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from models import storing
from models.base import DetectorConfig, Explanation, Floats, Progress
from models.course import Course, Plan, network
from models.layers import Fitted, Numbers
from models.learning import demand
from models.sizes import Number, stretch
from models.table import PAUSE, Table, by_template, names, table
from models.usual import MIN_LINES, Beyond
from models.windows import Window
from models.words import DAY_S, LINE, OTHER, Place

MAX_NETWORKS = 16
"""Templates that get a network, the commonest: a second's fit each."""
NAMED = 3
"""Usual words that are named."""


@dataclass(frozen=True)
class Config(DetectorConfig):
    """Settings of the detector."""

    kind: Literal["values"] = "values"
    h: int = 0
    enough: int = 1_000
    """Lines from which a template may have a network: more than it has weights."""
    steps: int = 200
    """Of a network's fit at most."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks are fit. Judging is always done on the CPU, so that verdicts do not depend on the machine."""
    counts: bool = False
    pairs: bool = False
    values: bool = True

    def __post_init__(self) -> None:
        if min(self.enough, self.steps) < 1:
            raise ValueError("every number must be at least 1")


class Part(NamedTuple):
    """One thing about lines, and how unlikely it is."""

    aspect: str
    name: str
    nats: Floats
    """Shape (n,); NaN where it has no say."""


@dataclass(frozen=True)
class Usual:
    """What is known of one template."""

    places: Mapping[str, Place]
    """`LINE` last."""
    numbers: Mapping[str, Number]
    """`PAUSE` last."""
    course: Course | None = None

    @classmethod
    def of(cls, lines: Table) -> Self:
        """From the lines of a template, oldest first; without a network yet."""
        places = {
            name: Place.of(_texts(lines, name), lines.times, has_hours=name not in lines.numbers)
            for name in (*lines.words, LINE)
        }
        places = {name: place for name, place in places.items() if name == LINE or place.is_telling}
        groups = {name: (place.codes(_texts(lines, name)), len(place.vocabulary)) for name, place in places.items()}
        return cls(places, {name: Number.of(lines, name, groups) for name in lines.numbers})

    def table(self, windows: Sequence[Window]) -> Table:
        """Windows of this template as columns."""
        return table(windows, [name for name in self.numbers if name != PAUSE], [*self.places][:-1])

    def parts(self, lines: Table) -> Iterator[Part]:
        """Everything that can be said of lines; what no value of theirs says comes last."""
        codes = {name: place.codes(_texts(lines, name)) for name, place in self.places.items()}
        for name, place in self.places.items():
            if name != LINE:
                yield Part("word", name, place.words.nats(codes[name]))
        for name, number in self.numbers.items():
            aspect = "pause" if name == PAUSE else "step" if number.is_step else "number"
            if number.is_heard:
                yield Part(aspect, name, number.beyond.nats(number.figures(lines, name, codes[number.group])))
            if aspect == "number":
                yield Part("level", name, number.middle_beyond.nats(number.middle_figures(lines, name)))
        if self.course:
            for name, errors in self.course.errors(lines, self.numbers).items():
                yield Part("course", name, self.course.beyond[name].nats(errors))
        for name, place in self.places.items():
            yield Part("hour", name, place.beyond.nats(place.hours.figures(codes[name], lines.times)))


class Detector:
    """What is usual for each template."""

    def __init__(self, config: Config, usual: Mapping[int, Usual]) -> None:
        self.config = config
        self.usual = usual

    @classmethod
    def fit(cls, config: Config, windows: Sequence[Window], seed: int, progress: Progress) -> Self:
        """A detector that knows what the lines of each template said; the same seed gives the same one.

        Raises:
            ValueError: there are no windows, or a GPU is asked for and there is none.
        """
        if not windows:
            raise ValueError(f"no windows to fit {config.kind} on")
        demand(config.device)  # a GPU that is not there is told now, not when a template has lines enough
        of = {event: places for event, places in by_template(windows).items() if len(places) >= MIN_LINES}
        usual: dict[int, Usual] = {}
        plan = Plan(config.enough, config.steps, config.device, seed)
        for done, event in enumerate(sorted(of, key=lambda event: (-len(of[event]), event)), start=1):
            told = [windows[place] for place in of[event]]
            lines = table(told, *names(told))
            usual[event] = Usual.of(lines)
            if done <= MAX_NETWORKS:
                course = Course.of(lines, usual[event].numbers, plan)
                usual[event] = replace(usual[event], course=course)
            progress(done / len(of))
        progress(1.0)
        return cls(config, usual)

    def surprise(self, windows: Sequence[Window]) -> Floats:
        """Shape (n,): nats of each window's least likely part; 0 for templates the fit hardly knew, and at END."""
        found = np.zeros(len(windows))
        for event, places in by_template(windows).items():
            if event in self.usual:
                usual = self.usual[event]
                lines = usual.table([windows[place] for place in places])
                found[places] = _least_likely(list(usual.parts(lines)))
        return np.round(found, 9)  # a network's last digits depend on the batch

    def explain(self, window: Window) -> Explanation:
        """Which value spoke, and what is usual in its place."""
        if window.event not in self.usual:
            return Explanation("hour", 1.0)
        usual = self.usual[window.event]
        lines = usual.table([window])
        parts = [part for part in usual.parts(lines) if np.isfinite(part.nats[0])]
        if not parts:
            return Explanation("hour", 1.0)
        spoke = max(parts, key=lambda part: float(part.nats[0]))
        why = Explanation(spoke.aspect, math.exp(-float(_least_likely(parts)[0])), value=spoke.name)
        if spoke.aspect == "word":
            return _word(why, usual, lines)
        return _hour(why, usual, lines) if spoke.aspect == "hour" else _number(why, usual, lines)

    def save(self, directory: Path) -> None:
        """Write `detector.json` and `weights.safetensors` into an existing directory."""
        usual = {event: _written(of) for event, of in self.usual.items()}
        words = {"config": asdict(self.config), "usual": usual}
        weights = {
            f"{event}.{name}": weight
            for event, of in self.usual.items()
            if of.course
            for name, weight in of.course.fitted.floats().items()
        }
        storing.write(directory, words, weights)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The detector that `save` wrote there.

        Raises:
            OSError, ValueError, KeyError, TypeError: a file is missing, truncated or foreign.
        """
        words, weights = storing.read(directory)
        try:
            usual = {int(event): _read(of, f"{event}.", weights) for event, of in words["usual"].items()}
        except AttributeError as error:
            raise ValueError(f"{directory.name}: {error}") from error
        return cls(Config(**words["config"]), usual)


def _least_likely(parts: Sequence[Part]) -> Floats:
    """Nats of the least likely of the parts that have a say, shape (n,)."""
    nats = np.array([part.nats for part in parts])  # (parts, n)
    tried = np.maximum(np.count_nonzero(~np.isnan(nats), axis=0), 1)
    return np.asarray(np.maximum(np.nan_to_num(nats, nan=0.0).max(axis=0) - np.log(tried), 0.0))


def _texts(lines: Table, name: str) -> Sequence[str | None]:
    return [LINE] * len(lines.times) if name == LINE else lines.words[name]


def _word(why: Explanation, usual: Usual, lines: Table) -> Explanation:
    place, text = usual.places[why.value], lines.words[why.value][0]
    (code,) = place.codes([text]).tolist()
    seen = place.words.counts[code] if code >= 0 else 0
    return replace(why, observed=text, usual=place.vocabulary[:NAMED], seen=seen, total=place.words.total)


def _hour(why: Explanation, usual: Usual, lines: Table) -> Explanation:
    place, (text,) = usual.places[why.value], _texts(lines, why.value)
    (code,) = place.codes([text]).tolist()
    return replace(
        why,
        observed=float(lines.times[0] % DAY_S),
        usual=place.hours.span(code),
        beside=(why.value, text or ""),
        total=place.hours.days[code],
    )


def _number(why: Explanation, usual: Usual, lines: Table) -> Explanation:
    number = usual.numbers[why.value]
    raw, sizes, beside = number.raw(lines, why.value), number.alone.usual(OTHER), ("", "")
    if why.aspect == "level":
        raw, sizes = number.middles(lines, why.value), number.middle.usual(OTHER)
    elif why.aspect == "course" and usual.course:
        expected = usual.course.expected(lines, usual.numbers)[0, [*usual.numbers].index(why.value)]
        reach = usual.course.beyond[why.value].reach(0.01)
        median, spread = number.alone.medians[-1], number.alone.spreads[-1]
        low, middle, high = (median + spread * float(expected + off) for off in (-reach, 0.0, reach))
        sizes = low, middle, high
    elif number.group != LINE:
        (text,) = _texts(lines, number.group)
        (code,) = usual.places[number.group].codes([text]).tolist()
        sizes, beside = number.sizes.usual(code), (number.group, text or "") if code >= 0 else beside
    usually = tuple(stretch(size, number.unit) for size in sizes)
    return replace(why, observed=float(raw[0]), usual=usually, beside=beside, total=number.beyond.n)


def _written(usual: Usual) -> dict[str, Any]:
    """Plain JSON; the network's weights lie beside it."""
    return {
        "places": {name: asdict(place) for name, place in usual.places.items()},
        "numbers": {name: asdict(number) for name, number in usual.numbers.items()},
        "course": {name: asdict(beyond) for name, beyond in usual.course.beyond.items()} if usual.course else {},
    }


def _read(of: Mapping[str, Any], prefix: str, weights: Mapping[str, Numbers]) -> Usual:
    places = {name: Place.from_json(place) for name, place in of["places"].items()}
    numbers = {name: Number.from_json(number) for name, number in of["numbers"].items()}
    belong = all(number.sizes.n_words == len(places[number.group].vocabulary) for number in numbers.values())
    if not belong or [*places][-1:] != [LINE] or [*numbers][-1:] != [PAUSE]:
        raise ValueError("a template's numbers and words do not belong together")
    if not of["course"]:
        return Usual(places, numbers)
    own = {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
    beyond = {name: Beyond.from_json(each) for name, each in of["course"].items()}
    return Usual(places, numbers, Course(Fitted.of(network(len(numbers)), own), beyond))
