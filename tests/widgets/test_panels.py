"""Panels on a real session: they follow it, at most 20 times a second, and their handlers do what the page asks."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from realtime_helpers import RealtimeSession, SettingsError, SpeechSource, SummaryPolicy
from realtime_helpers.audio.sinks import SilentSink
from realtime_helpers.protocol import without_keys
from realtime_helpers.runtime import background_loop
from realtime_helpers.session.views import LOOK_EVERY_S, VIEWS_THREAD
from realtime_helpers.widgets import Inspector, LatencyStrip, LevelMeters, Transcript, WindowGauge
from realtime_helpers.widgets.drawing import Soon, on_views_thread
from realtime_helpers.widgets.event_record import EventRecord, Filter, Row
from realtime_helpers.widgets.panel import Panel

from .filter_cases import CASES, ROWS
from .talks import SCRIPT

PATIENCE_S = 20.0
KEY = "sk-" + "proj-abcdefghijklmnop"


class News:
    """Waits until something holds, looked at whenever a panel changes."""

    def __init__(self, *panels: Panel) -> None:
        self._changed = threading.Condition()
        for panel in panels:
            panel.observe(self._note, names=None)

    def _note(self, _change: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, holds: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE_S)


@pytest.fixture
def session() -> Iterator[RealtimeSession]:
    with RealtimeSession(memory=SummaryPolicy(trigger_tokens=300, keep_turns=1)) as session:
        yield session


def test_all_panels_follow_a_talk_through_two_starts(session: RealtimeSession) -> None:
    transcript, gauge, latency, inspector, levels = panels = (
        Transcript(session), WindowGauge(session), LatencyStrip(session), Inspector(session), LevelMeters(session),
    )  # fmt: skip
    news = News(*panels)
    assert transcript.sentence == "Nothing was said yet."
    for _ in range(2):
        user = SpeechSource()
        session.start(source=user, sink=SilentSink())
        session.send_text(SCRIPT)
        session.wait_for_answer(1)
        user.say("Tell me a quick story.")
        session.wait_for_answer(2)
        for number in range(3, 6):
            session.send_text("Tell me a quick story.")
            session.wait_for_answer(number)
        session.wait_for(lambda now: len(now.summaries) and not now.is_summarising)
        session.stop()
        news.wait_for(lambda: "5 turns so far" in transcript.sentence and "A summary stands" in transcript.sentence)
        news.wait_for(lambda: len(gauge.picture["bars"]) == 5)
        news.wait_for(lambda: "transcript delay: median" in latency.sentence)
        news.wait_for(lambda: str(len(session.snapshot.items)) in inspector.sentence)
        news.wait_for(lambda: all(any(side["peaks"]) for side in levels.picture["sides"]))
    assert inspector.record.count == len(inspector.record.after(0))
    for panel in panels:
        panel.close()
    session.snapshot  # noqa: B018 - by now the session's loop knows that nobody looks
    on_views_thread(lambda: None)
    before = [panel.picture for panel in panels]
    noted, unmeasured = inspector.record.count, len(levels._waiting)
    session.start(sink=SilentSink())
    session.send_text("Hello.")
    session.wait_for_answer(1)
    assert [panel.picture for panel in panels] == before
    assert inspector.record.count == noted
    assert len(levels._waiting) == unmeasured


def test_a_summary_is_unfolded_and_folded(session: RealtimeSession) -> None:
    session.start()
    for number in range(1, 5):
        session.send_text(f"Tell me a quick story about {SCRIPT}.")
        session.wait_for_answer(number)
    session.wait_for(lambda now: len(now.summaries) and not now.is_summarising)
    session.stop()
    transcript = Transcript(session)
    assert transcript.picture["fold"]["lines"] == []
    transcript.unfold()
    lines = transcript.picture["fold"]["lines"]
    assert lines[0]["text"] == f"Tell me a quick story about {SCRIPT}."
    transcript.fold()
    assert transcript.picture["fold"]["lines"] == []
    transcript.set_state({"is_unfolded": True})  # what a click in the page sends
    assert transcript.picture["fold"]["lines"] == lines
    transcript.close()


# -- the event log ----------------------------------------------------------------------------------------


class Page:
    """Takes what an inspector sends."""

    def __init__(self, inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        self.at_s: list[float] = []
        self._news = threading.Condition()
        self._inspector = inspector
        monkeypatch.setattr(inspector, "send", self._take)

    def _take(self, message: dict[str, Any]) -> None:
        with self._news:
            self.messages.append(message)
            self.at_s.append(time.monotonic())
            self._news.notify_all()

    def wait_for_event(self, number: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.numbers[-1:] == [number], PATIENCE_S)

    @property
    def numbers(self) -> list[int]:
        return [row[0] for message in self.messages if message["kind"] == "events" for row in message["rows"]]

    def say(self, **content: Any) -> None:
        self._inspector._handle_custom_msg(content, [])


@pytest.fixture
def inspector(session: RealtimeSession) -> Iterator[Inspector]:
    inspector = Inspector(session)
    yield inspector
    inspector.close()


def burst(inspector: Inspector, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        inspector.record(
            "received", {"type": "response.output_text.delta", "delta": f"word {number} {SCRIPT}"}, number / 1e3
        )


def test_a_burst_of_events_goes_in_few_small_messages_without_a_gap(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(inspector, monkeypatch)
    began_s = time.monotonic()
    burst(inspector, 5_000)
    assert time.monotonic() - began_s < 1.0, "the session's loop does not wait for it"
    page.wait_for_event(5_000)
    assert page.numbers == list(range(page.numbers[0], 5_001)) or page.numbers[-2_000:] == list(range(3_001, 5_001))
    assert len(page.messages) <= (page.at_s[-1] - began_s) / LOOK_EVERY_S + 1
    assert all(len(json.dumps(message)) < 20_000 for message in page.messages)
    assert inspector.record.after(0)[0].number == 3_001, "the newest 2,000 are kept"
    before = len(page.messages)
    burst(inspector, 1, 5_000)
    page.wait_for_event(5_001)
    assert [row[0] for row in page.messages[before]["rows"]] == [5_001], "only what is new is sent"


def test_a_page_that_comes_later_gets_what_it_missed(inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(inspector, monkeypatch)
    burst(inspector, 200)
    page.wait_for_event(200)
    late = Page(inspector, monkeypatch)
    late.say(kind="hello", after=150)
    late.wait_for_event(200)
    assert late.numbers == list(range(151, 201))


def test_a_page_that_comes_while_events_are_sent_gets_them_all(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(inspector, monkeypatch)
    burst(inspector, 10)
    page.wait_for_event(10)
    late = Page(inspector, monkeypatch)
    hello = threading.Thread(target=lambda: late.say(kind="hello", after=0))
    after = inspector.record.after

    def after_and_meanwhile(number: int, most: int | None = None) -> list[Row]:
        if number == 10:
            hello.start()
            hello.join(0.5)  # on the kernel's thread, in the middle of a batch
        return after(number, most)

    monkeypatch.setattr(inspector.record, "after", after_and_meanwhile)
    burst(inspector, 1, 10)
    late.wait_for_event(11)
    burst(inspector, 1, 11)
    late.wait_for_event(12)
    hello.join(PATIENCE_S)
    assert set(late.numbers) == set(range(1, 13))


def test_an_event_is_opened_on_demand_without_audio_and_without_keys(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(inspector, monkeypatch)
    tools = [{"type": "mcp", "server_label": "x", "authorization": "abc", "headers": {"Authorization": "Bearer xyz"}}]
    inspector.record("sent", {"type": "session.update", "session": {"tools": tools}}, 1.0)
    inspector.record("received", {"type": "response.output_audio.delta", "delta": "A" * 40_000, "item_id": "i"}, 1.1)
    inspector.record(
        "received", {"type": "error", "error": {"message": f"Incorrect API key: {KEY}", "code": None}}, 1.2
    )
    long = {"type": "conversation.item.done", "item": {"role": "user", "content": [{"text": "x" * 90_000}]}}
    inspector.record("received", long, 1.3)
    page.wait_for_event(4)
    for number in range(1, 5):
        page.say(kind="open", number=number)
    opened = {message["number"]: message["text"] for message in page.messages if message["kind"] == "json"}
    assert json.loads(opened[1])["session"]["tools"][0]["headers"] == "<hidden>"
    assert json.loads(opened[2])["delta"] == "<30000 bytes of audio>"
    assert json.loads(opened[3])["error"]["message"] == "Incorrect API key: <hidden>"
    assert len(opened[4]) < 16_000
    everything = json.dumps(page.messages)
    assert KEY not in everything
    assert "abc" not in everything
    assert "xyz" not in everything
    page.say(kind="open", number=99)
    assert "not kept" in page.messages[-1]["text"]
    with pytest.raises(SettingsError):
        inspector.json(99)


def test_a_key_among_words_is_not_shown_with_the_items(session: RealtimeSession, inspector: Inspector) -> None:
    session.start()
    session.send_text(f"My key is {KEY}.")
    now = session.wait_for_answer(1)
    assert "My key is <hidden>." in json.dumps(inspector.draw(now))
    assert KEY not in json.dumps(inspector.draw(now))


def test_fields_and_words_that_look_like_keys_are_hidden() -> None:
    shown = without_keys({
        "client_secret": {"value": "ek" + "_123456789"}, "api_key": None, "text": f"use {KEY} or Bearer abc.def now",
        "list": [KEY], "n": 3,
    })  # fmt: skip
    assert shown == {
        "client_secret": "<hidden>", "api_key": None, "text": "use <hidden> or <hidden> now", "list": ["<hidden>"],
        "n": 3,
    }  # fmt: skip
    address = "https://ann:pass@example.org/mcp?api_key=q1&page=2&access_token=q2#top"
    assert without_keys(f"a bearer of news, {address}, ann@example.org") == (
        "a bearer of news, https://<hidden>@example.org/mcp?<hidden>&page=2&<hidden>#top, ann@example.org"
    )
    assert without_keys({"x-api-key": "q", "password": "p", "token": "Hello"}) == {
        "x-api-key": "<hidden>", "password": "<hidden>", "token": "Hello",
    }  # fmt: skip
    assert without_keys("a risk-free desk_lamp, sk-8") == "a risk-free desk_lamp, sk-8"


@pytest.mark.parametrize(("name", "filters", "numbers"), CASES)
def test_filters_show_what_they_say(name: str, filters: dict[str, Any], numbers: list[int]) -> None:
    rows = [Row(number, at, direction, event) for (number, at, direction, event) in ROWS]  # type: ignore[arg-type]
    assert [row.number for row in rows if Filter(**filters).shows(row)] == numbers, name


def test_the_scripted_filter_is_the_one_of_the_page(inspector: Inspector) -> None:
    for _, at, direction, event in ROWS:
        inspector.record(direction, event, at)  # type: ignore[arg-type]
    assert [row.number for row in inspector.filter("received", errors_only=True)] == [4, 5, 6]
    assert inspector.filters == {"direction": "received", "text": "", "errors_only": True, "pieces": False}
    inspector.set_state({"filters": {"direction": "sent", "text": "item", "errors_only": False, "pieces": True}})
    assert [row.type for row in inspector.events] == ["conversation.item.create"]
    with pytest.raises(SettingsError):
        inspector.filter("up")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "strange",
    [
        {"type": "conversation.item.added"},
        {"type": "conversation.item.added", "item": "text"},
        {"type": "conversation.item.done", "item": {"id": "i", "content": ["text", 3]}},
        {"type": "response.done", "response": "text"},
        {"type": "response.done", "response": {"status": 3, "output": [{}], "usage": {"output_tokens": 1}}},
        {"type": "error", "error": "text"},
        {"type": "error"},
        {"type": "house.made", "anything": {"at": [None]}},
    ],
)
def test_events_of_any_shape_are_logged(strange: dict[str, Any]) -> None:
    record = EventRecord()
    record("received", strange, 0.0)
    record("received", {"type": "rate_limits.updated"}, 0.1)
    row = record.find(1)
    assert row is not None
    assert row.wire[3] == strange["type"]
    assert strange["type"] in row.json
    assert record.count == 2


def test_an_event_record_keeps_its_newest_events_and_counts_all() -> None:
    told: list[int] = []
    record = EventRecord(lambda: told.append(1), kept=3)
    for number in range(5):
        record("sent", {"type": "response.create"}, 10.0 + number)
    assert [row.number for row in record.after(0)] == [3, 4, 5]
    assert [row.number for row in record.after(4)] == [5]
    assert record.find(2) is None
    assert record.find(4).at_ms == 3_000  # type: ignore[union-attr]
    assert (record.count, len(told)) == (5, 5)


# -- how often --------------------------------------------------------------------------------------------


def test_what_is_asked_for_often_happens_at_most_20_times_a_second() -> None:
    thread = background_loop(VIEWS_THREAD)
    at_s: list[float] = []
    asked, done = 0, threading.Event()

    def draw() -> None:
        at_s.append(thread.loop.time())
        if asked == 5_000:
            done.set()

    soon = Soon(draw)
    began_s = thread.loop.time()
    for number in range(5_000):
        soon()
        if number % 500 == 0:
            time.sleep(0.02)  # asked for during more than one interval
        asked += 1
    soon()
    assert done.wait(PATIENCE_S), "the last one is not forgotten"
    assert 2 <= len(at_s) <= (at_s[-1] - began_s) / LOOK_EVERY_S + 1
    assert all(after - before > LOOK_EVERY_S * 0.9 for before, after in itertools.pairwise(at_s))
    soon.end()
    count = len(at_s)
    soon()
    thread.submit(_nothing()).result(PATIENCE_S)
    assert len(at_s) == count


async def _nothing() -> None:
    pass


def test_meters_draw_at_most_20_times_a_second_whatever_comes(
    session: RealtimeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = LevelMeters(session)
    news = News(levels)
    at_s: list[float] = []
    levels.observe(lambda _change: at_s.append(time.monotonic()), "picture")
    loud = (b"\x00\x40\x00\xc0") * 480
    began_s = time.monotonic()
    for _ in range(5_000):
        levels._hear("user", loud)
    news.wait_for(lambda: not levels._waiting and "loud" in levels.sentence)
    assert len(at_s) <= (at_s[-1] - began_s) / LOOK_EVERY_S + 1
    assert len(json.dumps(levels.picture)) < 2_500
    levels.close()


def test_a_meter_shows_no_sound_where_nobody_is_listened_to(session: RealtimeSession) -> None:
    levels = LevelMeters(session)
    news = News(levels)
    user = SpeechSource(realtime=True)
    session.start(source=user)
    user.say("Tell me a long story about a dog called Biscuit, and about all that he did in the park today.")
    news.wait_for(lambda: "dBFS" in levels.sentence)
    session.stop()
    assert levels.sentence.startswith("You: not listened to.")
    news.wait_for(lambda: levels.picture["sides"][0]["height"] == 0)
    levels.close()
