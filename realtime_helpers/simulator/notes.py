"""What the built-in summariser picks out of a talk, and of its own earlier summary. It rewords nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from .facts import Fact, find_facts
from .frames import MARKS
from .prompt import Line

_WORDS_PER_QUOTE = 24
_WORDS_BEFORE_NOTE = 8
_MANY_VALUED = {"taste", "allergy"}
"""Subjects of which people have several: a new value does not replace the old."""

EARLIER_HEADINGS = ("Earlier summary:", "Memory of earlier turns:")
NOT_HEARD = "(nothing understood)"

_SPEAKER = re.compile(r"^\s*(user|assistant|system|tool)\s*:\s*(.*)$", re.IGNORECASE)
_CALLED = re.compile(r"^called (\w+) with (.*?)(?: \(call id (\S+)\))?$")
_ANSWERED = re.compile(r"^answered (.*?)(?: \(call id (\S+)\))?$")
_TOOL_QUOTE = re.compile(r"^([\w.-]+) \[([^\]]*)\]: (.*)$")
_ID = re.compile(r"\"(?:\w*_)?(?:id|number|code|ref|reference)\"\s*:\s*\"?([\w-]+)\"?", re.IGNORECASE)
_NAMED = re.compile(r"\d|(?<=[a-z,] )[A-Z][a-z]")
_WORTHY = re.compile(r"\b(?:remember|forget|promis|appointment|deadline|birthday)", re.IGNORECASE)
_DECISION = re.compile(r"\b(?:let us|let's|decided?|agreed?|we will|we'll|book)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class ToolNote:
    """What a function returned.

    Attributes:
        name: The function.
        id: The id or number in its output that a later call may need; else the call's own.
        note: The output.
    """

    name: str
    id: str
    note: str

    def as_quote(self) -> str:
        """In one line, as `Notes.read_earlier` reads it back."""
        return f"{self.name} [{self.id}]: {self.note}"


@dataclass
class Notes:
    """Quotations without repetition, oldest first.

    Attributes:
        facts: What the user said about themselves, the last word on each subject.
        earlier: Sentences of an earlier summary that somebody else wrote.
        tools: What functions returned, by name and id.
        notable: Other sentences of the user with a name, a number, a decision, a promise.
        requests: The user's other sentences.
        answers: Beginnings of the assistant's replies.
        open_question: What the user asked last, where nothing answers it.
    """

    facts: dict[object, str] = field(default_factory=dict)
    earlier: list[str] = field(default_factory=list)
    tools: dict[tuple[str, str], ToolNote] = field(default_factory=dict)
    notable: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    open_question: str | None = None
    said: list[str] = field(default_factory=list)
    _called: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def decisions(self) -> list[str]:
        """The notable sentences that decide something."""
        return [quote for quote in self.notable if _DECISION.search(quote)]

    # -- reading --------------------------------------------------------------------------------------

    def read_text(self, material: str) -> None:
        """Read a transcript of `User: …` and `Assistant: …` lines, with an earlier summary before it."""
        lines = material.splitlines()
        begins = next((at for at, line in enumerate(lines) if line.strip() == "Conversation:"), 0)
        spoken = [match if at >= begins else None for at, line in enumerate(lines) for match in [_SPEAKER.match(line)]]
        self.read_earlier("\n".join(line for line, match in zip(lines, spoken, strict=True) if match is None))
        self._read_spoken(match for match in spoken if match)

    def read_lines(self, lines: Sequence[Line]) -> None:
        """Read a context window. Of what the system says, only summaries and transcripts are part of the talk."""
        for line in lines:
            if line.call:
                self._call(line.call.name, orjson.dumps(line.call.arguments).decode(), line.call_id)
            elif line.role == "tool":
                self._output(line.text, line.call_id)
            elif line.role == "user":
                self._user(line.text)
            elif line.role == "assistant":
                self._assistant(line.text)
            elif line.text.startswith(EARLIER_HEADINGS):
                self.read_earlier(line.text)
            else:
                self._read_spoken(match for row in line.text.splitlines() if (match := _SPEAKER.match(row)))

    def _read_spoken(self, matches: Iterable[re.Match[str]]) -> None:
        for match in matches:
            speaker, text = match[1].lower(), match[2]
            if speaker == "user":
                self._user(text)
            elif speaker == "assistant":
                self._assistant(text)
            elif speaker == "tool" and (called := _CALLED.match(text)):
                self._call(called[1], called[2], called[3])
            elif speaker == "tool" and (answered := _ANSWERED.match(text)):
                self._output(answered[1], answered[2])

    def read_earlier(self, text: str) -> None:
        """Read a summary: its quotations, in any language and form; of somebody else's, every sentence."""
        for heading in (*EARLIER_HEADINGS, "Conversation:"):
            text = text.replace(heading, "")
        for part in _strings_of(text):
            if tool := _TOOL_QUOTE.match(part):
                self._keep_tool(ToolNote(tool[1], tool[2], tool[3]))
                continue
            speaker, at = "user", 0
            for mark in MARKS.finditer(part):
                self._prose(part[at : mark.start()])
                at = mark.end()
                if mark.lastgroup != "quote":
                    speaker = mark.lastgroup or speaker
                elif speaker == "assistant":
                    self._assistant(mark["quote"])
                elif speaker == "tool" and (tool := _TOOL_QUOTE.match(mark["quote"].strip())):
                    self._keep_tool(ToolNote(tool[1], tool[2], tool[3]))
                else:
                    self._user(mark["quote"])
            self._prose(part[at:])
        self.open_question = None

    # -- what is kept ---------------------------------------------------------------------------------

    def _user(self, text: str) -> None:
        text = _plain(text)
        if not text or text == NOT_HEARD:
            return
        self.said.append(text)
        for sentence in _SENTENCE_END.split(text):
            facts = find_facts(sentence)
            for fact in facts:
                self.facts[_subject(fact)] = fact.said
            rest = sentence
            for fact in facts:
                rest = rest.replace(fact.said, "", 1)
            if facts and (_NAMED.search(rest) or _DECISION.search(rest)):
                _add(self.notable, _around_note(rest.strip(" ,.")))
            elif not facts and (_NAMED.search(rest) or _DECISION.search(rest) or _WORTHY.search(rest)):
                _add(self.notable, _around_note(sentence))
            elif not facts:
                _add(self.requests, _cut(sentence))
        self.open_question = _cut(text) if text.endswith("?") else None

    def _assistant(self, text: str) -> None:
        if text := _plain(text):
            _add(self.answers, _cut(_SENTENCE_END.split(text)[0]))
            self.open_question = None

    def _call(self, name: str, arguments: str, call_id: str | None) -> None:
        self._called[call_id or ""] = (name, arguments)

    def _output(self, output: str, call_id: str | None) -> None:
        name, arguments = self._called.get(call_id or "", ("tool", ""))
        found = _ID.search(output) or _ID.search(arguments)
        self._keep_tool(ToolNote(name, found[1] if found else call_id or "", _cut(_plain(output))))

    def _keep_tool(self, tool: ToolNote) -> None:
        self.tools.pop((tool.name, tool.id), None)  # so that the newest stands last
        self.tools[tool.name, tool.id] = tool

    def _prose(self, text: str) -> None:
        for line in text.splitlines():
            for sentence in _SENTENCE_END.split(line.strip(" -*•\t")):
                if len(re.findall(r"\w+", sentence)) > 1 and sentence not in self.earlier:
                    self.earlier.append(sentence)


