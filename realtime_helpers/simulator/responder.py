"""Replies without a language model: rules that read nothing but the context window they are given.

So forgetting is real: what was deleted from the conversation cannot come back in an answer, and what a summary
kept can. It imitates small talk, stories, memory and tool choice; it understands nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import orjson

from .facts import Fact, asked_subject, find_facts, latest
from .language import detect_language
from .prompt import Line, Prompt, ToolCall
from .stories import tell_stories
from .summariser import asks_to_summarise, summarise_lines
from .tool_calls import calls_since_question, choose_calls
from .words import NUMBERS, words_of


@dataclass(frozen=True)
class Reply:
    """What to say, or which functions to call instead."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


_LONGEST_QUESTION = 500  # characters; searching a longer one would keep everybody waiting
_WORD_FOR_WORD = re.compile(r"\bword[ -]for[ -]word\b|\bverbatim\b", re.IGNORECASE)
_INAUDIBLE = "[inaudible]"
DEAF = "I could hear a voice, but not make out its words: the recogniser of this simulator is missing or failed."


class BuiltinResponder:
    """The embedded responder. The same context and seed give the same reply.

    Args:
        seed: Chooses between stories and between phrasings.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        """Answer the end of the context."""
        reply = self.answer(prompt)
        if reply.text:
            yield reply.text
        for call in reply.calls:
            yield call

    def answer(self, prompt: Prompt) -> Reply:
        """Answer the end of the context. Instructions are for responders that understand them, but for two tasks."""
        if prompt.is_task and (done := _do_task(prompt)) is not None:
            return Reply(done)
        lines = prompt.lines
        question = next((line.text for line in reversed(lines) if line.role == "user"), "")
        question = " ".join(question.split())[-_LONGEST_QUESTION:]
        asked = calls_since_question(lines)
        waiting = {line.call_id for line in asked} - {line.call_id for line in lines if line.role == "tool"}
        if (calls := choose_calls(question, prompt)) and not waiting:
            return Reply(calls=calls)
        report = _report_outputs(lines)
        if asked or (lines and lines[-1].role == "tool" and not _is_late(lines)):
            return Reply(report or _WAITING)
        return Reply(f"{report} {self._say(question, lines)}".strip())

    def _say(self, question: str, lines: Sequence[Line]) -> str:
        asked = words_of(question)
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
        count = next((NUMBERS[word] for word in asked if NUMBERS.get(word, 0) > 1), 1)
        words = _wanted_words(question, asked)
        rng = random.Random(f"{self._seed}:{question.lower()}:{_times_asked(question, lines)}")
        stories = tell_stories(rng, count=count, words=words, funny="funny" in asked)
        if len(stories) == 1:
            return stories[0]
        openers = ("Here is the first one.", "Next one.", "And another.")
        return " ".join(f"{openers[min(n, 2)]} {story}" for n, story in enumerate(stories))


def _do_task(prompt: Prompt) -> str | None:
    """What instructions outside the conversation ask for, where it is one of the two things that rules can do."""
    heard = [line for line in prompt.lines if line.text != DEAF]
    if asks_to_summarise(prompt.instructions):
        return summarise_lines(prompt.instructions, heard)
    if _WORD_FOR_WORD.search(prompt.instructions):
        return " ".join(line.text for line in heard if line.role == "user") or _INAUDIBLE
    return None


def _times_asked(question: str, lines: Sequence[Line]) -> int:
    """How often this was asked in what is left of the talk: another time, another story."""
    words = words_of(question)
    return sum(line.role == "user" and words_of(line.text) == words for line in lines)


def _wanted_words(question: str, asked: list[str]) -> int:
    """Length of the story asked for, in words. Speech runs at about 2.6 words a second here."""
    if match := re.search(r"(\d{1,6})[ -]?(words?|sentences?|seconds?|minutes?)", question.lower()):
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


_WAITING = "I am still waiting for the result."


def _is_late(lines: Sequence[Line]) -> bool:
    """Whether the output that comes last is that of a call made before the user last spoke, and went unanswered."""
    last = max((place for place, line in enumerate(lines) if line.role == "user"), default=0)
    was_answered = any(line.role == "assistant" and line.text for line in lines[last + 1 :])
    return not was_answered and any(
        line.call is not None and line.call_id == lines[-1].call_id for line in lines[:last]
    )


def _report_outputs(lines: Sequence[Line]) -> str:
    """What came from tools since the assistant last said something."""
    outputs: list[str] = []
    for line in reversed(lines):
        if line.role == "assistant" and line.text:
            break
        if line.role == "tool":
            outputs.insert(0, _spoken(line.text))
    return "Here is what I found. " + " ".join(outputs) if outputs else ""


def _spoken(output: str) -> str:
    try:
        data = orjson.loads(output)  # unlike `json` it lets no half of a surrogate pair in, which no frame could carry
        if isinstance(data, dict) and list(data) == ["error"]:
            return f"That did not work. {_in_words(data['error']).strip().rstrip('.')}."
        return f"{_in_words(data)}."
    except (ValueError, RecursionError):  # the last for a thousand brackets in each other
        return output.strip().rstrip(".") + "."


def _in_words(data: object) -> str:
    if isinstance(data, dict):
        return ", ".join(f"{str(key).replace('_', ' ')} {_in_words(value)}" for key, value in data.items())
    if isinstance(data, list):
        return "; ".join(map(_in_words, data)) or "nothing"
    return f"{data}"
