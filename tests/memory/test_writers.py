"""Writers against the real simulator, over HTTP and out of band; what they send, and what they make of bad answers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from openai import AsyncOpenAI, BadRequestError

from realtime_helpers.conversation import Item, Turn, Usage
from realtime_helpers.memory import (
    AskOutOfBand,
    CarefulSummariser,
    ChatSummariser,
    OutOfBandSummariser,
    ResponsesSummariser,
    SummaryError,
    SummaryRefusedError,
    SummaryRequest,
    SummaryStyle,
    hear,
)
from realtime_helpers.memory.summariser import transcript_line
from realtime_helpers.simulator import Config, Simulator
from realtime_helpers.simulator.faults import Faults, load_scenario

from ..simulator.desk import Desk
from ..wire.stream import Client, connect
from ..wire.talk import listen, voice
from .talks import chatter, facts, missing, reply, request, user

FORMS = ("paragraph", "bullets", "json")
DOG = request(("my dog is called biscuit", "Thank you."), ("i live in lisbon", "Thank you."))


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="x") as opened:
        yield opened


# -- the material -----------------------------------------------------------------------------------------


def test_only_the_heard_part_of_an_interrupted_reply_is_material() -> None:
    cut = reply("one two three four five six seven eight", spoken=True, audio_ms=8000.0, heard_ms=4000)
    assert transcript_line(cut) == "Assistant: one two three four"
    assert transcript_line(reply("never heard", spoken=True, audio_ms=8000.0, heard_ms=0)) == ""


def test_calls_carry_their_ids_and_system_items_are_nobodys_words() -> None:
    call = Item("f1", "function_call", None, text='{"people": 2}', call_id="call_1", name="book")
    output = Item("o1", "function_call_output", None, text='{"id": "R-7"}', call_id="call_1")
    assert transcript_line(call) == 'Tool: called book with {"people": 2} (call id call_1)'
    assert transcript_line(output) == 'Tool: answered {"id": "R-7"} (call id call_1)'
    assert transcript_line(Item("s1", "message", "system", text="Be brief.")) == "System: Be brief."


# -- text models ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", [ChatSummariser, ResponsesSummariser])
@pytest.mark.parametrize("form", FORMS)
async def test_text_models_write_every_form_and_say_what_it_took(client: AsyncOpenAI, writer: Any, form: Any) -> None:
    style = SummaryStyle(form=form)
    written = await CarefulSummariser(writer(client, "gpt-6-luna", style), style)(DOG)
    assert missing(written.text, ["biscuit", "lisbon"]) == []
    assert written.model == "gpt-6-luna"
    assert written.usage.input_text > 50
    assert written.usage.output_text > 10
    match form:
        case "bullets":
            assert all(line.startswith("- ") for line in written.text.splitlines())
        case "json":
            assert orjson.loads(written.text)["facts"] == ["“my dog is called biscuit”", "“i live in lisbon”"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rounds", [5, 20])
async def test_ten_facts_survive_many_summaries_over_http(client: AsyncOpenAI, form: Any, rounds: int) -> None:
    style, rng = SummaryStyle(form=form), random.Random(1)
    write = CarefulSummariser(ChatSummariser(client, "m", style), style, tries=1)
    summary: str | None = None
    for number in range(rounds):
        summary = (await write(request(*(chatter(rng) if number else facts()), previous=summary))).text
        assert missing(summary) == []


class Endpoint:
    """Stands for a text model that answers as told; keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, {}
        self.chat = self.completions = self.responses = self

    def with_options(self, **options: Any) -> Endpoint:
        self.options = options
        return self

    async def create(self, **asked: Any) -> Any:
        self.asked = asked
        return self.answer


