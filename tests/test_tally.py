"""What was judged, in little: what has come since is told exactly wherever it can be."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from plugin import tally
from plugin.tally import BUCKET_MS, Judged, Tally

NOON = 1_795_435_200_000
CLOCKS = st.integers(NOON, NOON + 3 * BUCKET_MS - 1)
DOCUMENTS = st.dictionaries(st.integers(0, 10**6), st.tuples(CLOCKS, st.sampled_from(["web-01", "web-02", ""])))


def noted(documents: dict[int, tuple[int, str]]) -> list[Judged]:
    """The notes of documents, by their ids."""
    return [tally.note(clock * 10**6, f"logs/{id}", host) for id, (clock, host) in documents.items()]


@given(DOCUMENTS, DOCUMENTS)
def test_a_bucket_that_grew_is_told_and_no_other(
    before: dict[int, tuple[int, str]], new: dict[int, tuple[int, str]]
) -> None:
    """By counts alone, whatever was judged in one go or in two."""
    old = noted({id: each for id, each in before.items() if id not in new})
    known = Tally().plus(old[:3]).plus(old[3:])
    counts = Counter(each.clock - each.clock % BUCKET_MS for each in [*old, *noted(new)])
    assert known.grown(counts) == sorted({each.clock - each.clock % BUCKET_MS for each in noted(new)})


@given(DOCUMENTS, st.tuples(CLOCKS, st.sampled_from(["web-01", "web-02"])))
def test_one_late_document_is_told_from_all_others(before: dict[int, tuple[int, str]], late: tuple[int, str]) -> None:
    """Also among hundreds of its own host."""
    old, (new,) = noted(before), noted({-1: late})
    at = new.clock - new.clock % BUCKET_MS
    inside = [each for each in [*old, new] if each.clock - each.clock % BUCKET_MS == at]
    now = tally.in_buckets(inside)[at]
    assert [each for each in inside if Tally().plus(old).is_new(at, now, each)] == [new]


def test_a_host_that_was_silent_is_all_new() -> None:
    """Two documents of a host that had none are both new; what another host had is not."""
    old = noted({n: (NOON + n, "web-01") for n in range(50)})
    new = noted({n: (NOON + n, "web-02") for n in range(50, 52)})
    now = tally.in_buckets([*old, *new])[NOON]
    assert [each for each in [*old, *new] if Tally().plus(old).is_new(NOON, now, each)] == new


def test_what_came_late_does_not_hide_behind_a_deleted_index() -> None:
    """An index that is gone is forgotten; of the one that is left one document more is told, and it alone."""
    old = [tally.note((NOON + n) * 10**6, f"old/{n}", "web-01") for n in range(9)]
    kept = [tally.note((NOON + n) * 10**6, f"new/{n}", "web-01") for n in range(3)]
    known, late = Tally().plus([*old, *kept]), tally.note(NOON * 10**6, "new/late", "web-01")
    assert known.grown({NOON: 4}) == []
    assert known.shrunk({NOON: 4}, NOON, NOON + BUCKET_MS) == known.shrunk({}, NOON, NOON + 1) == [NOON]
    assert known.shrunk({}, NOON + 1, NOON + BUCKET_MS) == known.shrunk({NOON: 12}, NOON, NOON + BUCKET_MS) == []
    assert known.within({"new", "old", "other"}) is known
    left = known.within({"new", "other"})
    assert left.n(NOON) == 3
    assert left.grown({NOON: 4}) == [NOON]
    now = tally.in_buckets([*kept, late])[NOON]
    assert [each for each in [*kept, late] if left.is_new(NOON, now, each)] == [late]
    assert known.within(()).n(NOON) == 0
    as_many = [tally.note(NOON * 10**6, f"new/late-{n}", "web-01") for n in range(9)]
    assert known.grown({NOON: 12}) == []
    assert left.grown({NOON: len([*kept, *as_many])}) == [NOON]


def test_where_documents_were_deleted_nothing_is_new() -> None:
    """Of a cell that holds fewer now."""
    kept = noted({n: (NOON + n, "web-01") for n in range(9)})
    now = tally.in_buckets(kept[:4])[NOON]
    assert not any(Tally().plus(kept).is_new(NOON, now, each) for each in kept[:4])


def test_what_is_too_old_is_forgotten() -> None:
    """A tally goes back so far and no further."""
    known = Tally().plus(noted({1: (NOON, "a"), 2: (NOON + BUCKET_MS, "a")}))
    assert list(known.after(NOON + 1).buckets) == [NOON + BUCKET_MS]


@given(DOCUMENTS, DOCUMENTS)
def test_seconds_hold_each_hash_once(some: dict[int, tuple[int, str]], more: dict[int, tuple[int, str]]) -> None:
    """Joined, they hold what either did, and no second counts a document twice."""
    both = tally.joined(tally.in_seconds(noted(some)), tally.in_seconds(noted(more)))
    assert tally.hashes(b"".join(both.values())) == {each.hash for each in [*noted(some), *noted(more)]}
    assert tally.changed(both, {second * 1000: len(packed) // 8 for second, packed in both.items()}, 10**9) == []


def test_a_flood_of_late_documents_is_taken_in_parts() -> None:
    """Not more at once than a read may hold, and never nothing."""
    counts = {second * 1000: 40 for second in range(10)}
    assert tally.changed({}, counts, 100) == [0, 1]
    assert tally.changed({}, counts, 1) == [0]
    assert tally.changed({0: b"x" * 320}, counts, 1) == [1]


def test_seconds_near_each_other_are_read_at_once() -> None:
    """A read for each would cost more than what lies between."""
    assert list(tally.spans([3, 4, 8, 20])) == [(3_000, 9_000), (20_000, 21_000)]
    assert list(tally.spans([])) == []


def test_an_overlap_of_too_many_documents_begins_later() -> None:
    """The newest seconds are kept, one at least, and where they begin is known."""
    seconds = tally.in_seconds(tally.note(n * 100_000_000, f"i/{n}", "web-01") for n in range(100))  # ten a second
    kept = tally.bounded(seconds, 35)
    assert {second: len(packed) // tally.HASH_BYTES for second, packed in kept.items()} == {6: 0, 7: 10, 8: 10, 9: 10}
    assert tally.begins(kept) == 7_000
    assert tally.bounded(kept, 35) == kept
    assert tally.bounded(seconds, 5) == {8: b"", 9: seconds[9]}
    assert tally.bounded(seconds, 100) == seconds
    assert tally.begins(seconds) == 0
