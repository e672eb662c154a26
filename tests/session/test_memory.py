"""Memory through the front door, over a real socket: writers, undo, thresholds that move, turns without transcript."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_helpers import (
    RealtimeSession,
    RetentionRatio,
    SessionOptions,
    SpeechSource,
    State,
    SummaryPolicy,
    conversation_record,
    lost_items,
)
from realtime_helpers.runtime import background_loop
from realtime_helpers.simulator import Config
from realtime_helpers.simulator.faults import Fault, Scenario

from .test_session import TEXT_ONLY, LocalServer, server, settled

__all__ = ["server"]
POLICY = SummaryPolicy(trigger_tokens=200, keep_turns=1)
TALK = ("My dog is called Biscuit.", "Tell me a long story.", "Thank you.")


def hold(session: RealtimeSession, *turns: str) -> Any:
    for words in turns:
        number = len(session.snapshot.turns) + 1
        session.send_text(words)
        now = session.wait_for_answer(number, timeout_s=20)
    return now


@pytest.mark.parametrize("writer", ["chat", "responses", "out_of_band"])
def test_each_writer_keeps_a_fact(server: LocalServer, writer: Any) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY, memory=POLICY, summariser=writer) as session:
        session.start()
        hold(session, *TALK)
        session.wait_for(settled(1), timeout_s=20)
        now = hold(session, "What is my dog called?")
    assert "Biscuit" in now.turns[-1].assistant_text
    record = now.summaries[0]
    assert record.usage.input_tokens > 0
    assert record.model is not None
    assert now.summaries_usd is not None
    assert (now.summaries_usd > 0) == (writer != "out_of_band"), "the live model's own is in the ledger"


def test_undo_brings_the_words_back_on_the_server(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY, memory=POLICY) as session:
        session.start()
        hold(session, *TALK)
        session.wait_for(settled(1), timeout_s=20)
        session.undo_summary()
        now = session.wait_for(settled(2), timeout_s=20)
        assert "User: My dog is called Biscuit." in now.items[0].text
        assert now.summaries[-1].occasion == "undone"
        assert lost_items(now.turns, now.items, now.summaries) == ()
        record = json.loads(json.dumps(conversation_record(now)))
    assert [entry["is_current"] for entry in record["summaries"]] == [False, True]
    assert record["turns"][0]["items"][0]["covered_by"] == record["summaries"][-1]["id"]
    assert record["turns"][0]["items"][0]["text"] == "My dog is called Biscuit."


def test_a_trigger_moved_below_the_window_summarises_at_once(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        session.start()
        now = hold(session, *TALK)
        assert now.summaries == ()
        session.set_memory(POLICY)
        session.wait_for(settled(1), timeout_s=20)


def test_turns_that_were_never_transcribed_are_heard_and_covered(config: Config) -> None:
    first_and_third = (Fault("transcript", "failed", times=1), Fault("transcript", "failed", after=2, times=1))
    config.scenario = Scenario(faults=first_and_third)
    server = LocalServer(config)
    user = SpeechSource(engine=config.parts.voice.engine)  # type: ignore[attr-defined]
    try:
        with RealtimeSession(settings=server.settings, memory=SummaryPolicy(400, 1)) as session:
            session.start(source=user)
            words = ["My dog is called Biscuit.", "I live in Lisbon.", "Tell me a quick story.", "How are you?"]
            for number, sentence in enumerate(words, start=1):
                user.say(sentence).result(20)
                session.wait_for_answer(number, timeout_s=40)
            now = session.wait_for(settled(1), timeout_s=40)
            assert any("words of a turn are not known" in problem for problem in now.problems), "some did fail"
            covered = {item_id for record in now.summaries for item_id in record.covers}
            assert now.turns[0].items[0].id in covered
            assert all(turn.user_text for turn in now.turns if set(turn.ids) <= covered)
            assert lost_items(now.turns, now.items, now.summaries) == ()
    finally:
        server.stop()


def test_a_cut_socket_is_made_again_and_nothing_is_forgotten(server: LocalServer) -> None:
    async def cut() -> None:
        for socket in list(server.simulator.sockets):
            socket.cut("test")

    with RealtimeSession(settings=server.settings, config=TEXT_ONLY, memory=POLICY) as session:
        session.start()
        hold(session, *TALK)
        background_loop().submit(cut()).result(10)
        now = session.wait_for(lambda now: now.restorations and now.state is State.LISTENING, timeout_s=20)
        assert lost_items(now.turns, now.items, now.summaries) == ()
        assert session.check_items().result(10) == {item.id for item in now.items}
        now = hold(session, "What is my dog called?")
    assert "Biscuit" in now.turns[-1].assistant_text


def test_the_servers_truncation_forgets_what_a_summary_would_have_kept(server: LocalServer) -> None:
    forgetful = SessionOptions(output_modality="text", truncation=RetentionRatio(ratio=0.5, tokens=300))
    with RealtimeSession(settings=server.settings, options=forgetful) as session:
        session.start()
        now = hold(session, *TALK, *["Tell me a long story."] * 3, "What is my dog called?")
    assert "Biscuit" not in now.turns[-1].assistant_text
