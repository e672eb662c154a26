"""Calls of tools on the wire: in which order they are answered, and when a reply is asked for (reference §3.6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from realtime_helpers import SummaryPolicy
from realtime_helpers.session.calls import MOST_ROUNDS, Call
from realtime_helpers.simulator.faults import Fault
from tests.memory.people import QuickVoice

from .call_world import CallWorld, Job, Plan

VOICE = QuickVoice()
FIRST, REASONING = "gpt-realtime", "gpt-realtime-2.1"
Begin = Callable[..., CallWorld]
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather.",
           "parameters": {"type": "object", "properties": {}}}  # fmt: skip


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins a talk that is stopped afterwards, with nothing left."""
    worlds: list[CallWorld] = []

    def make(**options: Any) -> CallWorld:
        worlds.append(CallWorld(VOICE, **{"speaks": False, **options}))
        return worlds[-1]

    yield make
    for world in worlds:
        assert not world.close(), "tasks are left"


def wire(world: CallWorld) -> list[str]:
    """What was said about calls and replies, in the order of the client."""
    short = {"response.created": "created", "response.done": "done", "response.create": "ask"}
    told = []
    for way, event in world.events:
        item = event.get("item") or {}
        if event["type"] in short:
            told.append(short[event["type"]])
        elif item.get("type") == "function_call_output" and event["type"] in {
            "conversation.item.create", "conversation.item.added",
        }:  # fmt: skip
            told.append(f"{'answer' if way == 'sent' else 'added'} {item['output']}")
        elif item.get("type") == "function_call" and event["type"] == "conversation.item.done":
            told.append("call")
        elif event["type"] in {"input_audio_buffer.speech_started", "input_audio_buffer.committed"}:
            told.append(event["type"].rpartition("_")[2].rpartition(".")[2])
    return told


@pytest.mark.parametrize("model", [FIRST, REASONING])
@pytest.mark.parametrize("speaks", [False, True])
def test_one_call_is_answered_after_its_response_and_then_a_reply_is_asked_for(
    begin: Begin, model: str, speaks: bool
) -> None:
    world = begin(model=model, speaks=speaks)
    world.type_text(Plan([[Job(takes_s=0.5)]]))
    world.wait_until_quiet()
    assert wire(world) == ["ask", "created", "call", "done", "answer r1p0x", "ask", "added r1p0x", "created", "done"]
    world.check()
    (call,) = world.now.calls
    assert (call.name, call.state, call.output, call.problem) == ("work", "answered", "r1p0x", None)
    assert call.duration_ms == pytest.approx(500)
    assert world.now.has_answered(1)


@pytest.mark.parametrize("speaks", [False, True])
def test_words_and_a_call_that_overlap_in_one_response_are_told_apart(begin: Begin, speaks: bool) -> None:
    world = begin(model=REASONING, speaks=speaks)
    world.type_text(Plan([[Job()]], speaks_first=True))
    world.wait_until_quiet()
    kinds = [item.kind for item in world.now.turns[0].items]
    assert kinds == ["message", "message", "function_call", "function_call_output", "message"]
    texts = [item.text for item in world.now.turns[0].items if item.role == "assistant"]
    assert texts[0].strip() == "Let me look."
    assert texts[1].startswith("Yes, a1x")
    world.check()


def test_parallel_calls_run_at_the_same_time_and_are_answered_together_in_their_order(begin: Begin) -> None:
    world = begin(model=REASONING)
    world.type_text(Plan([[Job(3), Job(1), Job(2)]]))
    world.wait_until_quiet()
    answers = ["answer r1p0x", "answer r1p1x", "answer r1p2x"]
    added = [answer.replace("answer", "added") for answer in answers]
    assert wire(world) == ["ask", "created", *["call"] * 3, "done", *answers, "ask", *added, "created", "done"]
    assert [round(call.duration_ms or 0) for call in world.now.calls] == [3000, 1000, 2000]
    assert world.loop.time() < 6, "they ran one after the other"
    world.check()


def test_what_is_told_twice_is_done_once(begin: Begin) -> None:
    world = begin()
    for kind in ("response.done", "conversation.item.done", "response.function_call_arguments.done"):
        world.hand.strikes[kind] = deque([Fault("event", "duplicated")])
    world.type_text(Plan([[Job()]]))
    world.wait_until_quiet()
    assert world.worked == {(1, 0): 1}
    world.check()


