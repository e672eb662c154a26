"""Text turns over a real socket with the unmodified SDK (reference §3.2, §3.6, §3.7)."""

from __future__ import annotations

from realtime_helpers.simulator import Simulator

from .stream import Client, connect

TEXT_ONLY = {"type": "realtime", "output_modalities": ["text"]}


async def type_turn(client: Client, text: str, **response: object) -> dict[str, object]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await client.send("conversation.item.create", item=item)
    await client.send("response.create", response=response)
    return await client.until("response.done")


async def test_section_3_2_a_text_turn_comes_in_the_recorded_order(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=TEXT_ONLY)
        await client.until("session.updated")
        done = await type_turn(client, "How are you?")
        await client.until("rate_limits.updated")
        assert client.kinds()[2:] == [
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        response = done["response"]
        assert response["status"] == "completed"
        assert "I am fine" in response["output"][0]["content"][0]["text"]
        user, reply = [event for event in client.events if event["type"] == "conversation.item.added"]
        assert user["previous_item_id"] is None
        assert reply["previous_item_id"] == user["item"]["id"]


async def test_section_3_6_a_fitting_tool_is_called_and_its_output_reported(simulator: Simulator) -> None:
    weather = {
        "type": "function",
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    async with connect(simulator) as client:
        await client.send("session.update", session={**TEXT_ONLY, "tools": [weather]})
        done = await type_turn(client, "What is the weather in Lisbon?")
        call = done["response"]["output"][0]
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "get_weather", '{"city":"Lisbon"}')
        assert "response.content_part.added" not in client.kinds()

        output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"sky": "clear"}'}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        answer = await client.until("response.done")
        assert "clear" in answer["response"]["output"][0]["content"][0]["text"]


async def test_section_3_7_an_out_of_band_response_leaves_no_trace(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=TEXT_ONLY)
        await type_turn(client, "My dog is called Biscuit.")
        before = client.count()["conversation.item.added"]
        question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is my name?"}]}
        told = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "My name is Ada."}]}
        response = {"conversation": "none", "input": [told, question], "metadata": {"topic": "name"}}
        await client.send("response.create", response=response)
        created = await client.until("response.created")
        done = await client.until("response.done")
        assert created["response"]["conversation_id"] is None
        assert created["response"]["metadata"] == {"topic": "name"}
        assert "Ada" in done["response"]["output"][0]["content"][0]["text"]
        assert client.count()["conversation.item.added"] == before


async def test_section_3_7_a_reference_brings_an_item_into_a_response(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=TEXT_ONLY)
        await type_turn(client, "My name is Ada.")
        item_id = client.events[2]["item"]["id"]
        question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is my name?"}]}
        for items, expected in (
            ([{"type": "item_reference", "id": item_id}, question], "Ada"),
            ([question], "do not see"),
        ):
            await client.send("response.create", response={"conversation": "none", "input": items})
            done = await client.until("response.done")
            assert expected in done["response"]["output"][0]["content"][0]["text"]


async def test_section_2_4_each_bad_event_gets_one_error_that_names_it(simulator: Simulator) -> None:
    bad = [
        ({"type": "nope"}, "invalid_value", "type"),
        (
            {"type": "session.update", "session": {"output_modalities": ["text"]}},
            "missing_required_parameter",
            "session.type",
        ),
        ({"type": "session.update", "session": {"type": "realtime", "bogus": 1}}, "unknown_parameter", "session.bogus"),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
        ({"type": "input_audio_buffer.append", "audio": "%%%"}, "invalid_value", "audio"),
        ({"type": "conversation.item.delete", "item_id": "x"}, "item_delete_invalid_item_id", None),
        ({"type": "conversation.item.retrieve", "item_id": "x"}, "item_retrieve_invalid_item_id", None),
        (
            {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 0},
            "item_truncate_invalid_item_id",
            None,
        ),
        ({"type": "response.cancel"}, "response_cancel_not_active", None),
    ]
    async with connect(simulator) as client:
        for number, (event, code, param) in enumerate(bad):
            await client.send(
                **{"kind": event["type"], **{k: v for k, v in event.items() if k != "type"}}, event_id=f"e{number}"
            )  # type: ignore[arg-type]
            error = (await client.until("error"))["error"]
            assert (error["code"], error["param"], error["event_id"]) == (code, param, f"e{number}")
        await client.send("session.update", session=TEXT_ONLY)
        done = await type_turn(client, "Hello")
        assert done["response"]["status"] == "completed", "the session goes on after every error"


async def test_section_2_3_items_are_inserted_where_the_client_says(simulator: Simulator) -> None:
    def item(name: str, role: str = "user") -> dict[str, object]:
        kind = "output_text" if role == "assistant" else "input_text"
        return {"id": name, "type": "message", "role": role, "content": [{"type": kind, "text": name}]}

    async with connect(simulator) as client:
        for name, after in (("a", None), ("b", None), ("root", "root"), ("between", "a")):
            fields = {} if after is None else {"previous_item_id": after}
            await client.send("conversation.item.create", item=item(name), **fields)
        for expected in (None, "a", None, "a"):
            added = await client.until("conversation.item.added")
            assert added["previous_item_id"] == expected
        await client.send("conversation.item.create", item=item("a"))
        assert (await client.until("error"))["error"]["code"] == "item_create_duplicate_item_id"
        await client.send("conversation.item.create", item=item("c"), previous_item_id="gone")
        assert (await client.until("error"))["error"]["code"] == "item_create_invalid_previous_item_id"
        await client.send("conversation.item.create", item=item("x" * 33))
        assert (await client.until("error"))["error"]["param"] == "item.id"


async def test_section_4_deleting_an_item_frees_its_tokens_and_breaks_the_cache_behind_it(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=TEXT_ONLY)
        await type_turn(client, "Tell me a long story.")
        first_user = client.events[2]["item"]["id"]
        await type_turn(client, "How are you?")
        third = (await type_turn(client, "How are you?"))["response"]["usage"]
        assert third["input_token_details"]["cached_tokens"] > 64
        await client.send("conversation.item.delete", item_id=first_user)
        await client.until("conversation.item.deleted", item_id=first_user)
        fourth = (await type_turn(client, "How are you?"))["response"]["usage"]
        assert fourth["input_token_details"]["cached_tokens"] <= 64, "only the instructions are still the same"
