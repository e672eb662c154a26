"""What happens right after the upgrade (reference §1.2), and the text endpoints."""

from __future__ import annotations

import orjson
import pytest
from openai import AsyncOpenAI, AuthenticationError
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosedError

from realtime_helpers.simulator import Config, Simulator

from .stream import connect, validate

MODEL = "?model=gpt-realtime-2.1-mini"


@pytest.mark.parametrize(
    ("query", "headers", "code", "close"),
    [
        (MODEL, {}, None, 3000),
        (MODEL, {"Authorization": "Bearer sk-wrong"}, "invalid_api_key", 3000),
        (MODEL, {"Authorization": "Bearer right", "OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled", 4000),
        ("", {"Authorization": "Bearer right"}, "missing_model", 4000),
        ("?model=gpt-nope", {"Authorization": "Bearer right"}, "invalid_model", 4000),
    ],
)
async def test_section_1_2_a_refusal_comes_after_the_upgrade(
    config: Config, query: str, headers: dict[str, str], code: str | None, close: int
) -> None:
    config.required_key = "right"
    async with Simulator(config) as simulator:
        url = simulator.base_url.replace("http", "ws") + "/realtime" + query
        async with dial(url, additional_headers=headers) as socket:
            event = orjson.loads(await socket.recv())
            validate(event)
            assert event["error"]["code"] == code
            with pytest.raises(ConnectionClosedError) as end:
                await socket.recv()
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == close
        assert end.value.rcvd.reason == "invalid_request_error" + (f".{code}" if code else "")


async def test_section_2_1_frames_that_are_no_events_are_refused(simulator: Simulator) -> None:
    url = simulator.base_url.replace("http", "ws") + "/realtime" + MODEL
    async with dial(url, additional_headers={"Authorization": "Bearer x"}) as socket:
        await socket.recv()
        for frame, code in ((b"binary", "invalid_event"), ("{no json", "invalid_json"), ("[1]", "invalid_event")):
            await socket.send(frame)
            event = orjson.loads(await socket.recv())
            validate(event)
            assert event["error"]["code"] == code


async def test_section_1_5_defaults_depend_on_the_model(simulator: Simulator) -> None:
    for model, voice, silence_ms in (("gpt-realtime", "alloy", 200), ("gpt-realtime-2.1", "marin", 500)):
        async with connect(simulator, model) as client:
            audio = client.events[0]["session"]["audio"]
            assert audio["output"]["voice"] == voice
            assert audio["input"]["turn_detection"]["silence_duration_ms"] == silence_ms


async def test_the_default_instructions_do_not_pretend(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        assert "not a language model" in client.events[0]["session"]["instructions"]


async def test_the_ordinary_client_writes_summaries_at_the_same_url(simulator: Simulator) -> None:
    talk = "User: my dog is called biscuit\nAssistant: Thank you.\nUser: tell me a story"
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="x") as client:
        chat = await client.chat.completions.create(
            model="gpt-6-luna",
            messages=[{"role": "system", "content": "Summarise in French."}, {"role": "user", "content": talk}],
        )
        response = await client.responses.create(model="gpt-6-luna", instructions="Summarise in German.", input=talk)
    assert chat.choices[0].message.content is not None
    assert chat.choices[0].message.content.startswith("Résumé")
    assert "« my dog is called biscuit »" in chat.choices[0].message.content
    assert chat.usage is not None
    assert chat.usage.prompt_tokens > 10
    assert response.output_text.startswith("Zusammenfassung")


async def test_a_wrong_key_is_refused_by_the_text_endpoints_too(config: Config) -> None:
    config.required_key = "right"
    async with Simulator(config) as simulator, AsyncOpenAI(base_url=simulator.base_url, api_key="wrong") as client:
        with pytest.raises(AuthenticationError):
            await client.responses.create(model="m", input="hello")
