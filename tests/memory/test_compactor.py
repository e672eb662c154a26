"""The splice, step by step, and the mistakes of pitfalls.md that it must not make."""

from __future__ import annotations

import pytest

from realtime_helpers.memory import Phase, SummaryPolicy
from realtime_helpers.memory.compactor import ACKNOWLEDGEMENT_PATIENCE_S, MAX_ATTEMPTS

from ..conversation.events import response_created, response_done, transcription_failed
from .desk import Desk

POLICY = SummaryPolicy(trigger_tokens=700, keep_turns=2, least_saving_tokens=50)


@pytest.fixture
def desk() -> Desk:
    """Four turns: the response of the fourth reads 700 tokens."""
    desk = Desk(POLICY)
    for _ in range(4):
        desk.spoken_turn()
    while desk.to_client:
        desk.receive_one()
    return desk


def kinds(desk: Desk) -> list[str]:
    return [event["type"].removeprefix("conversation.item.") for event in desk.sent]


def ids(desk: Desk) -> list[str]:
    return [item.id for item in desk.server.items]


def test_the_summary_stands_before_anything_is_deleted(desk: Desk) -> None:
    assert desk.to_write[0].material.count("User:") == 2
    assert desk.sent == []
    desk.write("They talked.")
    assert kinds(desk) == ["create"]
    created = desk.sent[0]
    assert created["previous_item_id"] == "root"
    assert created["item"]["role"] == "system"
    desk.serve_one()
    assert kinds(desk) == ["create"], "nothing is deleted before the acknowledgement arrives"
    desk.receive_one()
    assert kinds(desk) == ["create", "delete", "delete", "delete", "delete"]
    desk.settle()
    assert ids(desk) == [created["item"]["id"], "u3", "a3", "u4", "a4"]
    assert desk.idle
    assert desk.lost() == []


def test_turns_that_come_while_the_summary_is_written_stay(desk: Desk) -> None:
    desk.spoken_turn()
    while desk.to_client:
        desk.receive_one()
    desk.write("They talked.")
    desk.settle()
    assert ids(desk)[1:] == ["u3", "a3", "u4", "a4", "u5", "a5"]


def test_nothing_is_edited_while_someone_speaks_or_a_response_runs(desk: Desk) -> None:
    desk.local.apply({"type": "input_audio_buffer.speech_started", "item_id": "u9", "audio_start_ms": 0})
    desk.write("They talked.")
    assert desk.sent == []
    desk.local.apply({"type": "input_audio_buffer.speech_stopped", "item_id": "u9", "audio_end_ms": 100})
    desk.pass_time(0.1)
    assert kinds(desk) == ["create"]


def test_a_second_summary_merges_and_replaces_the_first(desk: Desk) -> None:
    desk.settle()
    first = desk.compactor.records[0].id
    while len(desk.compactor.records) < 2:
        desk.spoken_turn()
        while desk.to_client or desk.to_server:
            desk.receive_one() if desk.to_client else desk.serve_one()
        if desk.to_write:
            assert "A short summary." in desk.to_write[0].material
            desk.settle()
    assert first not in ids(desk)
    assert desk.compactor.records[1].merges == first
    assert desk.lost() == []


def test_a_response_that_began_before_the_splice_ended_sets_nothing_off(desk: Desk) -> None:
    desk.write("They talked.")
    desk.spoken_turn()  # its response reads the old window: 900 tokens
    desk.settle()
    assert len(desk.compactor.records) == 1
    assert desk.idle


def test_an_empty_summary_deletes_nothing(desk: Desk) -> None:
    desk.write("   ")
    desk.settle()
    assert desk.sent == []
    assert "nothing" in desk.problems[0]


def test_a_summary_longer_than_what_it_replaces_is_refused(desk: Desk) -> None:
    desk.write("blah " * 2_000)
    assert desk.sent == []
    assert "longer" in desk.problems[0]


def test_after_a_failure_the_next_response_tries_again(desk: Desk) -> None:
    desk.write(None)
    assert desk.idle
    assert "out of ink" in desk.problems[0]
    desk.spoken_turn()
    desk.settle()
    assert len(desk.compactor.records) == 1
    assert desk.lost() == []


