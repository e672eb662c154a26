"""The HTTP doors: text, speech, transcription, client secrets, models. One simulator can be another's engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from ..audio.formats import duration_ms
from ..errors import WorkshopError
from ..speech.worker import WorkerError
from . import completions
from .admission import RefusedError, chosen_scenario
from .client_secrets import ClientSecrets
from .completions import Asked, Written
from .models import KNOWN_MODELS
from .prompt import ToolCall
from .protocol_error import ProtocolError, missing, optional_text, unsupported, wrong_type
from .responder import BuiltinResponder
from .session_fields import VOICES
from .sound_files import pcm_from_file, wav_from_pcm

if TYPE_CHECKING:
    from .config import Config

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusal = Callable[[web.Request], ProtocolError | None]

_MAX_INPUT_CHARACTERS = 4096
_SPEECH_FORMATS = {"pcm": "audio/pcm", "wav": "audio/wav"}
_NEVER_S = 3600.0  # longer than any client waits
_FILE_KINDS = "WAV, FLAC or OGG"


def add_http_doors(app: web.Application, config: Config, refusal: Refusal) -> None:
    """Add the routes.

    Args:
        app: Where to.
        config: The simulator's; its parts answer here too.
        refusal: Why a request is not accepted, or `None`: its key, or a learner who had enough for now.
    """
    doors = _Doors(config)

    def admitted(handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if (error := refusal(request)) is not None:
                return http_error(429 if error.code == "rate_limit_exceeded" else 401, error)
            try:
                return await handler(request)
            except orjson.JSONDecodeError as error:
                problem = f"We could not parse the JSON body of your request: {error}"
                return http_error(400, ProtocolError("invalid_json", problem))
            except SimulatedError as failure:
                return http_error(failure.status, failure.error)
            except ProtocolError as error:
                return http_error(400, error)
            except RefusedError as turned_away:
                return http_error(400, turned_away.error)
            except (WorkshopError, WorkerError) as error:
                return http_error(502, ProtocolError("engine_failed", str(error)))

        return answer

    for root in ("/v1", "/openai/v1", "/v1/"):  # OpenAI's, Azure's, and some clients write one slash too many
        app.router.add_post(f"{root}/chat/completions", admitted(doors.chat_completions))
        app.router.add_post(f"{root}/responses", admitted(doors.responses))
        app.router.add_post(f"{root}/audio/speech", admitted(doors.speech))
        app.router.add_post(f"{root}/audio/transcriptions", admitted(doors.transcriptions))
        app.router.add_post(f"{root}/realtime/client_secrets", admitted(doors.client_secrets))
        app.router.add_get(f"{root}/models", admitted(doors.models))


def http_error(status: int, error: ProtocolError) -> web.Response:
    """An error in the API's own form."""
    return web.json_response(_error_body(error, status), status=status)


def _error_body(error: ProtocolError, status: int) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"type": kind, "code": error.code, "message": error.message, "param": error.param}}


