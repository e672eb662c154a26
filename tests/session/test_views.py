"""Panels look at a session from outside: they see every end state, seldom enough, and can harm nothing."""

from __future__ import annotations

import threading
import time

import pytest

from realtime_helpers import (
    RealtimeSession,
    SessionError,
    SessionOptions,
    Settings,
    SettingsError,
    SilentSink,
    Snapshot,
    SpeechSource,
    State,
    SummaryPolicy,
)
from realtime_helpers.session.views import LOOK_EVERY_S

TEXT = SessionOptions(output_modality="text")


class Picture:
    """Remembers what it was shown, and when."""

    def __init__(self) -> None:
        self.seen: list[Snapshot] = []
        self.at_s: list[float] = []
        self.threads: set[str] = set()
        self._news = threading.Condition()

    def __call__(self, now: Snapshot) -> None:
        with self._news:
            self.seen.append(now)
            self.at_s.append(time.monotonic())
            self.threads.add(threading.current_thread().name)
            self._news.notify_all()

    def wait_for(self, state: State) -> None:
        with self._news:
            assert self._news.wait_for(lambda: bool(self.seen) and self.seen[-1].state is state, timeout=10), self.seen


def test_a_view_sees_the_session_through_start_talk_stop_and_another_start() -> None:
    picture = Picture()
    with RealtimeSession(options=TEXT, memory=SummaryPolicy(trigger_tokens=500, keep_turns=1)) as session:
        session.watch(picture)
        picture.wait_for(State.NEW)
        for _ in range(2):
            session.start()
            for number in range(1, 6):
                session.send_text("Tell me a quick story.")
                session.wait_for_answer(number)
            session.stop()
            picture.wait_for(State.STOPPED)
            assert len(picture.seen[-1].turns) == 5
    gaps = [after - before for before, after in zip(picture.at_s, picture.at_s[1:], strict=False)]
    # the session's thread spaces them, this one takes them: a pair may come closer, the whole may not
    assert len(gaps) * LOOK_EVERY_S <= sum(gaps) + 2 * LOOK_EVERY_S
    assert picture.threads == {"realtime-helpers-views"}


def test_a_view_that_looks_no_more_is_not_shown_anything() -> None:
    first, second = Picture(), Picture()
    with RealtimeSession(options=TEXT) as session:
        forget = session.watch(first)
        session.watch(second)
        first.wait_for(State.NEW)
        forget()
        session.start()
        session.send_text("Hello.")
        session.wait_for_answer(1)
    second.wait_for(State.STOPPED)
    assert {now.state for now in first.seen} == {State.NEW}


def test_a_view_that_fails_is_told_of_and_the_talk_goes_on() -> None:
    def broken(now: Snapshot) -> None:
        raise ZeroDivisionError("no picture")

    picture = Picture()
    with RealtimeSession(options=TEXT) as session:
        session.start()
        session.watch(broken)
        session.watch(picture)
        session.send_text("Hello.")
        session.wait_for_answer(1)
        now = session.wait_for(lambda now: any("no picture" in problem for problem in now.problems))
        assert len(now.turns) == 1
    picture.wait_for(State.STOPPED)


def test_a_slow_view_gets_the_newest_snapshot_and_holds_nobody_up() -> None:
    may_go_on = threading.Event()
    seen: list[Snapshot] = []
    over = threading.Event()

    def slow(now: Snapshot) -> None:
        may_go_on.wait(30)
        seen.append(now)
        if now.state is State.STOPPED:
            over.set()

    with RealtimeSession(options=TEXT) as session:
        session.watch(slow)
        session.start()
        for number in range(1, 4):
            session.send_text("Tell me a quick story.")
            session.wait_for_answer(number)
    may_go_on.set()
    assert over.wait(10)
    assert len(seen) <= 3


def test_events_can_be_watched_from_the_middle_on_and_no_more() -> None:
    early: list[str] = []
    late: list[str] = []
    with RealtimeSession(options=TEXT, trace=lambda way, event, at_s: early.append(event["type"])) as session:
        session.start()
        session.send_text("Hello.")
        session.wait_for_answer(1)
        forget = session.watch_events(lambda way, event, at_s: late.append(event["type"]))
        session.send_text("Hello again.")
        session.wait_for_answer(2)
        forget()
        session.send_text("And again.")
        session.wait_for_answer(3)
    assert early.count("response.done") == 3
    assert late.count("response.done") == 1
    assert "session.created" not in late


def test_a_session_moves_to_another_server_between_two_talks() -> None:
    other = Settings.from_environment(model="gpt-realtime-2.1")
    with RealtimeSession(options=TEXT) as session:
        session.start()
        with pytest.raises(SessionError, match="Stop it first"):
            session.use_settings(other)
        session.send_text("Hello.")
        session.wait_for_answer(1)
        session.stop()
        session.use_settings(other)
        assert session.settings.model == "gpt-realtime-2.1"
        session.start()
        session.send_text("Hello.")
        assert len(session.wait_for_answer(1).turns) == 1
        with pytest.raises(SettingsError):
            session.use_settings("openai")  # type: ignore[arg-type]


def test_whoever_waits_before_the_start_waits_for_the_session_as_it_is_started() -> None:
    with RealtimeSession() as session:
        waiting = session.when(lambda now: now.state is State.LISTENING)
        session.set_options(TEXT)
        session.use_settings(Settings.from_environment(model="gpt-realtime-2.1"))
        session.start()
        assert waiting.result(20).state is State.LISTENING


def test_a_policy_that_is_set_in_the_moment_of_a_start_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = SummaryPolicy(trigger_tokens=900, keep_turns=3)
    with RealtimeSession(options=TEXT) as session:
        session.start()
        session.stop()
        make = session._make
        setting = threading.Thread(target=session.set_memory, args=[policy])

        def make_and_meanwhile(options: SessionOptions) -> object:
            live = make(options)
            setting.start()
            setting.join(0.5)
            return live

        monkeypatch.setattr(session, "_make", make_and_meanwhile)
        session.start()
        setting.join(20)
        assert session.snapshot.memory == policy


def test_the_source_is_who_is_listened_to() -> None:
    user = SpeechSource()
    with RealtimeSession(options=TEXT) as session:
        assert session.source is None
        session.start(source=user)
        assert session.source is user
        session.stop()
        assert session.source is None


def test_the_snapshot_tells_what_panels_set() -> None:
    with RealtimeSession(options=TEXT) as session:
        session.start()
        assert session.wait_for(lambda now: now.state is State.LISTENING).memory is None
        session.mute()
        session.set_memory(SummaryPolicy(trigger_tokens=900, keep_turns=3))
        now = session.wait_for(lambda now: now.is_muted and now.memory)
        assert now.memory is not None
        assert now.memory.trigger_tokens == 900


def test_whoever_waits_for_words_to_be_heard_is_told_while_they_sound() -> None:
    with RealtimeSession() as session:
        session.start(sink=SilentSink(realtime=True))
        session.send_text("Tell me a long story.")
        now = session.wait_for(lambda now: len(now.captions) > 1 and len(now.captions[-1].heard.split()) >= 3)
        heard, text = now.captions[-1].heard.split(), now.captions[-1].text.split()
        assert len(heard) < 8, "told at once, not at the end"
        assert len(text) > 40