def chat_answer(**changes: Any) -> Any:
    from openai.types.chat import ChatCompletion

    message = {"role": "assistant", "content": changes.get("content"), "refusal": changes.get("refusal")}
    choice = {"index": 0, "message": message, "finish_reason": changes.get("finish_reason", "stop")}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
             "prompt_tokens_details": {"cached_tokens": 64}}  # fmt: skip
    return ChatCompletion.model_validate(
        {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    )


def response_answer(part: dict[str, Any], status: str = "completed", error: Any = None) -> Any:
    from openai.types.responses import Response

    message = {"id": "m", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    usage = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
             "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 107}  # fmt: skip
    return Response.model_validate(
        {"id": "r", "object": "response", "created_at": 0, "model": "m", "status": status, "output": [message],
         "usage": usage, "error": error, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True}
    )  # fmt: skip


SPENT = Usage(100, cached_text=64, output_text=7)


async def test_cached_tokens_are_counted_and_the_hidden_retries_of_the_client_are_off() -> None:
    endpoint: Any = Endpoint(chat_answer(content="They talked."))
    written = await ChatSummariser(endpoint, "m", SummaryStyle(form="json"))(DOG)
    assert written.usage == SPENT
    assert endpoint.options["max_retries"] == 0
    schema = endpoint.asked["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["additionalProperties"] is False
    assert set(schema["schema"]["required"]) == set(schema["schema"]["properties"])
    text = {"type": "output_text", "text": "They talked.", "annotations": []}
    endpoint = Endpoint(response_answer(text))
    assert (await ResponsesSummariser(endpoint, "m", SummaryStyle())(DOG)).usage == SPENT
    assert "text" not in endpoint.asked


@pytest.mark.parametrize(
    ("writer", "answer", "why"),
    [
        (ChatSummariser, chat_answer(refusal="I will not."), "declined to summarise: I will not."),
        (ChatSummariser, chat_answer(content="They", finish_reason="length"), "cut off"),
        (ChatSummariser, chat_answer(content="", finish_reason="content_filter"), "content filter"),
        (ResponsesSummariser, response_answer({"type": "refusal", "refusal": "I will not."}), "I will not."),
        (
            ResponsesSummariser,
            response_answer({"type": "output_text", "text": "They", "annotations": []}, "incomplete"),
            "cut off",
        ),
        (
            ResponsesSummariser,
            response_answer(
                {"type": "output_text", "text": "", "annotations": []},
                "failed",
                {"code": "server_error", "message": "It broke."},
            ),
            "It broke.",
        ),
    ],
)
async def test_a_refusal_or_half_an_answer_is_an_error_that_says_what_it_cost(
    writer: Any, answer: Any, why: str
) -> None:
    with pytest.raises(SummaryError, match=why) as caught:
        await writer(Endpoint(answer), "m", SummaryStyle())(DOG)
    assert (caught.value.usage, caught.value.model) == (SPENT, "m")


async def test_the_simulator_refuses_schemas_that_rules_cannot_fill(client: AsyncOpenAI) -> None:
    def form(**properties: object) -> Any:
        schema = {"type": "object", "properties": properties}
        return {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}

    asked: Any = [{"role": "system", "content": "Summarise."}, {"role": "user", "content": DOG.material}]
    answer = await client.chat.completions.create(
        model="m", messages=asked, response_format=form(facts={"type": "array"})
    )
    assert list(orjson.loads(answer.choices[0].message.content or "")) == ["facts"]
    for wrong in (form(mood={"type": "string"}), form(facts={"type": "string"})):
        with pytest.raises(BadRequestError, match="cannot fill"):
            await client.chat.completions.create(model="m", messages=asked, response_format=wrong)
    with pytest.raises(BadRequestError, match="only where a transcript"):
        await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hello"}], response_format=form()
        )
    with pytest.raises(BadRequestError, match="json_object"):
        await client.chat.completions.create(model="m", messages=asked, response_format={"type": "json_object"})


# -- the live model, out of band --------------------------------------------------------------------------


def ask_at(desk: Desk) -> AskOutOfBand:
    """What the session provides, without a session."""

    async def ask(response: dict[str, Any]) -> dict[str, Any]:
        return await desk.respond(**response)

    return ask


async def put(desk: Desk, asked: SummaryRequest) -> SummaryRequest:
    """Put the turns of a request into the server's conversation."""
    for turn in asked.turns:
        for item in turn.items:
            kind = "output_text" if item.role == "assistant" else "input_text"
            content = [{"type": kind, "text": item.text}]
            wire = {"id": item.id, "type": "message", "role": item.role, "content": content}
            events = await desk.say("conversation.item.create", item=wire)
            assert events[0]["type"] == "conversation.item.added"
    return asked


async def take_away(desk: Desk, asked: SummaryRequest) -> None:
    for item_id in asked.item_ids:
        await desk.say("conversation.item.delete", item_id=item_id)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rounds", [5, 20])
async def test_ten_facts_survive_many_summaries_out_of_band(form: Any, rounds: int) -> None:
    desk, rng = Desk(), random.Random(2)
    style = SummaryStyle(language="French", form=form)
    write = CarefulSummariser(OutOfBandSummariser(ask_at(desk), style, "gpt-realtime"), style, tries=1)
    summary: str | None = None
    for number in range(rounds):
        asked = await put(desk, request(*(chatter(rng) if number else facts()), previous=summary))
        written = await write(asked)
        await take_away(desk, asked)
        summary = written.text
        assert missing(summary) == []
        assert written.usage.input_text > 50
        assert written.usage.output_text > 10
        assert written.model == "gpt-realtime"
    assert not desk.session.conversation.items, "nothing of it is stored"
    await desk.close()


async def test_out_of_band_refers_to_what_is_there_and_tells_what_is_gone() -> None:
    asked: list[dict[str, Any]] = []

    async def ask(response: dict[str, Any]) -> dict[str, Any]:
        asked.append(response)
        return {"status": "completed", "output": [{"content": [{"type": "output_audio", "transcript": "Said."}]}]}

    turn = Turn((user("gone since", 1, deleted=True), user("", 2, spoken=True), reply("Yes.", 3)))
    written = await OutOfBandSummariser(ask, SummaryStyle())(SummaryRequest((turn,), "Before."))
    assert written.text == "Said."
    assert (asked[0]["conversation"], asked[0]["output_modalities"]) == ("none", ["text"])
    assert asked[0]["tools"] == []
    before, gone, *references, closing = asked[0]["input"]
    assert before["content"][0]["text"] == "Earlier summary:\nBefore."
    assert gone["content"][0]["text"].endswith("User: gone since")
    assert references == [{"type": "item_reference", "id": "u2"}, {"type": "item_reference", "id": "a3"}]
    assert {before["role"], gone["role"], closing["role"]} == {"system"}, "nobody takes it for the user's words"


@pytest.mark.parametrize(
    ("response", "why", "retried"),
    [
        ({"status": "failed", "status_details": {"error": {"code": "server_error", "message": "It broke."}}},
         "failed: It broke.", True),
        ({"status": "failed", "status_details": {"error": {"code": "insufficient_quota", "message": "-"}}},
         "no credit", False),
        ({"status": "failed", "status_details": {"error": {"type": "invalid_request_error", "message": "No."}}},
         "No.", False),
        ({"status": "incomplete", "status_details": {"reason": "content_filter"}}, "content_filter", True),
        ({"status": "cancelled"}, "cancelled: no reason", True),
    ],
)  # fmt: skip
async def test_a_response_that_is_not_completed_is_an_error(response: Any, why: str, retried: bool) -> None:
    usage = {"output_token_details": {"text_tokens": 3}}

    async def ask(_: dict[str, Any]) -> dict[str, Any]:
        return {**response, "usage": usage}

    with pytest.raises(SummaryError, match=why) as caught:
        await OutOfBandSummariser(ask, SummaryStyle(), "live")(DOG)
    assert caught.value.is_worth_retrying is retried
    assert (caught.value.usage.output_text, caught.value.model) == (3, "live")


async def test_the_instructions_of_the_session_make_no_task_of_a_question_out_of_band() -> None:
    desk = Desk()
    await desk.say(
        "session.update", session={"type": "realtime", "instructions": "Old turns are summarised word for word."}
    )
    await put(desk, request(("my dog is called biscuit", "Thank you.")))
    question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "what is my dog called"}]}
    items = [{"type": "item_reference", "id": "u0"}, question]
    plain = await desk.respond(conversation="none", input=items)
    assert plain["output"][0]["content"][0]["text"] == "Your dog is called Biscuit."
    task = await desk.respond(conversation="none", input=items, instructions="Summarise this.")
    assert task["output"][0]["content"][0]["text"].startswith("Summary")
    talk = await desk.respond(instructions="Summarise this.")
    assert "Summary" not in talk["output"][0]["content"][0]["text"], "only work outside the conversation is a task"
    await desk.close()


