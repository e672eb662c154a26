"""Section 1 of the reference: the upgrade and what follows it, the life of a session, the session object."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any

import aiohttp
import orjson
import pytest
from websockets.exceptions import InvalidStatus

from realtime_helpers.audio.formats import AUDIO_FORMATS, PCM16, chunks_of, silence
from realtime_helpers.simulator import Config, Pace, Simulator
from realtime_helpers.simulator.prompt import Prompt, ToolCall
from realtime_helpers.simulator.session_config import INSTRUCTIONS

from .raw import KEY, MODEL, closed, dial, read, send
from .stream import Client, connect

RIGHT = {"Authorization": "Bearer right"}
LONG_KEY = "sk-" + "0123456789" * 3


# -- 1.1 URL, headers, query ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/realtime", "/openai/v1/realtime", "/v1//realtime"])
async def test_section_1_1_every_known_path_leads_to_a_session(simulator: Simulator, path: str) -> None:
    async with dial(simulator, path=path) as socket:
        assert (await read(socket))["session"]["model"] == "gpt-realtime-2.1-mini"


@pytest.mark.parametrize(
    ("headers", "subprotocols", "answered"),
    [
        (RIGHT, None, None),
        (RIGHT, ["realtime"], "realtime"),
        ({"authorization": "bearer right"}, None, None),
        ({"api-key": "right"}, None, None),
        ({}, ["realtime", "openai-insecure-api-key.right"], "realtime"),
        ({}, ["realtime", "openai-insecure-api-key.right", "openai-organization.o", "openai-project.p"], "realtime"),
        ({**RIGHT, "OpenAI-Safety-Identifier": "0a1b"}, None, None),
    ],
    ids=["bearer", "bearer-and-subprotocol", "lower-case", "azure", "browser", "browser-with-project", "safety"],
)
async def test_section_1_1_the_key_may_come_in_any_of_the_known_ways(
    config: Config, headers: dict[str, str], subprotocols: list[str] | None, answered: str | None
) -> None:
    config.required_key = "right"
    async with (
        Simulator(config) as simulator,
        dial(simulator, headers=headers, subprotocols=subprotocols) as socket,
    ):
        assert (await read(socket))["type"] == "session.created"
        assert socket.subprotocol == answered


async def test_section_1_1_binary_frames_are_refused_and_text_goes_on(simulator: Simulator) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        await socket.send(b'{"type":"input_audio_buffer.clear"}')
        error = (await read(socket))["error"]
        assert (error["code"], error["message"]) == (
            "invalid_event",
            "Expected a text WebSocket message; binary frames are not supported.",
        )
        await send(socket, "input_audio_buffer.clear")
        assert (await read(socket))["type"] == "input_audio_buffer.cleared"


async def test_section_1_1_the_server_pings_with_four_bytes(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_helpers.simulator.realtime_door._PING_SECONDS", 0.02)
    url = simulator.base_url + "/realtime" + MODEL
    async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=KEY, autoping=False) as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT
        first, second = await socket.receive(), await socket.receive()
        assert first.type is second.type is aiohttp.WSMsgType.PING
        assert len(first.data) == 4
        assert first.data == second.data


def test_section_1_1_the_ping_period_is_the_recorded_one() -> None:
    from realtime_helpers.simulator.realtime_door import _PING_SECONDS

    assert _PING_SECONDS == 20.26


class Thinking:
    """A responder that says nothing until it may."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.may_speak = asyncio.Event()

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        self.began.set()
        await self.may_speak.wait()
        yield "Done."


async def test_section_1_1_pings_are_answered_while_the_server_works(config: Config) -> None:
    thinking = Thinking()
    config.parts.responder = thinking
    async with Simulator(config) as simulator, dial(simulator) as socket:
        await send(socket, "response.create", response={"output_modalities": ["text"]})
        await thinking.began.wait()
        await asyncio.wait_for(await socket.ping(), 5)
        thinking.may_speak.set()
        assert (await read(socket, "response.done"))["response"]["status"] == "completed"


