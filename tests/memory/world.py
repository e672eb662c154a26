"""The real session and the real simulator in one loop, with a hand on everything that can go wrong between them."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from realtime_helpers.conversation import SUMMARY_ID_PREFIX, Item
from realtime_helpers.errors import SessionError
from realtime_helpers.experiments.lab import LIVELY, SETTINGS, MemoryService, lab_config, lab_session
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.memory import SummaryPolicy, lost_items
from realtime_helpers.protocol import Event, create_item
from realtime_helpers.protocol.client_events import function_output
from realtime_helpers.session.live import LiveSession
from realtime_helpers.session.reconnect import Reconnect
from realtime_helpers.session.service import Line
from realtime_helpers.session.snapshot import Snapshot, State
from realtime_helpers.simulator import Parts
from realtime_helpers.simulator.faults import NO_FAULTS, Fault, Faults
from realtime_helpers.simulator.items import Item as ServerItem
from realtime_helpers.simulator.items import prefix_spans

from .people import ClockSink, Mind, QuickVoice, ReadingEars, Scribe, TalkingUser, words_in
from .witness import Witness, lone_tool_items, words_of_server

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
DETECTION: dict[str, Any] = {"type": "server_vad", "silence_duration_ms": 200}
MOST_TASKS = 60
UNSURE_TOKENS = 40
"""By how much the session may misjudge the window: it estimates the tokens of instructions and tools."""
_OVER = {State.STOPPED, State.FAILED}
_OFF = {State.NEW, State.CONNECTING, State.RECONNECTING, *_OVER}


def _says_something(item: Item) -> bool:
    return item.role == "user" or bool(item.role == "assistant" and item.heard_text)


class Hand(Faults):
    """Faults as the machine decides them, one step at a time; every connection asks the same hand."""

    def __init__(self) -> None:
        super().__init__(NO_FAULTS, random.Random(0))
        self.transcripts: deque[Fault | None] = deque()
        self.responses: deque[Fault] = deque()
        self.refusals: dict[str, int] = {}
        self.strikes: dict[str, deque[Fault]] = {}
        self.cuts: set[str] = set()
        self.cut: Callable[[], Any] = lambda: None

    def transcript(self) -> Fault | None:
        return self.transcripts.popleft() if self.transcripts else None

    def response(self) -> Fault | None:
        return self.responses.popleft() if self.responses else None

    def request(self, event_type: str) -> Fault | None:
        if event_type in self.cuts:
            self.cuts.discard(event_type)
            self.cut()
            return Fault("request", "refused", event=event_type)
        if not self.refusals.get(event_type):
            return None
        self.refusals[event_type] -= 1
        return Fault("request", "refused", event=event_type)

    def outgoing(self, event_type: str) -> list[Fault]:
        waiting = self.strikes.get(event_type)
        return [waiting.popleft()] if waiting else []

    def rest(self) -> None:
        """Nothing goes wrong from here on."""
        self.transcripts.clear()
        self.responses.clear()
        self.refusals.clear()
        self.strikes.clear()
        self.cuts.clear()
        self.up_ms = self.down_ms = 0


class Exchange(MemoryService):
    """A simulator that can be out of reach for a while."""

    refused_lines = 0

    async def connect(self) -> Line:
        if self.refused_lines:
            self.refused_lines -= 1
            raise SessionError("No simulator answers.", "Start one.")
        return await super().connect()


class World:
    """One conversation and everybody in it.

    Args:
        voice: Shared by all worlds.
        policy: When to summarise.
        speaks: Whether replies are spoken.
        detection: The server's turn detection; `None` is push-to-talk.
    """

    def __init__(
        self, voice: QuickVoice, policy: SummaryPolicy, *, speaks: bool, detection: dict[str, Any] | None = DETECTION
    ) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.voice, self.policy = voice, policy
        self.hand, self.mind, self.scribe = Hand(), Mind(), Scribe()
        self.witness = Witness()
        self.accidents: list[str] = []
        self.typed: list[str] = []
        self.asked = False
        """Whether somebody pressed *Summarise now* since the last summary."""
        self.lowest_trigger = policy.trigger_tokens
        self._has_measured = 0
        self._words = 0
        self._tool_words = 0
        self.loop = self.runner.get_loop()
        self.loop.set_exception_handler(lambda _, context: self.accidents.append(repr(context)))
        self.do(lambda: self._begin(speaks, detection))
        self.run(100)

    def _begin(self, speaks: bool, detection: dict[str, Any] | None) -> None:
        parts = Parts(responder=self.mind, voice=self.voice, ears=ReadingEars())
        self.service = Exchange(lab_config(parts, LIVELY), lambda: self.hand)
        self.scribe.began = self._judge_summary
        self.hand.cut = lambda: self.loop.call_soon(self.service.line.cut)
        self.user, self.sink = TalkingUser(), ClockSink(self.loop.time, self.witness.cut)
        hearing = {
            "transcription": {"model": SETTINGS.transcription_model},
            "turn_detection": detection,
        }
        config = {
            "tools": [WEATHER],
            "output_modalities": ["audio" if speaks else "text"],
            "audio": {"input": hearing},
        }
        self.session: LiveSession = lab_session(
            self.service, memory=self.policy, summariser=self.scribe, config=config, trace=self._trace,
            reconnect=Reconnect(attempts=40),
        )  # fmt: skip
        send = self.session._outbox.send

        def watched_send(event: Event) -> None:
            self.witness.decided(event)
            send(event)

        self.session._outbox.send = watched_send  # type: ignore[method-assign]
        self.session.start(self.user, self.sink)

    def _trace(self, direction: Literal["sent", "received"], event: Event, _now_s: float) -> None:
        try:
            if direction == "sent":
                self.witness.sent(event)
            else:
                self.witness.received(event, self.server_items)
        except Exception as error:  # noqa: BLE001 - the session would only switch its trace off
            self.accidents.append(f"the witness: {error!r}")

    def _judge_summary(self) -> None:
        """A summary is due when the window is large, or when somebody wants it."""
        wire = self.service.line.session.wire
        prefix = sum(span.tokens for span in prefix_spans(wire["instructions"], wire["tools"]))
        seen = self.witness.read_tokens - prefix + UNSURE_TOKENS
        if not self.asked and seen < self.lowest_trigger:
            self.accidents.append(f"a summary at {seen} tokens, long before {self.lowest_trigger}")

    # -- time -----------------------------------------------------------------------------------------

    def run(self, length_ms: float) -> None:
        """Let time pass."""
        self.runner.run(asyncio.sleep(length_ms / 1000))

    def do(self, action: Callable[[], Any]) -> None:
        """Act on the loop."""

        async def act() -> None:
            action()

        self.runner.run(act())

    def run_until(self, condition: Callable[[], bool], most_s: float) -> bool:
        """Let time pass until something is so; whether it was, in time."""
        end_s = self.loop.time() + most_s
        while not condition():
            if self.loop.time() >= end_s:
                return False
            self.run(100 if self.loop.time() < end_s - most_s + 5 else 1000)
        return True

    def close(self) -> list[str]:
        """Stop the session; what is left of its tasks."""
        stopping = self.loop.create_task(self.session.stop())
        for _ in range(100):
            self.run(0)
            if stopping.done():
                break
        left = [repr(task) for task in asyncio.all_tasks(self.loop)]
        self.runner.close()
        return left

    # -- doing ----------------------------------------------------------------------------------------

    def speak(self) -> None:
        self._words += 1
        self.do(lambda: self.user.say(self.voice.clip(self._words)))

    def type_text(self) -> None:
        self._words += 1
        self.typed.append(f"u{self._words}x")
        self.do(lambda: self.session.say_text(f"I would like you to remember u{self._words}x for me, please."))

    def ask_weather(self, cities: int) -> None:
        self._words += 1
        self.typed.append(f"u{self._words}x")
        places = " and in ".join(("Lisbon", "Rome", "Oslo")[:cities])
        self.do(lambda: self.session.say_text(f"Remember u{self._words}x, and get the weather in {places}"))

    def answer_call(self) -> None:
        """Send the output of the oldest open call; after the last one ask for a reply."""
        call_id = next(iter(self.witness.calls))
        item_id = self.witness.calls.pop(call_id)
        if item_id not in self.session.conversation.item_ids:
            return  # asked for on a line that was lost, and past: nobody waits for it any more
        self._tool_words += 1
        output = create_item(
            function_output(call_id, f"It is sunny, t{self._tool_words}x", item_id=f"out_{self._tool_words}"),
            event_id=f"event_out_{self._tool_words}",
        )

        def send() -> None:
            self.session._send(output)
            if not self.witness.calls:
                self.session._answers.ask()

        self.do(send)

    def summarise_now(self) -> None:
        self.asked = True
        self.lowest_trigger = min(self.lowest_trigger, self.policy.trigger_tokens)
        self.do(self.session.summarise_now)

    def set_memory(self, policy: SummaryPolicy) -> None:
        self.policy = policy
        self.lowest_trigger = min(policy.trigger_tokens, self.lowest_trigger)
        self.do(lambda: self.session.set_memory(policy))

    def cut(self, code: int) -> None:
        self.do(lambda: self.service.line.cut(code))

    # -- looking --------------------------------------------------------------------------------------

    @property
    def now(self) -> Snapshot:
        return self.session.snapshot()

    @property
    def is_over(self) -> bool:
        return self.now.state in _OVER

    @property
    def server_items(self) -> list[ServerItem]:
        return self.service.line.session.conversation.items if self.service.lines else []

    @property
    def is_connected(self) -> bool:
        """Whether there is a line, and the session is on it with everything it restored."""
        return bool(self.service.lines) and self.service.line._closed is None and self.now.state not in _OFF

    @property
    def is_delivered(self) -> bool:
        """Whether everything the server said has reached the session."""
        line = self.service.line
        return not line._down and not line._outbox._entries

    @property
    def is_drained(self) -> bool:
        """Whether nothing is on its way in either direction."""
        outbox = self.session._outbox
        return self.is_delivered and not self.service.line._up and not outbox._control

    @property
    def server_tokens(self) -> int:
        """The window as the server counts it."""
        return sum(span.tokens for item in self.server_items for span in item.spans())

    @property
    def fixed_tokens(self) -> int:
        """What no policy can help: the summary, which must hold every word of ours, and calls that nobody answered."""
        turns = self.session.conversation.turns
        waiting = {item_id for turn in turns if not turn.is_settled for item_id in turn.ids}
        fixed = [item for item in self.server_items if item.id.startswith(SUMMARY_ID_PREFIX) or item.id in waiting]
        return sum(span.tokens for item in fixed for span in item.spans())

    @property
    def armed_cuts(self) -> int:
        """How many times the line will still be cut."""
        waiting = (fault for strikes in self.hand.strikes.values() for fault in strikes)
        return len(self.hand.cuts) + sum(fault.effect == "drop_connection" for fault in waiting)

    @property
    def unaccepted(self) -> list[str]:
        """What was typed and never came into the conversation, besides what the user was told of."""
        accepted = {word for said in self.witness.said.values() for word in said.words}
        told = sum(problem.startswith("What you typed was not accepted") for problem in self.now.problems)
        return [word for word in self.typed if word not in accepted][told:]

    # -- what must hold -------------------------------------------------------------------------------

    def check(self) -> None:
        """Everything that must hold at any moment."""
        now = self.now
        self.asked = self.asked and now.is_summarising
        assert not self.accidents, self.accidents
        assert not [p for p in now.problems if "could not be read" in p or "bug" in p], now.problems
        assert not self.witness.misdeeds, self.witness.misdeeds
        assert self.scribe.most_at_work <= 1, "two summaries were written at once"
        tasks = asyncio.all_tasks(self.loop)
        assert len(tasks) <= MOST_TASKS, sorted(map(repr, tasks))
        self._check_history(now)
        if self.witness.user_is_speaking:
            assert not self.sink.head.queued_ms, "the assistant talks over the user"
        if self.is_connected:
            self._check_server(now)

    def _check_history(self, now: Snapshot) -> None:
        """Everything accepted stays in local history, whatever became of the line."""
        known = {item.id for turn in now.turns for item in turn.items}
        forgotten = [said.id for said in self.witness.said.values() if said.id not in known]
        assert not forgotten, f"not in local history: {forgotten}"
        silenced = {word for said in self.witness.said.values() for word in said.silenced}
        read = {word for material in self.scribe.read for word in words_in(material)}
        assert not silenced & read, f"the summariser was given words that nobody heard: {silenced & read}"

    def _check_server(self, now: Snapshot) -> None:
        items = self.server_items
        ids = [item.id for item in items]
        held = words_of_server(items)
        lost = {
            said.id: sorted(said.words - held)
            for said in self.witness.said.values()
            if said.id not in ids and not said.words <= held
        }
        assert not lost, f"neither on the server nor in a summary there: {lost}"
        unplaced = self.session.conversation.unplaced_items
        assert not unplaced, f"{unplaced} items came after one that the session does not know"
        if now.window_tokens:
            self._has_measured = len(self.service.lines)
        assert now.window_tokens or self._has_measured != len(self.service.lines), "the meter fell to nothing"
        if self.is_delivered:
            local = list(self.session.conversation.item_ids)
            assert local == ids, f"local order {local} is not the server's {ids}"
            assert not (gone := lost_items(now.turns, now.items, now.summaries)), f"the session itself misses {gone}"
        self._check_summaries(now, ids)
        assert self.service.line.session.wire["tools"], "the session came back without its settings"
        self._check_whole_turns(now, ids)

    def _check_whole_turns(self, now: Snapshot, ids: list[str]) -> None:
        if now.is_summarising or not self.is_drained or len(self.service.lines) > 1:
            return  # a line that is lost between a question and the next one divides them
        left_over = {item_id for record in now.summaries for item_id in record.left_over}
        for turn in now.turns:
            there = [item.id in ids for item in turn.items if item.id not in left_over and _says_something(item)]
            assert all(there) or not any(there), f"half of a turn is left: {turn.ids}"

    def _check_summaries(self, now: Snapshot, ids: list[str]) -> None:
        left_over = {item_id for record in now.summaries for item_id in record.left_over}
        standing = [item_id for item_id in ids if item_id.startswith(SUMMARY_ID_PREFIX) and item_id not in left_over]
        most = 1 if self.is_drained and not now.is_summarising else 2
        assert len(standing) <= most, f"summaries {standing} stand at once"
        assert not standing or ids[0] in standing, "the memory does not come first"
        for item in self.server_items:
            if item.id in standing:
                assert item.role == "system", "a summary that is no system message makes the model write"
                twice = [word for word in words_in(item.text) if item.text.count(word) > 2]
                assert not twice, f"the summary is longer than what it stands for: {twice}"
        if self.is_drained and not now.is_summarising:
            excused = {item.call_id for item in self.server_items if item.id in left_over}
            lone = set(lone_tool_items(self.server_items, self.witness.answered)) - excused
            assert not lone, f"tool items without their partner: {lone}"
