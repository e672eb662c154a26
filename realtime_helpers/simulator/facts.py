"""What people say about themselves, and questions about it. Reads text; remembers nothing.

Words may come from a recogniser, so case and punctuation are not relied on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

# bounded everywhere: whoever types can choose the text, and everybody waits while it is searched
_VALUE = r"(?P<value>(?:[^.,;!?»”\"]|(?<=\d)[.,](?=\d)){1,120}?)"
_END = r"(?= (?:and|but|so|because) (?:my|i)\b| (?:user|assistant): |[;!?»”\"]|[.,](?!\d)|$)"
"""Also the next line of a transcript: recognised words have no full stop."""
_MOST_CHARACTERS = 20_000
_LONGEST_QUESTION = 300
_NOT_FACTS = re.compile(r"\b(?:question|turn|bad|fault|pleasure)\b")


@dataclass(frozen=True)
class Fact:
    """Something a speaker said about themselves: `subject` is what, `value` is its content, `said` the very words."""

    subject: str
    value: str
    verb: str = "is"
    said: str = field(default="", compare=False)

    def as_answer(self) -> str:
        """The fact said back: 'Your dog is called Biscuit.'"""
        if self.subject in _SENTENCES:
            return f"You {_SENTENCES[self.subject]} {_proper(self.value) if self.subject in _PLACES else self.value}."
        value = _proper(self.value) if self.verb == "is called" or self.subject == "name" else self.value
        return f"Your {self.subject} {self.verb} {value}."


_PLACES = {"home", "birthplace"}
_SENTENCES = {
    "home": "live in", "work": "work as a", "birthplace": "come from", "instrument": "play the", "taste": "love",
    "allergy": "are allergic to",
}  # fmt: skip

_STATEMENTS: tuple[tuple[str, str | None, str], ...] = (
    (r"\bmy (?P<subject>[\w'’ ]{2,30}?) (?:is called|is named) ", None, "is called"),
    (r"\bi have an? (?P<subject>[\w ]{2,20}?) (?:called|named) ", None, "is called"),
    (r"\bmy (?P<subject>[\w'’ ]{2,30}?) (?:is|are) (?!called|named)", None, "is"),
    (r"\bi live in ", "home", "is"),
    (r"\bi work as an? ", "work", "is"),
    (r"\bi(?: come| am|['’]m) from ", "birthplace", "is"),
    (r"\bi play the ", "instrument", "is"),
    (r"\bi (?:love|like) ", "taste", "is"),
    (r"\bi(?: am|['’]m) allergic to ", "allergy", "is"),
)
_PATTERNS = tuple(
    (re.compile(start + _VALUE + _END, re.IGNORECASE), subject, verb) for start, subject, verb in _STATEMENTS
)

_QUESTIONS: tuple[tuple[str, str | None], ...] = (
    (r"\bwhere (?:do|did) i live\b", "home"),
    (r"\b(?:what is my job|what do i do|where do i work)\b", "work"),
    (r"\bwhere (?:do i come|am i) from\b", "birthplace"),
    (r"\bwhat (?:instrument )?do i play\b", "instrument"),
    (r"\bwhat do i (?:love|like)\b", "taste"),
    (r"\bwhat am i allergic to\b", "allergy"),
    (r"\b(?:what is|what's|who is|how old is) my (?P<subject>[\w'’ ]{1,60}?)(?: called| named)?$", None),
)
_EVERYTHING = re.compile(
    r"\bwhat (?:did|have) i (?:tell|told|say|said)|\bwhat do you (?:know|remember) about me", re.IGNORECASE
)


def find_facts(text: str) -> list[Fact]:
    """All facts stated in a text, in order of appearance."""
    text = " ".join(text[:_MOST_CHARACTERS].split())
    found: list[tuple[int, Fact]] = []
    for pattern, fixed, verb in _PATTERNS:
        for match in pattern.finditer(text):
            if _is_question(text, match.start()) or _NOT_FACTS.search(match.group(0)):
                continue
            subject = fixed or _plain(match.group("subject"))
            fact = Fact(subject, match.group("value").strip(), verb, match.group(0).strip())
            found.append((match.start(), fact))
    return [fact for _, fact in sorted(found, key=lambda entry: entry[0])]


def _is_question(text: str, at: int) -> bool:
    before = text[max(0, at - 20) : at].lower().rstrip()
    return before.endswith(("what is", "what's", "who is", "where is", "do", "did", "am", "how old is"))


def asked_subject(question: str) -> str | None:
    """The subject a question asks about; `""` for 'everything I told you'; `None` if it asks for no fact."""
    question = " ".join(question[-_LONGEST_QUESTION:].split()).rstrip(" ?.!")
    for pattern, fixed in _QUESTIONS:
        if match := re.search(pattern, question, re.IGNORECASE):
            return fixed or _plain(match.group("subject"))
    return "" if _EVERYTHING.search(question) else None


def latest(facts: Iterable[Fact]) -> dict[str, Fact]:
    """The last word on each subject."""
    return {fact.subject: fact for fact in facts}


def _plain(subject: str) -> str:
    return re.sub(r"\s+", " ", subject.lower()).strip()


def _proper(value: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in value.split()) if len(value.split()) <= 2 else value
