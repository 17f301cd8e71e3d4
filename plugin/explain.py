"""A verdict in words: what came, what had been expected instead, how rare that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from models.base import Explanation
from models.windows import END, OPENINGS, UNKNOWN
from parsers.line import LogLine
from plugin import values
from plugin.pipeline import Anomaly

SILENCE = "end of the session"
NEW_LINE = "a line like none before"

TELLING = 10
"""Sessions that must have had an event before it tells anything how often it came in each."""

NAMED = 2
"""Of the events that a session had or lacked: more makes no sentence."""

WORTH_SAYING = 0.01
"""Probability from which a second expected event is named; less would read as 0 %."""

RULES = {
    "sequence": ("log-sequence-anomaly", "Unexpected {program} event"),
    "event": ("log-event-rarity", "Rare {program} event"),
    "pair": ("log-pair-rarity", "New combination in {program}"),
    "set": ("log-session-anomaly", "Unusual {program} session"),
    "counts": ("log-session-anomaly", "Unusual {program} session"),
    "number": ("log-value-anomaly", "Unusual number in {program}"),
    "step": ("log-value-anomaly", "Unusual number in {program}"),
    "level": ("log-value-anomaly", "Shifted numbers in {program}"),
    "course": ("log-value-anomaly", "Unexpected number in {program}"),
    "word": ("log-value-anomaly", "Unusual value in {program}"),
    "pause": ("log-time-anomaly", "Unusual pause in {program}"),
    "hour": ("log-time-anomaly", "Unusual hour in {program}"),
    "transitions": ("log-transition-anomaly", "Unusual order of {program} events"),
    "steps": ("log-transition-anomaly", "Unusual course of a {program} session"),
    "bins": ("log-volume-anomaly", "Unusual number of {program} events"),
}
"""Aspect → event.action, and how the alert's name begins."""


def rule(aspect: str) -> tuple[str, str]:
    """event.action, and how the alert's name begins, of any aspect: a detector may have a word of its own for it."""
    return RULES.get(aspect, (f"log-{aspect}-anomaly", f"Unusual {aspect} in {{program}}"))


def text(anomaly: Anomaly, event: int) -> str:
    """What an event id stands for, as a person reads it."""
    if event == END:
        return SILENCE
    return NEW_LINE if event == UNKNOWN else anomaly.bundle.templates.text(event)


def about(anomaly: Anomaly) -> str:
    """What the verdict is about, in words that are the same for alike ones: the line's event, or a session's parts."""
    why = anomaly.explanation
    if why.spots:
        return "; ".join(text(anomaly, event) for event in (why.spots[0].column, why.spots[0].event))
    if why.aspect in {"set", "counts"}:
        return "; ".join(text(anomaly, event) for event in (*why.extra, *why.missing))
    if why.aspect in values.ASPECTS:
        return f"{text(anomaly, anomaly.sighting.window.event)}; {RULES[why.aspect][0]}; {why.value}"
    event = anomaly.sighting.window.event
    return masked(anomaly) if _is_own_line(anomaly, event) else text(anomaly, event)


def program(line: LogLine) -> str:
    """`sshd[123]`, or `kernel` where there is no pid."""
    return f"{line.program}[{line.pid}]" if line.pid is not None else line.program


def message(anomaly: Anomaly) -> str:
    """One short sentence without figures that vary: Kibana takes it as the alert's name."""
    line = anomaly.sighting.line
    program = "" if anomaly.sighting.window.bins else line.program  # whose is what came in a bin?
    begin = rule(anomaly.explanation.aspect)[1].format(program=program or "log")
    where = f" on {line.host}" if line.host else ""
    event = _event(anomaly)
    what = masked(anomaly) if _is_own_line(anomaly, event) else text(anomaly, event)
    return f'{begin}{where}: "{_short(what, 160)}"'


def headline(anomaly: Anomaly) -> str:
    """The line; of a time bin, which its last line says nothing of, the alert's name."""
    return message(anomaly) if anomaly.sighting.window.bins else anomaly.sighting.line.message


def reason(anomaly: Anomaly) -> str:
    """Why, in one sentence with its figures."""
    return REASONS.get(anomaly.explanation.aspect, _other)(anomaly, anomaly.explanation)


def one_in(probability: float) -> str:
    """`1 in 2,900`, rounded to two digits: more would claim what nobody knows."""
    n = 1.0 / max(probability, 1e-10)
    if n < 10:
        return f"{100 * probability:.0f} %"
    digits = len(str(int(n))) - 2
    return f"1 in {round(n, -digits):,.0f}"


def rarity(score: float) -> str:
    """A score as a frequency: 30 is `1 in 1,000` windows."""
    return one_in(10.0 ** (-score / 10.0))