async def speak(client: Client, config: Config, sentences: list[str]) -> list[str]:
    """Say sentences, and have each answered; returns the ids of the user's items."""
    ids = []
    for sentence in sentences:
        await client.speak(voice(config, sentence))
        ids.append((await client.until("input_audio_buffer.committed"))["item_id"])
        await client.until("response.done")
    return ids


def ask_over(client: Client) -> AskOutOfBand:
    async def ask(response: dict[str, Any]) -> dict[str, Any]:
        await client.send("response.create", response=response)
        while True:
            done = (await client.until("response.done"))["response"]
            if done["metadata"] == response["metadata"]:
                return dict(done)

    return ask


@pytest.mark.parametrize("scenario", ["deaf", "failed-transcripts", "no transcription"])
async def test_the_live_model_hears_what_no_transcript_says(config: Config, scenario: str) -> None:
    said = ["my dog is called biscuit", "i live in lisbon", "my favorite color is green"]
    if scenario != "no transcription":
        config.scenario = load_scenario(scenario)
        certain = tuple(replace(fault, chance=1) for fault in config.scenario.faults)  # no test hangs on luck
        config.scenario = replace(config.scenario, faults=certain)
    async with Simulator(config) as simulator, connect(simulator) as live:
        await listen(live, transcription=None if scenario == "no transcription" else {"model": "whisper-1"})
        ids = await speak(live, config, said)
        completed = live.all("conversation.item.input_audio_transcription.completed")
        assert len(completed) < 3, "this test is about words that were not told"
        before = len(live.events)
        turns = tuple(Turn((Item(item_id, "message", "user", spoken=True),)) for item_id in ids)
        written = await OutOfBandSummariser(ask_over(live), SummaryStyle(), "m")(SummaryRequest(turns))
        assert missing(written.text, ["biscuit", "lisbon", "green"]) == []
        assert written.usage.input_audio > 30, "it listened"
        assert [await hear(ask_over(live), item_id) for item_id in ids] == said
        assert "conversation.item.added" not in live.kinds(before), "nothing of it is stored"