def _strings_of(text: str) -> Iterator[str]:
    """The texts in a summary: one, or those of a JSON object."""
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        yield text
        return
    for value in data.values() if isinstance(data, dict) else ():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                yield ToolNote(*(str(entry.get(key, "")) for key in ("name", "id", "note"))).as_quote()
            else:
                yield str(entry)


def _subject(fact: Fact) -> object:
    return (fact.subject, fact.value.lower() if fact.subject in _MANY_VALUED else fact.verb)


def _plain(text: str) -> str:
    return re.sub(r"[«»“”]", "", text).strip().rstrip(".")


def _add(quotes: list[str], quote: str) -> None:
    if quote in quotes:
        quotes.remove(quote)  # said again: it is new again
    if quote:
        quotes.append(quote)


def _cut(text: str) -> str:
    words = text.rstrip(".").split()
    return " ".join(words[:_WORDS_PER_QUOTE]) + (" …" if len(words) > _WORDS_PER_QUOTE else "")


def _around_note(text: str) -> str:
    """A long sentence is cut around what makes it notable."""
    words = text.rstrip(".").split()
    note = _NAMED.search(text)
    if len(words) <= _WORDS_PER_QUOTE or note is None:
        return _cut(text)
    begins = max(0, min(len(text[: note.start()].split()) - _WORDS_BEFORE_NOTE, len(words) - _WORDS_PER_QUOTE))
    return ("… " if begins else "") + _cut(" ".join(words[begins:]))
