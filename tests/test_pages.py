"""`plugin.story` and `plugin.doors.pages`: a report becomes one page, complete, safe to open, in need of no network."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.line import LogLine
from plugin.commands.score import Report, fold, score
from plugin.doors.pages import VISIBLE, Card, Chart, Heat, Mark, Range, Said, Shade, Story, Usual, render, write
from plugin.errors import InputError
from plugin.story import ALIKE, TICKS, tell
from tests.lines import lines, silent, stamped, strange, texts, watchful

SCRIPT = "<script>alert(1)</script> \"'><img src=x onerror=alert(2)>"
CARD = Card(
    number=1,
    score=31.2,
    rarity="1 in 1,300",
    is_strong=True,
    stamp="Nov 23 12:00:00",
    instant="2026-11-23T12:00:00+00:00",
    host="web-01",
    program="sshd[7]",
    origin="auth.log:9",
    line="line",
    is_end=False,
    why="After `a`, `b` was expected.",
    also=(),
    usual=(Usual("b", 0.96), Usual("c", 0.03)),
    picture=Heat("by hour", ("-1", ""), (("event", (Shade(0, "", 0.0, False), Shade(7, "hardly ever", 1.0, True))),)),
    before=(Said("Nov 23 11:59:00", "before"),),
    n_alike=2,
    span="from then to now",
    alike=(Said("Nov 23 12:01:00", "alike"),),
)
STORY = Story(
    title="auth.log",
    subtitle="one day",
    summary="9 lines.",
    notices=(),
    chart=Chart((4, 0, 5), "8 hours", ((0.5, "12:00"),), ((30.0, "r"), (40.0, "s")), (), "9 lines"),
    cards=(CARD,),
)


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.open = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag; text that follows is its own."""
        self.tags.append((tag, dict(attrs)))
        self.open = tag

    def handle_endtag(self, tag: str) -> None:
        """Text that follows is not its own any more."""
        if tag == self.open:
            self.open = ""

    def handle_data(self, data: str) -> None:
        """Keep the text under the tag that was opened last."""
        self.text[self.open] = self.text.get(self.open, "") + data

    def values(self, attribute: str) -> list[str]:
        """All values of an attribute, in the order of the page."""
        return [value for _, attrs in self.tags if (value := attrs.get(attribute)) is not None]

    @property
    def skeleton(self) -> list[tuple[str, list[str]]]:
        """Tags and the names of their attributes: what must not depend on any text."""
        return [(tag, list(attrs)) for tag, attrs in self.tags]


@pytest.fixture(scope="module")
def report() -> Report:
    """A day with one strange line and one hostile one, judged by what such days taught."""
    hostile = stamped(43_220.0, "useradd", 31_338, SCRIPT)
    day = sorted([*texts(seed=1), strange(), hostile])
    return score(lines(day), [], "auth", bundle=watchful(), progress=silent)


def quiet(times: list[float]) -> Report:
    """Lines at these times, and nothing strange."""
    read = [LogLine(f"f:{n}", time, "h", "p", None, "m") for n, time in enumerate(sorted(times))]
    return Report((), {}, {}, read, Counter(), ())


def with_text(text: str) -> Story:
    """The story with one text at every place where a log's own words stand."""
    said = (Said("t", text),)
    card = replace(CARD, host=text, program=text, origin=text, line=text, usual=(Usual(text, 0.5),))
    heat = Heat(text, (text,), ((text, (Shade(7, text, 1.0, True),)),))
    card = replace(card, before=said, alike=said, span=text, picture=heat)
    chart = replace(STORY.chart, marks=(Mark(0.5, 31.0, 1, True, True, text),))
    return replace(STORY, title=text, notices=(text,), chart=chart, cards=(card,))


def test_a_page_asks_nothing_of_a_network_and_runs_nothing(report: Report) -> None:
    """No script, no resource, no link but within the page; a policy that forbids them stands in the head."""
    html = render(tell(report, "auth.log"))
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    assert not [name for _, attrs in page.tags for name in attrs if name == "src" or name.startswith("on")]
    assert all(target.startswith("#") for target in page.values("href"))
    assert "url(" not in html
    assert "@import" not in html
    assert any(policy.startswith("default-src 'none'; style-src 'unsafe-inline'") for policy in page.values("content"))


def test_a_script_in_a_log_line_stays_text(report: Report) -> None:
    """A line that tries to be HTML is shown letter by letter."""
    page = Page(render(tell(report, "auth.log", unfold=True)))
    assert SCRIPT in page.text["h3"]


SKELETON = Page(render(with_text("x"))).skeleton


@given(st.text(min_size=1))
def test_no_text_changes_the_structure_of_a_page(text: str) -> None:
    """Whatever a log says, wherever it is quoted: the same tags and attributes, and the words as they were."""
    page = Page(render(with_text(text)))
    assert page.skeleton == SKELETON
    assert page.text["h3"] == text.translate(VISIBLE)


