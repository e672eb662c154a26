"""A re-enactment of the naive algorithm: keep a list of turns, summarise the old ones, delete them, hope.

It follows the design of the well-known notebook on summarising realtime conversations, in our own words. Only what
keeps it from connecting today was repaired: event names and session fields are those of the GA protocol (pitfalls 1
and 2), and the sound card, its queue and its thread are left out (3, 4, 18). Everything else is as published; the
numbers are those of the list of pitfalls in docs/scenarios.md:

 5  it asks for each transcript once; nobody resolves the future that waits for the answer, so it never asks again
 7  it asks by `conversation.item.retrieve`; `…transcription.completed` and `.failed` are not listened to
 8  with nothing to summarise it goes on all the same: an empty summary goes in, the old turns go out
 9  turns without text are left out of what is summarised, and deleted with the rest
10  the list is replaced after the await, by what was cut from it before
11  the flag `summarising` is not reset when the summary fails, and the failed task is looked at by nobody
12  `response.done` is read as if it always held one spoken message; its usage always moves the meter
13  the summary goes in as a message of the assistant
14  replies are played when they are complete; an interruption stops nothing
15  nothing is acknowledged: `error` and `conversation.item.deleted` are not handled
16  what is kept is counted in messages
17  the meter counts instructions, tools and output too, and nothing keeps it from summarising every turn
20  `previous_item_id` is not looked at
23  summaries are numbered from `sum_001`, whatever else stands in the conversation
24  a line that is closed with 1001 ends the loop without a word; no line is ever opened again
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...protocol import (
    append_audio,
    assistant_text,
    create_item,
    create_response,
    decode,
    delete_item,
    encode,
    retrieve_item,
    update_session,
    user_text,
)
from ...protocol.client_events import ROOT
from ...session.service import Line, LineLostError
from ..lab import LabUser

PROMPT = "Summarise the conversation below in one short French paragraph that can serve as context later on."
_MOST_RETRIEVALS = 5
_QUIET_CLOSES = {1000, 1001}


class Write(Protocol):
    """Whoever writes summaries."""

    async def __call__(self, instructions: str, material: str) -> str:
        """Write one."""
        ...


@dataclass
class _Turn:
    role: str
    item_id: str
    text: str | None


@dataclass
class NaiveClient:
    """One conversation.

    Args:
        line: An open line.
        write: Whoever writes summaries.
        session: Session fields.
        trigger_tokens: Tokens of a response, all of them, that set a summary off.
        keep_messages: Messages that stay.
        tell: Gets what it prints.
    """

    line: Line
    write: Write
    session: dict[str, Any]
    trigger_tokens: int
    keep_messages: int
    tell: Callable[[str], None]
    history: list[_Turn] = field(default_factory=list)
    latest_tokens: int = 0
    summarising: bool = False
    summary_count: int = 0
    waiting: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def run(self, user: LabUser) -> None:
        """Talk until the line ends. Whatever goes wrong in the loop ends it."""
        while decode(await self.line.receive())["type"] != "session.created":
            pass
        await self._send(update_session(self.session))
        upload = asyncio.ensure_future(self._upload(user))
        try:
            while True:
                event = decode(await self.line.receive())
                await self._on_event(event)
        except LineLostError as end:
            if end.code not in _QUIET_CLOSES:
                raise
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
            await self.line.close()

    async def type(self, text: str) -> None:
        """A text box beside the microphone, as simple as the rest."""
        await self._send(create_item(user_text(text)))
        await self._send(create_response())

    async def _on_event(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "conversation.item.added" if event["item"]["role"] == "user":
                item = event["item"]
                text = item["content"][0].get("transcript") if item["content"] else None
                self.history.append(_Turn("user", item["id"], text))
                if text is None:
                    self._spawn(self._fetch(item["id"]))
            case "conversation.item.retrieved":
                text = event["item"]["content"][0].get("transcript")
                for turn in self.history:
                    if turn.item_id == event["item"]["id"]:
                        turn.text = text
                        break
            case "response.done":
                self._on_response_done(event["response"])

    def _on_response_done(self, response: dict[str, Any]) -> None:
        for item in response["output"]:
            if item["role"] == "assistant":
                self.history.append(_Turn("assistant", item["id"], item["content"][0]["transcript"]))
        self.latest_tokens = response["usage"]["total_tokens"]
        self.tell("plays the whole reply, now that it is complete" if response["output"] else "has nothing to play")
        for turn in self.history:
            if turn.role == "user" and turn.text is None and turn.item_id not in self.waiting:
                self._spawn(self._fetch(turn.item_id))
        is_long = self.latest_tokens >= self.trigger_tokens and len(self.history) > self.keep_messages
        if is_long and not self.summarising:
            self._spawn(self._summarise_and_prune())

    async def _fetch(self, item_id: str, attempt: int = 1) -> None:
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.waiting[item_id] = answer
        await self._send(retrieve_item(item_id))
        item = await answer  # as published: nobody resolves it, so what follows never runs
        if attempt < _MOST_RETRIEVALS and not item["content"][0].get("transcript"):
            await asyncio.sleep(0.4 * attempt)
            await self._fetch(item_id, attempt + 1)
            return
        self.waiting.pop(item_id, None)

    async def _summarise_and_prune(self) -> None:
        self.summarising = True
        self.tell(f"summarises: the last response took {self.latest_tokens} tokens")
        old, recent = self.history[: -self.keep_messages], self.history[-self.keep_messages :]
        material = "\n".join(f"{turn.role}: {turn.text}" for turn in old if turn.text)
        if not material:
            self.summarising = False  # as published: and on it goes
        summary = await self.write(PROMPT, material) if material else ""
        self.summary_count += 1
        summary_id = f"sum_{self.summary_count:03}"
        self.history[:] = [_Turn("assistant", summary_id, summary), *recent]
        await self._send(create_item(assistant_text(summary, item_id=summary_id), after=ROOT))
        for turn in old:
            await self._send(delete_item(turn.item_id))
        self.tell(f"says that {summary_id} is inserted, without having asked")
        self.summarising = False

    async def _upload(self, user: LabUser) -> None:
        async for chunk in user.chunks():
            await self._send(append_audio(chunk))

    async def _send(self, event: dict[str, Any]) -> None:
        await self.line.send(encode(event))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)  # held so that every run is the same: the published one may lose tasks to the collector