def test_a_late_transcript_is_waited_for() -> None:
    desk = Desk(POLICY)
    slow = desk.spoken_turn(transcript="later")
    for _ in range(3):
        desk.spoken_turn()
    while desk.to_client:
        desk.receive_one()
    assert desk.compactor.phase is Phase.WAITING
    assert not desk.to_write
    desk.to_client.append({"type": "conversation.item.input_audio_transcription.completed", "item_id": slow,
                           "transcript": "at last"})  # fmt: skip
    desk.receive_one()
    assert "at last" in desk.to_write[0].material


@pytest.mark.parametrize("transcript", ["later", "failed"])
def test_a_turn_without_transcript_is_kept_never_deleted_unread(transcript: str) -> None:
    desk = Desk(POLICY)
    desk.spoken_turn(transcript=transcript)
    for _ in range(3):
        desk.spoken_turn()
    while desk.to_client:
        desk.receive_one()
    if transcript == "later":
        assert desk.compactor.phase is Phase.WAITING
        desk.to_client.append(transcription_failed("u1"))  # the session's patience has an end
    desk.settle()
    assert ids(desk)[1:] == ["u1", "a1", "u3", "a3", "u4", "a4"]
    assert desk.compactor.records[0].covers == ("u2", "a2")
    assert ("into words" in "".join(desk.problems)) == (transcript == "later"), "a failure was reported as it came"


def test_a_refused_insert_is_tried_again_and_then_given_up_with_nothing_deleted(desk: Desk) -> None:
    desk.write("They talked.")
    for _ in range(MAX_ATTEMPTS):
        desk.serve_one(refuse=True)
        desk.receive_one()
    assert kinds(desk) == ["create"] * MAX_ATTEMPTS
    assert desk.idle
    assert desk.compactor.records == []
    assert len(ids(desk)) == 8


def test_a_refused_delete_is_tried_again_and_then_reported(desk: Desk) -> None:
    desk.write("They talked.")
    desk.serve_one()
    desk.receive_one()
    while desk.to_server:
        desk.serve_one(refuse=desk.to_server[0]["item_id"] == "u1")
        desk.receive_one()
    assert desk.idle
    assert desk.compactor.records[0].left_over == ("u1",)
    assert "u1" in ids(desk)
    assert desk.lost() == []


def test_an_item_that_is_gone_already_counts_as_deleted(desk: Desk) -> None:
    desk.write("They talked.")
    desk.server.delete("u1")  # the server truncated it by itself; no event tells (reference §4.6)
    desk.settle()
    assert desk.idle
    assert desk.local.item_ids == tuple(ids(desk))


def test_an_acknowledgement_that_never_comes_is_asked_for_again(desk: Desk) -> None:
    desk.write("They talked.")
    desk.serve_one()
    desk.to_client.clear()  # lost on the way
    desk.pass_time(ACKNOWLEDGEMENT_PATIENCE_S)
    desk.settle()  # the second try is refused as a duplicate: the first arrived
    assert kinds(desk)[:2] == ["create", "create"]
    assert desk.idle
    assert len(desk.compactor.records) == 1
    assert desk.lost() == []


def test_every_summary_has_an_id_of_its_own(desk: Desk) -> None:
    for _ in range(12):
        desk.spoken_turn()
        desk.settle()
    used = [record.id for record in desk.compactor.records]
    assert len(used) == len(set(used)) >= 2


def test_the_record_tells_what_the_splice_did_to_the_window(desk: Desk) -> None:
    desk.settle()
    desk.spoken_turn()
    desk.settle()
    record = desk.compactor.records[0]
    assert (record.window_before, record.window_after) == (700, 600)


def test_summarise_now_does_not_wait_for_the_trigger_and_says_when_there_is_nothing() -> None:
    desk = Desk(SummaryPolicy(trigger_tokens=100_000, keep_turns=1))
    desk.summarise_now()
    assert "nothing to summarise" in desk.problems[0]
    desk.spoken_turn()
    desk.spoken_turn()
    while desk.to_client:
        desk.receive_one()
    desk.summarise_now()
    desk.summarise_now()  # pressed twice: still one
    assert len(desk.to_write) == 1
    desk.settle()
    assert ids(desk)[1:] == ["u2", "a2"]


def test_failures_are_tried_again_ever_more_rarely(desk: Desk) -> None:
    asked = []
    for _ in range(16):
        asked.append(len(desk.to_write))
        if desk.to_write:
            desk.write(None)
        desk.spoken_turn()
        while desk.to_client:
            desk.receive_one()
    assert [number for number, count in enumerate(asked) if count] == [0, 1, 3, 7, 15]


