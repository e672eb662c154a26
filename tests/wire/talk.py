"""What the clients of these tests say again and again."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from typing import Any

from realtime_helpers.audio.formats import chunks_of, duration_ms
from realtime_helpers.simulator import Config
from realtime_helpers.simulator.prompt import Prompt, ToolCall

from .stream import Client, Event

TEXT_TURN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
SPOKEN_END = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
CALL = [
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]


def tool(name: str, *parameters: str) -> dict[str, Any]:
    """A function whose parameters are texts."""
    properties = {parameter: {"type": "string"} for parameter in parameters}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {"type": "function", "name": name, "parameters": schema}


WEATHER = tool("get_weather", "city")


def typed(text: str, role: str = "user", **more: object) -> dict[str, object]:
    """A message with text."""
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **more}


async def update(client: Client, **session: object) -> Event:
    """Change the session; returns it as the server sees it."""
    await client.send("session.update", session={"type": "realtime", **session})
    updated: Event = (await client.until("session.updated"))["session"]
    return updated


async def add(client: Client, item: dict[str, object], **fields: object) -> Event:
    """Create an item; returns it as the server sees it."""
    await client.send("conversation.item.create", item=item, **fields)
    added: Event = (await client.until("conversation.item.done"))["item"]
    return added


async def respond(client: Client, **response: object) -> Event:
    """Ask for a response; returns it when it is done."""
    await client.send("response.create", response=response)
    return await response_done(client)


async def response_done(client: Client) -> Event:
    """The next response that is done."""
    done: Event = (await client.until("response.done"))["response"]
    return done


async def type_turn(client: Client, text: str, **response: object) -> Event:
    """A typed turn; both events are sent at once. Returns the response."""
    await client.send("conversation.item.create", item=typed(text))
    return await respond(client, **response)


async def listen(client: Client, **audio_input: object) -> None:
    """Prepare for speech."""
    await update(client, audio={"input": {"transcription": {"model": "gpt-transcribe"}, **audio_input}})


async def append(client: Client, pcm: bytes) -> None:
    """Append audio as it is."""
    for chunk in chunks_of(pcm):
        await client.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())


def voice(config: Config, text: str) -> bytes:
    """The sentence, spoken: PCM16, 24 kHz."""
    pcm: bytes = config.parts.voice.engine.speak(text).pcm  # type: ignore[attr-defined]
    return pcm


def words(response: Event) -> str:
    """What a response says."""
    part = response["output"][-1]["content"][0]
    said: str = part["text"] if part["type"] == "output_text" else part["transcript"]
    return said


def heard_ms(client: Client, response: Event) -> float:
    """Milliseconds of audio that came for a response."""
    deltas = client.all("response.output_audio.delta", response_id=response["id"])
    return duration_ms(b"".join(base64.b64decode(delta["delta"]) for delta in deltas))


class Scripted:
    """A responder that says what it is told, whatever it reads.

    Args:
        replies: One after the other; the last one is repeated.
    """

    def __init__(self, *replies: list[str | ToolCall]) -> None:
        self._replies = list(replies)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        for piece in self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]:
            yield piece