# -- what goes wrong with a tool ----------------------------------------------------------------------------


def test_a_tool_that_never_returns_is_answered_when_its_time_is_up(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(way="hangs")]]))
    assert world.run_until(lambda: bool(world.now.calls))
    assert world.now.state.value == "thinking"
    world.wait_until_quiet()
    assert 15 < world.loop.time() < 20
    assert world.now.calls[0].state == "timed out"
    assert "gave no answer within 15 seconds" in str(world.now.calls[0].output)
    assert world.now.turns[0].is_settled, "or no memory would ever cover it"
    world.check()


def test_an_exception_is_told_to_the_developer_and_its_kind_to_the_model(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(way="raises"), Job(way="reports")]]))
    world.wait_until_quiet()
    broken, reported = world.now.calls
    assert (broken.state, reported.state) == ("failed", "failed")
    assert "OSError" in str(broken.output)
    assert "secret" in str(broken.problem)
    assert "there is none left" in str(reported.output)
    assert world.now.problems == ("The tool work failed; snapshot.calls says why.",)
    world.check()


def test_a_call_of_a_tool_that_nobody_declared_is_answered_too(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job()]], tool="wrok"))
    world.wait_until_quiet()
    assert world.now.calls[0].state == "unknown"
    assert "There are: work." in str(world.now.calls[0].output)
    assert world.now.has_answered(1)
    world.check()


def test_memory_goes_on_around_a_tool_that_takes_its_time(begin: Begin) -> None:
    world = begin(policy=SummaryPolicy(trigger_tokens=60, keep_turns=1, least_saving_tokens=1))
    world.type_text(Plan([[Job(takes_s=14)]]))
    world.run(500)
    for _ in range(4):
        world.type_text(Plan())
        world.run(2500)
    (call,) = [item for item in world.now.items if item.kind == "function_call"]
    assert world.now.summaries, "what is settled is summarised meanwhile"
    assert call.id in [item.id for item in world.now.items], "a call that waits for its output stays"
    world.run(8000)
    world.wait_until_quiet()
    for _ in range(3):
        world.type_text(Plan())
        world.wait_until_quiet()
    kinds = {item.kind for item in world.now.items}
    assert kinds == {"message"}, "call and output left together"
    world.check()


# -- the model does not stop --------------------------------------------------------------------------------


def test_a_chain_of_calls_goes_round_by_round(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job()], [Job(), Job()], [Job()]]))
    world.wait_until_quiet()
    assert len(world.sent("response.create")) == 4
    assert len(world.now.calls) == 4
    assert world.now.problems == ()
    world.check()


def test_an_endless_chain_ends_in_words(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job()]] * (MOST_ROUNDS + 5)))
    world.wait_until_quiet()
    assert len(world.now.calls) == MOST_ROUNDS
    asked = [event.get("response") for event in world.sent("response.create")]
    assert asked == [*[None] * MOST_ROUNDS, {"tool_choice": "none"}]
    assert world.now.problems == (
        f"The model called tools {MOST_ROUNDS} times in a row; now it is asked to answer without.",
    )
    assert world.now.has_answered(1)
    world.type_text(Plan([[Job()], [Job()]]))
    world.wait_until_quiet()
    assert len(world.now.calls) == MOST_ROUNDS + 2, "the next turn begins anew"
    world.check()


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "work"}])
def test_a_tool_that_must_be_called_is_called_once_a_turn(begin: Begin, choice: Any) -> None:
    world = begin(tool_choice=choice)
    for _ in range(2):
        world.type_text(Plan([[Job()]]))
        world.wait_until_quiet()
    asked = [event.get("response") for event in world.sent("response.create")]
    assert asked == [None, {"tool_choice": "auto"}] * 2
    world.check()


# -- the user does not wait ---------------------------------------------------------------------------------


def test_an_output_that_comes_while_the_user_speaks_is_read_by_the_reply_to_that(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=1.5)]]))
    world.run(900)
    world.speak(Plan())
    world.wait_until_quiet()
    told = wire(world)[4:]
    assert told == ["started", "answer r1p0x", "added r1p0x", "committed", "created", "done"], "no second reply"
    world.check()
    assert world.now.has_answered(1)


