"""The rules of one response, from `response.created` to `response.done` (reference §3.2, §3.3, §3.5, §3.6)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from .models import Event

_DETAILS = {
    "cancelled": {"turn_detected", "client_cancelled"},
    "incomplete": {"max_output_tokens", "content_filter"},
}


@dataclass
class _Part:
    """A content part: what its deltas said, and which of its closing events came."""

    kind: str
    said: str = ""
    audio_bytes: int = 0
    closed: list[str] = field(default_factory=list)


@dataclass
class _Output:
    """An output item."""

    item: Event
    parts: list[_Part] = field(default_factory=list)
    arguments: str = ""
    final_arguments: str | None = None
    is_done: bool = False


class ResponseRules:
    """Sees the events of one response.

    Args:
        created: Its `response.created`.
    """

    def __init__(self, created: Event) -> None:
        response = created["response"]
        assert response["status"] == "in_progress"
        assert (response["output"], response["usage"], response["status_details"]) == ([], None, None)
        self.is_in_conversation = response["conversation_id"] is not None
        self._first = {name: value for name, value in response.items() if name not in _CHANGING}
        self._outputs: dict[str, _Output] = {}

    def see(self, event: Event) -> None:
        """One more event with the id of this response."""
        match event["type"].removeprefix("response."):
            case "output_item.added":
                self._item_added(event)
            case "output_item.done":
                self._item_done(event)
            case "content_part.added":
                self._part_added(event)
            case "content_part.done":
                self._part_done(event)
            case "output_text.delta" | "output_audio_transcript.delta" | "output_audio.delta":
                self._delta(event)
            case "output_text.done" | "output_audio_transcript.done" | "output_audio.done":
                self._part_text_done(event)
            case "function_call_arguments.delta":
                output = self._call(event)
                assert output.final_arguments is None, "no arguments after they are done"
                output.arguments += event["delta"]
            case "function_call_arguments.done":
                output = self._call(event)
                assert output.final_arguments is None, "arguments are done once"
                assert event["arguments"] == output.arguments, "the deltas make up the arguments"
                assert event["name"] == output.item["name"]
                output.final_arguments = event["arguments"]
            case other:
                raise AssertionError(f"{other} is no event of a response")

    def end(self, done: Event, truncated: set[str]) -> None:
        """Its `response.done`; items in `truncated` have lost their transcript."""
        response = done["response"]
        assert {name: value for name, value in response.items() if name not in _CHANGING} == self._first
        assert all(output.is_done for output in self._outputs.values()), "every item is done before its response"
        assert [item["id"] for item in response["output"]] == list(self._outputs), "output in the order of output_index"
        for item in response["output"]:
            self._check_final(self._outputs[item["id"]], item, was_truncated=item["id"] in truncated)
        status, details = response["status"], response["status_details"]
        if status == "completed":
            assert details is None
        else:
            assert (details or {}).get("type") == status, "the details say what the status says"
            assert status == "failed" or details["reason"] in _DETAILS[status]
        if status != "completed":
            assert all(item["status"] == "incomplete" for item in response["output"][-1:] if item["type"] == "message")
        check_usage(response["usage"])
        if not self._outputs and status == "cancelled":
            assert response["usage"]["output_tokens"] == 0

    def check_closed(self, item_id: str) -> None:
        """An item is about to be done, if it is of this response: nothing in it may be open."""
        if output := self._outputs.get(item_id):
            assert all("content_part" in part.closed for part in output.parts), "its parts are closed first"
            is_call = output.item["type"] == "function_call"
            assert not is_call or output.final_arguments is not None, "its arguments are done first"

    # -- items ----------------------------------------------------------------------------------------

    def _item_added(self, event: Event) -> None:
        item = event["item"]
        assert event["output_index"] == len(self._outputs), "output_index counts from 0"
        assert item["id"] not in self._outputs
        assert item["status"] == "in_progress"
        assert item.get("content", []) == [], "an item begins empty"
        assert item.get("arguments", "") == "", "a call begins without arguments"
        self._outputs[item["id"]] = _Output(dict(item))

    def _item_done(self, event: Event) -> None:
        item = event["item"]
        output = self._outputs[item["id"]]
        assert not output.is_done, "an item is done once"
        assert event["output_index"] == list(self._outputs).index(item["id"])
        self.check_closed(item["id"])
        self._check_final(output, item, was_truncated=False)
        output.is_done = True

    def _check_final(self, output: _Output, item: Event, *, was_truncated: bool) -> None:
        assert item["status"] in ("completed", "incomplete")
        if item["type"] == "function_call":
            assert item["arguments"] == output.final_arguments
            assert item["call_id"] == output.item["call_id"]
            return
        assert len(item["content"]) == len(output.parts)
        for content, part in zip(item["content"], output.parts, strict=True):
            assert content["type"] == f"output_{part.kind}"
            assert "audio" not in content, "no audio bytes in items"
            if part.kind == "audio" and was_truncated and "transcript" not in content:
                continue  # truncated after it was done: the words are gone
            assert content["transcript" if part.kind == "audio" else "text"] == part.said.rstrip(" ")

    def _open_output(self, event: Event) -> _Output:
        output = self._outputs[event["item_id"]]
        assert not output.is_done, f"{event['type']} after its item"
        assert event["output_index"] == list(self._outputs).index(event["item_id"])
        return output

    def _call(self, event: Event) -> _Output:
        output = self._open_output(event)
        assert output.item["type"] == "function_call"
        assert event["call_id"] == output.item["call_id"]
        return output

    # -- parts ----------------------------------------------------------------------------------------

    def _part_added(self, event: Event) -> None:
        output, part = self._open_output(event), event["part"]
        assert output.item["type"] == "message", "a call has no parts"
        assert event["content_index"] == len(output.parts)
        assert part["text" if part["type"] == "text" else "transcript"] == ""
        output.parts.append(_Part(part["type"]))

    def _part(self, event: Event) -> _Part:
        output = self._open_output(event)
        assert event["content_index"] < len(output.parts), f"{event['type']} outside its part"
        part = output.parts[event["content_index"]]
        assert "content_part" not in part.closed, f"{event['type']} after its part"
        return part

    def _delta(self, event: Event) -> None:
        part, stream = self._part(event), event["type"].split(".")[1]
        assert (stream == "output_text") == (part.kind == "text")
        assert stream not in part.closed, f"{event['type']} after its done event"
        if stream == "output_audio":
            part.audio_bytes += len(base64.b64decode(event["delta"], validate=True))
            assert "obfuscation" not in event
        else:
            assert event["delta"]
            part.said += event["delta"]

    def _part_text_done(self, event: Event) -> None:
        part, stream = self._part(event), event["type"].split(".")[1]
        assert (stream == "output_text") == (part.kind == "text")
        assert stream not in part.closed
        if stream == "output_audio":
            assert not part.closed, "the audio is done before its transcript"
        else:
            said = event["text"] if stream == "output_text" else event["transcript"]
            assert said == (part.said if part.kind == "text" else part.said.rstrip()), "the deltas make up the whole"
        part.closed.append(stream)

    def _part_done(self, event: Event) -> None:
        part = self._part(event)
        wanted = ["output_text"] if part.kind == "text" else ["output_audio", "output_audio_transcript"]
        assert part.closed == wanted, "a part is done after what it holds"
        assert event["part"]["type"] == part.kind
        said = event["part"]["text" if part.kind == "text" else "transcript"]
        assert said == (part.said if part.kind == "text" else part.said.rstrip())
        part.closed.append("content_part")


_CHANGING = ("status", "status_details", "output", "usage")


def check_usage(usage: Event) -> None:
    """The sums of reference §4.2."""
    read, written = usage["input_token_details"], usage["output_token_details"]
    cached = read["cached_tokens_details"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens"] == read["text_tokens"] + read["audio_tokens"] + read["image_tokens"]
    assert usage["output_tokens"] == written["text_tokens"] + written["audio_tokens"]
    assert read["cached_tokens"] == sum(cached.values())
    for name in ("text_tokens", "audio_tokens", "image_tokens"):
        assert 0 <= cached[name] <= read[name]
        assert cached[name] % 64 == 0, "the cache saves in steps of 64"