def test_characters_that_act_are_made_visible() -> None:
    """Controls and changes of direction appear as their code, so that a line cannot rearrange what is beside it."""
    page = Page(render(with_text("a\x00b\x1b[31mc\u202ed\te")))
    assert page.text["h3"] == "a\\u0000b\\u001b[31mc\\u202ed\te"


def test_quotations_become_code_and_a_stray_backtick_stays() -> None:
    """What a reason quotes is set apart; a sentence with an odd backtick loses nothing."""
    assert "After <code>a</code>, <code>b</code> was expected." in render(STORY)
    stray = replace(STORY, cards=(replace(CARD, why="`a` and ` stay"),))
    assert "`a` and ` stay" in render(stray)


def test_every_anomaly_has_a_mark_that_leads_to_its_entry(report: Report) -> None:
    """As many dots as anomalies, inside the chart, each a link to an entry that is on the page; ids are unique."""
    told = tell(report, "auth.log")
    page = Page(render(told))
    ids = page.values("id")
    assert len(told.chart.marks) == len(report.anomalies) > 1
    assert all(0 <= mark.x <= 1 for mark in told.chart.marks)
    assert all(told.chart.grid[0][0] <= mark.score <= told.chart.grid[-1][0] for mark in told.chart.marks)
    assert len([tag for tag, _ in page.tags if tag == "circle"]) == len(report.anomalies)
    assert {target[1:] for target in page.values("href")} == {f"e{card.number}" for card in told.cards} <= set(ids)
    assert len(ids) == len(set(ids))


def test_an_entry_says_all_that_the_report_knows_of_it(report: Report) -> None:
    """Each entry keeps its order, its line, the lines before it and how many are alike, told in full up to a bound."""
    told, entries = tell(report, "auth.log"), fold(report.anomalies)
    for card, entry in zip(told.cards, entries, strict=True):
        line = entry.top.sighting.line
        assert (card.line, card.origin, card.score) == (line.message, line.origin, entry.top.score)
        assert [said.text for said in card.before] == [mate.message for mate in report.before[line.origin]]
        assert card.n_alike == len(entry.anomalies)
        assert len(card.alike) == min(card.n_alike - 1, ALIKE)
    assert len(tell(report, "auth.log", unfold=True).cards) == len(report.anomalies)


def test_a_probability_bar_is_as_long_as_the_probability() -> None:
    """Nearly certain fills the track, three in a hundred hardly shows."""
    html = render(STORY)
    assert "width:96.0%" in html
    assert "width:3.0%" in html


def test_a_quiet_file_has_a_page_too() -> None:
    """Where nothing stands out the page says so, and still shows the file over time."""
    page = Page(render(tell(quiet([0.0, 60.0, 3600.0]), "quiet.log")))
    assert "Nothing stands out" in page.text["h2"]
    assert [tag for tag, _ in page.tags].count("rect") == 3


@given(st.lists(st.floats(0, 4e9), min_size=1, max_size=30))
def test_a_chart_holds_every_line_and_names_few_times(times: list[float]) -> None:
    """From one instant to a century: each line is in one bar, times ascend within the chart and have room."""
    chart = tell(quiet(times), "f").chart
    places = [x for x, _ in chart.ticks]
    assert sum(chart.bins) == len(times)
    assert len(places) <= TICKS + 1
    assert places == sorted(places)
    assert all(0 <= x <= 1 for x in places)


def test_a_page_replaces_an_older_one_and_leaves_no_draft(tmp_path: Path) -> None:
    """After writing, the directory holds the new page alone."""
    path = tmp_path / "out.html"
    path.write_text("old", encoding="utf-8")
    write(STORY, path)
    assert path.read_text(encoding="utf-8") == render(STORY)
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_that_were_no_text_do_not_cost_the_page(tmp_path: Path) -> None:
    """A lone surrogate, as an undecodable file name gives, is written as its code."""
    write(replace(STORY, title="auth\udcff.log"), tmp_path / "out.html")
    assert "auth\\udcff.log" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["missing/out.html", "."])
def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    """No such directory, or a directory itself: an input error that names the path, and nothing is left behind."""
    with pytest.raises(InputError, match=r"the page cannot be written \(.+\); name a file"):
        write(STORY, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_and_not_replaced() -> None:
    """`--html /dev/null` must leave the device what it is."""
    write(STORY, Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_a_number_is_drawn_beside_its_usual_range() -> None:
    """With both in words for who cannot see it, and hostile words as words."""
    seen = Range(0.0, 0.4, 1.0, 0.2, ("1", "2", SCRIPT, "900"))
    page = Page(render(replace(STORY, cards=(replace(CARD, picture=seen),))))
    assert f"usual 1 to {SCRIPT}, here 900" in page.values("aria-label")
    assert "left:100.0%" in page.values("style")
    assert not [tag for tag, _ in page.tags if tag in {"script", "img"}]


def test_a_map_says_in_words_what_it_shows() -> None:
    """Each cell its count, one that stood out also what was usual; only that one is outlined."""
    page = Page(render(STORY))
    assert [title for title in page.values("title") if "usual" in title] == ["7, usual: hardly ever"]
    assert page.values("class").count("odd") == 1