def test_an_output_that_comes_during_the_reply_to_something_else_gets_a_reply_of_its_own(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(way="waits")]]))
    world.run(900)
    world.speak(Plan())
    assert world.run_until(lambda: wire(world).count("created") == 2)
    world.do(world.go_on.set)
    world.wait_until_quiet()
    told = wire(world)[4:]
    assert told == [
        "started", "committed", "created", "answer r1p0x", "added r1p0x", "done", "ask", "created", "done",
    ]  # fmt: skip
    world.check()
    assert world.now.turns[0].open_calls, "the output is in the turn that came after"
    assert world.now.has_answered(1)
    assert world.now.has_answered(2)


def test_a_turn_that_is_typed_meanwhile_is_answered_at_once_and_the_outputs_later(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=5)]]))
    world.run(1000)
    world.type_text(Plan())
    assert world.run_until(lambda: bool(world.now.turns[-1].assistant_text), 3), "nobody waits for the tool"
    world.wait_until_quiet()
    assert wire(world)[4:] == ["ask", "created", "done", "answer r1p0x", "ask", "added r1p0x", "created", "done"]
    world.check()


def test_calls_of_a_response_that_was_interrupted_are_not_carried_out(begin: Begin) -> None:
    world = begin(speaks=True)
    world.type_text(Plan([[Job(), Job()]], thinks_s=3))
    assert world.run_until(lambda: "call" in wire(world))
    world.speak(Plan())
    world.wait_until_quiet()
    assert world.worked == {}
    assert [call.state for call in world.now.calls] == ["not run"], "the first was whole, the second never began"
    told = wire(world)
    assert told[:5] == ["ask", "created", "call", "started", "done"]
    assert told[5].startswith('answer {"error":"Not carried out')
    assert told.count("ask") == 1, "only the user's new turn is answered"
    world.check()


# -- the line is lost ---------------------------------------------------------------------------------------


def server(world: CallWorld) -> list[str]:
    """Kinds of the items on the server."""
    return [item.wire["type"] for item in world.server_items]


def test_a_line_lost_while_a_tool_runs_costs_neither_the_call_nor_its_output_nor_the_answer(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=4)]]))
    world.run(1000)
    world.do(world.service.line.cut)
    world.wait_until_quiet()
    assert len(world.service.lines) == 2
    assert world.worked == {(1, 0): 1}
    assert server(world) == ["message", "function_call", "function_call_output", "message"]
    again = ["call", "answer r1p0x", "ask", "added r1p0x", "created", "done"]
    assert wire(world)[4:] == again, "the call is put back, and not made again"
    world.check()


def test_a_question_that_still_waits_for_its_answer_comes_back_as_a_question(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(way="waits")]], speaks_first=True))
    world.run(900)
    world.speak(Plan())
    assert world.run_until(lambda: "started" in wire(world))
    world.do(world.go_on.set)
    assert world.run_until(lambda: "added r1p0x" in wire(world))
    world.do(world.service.line.cut)
    world.wait_until_quiet()
    assert "committed" not in wire(world)[: wire(world).index("added r1p0x")], "the user was speaking all the time"
    kinds = ["message", "message", "function_call", "function_call_output"]
    assert server(world)[:4] == kinds, "not as memory, although the assistant had said something already"
    world.check()


def test_the_answer_to_an_earlier_question_is_owed_after_a_lost_line(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=6)]]))
    world.run(1000)
    world.type_text(Plan())
    world.run(1000)
    world.do(world.service.line.cut)
    world.wait_until_quiet()
    assert server(world) == ["message", "function_call", "message", "message", "function_call_output", "message"]
    assert world.now.has_answered(1)
    world.check()


@pytest.mark.parametrize(
    "kind",
    ["conversation.item.done", "response.output_item.done", "response.done", "conversation.item.added",
     "response.created", "response.output_item.added", "response.function_call_arguments.done"],
)  # fmt: skip
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_line_lost_at_any_event_of_a_call_and_its_answer(begin: Begin, kind: str, nth: int) -> None:
    world = begin()
    seen = 0

    def cut(way: Any, event: dict[str, Any], now_s: float) -> None:
        nonlocal seen
        if way == "received" and event["type"] == kind and len(world.service.lines) == 1:
            seen += 1
            if seen == nth:
                world.service.line._down.clear()
                world.service.line.cut()

    world.session._observers._all.append(cut)
    world.type_text(Plan([[Job(takes_s=1), Job(takes_s=0.5)]]))
    world.wait_until_quiet()
    world.check()
    assert world.now.has_answered(1)
    said = world.now.turns[0].items
    answers = [item for item in said if item.role == "assistant" and item.status == "completed"]
    was_whole = (kind, nth) == ("response.output_item.done", 3)  # only its response was not done yet
    assert len(answers) == (2 if was_whole else 1)


