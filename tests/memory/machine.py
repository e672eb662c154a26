"""The invariant as a machine: anything may happen at any moment, and nothing that was said is lost."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from realtime_helpers.memory import SummaryPolicy
from realtime_helpers.session.snapshot import State
from realtime_helpers.simulator.faults import Fault

from .people import QuickVoice
from .world import World

VOICE = QuickVoice()
POLICIES = {
    "eager": SummaryPolicy(trigger_tokens=120, keep_turns=1, least_saving_tokens=20),
    "usual": SummaryPolicy(trigger_tokens=250, keep_turns=2),
    "tiers": SummaryPolicy(trigger_tokens=200, keep_turns=1, verbatim_tokens=60),
}
MOMENTS_MS = (0, 20, 150, 400, 800, 1500, 3000, 6000)
LONG_MS = (6000, 20_000, 60_000)
EDITS = ("conversation.item.create", "conversation.item.delete", "conversation.item.truncate", "response.create")
NEWS = (
    "conversation.item.added",
    "conversation.item.deleted",
    "conversation.item.done",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.committed",
    "response.created",
    "response.output_audio.delta",
    "response.done",
)  # fmt: skip
CLOSE_CODES = (1006, 1001)
MOODS = ("good", "good", "empty", "long", "limited", "answers", "killed", "hangs")
TURN_TOKENS = 130
PATIENCE_S = 400.0


class LosesNothing(RuleBasedStateMachine):
    """A conversation under fire."""

    world: World

    @initialize(policy=st.sampled_from(list(POLICIES)), speaks=st.booleans())
    def begin(self, policy: str, speaks: bool) -> None:
        self.world = World(VOICE, POLICIES[policy], speaks=speaks)

    def _go_on(self, moment_ms: int) -> None:
        self.world.run(moment_ms)

    # -- what people do -------------------------------------------------------------------------------

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_user_speaks(self, moment_ms: int) -> None:
        self.world.speak()
        self._go_on(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_user_types(self, moment_ms: int) -> None:
        self.world.type_text()
        self._go_on(moment_ms)

    @rule(count=st.integers(1, 4), spoken=st.booleans())
    def whole_turns_pass(self, count: int, spoken: bool) -> None:
        for _ in range(count):
            self.world.speak() if spoken else self.world.type_text()
            self._go_on(5000)

    @rule(after_ms=st.sampled_from((0, 200, 1000)), moment_ms=st.sampled_from(MOMENTS_MS))
    def the_user_interrupts(self, after_ms: int, moment_ms: int) -> None:
        self.world.mind.is_long = True
        self.world.type_text()
        self.world.run_until(lambda: self.world.sink.head.queued_ms > 0, 3)
        self._go_on(after_ms)
        self.world.speak()
        self._go_on(moment_ms)

    @rule(cities=st.integers(1, 3), moment_ms=st.sampled_from(MOMENTS_MS))
    def the_user_asks_for_tools(self, cities: int, moment_ms: int) -> None:
        self.world.ask_weather(cities)
        self._go_on(moment_ms)

    @precondition(lambda self: self.world.is_connected and self.world.witness.calls)
    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def a_tool_answers(self, moment_ms: int) -> None:
        self.world.answer_call()
        self._go_on(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS + LONG_MS))
    def time_passes(self, moment_ms: int) -> None:
        self._go_on(moment_ms)

    @rule(is_long=st.booleans())
    def replies_become(self, is_long: bool) -> None:
        self.world.mind.is_long = is_long

    # -- what the learner presses ---------------------------------------------------------------------

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_learner_presses_summarise_now(self, moment_ms: int) -> None:
        self.world.summarise_now()
        self._go_on(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_learner_presses_undo_summary(self, moment_ms: int) -> None:
        self.world.do(self.world.session.undo_summary)
        self._go_on(moment_ms)

    @rule(policy=st.sampled_from(list(POLICIES)))
    def the_learner_moves_the_thresholds(self, policy: str) -> None:
        self.world.set_memory(POLICIES[policy])

    # -- what goes wrong ------------------------------------------------------------------------------

    @rule(effect=st.sampled_from(("failed", "missing")), moment_ms=st.sampled_from(MOMENTS_MS))
    def nobody_writes_down_what_the_user_says(self, effect: Any, moment_ms: int) -> None:
        self.world.hand.transcripts.append(Fault("transcript", effect))
        self.world.speak()
        self._go_on(4000)
        self.world.type_text()
        self._go_on(moment_ms)

    @rule(effect=st.sampled_from(("late", "failed", "missing")), delay_ms=st.sampled_from((600, 3000, 20_000)))
    def the_next_transcript_is(self, effect: Any, delay_ms: int) -> None:
        self.world.hand.transcripts.append(Fault("transcript", effect, delay_ms=delay_ms))

    @rule(effect=st.sampled_from(("failed", "incomplete")))
    def the_next_response_is(self, effect: Any) -> None:
        self.world.hand.responses.append(Fault("response", effect))

    @rule(kind=st.sampled_from(EDITS), times=st.integers(1, 4))
    def the_server_refuses(self, kind: str, times: int) -> None:
        self.world.hand.refusals[kind] = times

    @rule(kind=st.sampled_from(NEWS), how=st.sampled_from(("duplicated", "delayed", "unknown")))
    def the_next_news_come(self, kind: str, how: Any) -> None:
        fault = Fault("event", how, delay_ms=2000 if how == "delayed" else 0)
        self.world.hand.strikes.setdefault(kind, deque()).append(fault)

    @rule(up_ms=st.sampled_from((0, 80, 900)), down_ms=st.sampled_from((0, 80, 900)))
    def the_line_is_slow(self, up_ms: int, down_ms: int) -> None:
        self.world.hand.up_ms, self.world.hand.down_ms = up_ms, down_ms

    @rule(
        mood=st.sampled_from(MOODS),
        takes_s=st.sampled_from((0.0, 0.5, 5.0, 25.0)),
    )
    def the_summariser_is(self, mood: Any, takes_s: float) -> None:
        self.world.scribe.mood, self.world.scribe.takes_s = mood, takes_s

    @rule(mood=st.sampled_from(MOODS), takes_s=st.sampled_from((0.5, 5.0)), moment_ms=st.sampled_from(MOMENTS_MS))
    def a_summary_is_wanted_of_one_who_is(self, mood: Any, takes_s: float, moment_ms: int) -> None:
        for _ in range(2):  # there must be something to summarise
            self.world.type_text()
            self._go_on(3000)
        self.world.scribe.mood, self.world.scribe.takes_s = mood, takes_s
        self.world.summarise_now()
        self._go_on(moment_ms)

    @precondition(lambda self: self.world.is_connected)
    @rule(code=st.sampled_from(CLOSE_CODES), moment_ms=st.sampled_from(MOMENTS_MS))
    def the_line_is_cut(self, code: int, moment_ms: int) -> None:
        self.world.cut(code)
        self._go_on(moment_ms)

    @precondition(lambda self: self.world.is_connected and self.world.scribe.at_work)
    @rule(code=st.sampled_from(CLOSE_CODES), moment_ms=st.sampled_from(MOMENTS_MS))
    def the_line_is_cut_while_a_summary_is_written(self, code: int, moment_ms: int) -> None:
        self.world.cut(code)
        self._go_on(moment_ms)

    @precondition(lambda self: self.world.armed_cuts < 3)
    @rule(kind=st.sampled_from(EDITS))
    def the_line_will_be_cut_before(self, kind: str) -> None:
        self.world.hand.cuts.add(kind)

    @rule(times=st.integers(1, 2))
    def the_server_is_out_of_reach(self, times: int) -> None:
        self.world.service.refused_lines = times

    @precondition(lambda self: self.world.armed_cuts < 3)
    @rule(kind=st.sampled_from(NEWS))
    def the_line_will_be_cut_instead_of(self, kind: str) -> None:
        self.world.hand.strikes.setdefault(kind, deque()).append(Fault("event", "drop_connection"))

    # -- what must hold -------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "world"):
            assert not self.world.is_over, self.world.now.error
            self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._end_well()
        finally:
            left = self.world.close()
        assert not left, left

    def _end_well(self) -> None:
        world = self.world
        world.hand.rest()
        world.scribe.mood, world.scribe.takes_s = "good", 0.5
        world.mind.is_long = False
        world.service.refused_lines = 0
        self._wait_until_quiet()
        while world.witness.calls:
            world.answer_call()
        self._wait_until_quiet()
        for turn in range(20):
            world.type_text()
            self._wait_until_quiet()
            if turn == 1 and not all(turn.is_readable for turn in world.session.conversation.turns):
                world.summarise_now()  # what was sought in vain is sought again only when the user asks
                self._wait_until_quiet()
            target = world.policy.trigger_tokens + TURN_TOKENS + world.fixed_tokens
            if turn >= 2 and world.now.window_tokens <= target and world.server_tokens <= target:
                break
        world.check()
        assert world.is_drained
        assert not world.unaccepted, f"typed and never accepted: {world.unaccepted}"
        assert world.now.window_tokens <= target, f"the window is {world.now.window_tokens}, not under {target}"
        assert world.server_tokens <= target, f"the server counts {world.server_tokens}, not under {target}"

    def _wait_until_quiet(self) -> None:
        world = self.world

        def is_quiet() -> bool:
            now = world.now
            return world.is_over or (
                now.state is State.LISTENING and now.is_quiet and not now.is_summarising
                and not world.user.is_talking and world.is_connected and world.is_drained
            )  # fmt: skip

        world.run(2000)
        quiet = world.run_until(is_quiet, PATIENCE_S)
        assert quiet, f"{world.now.state} after {PATIENCE_S:.0f} s of peace: {world.now.problems}"
        assert not world.is_over, world.now.error