async def test_section_1_1_a_clients_close_is_echoed(simulator: Simulator) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        await socket.close(1000)
        assert socket.close_code == 1000
        assert socket.protocol.close_rcvd is not None
        assert socket.protocol.close_rcvd.code == 1000


def many(bytes_wanted: int, text: str) -> str:
    return text * (bytes_wanted // len(text.encode()))


def user(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": list(content), **fields}


def audio_of(length_ms: int) -> str:
    return base64.b64encode(silence(length_ms)).decode()


BIG = {
    "text": many(600_000, "word "),
    "text just small enough": many(500_000, "word "),
    "wide text": many(1_200_000, "日本語"),
    "wide text just small enough": many(500_000, "日本語"),
    "control characters": many(200_000, "\x01"),
}


@pytest.mark.parametrize("name", BIG)
async def test_section_1_1_no_frame_is_over_one_mebibyte_whatever_the_item(simulator: Simulator, name: str) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        item = user({"type": "input_text", "text": BIG[name]}, id="big")
        await send(socket, "conversation.item.create", item=item)
        first = await read(socket)
        assert first["type"] == ("conversation.item.added" if "small" in name else "error")
        await send(socket, "conversation.item.retrieve", item_id="big")
        await read(socket, "conversation.item.retrieved" if "small" in name else "error")


@pytest.mark.parametrize("name", BIG)
async def test_section_1_1_no_frame_is_over_one_mebibyte_whatever_the_instructions(
    simulator: Simulator, name: str
) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        await send(socket, "session.update", session={"type": "realtime", "instructions": BIG[name]})
        assert (await read(socket))["type"] == ("session.updated" if "small" in name else "error")
        once = {"output_modalities": ["text"], "instructions": BIG[name][:80_000]}
        await send(socket, "response.create", response=once)
        await read(socket, "response.done")
        await send(socket, "response.create", response={**once, "instructions": "word " * 200_000})
        assert (await read(socket, "error"))["error"]["code"] == "context_length_exceeded"


async def test_section_1_1_no_frame_is_over_one_mebibyte_whatever_is_retrieved(simulator: Simulator) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await send(socket, "session.update", session=off)
        text = {"type": "input_text", "text": many(400_000, "word ")}
        for length_ms, words, has_audio in (
            (1_000, {}, True),
            (60_000, {}, False),
            (1_000, text, True),
            (14_000, text, False),
        ):
            content = [{"type": "input_audio", "audio": audio_of(length_ms)}, *([words] if words else [])]
            await send(socket, "conversation.item.create", item=user(*content))
            item_id = (await read(socket, "conversation.item.done"))["item"]["id"]
            await send(socket, "conversation.item.retrieve", item_id=item_id)
            item = (await read(socket, "conversation.item.retrieved"))["item"]
            assert ("audio" in item["content"][0]) is has_audio


async def test_section_1_1_no_frame_is_over_one_mebibyte_whatever_the_metadata(simulator: Simulator) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        most = {f"{index:064}": "日" * 512 for index in range(16)}
        await send(socket, "response.create", response={"output_modalities": ["text"], "metadata": most})
        assert (await read(socket, "response.done"))["response"]["metadata"] == most
        for wrong in ({f"{index}": "" for index in range(17)}, {"k" * 65: ""}, {"k": many(2_000_000, "v")}):
            await send(socket, "response.create", response={"metadata": wrong})
            assert (await read(socket, "error"))["error"]["param"] == "response.metadata"
        for event in ({"type": many(2_000_000, "t")}, {"type": "session.update", "session": {"s" * 2_000_000: 1}}):
            await send(socket, event.pop("type"), **event)  # type: ignore[arg-type]
            await read(socket, "error")


@pytest.mark.parametrize("origin", ["/v1", "/v1/", "/openai/v1"])
async def test_section_1_1_browsers_of_other_origins_may_call_the_http_endpoints(config: Config, origin: str) -> None:
    config.required_key = "right"
    asked = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    }
    async with Simulator(config) as simulator, aiohttp.ClientSession() as http:
        url = simulator.base_url.removesuffix("/v1") + origin + "/realtime/client_secrets"
        async with http.options(url, headers=asked) as preflight:
            assert preflight.status == 204
            allowed = {name.strip().lower() for name in preflight.headers["Access-Control-Allow-Headers"].split(",")}
            assert {"authorization", "content-type", "x-stainless-os"} <= allowed
            assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        async with http.options(url, headers={"Origin": "https://example.org"}) as preflight:
            named = preflight.headers["Access-Control-Allow-Headers"].lower()
            assert "authorization" in named, "named even when it was not asked for: a star would not cover it"
        for key, status in (("right", 200), ("wrong", 401)):
            headers = {"Authorization": f"Bearer {key}", "Origin": "https://example.org"}
            async with http.post(url, headers=headers, json={}) as answer:
                assert answer.status == status
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                assert "Location" in answer.headers["Access-Control-Expose-Headers"]


# -- 1.2 what happens right after 101 -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers", "code", "message", "close"),
    [
        (MODEL, {}, None, "Missing bearer or basic authentication in header", 3000),
        (MODEL, {"Authorization": f"Bearer {LONG_KEY}"}, "invalid_api_key", "Incorrect API key provided: sk-", 3000),
        (MODEL, {"Authorization": "Bearer sk-short"}, "invalid_api_key", "Incorrect API key provided: ", 3000),
        (MODEL, {**RIGHT, "OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled", "The Realtime beta API", 4000),
        ("", RIGHT, "missing_model", "You must provide a model parameter, for example ws", 4000),
        ("?model=", RIGHT, "missing_model", "You must provide a model parameter, for example ws", 4000),
        ("?model=gpt-nope", RIGHT, "invalid_model", 'Model "gpt-nope" is not supported in realtime mode', 4000),
        ("?model=gpt-4o-realtime-preview", RIGHT, "invalid_model", "Model", 4000),
        ("?model=gpt-realtime-whisper", RIGHT, "invalid_model", "Model", 4000),
    ],
    ids=["no-key", "wrong-key", "short-key", "beta", "no-model", "empty-model", "unknown", "preview", "transcriber"],
)  # fmt: skip
async def test_section_1_2_a_refusal_comes_after_the_upgrade(
    config: Config, query: str, headers: dict[str, str], code: str | None, message: str, close: int
) -> None:
    config.required_key = "right"
    async with Simulator(config) as simulator, dial(simulator, query, headers=headers) as socket:
        error = (await read(socket))["error"]
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, None)
        assert error["message"].startswith(message)
        assert headers.get("Authorization", "none").removeprefix("Bearer ") not in error["message"]
        end = await closed(socket)
        assert (end.code, end.reason) == (close, "invalid_request_error" + (f".{code}" if code else ""))


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        (MODEL, {}, 401, None),
        (MODEL, {"api-key": "wrong"}, 401, "invalid_api_key"),
        ("?model=gpt-nope", {"api-key": "right"}, 400, "OpperationNotSupported"),
        ("", {"api-key": "right"}, 400, "missing_model"),
    ],
)
async def test_section_1_1_azure_refuses_before_the_upgrade(
    config: Config, query: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    config.required_key = "right"
    async with Simulator(config) as simulator:
        with pytest.raises(InvalidStatus) as refused:
            async with dial(simulator, query, headers=headers, path="/openai/v1/realtime"):
                pass
    assert refused.value.response.status_code == status
    assert refused.value.response.body is not None
    assert orjson.loads(refused.value.response.body)["error"]["code"] == code


async def test_section_1_2_the_beta_subprotocol_is_refused_as_the_header_is(simulator: Simulator) -> None:
    offered = ["realtime", "openai-insecure-api-key.any", "openai-beta.realtime-v1"]
    async with dial(simulator, headers={}, subprotocols=offered) as socket:
        assert (await read(socket))["error"]["code"] == "beta_api_shape_disabled"
        assert (await closed(socket)).code == 4000


async def test_section_1_2_after_the_greeting_the_server_is_silent(simulator: Simulator) -> None:
    async with dial(simulator) as socket:
        assert (await read(socket))["type"] == "session.created"
        await asyncio.wait_for(await socket.ping(), 5)  # whatever else was sent would come before the pong
        await send(socket, "input_audio_buffer.clear")
        assert (await read(socket))["type"] == "input_audio_buffer.cleared"


# -- 1.3 session lifetime -------------------------------------------------------------------------------


@pytest.mark.parametrize(("life_s", "minutes"), [(0.3, "0.005"), (0.6, "0.01")])
async def test_section_1_3_a_session_expires_with_one_sentence(config: Config, life_s: float, minutes: str) -> None:
    config.session_seconds = life_s
    sentence = f"Your session hit the maximum duration of {minutes} minutes."
    async with Simulator(config) as simulator, dial(simulator) as socket:
        await read(socket)
        event = await read(socket)
        assert event["error"] == {
            "type": "invalid_request_error",
            "code": "session_expired",
            "message": sentence,
            "param": None,
            "event_id": None,
        }
        end = await closed(socket)
        assert (end.code, end.reason) == (1001, sentence)


async def test_section_1_3_the_hour_is_announced_and_no_update_extends_it(config: Config) -> None:
    now_s = [1_700_000_000.0]
    config.clock = lambda: now_s[0]
    async with Simulator(config) as simulator, dial(simulator) as socket:
        assert (await read(socket))["session"]["expires_at"] == 1_700_003_600
        now_s[0] += 600
        await send(socket, "session.update", session={"type": "realtime", "instructions": "Be brief."})
        assert (await read(socket, "session.updated"))["session"]["expires_at"] == 1_700_003_600


def test_section_1_3_sixty_minutes_are_said_as_the_service_says_them() -> None:
    from realtime_helpers.simulator.config import SESSION_SECONDS
    from realtime_helpers.simulator.realtime_door import EXPIRED

    assert EXPIRED.format(minutes=SESSION_SECONDS / 60) == "Your session hit the maximum duration of 60 minutes."


# -- 1.4 ids --------------------------------------------------------------------------------------------

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


async def test_section_1_4_ids_have_the_recorded_form_and_carry_the_time(config: Config) -> None:
    config.clock = lambda: 1_785_214_050.0
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
    async with Simulator(config) as simulator, dial(simulator) as socket:
        session = (await read(socket))["session"]
        item = user({"type": "input_text", "text": "What is the weather?"})
        await send(socket, "conversation.item.create", item=item)
        added = await read(socket)
        await send(socket, "response.create", response={"tools": [tool], "tool_choice": "required"})
        response = (await read(socket, "response.done"))["response"]
    call = response["output"][0]
    minted = {
        "sess": session["id"],
        "event": added["event_id"],
        "item": added["item"]["id"],
        "resp": response["id"],
        "conv": response["conversation_id"],
    }
    for kind, value in minted.items():
        assert re.fullmatch(rf"{kind}_[0-9A-Za-z]{{21}}", value), value
        digits = value.removeprefix(f"{kind}_")[:5]
        seconds = sum(_DIGITS.index(digit) * 62**power for power, digit in enumerate(reversed(digits)))
        assert seconds + 1_576_800_000 == 1_785_214_050
    assert re.fullmatch(r"call_[0-9A-Za-z]{16}", call["call_id"])


# -- 1.5 session.created --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "voice", "silence_ms"),
    [
        ("gpt-realtime", "alloy", 200),
        ("gpt-realtime-mini", "alloy", 200),
        ("gpt-realtime-2.1", "marin", 500),
        ("gpt-realtime-2.1-mini", "marin", 500),
    ],
)
async def test_section_1_5_the_session_is_told_whole_with_the_models_defaults(
    config: Config, model: str, voice: str, silence_ms: int
) -> None:
    config.clock = lambda: 1_785_214_050.0
    async with Simulator(config) as simulator, connect(simulator, model) as client:
        session = client.events[0]["session"]
        assert session == {
            "type": "realtime",
            "object": "realtime.session",
            "id": session["id"],
            "model": model,
            "output_modalities": ["audio"],
            "instructions": INSTRUCTIONS,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "expires_at": 1_785_217_650,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24_000},
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": silence_ms,
                        "idle_timeout_ms": None,
                        "create_response": True,
                        "interrupt_response": True,
                    },
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": voice, "speed": 1.0},
            },
            "include": None,
        }


