"""The built-in writer of summaries, over HTTP and out of band.

It is extractive: a frame in the asked language around the speakers' own words, which it cuts but never
rewords or translates. A real model would do better; nothing here pretends to be one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import orjson

from .frames import FRAMES, Frame
from .language import detect_language
from .notes import Notes, ToolNote
from .prompt import Line

_OWN_NAMES = {
    "french": "French", "français": "French", "german": "German", "deutsch": "German", "spanish": "Spanish",
    "español": "Spanish", "italian": "Italian", "italiano": "Italian", "portuguese": "Portuguese",
    "português": "Portuguese", "dutch": "Dutch", "nederlands": "Dutch", "english": "English",
}  # fmt: skip
_ASKS_FOR_SUMMARY = re.compile(r"summar|résum|zusammenfass|resum|riassun|samenvat", re.IGNORECASE)
_ASKS_FOR_BULLETS = re.compile(r"\bbullet|stichpunkt|à puces|viñeta|elenco puntato|marcadores|opsomming", re.IGNORECASE)
_ASKS_FOR_JSON = re.compile(r"\bjson\b", re.IGNORECASE)
_LIMIT = re.compile(r"(?:at most|under|fewer than|within)\s+(\d+)\s+words", re.IGNORECASE)
_DEFAULT_WORDS = 150

JSON_KEYS = {
    "synopsis": "string", "facts": "array", "decisions": "array", "open_questions": "array", "tool_state": "array",
}  # fmt: skip
"""What a summary in JSON may have, with its JSON type."""


def asks_to_summarise(instructions: str) -> bool:
    """Whether instructions speak of a summary."""
    return _ASKS_FOR_SUMMARY.search(instructions) is not None


def wants_summary(instructions: str, material: str) -> bool:
    """Whether a request asks to summarise a transcript, rather than for an answer.

    Instructions of a conversation may speak of summaries too, but nobody says lines like `User: …` in one.
    """
    has_talk = re.search(r"^\s*(?:user|assistant|system|tool)\s*:", material, re.IGNORECASE | re.MULTILINE)
    return asks_to_summarise(instructions) and has_talk is not None


def summarise(instructions: str, material: str, json_keys: Collection[str] | None = None) -> str:
    """Summarise a transcript of `User: …` and `Assistant: …` lines, with an earlier summary before it.

    Language, form and length are those that the instructions name. What the user said about themselves comes first
    and is dropped last, then an earlier summary by somebody else, what tools returned, and other names, numbers and
    decisions; the assistant's words are dropped first.

    Args:
        instructions: What is asked for.
        material: The transcript.
        json_keys: Which of `JSON_KEYS` to fill, where a schema is given; else the instructions decide about JSON.
    """
    notes = Notes()
    notes.read_text(material)
    return _write(instructions, notes, json_keys)


def summarise_lines(instructions: str, lines: Sequence[Line]) -> str:
    """Summarise a context window: of user audio the words that the server heard, with or without a transcript."""
    notes = Notes()
    notes.read_lines(lines)
    return _write(instructions, notes, None)


def _write(instructions: str, notes: Notes, json_keys: Collection[str] | None) -> str:
    frame = FRAMES[_asked_language(instructions) or detect_language(" ".join(notes.said)) or "English"]
    limit = int(match[1]) if (match := _LIMIT.search(instructions)) else _DEFAULT_WORDS
    kept = _fit(notes, limit - _words([frame.head, frame.user, frame.assistant, frame.tool]))
    if json_keys is not None or _ASKS_FOR_JSON.search(instructions):
        return _as_json(kept, frame, json_keys or JSON_KEYS)
    sections = _sections(kept, frame)
    if _ASKS_FOR_BULLETS.search(instructions):
        lines = [f"{start} {quote}".strip() for start, quotes in sections for start, quote in _first(start, quotes)]
        return "\n".join(f"- {line}" for line in lines)
    parts = [frame.head, *(part for start, quotes in sections for part in (start, *quotes))]
    return " ".join(part for part in parts if part)


def _sections(kept: Notes, frame: Frame) -> list[tuple[str, list[str]]]:
    """What is told, by who told it."""
    tools = [tool.as_quote() for tool in kept.tools.values()]
    sections = [
        ("", kept.earlier),
        (frame.user, [frame.quoted(quote) for quote in (*kept.facts.values(), *kept.notable, *kept.requests)]),
        (frame.tool, [frame.quoted(quote) for quote in tools]),
        (frame.assistant, [frame.quoted(quote) for quote in kept.answers]),
    ]
    return [(start, quotes) for start, quotes in sections if quotes]


def _first(start: str, quotes: list[str]) -> Iterable[tuple[str, str]]:
    """Only the first of several bullets says who speaks."""
    return zip([start, *[""] * (len(quotes) - 1)], quotes, strict=True)


def _as_json(kept: Notes, frame: Frame, keys: Collection[str]) -> str:
    talk = _sections(Notes(requests=kept.requests, answers=kept.answers), frame)
    decisions = kept.decisions
    facts = [*kept.facts.values(), *(quote for quote in kept.notable if quote not in decisions)]
    marked = [f"{frame.marks[0]}{quote}{frame.marks[1]}" for quote in facts]
    values: dict[str, object] = {
        "synopsis": " ".join([frame.head, *(part for start, quotes in talk for part in (start, *quotes))]),
        "facts": [*kept.earlier, *marked],
        "decisions": [f"{frame.marks[0]}{quote}{frame.marks[1]}" for quote in decisions],
        "open_questions": [kept.open_question] if kept.open_question else [],
        "tool_state": [{"name": tool.name, "id": tool.id, "note": tool.note} for tool in kept.tools.values()],
    }
    return orjson.dumps({name: value for name, value in values.items() if name in keys}).decode()


def _asked_language(instructions: str) -> str | None:
    for word in re.findall(r"[^\W\d_]+", instructions.lower()):
        if word in _OWN_NAMES:
            return _OWN_NAMES[word]
    return None


def _fit(notes: Notes, budget: int) -> Notes:
    """As much as the budget of words allows, the dearest first; of what comes and goes the newest."""

    def take(quotes: Iterable[str]) -> list[str]:
        nonlocal budget
        kept = []
        for quote in quotes:
            if _words([quote]) > budget:
                break
            budget -= _words([quote])
            kept.append(quote)
        return kept

    def newest(quotes: Iterable[str]) -> list[str]:
        return take(reversed(list(quotes)))[::-1]

    facts = set(take(notes.facts.values()))
    earlier = take(notes.earlier)
    tools = set(newest(tool.as_quote() for tool in notes.tools.values()))
    return Notes(
        facts={subject: quote for subject, quote in notes.facts.items() if quote in facts},
        earlier=earlier,
        tools={key: tool for key, tool in notes.tools.items() if ToolNote.as_quote(tool) in tools},
        notable=newest(notes.notable),
        requests=newest(notes.requests),
        answers=newest(notes.answers),
        open_question=notes.open_question,
    )


def _words(texts: Iterable[str]) -> int:
    return sum(len(text.split()) for text in texts)
