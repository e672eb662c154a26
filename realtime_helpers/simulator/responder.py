"""Replies without a language model: rules that read nothing but the context window they are given.

So forgetting is real: what was deleted from the conversation cannot come back in an answer, and what a summary
kept can. It imitates small talk, stories, memory and tool choice; it understands nothing.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .facts import Fact, asked_subject, find_facts, latest
from .language import detect_language
from .stories import tell_stories


@dataclass(frozen=True)
class Line:
    """One item of the context window, as text.

    Attributes:
        role: Who: `user`, `assistant`, `system`, or `tool` for the output of a function.
        text: What the responder can read of it; empty when there is nothing to read.
    """

    role: Literal["user", "assistant", "system", "tool"]
    text: str


@dataclass(frozen=True)
class ToolCall:
    """A decision to call a declared function."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What to say, or which functions to call instead."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


class Responder(Protocol):
    """Anything that can answer from a context window."""

    def reply(self, lines: Sequence[Line], instructions: str, tools: Sequence[dict[str, Any]]) -> Reply:
        """Answer the last user line."""
        ...


DEAF = "I could hear a voice, but this simulator has no recogniser, so I do not know your words."

_NUMBER_WORDS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "another": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
}
_STOP_WORDS = frozenset(
    "a an the is are was were be to of in on at for and or i you it my me we do does did what which who how "
    "please can could would tell about that this get set with by from".split()
)


