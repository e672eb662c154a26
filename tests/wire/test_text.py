"""Items and errors over a real socket with the unmodified SDK (reference §2.3, §2.4)."""

from __future__ import annotations

from realtime_helpers.simulator import Simulator

from .stream import Client, connect

TEXT_ONLY = {"type": "realtime", "output_modalities": ["text"]}


async def type_turn(client: Client, text: str, **response: object) -> dict[str, object]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await client.send("conversation.item.create", item=item)
    await client.send("response.create", response=response)
    return await client.until("response.done")


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
