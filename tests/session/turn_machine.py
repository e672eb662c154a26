"""Turn-taking as a machine: buttons, keys and lost lines in any order; nothing said is lost, and both sides agree."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from realtime_helpers.session.snapshot import State
from tests.memory.machine import POLICIES, VOICE
from tests.memory.witness import words_of_server
from tests.memory.world import World

MOMENTS_MS = (0, 30, 160, 400, 900, 2000, 5000)
PATIENCE_S = 300.0
_BENIGN = {"response_cancel_not_active"}
"""A cancel that met the end of its response on the way; it names its response, and so hits no other."""


class TakesTurns(RuleBasedStateMachine):
    """One conversation with a button, and with a keyboard."""

    world: World

    @initialize(policy=st.sampled_from(list(POLICIES)), speaks=st.booleans())
    def begin(self, policy: str, speaks: bool) -> None:
        self.world = World(VOICE, POLICIES[policy], speaks=speaks, detection=None)
        self.world.witness.may_cancel = True
        self.said: list[str] = []
        self.errors: list[str] = []

        def note(direction: Any, event: dict[str, Any], now_s: float) -> None:
            if event["type"] == "error" and direction == "received":
                self.errors.append(event["error"]["code"])

        self.world.session._observers._all.append(note)

    def _say_something(self) -> None:
        self.world.speak()
        self.said.append(f"u{self.world._words}x")

    # -- what people do -------------------------------------------------------------------------------

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_button_is_pressed(self, moment_ms: int) -> None:
        self.world.do(self.world.session.begin_turn)
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_user_begins_to_speak(self, moment_ms: int) -> None:
        self._say_something()
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_button_is_released(self, moment_ms: int) -> None:
        self.world.do(self.world.session.end_turn)
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def a_whole_turn_is_spoken(self, moment_ms: int) -> None:
        self._say_something()
        self.world.do(self.world.session.begin_turn)
        self.world.run_until(lambda: not self.world.user.is_talking, 10)
        self.world.do(self.world.session.end_turn)
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_user_types(self, moment_ms: int) -> None:
        self.world.type_text()
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def a_recorded_message_is_sent(self, moment_ms: int) -> None:
        self.world._words += 1
        self.said.append(f"u{self.world._words}x")
        self.world.do(lambda: self.world.session.say_audio(VOICE.clip(self.world._words)))
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_reply_is_interrupted(self, moment_ms: int) -> None:
        self.world.do(self.world.session.interrupt)
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def a_reply_is_asked_for(self, moment_ms: int) -> None:
        self.world.do(self.world.session.respond)
        self.world.run(moment_ms)

    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def time_passes(self, moment_ms: int) -> None:
        self.world.run(moment_ms)

    @rule(is_long=st.booleans())
    def replies_become(self, is_long: bool) -> None:
        self.world.mind.is_long = is_long

    # -- what goes wrong ------------------------------------------------------------------------------

    @rule(up_ms=st.sampled_from((0, 80, 900)), down_ms=st.sampled_from((0, 80, 900)))
    def the_line_is_slow(self, up_ms: int, down_ms: int) -> None:
        self.world.hand.up_ms, self.world.hand.down_ms = up_ms, down_ms

    @precondition(lambda self: self.world.is_connected)
    @rule(moment_ms=st.sampled_from(MOMENTS_MS))
    def the_line_is_cut(self, moment_ms: int) -> None:
        self.world.cut(1006)
        self.world.run(moment_ms)

    # -- what must hold -------------------------------------------------------------------------------

    @invariant()
    def both_sides_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        assert not world.is_over, world.now.error
        world.check()
        assert set(self.errors) <= _BENIGN, self.errors
        if world.session.conversation.turn_is_open and world.is_connected:
            assert not world.sink.head.queued_ms, "the assistant talks over the user"
        if world.is_connected and world.is_drained and world.is_delivered:
            for item in world.server_items:
                here = world.session.conversation.find(item.id)
                if item.is_cut and here is not None:
                    assert here.heard_ms == int(item.sounds[0].length_ms), "the cut is not where the server has it"

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
        world.do(world.session.begin_turn)
        assert world.run_until(lambda: not world.user.is_talking, PATIENCE_S)
        world.run(500)
        world.do(world.session.end_turn)
        world.type_text()
        world.run(2000)
        quiet = world.run_until(self._is_quiet, PATIENCE_S)
        assert quiet, f"{world.now.state} after {PATIENCE_S:.0f} s of peace: {world.now.problems}"
        self.both_sides_agree()
        known = words_of_server(world.server_items)
        missing = [word for word in (*self.said, *world.typed) if word not in known]
        assert not missing, f"said, and not known to the model: {missing}"
        assert world.now.turns[-1].is_answered
        assert not [problem for problem in world.now.problems if "held" not in problem], world.now.problems

    def _is_quiet(self) -> bool:
        world = self.world
        now = world.now
        return now.state is State.LISTENING and now.is_quiet and not now.is_summarising and world.is_drained
