"""A talk full of tools: what the model calls, how long a call takes and what goes wrong is decided outside."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from realtime_helpers.experiments.lab import LIVELY, SETTINGS, lab_config, lab_session
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.memory import SummaryPolicy, lost_items
from realtime_helpers.protocol import Event
from realtime_helpers.session.reconnect import Reconnect
from realtime_helpers.session.snapshot import Snapshot, State
from realtime_helpers.simulator import Parts
from realtime_helpers.simulator.prompt import Prompt, ToolCall
from realtime_helpers.simulator.responder import BuiltinResponder
from realtime_helpers.tools import ToolError
from tests.memory.people import ClockSink, QuickVoice, ReadingEars, Scribe, TalkingUser
from tests.memory.world import Exchange, Hand

_WORD = re.compile(r"\bu(\d+)x\b")
PATIENCE_S = 300.0
Way = Literal["answers", "raises", "reports", "hangs", "waits"]


@dataclass
class Job:
    """What one call does."""

    takes_s: float = 0.0
    way: Way = "answers"


@dataclass
class Plan:
    """What the model does in one turn: rounds of calls, one after the other, then words."""

    rounds: list[list[Job]] = field(default_factory=list)
    speaks_first: bool = False
    thinks_s: float = 0.0
    """Between one call and the next."""
    tool: str = "work"


class CallingMind:
    """Carries out plans: reads nothing but its context, so a call whose output it does not see is not followed up."""

    def __init__(self) -> None:
        self.plans: dict[int, Plan] = {}
        self.tools: list[str] = []
        """Instead of the plan's tool, by place."""
        self._builtin = BuiltinResponder()
        self.said = 0

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        if prompt.is_task:
            yield self._builtin.answer(prompt).text
            return
        places = [place for place, line in enumerate(prompt.lines) if line.role == "user" and _WORD.search(line.text)]
        number = int(_WORD.findall(prompt.lines[places[-1]].text)[-1]) if places else 0
        since = prompt.lines[places[-1] :] if places else []
        plan = self.plans.get(number, Plan())
        made = sum(line.call is not None for line in since)
        has_output = {line.call_id for line in prompt.lines if line.role == "tool"}
        waits = any(line.call is not None and line.call_id not in has_output for line in since)
        begin = 0
        for jobs in plan.rounds if prompt.tools and not waits else ():
            if begin == made:
                if plan.speaks_first:
                    yield "Let me look."
                for place in range(begin, begin + len(jobs)):
                    yield ToolCall(self.tools[place] if self.tools else plan.tool, {"turn": number, "place": place})
                    await asyncio.sleep(plan.thinks_s)
                return
            begin += len(jobs)
        self.said += 1
        yield f"Yes, a{self.said}x, that is all there is to say, and there is no more of it."


