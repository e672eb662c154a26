"""Reference §3.1, §3.6, §3.7 over a real socket: function calls, out-of-band responses, and how responses end."""

from __future__ import annotations

import pytest

from realtime_helpers.simulator import Config, Pace, Simulator
from realtime_helpers.simulator.faults import Fault, Scenario
from realtime_helpers.simulator.prompt import ToolCall

from .stream import connect
from .talk import (
    CALL,
    TEXT_TURN,
    WEATHER,
    Scripted,
    add,
    heard_ms,
    listen,
    respond,
    response_done,
    tool,
    type_turn,
    typed,
    update,
    voice,
    words,
)

IN_LISBON = "What is the weather in Lisbon?"
IN_TWO_CITIES = "What is the weather in Lisbon and in Paris?"
STORY = "Tell me a long story."
ASK_NAME = typed("What is my name?")


# -- §3.1: what every response shows ------------------------------------------------------------------------


async def test_section_3_1_a_response_shows_what_it_was_made_with(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        done = await type_turn(client, "Hello", output_modalities=["text"], metadata={"a": "b"}, max_output_tokens=99)
        created = client.all("response.created")[0]["response"]
        assert created == {**done, "status": "in_progress", "output": [], "usage": None}
        assert set(done) == {
            "object", "id", "status", "status_details", "output", "conversation_id", "output_modalities",
            "max_output_tokens", "audio", "usage", "metadata",
        }  # fmt: skip
        assert (done["object"], done["max_output_tokens"], done["metadata"]) == ("realtime.response", 99, {"a": "b"})
        assert done["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}
        assert done["conversation_id"].startswith("conv_")


async def test_section_3_1_padding_evens_out_every_delta_of_text(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client)
        await update(client, tools=[WEATHER])
        await client.speak(voice(config, IN_LISBON))
        await response_done(client)
        await type_turn(client, "Hello")
        await type_turn(client, "Hello", output_modalities=["text"])
        deltas = [event for event in client.events if event["type"].endswith(".delta")]
        assert len({event["type"] for event in deltas}) == 5, "text, transcript, audio, arguments, input transcription"
        for delta in deltas:
            if delta["type"] == "response.output_audio.delta":
                assert "obfuscation" not in delta
            else:
                assert len(delta["delta"]) + len(delta["obfuscation"]) == max(16, len(delta["delta"]))


async def test_section_3_1_limits_follow_a_response_and_know_tokens_only(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"])
        for number in (1, 2):
            usage = (await type_turn(client, "Hello"))["usage"]
            limits = await client.until("rate_limits.updated")
            assert client.kinds()[-2:] == ["response.done", "rate_limits.updated"]
            (tokens,) = limits["rate_limits"]
            assert tokens["name"] == "tokens"
            assert tokens["limit"] - tokens["remaining"] >= usage["total_tokens"] * 0.9, number
            assert tokens["reset_seconds"] > 0


@pytest.mark.parametrize("limit", [1, 20, 60])
async def test_section_3_1_a_text_that_reaches_the_limit_is_incomplete(simulator: Simulator, limit: int) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"])
        response = await type_turn(client, STORY, max_output_tokens=limit)
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert response["usage"]["output_tokens"] <= limit
        assert all(item["status"] == "incomplete" for item in response["output"])
        assert (await type_turn(client, "Hello"))["status"] == "completed"


async def test_section_3_1_speech_that_reaches_the_limit_is_incomplete(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client)
        await update(client, max_output_tokens=100)
        await client.speak(voice(config, STORY))
        response = await response_done(client)
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert 60 < response["usage"]["output_tokens"] <= 100
        assert response["usage"]["output_token_details"]["audio_tokens"] == heard_ms(client, response) // 50
        assert response["output"][0]["status"] == "incomplete"


async def test_section_3_1_a_failed_response_says_why_and_the_session_goes_on(config: Config) -> None:
    config.scenario = Scenario(faults=(Fault("response", "failed", code="rate_limit_exceeded", times=1),))
    async with Simulator(config) as simulator, connect(simulator) as client:
        response = await type_turn(client, "Hello", output_modalities=["text"])
        assert (response["status"], response["output"]) == ("failed", [])
        assert response["status_details"]["type"] == "failed"
        assert response["status_details"]["error"]["code"] == "rate_limit_exceeded"
        assert (await respond(client, output_modalities=["text"]))["status"] == "completed"


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_section_3_1_a_filtered_response_is_incomplete(config: Config, modality: str) -> None:
    config.scenario = Scenario(faults=(Fault("response", "incomplete", times=1),))
    async with Simulator(config) as simulator, connect(simulator) as client:
        response = await type_turn(client, STORY, output_modalities=[modality])
        assert response["status_details"] == {"type": "incomplete", "reason": "content_filter"}
        assert [item["status"] for item in response["output"]] == ["incomplete"]


async def test_section_3_1_reasoning_models_name_the_phase_of_a_message(simulator: Simulator) -> None:
    for model, phases in (("gpt-realtime-2.1", ["final_answer"]), ("gpt-realtime", [])):
        async with connect(simulator, model) as client:
            response = await type_turn(client, "Hello", output_modalities=["text"])
            assert [item["phase"] for item in response["output"] if "phase" in item] == phases


async def test_section_1_6_speed_shortens_the_same_sentence(simulator: Simulator) -> None:
    lengths = []
    for speed in (1.0, 1.5):
        async with connect(simulator) as client:
            await update(client, audio={"output": {"speed": speed}})
            lengths.append(heard_ms(client, await type_turn(client, "Who are you?")))
    assert 1.3 < lengths[0] / lengths[1] < 1.7


# -- §3.6: function calls -----------------------------------------------------------------------------------


async def test_section_3_6_one_call_comes_in_the_recorded_order(simulator: Simulator) -> None:
    async with connect(simulator, "gpt-realtime") as client:
        await update(client, output_modalities=["text"], tools=[WEATHER])
        await add(client, typed(IN_LISBON))
        begin = len(client.events)
        response = await respond(client)
        await client.until("rate_limits.updated")
        assert client.kinds(begin) == ["response.created", *CALL, "response.done", "rate_limits.updated"]
        (call,) = response["output"]
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "get_weather", '{"city":"Lisbon"}')

        output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"sky": "clear"}'}
        echoed = await add(client, output)
        assert echoed == {**output, "id": echoed["id"]}, "an output has no status"
        assert "clear" in words(await respond(client))


async def test_section_3_6_several_calls_are_items_of_one_response(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"], tools=[WEATHER])
        response = await type_turn(client, IN_TWO_CITIES)
        assert [call["arguments"] for call in response["output"]] == ['{"city":"Lisbon"}', '{"city":"Paris"}']
        assert len({call["call_id"] for call in response["output"]}) == 2
        assert [event["output_index"] for event in client.all("response.output_item.added")] == [0, 1]
        for call, sky in zip(response["output"], ("clear", "grey"), strict=True):
            await add(client, {"type": "function_call_output", "call_id": call["call_id"], "output": sky})
        answer = words(await respond(client))
        assert "clear" in answer
        assert "grey" in answer


@pytest.mark.parametrize("where", ["session", "response"])
async def test_section_3_6_without_parallel_calls_there_is_one(simulator: Simulator, where: str) -> None:
    only_one = {"parallel_tool_calls": False}
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"], tools=[WEATHER], **(only_one if where == "session" else {}))
        response = await type_turn(client, IN_TWO_CITIES, **(only_one if where == "response" else {}))
        assert [item["type"] for item in response["output"]] == ["function_call"]


async def test_section_3_6_a_model_that_does_not_reason_calls_one_after_the_other(simulator: Simulator) -> None:
    async with connect(simulator, "gpt-realtime") as client:
        await update(client, output_modalities=["text"], tools=[WEATHER])
        response = await type_turn(client, IN_TWO_CITIES)
        for city, sky in (("Lisbon", "clear"), ("Paris", "grey")):
            (call,) = response["output"]
            assert call["arguments"] == f'{{"city":"{city}"}}'
            await add(client, {"type": "function_call_output", "call_id": call["call_id"], "output": sky})
            response = await respond(client)
        assert words(response) == "Here is what I found. clear. grey."


async def test_section_3_6_the_choice_of_a_tool_can_be_forced_or_forbidden(simulator: Simulator) -> None:
    tools = [WEATHER, tool("end_session", "reason")]
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"], tools=tools)
        forced = await type_turn(client, "Hello", tool_choice={"type": "function", "name": "end_session"})
        assert [item["name"] for item in forced["output"]] == ["end_session"]
        required = await type_turn(client, "Hello", tool_choice="required")
        assert [item["type"] for item in required["output"]] == ["function_call"]
        forbidden = await type_turn(client, IN_LISBON, tool_choice="none")
        assert [item["type"] for item in forbidden["output"]] == ["message"]


async def test_section_3_6_words_before_a_call_close_inside_its_events(config: Config) -> None:
    call = ToolCall("get_weather", {"city": "Lisbon"})
    config.parts.responder = Scripted(["Let me look.", call], ["It is clear."])
    async with Simulator(config) as simulator, connect(simulator, "gpt-realtime-2.1") as client:
        await update(client, output_modalities=["text"], tools=[WEATHER])
        await add(client, typed(IN_LISBON))
        begin = len(client.events)
        response = await respond(client)
        assert client.kinds(begin) == [
            *TEXT_TURN[:5],
            *CALL[:3],
            *TEXT_TURN[5:9],
            *CALL[3:],
            "response.done",
        ], "the recorded order: the message closes before the arguments are done"
        assert [item.get("phase") for item in response["output"]] == ["commentary", None]
        output = {"type": "function_call_output", "call_id": response["output"][1]["call_id"], "output": "clear"}
        await add(client, output)
        assert [item["phase"] for item in (await respond(client))["output"]] == ["final_answer"]


async def test_section_3_6_a_spoken_reply_can_call_too(config: Config) -> None:
    config.parts.responder = Scripted(["Let me look.", ToolCall("get_weather", {"city": "Lisbon"})])
    async with Simulator(config) as simulator, connect(simulator, "gpt-realtime-2.1") as client:
        await update(client, tools=[WEATHER])
        response = await type_turn(client, IN_LISBON)
        assert [item["type"] for item in response["output"]] == ["message", "function_call"]
        assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "Let me look."}]


