"""Must hold: wherever a reply is interrupted, what was heard is right to within a chunk, and both sides agree on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from realtime_helpers import ServerVAD, SessionOptions, State
from realtime_helpers.audio.formats import CHUNK_MS
from realtime_helpers.experiments.lab import LabParts, LabUser
from realtime_helpers.protocol import Event, create_item, function_output
from realtime_helpers.simulator.prompt import ToolCall

from .floor import PUSH_TO_TALK, STORY, Floor, Mouth, Script, run
from .lab import BISCUIT

BISCUIT_HEARD = "my dog is called biscuit"
CALL = ToolCall("get_weather", {"city": "Lisbon"})
Reach = Callable[[Floor], Awaitable[None]]


@dataclass(frozen=True)
class At:
    """The very moment at which an event comes, before anybody has looked at it."""

    direction: str
    kind: str

    @property
    def __name__(self) -> str:
        return f"at_{self.kind}"


async def at_sound(floor: Floor, ms: float) -> None:
    """Wait until so many milliseconds of the reply sounded."""
    await floor.until_received("response.output_audio.delta")
    await asyncio.sleep(ms / 1000)


async def at_a_chunk_edge(floor: Floor) -> None:
    await at_sound(floor, 5 * CHUNK_MS)


async def in_the_middle_of_a_chunk(floor: Floor) -> None:
    await at_sound(floor, 5.5 * CHUNK_MS)


async def in_the_last_100_ms(floor: Floor) -> None:
    await floor.until_received("response.done")
    loop = asyncio.get_running_loop()
    await asyncio.sleep(floor.ear.silent_at_s - loop.time() - 0.07)


async def after_generation_ended(floor: Floor) -> None:
    await floor.until_received("response.done")
    assert floor.now.state.value == "speaking"


async def after_everything_was_heard(floor: Floor) -> None:
    await floor.answered(1)


async def after_a_tool_call(floor: Floor) -> None:
    await floor.until_received("response.function_call_arguments.done")
    await floor.until_received("response.done")


async def during_the_second_item(floor: Floor) -> None:
    await floor.until(lambda _now: len({e["item_id"] for e in floor.received("response.output_audio.delta")}) == 2)
    loop = asyncio.get_running_loop()
    second = floor.received("response.output_audio.delta")[-1]["item_id"]
    await asyncio.sleep(floor.ear.begins_s(second) + 0.3 - loop.time())


SPEECH = [STORY]
WITH_CALL = ["I shall look. ", CALL]
TWO_ITEMS = ["Let me see. ", CALL, STORY]
MOMENTS: dict[Reach | At, list[str | ToolCall]] = {
    At("sent", "response.create"): SPEECH,
    At("received", "response.output_item.added"): SPEECH,  # right after response.created
    At("received", "response.output_audio.delta"): SPEECH,  # the first sound is here, and nobody has heard it
    At("received", "response.output_audio.done"): SPEECH,
    At("received", "response.done"): SPEECH,
    at_a_chunk_edge: SPEECH,
    in_the_middle_of_a_chunk: SPEECH,
    in_the_last_100_ms: SPEECH,
    after_generation_ended: SPEECH,
    after_everything_was_heard: SPEECH,
    At("received", "response.function_call_arguments.delta"): WITH_CALL,
    At("received", "response.function_call_arguments.done"): WITH_CALL,
    after_a_tool_call: WITH_CALL,
    during_the_second_item: TWO_ITEMS,
}


def heard_right(floor: Floor, at_s: float) -> None:
    """Every reply so far was heard as an ear beside the loudspeaker would have it."""
    for item in floor.replies():
        oracle_ms = floor.ear.heard_ms(item.id, at_s)
        ours_ms = item.audio_ms if item.heard_ms is None else item.heard_ms
        assert abs(oracle_ms - ours_ms) <= CHUNK_MS, f"{ours_ms} ms, but {oracle_ms} ms sounded"
        assert ours_ms <= item.audio_ms


async def next_reply_comes(floor: Floor) -> None:
    """Tools answer, the user goes on, and is answered once."""
    conversation = floor.session.conversation
    for item in floor.now.items:
        if item.is_whole_call:
            assert item.call_id
            floor.session._send(create_item(function_output(item.call_id, "sunny", item_id=f"out_{item.id[-8:]}")))
    asked = len(floor.received("response.created"))
    floor.session.say_text("Go on, please.")
    await floor.until(lambda now: now.is_quiet and now.turns[-1].is_answered and not conversation.reply_is_due)
    assert len(floor.received("response.created")) == asked + 1
    assert floor.now.turns[-1].assistant_text == "Yes, of course."


@pytest.mark.parametrize("moment", list(MOMENTS), ids=lambda moment: moment.__name__)
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice in a row"])
@pytest.mark.parametrize("by", ["interrupt", "push to talk"])
def test_a_reply_is_cut_where_it_was_heard_last(lab: LabParts, moment: Reach | At, times: int, by: str) -> None:
    async def talk(lab: LabParts) -> None:
        loop, mouth = asyncio.get_running_loop(), Mouth()
        is_over = asyncio.Event()

        def interrupt() -> None:
            for _ in range(times):
                floor.session.interrupt() if by == "interrupt" else floor.session.begin_turn()
            assert floor.sink.head.queued_ms == 0, "silence, at once"
            floor.ear.stop(loop.time(), len(floor.sent("response.create")))
            is_over.set()

        def on_event(way: str, event: Event) -> None:
            if (
                isinstance(moment, At)
                and not is_over.is_set()
                and (way, event["type"]) == (moment.direction, moment.kind)
            ):
                interrupt()

        config = PUSH_TO_TALK if by == "push to talk" else {}
        floor = Floor(lab, Script(MOMENTS[moment], ["Yes, of course."]), mouth, on_event=on_event, config=config)
        await floor.until(lambda now: now.state.value == "listening")
        floor.session.say_text("Tell me about it.")
        if not isinstance(moment, At):
            await moment(floor)
            interrupt()
        await is_over.wait()
        if by == "push to talk":
            mouth.say(await lab.voice.clip(BISCUIT))
            await asyncio.sleep(1.6)
            floor.session.end_turn()
            now = await floor.until(lambda now: now.is_quiet and BISCUIT_HEARD in now.turns[-1].user_text)
            assert now.turns[-1].assistant_text == "Yes, of course."
        else:
            await floor.until(lambda now: now.is_quiet)
        heard_right(floor, loop.time())
        await next_reply_comes(floor)
        floor.assert_agreed()
        assert len(floor.sent("response.cancel")) <= 1
        assert all(event.get("response_id") for event in floor.sent("response.cancel")), "never the next one"
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("extra_ms", [0, 17, 300, 1500])
def test_speech_cuts_a_reply_where_it_was_heard_last(lab: LabParts, extra_ms: int) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = Floor(lab, Script([STORY], ["Yes, of course."]), user)
        await floor.until(lambda now: now.state.value == "listening")
        floor.session.say_text("Tell me about it.")
        await at_sound(floor, extra_ms)
        user.play(await lab.voice.clip("How are you?"))
        await floor.until_received("input_audio_buffer.speech_started")
        at_s = next(at_s for at_s, _, event in floor.events if event["type"] == "input_audio_buffer.speech_started")
        assert floor.sink.head.queued_ms == 0
        floor.ear.stop(at_s, 1)
        await floor.answered(2)
        heard_right(floor, asyncio.get_running_loop().time())
        await next_reply_comes(floor)
        floor.assert_agreed()
        assert len(floor.sent("conversation.item.truncate")) == 1
        assert not floor.sent("response.cancel"), "the server cancels by itself"
        await floor.session.stop()

    run(talk, lab)


def test_an_answer_that_is_cut_off_before_its_first_word_is_over(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY]))
        await floor.until(lambda now: now.state is State.LISTENING)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.created")
        assert not floor.now.has_answered(1)
        floor.session.interrupt()
        now = await floor.until(lambda now: now.is_quiet and now.responses)
        assert not now.turns[0].assistant_text
        assert now.has_answered(1)
        assert not now.has_answered(2)
        await floor.session.stop()

    run(talk, lab)


def test_a_turn_that_nobody_was_asked_to_answer_is_not_answered(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = Floor(
            lab, Script([STORY]), user, options=SessionOptions(turn_detection=ServerVAD(create_response=False))
        )
        await floor.until(lambda now: now.state is State.LISTENING)
        user.play(await lab.voice.clip("I live in Lisbon."))
        now = await floor.until(lambda now: now.turns and not now.turns[0].pending and now.is_quiet)
        assert not now.has_answered(1)
        floor.session.respond()
        await floor.until(lambda now: now.has_answered(1))
        await floor.session.stop()

    run(talk, lab)
