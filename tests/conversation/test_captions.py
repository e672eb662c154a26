"""Captions: a place each, kept for ever; words that end as the item's words; a look that costs what changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.conversation import Caption, Captions, CaptionState, Conversation, captions, captions_text

from .events import added, call, done, response_created, response_done, text, transcribed, transcription_failed
from .events import user_audio as spoken

Event = dict[str, Any]
SECOND = "A" * 64_000  # base64 of 48,000 bytes: one second of PCM16 at 24 kHz
UPDATED = {"type": "session.updated", "session": {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}}
PUSH_TO_TALK = {"type": "session.updated", "session": {"audio": {"input": {"turn_detection": None}}}}
CLEARED = {"type": "input_audio_buffer.cleared"}


def started(item_id: str) -> Event:
    return {"type": "input_audio_buffer.speech_started", "item_id": item_id, "audio_start_ms": 0}


def stopped(item_id: str) -> Event:
    return {"type": "input_audio_buffer.speech_stopped", "item_id": item_id, "audio_end_ms": 900}


def committed(item_id: str) -> Event:
    return {"type": "input_audio_buffer.committed", "item_id": item_id}


def user_delta(item_id: str, words: str) -> Event:
    return {"type": "conversation.item.input_audio_transcription.delta", "item_id": item_id, "delta": words}


def reply_delta(item_id: str, words: str) -> Event:
    return {"type": "response.output_audio_transcript.delta", "item_id": item_id, "delta": words}


def sound(item_id: str) -> Event:
    return {"type": "response.output_audio.delta", "item_id": item_id, "delta": SECOND}


def spoken_reply(item_id: str, words: str, status: str = "completed") -> Event:
    content = [{"type": "output_audio", "transcript": words}]
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


class Talk:
    """A conversation and its captions, with a play-head one can set."""

    def __init__(self, *events: Event) -> None:
        self.conversation = Conversation()
        self.heard_ms: dict[str, int] = {}
        self.captions = Captions(self.conversation, lambda item_id: self.heard_ms.get(item_id, 0))
        self.take(UPDATED, *events)

    def take(self, *events: Event) -> Sequence[Caption]:
        for drawn in events:
            event = dict(drawn)
            if event.get("previous_item_id") == "the last":
                event["previous_item_id"] = (self.conversation.item_ids or (None,))[-1]
            if event["type"] == "line lost":
                self.conversation.line_lost()
                self.captions.line_lost()
            else:
                self.conversation.apply(event)
                self.captions.apply(event)
        return self.captions.view

    @property
    def text(self) -> str:
        return captions_text(self.captions.view)

    @property
    def lines(self) -> list[tuple[str, str, CaptionState]]:
        return [(caption.id, caption.text, caption.state) for caption in self.captions.view]


LINE_LOST = {"type": "line lost"}
PARTIAL, FINAL, FAILED, INTERRUPTED = CaptionState


def test_the_users_line_stands_before_the_reply_though_its_words_come_later() -> None:
    talk = Talk(started("u1"))
    assert talk.text == "you  …"
    talk.take(user_delta("u1", "what can"))
    assert talk.text == "you  what can …"
    talk.take(stopped("u1"), committed("u1"), added(spoken("u1"), None), done(spoken("u1")))
    talk.take(added(text("a1", "assistant", "", "in_progress"), "u1"), reply_delta("a1", "I can"))
    assert [line[0] for line in talk.lines] == ["u1", "a1"]
    talk.take(transcribed("u1", "What can you do?"), done(spoken_reply("a1", "I can sing.")))
    assert talk.lines == [("u1", "What can you do?", FINAL), ("a1", "I can sing.", FINAL)]


def test_all_words_may_come_before_anything_else_is_known_of_the_turn() -> None:
    talk = Talk(PUSH_TO_TALK, user_delta("u1", "all"), transcribed("u1", "All of it."))
    talk.take(committed("u1"), added(spoken("u1"), None), done(spoken("u1")))
    assert talk.lines == [("u1", "All of it.", FINAL)]


@pytest.mark.parametrize(
    "end",
    [
        [CLEARED],
        [stopped("u1"), CLEARED],
        [PUSH_TO_TALK],
        [started("u2"), committed("u2")],
        [committed("u2")],
        [user_delta("u1", "hm"), started("u2")],
    ],
)
def test_a_false_start_leaves_no_line_behind(end: list[Event]) -> None:
    talk = Talk(added(text("t1", "user", "Hello"), None), started("u1"))
    assert len(talk.lines) == 2
    talk.take(*end)
    assert "u1" not in [line[0] for line in talk.lines]
    before = talk.lines
    talk.take(user_delta("u1", "late words of it"))
    assert talk.lines == before


def test_speech_that_the_lost_line_cut_has_its_line_when_it_is_sent_again() -> None:
    talk = Talk(started("u1"), user_delta("u1", "what"), LINE_LOST)
    assert talk.lines == []
    assert talk.take(started("u2"))[0].id == "u2"


def test_speech_that_counted_as_nothing_and_is_committed_after_all_has_a_line_again() -> None:
    talk = Talk(started("u1"), CLEARED, added(text("t1", "user", "Hello"), None), committed("u1"))
    assert [line[0] for line in talk.lines] == ["t1", "u1"]


def test_words_that_will_not_come_are_told() -> None:
    talk = Talk(started("u1"), stopped("u1"), committed("u1"), added(spoken("u1"), None), transcription_failed("u1"))
    assert talk.lines == [("u1", "", FAILED)]
    assert talk.text == "you  [not understood]"
    talk.take(transcribed("u1", "Late, but here."))
    assert talk.text == "you  Late, but here."


def test_a_reply_is_shown_as_it_is_heard_and_never_takes_a_word_back() -> None:
    talk = Talk(added(text("a1", "assistant", "", "in_progress"), None), reply_delta("a1", "One two three four."))
    assert talk.text == "bot  …", "generated, and not a word of it has sounded"
    assert captions_text(talk.captions.view, show="generated") == "bot  One two three four. …"
    talk.take(sound("a1"), sound("a1"))
    talk.heard_ms["a1"] = 1_000
    assert talk.text == "bot  One two …"
    talk.take(sound("a1"), sound("a1"))
    assert talk.text == "bot  One two …", "more audio has come: the share fell, the words stay"
    talk.take(done(spoken_reply("a1", "One two three four.")))
    assert talk.lines == [("a1", "One two three four.", FINAL)]
    talk.heard_ms["a1"] = 3_000
    assert talk.text == "bot  One two three …"
    talk.heard_ms["a1"] = 4_000
    assert talk.text == "bot  One two three four."
    assert not talk.captions._sounding


def test_an_interrupted_reply_ends_with_what_was_heard() -> None:
    talk = Talk(added(text("a1", "assistant", "", "in_progress"), None), reply_delta("a1", "One two three four."))
    talk.take(*[sound("a1")] * 4)
    talk.heard_ms["a1"] = 2_300
    assert talk.text == "bot  One two …"
    talk.conversation.note_heard("a1", 2_300)
    assert talk.lines == [("a1", "One two three four.", INTERRUPTED)]
    assert talk.text == "bot  One two [interrupted]"
    talk.take({"type": "conversation.item.truncated", "item_id": "a1", "audio_end_ms": 900})
    talk.take(done(spoken_reply("a1", "One two three four.", "incomplete")))
    assert talk.captions.view[0].heard == "One"
    assert not talk.captions._sounding


def test_written_replies_are_read_as_they_come() -> None:
    talk = Talk(added(text("a1", "assistant", "", "in_progress"), None))
    talk.take({"type": "response.output_text.delta", "item_id": "a1", "delta": "One two"})
    assert talk.text == "bot  One two …"


def test_what_is_not_said_in_the_conversation_has_no_caption() -> None:
    talk = Talk(response_created("r1", None), reply_delta("elsewhere", "a summary"), sound("elsewhere"))
    talk.take(added(text("sum_1", "system", "What was said."), None), added(call("c1", "call_1"), None))
    assert talk.lines == []


def test_deleted_items_keep_their_caption() -> None:
    talk = Talk(added(text("t1", "user", "Hello"), None), {"type": "conversation.item.deleted", "item_id": "t1"})
    assert talk.text == "you  Hello"


def test_what_comes_back_after_a_lost_line_is_not_doubled() -> None:
    talk = Talk(added(text("t1", "user", "Hello"), None), added(text("a1", "assistant", "Hi"), "t1"))
    talk.take(started("u1"), stopped("u1"), committed("u1"), added(spoken("u1"), "a1"))  # no words yet: sent again
    talk.take(started("u2"), stopped("u2"), committed("u2"))  # no item yet: its audio is sent again
    talk.take(LINE_LOST)
    assert talk.lines[2:] == [("u1", "", FAILED)]
    talk.take(added(text("t1", "user", "Hello"), None), added(text("a1", "assistant", "Hi"), "t1"))
    talk.take(added(spoken("u1"), "a1"))
    assert talk.lines[2:] == [("u1", "", PARTIAL)]
    talk.take(started("u9"), stopped("u9"), committed("u9"), added(spoken("u9"), "u1"), transcribed("u9", "The rest"))
    talk.take(transcribed("u1", "The question"))
    assert talk.text == "you  Hello\nbot  Hi\nyou  The question\nyou  The rest"


# -- any order --------------------------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["yes ", "no ", "and then ", "a story "]), min_size=1, max_size=4)


@st.composite
def one_side(draw: st.DrawFn, number: int) -> list[list[Event]]:
    """What happens to one item: sequences that each keep their order, and may be mixed with anything."""
    words = draw(WORDS)
    user, reply = f"u{number}", f"a{number}"
    deltas = [user_delta(user, word) for word in words]
    end = draw(st.sampled_from([transcribed(user, "".join(words).strip()), transcription_failed(user)]))
    taken = [committed(user), added(spoken(user), "the last"), done(spoken(user))]
    making = [added(text(reply, "assistant", "", "in_progress"), "the last")]
    for word in words:
        making += [reply_delta(reply, word), sound(reply)]
    cut = {"type": "conversation.item.truncated", "item_id": reply, "audio_end_ms": 700}
    whole = spoken_reply(reply, "".join(words).strip())
    return draw(
        st.sampled_from(
            [
                [[started(user), stopped(user), *taken], [*deltas, end]],
                [taken, [*deltas, end]],
                [[started(user), *deltas, CLEARED]],
                [[started(user), *deltas, LINE_LOST]],
                [[*making, done(whole)]],
                [[*making, done({**whole, "status": "incomplete"}), cut]],
                [[*making, cut, done(whole)]],
                [[*making[1:]]],  # out of band
                [[added(text(user, "user", "typed"), "the last")]],
                [[added(text(f"sum_{number}", "system", "what was said"), None)]],
                [[added(text(user, "user", "x"), "the last"), {"type": "conversation.item.deleted", "item_id": user}]],
                [[LINE_LOST, added(text(user, "user", "put back"), "the last")]],
            ]
        )
    )


@settings(max_examples=400, deadline=None)
@given(st.data(), st.integers(1, 6), st.randoms(use_true_random=False), st.integers(0, 3))
def test_captions_never_change_places_and_end_as_what_was_said(
    data: st.DataObject, items: int, rng: random.Random, recent: int
) -> None:
    lanes = [lane for number in range(items) for lane in data.draw(one_side(number))]
    talk, before = Talk(), list[str]()
    held: list[tuple[Sequence[Caption], tuple[Caption, ...]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captions, "_RECENT", recent)
        while lanes := [lane for lane in lanes if lane]:
            view = talk.take(rng.choice(lanes).pop(0))
            now = [caption.id for caption in view]
            stayed = [item_id for item_id in before if item_id in now]
            assert now[: len(stayed)] == stayed, "a caption changed places"
            assert len(set(now)) == len(now)
            before = now
            held.append((view, tuple(view)))
            talk.heard_ms = {f"a{number}": rng.randrange(3_000) for number in range(items)}
    talk.heard_ms = dict.fromkeys(talk.heard_ms, 60_000)
    shown = {caption.id: caption for caption in talk.captions.view}
    said = {item.id: item for turn in talk.conversation.all_turns for item in turn.items if item.role != "system"}
    assert said.keys() <= shown.keys()
    for item_id, item in said.items():
        assert shown[item_id].text == item.text
        assert shown[item_id].heard == item.heard_text
        assert (shown[item_id].state is PARTIAL) == (item.status == "in_progress" or item.transcript.value == "pending")
    for seen, meant in held:
        assert seen == meant, "what was handed out has changed"


# -- cost -------------------------------------------------------------------------------------------------


def turn(number: int) -> Iterator[Event]:
    user, reply = f"u{number}", f"a{number}"
    yield from (started(user), stopped(user), committed(user), added(spoken(user), "the last"))
    yield added(text(reply, "assistant", "", "in_progress"), "the last")
    for _ in range(5):
        yield from (reply_delta(reply, "word "), sound(reply))
    yield done(spoken_reply(reply, "word " * 5))
    yield response_done(f"r{number}")
    yield transcribed(f"u{max(0, number - number % 3)}", "words, some of them late")
    yield from (started(f"false{number}"), CLEARED)
    if number % 10 == 9:
        for old in range(number - 9, number):
            yield from ({"type": "conversation.item.deleted", "item_id": f"{kind}{old}"} for kind in "ua")


def test_a_look_costs_the_same_after_three_thousand_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    refresh: Callable[..., bool] = Captions._refresh
    monkeypatch.setattr(Captions, "_refresh", lambda self, item_id: made.append(1) or refresh(self, item_id))
    talk = Talk()
    cost, lists = [], set()
    for number in range(3_000):
        talk.heard_ms[f"a{number}"] = 60_000
        before = len(made)
        for event in turn(number):
            view = talk.take(event)
            assert len(view) - view._shared <= 2 * captions._RECENT  # type: ignore[attr-defined]
        cost.append(len(made) - before)
        lists.add(id(view._elements))  # type: ignore[attr-defined]
    assert len(view) == 6_000
    assert sum(cost[-300:]) == sum(cost[300:600])
    assert len(lists) == 1, "old captions are shared by all views"