async def test_section_3_6_a_second_response_has_to_wait_for_the_first(config: Config) -> None:
    config.pace = Pace(audio_speed=4.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await client.send("conversation.item.create", item=typed(STORY))
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.create", event_id="second")
        error = (await client.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")
        await client.send("response.cancel")
        assert (await response_done(client))["status"] == "cancelled"


# -- §3.7: out-of-band responses ----------------------------------------------------------------------------


async def test_section_3_7_an_out_of_band_response_leaves_no_trace(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"])
        await type_turn(client, "My dog is called Biscuit.")
        await client.until("rate_limits.updated")
        begin = len(client.events)
        response = await respond(
            client, conversation="none", input=[typed("My name is Ada."), ASK_NAME], metadata={"topic": "name"}
        )
        await client.until("rate_limits.updated")
        assert client.kinds(begin) == [kind for kind in TEXT_TURN if not kind.startswith("conversation")]
        created = client.all("response.created")[-1]["response"]
        assert (created["conversation_id"], created["metadata"]) == (None, {"topic": "name"})
        assert "Ada" in words(response)
        assert "do not see" in words(await type_turn(client, "What is my name?")), "nothing of it was stored"


async def test_section_3_7_a_reference_brings_an_item_into_a_response(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"])
        told = await add(client, typed("My name is Ada."))
        reference = {"type": "item_reference", "id": told["id"]}
        known = await respond(client, conversation="none", input=[reference, ASK_NAME])
        assert "Ada" in words(known)
        unknown = await respond(client, conversation="none", input=[ASK_NAME])
        assert "do not see" in words(unknown)
        await client.send("response.create", response={"input": [{"type": "item_reference", "id": "item_nowhere"}]})
        assert "item_nowhere" in (await client.until("error"))["error"]["message"]


async def test_section_3_7_without_input_it_reads_the_conversation(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await add(client, typed("My name is Ada."))
        await add(client, ASK_NAME)
        assert "Ada" in words(await respond(client, conversation="none", output_modalities=["text"]))


async def test_section_3_7_with_empty_input_there_is_no_history_but_the_answer_is_stored(
    simulator: Simulator,
) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"])
        full = await type_turn(client, "My name is Ada.")
        answer = await respond(client, input=[])
        assert "Ada" not in words(answer)
        assert answer["usage"]["input_tokens"] < full["usage"]["input_tokens"]
        assert answer["conversation_id"] is not None
        assert client.all("conversation.item.added")[-1]["item"]["id"] == answer["output"][0]["id"]


async def test_section_3_7_several_run_at_once_beside_the_conversation(config: Config) -> None:
    config.pace = Pace(audio_speed=8.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await client.send("conversation.item.create", item=typed(STORY))
        await client.send("response.create", response={"metadata": {"n": "main"}})
        for number in ("1", "2"):
            beside = {"conversation": "none", "input": [typed("Who are you?")], "metadata": {"n": number}}
            await client.send("response.create", response=beside)
        created = [(await client.until("response.created"))["response"] for _ in range(3)]
        assert [response["metadata"] for response in created] == [{"n": "main"}, {"n": "1"}, {"n": "2"}]
        assert not client.all("response.done"), "all three are in progress"
        await client.send("response.cancel", response_id=created[1]["id"])
        ended = {(done := await response_done(client))["metadata"]["n"]: done["status"] for _ in range(2)}
        assert ended == {"1": "cancelled", "2": "completed"}
        await client.send("response.cancel")
        assert (await response_done(client))["status"] == "cancelled", "without an id it means the conversation's"


async def test_section_3_7_an_interruption_does_not_reach_it(config: Config) -> None:
    config.pace = Pace(audio_speed=4.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, STORY))
        await client.until("response.output_audio.delta")
        beside = {"conversation": "none", "input": [typed("Who are you?")], "metadata": {"n": "beside"}}
        await client.send("response.create", response=beside)
        await client.until("response.created")
        await client.speak(voice(config, "How are you today?"))
        ended = [await response_done(client) for _ in range(3)]
        assert {(response["metadata"] or {}).get("n"): response["status"] for response in ended[1:]} | {
            "first": ended[0]["status"]
        } == {"first": "cancelled", None: "completed", "beside": "completed"}
