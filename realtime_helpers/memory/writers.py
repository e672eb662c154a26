"""Writers that talk to a model: a text model over HTTP, or the live model itself, out of band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..conversation import Usage
from .failures import SummaryError, SummaryRefusedError, failed_response
from .styles import SummaryStyle
from .summariser import EARLIER, AskOutOfBand, SummaryRequest, Written, transcript_line

if TYPE_CHECKING:
    from openai import AsyncOpenAI

INAUDIBLE = "[inaudible]"
"""What the live model is asked to answer when a recording holds no words."""

_HEAR = f"""\
Write down word for word what the user says in the recording.
Do not answer it, do not translate it, add nothing.
If no words can be made out, reply only with {INAUDIBLE}."""
_CLOSING = "The conversation to summarise ends here. Write the summary now; answer nothing that was said in it."
_SCHEMA_NAME = "summary"


class _TextModelSummariser:
    """Has a text model write, over HTTP. It tries once: see `CarefulSummariser`.

    Args:
        client: The client of the session's server. Its own hidden retries are switched off.
        model: Text model.
        style: Language, length, form and prompt.
        timeout_s: Longest wait for an answer.
    """

    def __init__(self, client: AsyncOpenAI, model: str, style: SummaryStyle, *, timeout_s: float = 30.0) -> None:
        self._client = client.with_options(max_retries=0, timeout=timeout_s)
        self._model = model
        self._style = style


class ChatSummariser(_TextModelSummariser):
    """Writes summaries with a text model through chat completions."""

    async def __call__(self, request: SummaryRequest) -> Written:
        """Write the summary.

        Raises:
            SummaryError: The model declined, or was cut short.
            openai.OpenAIError: The request failed.
        """
        schema = self._style.json_schema
        form: Any = {"type": "json_schema", "json_schema": {"name": _SCHEMA_NAME, "strict": True, "schema": schema}}
        answer = await self._client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": self._style.instructions},
                {"role": "user", "content": request.material},
            ],
            **({"response_format": form} if schema else {}),
        )
        choice, usage = answer.choices[0], Usage()
        if (counted := answer.usage) is not None:
            cached = (counted.prompt_tokens_details and counted.prompt_tokens_details.cached_tokens) or 0
            usage = Usage(counted.prompt_tokens, cached_text=cached, output_text=counted.completion_tokens)
        refusal = choice.message.refusal or (choice.finish_reason == "content_filter" and "its content filter")
        _must_be_whole(refusal or None, usage, self._model, is_cut=choice.finish_reason == "length")
        return Written(choice.message.content or "", usage, self._model)


class ResponsesSummariser(_TextModelSummariser):
    """Writes summaries with a text model through the Responses API."""

    async def __call__(self, request: SummaryRequest) -> Written:
        """Write the summary. Nothing is stored on the server.

        Raises:
            SummaryError: The model declined, failed, or was cut short.
            openai.OpenAIError: The request failed.
        """
        schema = self._style.json_schema
        form: Any = {"format": {"type": "json_schema", "name": _SCHEMA_NAME, "strict": True, "schema": schema}}
        answer = await self._client.responses.create(
            model=self._model,
            instructions=self._style.instructions,
            input=request.material,
            store=False,
            **({"text": form} if schema else {}),
        )
        usage = Usage()
        if (counted := answer.usage) is not None:
            cached = counted.input_tokens_details.cached_tokens
            usage = Usage(counted.input_tokens, cached_text=cached, output_text=counted.output_tokens)
        parts = [part for item in answer.output if item.type == "message" for part in item.content]
        refusal = next((part.refusal for part in parts if part.type == "refusal"), None)
        if answer.error is not None:
            raise _spent(SummaryError(f"The summariser failed: {answer.error.message}"), usage, self._model)
        _must_be_whole(refusal, usage, self._model, is_cut=answer.status == "incomplete")
        return Written(answer.output_text, usage, self._model)


class OutOfBandSummariser:
    """Has the live model write the summary, from the audio itself: no transcript can mislead it.

    Args:
        ask: Asks the live session.
        style: Language, length, form and prompt.
        model: The session's model, whose prices apply.
    """

    def __init__(self, ask: AskOutOfBand, style: SummaryStyle, model: str | None = None) -> None:
        self._ask = ask
        self._style = style
        self._model = model

    async def __call__(self, request: SummaryRequest) -> Written:
        """Write the summary.

        Raises:
            SummaryError: The response failed, or was cut short.
        """
        # all in the system's name: a request in the user's would be taken for something the user said
        before = [f"{EARLIER}\n{request.previous}"] if request.previous else []
        gone = [
            line for turn in request.turns for item in turn.items if item.deleted and (line := transcript_line(item))
        ]
        if gone:
            before.append("Older turns, of which only the transcript is left:\n" + "\n".join(gone))
        items = [
            *(_system(text) for text in before),
            *({"type": "item_reference", "id": item_id} for item_id in request.item_ids),
            _system(_CLOSING),
        ]
        response = await _answer(self._ask, "summary", self._style.instructions, items, self._model)
        return Written(_text_of(response), Usage.from_wire(response.get("usage")), self._model)


async def hear(ask: AskOutOfBand, item_id: str) -> str:
    """Have the live model write down what the user says in a recording: for turns without a transcript.

    It is a model that listens, not a recogniser: it may tidy up what it hears.

    Args:
        ask: Asks the live session.
        item_id: A user item with audio that is still on the server.

    Raises:
        SummaryError: The response failed, or no words could be made out.
    """
    response = await _answer(ask, "transcript", _HEAR, [{"type": "item_reference", "id": item_id}])
    words = _text_of(response).strip()
    if not words or words.strip(".").casefold() == INAUDIBLE:
        raise _spent(
            SummaryError("No words could be made out in a recording.", "It stays in the conversation as audio."),
            Usage.from_wire(response.get("usage")),
        )
    return words


async def _answer(
    ask: AskOutOfBand, topic: str, instructions: str, items: list[dict[str, Any]], model: str | None = None
) -> dict[str, Any]:
    response = await ask(
        {
            "conversation": "none",
            "metadata": {"topic": topic},
            "output_modalities": ["text"],
            "instructions": instructions,
            "tools": [],  # those of the session are for the conversation
            "tool_choice": "none",
            "input": items,
        }
    )
    if response.get("status") != "completed":
        raise _spent(failed_response(response), Usage.from_wire(response.get("usage")), model)
    return response


def _text_of(response: Mapping[str, Any]) -> str:
    """The words of a response; models that drift into speech have a transcript instead of a text."""
    parts = [part for item in response.get("output") or [] for part in item.get("content") or []]
    return "".join(part.get("text") or part.get("transcript") or "" for part in parts)


def _system(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}


def _must_be_whole(refusal: str | None, usage: Usage, model: str, *, is_cut: bool) -> None:
    if refusal:
        raise _spent(SummaryRefusedError(f"The model declined to summarise: {refusal}"), usage, model)
    if is_cut:
        raise _spent(SummaryRefusedError("The summary was cut off before its end."), usage, model)


def _spent(error: SummaryError, usage: Usage, model: str | None = None) -> SummaryError:
    error.usage += usage
    error.model = model
    return error
