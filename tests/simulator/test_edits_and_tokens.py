"""Reference §4.4 over random conversations: an edit changes the count by its item, and ends the cached prefix there."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.simulator import Parts
from realtime_helpers.speech import Speech

from .desk import Desk, Event

Tokens = dict[str, int]
KINDS = ("text_tokens", "audio_tokens", "image_tokens")


class Hum:
    """A voice of 60 ms for each letter, without an engine."""

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        return Speech(text, silence(60 * len(text)), ())

    def close(self) -> None:
        pass


class Deaf:
    """Ears that hear nothing, without an engine."""

    def load(self) -> None:
        pass

    async def hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        return ""

    def close(self) -> None:
        pass


@dataclass
class Talk:
    """A conversation and the ids of its items in order."""

    desk: Desk = field(default_factory=lambda: Desk("gpt-realtime", parts=Parts(voice=Hum(), ears=Deaf())))

    @property
    def ids(self) -> list[str]:
        """Ids as a client puts them together from the events."""
        ids: list[str] = []
        for event in self.desk.sent:
            if event["type"] == "conversation.item.added":
                after = event["previous_item_id"]
                ids.insert(ids.index(after) + 1 if after else 0, event["item"]["id"])
            elif event["type"] == "conversation.item.deleted":
                ids.remove(event["item_id"])
        return ids

    async def add(self, item: dict[str, Any], **fields: Any) -> None:
        await self.desk.say("conversation.item.create", item=item, **fields)

    async def read(self, **response: Any) -> Event:
        """`input_token_details` of a response."""
        details: Event = (await self.desk.respond(**response))["usage"]["input_token_details"]
        return details

    async def tokens(self, *ids: str) -> Tokens:
        """What these items count, measured beside the conversation."""
        references = [{"type": "item_reference", "id": item_id} for item_id in ids]
        nothing, those = [await self.read(conversation="none", input=listed) for listed in ([], references)]
        return {kind: those[kind] - nothing[kind] for kind in KINDS}

    async def prefix(self) -> Tokens:
        """What instructions and tools count."""
        details = await self.read(conversation="none", input=[])
        return {kind: details[kind] for kind in KINDS}


def message(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def spoken(length_ms: int) -> dict[str, Any]:
    audio = base64.b64encode(silence(length_ms)).decode()
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}


texts = st.integers(0, 150).map(lambda count: "word " * count)
steps = st.one_of(
    st.tuples(st.sampled_from(["user", "assistant", "system", "summary", "typed turn", "call"]), texts),
    st.tuples(st.just("audio"), st.integers(100, 15_000)),
    st.tuples(st.just("spoken turn"), st.integers(100, 15_000)),
)
histories = st.lists(steps, min_size=1, max_size=8)


async def hold(talk: Talk, history: list[tuple[str, Any]]) -> None:
    for number, (what, value) in enumerate(history):
        match what:
            case "typed turn":
                await talk.desk.type_turn(value)
            case "spoken turn":
                await talk.add(spoken(value))
                await talk.desk.respond(output_modalities=["audio"])
            case "audio":
                await talk.add(spoken(value))
            case "call":
                call_id = f"call_{number}"
                await talk.add({"type": "function_call", "name": "f", "call_id": call_id, "arguments": value})
                await talk.add({"type": "function_call_output", "call_id": call_id, "output": value})
            case "summary":
                await talk.add(message("system", value), previous_item_id="root")
            case role:
                await talk.add(message(role, value))
    await talk.desk.respond()  # from here on the cache knows all of it


def plus(*counts: Tokens) -> Tokens:
    return {kind: sum(count[kind] for count in counts) for kind in KINDS}


def in_steps(tokens: Tokens) -> Tokens:
    return {kind: count // 64 * 64 for kind, count in tokens.items()}


async def check(talk: Talk, expected: Tokens, unchanged: list[str]) -> None:
    """The next response reads `expected`, and of it the instructions and the `unchanged` first items from the cache."""
    prefix = await talk.prefix()
    cached = in_steps(plus(prefix, await talk.tokens(*unchanged)))
    details = await talk.read()
    assert {kind: details[kind] for kind in KINDS} == plus(prefix, expected)
    assert details["cached_tokens_details"] == cached
    assert details["cached_tokens"] == sum(cached.values())


def minus(all_of_them: Tokens, one: Tokens) -> Tokens:
    return {kind: all_of_them[kind] - one[kind] for kind in KINDS}


@settings(max_examples=40, deadline=None)
@given(history=histories, which=st.integers(0, 1_000))
async def test_section_4_4_a_delete_takes_the_tokens_of_its_item_and_the_cache_behind_it(
    history: list[tuple[str, Any]], which: int
) -> None:
    talk = Talk()
    await hold(talk, history)
    ids = talk.ids
    at = which % len(ids)
    expected = minus(await talk.tokens(*ids), await talk.tokens(ids[at]))
    await talk.desk.say("conversation.item.delete", item_id=ids[at])
    await check(talk, expected, ids[:at])
    await talk.desk.close()


@settings(max_examples=30, deadline=None)
@given(history=histories, text=texts, which=st.integers(0, 1_000))
async def test_section_4_4_an_insert_adds_the_tokens_of_its_item_and_ends_the_cache_there(
    history: list[tuple[str, Any]], text: str, which: int
) -> None:
    talk = Talk()
    await hold(talk, history)
    ids = talk.ids
    at = which % (len(ids) + 1)  # 0 is the root, the last one an ordinary append
    before = await talk.tokens(*ids)
    summary = message("system", text) | {"id": "sum_1"}
    await talk.add(summary, previous_item_id=ids[at - 1] if at else "root")
    await check(talk, plus(before, await talk.tokens("sum_1")), ids[:at])
    await talk.desk.close()


@settings(max_examples=30, deadline=None)
@given(before=histories, after=histories, length_ms=st.integers(100, 5_000), share=st.floats(0, 1))
async def test_section_4_4_a_truncation_takes_what_was_cut_and_the_cache_from_there(
    before: list[tuple[str, Any]], after: list[tuple[str, Any]], length_ms: int, share: float
) -> None:
    talk = Talk()
    await hold(talk, [*before, ("spoken turn", length_ms)])
    reply = next(
        event for event in reversed(talk.desk.sent) if event["type"] == "response.content_part.added"
        and event["part"]["type"] == "audio"
    )["item_id"]  # fmt: skip
    await hold(talk, after)
    ids = talk.ids
    whole, item = await talk.tokens(*ids), await talk.tokens(reply)
    deltas = [event["delta"] for event in talk.desk.sent if event["type"] == "response.output_audio.delta"
              and event["item_id"] == reply]  # fmt: skip
    heard_ms = int(share * sum(duration_ms(base64.b64decode(delta)) for delta in deltas))
    await talk.desk.say("conversation.item.truncate", item_id=reply, content_index=0, audio_end_ms=heard_ms)
    cut = await talk.tokens(reply)
    assert cut["audio_tokens"] == heard_ms // 50
    assert cut["text_tokens"] < item["text_tokens"], "the words are gone"
    await check(talk, plus(minus(whole, item), cut), ids[: ids.index(reply)])
    await talk.desk.close()