async def test_a_recording_without_words_is_an_error_for_people() -> None:
    async def ask(_: dict[str, Any]) -> dict[str, Any]:
        content = [{"type": "output_text", "text": "[Inaudible]."}]
        return {"status": "completed", "output": [{"content": content}]}

    with pytest.raises(SummaryError, match="No words could be made out"):
        await hear(ask, "item_1")


# -- a summariser that fails ------------------------------------------------------------------------------


async def test_a_busy_summariser_is_asked_again_until_it_answers(config: Config) -> None:
    waits: list[float] = []
    written = await write_through(config, "busy-summariser", waits)
    assert missing(written.text, ["biscuit"]) == []
    assert len(waits) == 2
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


async def write_through(config: Config, scenario: str, waits: list[float], **options: Any) -> Any:
    config.scenario = load_scenario(scenario)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    style = SummaryStyle()
    async with (
        Simulator(config) as simulator,
        AsyncOpenAI(base_url=simulator.base_url, api_key="x") as client,
    ):
        write = ChatSummariser(client, "m", style)
        return await CarefulSummariser(write, style, sleep=sleep, rng=random.Random(1), **options)(DOG)


@pytest.mark.parametrize(
    ("scenario", "why", "costs"),
    [
        ("broken-summariser", r"failed \(HTTP 500\)", False),
        ("silent-summariser", "did not answer in time", False),
        ("empty-summary", "answered with nothing", True),
        ("answering-summariser", "like an answer to the user", True),
    ],
)
async def test_a_summariser_that_stays_broken_is_told_in_a_sentence(
    config: Config, scenario: str, why: str, costs: bool
) -> None:
    waits: list[float] = []
    with pytest.raises(SummaryError, match=f"{why}.*tried 3 times.*Nothing is lost") as caught:
        await write_through(config, scenario, waits, timeout_s=0.2 if scenario == "silent-summariser" else 30.0)
    assert len(waits) == 2
    assert bool(caught.value.usage.input_text) is costs, "three tries that were read are three tries billed"
    assert isinstance(caught.value, SummaryRefusedError) is costs


async def test_the_scenarios_count_every_try(config: Config) -> None:
    """The client's own hidden retries would triple ours."""
    config.scenario = load_scenario("broken-summariser")
    asked = 0

    class Counting(Faults):
        def summary(self) -> Any:
            nonlocal asked
            asked += 1
            return super().summary()

    config.http_faults = lambda scenario: Counting(scenario, random.Random(0))  # type: ignore[method-assign]
    style = SummaryStyle()

    async def at_once(_: float) -> None:
        pass

    async with Simulator(config) as simulator, AsyncOpenAI(base_url=simulator.base_url, api_key="x") as client:
        with pytest.raises(SummaryError):
            await CarefulSummariser(ResponsesSummariser(client, "m", style), style, sleep=at_once)(DOG)
    assert asked == 3