def steps(anomaly: Anomaly) -> list[tuple[str, int]]:
    """The history, oldest first: text, and how often in a row."""
    return _runs(text(anomaly, event) for event in events(anomaly.sighting.window.history))


def events(history: Iterable[int]) -> list[int]:
    """The events before, oldest first, without the opening that says what kind of session begins."""
    return [event for event in history if event > OPENINGS]


def _is_own_line(anomaly: Anomaly, event: int) -> bool:
    """Whether an event that no template has is the line itself, or its session's last, whose words can be shown."""
    if event != UNKNOWN:
        return False
    if anomaly.sighting.window.event == END:
        return anomaly.before[-1:] == (UNKNOWN,)
    return anomaly.sighting.window.event == UNKNOWN and not anomaly.explanation.spots


def masked(anomaly: Anomaly) -> str:
    """The line's words, without what varies."""
    return anomaly.bundle.masks.mask(anomaly.sighting.line.message)


def _event(anomaly: Anomaly) -> int:
    """The event that the verdict is about: of a session judged by what it holds, the one that stands out."""
    why = anomaly.explanation
    if why.spots:
        return why.spots[0].event
    return why.extra[0] if why.aspect in {"counts", "set"} and why.extra else anomaly.sighting.window.event


def _rare(anomaly: Anomaly, why: Explanation) -> str:
    return f"{_quoted(anomaly, _event(anomaly))} came {_times(why)} lines."


def _new_pair(_: Anomaly, why: Explanation) -> str:
    return f"{_pair(why.pair)}: {_times(why)} lines that name such a pair."


def _sequence(anomaly: Anomaly, why: Explanation) -> str:
    window = anomaly.sighting.window
    last = steps(anomaly)[-3:]
    before = (
        f"after {', then '.join(_times_in_a_row(*step) for step in last)}"
        if last
        else f"when a session of {anomaly.sighting.line.program or 'the log'} begins"
    )
    came = "the session fell silent" if window.event == END else f"{_quoted(anomaly, window.event)} came"
    if why.expected:
        told = f"{_usual(anomaly, why)} was expected; {came} instead"
    else:
        told = f"what comes there was never seen before; {came}"
    return f"{before[0].upper()}{before[1:]}: {told} ({one_in(why.probability)})."


def _other(anomaly: Anomaly, why: Explanation) -> str:
    """What can be said of an aspect that this file has no sentence for."""
    instead = f"; {_usual(anomaly, why)} was expected" if why.expected else ""
    return f"{_quoted(anomaly, _event(anomaly))} came, its {why.aspect} {one_in(why.probability)}{instead}."


def _usual(anomaly: Anomaly, why: Explanation) -> str:
    first, *others = why.expected[:2]
    likely = [first, *((event, p) for event, p in others if p >= WORTH_SAYING)]
    return " or ".join(f"`{_short(text(anomaly, event))}` ({100 * p:.0f} %)" for event, p in likely)


def _set(anomaly: Anomaly, why: Explanation) -> str:
    parts = [f"had {_list(anomaly, why.extra)}"] if why.extra else []
    parts += [f"lacked {_list(anomaly, why.missing)}"] if why.missing else []
    unlike = f"; unlike the nearest of them, it {' and '.join(parts)}" if parts else ""
    some = f"{why.seen:,} of {why.total:,} sessions were" if why.seen else f"None of {why.total:,} sessions was"
    return f"{some} made of just these events{unlike}."


def _counts(anomaly: Anomaly, why: Explanation) -> str:
    event = _event(anomaly)
    if why.total < TELLING:
        return f"Only {why.total:,} {'session' if why.total == 1 else 'sessions'} had {_quoted(anomaly, event)} before."
    n = dict(anomaly.sighting.window.counts).get(event, 0)
    of = f"{why.seen:,} of {why.total:,}" if why.seen else f"none of {why.total:,}"
    often = "once" if n == 1 else f"{n:,} times"
    return f"{_quoted(anomaly, event)} came {often} in this session, as in {of} others that have it."


def _transitions(anomaly: Anomaly, why: Explanation) -> str:
    if not why.spots:
        return "Nothing in the order of its events stood out."
    event, before, observed, expected = why.spots[0]
    what, after = _quoted(anomaly, event), _quoted(anomaly, before)
    if before == END:
        said = f"The session {'began' if observed else 'did not begin'} with {what}"
    elif event == END:
        said = f"The session {'ended' if observed else 'did not end'} after {after}"
    else:
        said = f"{what} {_came(observed)} right after {after}"
    more = len(why.spots) - 1
    also = f" {more} more {'step' if more == 1 else 'steps'} stood out." if more else ""
    had = f"{why.seen:,} of {why.total:,} sessions had that step.{also}"
    if usually(expected) == HARDLY:
        return f"{said}, which hardly ever happens: {had}"
    return f"{said}; usual in such a session: {usually(expected)}, and {had}"


