"""What must be true of a conversation at any moment, judged from outside: the wire, and the server's own items."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from realtime_helpers.audio.formats import BYTES_PER_MS
from realtime_helpers.simulator.items import Item as ServerItem

from .people import words_in, words_in_sound

Event = dict[str, Any]
_SURE = 0.15
"""Share of a reply by which a word must lie before or after the cut to be surely heard or surely not."""


@dataclass
class Said:
    """Something that was said and accepted.

    Attributes:
        words: Its own words.
        silenced: Words of a reply that were surely not heard.
    """

    id: str
    words: frozenset[str]
    silenced: frozenset[str] = frozenset()


@dataclass
class Witness:
    """Reads every event of the wire at the client's end, and keeps book."""

    said: dict[str, Said] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    """Calls without an output yet: item id by call id."""
    answered: set[str] = field(default_factory=set)
    """Calls whose output the server has acknowledged."""
    sent_outputs: dict[str, str] = field(default_factory=dict)
    """Outputs on their way, call id by item id."""
    misdeeds: list[str] = field(default_factory=list)
    """What a client must not do, whatever comes of it."""
    user_is_speaking: bool = False
    read_tokens: int = 0
    """What the latest response of the conversation read, instructions and tools included."""
    may_cancel: bool = False
    """Whether somebody asked for silence: a reply may be cancelled."""
    _response: str | None = None
    _crossed: set[str] = field(default_factory=set)
    """Responses that began while the user spoke: asked for before anybody knew, and left alone by the server."""
    _of_lost_lines: set[str] = field(default_factory=set)
    _call_items: dict[str, str] = field(default_factory=dict)
    _creates: dict[str, str] = field(default_factory=dict)
    _sound_ms: dict[str, float] = field(default_factory=dict)
    _cuts: dict[str, int] = field(default_factory=dict)
    _reply_text: dict[str, str] = field(default_factory=dict)

    def reconnected(self) -> None:
        """A new line knows nothing of speech and responses on the old one."""
        self.user_is_speaking, self._response = False, None
        self._of_lost_lines.update(self._sound_ms)
        for item_id in list(self.sent_outputs):
            self._not_answered(item_id)

    def _not_answered(self, item_id: str) -> None:
        call_id = self.sent_outputs.pop(item_id)
        self.calls[call_id] = self._call_items[call_id]

    def cut(self, item_id: str, heard_ms: int) -> None:
        """No more of this reply will be heard. One that sounded when its line was lost counts as heard to its end."""
        if item_id in self._of_lost_lines:
            return
        self._cuts.setdefault(item_id, heard_ms)
        self._judge_reply(item_id)

    def sent(self, event: Event) -> None:
        match event["type"]:
            case "conversation.item.create":
                item = event["item"]
                self._creates[event.get("event_id") or item["id"]] = item["id"]
                if item["type"] == "function_call_output" and item["call_id"] not in self.answered:
                    self.sent_outputs[item["id"]] = item["call_id"]

    def decided(self, event: Event) -> None:
        """The client has decided to send this, knowing what it has received so far."""
        kind = event["type"]
        edits = kind == "conversation.item.delete" or event.get("previous_item_id") == "root"
        if edits and (self.user_is_speaking or self._response):
            self.misdeeds.append(f"{kind} in the middle of a turn")
        if kind == "response.create" and self._response and (event.get("response") or {}).get("conversation") != "none":
            self.misdeeds.append("response.create while a response is active")
        # what it asked out of band it may cancel, by its id
        if kind == "conversation.item.retrieve" or (kind == "response.cancel" and not event.get("response_id")):
            self.misdeeds.append(f"nobody asked for {kind}")
        if kind == "conversation.item.truncate":
            self.cut(event["item_id"], event["audio_end_ms"])
            received_ms = self._sound_ms.get(event["item_id"], 0)
            if event["audio_end_ms"] > received_ms:
                self.misdeeds.append(f"truncated at {event['audio_end_ms']} ms, after {received_ms} ms of sound")
            heard_ms = self._cuts.get(event["item_id"], event["audio_end_ms"])
            if event["audio_end_ms"] != heard_ms:
                self.misdeeds.append(f"truncated at {event['audio_end_ms']} ms, but {heard_ms} ms were heard")

    def received(self, event: Event, on_server: Iterable[ServerItem]) -> None:
        match event["type"]:
            case "session.created":
                self.reconnected()
            case "input_audio_buffer.speech_started":
                self.user_is_speaking = True
            case "input_audio_buffer.speech_stopped":
                self.user_is_speaking = False
            case "response.created" if event["response"]["conversation_id"]:
                self._response = event["response"]["id"]
                if self.user_is_speaking:
                    self._crossed.add(self._response)
            case "response.done":
                if event["response"]["id"] == self._response:
                    self._response = None
                    self.read_tokens = (event["response"].get("usage") or {}).get("input_tokens") or self.read_tokens
                reason = (event["response"].get("status_details") or {}).get("reason")
                is_wanted = self.may_cancel or event["response"]["id"] in self._crossed
                if reason == "client_cancelled" and not is_wanted:
                    self.misdeeds.append("a reply was cancelled that nobody wanted cancelled")
            case "conversation.item.added" | "conversation.item.done":
                self._item(event["item"], on_server)
            case "response.output_audio.delta":
                length_ms = len(base64.b64decode(event["delta"])) / BYTES_PER_MS
                self._sound_ms[event["item_id"]] = self._sound_ms.get(event["item_id"], 0) + length_ms
                self._judge_reply(event["item_id"])
            case "error":
                refused = self._creates.get(event["error"].get("event_id") or "")
                if refused in self.sent_outputs:
                    self._not_answered(refused)

    def _item(self, wire: Event, on_server: Iterable[ServerItem]) -> None:
        words = words_in(" ".join(str(value) for value in _texts(wire)))
        match wire["type"], wire.get("role"):
            case "message", "user":
                sounds = [s for item in on_server if item.id == wire["id"] for s in item.sounds.values()]
                words |= {word for sound in sounds for word in words_in_sound(bytes(sound.data))}
                self._note(wire["id"], words)
            case "message", "assistant" if wire["status"] != "in_progress":
                told = (self._reply_text.get(wire["id"], ""), " ".join(_texts(wire)))
                self._reply_text[wire["id"]] = max(told, key=len)  # it may be put back without what nobody heard
                self._note(wire["id"], words)
                self._judge_reply(wire["id"])
            case "function_call", _ if wire["status"] == "completed" and wire["call_id"] not in self.answered:
                self._call_items[wire["call_id"]] = wire["id"]
                if wire["call_id"] not in self.sent_outputs.values():
                    self.calls.setdefault(wire["call_id"], wire["id"])
            case "function_call_output", _:
                self.answered.add(wire["call_id"])
                self.sent_outputs.pop(wire["id"], None)
                self._note(wire["id"], words)

    def _note(self, item_id: str, words: frozenset[str]) -> None:
        words = frozenset(word for word in words if word.endswith("x"))
        known = {word for said in self.said.values() for word in said.words | said.silenced}
        if item_id not in self.said and words and not words <= known:
            self.said[item_id] = Said(item_id, words)

    def _judge_reply(self, item_id: str) -> None:
        """Which words of an interrupted reply were heard: by its share of time, with a margin for what is unsure."""
        text, total_ms = self._reply_text.get(item_id), self._sound_ms.get(item_id)
        if item_id not in self._cuts or item_id not in self.said or not text or not total_ms:
            return
        share = self._cuts[item_id] / total_ms
        places = {word: text.index(word) for word in words_in(text)}
        heard = {
            word for word, at in places.items() if word.endswith("x") and (at + len(word)) / len(text) <= share - _SURE
        }
        silenced = {word for word, at in places.items() if at / len(text) >= share + _SURE}
        self.said[item_id] = Said(item_id, frozenset(heard), frozenset(silenced))


def _texts(wire: Event) -> list[str]:
    parts = wire.get("content") or []
    return [part.get("text") or part.get("transcript") or "" for part in parts] + [str(wire.get("output") or "")]


def words_of_server(items: Iterable[ServerItem]) -> frozenset[str]:
    """Every word of our making that the server holds now, in whatever form."""
    found: set[str] = set()
    for item in items:
        found |= words_in(" ".join(_texts(item.wire)))
        for sound in item.sounds.values():
            found.update(words_in_sound(bytes(sound.data)))
    return frozenset(found)


def lone_tool_items(items: Iterable[ServerItem], answered: Iterable[str]) -> list[str]:
    """Call ids whose output stands without its call, or whose call lost its output."""
    kinds: dict[str, set[str]] = {}
    for item in items:
        if item.call_id is not None:
            kinds.setdefault(item.call_id, set()).add(item.wire["type"])
    done = set(answered)
    return [
        call_id
        for call_id, there in kinds.items()
        if there == {"function_call_output"} or (there == {"function_call"} and call_id in done)
    ]
