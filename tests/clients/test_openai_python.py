"""The official Python client, async and sync, as its documentation uses it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection, RealtimeConnection
from openai.types.realtime import RealtimeServerEvent, RealtimeSessionCreateRequestParam

from realtime_helpers.audio.formats import BYTES_PER_MS, chunks_of

from .conftest import PATIENCE_S, Clips

MODEL = "gpt-realtime-2.1-mini"
TEXT: RealtimeSessionCreateRequestParam = {"type": "realtime", "output_modalities": ["text"]}
TRANSCRIBED: RealtimeSessionCreateRequestParam = {
    "type": "realtime",
    "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
}
WEATHER: RealtimeSessionCreateRequestParam = {
    **TEXT,
    "tools": [
        {
            "type": "function",
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }
    ],
}
OUTPUT = '{"sky": "clear", "degrees": 21}'

Events = Sequence[RealtimeServerEvent]


def user(text: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def base64_chunks(pcm: bytes) -> Iterator[str]:
    return (base64.b64encode(chunk).decode() for chunk in chunks_of(pcm))


def written(events: Events) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def said(events: Events) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta")


def sound(events: Events) -> bytes:
    return b"".join(
        base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta"
    )  # fmt: skip


def heard(events: Events) -> str:
    return next(event.transcript for event in events if event.type == TRANSCRIPT)


def of_type(name: str) -> Callable[[RealtimeServerEvent], bool]:
    return lambda event: event.type == name


DONE = of_type("response.done")
TRANSCRIPT = "conversation.item.input_audio_transcription.completed"


def heard_and_done() -> Callable[[RealtimeServerEvent], bool]:
    """Both have come, in whichever order: a transcript may land before or after the end of the reply."""
    missing = {"response.done", TRANSCRIPT}

    def holds(event: RealtimeServerEvent) -> bool:
        missing.discard(event.type)
        return not missing

    return holds


FIRST_SOUND = of_type("response.output_audio.delta")


def check_spoken_turn(events: Events) -> None:
    assert "how are you" in heard(events).lower()
    assert len(sound(events)) > 500 * BYTES_PER_MS
    (item,) = next(event for event in events if DONE(event)).response.output
    assert said(events).strip() == item.content[0].transcript


def check_call(events: Events) -> str:
    (call,) = events[-1].response.output
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "get_weather", {"city": "Lisbon"})
    return str(call.call_id)


class TestAsync:
    @pytest.fixture
    async def connection(self, base_url: str) -> Any:
        client = AsyncOpenAI(base_url=base_url, api_key="any")
        async with client.realtime.connect(model=MODEL) as connection:
            yield connection
        await client.close()

    async def until(self, connection: AsyncRealtimeConnection, holds: Callable[[RealtimeServerEvent], bool]) -> Events:
        """Receive up to the event for which `holds`; an error on the way is a failure."""
        events = []
        async with asyncio.timeout(PATIENCE_S):
            async for event in connection:
                events.append(event)
                if holds(event):
                    return events
                assert event.type != "error", event
        raise AssertionError("the server ended the session")

    async def ask(self, connection: AsyncRealtimeConnection, text: str) -> Events:
        await connection.conversation.item.create(item=user(text))
        await connection.response.create()
        return await self.until(connection, DONE)

    async def speak(self, connection: AsyncRealtimeConnection, pcm: bytes) -> None:
        for chunk in base64_chunks(pcm):
            await connection.input_audio_buffer.append(audio=chunk)

    async def test_a_text_turn(self, connection: AsyncRealtimeConnection) -> None:
        await connection.session.update(session=TEXT)
        await self.ask(connection, "My name is Ada.")
        assert "Ada" in written(await self.ask(connection, "What is my name?"))

    async def test_a_spoken_turn(self, connection: AsyncRealtimeConnection, clips: Clips) -> None:
        await connection.session.update(session=TRANSCRIBED)
        await self.speak(connection, clips.how_are_you)
        check_spoken_turn(await self.until(connection, heard_and_done()))

    async def test_a_tool_call(self, connection: AsyncRealtimeConnection) -> None:
        await connection.session.update(session=WEATHER)
        call_id = check_call(await self.ask(connection, "What is the weather in Lisbon?"))
        output: Any = {"type": "function_call_output", "call_id": call_id, "output": OUTPUT}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        assert "21" in written(await self.until(connection, DONE))

    async def test_an_interruption_by_speech(self, connection: AsyncRealtimeConnection, clips: Clips) -> None:
        await connection.session.update(session=TRANSCRIBED)
        await connection.conversation.item.create(item=user("Tell me a long story."))
        await connection.response.create()
        first = (await self.until(connection, FIRST_SOUND))[-1]
        await self.speak(connection, clips.how_are_you)
        await self.until(connection, of_type("input_audio_buffer.speech_started"))
        await connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=100)
        story = await self.until(connection, DONE)
        response = story[-1].response
        assert (response.status, response.status_details.reason) == ("cancelled", "turn_detected")
        answer = await self.until(connection, DONE)
        assert "how are you" in heard([*story, *answer]).lower()
        assert answer[-1].response.status == "completed"
        assert sound(answer)

    async def test_an_error_does_not_end_the_session(self, connection: AsyncRealtimeConnection) -> None:
        await connection.session.update(session=TEXT)
        await connection.conversation.item.delete(item_id="item_nowhere", event_id="mine")
        problem = (await self.until(connection, of_type("error")))[-1].error
        assert (problem.code, problem.event_id) == ("item_delete_invalid_item_id", "mine")
        assert written(await self.ask(connection, "Hello!"))


class TestSync:
    @pytest.fixture
    def connection(self, base_url: str) -> Iterator[RealtimeConnection]:
        with OpenAI(base_url=base_url, api_key="any") as client, client.realtime.connect(model=MODEL) as connection:
            yield connection

    def until(self, connection: RealtimeConnection, holds: Callable[[RealtimeServerEvent], bool]) -> Events:
        """Receive up to the event for which `holds`; an error on the way is a failure."""
        events = []
        while not (events and holds(events[-1])):
            events.append(connection.recv())
            assert events[-1].type != "error" or holds(events[-1]), events[-1]
        return events

    def ask(self, connection: RealtimeConnection, text: str) -> Events:
        connection.conversation.item.create(item=user(text))
        connection.response.create()
        return self.until(connection, DONE)

    def test_a_text_turn(self, connection: RealtimeConnection) -> None:
        connection.session.update(session=TEXT)
        self.ask(connection, "My name is Ada.")
        assert "Ada" in written(self.ask(connection, "What is my name?"))

    def test_a_spoken_turn(self, connection: RealtimeConnection, clips: Clips) -> None:
        connection.session.update(session=TRANSCRIBED)
        for chunk in base64_chunks(clips.how_are_you):
            connection.input_audio_buffer.append(audio=chunk)
        check_spoken_turn(self.until(connection, heard_and_done()))

    def test_a_tool_call(self, connection: RealtimeConnection) -> None:
        connection.session.update(session=WEATHER)
        call_id = check_call(self.ask(connection, "What is the weather in Lisbon?"))
        connection.send({
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": call_id, "output": OUTPUT},
        })  # fmt: skip
        connection.send({"type": "response.create"})
        assert "21" in written(self.until(connection, DONE))

    def test_an_interruption_by_the_client(self, connection: RealtimeConnection) -> None:
        connection.conversation.item.create(item=user("Tell me a long story."))
        connection.response.create()
        first = self.until(connection, FIRST_SOUND)[-1]
        connection.response.cancel()
        connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=100)
        events = self.until(connection, of_type("conversation.item.truncated"))
        story = next((event for event in events if event.type == "response.done"), None)
        story = story or self.until(connection, DONE)[-1]
        assert (story.response.status, story.response.status_details.reason) == ("cancelled", "client_cancelled")
        answer = self.ask(connection, "How are you today?")
        assert answer[-1].response.status == "completed"
        assert sound(answer)

    def test_an_error_does_not_end_the_session(self, connection: RealtimeConnection) -> None:
        connection.session.update(session=TEXT)
        connection.conversation.item.delete(item_id="item_nowhere", event_id="mine")
        problem = self.until(connection, of_type("error"))[-1].error
        assert (problem.code, problem.event_id) == ("item_delete_invalid_item_id", "mine")
        assert written(self.ask(connection, "Hello!"))