def _steps(anomaly: Anomaly, why: Explanation) -> str:
    if why.seen * 2 > why.total:
        return "None of the session's steps stands out; all together they are unlikely."
    event, before, observed, _ = why.spots[0]
    more = len(why.spots) - 1
    also = f"; {more} more {'step' if more == 1 else 'steps'} of the session stood out" if more else ""
    n = why.after - 1
    earlier = f" and the {f'{n} events' if n > 1 else 'event'} before it" if n > 0 else ""
    right_after = f"Right after {_quoted(anomaly, before)}{earlier},"
    after = "When the session began," if before == END else right_after
    came = "the session fell silent" if event == END else f"{_quoted(anomaly, event)} {_came(observed)}"
    if not why.total:
        return f"{after} {came}; what comes there was never seen before{also}."
    if why.total < TELLING and not why.seen:
        places = "was only one such place" if why.total == 1 else f"were only {why.total} such places"
        mostly = "mostly " if len(why.expected) > 1 else ""
        usual = f"{mostly}with {_quoted(anomaly, why.expected[0][0])} next"
        return f"{after} {came}; there {places} before, {usual}{also}."
    of = f"{why.seen:,} of {why.total:,}" if why.seen else f"none of {why.total:,}"
    return f"{after} {_usual(anomaly, why)} was expected; {came} instead, as in {of} such places before{also}."


def _bins(anomaly: Anomaly, why: Explanation) -> str:
    spots = [spot for spot in why.spots if spot.column == 0]
    if not spots:
        return "Nothing in the numbers of its events stood out."
    event, _, observed, expected = spots[0]
    width = lasting(anomaly.view.lens.frame.bin_s)
    who = _pair(anomaly.sighting.session) or "the log"
    total = sum(n for age, _, n in anomaly.sighting.window.bins if age == 0)
    of = f" ({total:,} events in all)" if total > observed else ""
    return f"{_quoted(anomaly, event)} {_came(observed)} in {width} of {who}{of}, usual: {usually(expected)}."


HARDLY = "hardly ever"


def _came(n: float) -> str:
    return {0: "never came", 1: "came once"}.get(int(n), f"came {n:,.0f} times")


def usually(n: float) -> str:
    """An expected number, rounded to what a person can use."""
    return HARDLY if n < 0.05 else f"{n:,.1f}" if n < 10 else f"{n:,.0f}"


def lasting(seconds: float) -> str:
    """`one hour`, `90 seconds`."""
    for unit, length in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds % length == 0:
            n = int(seconds // length)
            return f"one {unit}" if n == 1 else f"{n} {unit}s"
    return f"{seconds:g} seconds"


def _times(why: Explanation) -> str:
    if why.seen == 0:
        return f"for the first time in {why.total:,}"
    return f"{why.seen:,} {'time' if why.seen == 1 else 'times'} in {why.total:,}"


def _pair(pair: str) -> str:
    """`user.name=root|source.ip=10.0.0.1` as `user.name root with source.ip 10.0.0.1`."""
    return " with ".join(part.replace("=", " ", 1) for part in pair.split("|"))


def _list(anomaly: Anomaly, events: Sequence[int]) -> str:
    told = [_quoted(anomaly, event) for event in events[:NAMED]]
    more = len(events) - len(told)
    return ", ".join(told) + f" and {more} more" if more else " and ".join(told)


def _quoted(anomaly: Anomaly, event: int) -> str:
    if _is_own_line(anomaly, event):
        return f"`{_short(masked(anomaly))}` ({NEW_LINE})"
    return _named(text(anomaly, event))


def _named(what: str) -> str:
    """An event's text in quotes, if it is one that a log holds."""
    return what if what == NEW_LINE else f"`{_short(what)}`"


def _times_in_a_row(what: str, times: int) -> str:
    return _named(what) + (f" ×{times}" if times > 1 else "")


def _runs(texts: Iterable[str]) -> list[tuple[str, int]]:
    return [(what, len(list(run))) for what, run in groupby(texts)]


def _short(words: str, most: int = 70) -> str:
    """The beginning and the end: templates that begin alike often differ in their last words only."""
    end = most // 3
    return words if len(words) <= most else f"{words[: most - end - 1].rstrip()}…{words[-end:].lstrip()}"


def _value(anomaly: Anomaly, why: Explanation) -> str:
    return values.reason(why, _quoted(anomaly, anomaly.sighting.window.event))


REASONS: dict[str, Callable[[Anomaly, Explanation], str]] = {
    "sequence": _sequence,
    "event": _rare,
    "pair": _new_pair,
    "set": _set,
    "counts": _counts,
    "transitions": _transitions,
    "steps": _steps,
    "bins": _bins,
    **dict.fromkeys(values.ASPECTS, _value),
}
"""Aspect → its sentence."""
