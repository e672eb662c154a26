"""Must hold: what the user said is answered once, what was never said is not, and stop means silence."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from typing import Any

from realtime_helpers.experiments.lab import LabParts, LabUser, MemoryService, lab_config
from realtime_helpers.session.snapshot import State
from realtime_helpers.simulator.faults import Fault, Faults, Scenario
from realtime_helpers.simulator.prompt import Prompt, ToolCall

from .floor import STORY, Floor, Script
from .lab import run, snap, text_session

YES = "Yes, of course."


def detection(**changes: Any) -> dict[str, Any]:
    turns = {"type": "server_vad", "silence_duration_ms": 200, **changes}
    return {"audio": {"input": {"turn_detection": turns, "transcription": {"model": "gpt-4o-mini-transcribe"}}}}


async def listening(floor: Floor) -> None:
    await floor.until(lambda now: now.state is State.LISTENING)


def test_what_was_typed_during_a_reply_that_is_then_interrupted_by_speech_is_answered_once(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([STORY], [YES])
        floor = Floor(lab, script, user, config=detection())
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        floor.session.say_text("And how are you?")
        user.play(await lab.voice.clip("I live in Lisbon."))
        await asyncio.sleep(60)
        await floor.session.stop()
        assert script.read.count(["Tell me a story.", "And how are you?", "i live in lisbon"]) == 1, script.read

    run(talk, lab)


def test_what_was_typed_while_the_user_speaks_is_answered_once(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([YES])
        floor = Floor(lab, script, user, config=detection())
        await listening(floor)
        clip = await lab.voice.clip("I live in Lisbon.")
        user.play(clip[: len(clip) // 2], pause_ms=0)
        await floor.until(lambda now: now.state is State.HEARING)
        floor.session.say_text("And how are you?")
        await asyncio.sleep(0.5)
        user.play_on(clip[len(clip) // 2 :])
        await asyncio.sleep(60)
        await floor.session.stop()
        assert len(script.read) == 1, script.read

    run(talk, lab)


def test_a_question_asked_over_an_announcement_is_answered_when_the_announcement_is_stopped(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([STORY], [YES])
        floor = Floor(lab, script, user, config=detection(interrupt_response=False))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        user.play(await lab.voice.clip("I live in Lisbon."))
        await floor.until(lambda now: len([item for item in now.items if item.role == "user"]) == 2)
        assert floor.session.conversation.active_response_id, "the story still comes"
        floor.session.interrupt()
        await asyncio.sleep(60)
        await floor.session.stop()
        assert script.read[-1] == ["Tell me a story.", "i live in lisbon"], script.read

    run(talk, lab)


def test_a_question_typed_just_before_stop_is_answered(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        script = Script([STORY], [YES])
        floor = Floor(lab, script)
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        floor.session.say_text("How are you?")
        floor.session.interrupt()
        await asyncio.sleep(60)
        await floor.session.stop()
        assert script.read[-1] == ["Tell me a story.", "How are you?"], script.read

    run(talk, lab)


def test_a_message_that_is_refused_for_good_asks_for_no_reply(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        fault = Fault("request", "refused", event="conversation.item.create", times=40)
        service = MemoryService(lab_config(lab), lambda: Faults(Scenario(faults=(fault,)), random.Random(0)))
        sent: list[str] = []
        session = text_session(
            service, trace=lambda way, event, _at: sent.append(event["type"]) if way == "sent" else None
        )
        await session.wait_for(lambda now: now.state is State.LISTENING)
        session.say_text("How are you?")
        await asyncio.sleep(30)
        problems, replies = session.snapshot().problems, len(session.snapshot().responses)
        await session.stop()
        assert problems
        assert replies == 0, f"{replies} replies to nothing"

    run(talk, lab)


def test_two_messages_in_one_breath_get_one_reply(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        script = Script([YES])
        floor = Floor(lab, script)
        await listening(floor)
        floor.session.say_text("Hello.")
        floor.session.say_text("How are you?")
        floor.session.respond()
        await asyncio.sleep(60)
        await floor.session.stop()
        assert script.read == [["Hello.", "How are you?"]]

    run(talk, lab)


def test_stop_before_the_line_is_back_takes_back_the_reply_that_was_cut(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY]))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        snap(floor.service)
        await floor.until(lambda now: now.state is State.RECONNECTING)
        floor.session.interrupt()
        await floor.until(lambda now: now.restorations and now.is_quiet)
        await asyncio.sleep(10)
        assert len(floor.sent("response.create")) == 1
        await floor.session.stop()

    run(talk, lab)


# -- tools ------------------------------------------------------------------------------------------------


class Caller:
    """A model that calls once, then says what it found."""

    def __init__(self, *, calls: int = 1, thinks_s: float = 0.0) -> None:
        self._calls, self._thinks_s = calls, thinks_s
        self.replies = 0

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        if any(line.role == "tool" for line in prompt.lines):
            self.replies += 1
            yield STORY
            return
        for place in range(self._calls):
            yield ToolCall("work", {"place": place})
            await asyncio.sleep(self._thinks_s)


async def world(lab: LabParts, mind: Caller, tool: Callable[..., Any], **options: Any) -> Floor:
    floor = Floor(lab, mind, tools=[tool], **options)  # type: ignore[arg-type]
    await listening(floor)
    floor.session.say_text("Please do the work.")
    return floor


def test_a_reply_to_a_tool_that_was_interrupted_is_not_given_again_after_a_lost_line(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        async def work(place: int) -> str:
            """Do the work."""
            return f"done {place}"

        mind = Caller()
        floor = await world(lab, mind, work)
        await floor.until(lambda _now: len(floor.sent("response.create")) == 2)
        floor.session.interrupt()
        snap(floor.service)
        await floor.until(lambda now: now.restorations and now.state is State.LISTENING)
        await asyncio.sleep(30)
        asked = len(floor.sent("response.create"))
        await floor.session.stop()
        assert asked == 2, "the user said stop"

    run(talk, lab)


def test_a_call_of_an_interrupted_response_is_not_carried_out_when_the_line_is_lost(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        done: list[int] = []

        async def work(place: int) -> str:
            """Do the work."""
            done.append(place)
            return "done"

        floor = await world(lab, Caller(calls=2, thinks_s=2.0), work)
        await floor.until_received("response.function_call_arguments.done")
        await floor.until(lambda _now: floor.received("conversation.item.done"))
        await asyncio.sleep(0.2)
        floor.session.interrupt()
        snap(floor.service)
        await floor.until(lambda now: now.restorations and now.state is State.LISTENING)
        await asyncio.sleep(30)
        states = [call.state for call in floor.now.calls]
        await floor.session.stop()
        assert not done, states

    run(talk, lab)


def test_stop_while_a_tool_runs_keeps_the_reply_from_being_spoken(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        async def work(place: int) -> str:
            """Do the work."""
            await asyncio.sleep(3)
            return f"done {place}"

        mind = Caller()
        floor = await world(lab, mind, work)
        await floor.until(lambda now: now.calls)
        floor.session.interrupt()
        await asyncio.sleep(30)
        await floor.session.stop()
        assert mind.replies == 0

    run(talk, lab)


def test_rounds_of_tools_that_the_program_answers_itself_come_to_an_end(lab: LabParts) -> None:
    class Endless:
        async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
            if not prompt.tools:
                yield YES
                return
            yield ToolCall("look", {})

    tool = {
        "type": "function",
        "name": "look",
        "description": "Look.",
        "parameters": {"type": "object", "properties": {}},
    }

    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Endless(), config={"tools": [tool]})  # type: ignore[arg-type]
        await listening(floor)
        floor.session.say_text("Please look.")
        for number in range(1, 13):
            try:
                async with asyncio.timeout(30):
                    now = await floor.until(lambda now, number=number: len(now.calls) >= number)
            except TimeoutError:
                break
            floor.session.answer_call(now.calls[-1].id, "nothing")
        calls = len(floor.now.calls)
        await floor.session.stop()
        assert calls <= 8

    run(talk, lab)
