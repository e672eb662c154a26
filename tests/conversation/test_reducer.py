from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from realtime_helpers.conversation import Conversation, Item, Transcript
from realtime_helpers.simulator.context import Conversation as ServerConversation
from realtime_helpers.simulator.context import Item as ServerItem

from .events import (
    added,
    call,
    done,
    output,
    response_created,
    response_done,
    text,
    transcribed,
    transcription_failed,
    user_audio,
)


def conversation_of(*events: dict[str, Any]) -> Conversation:
    conversation = Conversation()
    for event in events:
        conversation.apply(event)
    return conversation


def test_items_are_announced_twice_and_kept_once() -> None:
    item = text("a", "user", "hello")
    assert conversation_of(added(item, None), done(item), added(item, None)).item_ids == ("a",)


def test_more_of_a_reply_changes_nothing_else_of_it() -> None:
    item = Item(
        "a", "message", "assistant", "incomplete", "so", True, Transcript.FAILED, 40.0, 20, "call", "name", True
    )
    assert item.grown(text=" far") == replace(item, text="so far")
    assert item.grown(audio_ms=20) == replace(item, audio_ms=60.0)
    assert replace(item, spoken=False).grown(audio_ms=20).spoken


def test_unknown_events_are_ignored() -> None:
    assert conversation_of({"type": "something.new", "anything": 1}).items == ()


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("insert"), st.integers(0, 20)),
            st.tuples(st.just("root"), st.just(0)),
            st.tuples(st.just("delete"), st.integers(0, 20)),
        ),
        max_size=40,
    )
)
def test_local_order_is_the_servers_order_whatever_is_inserted_and_deleted(steps: list[tuple[str, int]]) -> None:
    server, local = ServerConversation(), Conversation()
    for number, (step, choice) in enumerate(steps):
        ids = [item.id for item in server.items]
        if step == "delete":
            if ids:
                server.delete(ids[choice % len(ids)])
                local.apply({"type": "conversation.item.deleted", "item_id": ids[choice % len(ids)]})
            continue
        item = ServerItem(text(f"i{number}", "user", "x"))
        server.insert(item, "root" if step == "root" else (ids[choice % len(ids)] if ids and choice else None))
        local.apply(added(item.wire, item.previous_id))
        assert local.item_ids == tuple(item.id for item in server.items)
    assert local.unplaced_items == 0


def test_a_transcript_may_come_before_its_item() -> None:
    conversation = conversation_of(transcribed("u", "hello"), added(user_audio("u"), None), done(user_audio("u")))
    assert (conversation.items[0].text, conversation.items[0].transcript) == ("hello", Transcript.FINAL)


def test_transcript_deltas_may_begin_before_the_item() -> None:
    kind = "conversation.item.input_audio_transcription.delta"
    conversation = conversation_of(
        {"type": kind, "item_id": "u", "delta": "hel"},
        added(user_audio("u"), None),
        {"type": kind, "item_id": "u", "delta": "lo"},
    )
    assert (conversation.items[0].text, conversation.items[0].transcript) == ("hello", Transcript.PENDING)


def test_a_transcript_may_come_after_its_item_was_deleted() -> None:
    conversation = conversation_of(
        added(user_audio("u"), None), {"type": "conversation.item.deleted", "item_id": "u"}, transcribed("u", "late")
    )
    item = conversation.find("u")
    assert item is not None
    assert (item.text, item.deleted, conversation.items) == ("late", True, ())


def test_a_final_transcript_is_not_overwritten_by_a_stray_failure() -> None:
    conversation = conversation_of(added(user_audio("u"), None), transcribed("u", "yes"), transcription_failed("u"))
    assert conversation.items[0].transcript is Transcript.FINAL


def test_a_failed_transcription_is_known_as_failed() -> None:
    conversation = conversation_of(added(user_audio("u"), None), transcription_failed("u"))
    assert not conversation.turns[0].is_readable


def test_turns_hold_everything_until_the_user_speaks_again() -> None:
    conversation = conversation_of(
        added(text("u1", "user", "weather?"), None),
        added(call("c", "call_1"), "u1"),
        added(output("o", "call_1"), "c"),
        added(text("a1", "assistant", "sunny"), "o"),
        added(text("u2", "user", "and"), "a1"),
        added(text("u3", "user", "tomorrow?"), "u2"),
    )
    assert [turn.ids for turn in conversation.turns] == [("u1", "c", "o", "a1"), ("u2", "u3")]
    assert conversation.turns[1].user_text == "and tomorrow?"