class CallWorld:
    """One talk, and everybody in it."""

    def __init__(
        self,
        voice: QuickVoice,
        *,
        speaks: bool,
        policy: SummaryPolicy | None = None,
        model: str = SETTINGS.model,
        **config: Any,
    ) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.voice, self.mind, self.hand = voice, CallingMind(), Hand()
        self.loop = self.runner.get_loop()
        self.accidents: list[str] = []
        self.events: list[tuple[str, Event]] = []
        self.worked: Counter[tuple[int, int]] = Counter()
        self.loop.set_exception_handler(lambda _, context: self.accidents.append(repr(context)))
        self.go_on = asyncio.Event()
        self._words = 0
        self._model = model
        self.do(lambda: self._begin(speaks, policy, config))
        self.run(100)

    def _begin(self, speaks: bool, policy: SummaryPolicy | None, config: dict[str, Any]) -> None:
        parts = Parts(responder=self.mind, voice=self.voice, ears=ReadingEars())
        self.service = Exchange(lab_config(parts, LIVELY), lambda: self.hand, self._model)
        self.hand.cut = lambda: self.loop.call_soon(self.service.line.cut)
        self.user, self.sink = TalkingUser(), ClockSink(self.loop.time, lambda *_: None)
        hearing = {
            "transcription": {"model": SETTINGS.transcription_model},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
        }
        self.session = lab_session(
            self.service, memory=policy, summariser=Scribe(), trace=self._trace, reconnect=Reconnect(attempts=40),
            config={"output_modalities": ["audio" if speaks else "text"], "audio": {"input": hearing}, **config},
            tools=[self.work],
        )  # fmt: skip
        self.session.start(self.user, self.sink)

    def _trace(self, way: Literal["sent", "received"], event: Event, _now_s: float) -> None:
        if event["type"] != "input_audio_buffer.append" and "delta" not in event["type"]:
            self.events.append((way, event))

    async def work(self, turn: int, place: int) -> str:
        """Do the work that the plan names."""
        self.worked[turn, place] += 1
        jobs = [job for jobs in self.mind.plans[turn].rounds for job in jobs]
        await asyncio.sleep(jobs[place].takes_s)
        match jobs[place].way:
            case "raises":
                raise OSError("secret-4711")
            case "reports":
                raise ToolError("there is none left")
            case "hangs":
                await asyncio.Event().wait()
            case "waits":
                await self.go_on.wait()
        return f"r{turn}p{place}x"

    # -- doing ----------------------------------------------------------------------------------------

    def run(self, length_ms: float) -> None:
        self.runner.run(asyncio.sleep(length_ms / 1000))

    def do(self, action: Callable[[], Any]) -> None:
        async def act() -> None:
            action()

        self.runner.run(act())

    def run_until(self, condition: Callable[[], bool], most_s: float = PATIENCE_S) -> bool:
        end_s = self.loop.time() + most_s
        while not condition():
            if self.loop.time() >= end_s:
                return False
            self.run(50)
        return True

    def type_text(self, plan: Plan) -> int:
        self._words += 1
        self.mind.plans[self._words] = plan
        self.do(lambda: self.session.say_text(f"Please remember u{self._words}x."))
        return self._words

    def speak(self, plan: Plan) -> int:
        self._words += 1
        self.mind.plans[self._words] = plan
        self.do(lambda: self.user.say(self.voice.clip(self._words)))
        return self._words

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

    # -- looking --------------------------------------------------------------------------------------

    @property
    def now(self) -> Snapshot:
        return self.session.snapshot()

    @property
    def server_items(self) -> list[Any]:
        return self.service.line.session.conversation.items

    @property
    def is_drained(self) -> bool:
        line = self.service.line
        return not (line._down or line._outbox._entries or line._up or self.session._outbox._control)

    @property
    def is_quiet(self) -> bool:
        now = self.now
        return (
            now.is_quiet and now.state is State.LISTENING and not now.is_summarising and not self.user.is_talking
            and self.service.line._closed is None and self.is_drained
        )  # fmt: skip

    def wait_until_quiet(self) -> None:
        self.run(1000)
        assert self.run_until(lambda: self.is_quiet), f"{self.now.state}: {self.now.calls} {self.now.problems}"

    def received(self, kind: str) -> list[Event]:
        return [event for way, event in self.events if way == "received" and event["type"] == kind]

    def sent(self, kind: str) -> list[Event]:
        return [event for way, event in self.events if way == "sent" and event["type"] == kind]

    # -- what must hold -------------------------------------------------------------------------------

    def check(self) -> None:
        """What must hold when all is quiet."""
        now = self.now
        assert not self.accidents, self.accidents
        assert not [p for p in now.problems if "could not be read" in p or "bug" in p], now.problems
        codes = [event["error"]["code"] for event in self.received("error")]
        assert "conversation_already_has_active_response" not in codes
        assert [call.state for call in now.calls if call.state in ("running", "yours")] == []
        self._check_outputs(now)
        self._check_replies(now)
        assert [item.id for item in self.server_items] == [item.id for item in now.items], "history is not the server's"
        assert not self.session.conversation.unplaced_items
        assert not (gone := lost_items(now.turns, now.items, now.summaries)), gone
        text = repr([item.text for item in self.server_items]) + repr([call.output for call in now.calls])
        assert "secret" not in text, "the model was told the text of an exception"
        ran = [call for call in now.calls if call.name == "work" and call.state in ("answered", "failed", "timed out")]
        assert sum(self.worked.values()) == len(ran), "a call was carried out twice, or not at all"

    def _check_outputs(self, now: Snapshot) -> None:
        said = [item for turn in now.turns for item in turn.items]
        calls = Counter(item.call_id for item in said if item.is_whole_call)
        outputs = Counter(item.call_id for item in said if item.kind == "function_call_output")
        assert calls == outputs, "not one output for each call"
        assert set(calls) == {call.id for call in now.calls}
        here = Counter(item.wire["call_id"] for item in self.server_items if item.wire["type"] == "function_call")
        there = Counter(
            item.wire["call_id"] for item in self.server_items if item.wire["type"] == "function_call_output"
        )
        assert all(count == 1 for count in (here + there).values()) or here == there, "a call twice on the server"
        assert here == there, "a call without its output on the server, or the other way round"

    def _check_replies(self, now: Snapshot) -> None:
        """Every output that counts was read by some reply, and the last word is the assistant's."""
        order = [event for way, event in self.events if way == "received"]
        replies = [
            place for place, event in enumerate(order)
            if event["type"] == "response.created" and event["response"]["conversation_id"] is not None
        ]  # fmt: skip
        answered = {call.id for call in now.calls if call.state != "not run"}
        added: dict[str, int] = {}
        for place, event in enumerate(order):
            if event["type"] == "conversation.item.added" and event["item"]["type"] == "function_call_output":
                added.setdefault(event["item"]["call_id"], place)  # it comes again on every new line
        unread = {call_id for call_id in answered if call_id in added and added[call_id] > replies[-1]}
        assert not unread, f"no reply has read {unread}"
        words = [item for turn in now.turns for item in turn.items if item.role in ("user", "assistant")]
        told = any("refused" in problem for problem in now.problems)  # a typed turn is asked for once
        assert not words or words[-1].role == "assistant" or told, "the last turn was not answered"
