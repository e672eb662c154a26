"""The Agents SDK for Python with its own defaults: only the URL is ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import agents
import pytest
from agents.realtime import (
    RealtimeAgent,
    RealtimeModelSendRawMessage,
    RealtimeRunner,
    RealtimeSession,
    RealtimeSessionEvent,
)

from realtime_helpers.audio.formats import BYTES_PER_MS, chunks_of

from .conftest import PATIENCE_S, Clips

MODEL = "gpt-realtime-2.1-mini"


@pytest.fixture(autouse=True, scope="module")
def no_uploads() -> None:
    agents.set_tracing_disabled(True)  # traces would go to OpenAI


class Talk:
    """A session and what its user saw of it so far."""

    def __init__(self, session: RealtimeSession, asked: list[str]) -> None:
        self.session = session
        self.asked = asked
        self.seen: list[RealtimeSessionEvent] = []
        self._events = aiter(session)

    async def until(self, holds: Callable[[RealtimeSessionEvent], bool]) -> RealtimeSessionEvent:
        """Read on up to the event for which `holds`; an error on the way is a failure."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await anext(self._events)
                self.seen.append(event)
                if holds(event):
                    return event
                assert event.type != "error", event.error

    async def until_type(self, name: str) -> Any:
        return await self.until(lambda event: event.type == name)

    async def until_said(self, role: str, text: str) -> None:
        """Read on until the history shows that this role said `text`."""
        while text not in " ".join(self.said(role)).lower():
            await self.until_type("history_updated")

    async def ask(self, text: str) -> None:
        await self.session.send_message(text)
        await self.until_type("agent_end")

    async def speak(self, pcm: bytes) -> None:
        for chunk in chunks_of(pcm):
            await self.session.send_audio(chunk)

    def said(self, role: str) -> list[str]:
        """What the newest history says that this role said."""
        histories = [event.history for event in self.seen if event.type == "history_updated"]
        parts = [
            part
            for item in (histories[-1] if histories else [])
            if item.type == "message" and item.role == role
            for part in item.content
        ]
        return [getattr(part, "transcript", None) or getattr(part, "text", None) or "" for part in parts]

    def sound(self) -> bytes:
        return b"".join(event.audio.data for event in self.seen if event.type == "audio")


@pytest.fixture
async def talk(base_url: str) -> AsyncIterator[Talk]:
    asked: list[str] = []

    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return json.dumps({"sky": "clear", "degrees": 21})

    agent = RealtimeAgent[None](name="Guide", instructions="You help travellers.", tools=[get_weather])
    runner = RealtimeRunner(agent, config={"model_settings": {"model_name": MODEL}})
    url = f"{base_url.replace('http', 'ws', 1)}/realtime?model={MODEL}"
    async with await runner.run(model_config={"url": url, "api_key": "any"}) as session:
        yield Talk(session, asked)


async def test_a_text_turn(talk: Talk) -> None:
    await talk.ask("My name is Ada.")
    await talk.ask("What is my name?")
    await talk.until_said("assistant", "ada")
    assert talk.said("user") == ["My name is Ada.", "What is my name?"]


async def test_a_spoken_turn(talk: Talk, clips: Clips) -> None:
    await talk.speak(clips.how_are_you)
    await talk.until_type("agent_end")
    assert len(talk.sound()) > 500 * BYTES_PER_MS
    await talk.until_said("user", "how are you")
    (answer,) = talk.said("assistant")
    assert answer


async def test_a_tool_call(talk: Talk, clips: Clips) -> None:
    await talk.speak(clips.weather)
    tool_end = await talk.until_type("tool_end")
    assert (tool_end.tool.name, talk.asked) == ("get_weather", ["Lisbon"])
    await talk.until_said("assistant", "21")


async def test_an_interruption_by_the_client(talk: Talk) -> None:
    await talk.session.send_message("Tell me a long story.")
    first = await talk.until_type("audio")
    await talk.session.interrupt()
    assert (await talk.until_type("audio_interrupted")).item_id == first.item_id
    await talk.until_type("agent_end")
    await talk.ask("My name is Ada.")
    await talk.ask("What is my name?")
    await talk.until_said("assistant", "ada")


async def test_an_interruption_by_speech(talk: Talk, clips: Clips) -> None:
    await talk.session.send_message("Tell me a long story.")
    first = await talk.until_type("audio")
    await talk.speak(clips.how_are_you)
    assert (await talk.until_type("audio_interrupted")).item_id == first.item_id
    await talk.until_type("agent_end")
    before = len(talk.sound())
    await talk.until_type("agent_end")
    assert len(talk.sound()) > before
    await talk.until_said("user", "how are you")


async def test_an_error_does_not_end_the_session(talk: Talk) -> None:
    delete: Any = {"type": "conversation.item.delete", "other_data": {"item_id": "item_nowhere"}}
    await talk.session.model.send_event(RealtimeModelSendRawMessage(message=delete))
    assert (await talk.until_type("error")).error.code == "item_delete_invalid_item_id"
    await talk.ask("How are you today?")
    assert talk.sound()
