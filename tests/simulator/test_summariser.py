"""The embedded summariser: what it keeps, in which form, over HTTP's transcripts and out of band."""

from __future__ import annotations

import random

import orjson
import pytest

from realtime_helpers.memory import SummaryRequest, SummaryStyle, check_summary
from realtime_helpers.memory.checks import count_words
from realtime_helpers.memory.record import read_content
from realtime_helpers.simulator.engines.messages import options_of
from realtime_helpers.simulator.language import detect_language
from realtime_helpers.simulator.prompt import Line, Prompt, ToolCall
from realtime_helpers.simulator.responder import DEAF, BuiltinResponder
from realtime_helpers.simulator.summariser import JSON_KEYS, summarise

from ..memory.talks import chatter, facts, missing, request

LANGUAGES = ("English", "French", "German", "Spanish", "Italian", "Portuguese", "Dutch")
FORMS = ("paragraph", "bullets", "json")


def write(style: SummaryStyle, asked: SummaryRequest) -> str:
    return style.tidy(summarise(style.instructions, asked.material, JSON_KEYS if style.form == "json" else None))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", [None, *LANGUAGES])
@pytest.mark.parametrize("rounds", [5, 20])
def test_ten_facts_survive_many_summaries(form: str, language: str | None, rounds: int) -> None:
    style = SummaryStyle(language=language, form=form)  # type: ignore[arg-type]
    rng = random.Random(rounds)
    summary: str | None = None
    for number in range(rounds):
        asked = request(*(facts() if number == 0 else chatter(rng)), previous=summary)
        summary = write(style, asked)
        check_summary(summary, asked, style)
        content = read_content(summary)
        assert count_words(content.text if content else summary) <= style.max_words
        assert missing(summary) == []
        if form == "paragraph":
            assert detect_language(summary) == (language or "English")


@pytest.mark.parametrize("form", FORMS)
def test_one_form_reads_the_other(form: str) -> None:
    for other in FORMS:
        first = write(SummaryStyle(form=other, language="German"), request(*facts()))  # type: ignore[arg-type]
        asked = request(*chatter(random.Random(1)), previous=first)
        assert missing(write(SummaryStyle(form=form), asked)) == []  # type: ignore[arg-type]


def test_the_last_word_on_a_subject_replaces_the_first_and_several_tastes_stay() -> None:
    style = SummaryStyle()
    first = write(style, request(("I live in Lisbon and I love jazz.", "Fine."), ("My dog is called Max.", "Fine.")))
    second = write(style, request(("I live in Porto now", "Fine."), ("I love rain", "Fine."), previous=first))
    assert "Porto" in second
    assert "Lisbon" not in second
    assert missing(second, ["jazz", "rain", "Max"]) == []


def test_a_long_sentence_is_cut_around_its_number_not_through_it() -> None:
    said = " ".join(["well"] * 40) + " and then the train to Porto leaves at 9.40 from platform 7 " + "so " * 30
    assert missing(write(SummaryStyle(), request((said, "Fine."))), ["Porto", "9.40", "platform 7"]) == []


def test_a_summary_by_somebody_else_is_kept_sentence_by_sentence() -> None:
    earlier = "The user's brother Tom lives in Oslo. They decided to meet on 4 May."
    for form in FORMS:
        summary: str | None = earlier
        for number in range(5):
            asked = request(*chatter(random.Random(number)), previous=summary)
            summary = write(SummaryStyle(form=form), asked)  # type: ignore[arg-type]
        assert summary is not None
        assert missing(summary, ["Tom", "Oslo", "4 May"]) == []


TABLE = (
    "User: book a table for two\n"
    'Tool: called book_table with {"people": 2} (call id call_1)\n'
    'Tool: answered {"reservation_id": "R-77", "time": "20:00"} (call id call_1)\n'
    "Assistant: Done."
)


@pytest.mark.parametrize("form", FORMS)
def test_ids_that_tools_returned_survive(form: str) -> None:
    style = SummaryStyle(form=form)  # type: ignore[arg-type]
    keys = JSON_KEYS if form == "json" else None
    summary = summarise(style.instructions, TABLE, keys)
    for number in range(5):
        asked = request(*chatter(random.Random(number)), previous=summary)
        summary = write(style, asked)
    assert missing(summary, ["book_table", "R-77", "20:00"]) == []
    if form == "json":
        assert orjson.loads(summary)["tool_state"] == [
            {"name": "book_table", "id": "R-77", "note": '{"reservation_id": "R-77", "time": "20:00"}'}
        ]


def test_json_holds_decisions_and_the_open_question() -> None:
    talk = "User: let's meet at the harbour\nAssistant: Good.\nUser: when does the ferry leave?"
    record = orjson.loads(summarise("Summarise.", talk, JSON_KEYS))
    assert record["decisions"] == ["“let's meet at the harbour”"]
    assert record["open_questions"] == ["when does the ferry leave?"]
    assert orjson.loads(summarise("Summarise.", f"{talk}\nAssistant: At nine.", ["open_questions"])) == {
        "open_questions": []
    }


def test_a_language_model_in_its_place_is_given_the_schema() -> None:
    schema = {"name": "summary", "strict": True, "schema": {"type": "object"}}
    assert options_of(Prompt([], json_schema=schema))["response_format"]["json_schema"] == schema
    assert "response_format" not in options_of(Prompt([]))


# -- out of band: the same, from a context window ---------------------------------------------------------


def task(instructions: str, *lines: Line) -> str:
    return BuiltinResponder().answer(Prompt(lines, instructions, is_task=True)).text


def test_the_instructions_of_a_conversation_may_speak_of_summaries() -> None:
    asked = Prompt([Line("user", "tell me a story")], "Turns are summarised word for word.")
    assert "Once upon a time" in BuiltinResponder().answer(asked).text


def test_a_task_reads_the_window_and_takes_no_request_for_speech() -> None:
    summary = task(
        SummaryStyle(form="json").instructions,
        Line("system", "Earlier summary:\nThe user said: “my dog is called biscuit”."),
        Line("user", "i live in lisbon"),
        Line("user", DEAF),
        Line("assistant", "", ToolCall("book", {"people": 2}), "call_9"),
        Line("tool", '{"ok": true}', call_id="call_9"),
        Line("system", "Write the summary now."),
    )
    record = orjson.loads(summary)
    assert record["facts"] == ["“my dog is called biscuit”", "“i live in lisbon”"]
    assert record["tool_state"] == [{"name": "book", "id": "call_9", "note": '{"ok": true}'}]
    assert "voice" not in summary
    assert "Write" not in summary


def test_word_for_word_is_what_was_heard_and_nothing_else() -> None:
    assert task("Write down word for word what is said.", Line("user", "turn on the lights")) == "turn on the lights"
    assert task("Write down word for word what is said.", Line("user", DEAF)) == "[inaudible]"
    assert "simulator" in task("Translate it.", Line("user", "turn on the lights")), "other tasks are beyond rules"
