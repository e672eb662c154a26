"""What the user says in the demo, and what must be true of the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

INSTRUCTIONS = (
    "You are a friendly storyteller in a short voice demo. Speak English. A quick, short or funny story has about "
    "thirty words; every other answer is one sentence. Answer questions about earlier turns from your memory."
)
SUMMARY_LANGUAGE = "French"
"""French is a proof, not a default: the talk is in English, so only the summary can be the source of French."""
TRIGGER_TOKENS = 1_250
KEEP_TURNS = 2


@dataclass(frozen=True)
class Line:
    """One thing the user says.

    Attributes:
        says: The words.
        expects: Pattern that the answer must contain.
        fact: Whether the user tells a fact that is asked for later.
    """

    says: str
    expects: str = ""
    fact: bool = False

    def is_answered_by(self, text: str) -> bool:
        """Whether an answer is right."""
        return re.search(self.expects, text, re.IGNORECASE) is not None


OPENING = (
    Line("Tell me a quick story."),
    Line("Now tell me three funny ones."),
    Line("My dog is called Biscuit.", fact=True),
    Line("I live in Lisbon.", fact=True),
    Line("How are you today?"),
)
"""Stories fill the window; the facts are old enough to be summarised by the time they are asked for."""

MEANWHILE = (
    Line("Tell me one more short story, please."),
    Line("What can you do?"),
    Line("Thank you very much."),
    Line("Tell me another story, please."),
    Line("Now tell me two funny ones."),
    Line("Tell me a long story."),
)
"""Said one after the other until a summary that holds a fact is in place; the first while it is being written."""

QUESTIONS = (
    Line("What language is the summary in?", expects=r"\bfrench\b|\bfrançais"),
    Line("What is my dog called?", expects=r"\bbiscuit\b"),
    Line("Where do I live?", expects=r"\blisbon\b"),
)

ALL_LINES = (*OPENING, *MEANWHILE, *QUESTIONS)