class SimulatedError(Exception):
    """A scenario wants this request to fail with an HTTP status."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.error = ProtocolError(code, "The scenario wants this request to fail.")


_FAILURES = {"rate_limited": (429, "rate_limit_exceeded"), "server_error": (500, "server_error")}


class _Doors:
    def __init__(self, config: Config) -> None:
        self._config = config

    async def client_secrets(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/realtime/client_secrets`: a key for a browser."""
        body = orjson.loads(await request.read() or b"{}")
        secrets = ClientSecrets(self._config.signing_key, self._config.clock)
        return _reply(secrets.create(body, self._config.new_ids()))

    async def chat_completions(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/chat/completions`, at once or streamed."""
        asked = completions.read_chat(await _json(request))
        effect = await self._befall(request)
        if asked.stream:
            return await self._stream(request, asked, effect)
        written = await self._write(asked, effect)
        return _reply(completions.chat_completion(asked, written, self._config.new_ids(), self._config.clock()))

    async def responses(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/responses`."""
        body = await _json(request)
        asked = completions.read_response(body)
        written = await self._write(asked, await self._befall(request))
        reply = completions.response(asked, written, self._config.new_ids(), self._config.clock())
        return _reply({**reply, "instructions": body.get("instructions"), "metadata": body.get("metadata") or {}})

    async def _befall(self, request: web.Request) -> str | None:
        """What the scenario wants of this request; waits or fails right here where it wants that."""
        scenario = chosen_scenario(request.query, self._config.scenario)
        fault = self._config.http_faults(scenario).summary()
        if fault is None:
            return None
        if fault.effect in _FAILURES:
            raise SimulatedError(*_FAILURES[fault.effect])
        await asyncio.sleep(_NEVER_S if fault.effect == "timeout" else fault.delay_ms / 1000)
        return fault.effect

    async def _pieces(self, asked: Asked, effect: str | None) -> AsyncGenerator[str | ToolCall, None]:
        await asyncio.sleep(self._config.pace.summary_ms / 1000)
        responder = self._config.parts.responder
        if effect == "empty":
            return
        if effect == "answers":
            yield asked.answer_to_the_user
            return
        if isinstance(responder, BuiltinResponder) and (summary := asked.summary) is not None:
            yield summary  # a real model reads the instructions itself
            return
        async with aclosing(responder.reply(asked.prompt)) as pieces:
            async for piece in pieces:
                yield piece

    async def _write(self, asked: Asked, effect: str | None) -> Written:
        written = Written(asked.prompt.max_output_tokens)
        async with aclosing(self._pieces(asked, effect)) as pieces:
            async for piece in pieces:
                for _ in written.feed(piece):
                    pass
                if written.is_full:
                    break
        return written

    async def _stream(self, request: web.Request, asked: Asked, effect: str | None) -> web.StreamResponse:
        written = Written(asked.prompt.max_output_tokens)
        chunks = completions.ChatChunks(asked, self._config.new_ids(), self._config.clock())
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        try:
            async with aclosing(self._pieces(asked, effect)) as pieces:
                async for piece in pieces:
                    if not answer.prepared:  # so that an engine that fails at once is an HTTP error
                        await answer.prepare(request)
                        await _send(answer, chunks.first())
                    for part in written.feed(piece):
                        for chunk in chunks.of(part):
                            await _send(answer, chunk)
                    if written.is_full:
                        break
            if not answer.prepared:
                await answer.prepare(request)
            for chunk in chunks.last(written):
                await _send(answer, chunk)
            await answer.write(b"data: [DONE]\n\n")
        except WorkshopError as error:
            if not answer.prepared:
                raise
            await _send(answer, _error_body(ProtocolError("engine_failed", str(error)), 502))
        except ConnectionError:  # the client has heard enough: the responder's generator is closed by now
            pass
        return answer

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/audio/speech`: the simulator's voice."""
        body = await _json(request)
        text = optional_text(body, "input")
        if not text:
            raise missing("input")
        if len(text) > _MAX_INPUT_CHARACTERS:
            raise ProtocolError(
                "string_above_max_length", f"'input' may have at most {_MAX_INPUT_CHARACTERS} characters.", "input"
            )
        voice = optional_text(body, "voice")
        if voice not in VOICES:
            raise unsupported(voice, list(VOICES), "voice") if voice else missing("voice")
        wanted = optional_text(body, "response_format") or "mp3"  # the API's own default
        if wanted not in _SPEECH_FORMATS:
            raise unsupported(wanted, list(_SPEECH_FORMATS), "response_format")
        speed = body.get("speed", 1.0)
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4:
            raise wrong_type("speed", "a number from 0.25 to 4")
        speech = await self._config.parts.voice.speak(text, voice, speed)
        audio = speech.pcm if wanted == "pcm" else wav_from_pcm(speech.pcm)
        return web.Response(body=audio, content_type=_SPEECH_FORMATS[wanted])

    async def transcriptions(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/audio/transcriptions`: the simulator's ears."""
        form = await request.post()
        upload = form.get("file")
        if not isinstance(upload, web.FileField):
            raise missing("file")
        wanted = _field(form.get("response_format")) or "json"
        if wanted not in {"json", "text"}:
            raise unsupported(wanted, ["json", "text"], "response_format")
        if _field(form.get("stream")) in {"true", "1"}:
            raise ProtocolError("unsupported_value", "The simulator does not stream transcriptions.", "stream")
        try:
            pcm = await asyncio.to_thread(pcm_from_file, upload.file.read())
        except ValueError as error:
            problem = f"Invalid file format: {error} The simulator reads {_FILE_KINDS}."
            raise ProtocolError("invalid_value", problem, "file") from None
        language, hint = _field(form.get("language")), _field(form.get("prompt"))
        text = await self._config.parts.ears.hear(pcm, language, hint)
        if wanted == "text":
            return web.Response(text=f"{text}\n")
        seconds = round(duration_ms(pcm) / 1000, 3)
        return web.json_response({"text": text, "usage": {"type": "duration", "seconds": seconds}})

    async def models(self, _request: web.Request) -> web.StreamResponse:
        """`GET /v1/models`: the speech-to-speech models, and `simulator`, which stands for any other name."""
        about = {"object": "model", "created": 0, "owned_by": "realtime-workshop"}
        data = [{"id": name, **about} for name in ("simulator", *KNOWN_MODELS)]
        return web.json_response({"object": "list", "data": data})


async def _json(request: web.Request) -> dict[str, Any]:
    body = orjson.loads(await request.read())
    if not isinstance(body, dict):
        raise ProtocolError("invalid_json", "The request body must be a JSON object.")
    return body


def _field(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _reply(body: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def _send(answer: web.StreamResponse, chunk: dict[str, Any]) -> None:
    await answer.write(b"data: " + orjson.dumps(chunk) + b"\n\n")