def test_a_response_that_read_nothing_decides_nothing(desk: Desk) -> None:
    desk.settle()
    desk.to_client += [response_created("early"), response_done("early", 0, "cancelled")]
    desk.settle()
    assert desk.compactor.records[0].window_after is None
    assert len(desk.compactor.records) == 1


def test_an_overdue_acknowledgement_while_someone_speaks_does_not_spin(desk: Desk) -> None:
    desk.write("They talked.")
    desk.local.apply({"type": "input_audio_buffer.speech_started", "item_id": "u9", "audio_start_ms": 0})
    desk.pass_time(ACKNOWLEDGEMENT_PATIENCE_S + 1)
    assert desk.compactor.next_deadline_s is None, "nothing is due until the conversation is quiet"


def test_a_summary_that_could_not_be_deleted_goes_with_the_next(desk: Desk) -> None:
    desk.settle()
    first = desk.compactor.records[0].id
    while len(desk.compactor.records) < 2:
        desk.spoken_turn()
        while desk.to_client or desk.to_server:
            if desk.to_client:
                desk.receive_one()
            else:
                desk.serve_one(refuse=desk.to_server[0].get("item_id") == first)
        if desk.to_write:
            desk.write("A short summary.")
    while len(desk.compactor.records) < 3:
        desk.spoken_turn()
        desk.settle()
    assert [item.id for item in desk.server.items if item.id.startswith("sum_")] == [desk.compactor.records[-1].id]
    assert desk.lost() == []


# -- turns without transcript that can still be heard -----------------------------------------------------


def hearing_desk() -> Desk:
    desk = Desk(POLICY, can_hear=True)
    desk.spoken_turn(transcript="failed")
    for _ in range(3):
        desk.spoken_turn()
    while desk.to_client:
        desk.receive_one()
    return desk


def test_a_turn_without_transcript_is_heard_and_then_covered() -> None:
    desk = hearing_desk()
    assert (list(desk.to_hear), list(desk.to_write)) == (["u1"], [])
    desk.hear("my dog is called Biscuit")
    assert "my dog is called Biscuit" in desk.to_write[0].material
    desk.settle()
    assert desk.compactor.records[0].covers == ("u1", "a1", "u2", "a2")
    assert desk.lost() == []


def test_a_turn_that_cannot_be_heard_either_is_kept_and_not_asked_for_again() -> None:
    desk = hearing_desk()
    desk.hear(None)
    desk.settle()
    assert ids(desk)[1:3] == ["u1", "a1"]
    assert "into words" in "".join(desk.problems)
    for _ in range(8):
        desk.spoken_turn()
        while desk.to_client or desk.to_server or desk.to_write:
            desk.receive_one() if desk.to_client else desk.serve_one() if desk.to_server else desk.write("Short.")
    assert not desk.to_hear
    assert len(desk.compactor.records) > 1
    desk.summarise_now()
    assert list(desk.to_hear) == ["u1"], "the user may ask for it again"


def test_a_transcript_that_comes_while_the_recording_is_heard_wins() -> None:
    desk = hearing_desk()
    desk.to_client.append({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u1",
                           "transcript": "late but true"})  # fmt: skip
    desk.receive_one()
    assert "late but true" in desk.to_write[0].material
    desk.hear("something else")
    desk.settle()
    assert desk.local.find("u1").text == "late but true"  # type: ignore[union-attr]


# -- a reply that still plays -----------------------------------------------------------------------------


def test_a_reply_that_still_plays_is_not_covered() -> None:
    desk = Desk(POLICY)
    desk.playing = {"a2"}
    for _ in range(4):
        desk.spoken_turn()
    desk.settle()
    assert desk.compactor.records[0].covers == ("u1", "a1")


# -- tiers ------------------------------------------------------------------------------------------------

TURN_WORDS = 206  # estimated tokens of the words of one turn


def tiered_desk(verbatim_tokens: float) -> Desk:
    desk = Desk(SummaryPolicy(700, keep_turns=1, least_saving_tokens=50, verbatim_tokens=verbatim_tokens))
    desk.settle()
    return desk