def test_section_1_5_the_default_instructions_do_not_pretend() -> None:
    assert "not a language model" in INSTRUCTIONS


async def test_section_1_5_empty_instructions_bring_the_default_back(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for wanted, told in (("Be brief.", "Be brief."), ("", INSTRUCTIONS)):
            await client.send("session.update", session={"type": "realtime", "instructions": wanted})
            assert (await client.until("session.updated"))["session"]["instructions"] == told


async def test_section_1_5_a_transcription_session_has_its_own_object(config: Config) -> None:
    config.clock = lambda: 1_785_214_050.0
    detection = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
    async with Simulator(config) as simulator, dial(simulator, "?intent=transcription") as socket:
        session = (await read(socket))["session"]
        audio_input = {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": detection,
        }
        created = {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "id": session["id"],
            "expires_at": 1_785_217_650,
            "audio": {"input": audio_input},
            "include": None,
        }
        assert session == created
        wanted = {"transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": None}
        await send(socket, "session.update", session={"type": "transcription", "audio": {"input": wanted}})
        audio_input["transcription"] = {"model": "gpt-4o-mini-transcribe", "language": None, "prompt": None}
        audio_input["turn_detection"] = None
        assert (await read(socket, "session.updated"))["session"] == created
        again = {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
        await send(socket, "session.update", session=again)
        updated = (await read(socket, "session.updated"))["session"]
        assert updated["audio"]["input"]["turn_detection"] == detection


@pytest.mark.parametrize("query", ["", "&model=gpt-realtime"])
async def test_section_1_5_a_transcription_session_is_for_nothing_else(simulator: Simulator, query: str) -> None:
    async with dial(simulator, "?intent=transcription" + query) as socket:
        assert (await read(socket))["session"]["type"] == "transcription"
        await send(socket, "session.update", session={"type": "realtime", "instructions": "x"})
        assert (await read(socket))["error"]["param"] == "session.type"
        await send(socket, "session.update", session={"type": "transcription", "audio": {"output": {"speed": 1}}})
        assert (await read(socket))["error"]["code"] == "unknown_parameter"
        await send(socket, "response.create", event_id="mine")
        assert (await read(socket))["error"]["event_id"] == "mine"


# -- 1.6 session fields ---------------------------------------------------------------------------------


def at(session: dict[str, Any], path: str) -> Any:
    value: Any = session
    for name in path.split("."):
        value = value[name]
    return value


def change(path: str, value: object) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return {"type": "realtime", **value}


_VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
        "idle_timeout_ms": None, "create_response": True, "interrupt_response": True}  # fmt: skip
_SEMANTIC = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
_IN, _OUT = "audio.input.", "audio.output."
_FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
_RETENTION = {"type": "retention_ratio", "retention_ratio": 0.8}
ACCEPTED: list[tuple[str, object, object]] = [
    ("model", "gpt-realtime-2.1-mini", "gpt-realtime-2.1-mini"),
    ("model", None, "gpt-realtime-2.1-mini"),
    ("output_modalities", ["text"], ["text"]),
    ("output_modalities", None, ["audio"]),
    *((f"{side}format", {"type": "audio/pcm"}, {"type": "audio/pcm", "rate": 24_000}) for side in (_IN, _OUT)),
    *((f"{side}format", {"type": kind}, {"type": kind})
      for side in (_IN, _OUT) for kind in ("audio/pcmu", "audio/pcma")),
    (f"{_IN}format", None, {"type": "audio/pcm", "rate": 24_000}),
    (f"{_IN}turn_detection", None, None),
    (f"{_IN}turn_detection", {"type": "server_vad"}, _VAD),
    (f"{_IN}turn_detection", {"type": "server_vad", "threshold": 0, "idle_timeout_ms": 5_000},
     {**_VAD, "threshold": 0, "idle_timeout_ms": 5_000}),
    (f"{_IN}turn_detection", {"type": "server_vad", "threshold": None, "silence_duration_ms": None}, _VAD),
    (f"{_IN}turn_detection", {"type": "server_vad", "idle_timeout_ms": 30_000}, {**_VAD, "idle_timeout_ms": 30_000}),
    (f"{_IN}turn_detection", {"create_response": False}, {**_VAD, "create_response": False}),
    (f"{_IN}turn_detection", {"type": "semantic_vad"}, _SEMANTIC),
    *((f"{_IN}turn_detection", {"type": "semantic_vad", "eagerness": name}, {**_SEMANTIC, "eagerness": name})
      for name in ("low", "medium", "high", "auto")),
    (f"{_IN}noise_reduction", None, None),
    (f"{_IN}noise_reduction", {"type": "near_field"}, {"type": "near_field"}),
    (f"{_IN}noise_reduction", {"type": "far_field"}, {"type": "far_field"}),
    (f"{_IN}transcription", None, None),
    *((f"{_IN}transcription", {"model": name}, {"model": name, "language": None, "prompt": None})
      for name in ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize",
                   "gpt-transcribe", "gpt-realtime-whisper", "gpt-live-transcribe", "my-own-transcriber")),
    (f"{_IN}transcription", {"model": "gpt-transcribe", "language": "en", "prompt": "names"},
     {"model": "gpt-transcribe", "language": "en", "prompt": "names"}),
    *((f"{_OUT}voice", name, name) for name in
      ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")),
    (f"{_OUT}voice", {"id": "voice_1"}, {"id": "voice_1"}),
    (f"{_OUT}voice", None, "marin"),
    *((f"{_OUT}speed", speed, float(speed)) for speed in (0.25, 1, 1.0, 1.5)),
    (f"{_OUT}speed", None, 1.0),
    ("tools", [_FUNCTION], [_FUNCTION]),
    ("tools", [], []),
    ("tools", None, []),
    ("tool_choice", "none", "none"),
    ("tool_choice", "required", "required"),
    ("tool_choice", {"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
    ("tool_choice", {"type": "mcp", "server_label": "s"}, {"type": "mcp", "server_label": "s"}),
    ("max_output_tokens", 1, 1),
    ("max_output_tokens", 4096, 4096),
    ("max_output_tokens", "inf", "inf"),
    ("max_output_tokens", None, "inf"),
    ("truncation", "auto", "auto"),
    ("truncation", "disabled", "disabled"),
    ("truncation", _RETENTION, _RETENTION),
    ("truncation", {**_RETENTION, "token_limits": {"post_instructions": 8000}},
     {**_RETENTION, "token_limits": {"post_instructions": 8000}}),
    ("truncation", None, "auto"),
    ("tracing", "auto", "auto"),
    ("tracing", {"workflow_name": "w", "group_id": "g", "metadata": {"a": "b"}},
     {"workflow_name": "w", "group_id": "g", "metadata": {"a": "b"}}),
    ("tracing", None, None),
    ("prompt", None, None),
    ("include", ["item.input_audio_transcription.logprobs"], ["item.input_audio_transcription.logprobs"]),
    ("include", None, None),
    *(("reasoning", {"effort": name}, {"effort": name}) for name in ("minimal", "low", "medium", "high", "xhigh")),
    ("parallel_tool_calls", False, False),
    ("instructions", "Be brief.", "Be brief."),
    ("instructions", None, INSTRUCTIONS),
]  # fmt: skip


async def test_section_1_6_every_allowed_value_is_taken_and_its_effect_told(simulator: Simulator) -> None:
    for path, wanted, told in ACCEPTED:
        async with connect(simulator) as client:
            created = client.events[0]["session"]
            await client.send("session.update", session=change(path, wanted))
            updated = (await client.next()).get("session")
            assert updated is not None, (path, wanted, client.events[-1])
            assert at(updated, path) == told, (path, wanted)
            await client.send("session.update", session=change(path, at(created, path) if path in created else wanted))
            for other in created:
                if other != path.split(".")[0]:
                    assert updated[other] == created[other], (path, other)


_T = "session.audio.input.turn_detection"
REFUSED: list[tuple[str, object, str, str]] = [
    ("type", "transcription", "invalid_value", "session.type"),
    ("model", "gpt-realtime", "invalid_value", "session.model"),
    ("output_modalities", ["text", "audio"], "invalid_value", "session.output_modalities"),
    ("output_modalities", [], "invalid_value", "session.output_modalities"),
    ("audio.input.format", {"type": "audio/pcm", "rate": 16_000}, "integer_below_min_value",
     "session.audio.input.format.rate"),
    ("audio.output.format", {"type": "audio/pcm", "rate": 48_000}, "integer_above_max_value",
     "session.audio.output.format.rate"),
    ("audio.input.format", {"type": "audio/opus"}, "invalid_value", "session.audio.input.format.type"),
    ("audio.input.format", "pcm16", "invalid_type", "session.audio.input.format"),
    ("audio.input.turn_detection", {"type": "server_vad", "threshold": 1.1}, "decimal_above_max_value",
     f"{_T}.threshold"),
    ("audio.input.turn_detection", {"type": "server_vad", "idle_timeout_ms": 4_999}, "integer_below_min_value",
     f"{_T}.idle_timeout_ms"),
    ("audio.input.turn_detection", {"type": "server_vad", "idle_timeout_ms": 30_001}, "integer_above_max_value",
     f"{_T}.idle_timeout_ms"),
    ("audio.input.turn_detection", {"type": "semantic_vad", "idle_timeout_ms": 6_000}, "unknown_parameter",
     f"{_T}.idle_timeout_ms"),
    ("audio.input.turn_detection", {"type": "semantic_vad", "eagerness": "wild"}, "invalid_value", f"{_T}.eagerness"),
    ("audio.input.turn_detection", {"type": "none"}, "invalid_value", f"{_T}.type"),
    ("audio.input.noise_reduction", {"type": "loud"}, "invalid_value", "session.audio.input.noise_reduction.type"),
    ("audio.output.voice", "nobody", "invalid_value", "session.audio.output.voice"),
    ("audio.output.speed", 0.2, "decimal_below_min_value", "session.audio.output.speed"),
    ("audio.output.speed", 1.6, "decimal_above_max_value", "session.audio.output.speed"),
    ("tools", [{"type": "function", "function": {"name": "nested"}}], "missing_required_parameter",
     "session.tools[0].name"),
    ("tool_choice", "sometimes", "invalid_value", "session.tool_choice"),
    ("max_output_tokens", 0, "integer_below_min_value", "session.max_output_tokens"),
    ("max_output_tokens", 4097, "integer_above_max_value", "session.max_output_tokens"),
    ("truncation", "never", "invalid_value", "session.truncation"),
    ("truncation", {"type": "retention_ratio", "retention_ratio": 1.1}, "decimal_above_max_value",
     "session.truncation.retention_ratio"),
    ("prompt", {"id": "pmpt_1"}, "prompt_not_found", "session.prompt.id"),
    ("include", ["everything"], "invalid_value", "session.include[0]"),
    ("reasoning", {"effort": "extreme"}, "invalid_value", "session.reasoning.effort"),
    ("temperature", 0.8, "unknown_parameter", "session.temperature"),
    ("voice", "marin", "unknown_parameter", "session.voice"),
    ("modalities", ["text"], "unknown_parameter", "session.modalities"),
    ("input_audio_format", "pcm16", "unknown_parameter", "session.input_audio_format"),
]  # fmt: skip


async def test_section_1_6_every_other_value_is_refused_by_its_path(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for number, (path, wanted, code, param) in enumerate(REFUSED):
            await client.send("session.update", session=change(path, wanted), event_id=f"e{number}")
            error = (await client.next())["error"]
            assert (error["code"], error["param"], error["event_id"]) == (code, param, f"e{number}")
        await client.send("session.update", session={"type": "realtime"})
        assert (await client.next())["session"] == client.events[0]["session"], "nothing of all this was applied"


async def test_section_1_6_reasoning_is_for_models_that_reason(simulator: Simulator) -> None:
    async with connect(simulator, "gpt-realtime") as client:
        await client.send("session.update", session=change("reasoning", {"effort": "low"}))
        assert (await client.until("error"))["error"]["param"] == "session.reasoning"


async def test_section_1_6_tracing_cannot_be_changed_once_on(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for tracing, answer in (
            (None, "session.updated"),
            ("auto", "session.updated"),
            ("auto", "session.updated"),
            ({"workflow_name": "w"}, "error"),
        ):
            await client.send("session.update", session=change("tracing", tracing))
            assert (await client.next())["type"] == answer
        assert client.events[-1]["error"]["code"] == "cannot_update_tracing"


async def test_section_1_6_the_speed_changes_only_between_turns(config: Config) -> None:
    config.pace = Pace(before_item_ms=60_000)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await client.send("response.create")
        await client.until("response.created")
        for speed, answer in ((1.25, "error"), (1, "session.updated")):
            await client.send("session.update", session=change("audio.output.speed", speed))
            assert (await client.next())["type"] == answer
        assert client.events[-2]["error"]["code"] == "cannot_update_speed"
        await client.send("response.cancel")
        await client.until("response.done")
        await client.send("session.update", session=change("audio.output.speed", 1.25))
        assert (await client.until("session.updated"))["session"]["audio"]["output"]["speed"] == 1.25


async def spoken_turn(client: Client, config: Config, kind_in: str, kind_out: str) -> tuple[str, bytes, dict[str, Any]]:
    """What the server heard, the audio it said, and the finished response."""
    audio = {
        "input": {"format": {"type": kind_in}, "transcription": {"model": "gpt-transcribe"}},
        "output": {"format": {"type": kind_out}},
    }
    await client.send("session.update", session={"type": "realtime", "audio": audio})
    await client.until("session.updated")
    coding = AUDIO_FORMATS[kind_in]
    pcm = silence(200) + config.parts.voice.engine.speak("How are you today?").pcm + silence(800)
    for chunk in chunks_of(coding.from_pcm24k(pcm), 40 * coding.bytes_per_ms):
        await client.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())
    response = (await client.until("response.done"))["response"]
    heard = next(event for event in client.events if event["type"].endswith("transcription.completed"))
    said = b"".join(
        base64.b64decode(event["delta"]) for event in client.events if event["type"] == "response.output_audio.delta"
    )
    return heard["transcript"], said, response


@pytest.mark.parametrize("kind_in", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_section_1_6_g711_is_heard_and_timed_at_eight_bytes_a_millisecond(
    simulator: Simulator, config: Config, kind_in: str
) -> None:
    async with connect(simulator) as client:
        heard, _, response = await spoken_turn(client, config, kind_in, "audio/pcm")
        assert heard == "how are you today"
        started, stopped = (
            next(event for event in client.events if event["type"] == f"input_audio_buffer.speech_{what}")
            for what in ("started", "stopped")
        )
        spoken_ms = stopped["audio_end_ms"] - started["audio_start_ms"]
        assert 1000 < spoken_ms < 2500
        assert response["usage"]["input_token_details"]["audio_tokens"] == spoken_ms // 100
        await client.send("conversation.item.retrieve", item_id=started["item_id"])
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]["audio"]
        assert len(base64.b64decode(kept)) == spoken_ms * AUDIO_FORMATS[kind_in].bytes_per_ms


async def test_section_1_6_g711_is_spoken_at_eight_bytes_a_millisecond(simulator: Simulator, config: Config) -> None:
    lengths_ms, words = [], set()
    for kind in ("audio/pcm", "audio/pcmu", "audio/pcma"):
        coding = AUDIO_FORMATS[kind]
        async with connect(simulator) as client:
            _, said, response = await spoken_turn(client, config, "audio/pcm", kind)
        assert response["audio"]["output"]["format"] == coding.wire
        assert response["usage"]["output_token_details"]["audio_tokens"] == int(coding.duration_ms(said) // 50)
        lengths_ms.append(coding.duration_ms(said))
        words.add(await config.parts.ears.hear(coding.to_pcm24k(said)))
        loudest = max(abs(int.from_bytes(two, "little", signed=True)) for two in chunks_of(coding.to_pcm24k(said), 2))
        assert loudest > 3000, "it is speech, not noise around zero"
    assert all(abs(one - other) <= 1 for one, other in pairwise(lengths_ms))
    assert all(words), words
    assert PCM16.duration_ms(said) != lengths_ms[-1]
