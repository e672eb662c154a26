from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_helpers.simulator.facts import asked_subject, find_facts
from realtime_helpers.simulator.language import detect_language
from realtime_helpers.simulator.prompt import Line, Prompt, ToolCall
from realtime_helpers.simulator.responder import BuiltinResponder
from realtime_helpers.simulator.summariser import summarise


def ask(question: str, *before: Line, seed: int = 0) -> str:
    return BuiltinResponder(seed).answer(Prompt([*before, Line("user", question)])).text


def user(text: str) -> Line:
    return Line("user", text)


@pytest.mark.parametrize(
    ("told", "question", "expected"),
    [
        ("my dog is called biscuit", "What is my dog called?", "Your dog is called Biscuit."),
        ("I have a cat named Max and I like jazz.", "what is my cat called", "Your cat is called Max."),
        ("I live in Lisbon.", "Where do I live?", "You live in Lisbon."),
        ("My name is Ada.", "What is my name?", "Your name is Ada."),
        ("my favorite color is green", "what is my favorite color", "Your favorite color is green."),
        ("I play the violin", "what instrument do i play", "You play the violin."),
        ("I work as a baker, mostly at night", "what is my job", "You work as a baker."),
    ],
)
def test_what_is_in_the_context_is_known_and_what_is_not_is_not(told: str, question: str, expected: str) -> None:
    assert ask(question, user(told)) == expected
    assert "do not see" in ask(question), "with the item gone, the answer is gone"
    assert ask(question, Line("system", f"Résumé. L'utilisateur a dit : « {told} ».")) == expected


def test_the_last_word_on_a_subject_counts() -> None:
    assert "Porto" in ask("where do i live", user("I live in Lisbon."), user("I live in Porto."))


def test_everything_told_can_be_asked_for() -> None:
    answer = ask("What did I tell you about me?", user("My name is Ada."), user("I live in Lisbon."))
    assert "Ada" in answer
    assert "Lisbon" in answer


def test_a_question_is_not_a_fact() -> None:
    assert find_facts("What is my name? Where do I live in summer?") == []
    assert asked_subject("Tell me a story.") is None


@pytest.mark.parametrize(
    ("request_", "least", "most"),
    [("tell me a quick story", 20, 45), ("tell me a story", 40, 80), ("tell me a long story", 110, 190),
     ("tell me a story of about 300 words", 240, 360), ("tell me a thirty second story", 40, 80),
     ("tell me a 30 second story", 60, 100)],
)  # fmt: skip
def test_stories_have_the_length_asked_for(request_: str, least: int, most: int) -> None:
    assert least <= len(ask(request_).split()) <= most


def test_three_stories_are_three_and_repeat_no_hero() -> None:
    answer = ask("Now tell me three funny ones.")
    assert answer.count("Once upon a time") == 3
    heroes = [part.split(" wanted ")[0][:20] for part in answer.split("Once upon a time, ")[1:]]
    assert len(set(heroes)) == 3


@given(st.integers(0, 1000))
def test_the_same_context_and_seed_give_the_same_reply(seed: int) -> None:
    assert ask("tell me a story", seed=seed) == ask("tell me a story", seed=seed)


def test_the_language_of_the_summary_is_seen_in_the_summary() -> None:
    question = "What language is the summary in?"
    assert "no summary" in ask(question, user("Bonjour, je m'appelle Ada."))
    for language in ("French", "German", "Spanish", "Italian", "Portuguese", "Dutch", "English"):
        text = summarise(
            f"Summarise in {language}.", "User: the weather is nice and it is on the house\nAssistant: Yes."
        )
        assert detect_language(text) == language
        assert language in ask(question, Line("system", "Memory of earlier turns:\n" + text))


def function(name: str, **properties: dict[str, object]) -> dict[str, object]:
    required = [key for key in properties if key != "days"]
    return {
        "type": "function",
        "name": name,
        "parameters": {"type": "object", "properties": properties, "required": required},
    }


WEATHER = function("get_weather", city={"type": "string"}, days={"type": "integer"})
LIGHT = function("switch_lights", state={"type": "string", "enum": ["on", "off"]})


def test_a_tool_is_called_when_its_name_fits_and_its_arguments_are_said() -> None:
    def calls(question: str) -> tuple[ToolCall, ...]:
        return BuiltinResponder().answer(Prompt([user(question)], tools=[WEATHER, LIGHT])).calls

    assert calls("what is the weather in Lisbon today?") == (ToolCall("get_weather", {"city": "Lisbon"}),)
    assert calls("turn the lights off please") == (ToolCall("switch_lights", {"state": "off"}),)
    assert calls("how is the weather") == (), "the city was not said"
    assert calls("tell me a story") == ()


def test_outputs_of_tools_are_reported() -> None:
    lines = [user("weather?"), Line("tool", '{"sky": "clear"}'), Line("tool", "22 degrees")]
    assert BuiltinResponder().answer(Prompt(lines)).text == "Here is what I found. sky clear. 22 degrees."


def test_a_summary_keeps_facts_longest_and_merges_the_earlier_one() -> None:
    first = summarise(
        "Summarise in French, in at most 60 words.", "User: my dog is called biscuit\nAssistant: Thank you. Nice."
    )
    talk = "".join(
        f"User: tell me story number {n} about a goose and a lighthouse\nAssistant: Once upon a time.\n"
        for n in range(30)
    )
    second = summarise(
        "Summarise in French, in at most 60 words.", f"Earlier summary:\n{first}\n\nConversation:\n{talk}"
    )
    assert "my dog is called biscuit" in second
    assert len(second.split()) <= 75
    assert second.count("L'utilisateur a dit") == 1


def test_an_earlier_answer_stays_the_assistants() -> None:
    first = summarise("Summarise in German.", "User: hello\nAssistant: My name is Simulator.")
    second = summarise("Summarise in German.", f"Earlier summary:\n{first}\nConversation:\nUser: bye")
    assert second.index("My name is Simulator") > second.index("Der Assistent")


def calls_for(question: str, **prompt: object) -> tuple[ToolCall, ...]:
    asked = Prompt([user(question)], tools=[WEATHER, LIGHT], **prompt)  # type: ignore[arg-type]
    return BuiltinResponder().answer(asked).calls


def test_a_sentence_that_asks_for_several_things_makes_several_calls_unless_that_is_not_allowed() -> None:
    lisbon, paris = (ToolCall("get_weather", {"city": city}) for city in ("Lisbon", "Paris"))
    assert calls_for("What is the weather in Lisbon and in Paris?") == (lisbon, paris)
    both = calls_for("Turn the lights on and tell me the weather in Paris.")
    assert both == (ToolCall("switch_lights", {"state": "on"}), paris)
    assert len(calls_for("What is the weather in Lisbon and in Paris?", parallel_tool_calls=False)) == 1
    assert calls_for("What is the weather in Lisbon, and thank you") == (lisbon,)


def test_a_forced_choice_calls_whatever_was_said() -> None:
    assert [call.name for call in calls_for("Good morning.", tool_choice="required")] == ["get_weather"]
    named = {"type": "function", "name": "switch_lights"}
    assert calls_for("What is the weather in Lisbon?", tool_choice=named)[0].name == "switch_lights"


def test_a_fact_ends_where_the_next_line_of_a_transcript_begins() -> None:
    memory = (
        "Word for word:\nUser: my dog is called biscuit\nAssistant: Thank you.\nUser: i live in lisbon\nUser: hello"
    )
    assert [fact.as_answer() for fact in find_facts(memory)] == ["Your dog is called Biscuit.", "You live in Lisbon."]