def test_a_turn_with_an_unanswered_call_is_not_settled() -> None:
    conversation = conversation_of(added(text("u", "user", "weather?"), None), added(call("c", "call_1"), "u"))
    assert not conversation.turns[0].is_settled
    conversation.apply(added(output("o", "call_1"), "c"))
    assert conversation.turns[0].is_settled


def test_the_time_line_keeps_deleted_turns_where_they_were() -> None:
    conversation = conversation_of(
        added(text("u1", "user", "one"), None),
        added(text("u2", "user", "two"), "u1"),
        added(text("sum_1", "system", "summary"), None),
        {"type": "conversation.item.deleted", "item_id": "u1"},
        {"type": "conversation.item.deleted", "item_id": "u2"},
        added(text("u3", "user", "three"), "sum_1"),
    )
    assert [turn.user_text for turn in conversation.turns] == ["three"]
    assert conversation.all_turns[0].user_text == "one two three"


def test_an_interrupted_reply_keeps_the_words_that_were_heard() -> None:
    reply = {"id": "a", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    audio = base64.b64encode(bytes(48 * 1000)).decode()
    conversation = conversation_of(
        added(reply, None),
        {"type": "response.output_audio_transcript.delta", "item_id": "a", "delta": "one two three four"},
        {"type": "response.output_audio.delta", "item_id": "a", "delta": audio},
        {"type": "conversation.item.truncated", "item_id": "a", "content_index": 0, "audio_end_ms": 500},
    )
    item = conversation.items[0]
    assert item.audio_ms == 1000
    assert (item.text, item.heard_text) == ("one two three four", "one two")


def test_a_response_cancelled_before_it_read_anything_does_not_reset_the_window() -> None:
    conversation = conversation_of(
        response_created("r1"), response_done("r1", 900), response_created("r2"), response_done("r2", 0, "cancelled")
    )
    assert conversation.ledger.window_tokens == 900
    assert len(conversation.ledger.entries) == 2


def test_an_out_of_band_response_is_paid_for_but_does_not_move_the_window() -> None:
    conversation = conversation_of(
        response_created("r1"),
        response_done("r1", 900),
        response_created("oob", None),
        response_done("oob", 50, conversation=None),
    )
    assert conversation.ledger.window_tokens == 900
    assert conversation.ledger.total.input_audio == 950


def test_instructions_and_tools_are_not_counted_as_conversation() -> None:
    session = {"instructions": "x" * 400, "tools": []}
    conversation = conversation_of(
        {"type": "session.created", "session": session}, response_created("r"), response_done("r", 300)
    )
    assert conversation.ledger.window_tokens == 200


def test_the_conversation_is_quiet_only_between_turns() -> None:
    vad = {"audio": {"input": {"turn_detection": {"create_response": True}}}}
    conversation = conversation_of({"type": "session.created", "session": vad})
    quiet = []
    for event in (
        {"type": "input_audio_buffer.speech_started", "item_id": "u", "audio_start_ms": 0},
        {"type": "input_audio_buffer.speech_stopped", "item_id": "u", "audio_end_ms": 500},
        {"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": None},
        response_created("r"),
        response_done("r", 10),
    ):
        conversation.apply(event)
        quiet.append(conversation.is_quiet)
    assert quiet == [False, False, False, False, True]


def test_a_refused_response_create_makes_the_conversation_quiet_again() -> None:
    conversation = Conversation()
    conversation.note_sent({"type": "response.create", "event_id": "e1"})
    assert not conversation.is_quiet
    conversation.apply({"type": "error", "error": {"event_id": "e1", "code": "x"}})
    assert conversation.is_quiet


def test_items_are_as_new_as_the_latest_event_however_often_they_are_looked_at() -> None:
    deleted = {"type": "conversation.item.deleted", "item_id": "a"}
    more = {"type": "response.output_text.delta", "item_id": "b", "delta": " there"}
    conversation = Conversation()
    seen = []
    for event in (
        added(user_audio("a"), None), added(text("b", "assistant", "Hello", "in_progress"), "a"), more,
        added(text("c", "system", "x"), "a"), transcribed("a", "hi"), more, deleted, transcribed("a", "ha"), more,
        added(text("a", "user", "hi"), None), more,
    ):  # fmt: skip
        conversation.apply(event)
        seen.append(conversation.items)
        assert seen[-1] == tuple(conversation.find(item_id) for item_id in conversation.item_ids)
    assert [[item.text for item in items] for items in seen[2:4]] == [["", "Hello there"], ["", "x", "Hello there"]]
    conversation.line_lost()
    assert conversation.items == ()
