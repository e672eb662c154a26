"""Decision 5, the invariant, under any interleaving of turns, transcripts, summaries, refusals and time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime_helpers.memory import SummaryPolicy

from ..conversation.events import transcribed, transcription_failed
from .desk import WORDS, Desk


class NoTurnIsLost(RuleBasedStateMachine):
    """Every event is delivered in order, but nothing says when."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(SummaryPolicy(trigger_tokens=400, keep_turns=1, least_saving_tokens=50))
        self.silent: list[str] = []

    @rule(transcript=st.sampled_from(["now", "later", "failed"]))
    def the_user_speaks(self, transcript: str) -> None:
        user = self.desk.spoken_turn(transcript=transcript)
        if transcript == "later":
            self.silent.append(user)

    @precondition(lambda self: self.silent)
    @rule(works=st.booleans())
    def a_late_transcript_comes(self, works: bool) -> None:
        user = self.silent.pop(0)
        self.desk.to_client.append(transcribed(user, WORDS) if works else transcription_failed(user))

    @precondition(lambda self: self.desk.to_client)
    @rule(count=st.integers(1, 8))
    def the_client_receives(self, count: int) -> None:
        for _ in range(min(count, len(self.desk.to_client))):
            self.desk.receive_one()

    @precondition(lambda self: self.desk.to_server)
    @rule(refuse=st.booleans())
    def the_server_answers(self, refuse: bool) -> None:
        self.desk.serve_one(refuse=refuse)

    @precondition(lambda self: self.desk.to_write)
    @rule(summary=st.sampled_from(["A short summary.", "", None]))
    def the_summariser_answers(self, summary: str | None) -> None:
        self.desk.write(summary)

    @rule(seconds=st.sampled_from([1.0, 11.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.desk.pass_time(seconds)

    @rule()
    def the_learner_presses_summarise_now(self) -> None:
        self.desk.summarise_now()

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.desk.lost() == []

    @invariant()
    def at_most_one_summary_is_in_flight(self) -> None:
        assert len(self.desk.to_write) <= 1

    def teardown(self) -> None:
        self.desk.settle()
        for user in self.silent:  # the session's patience has an end
            self.desk.to_client.append(transcription_failed(user))
        self.desk.settle()
        self.desk.pass_time(60.0)
        self.desk.settle()
        assert self.desk.lost() == []
        assert self.desk.local.item_ids == tuple(item.id for item in self.desk.server.items)


NoTurnIsLost.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_no_turn_is_lost = NoTurnIsLost.TestCase
