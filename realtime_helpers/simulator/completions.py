"""Bodies of `/v1/chat/completions` and `/v1/responses`: enough for the ordinary OpenAI client. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from ..protocol.ids import IdMint
from .accounting import MESSAGE_FRAMING_TOKENS, count_text
from .prompt import Line, Prompt, ToolCall
from .protocol_error import ProtocolError, missing, optional_text, unsupported, wrong_type
from .responder import BuiltinResponder
from .summariser import JSON_KEYS, summarise, wants_summary

Json = dict[str, Any]
_ROLES = ["system", "developer", "user", "assistant", "tool"]
_ARGUMENT_PIECE = 16


@dataclass(frozen=True)
class Asked:
    """What a request asks for.

    Attributes:
        prompt: What the responder reads.
        model: The name the client gave; any is accepted.
        stream: Whether to answer in chunks.
        with_usage: Whether a last chunk tells the tokens.
    """

    prompt: Prompt
    model: str
    stream: bool = False
    with_usage: bool = False

    @property
    def input_tokens(self) -> int:
        """Tokens read, images not counted."""
        lines = self.prompt.lines
        return sum(count_text(line.text or _arguments(line)) + MESSAGE_FRAMING_TOKENS for line in lines)

    @property
    def summary(self) -> str | None:
        """The extractive summary, when a lone user message is a transcript and the instructions ask for that.

        Raises:
            ProtocolError: The answer must follow a JSON schema that rules cannot fill.
        """
        instructions = "\n".join(line.text for line in self.prompt.lines if line.role == "system")
        talk = [line for line in self.prompt.lines if line.role != "system"]
        if len(talk) == 1 and talk[0].role == "user" and wants_summary(instructions, talk[0].text):
            return summarise(instructions, talk[0].text, self._json_keys)
        if self.prompt.json_schema is not None:
            raise ProtocolError(
                "unsupported_value",
                "The simulator's own responder writes JSON only where a transcript is to be summarised. "
                "Start it with --responder URL#MODEL to have a language model answer.",
                "response_format",
            )
        return None

    @property
    def _json_keys(self) -> list[str] | None:
        """What a schema asks for, of what rules can find."""
        if self.prompt.json_schema is None:
            return None
        wanted = _object(self.prompt.json_schema["schema"].get("properties"), "response_format.schema.properties")
        for name, schema in wanted.items():
            if JSON_KEYS.get(name) != _object(schema, f"response_format.schema.properties.{name}").get("type"):
                known = ", ".join(f"{key} ({kind})" for key, kind in JSON_KEYS.items())
                raise ProtocolError(
                    "unsupported_value",
                    f"The simulator's own summariser cannot fill '{name}'. It fills: {known}.",
                    "response_format",
                )
        return list(wanted)

    @property
    def answer_to_the_user(self) -> str:
        """An answer to the last line of a transcript, instead of its summary: what weak models do."""
        said = "\n".join(line.text for line in self.prompt.lines if line.role == "user").splitlines()
        asked = [line.partition(":")[2].strip() for line in said if line.lower().startswith("user:")]
        return BuiltinResponder().answer(Prompt([Line("user", (asked or said or [""])[-1])])).text


def read_chat(body: Json) -> Asked:
    """Read a chat completion request.

    Raises:
        ProtocolError: Malformed.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise missing("messages")
    lines = [line for index, message in enumerate(messages) for line in _lines(message, f"messages[{index}]")]
    choice = _tool_choice(body.get("tool_choice") or "auto")
    options = body.get("stream_options") or {}
    prompt = Prompt(
        lines,
        tools=() if choice == "none" else _tools(body.get("tools") or []),
        tool_choice=choice,
        parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        max_output_tokens=_limit(body, "max_completion_tokens") or _limit(body, "max_tokens"),
        json_schema=_json_schema(body.get("response_format"), "response_format"),
    )
    with_usage = isinstance(options, dict) and options.get("include_usage") is True
    return Asked(prompt, _model(body), body.get("stream") is True, with_usage)


