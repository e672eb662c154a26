"""Section 6.1 of the reference: client secrets, from the request to the session they open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError
from openai.types.realtime import ClientSecretCreateResponse

from realtime_helpers.simulator import Config, Simulator
from realtime_helpers.simulator.session_config import INSTRUCTIONS

from .raw import MODEL, closed, dial, read, send
from .stream import Event

NOW_S = 1_784_851_964
WANTED = {
    "type": "realtime",
    "model": "gpt-realtime",
    "audio": {"output": {"voice": "marin"}},
    "instructions": "Be brief.",
}


@pytest.fixture
def now_s(config: Config) -> list[float]:
    """The clock of the server, to be moved by the test."""
    clock = [float(NOW_S)]
    config.clock = lambda: clock[0]
    config.required_key = "right"
    return clock


@asynccontextmanager
async def keeper(simulator: Simulator, key: str = "right") -> AsyncIterator[AsyncOpenAI]:
    """The SDK of somebody who holds the API key."""
    async with AsyncOpenAI(base_url=simulator.base_url, api_key=key, max_retries=0) as client:
        yield client


async def post(simulator: Simulator, body: Any, path: str = "/v1/realtime/client_secrets") -> tuple[int, Event]:
    url = simulator.base_url.removesuffix("/v1") + path
    headers = {"Authorization": "Bearer right"}
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def secret_for(simulator: Simulator, session: Event | None = None, seconds: int | None = None) -> str:
    body: dict[str, Any] = {} if session is None else {"session": session}
    if seconds is not None:
        body["expires_after"] = {"anchor": "created_at", "seconds": seconds}
    status, answer = await post(simulator, body)
    assert status == 200, answer
    return str(answer["value"])


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.usefixtures("now_s")
async def test_section_6_1_the_answer_is_what_the_sdk_expects(config: Config) -> None:
    async with Simulator(config) as simulator, keeper(simulator) as client:
        secret = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session=WANTED,  # type: ignore[arg-type]
        )
    assert secret.value.startswith("ek_")
    assert secret.expires_at == NOW_S + 60
    assert secret.session.type == "realtime"
    assert secret.session.instructions == "Be brief."


@pytest.mark.usefixtures("now_s")
@pytest.mark.parametrize("path", ["/v1", "/v1/", "/openai/v1"])
async def test_section_6_1_the_whole_session_is_shown(config: Config, path: str) -> None:
    async with Simulator(config) as simulator:
        status, answer = await post(simulator, {"session": WANTED}, f"{path}/realtime/client_secrets")
        async with dial(simulator, "?model=gpt-realtime", headers=bearer("right")) as socket:
            ordinary = (await read(socket))["session"]
    assert status == 200
    ClientSecretCreateResponse.model_validate(answer, strict=True)
    assert set(answer) == {"value", "expires_at", "session"}
    audio = {**ordinary["audio"], "output": {**ordinary["audio"]["output"], "voice": "marin"}}
    assert answer["session"] == {
        **ordinary,
        "id": answer["session"]["id"],
        "instructions": "Be brief.",
        "audio": audio,
        "expires_at": 0,
    }
    assert answer["session"]["id"].startswith("sess_")


@pytest.mark.usefixtures("now_s")
@pytest.mark.parametrize(
    ("body", "life_s"),
    [
        ({}, 600),
        ({"expires_after": None}, 600),
        ({"expires_after": {}}, 600),
        ({"expires_after": {"anchor": "created_at"}}, 600),
        ({"expires_after": {"seconds": 10}}, 10),
        ({"expires_after": {"anchor": "created_at", "seconds": 7200}}, 7200),
    ],
)
async def test_section_6_1_the_life_is_ten_minutes_unless_asked_otherwise(
    config: Config, body: Event, life_s: int
) -> None:
    async with Simulator(config) as simulator:
        status, answer = await post(simulator, body)
    assert (status, answer["expires_at"]) == (200, NOW_S + life_s)


@pytest.mark.usefixtures("now_s")
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": "60"}}, "invalid_type", "expires_after.seconds"),
        ({"expires_after": {"seconds": 60.5}}, "invalid_type", "expires_after.seconds"),
        ({"expires_after": {"seconds": True}}, "invalid_type", "expires_after.seconds"),
        ({"expires_after": 60}, "invalid_type", "expires_after"),
        ({"expires_after": {"anchor": "last_used_at"}}, "invalid_value", "expires_after.anchor"),
        ({"session": {"type": "realtime", "model": "gpt-nope"}}, "invalid_model", "session.model"),
        ({"session": {"type": "realtime", "bogus": 1}}, "unknown_parameter", "session.bogus"),
        ({"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}}, "invalid_value",
         "session.audio.output.voice"),
        ({"session": {"type": "dance"}}, "invalid_value", "session.type"),
        ({"session": {"model": "gpt-realtime"}}, "missing_required_parameter", "session.type"),
        ({"session": "realtime"}, "invalid_type", "session"),
        ([], "invalid_type", "body"),
    ],
)  # fmt: skip
async def test_section_6_1_what_cannot_be_is_refused_at_once(config: Config, body: Any, code: str, param: str) -> None:
    async with Simulator(config) as simulator:
        status, answer = await post(simulator, body)
    assert status == 400
    assert set(answer["error"]) == {"type", "code", "message", "param"}
    assert (answer["error"]["type"], answer["error"]["code"], answer["error"]["param"]) == (
        "invalid_request_error", code, param,
    )  # fmt: skip


@pytest.mark.usefixtures("now_s")
async def test_section_6_1_the_sdk_tells_its_user_what_is_wrong(config: Config) -> None:
    async with Simulator(config) as simulator:
        async with keeper(simulator) as client:
            with pytest.raises(BadRequestError, match="Expected a value >= 10, but got 5"):
                await client.realtime.client_secrets.create(expires_after={"seconds": 5})
        async with keeper(simulator, key="wrong") as client:
            with pytest.raises(AuthenticationError):
                await client.realtime.client_secrets.create()
        async with keeper(simulator, key=await secret_for(simulator)) as client:
            with pytest.raises(AuthenticationError):  # a browser must not make itself new secrets
                await client.realtime.client_secrets.create()


def ways(secret: str) -> list[dict[str, Any]]:
    browser = ["realtime", f"openai-insecure-api-key.{secret}", f"openai-organization.org-{'o' * 24}",
               f"openai-project.proj_{'p' * 24}"]  # fmt: skip
    return [{"headers": bearer(secret)}, {"headers": {}, "subprotocols": browser}]


@pytest.mark.usefixtures("now_s")
@pytest.mark.parametrize("query", ["", MODEL], ids=["no model", "another model"])
async def test_section_6_1_a_secret_opens_its_own_session_as_often_as_wanted(config: Config, query: str) -> None:
    async with Simulator(config) as simulator:
        secret = await secret_for(simulator, WANTED)
        for way in [*ways(secret), *ways(secret)]:
            async with dial(simulator, query, **way) as socket:
                session = (await read(socket))["session"]
                assert session["model"] == "gpt-realtime"
                assert session["instructions"] == "Be brief."
                assert session["audio"]["output"]["voice"] == "marin"
                assert session["expires_at"] == NOW_S + 3600
                assert socket.subprotocol == ("realtime" if "subprotocols" in way else None)
                await send(socket, "session.update", session={"type": "realtime", "instructions": ""})
                assert (await read(socket))["session"]["instructions"] == INSTRUCTIONS


@pytest.mark.usefixtures("now_s")
@pytest.mark.parametrize("session", [None, {"type": "realtime"}, {"type": "realtime", "model": None}])
async def test_section_6_1_a_secret_without_a_model_opens_the_session_it_showed(
    config: Config, session: Event | None
) -> None:
    async with Simulator(config) as simulator:
        status, answer = await post(simulator, {"session": session})
        assert (status, answer["session"]["model"]) == (200, "gpt-realtime")
        secret = str(answer["value"])
        for query, model in (("", "gpt-realtime"), (MODEL, "gpt-realtime-2.1-mini")):
            async with dial(simulator, query, headers=bearer(secret)) as socket:
                assert (await read(socket))["session"]["model"] == model


@pytest.mark.usefixtures("now_s")
@pytest.mark.parametrize("query", ["", MODEL, "?intent=transcription"])
async def test_section_6_1_the_secret_decides_the_kind_of_session(config: Config, query: str) -> None:
    transcription = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": "gpt-transcribe"}, "turn_detection": None}},
    }
    async with Simulator(config) as simulator:
        status, answer = await post(simulator, {"session": transcription})
        assert status == 200
        ClientSecretCreateResponse.model_validate(answer, strict=True)
        async with dial(simulator, query, headers=bearer(answer["value"])) as socket:
            session = (await read(socket))["session"]
            assert session["type"] == "transcription"
            assert session["audio"]["input"]["transcription"]["model"] == "gpt-transcribe"
            assert session["audio"]["input"]["turn_detection"] is None
        async with dial(simulator, query, headers=bearer(await secret_for(simulator, WANTED))) as socket:
            assert (await read(socket))["session"]["type"] == "realtime"


async def refusal(simulator: Simulator, secret: str) -> str:
    """Why a secret was refused, having checked that it was refused as §1.2 says."""
    async with dial(simulator, headers=bearer(secret)) as socket:
        error = (await read(socket))["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
        assert secret not in error["message"]
        end = await closed(socket)
        assert (end.code, end.reason) == (3000, "invalid_request_error.invalid_api_key")
        return str(error["message"])


async def test_section_6_1_a_secret_must_be_alive_when_it_connects_and_only_then(
    config: Config, now_s: list[float]
) -> None:
    async with Simulator(config) as simulator:
        secret = await secret_for(simulator, WANTED, seconds=60)
        now_s[0] = NOW_S + 59
        async with dial(simulator, headers=bearer(secret)) as socket:
            await read(socket)
            now_s[0] = NOW_S + 61
            await send(socket, "input_audio_buffer.clear")
            assert (await read(socket))["type"] == "input_audio_buffer.cleared", "the session outlives its secret"
        assert "expired" in await refusal(simulator, secret)


@pytest.mark.usefixtures("now_s")
async def test_section_6_1_a_secret_cannot_be_made_up_or_changed(config: Config) -> None:
    async with Simulator(config) as simulator:
        secret = await secret_for(simulator, WANTED)
        payload, _, signature = secret.rpartition(".")
        turned = signature[:-2] + ("AA" if not signature.endswith("AA") else "BB")
        for forged in (
            "ek_",
            "ek_1234567890abcdef",
            f"{payload}.{turned}",
            f"{payload[:-1]}.{signature}",
            f"{secret}x",
        ):
            assert "not valid" in await refusal(simulator, forged)


@pytest.mark.usefixtures("now_s")
async def test_section_6_1_any_server_with_the_same_signing_key_knows_a_secret(config: Config) -> None:
    config.signing_key = b"shared by all workers"
    same = Config(parts=config.parts, clock=config.clock, required_key="right", signing_key=b"shared by all workers")
    other = Config(parts=config.parts, clock=config.clock, required_key="right")
    async with Simulator(config) as first:
        secret = await secret_for(first, WANTED)
    async with Simulator(same) as second, dial(second, headers=bearer(secret)) as socket:
        assert (await read(socket))["session"]["instructions"] == "Be brief."
    async with Simulator(other) as stranger:
        assert "not valid" in await refusal(stranger, secret)


@pytest.mark.usefixtures("now_s")
async def test_section_6_1_a_secret_fits_into_a_header_or_is_refused(config: Config) -> None:
    async with Simulator(config) as simulator:
        for length in (100, 2_000, 4_000):
            wanted = {"type": "realtime", "instructions": "Be brief. " * (length // 10)}
            secret = await secret_for(simulator, wanted)
            for way in ways(secret):
                async with dial(simulator, **way) as socket:
                    assert (await read(socket))["session"]["instructions"] == wanted["instructions"]
        status, answer = await post(simulator, {"session": {"type": "realtime", "instructions": noise(20_000)}})
        assert (status, answer["error"]["param"]) == (400, "session")


def noise(length: int) -> str:
    """Text that cannot be compressed."""
    import random

    return "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


@pytest.mark.usefixtures("now_s")
async def test_section_6_1_every_secret_that_is_given_out_can_be_used(config: Config) -> None:
    async with Simulator(config) as simulator:
        longest, too_long = 1_000, 20_000  # characters of instructions
        while too_long - longest > 8:
            length = (longest + too_long) // 2
            status, answer = await post(simulator, {"session": {**WANTED, "instructions": noise(length)}})
            if status == 200:
                longest, secret = length, str(answer["value"])
            else:
                too_long = length
        assert len(secret) > 6_900
        for way in ways(secret):
            async with dial(simulator, **way) as socket:
                assert (await read(socket))["type"] == "session.created"