def test_an_output_on_its_way_when_the_line_is_cut_is_sent_again(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=1)]]))
    world.run(700)
    world.hand.cuts.add("conversation.item.create")  # the next one is the output
    world.wait_until_quiet()
    assert len(world.service.lines) == 2
    assert wire(world).count("answer r1p0x") == 2
    assert wire(world).count("added r1p0x") == 1
    world.check()


def test_an_output_that_is_refused_is_sent_again_and_then_read(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=1)]]))
    world.run(700)
    world.hand.refusals["conversation.item.create"] = 2
    world.wait_until_quiet()
    assert wire(world).count("answer r1p0x") == 3
    assert world.now.problems == ()
    world.check()


def test_an_output_that_is_always_refused_is_given_up_in_a_sentence(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=1)]]))
    world.run(700)
    world.hand.refusals["conversation.item.create"] = 100
    assert world.run_until(lambda: bool(world.now.problems))
    world.hand.rest()
    world.wait_until_quiet()
    assert "The output of a tool was not accepted" in world.now.problems[0]
    world.type_text(Plan())
    world.wait_until_quiet()
    assert world.now.turns[-1].assistant_text, "the talk goes on"


def test_a_reply_that_is_always_refused_is_given_up_in_a_sentence(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=1)]]))
    world.run(700)
    world.hand.refusals["response.create"] = 100
    assert world.run_until(lambda: any("was not given" in problem for problem in world.now.problems))
    assert len(world.sent("response.create")) == 1 + 5
    world.hand.rest()
    world.wait_until_quiet()


def test_every_way_a_call_can_end_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
    states = {state for one in get_args(get_type_hints(Call)["state"]) for state in get_args(one) or (one,)}
    assert len(states) == 9
    assert {state for state in states - {"running"} if f"| `{state}` |" not in page} == set()


# -- tools of others ----------------------------------------------------------------------------------------


def test_a_tool_that_was_declared_in_the_config_is_answered_by_whoever_declared_it(begin: Begin) -> None:
    world = begin(tools=[WEATHER])
    world.type_text(Plan([[Job(), Job()]], tool="get_weather"))
    world.run(20_000)
    first, second = world.now.calls
    assert (first.state, second.state, first.output) == ("yours", "yours", None)
    assert wire(world)[-1] == "done", "they wait for as long as it takes"
    world.do(lambda: world.session.answer_call(second.id, "sunny"))
    world.run(1000)
    assert wire(world)[-1] == "added sunny", "the other one is not answered yet"
    world.do(lambda: world.session.answer_call(first.id, "rainy"))
    world.wait_until_quiet()
    assert wire(world)[-6:] == ["added sunny", "answer rainy", "ask", "added rainy", "created", "done"]
    assert [call.state for call in world.now.calls] == ["answered", "answered"]
    world.check()
    world.do(lambda: world.session.answer_call(first.id, "rainy"))
    world.do(lambda: world.session.answer_call("call_x", "rainy"))
    assert world.now.problems[0] == f"There is no open call '{first.id}' to answer."
    assert wire(world)[-1] == "done", "no call is answered twice"


def test_our_tool_and_one_of_the_config_in_one_response_get_one_reply(begin: Begin) -> None:
    world = begin(tools=[WEATHER])
    world.mind.tools = ["work", "get_weather"]
    world.type_text(Plan([[Job(takes_s=1), Job()]]))
    world.run(3000)
    assert [call.state for call in world.now.calls] == ["answered", "yours"]
    assert wire(world)[-1] == "added r1p0x", "a reply waits for both"
    world.do(lambda: world.session.answer_call(world.now.calls[1].id, "sunny"))
    world.wait_until_quiet()
    assert wire(world)[-5:] == ["answer sunny", "ask", "added sunny", "created", "done"]
    world.check()


def test_stopping_ends_a_tool(begin: Begin) -> None:
    world = begin()
    world.type_text(Plan([[Job(takes_s=100)]]))
    assert world.run_until(lambda: bool(world.now.calls))
    stopping = world.loop.create_task(world.session.stop())
    assert world.run_until(stopping.done, 3)
    assert world.now.calls[0].state == "cancelled"