class BuiltinResponder:
    """The embedded responder. The same context and seed give the same reply.

    Args:
        seed: Chooses between stories and between phrasings.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def reply(
        self,
        lines: Sequence[Line],
        instructions: str = "",  # noqa: ARG002 - rules cannot be instructed; another responder can
        tools: Sequence[dict[str, Any]] = (),
    ) -> Reply:
        """Answer the end of the context. Instructions are for responders that understand them."""
        if lines and lines[-1].role == "tool":
            return Reply(_report_outputs(lines))
        question = next((line.text for line in reversed(lines) if line.role == "user"), "").strip()
        if calls := _fitting_calls(question, tools):
            return Reply(calls=calls)
        return Reply(self._say(question, lines))

    def _say(self, question: str, lines: Sequence[Line]) -> str:
        asked = _words_of(question)
        if not asked:
            return "Hello! Say something, and I will answer from what is in my context window."
        if "language" in asked and ("summary" in asked or "summarised" in asked or "summarized" in asked):
            return _language_of_summary(lines)
        if (subject := asked_subject(question)) is not None:
            return _recall(subject, lines)
        if "story" in asked or "stories" in asked or ("funny" in asked and {"one", "ones"} & set(asked)):
            return self._stories(question, asked, lines)
        if facts := find_facts(question):
            return _acknowledge(facts)
        if "joke" in asked:
            return "Why did the token cross the window? To be counted on the other side."
        return _small_talk(question, asked)

    def _stories(self, question: str, asked: list[str], lines: Sequence[Line]) -> str:
        count = next((_NUMBER_WORDS[word] for word in asked if _NUMBER_WORDS.get(word, 0) > 1), 1)
        words = _wanted_words(question, asked)
        rng = random.Random(f"{self._seed}:{question.lower()}:{_times_asked(question, lines)}")
        stories = tell_stories(rng, count=count, words=words, funny="funny" in asked)
        if len(stories) == 1:
            return stories[0]
        openers = ("Here is the first one.", "Next one.", "And another.")
        return " ".join(f"{openers[min(n, 2)]} {story}" for n, story in enumerate(stories))


def _times_asked(question: str, lines: Sequence[Line]) -> int:
    """How often this was asked in what is left of the talk: another time, another story."""
    words = _words_of(question)
    return sum(line.role == "user" and _words_of(line.text) == words for line in lines)


def _words_of(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _wanted_words(question: str, asked: list[str]) -> int:
    """Length of the story asked for, in words. Speech runs at about 2.6 words a second here."""
    if match := re.search(r"(\d+)[ -]?(words?|sentences?|seconds?|minutes?)", question.lower()):
        amount, unit = int(match[1]), match[2].rstrip("s")
        return min(1200, round(amount * {"word": 1, "sentence": 9, "second": 2.6, "minute": 156}[unit]))
    if "long" in asked:
        return 140
    if {"quick", "short"} & set(asked) or "funny" in asked:
        return 27
    return 60


def _language_of_summary(lines: Sequence[Line]) -> str:
    summaries = [line.text for line in lines if line.role == "system" and line.text]
    if not summaries:
        return "There is no summary in my context window yet."
    language = detect_language(summaries[0])
    if language is None:
        return "There is a summary in my context window, but I cannot tell its language."
    return f"The summary in my context window is in {language}."


def _readable(lines: Sequence[Line]) -> list[Fact]:
    return [fact for line in lines if line.role in {"user", "system"} for fact in find_facts(line.text)]


def _recall(subject: str, lines: Sequence[Line]) -> str:
    known = latest(_readable(lines))
    if not subject:
        if not known:
            return "You have not told me anything about yourself that is still in my context window."
        return "Here is what you told me. " + " ".join(fact.as_answer() for fact in known.values())
    fact = known.get(subject) or next((known[name] for name in known if name in subject or subject in name), None)
    if fact is None:
        return f"I do not see your {subject} in my context window."
    return fact.as_answer()


def _acknowledge(facts: list[Fact]) -> str:
    return "Thank you, I will keep that in mind. " + " ".join(fact.as_answer() for fact in facts)


_HELLO = "Hello! What would you like to talk about?"
_BYE = "Good bye! It was nice talking to you."
_WELCOME = "You are welcome."
_ABILITIES = (
    "I can tell stories, remember what you say while it is in my context window, and call the tools you declare. "
    "I am a simulator, not a language model."
)
_IDENTITY = "I am the local simulator of the Realtime Workshop. I follow rules; I am not a language model."
_SMALL_TALK: tuple[tuple[str, str], ...] = (
    ("how are you", "I am fine, thank you. A simulator never gets tired. How was your day?"),
    ("what can you do", _ABILITIES),
    ("who are you", _IDENTITY),
    ("thank", _WELCOME),
    ("thanks", _WELCOME),
    ("bye", _BYE),
    ("goodbye", _BYE),
    ("hello", _HELLO),
    ("hi", _HELLO),
)


def _small_talk(question: str, asked: list[str]) -> str:
    words = set(asked)
    for needed, answer in _SMALL_TALK:
        if set(needed.split()) <= words:
            return answer
    return f"I heard: {question.rstrip('.?!')}. I am a simulator, so I can only answer that with my own words."


def _fitting_calls(question: str, tools: Sequence[dict[str, Any]]) -> tuple[ToolCall, ...]:
    asked = set(_words_of(question)) - _STOP_WORDS
    scored = [(len(asked & _tool_words(tool)), tool) for tool in tools if tool.get("type") == "function"]
    best = max(scored, key=lambda entry: entry[0], default=(0, {}))
    if best[0] == 0:
        return ()
    arguments = _arguments(question, best[1].get("parameters") or {})
    return () if arguments is None else (ToolCall(best[1]["name"], arguments),)


def _tool_words(tool: dict[str, Any]) -> set[str]:
    name = tool["name"].replace("_", " ").replace("-", " ")
    return set(_words_of(name)) - _STOP_WORDS


def _arguments(question: str, schema: dict[str, Any]) -> dict[str, Any] | None:
    """Values for the required parameters, found in the question; `None` when one is not there."""
    values: dict[str, Any] = {}
    properties: dict[str, Any] = schema.get("properties", {})
    for name in schema.get("required", list(properties)):
        value = _value(question, properties.get(name, {}))
        if value is None:
            return None
        values[name] = value
    return values


def _value(question: str, schema: dict[str, Any]) -> Any:
    lower = question.lower()
    if options := schema.get("enum"):
        return next((option for option in options if str(option).lower() in lower), options[0])
    match schema.get("type", "string"):
        case "number" | "integer" as kind:
            found = re.search(r"-?\d+(?:\.\d+)?", lower)
            if found:
                return int(float(found[0])) if kind == "integer" else float(found[0])
            return next((_NUMBER_WORDS[word] for word in _words_of(question) if word in _NUMBER_WORDS), None)
        case "boolean":
            return " not " not in f" {lower} "
        case _:
            found = re.search(r"\b(?:in|for|to|at|about) ([a-z' -]+?)(?: today| tomorrow| now| please)?[.?!]?$", lower)
            return found[1].strip().title() if found else None


def _report_outputs(lines: Sequence[Line]) -> str:
    outputs: list[str] = []
    for line in reversed(lines):
        if line.role != "tool":
            break
        outputs.insert(0, _spoken(line.text))
    return "Here is what I found. " + " ".join(outputs)


def _spoken(output: str) -> str:
    try:
        data = json.loads(output)
    except ValueError:
        return output.strip().rstrip(".") + "."
    if isinstance(data, dict):
        return ", ".join(f"{str(key).replace('_', ' ')} {value}" for key, value in data.items()) + "."
    return f"{data}."