def test_older_turns_stand_word_for_word_in_the_memory_item_before_the_oldest_are_summarised() -> None:
    desk = tiered_desk(4.5 * TURN_WORDS)
    wrote = []
    for _ in range(14):
        desk.spoken_turn(length_ms=40_000)
        while desk.to_client or desk.to_server or desk.to_write:
            if desk.to_client:
                desk.receive_one()
            elif desk.to_server:
                desk.serve_one()
            else:
                wrote.append(desk.to_write[0].material)
                desk.write("They counted.")
        assert desk.lost() == []
    first = desk.compactor.records[0]
    assert (first.text, len(first.verbatim)) == ("", 6), "nothing was summarised while it all fitted"
    last = desk.compactor.records[-1]
    assert wrote
    assert 0 < len(last.verbatim) <= 8
    assert "number 1 " in wrote[0]
    assert desk.memory().startswith("Memory of earlier turns:\nThey counted.")
    said = {item_id for record in desk.compactor.records for item_id in (*record.summarised, *record.verbatim)}
    assert said == {item_id for record in desk.compactor.records for item_id in record.covers}
    newest = int(last.verbatim[-1][1:])
    assert f"User: number {newest} word" in desk.memory()


def test_without_a_limit_nothing_is_ever_summarised() -> None:
    desk = tiered_desk(float("inf"))
    for _ in range(12):
        desk.spoken_turn(length_ms=40_000)
        desk.settle()
    assert {record.text for record in desk.compactor.records} == {""}
    assert all(f"User: number {number} word" in desk.memory() for number in range(1, 9))
    assert desk.lost() == []


# -- undo -------------------------------------------------------------------------------------------------


def test_undo_brings_the_words_back_and_they_stay_until_the_user_asks(desk: Desk) -> None:
    desk.settle()
    desk.undo()
    desk.settle()
    assert "A short summary" not in desk.memory()
    assert all(f"User: number {number} word" in desk.memory() for number in (1, 2))
    assert desk.lost() == []
    for _ in range(10):
        desk.spoken_turn()
        desk.settle()
        assert "User: number 1 word" in desk.memory()
    assert desk.compactor.records[-1].text, "new turns are summarised all the same"
    desk.summarise_now()
    desk.settle()
    assert "User: number 1 word" not in desk.memory()
    assert desk.lost() == []


def test_undo_goes_back_one_summary_at_a_time(desk: Desk) -> None:
    desk.write("The first.")
    desk.settle()
    while len(desk.compactor.records) < 2:
        desk.spoken_turn()
        while desk.to_client or desk.to_server or desk.to_write:
            desk.receive_one() if desk.to_client else desk.serve_one() if desk.to_server else desk.write("The second.")
    desk.undo()
    desk.settle()
    assert "The first." in desk.memory()
    assert "The second." not in desk.memory()
    desk.undo()
    desk.settle()
    assert "The first." not in desk.memory()
    words = [f"User: number {number} word" for number in range(1, 5)]
    assert [desk.memory().index(word) for word in words] == sorted(desk.memory().index(word) for word in words)
    desk.undo()
    assert "no summary to undo" in desk.problems[-1]
    assert desk.lost() == []


def test_undo_waits_for_nothing_when_there_is_nothing_to_undo_or_a_summary_is_under_way(desk: Desk) -> None:
    desk.undo()
    assert "just being made" in desk.problems[-1]
    other = Desk(POLICY)
    other.undo()
    assert "no summary to undo" in other.problems[-1]


# -- thresholds that move, and lines that are lost ---------------------------------------------------------


def test_a_trigger_moved_below_the_window_acts_at_once() -> None:
    desk = Desk(SummaryPolicy(trigger_tokens=100_000, keep_turns=1))
    for _ in range(4):
        desk.spoken_turn()
    desk.settle()
    assert desk.compactor.records == []
    desk.set_policy(SummaryPolicy(trigger_tokens=300, keep_turns=1))
    desk.settle()
    assert len(desk.compactor.records) == 1
    desk.set_policy(SummaryPolicy(trigger_tokens=200, keep_turns=1))
    desk.settle()
    assert len(desk.compactor.records) == 1, "the window was not measured since: it may be small enough"


@pytest.mark.parametrize("steps", range(6))
def test_after_a_lost_line_one_memory_item_stands_for_all(desk: Desk, steps: int) -> None:
    for _ in range(steps):  # ... into the splice
        if desk.to_write:
            desk.write("They talked.")
        elif desk.to_client:
            desk.receive_one()
        elif desk.to_server:
            desk.serve_one()
    desk.lose_line()
    desk.restore()
    assert "They talked." in desk.memory() or "User: number 1 word" in desk.memory()
    assert "User: number 4 word" in desk.memory()
    assert desk.lost() == []
    for _ in range(4):
        desk.spoken_turn()
        desk.settle()
    assert desk.lost() == []
    assert desk.idle
