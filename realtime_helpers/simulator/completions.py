"""Bodies of `/v1/chat/completions` and `/v1/responses`: enough for the ordinary OpenAI client. Pure."""

from __future__ import annotations

from typing import Any

from ..protocol.ids import IdMint
from .accounting import MESSAGE_FRAMING_TOKENS, count_text
from .protocol_error import ProtocolError, missing, optional_text, wrong_type
from .summariser import answer, summarise, wants_summary


def chat_completion(body: dict[str, Any], ids: IdMint, now_s: float) -> dict[str, Any]:
    """Answer a chat completion request.

    Raises:
        ProtocolError: Malformed, or asks for streaming.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise missing("messages")
    written, read = _write(body, messages)
    return {
        "id": ids.new("chatcmpl"),
        "object": "chat.completion",
        "created": int(now_s),
        "model": body.get("model", "simulator"),
        "choices": [
            {"index": 0, "finish_reason": "stop", "logprobs": None,
             "message": {"role": "assistant", "content": written, "refusal": None}}
        ],
        "usage": {"prompt_tokens": read, "completion_tokens": count_text(written),
                  "total_tokens": read + count_text(written)},
    }  # fmt: skip


def response(body: dict[str, Any], ids: IdMint, now_s: float) -> dict[str, Any]:
    """Answer a request of the Responses API.

    Raises:
        ProtocolError: Malformed, or asks for streaming.
    """
    wanted = body.get("input")
    if not wanted:
        raise missing("input")
    if not isinstance(wanted, str | list):
        raise wrong_type("input", "a string or an array")
    messages = [{"role": "user", "content": wanted}] if isinstance(wanted, str) else list(wanted)
    if instructions := optional_text(body, "instructions"):
        messages.insert(0, {"role": "system", "content": instructions})
    written, read = _write(body, messages)
    tokens = count_text(written)
    return {
        "id": ids.new("resp"),
        "object": "response",
        "created_at": int(now_s),
        "status": "completed",
        "model": body.get("model", "simulator"),
        "output": [
            {"id": ids.new("msg"), "type": "message", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": written, "annotations": []}]}
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
        "usage": {"input_tokens": read, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                  "output_tokens": tokens, "output_tokens_details": {"reasoning_tokens": 0},
                  "total_tokens": read + tokens},
    }  # fmt: skip


def _write(body: dict[str, Any], messages: list[Any]) -> tuple[str, int]:
    """The text for these messages and the tokens read for it."""
    if body.get("stream"):
        raise ProtocolError("unsupported_value", "The simulator does not stream text completions.", "stream")
    texts = [(_role(message), _content(message)) for message in messages]
    instructions = "\n".join(text for role, text in texts if role in {"system", "developer"})
    material = "\n".join(text for role, text in texts if role not in {"system", "developer"})
    read = sum(count_text(text) + MESSAGE_FRAMING_TOKENS for _, text in texts)
    if wants_summary(instructions):
        return summarise(instructions, material), read
    return answer(instructions, material), read


def _role(message: Any) -> str:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise missing("messages[].role")
    return str(message["role"])


def _content(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong_type("messages[].content", "a string or an array")
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