def read_response(body: Json) -> Asked:
    """Read a request of the Responses API. Tools are not read.

    Raises:
        ProtocolError: Malformed, or asks for streaming.
    """
    if body.get("stream"):
        raise ProtocolError("unsupported_value", "The simulator streams chat completions, not responses.", "stream")
    wanted = body.get("input")
    if not wanted:
        raise missing("input")
    if not isinstance(wanted, str | list):
        raise wrong_type("input", "a string or an array")
    messages = [{"role": "user", "content": wanted}] if isinstance(wanted, str) else list(wanted)
    lines = [line for index, message in enumerate(messages) for line in _lines(message, f"input[{index}]")]
    if instructions := optional_text(body, "instructions"):
        lines.insert(0, Line("system", instructions))
    wanted_form = _object(body.get("text") or {}, "text").get("format")
    if wanted_form is not None:  # chat completions have one more level
        wanted_form = {**_object(wanted_form, "text.format"), "json_schema": wanted_form}
    schema = _json_schema(wanted_form, "text.format")
    return Asked(Prompt(lines, max_output_tokens=_limit(body, "max_output_tokens"), json_schema=schema), _model(body))


class Written:
    """A reply as it grows: feed it the responder's pieces, send on what it returns.

    Args:
        limit: The most tokens to write, or `None`.
    """

    def __init__(self, limit: int | None) -> None:
        self.text = ""
        self.calls: list[ToolCall] = []
        self.tokens = 0
        self.is_full = False
        self._limit = limit

    def feed(self, piece: str | ToolCall) -> Iterator[str | ToolCall]:
        """Words with the space before them, and calls; nothing more once the limit is reached."""
        for part in re.findall(r"\s*\S+|\s+$", piece) if isinstance(piece, str) else [piece]:
            tokens = count_text(part if isinstance(part, str) else f"{part.name} {part.arguments}")
            self.is_full = self.is_full or (self._limit is not None and self.tokens + tokens > self._limit)
            if self.is_full:
                return
            self.tokens += tokens
            if isinstance(part, ToolCall):
                self.calls.append(part)
            else:
                self.text += part
            yield part

    @property
    def finish_reason(self) -> Literal["length", "tool_calls", "stop"]:
        """Why it ended."""
        if self.is_full:
            return "length"
        return "tool_calls" if self.calls else "stop"


def chat_completion(asked: Asked, written: Written, ids: IdMint, now_s: float) -> Json:
    """The whole answer at once."""
    message: Json = {"role": "assistant", "content": written.text or None, "refusal": None}
    if written.calls:
        message["tool_calls"] = [_call(call, ids.new_call()) for call in written.calls]
    return {
        "id": ids.new("chatcmpl"),
        "object": "chat.completion",
        "created": int(now_s),
        "model": asked.model,
        "choices": [{"index": 0, "finish_reason": written.finish_reason, "logprobs": None, "message": message}],
        "usage": _chat_usage(asked, written),
    }


class ChatChunks:
    """The chunks of one streamed answer, as OpenAI sends them."""

    def __init__(self, asked: Asked, ids: IdMint, now_s: float) -> None:
        self._asked = asked
        self._ids = ids
        self._same = {
            "id": ids.new("chatcmpl"),
            "object": "chat.completion.chunk",
            "created": int(now_s),
            "model": asked.model,
        }
        self._calls = 0

    def first(self) -> Json:
        """The chunk that names the role."""
        return self._chunk({"role": "assistant", "content": ""})

    def of(self, part: str | ToolCall) -> Iterator[Json]:
        """Chunks for a piece of text or a call; the arguments of a call come in pieces."""
        if isinstance(part, str):
            yield self._chunk({"content": part})
            return
        index, self._calls = self._calls, self._calls + 1
        whole = _call(part, self._ids.new_call())
        arguments = whole["function"].pop("arguments")
        begun = {"index": index, **whole, "function": {**whole["function"], "arguments": ""}}
        yield self._chunk({"tool_calls": [begun]})
        for start in range(0, len(arguments), _ARGUMENT_PIECE):
            piece = {"arguments": arguments[start : start + _ARGUMENT_PIECE]}
            yield self._chunk({"tool_calls": [{"index": index, "function": piece}]})

    def last(self, written: Written) -> Iterator[Json]:
        """Why it ended, and the tokens where they were asked for."""
        yield self._chunk({}, written.finish_reason)
        if self._asked.with_usage:
            yield {**self._same, "choices": [], "usage": _chat_usage(self._asked, written)}

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._same, "choices": [choice], **({"usage": None} if self._asked.with_usage else {})}


