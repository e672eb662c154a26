"""The text endpoints beside the socket, which write summaries."""

from __future__ import annotations

import pytest
from openai import AsyncOpenAI, AuthenticationError

from realtime_helpers.simulator import Config, Simulator


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
