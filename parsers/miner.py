"""The door to drain3: messages → templates. Training only; workers never import it.

Source: He et al., "Drain: an online log parsing approach with fixed depth tree", ICWS 2017. Drain's groups are kept;
its words are looked at again, because it stars a place as soon as two messages differ there, be it by a user's name or
by `closed` and `reset`. A place that takes a few words, again and again, is part of the message; one that takes many
is a variable.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from drain3.drain import Drain

from parsers.masks import Masks
from parsers.matcher import Matcher
from parsers.templates import ANY, UNKNOWN, Templates

Tokens = tuple[str, ...]

SIMILARITY = 0.5
"""Share of equal words that joins two messages, so at least half of every template's words are words. Drain's usual 0.4
makes `<*> <*> <*> of <*>`, which matches anything of its length."""
DEPTH = 4
"""Drain's least useful depth and its default: messages are grouped by length and first word before they are compared. A
deeper tree keeps messages apart that name a user in their second word."""
MAX_CHILDREN = 100
"""First words of one length before the next share a branch (Drain's default)."""
FEW = 4
"""Words that one place of a message can choose from and still be part of it: password, publickey, none … More are a
variable. No log tells verbs from names, but grammar has few verbs for one sentence, and a site has many users."""
OFTEN = 5
"""Lines in which such a word must have come; below that it could as well be a name."""
MIN_LITERALS = 3
"""Words that must remain where first words are joined; `<*> startup succeeded` would say too little."""
MAX_TEMPLATES = 5_000
"""A system has hundreds; where there are thousands, something varies that no mask knows."""

_BEFORE_NAMES = frozenset({"at", "by", "for", "from", "group", "host", "in", "of", "on", "to", "user"})
"""What follows these names somebody or something: a variable, however few came."""
_WORD = re.compile(r"[(\[]?(?:[A-Za-z]{1,16}=)?[A-Za-z][A-Za-z-]{0,31}[)\]]?[.,:;!]?")


class Mined(NamedTuple):
    """Templates, and what became of those beyond the limit."""

    templates: Templates
    n_left_out: int = 0
    """Templates."""
    n_unknown: int = 0
    """Messages that none of those kept matches."""


def mine(messages: Iterable[str], masks: Masks, max_templates: int = MAX_TEMPLATES) -> Templates:
    """The templates of `messages`; see `survey`, which also says what was left out."""
    return survey(messages, masks, max_templates).templates


def survey(messages: Iterable[str], masks: Masks, max_templates: int = MAX_TEMPLATES) -> Mined:
    """The templates of `messages`, counted by the matcher's rule, so every message mined matches one.

    Beyond `max_templates` the rarest are left out; what only they match is UNKNOWN from then on. The result depends on
    which messages there are and how often, not on their order: Drain's does, so it is given each once, sorted.
    """
    counts, first = _masked(messages, masks)
    texts = {" ".join(words) for group in _groups(counts) for words in _parted(group, counts)}
    counted = _counted(_joined(texts), counts, masks)
    if len(counted) <= max_templates:
        return Mined(_shown(Templates.numbered(counted), first, masks))
    rarest_last = sorted(counted, key=lambda text: (-counted[text], text))
    kept = _counted(rarest_last[:max_templates], counts, masks)  # again: one that is kept may catch what is left out
    templates = _shown(Templates.numbered(kept), first, masks)
    return Mined(templates, len(counted) - max_templates, counts.total() - sum(kept.values()))


def _masked(messages: Iterable[str], masks: Masks) -> tuple[Counter[str], dict[str, str]]:
    """How often each masked message came, and the first by the alphabet of those that it was."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for message, n in Counter(messages).items():
        masked = masks.mask(message)
        counts[masked] += n
        if masked not in first or message < first[masked]:
            first[masked] = message
    return counts, first


def _shown(templates: Templates, first: Mapping[str, str], masks: Masks) -> Templates:
    """The templates with an example each, whatever the order of the messages was."""
    examples: dict[int, str] = {}
    for id, message in zip(Matcher(masks, templates).ids(first), first.values(), strict=True):
        if id not in examples or message < examples[id]:
            examples[id] = message
    return templates.with_examples({id: message for id, message in examples.items() if id != UNKNOWN})


def _groups(counts: Mapping[str, int]) -> Iterable[list[Tokens]]:
    """Drain's clusters, each as its distinct masked messages."""
    # Numbers are masked; a digit that is left is part of a name (`ssh2`), so Drain is not to star it.
    drain = Drain(DEPTH, SIMILARITY, MAX_CHILDREN, parametrize_numeric_tokens=False)
    groups: dict[int, list[Tokens]] = defaultdict(list)
    for masked in sorted(counts):
        cluster, _ = drain.add_log_message(masked)
        groups[cluster.cluster_id].append(tuple(masked.split()))
    return groups.values()


def _parted(group: Sequence[Tokens], counts: Mapping[str, int]) -> Iterator[Tokens]:
    """A group's template, and one more for each word that is part of the message, recursively."""
    columns = list(zip(*group, strict=True))
    yield tuple(column[0] if len(set(column)) == 1 else ANY for column in columns)
    for place, column in enumerate(columns):
        if place and columns[place - 1][0] in _BEFORE_NAMES:
            continue
        if words := _choices(column, [counts[" ".join(tokens)] for tokens in group]):
            for word in words:
                yield from _parted([tokens for tokens in group if tokens[place] == word], counts)
            return


def _choices(column: Sequence[str], counts: Sequence[int]) -> list[str]:
    """The words that came often at a place that takes two to FEW different ones; [] where it is a variable."""
    if not 2 <= len(set(column)) <= FEW:
        return []
    seen: Counter[str] = Counter()
    for word, n in zip(column, counts, strict=True):
        seen[word] += n
    return sorted(word for word, n in seen.items() if n >= OFTEN and _WORD.fullmatch(word))


def _joined(texts: Iterable[str]) -> set[str]:
    """Templates that differ in their first word alone, and in more than FEW, as one: Drain never joins those."""
    alike: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        first, _, rest = text.partition(" ")
        alike[rest].add(first)
    return {
        f"{first} {rest}".rstrip()
        for rest, firsts in alike.items()
        for first in ([ANY] if len(firsts) > FEW and _literals(rest) >= MIN_LITERALS else firsts)
    }


def _literals(text: str) -> int:
    return sum(word != ANY for word in text.split())


def _counted(texts: Iterable[str], counts: Mapping[str, int], masks: Masks) -> dict[str, int]:
    """How many messages each text matches."""
    templates = Templates.numbered(dict.fromkeys(texts, 0))
    counted = {template.text: 0 for template in templates}
    for id, n in zip(Matcher(masks, templates).ids(counts), counts.values(), strict=True):
        if id != UNKNOWN:
            counted[templates.text(id)] += n
    return counted