def response(asked: Asked, written: Written, ids: IdMint, now_s: float) -> Json:
    """The whole answer of the Responses API, without what it echoes of the request."""
    return {
        "id": ids.new("resp"),
        "object": "response",
        "created_at": int(now_s),
        "status": "incomplete" if written.is_full else "completed",
        "model": asked.model,
        "output": [
            {"id": ids.new("msg"), "type": "message", "status": "incomplete" if written.is_full else "completed",
             "role": "assistant", "content": [{"type": "output_text", "text": written.text, "annotations": []}]}
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if written.is_full else None,
        "usage": {"input_tokens": asked.input_tokens,
                  "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                  "output_tokens": written.tokens, "output_tokens_details": {"reasoning_tokens": 0},
                  "total_tokens": asked.input_tokens + written.tokens},
    }  # fmt: skip


def _chat_usage(asked: Asked, written: Written) -> Json:
    read = asked.input_tokens
    return {"prompt_tokens": read, "completion_tokens": written.tokens, "total_tokens": read + written.tokens}


def _call(call: ToolCall, call_id: str) -> Json:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": call_id, "type": "function", "function": function}


def _arguments(line: Line) -> str:
    return f"{line.call.name} {line.call.arguments}" if line.call else ""


def _lines(message: Any, path: str) -> Iterator[Line]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise missing(f"{path}.role")
    text, images = _content(message.get("content"), f"{path}.content")
    match message["role"]:
        case "system" | "developer":
            yield Line("system", text)
        case "user":
            yield Line("user", text, images=images)
        case "tool":
            yield Line("tool", text, call_id=optional_text(message, "tool_call_id", f"{path}."))
        case "assistant":
            calls = _list_of_objects(message.get("tool_calls") or [], f"{path}.tool_calls")
            if text or not calls:
                yield Line("assistant", text)
            for index, call in enumerate(calls):
                yield _call_line(call, f"{path}.tool_calls[{index}]")
        case other:
            raise unsupported(other, _ROLES, f"{path}.role")


def _call_line(call: Json, path: str) -> Line:
    function = _object(call.get("function"), f"{path}.function")
    name = optional_text(function, "name", f"{path}.function.")
    if not name:
        raise missing(f"{path}.function.name")
    try:
        arguments = orjson.loads(optional_text(function, "arguments", f"{path}.function.") or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        raise wrong_type(f"{path}.function.arguments", "a JSON object in a string")
    return Line("assistant", "", ToolCall(name, arguments), optional_text(call, "id", f"{path}."))


def _content(content: Any, path: str) -> tuple[str, tuple[str, ...]]:
    """The text and the image URLs of a message."""
    if isinstance(content, str) or content is None:
        return content or "", ()
    if not isinstance(content, list):
        raise wrong_type(path, "a string or an array")
    parts = _list_of_objects(content, path)
    texts = [str(part["text"]) for part in parts if part.get("text")]
    images = [
        _object(part.get("image_url"), f"{path}[].image_url") for part in parts if part.get("type") == "image_url"
    ]
    return "\n".join(texts), tuple(str(image.get("url", "")) for image in images)


def _tools(tools: Any) -> Sequence[Json]:
    """Declared functions as the Realtime API writes them: without the envelope."""
    functions = []
    for index, tool in enumerate(_list_of_objects(tools, "tools")):
        function = _object(tool.get("function"), f"tools[{index}].function")
        if not isinstance(function.get("name"), str):
            raise missing(f"tools[{index}].function.name")
        functions.append({"type": "function", **function})
    return functions


def _tool_choice(choice: Any) -> str | Json:
    if isinstance(choice, dict):
        function = _object(choice.get("function"), "tool_choice.function")
        return {"type": "function", "name": function.get("name")}
    if choice not in {"auto", "none", "required"}:
        raise unsupported(choice, ["auto", "none", "required"], "tool_choice")
    return str(choice)


def _json_schema(wanted: Any, path: str) -> Json | None:
    """The `json_schema` of a response format: its `name` and `schema`; `None` for text."""
    if wanted is None:
        return None
    kind = _object(wanted, path).get("type")
    if kind not in {"text", "json_schema"}:
        raise unsupported(kind, ["text", "json_schema"], f"{path}.type")
    if kind == "text":
        return None
    schema = _object(wanted.get("json_schema"), f"{path}.json_schema")
    if not isinstance(schema.get("name"), str):
        raise missing(f"{path}.name")
    _object(schema.get("schema"), f"{path}.schema")
    return {name: schema[name] for name in ("name", "schema", "strict") if schema.get(name) is not None}


def _limit(body: Json, name: str) -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise wrong_type(name, "a whole number of at least 1")
    return value


def _model(body: Json) -> str:
    return optional_text(body, "model") or "simulator"


def _object(value: Any, path: str) -> Json:
    if not isinstance(value, dict):
        raise wrong_type(path, "an object")
    return value


def _list_of_objects(value: Any, path: str) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise wrong_type(path, "an array of objects")
    return value
