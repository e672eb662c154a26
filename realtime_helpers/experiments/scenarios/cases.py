"""The 24 scenarios, as data. Each is one mistake that clients make, taken from the list of pitfalls.

Apart from its one difficulty every scenario is kind: transcripts come at once, the line is good, the summariser works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...simulator.faults import Fault
from .clients import TRIGGER_TOKENS
from .script import Cut, Insert, Pause, Say, Step, TakeBack, Type, Until, UntilAsked
from .writer import Mood

USUAL_TRANSCRIPT_MS = 450.0
"""When a transcript usually comes: while the reply is being spoken."""


@dataclass(frozen=True)
class Case:
    """One scenario.

    Attributes:
        name: A short name.
        pitfall: Which mistake: a number of the list, or `peers`.
        what: What happens, in one sentence.
        naive: The verdict on the naive algorithm.
        lesson: What to take home.
        script: What the user and the world do.
        faults: What goes wrong on the first line.
        moods: The summariser's.
        session: Session fields of both clients.
        transcript_ms: How long transcripts take.
        trigger_tokens: When a summary is due.
        most_turns: How many turns may stand verbatim in the end, where a summary must have come.
    """

    name: str
    pitfall: str
    what: str
    naive: str
    lesson: str
    script: Sequence[Step]
    faults: Sequence[Fault] = ()
    moods: Sequence[Mood] = ()
    session: dict[str, Any] = field(default_factory=dict)
    transcript_ms: float = 0
    trigger_tokens: int = TRIGGER_TOKENS
    most_turns: int | None = None


DOG, HOME, COLOUR, PIANO, CAT = (
    Say("My dog is called Biscuit."),
    Say("I live in Lisbon."),
    Say("My favorite color is green."),
    Say("I play the piano."),
    Say("My cat is called Ruby."),
)
CAN, HOW = Say("What can you do?"), Say("How are you today?")
TALK = (DOG, HOME, COLOUR, PIANO, CAT)
"""Five short turns: enough for a summary."""
YESTERDAY = Insert(
    "system", "Memory of earlier turns:\nThe user said: “i like tea”.", "sum_001", keeps="I like tea."
)  # fmt: skip
UNTIL_ASKED = UntilAsked(tuple(step.words for step in TALK))
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

CONTROL = Case(
    "control", "-", "A quiet talk of five turns on a good day.", "ok",
    "With a well-behaved server and simple talk the naive algorithm works.", TALK, most_turns=4,
)  # fmt: skip

SCENARIOS: tuple[Case, ...] = (
    Case(
        "usual-transcripts", "5, 7, 9", "Transcripts take half a second, as they usually do.", "lost 4 turns",
        "Asking for the transcript too early and never again leaves every turn blank; the event was there all along.",
        TALK, transcript_ms=USUAL_TRANSCRIPT_MS, most_turns=4,
    ),
    Case(
        "failed-transcript", "9", "The transcription of one turn fails.", "lost 1 turn",
        "A turn whose words nobody knows is not nothing: keep its audio, or have it heard again.",
        TALK, faults=(Fault("transcript", "failed", times=1),),
    ),
    Case(
        "deaf", "5, 9", "No transcript ever comes, and no word about it.", "lost 4 turns",
        "Wait with a deadline, then go on without deleting what nobody has read.",
        TALK, faults=(Fault("transcript", "missing"),),
    ),
    Case(
        "nothing-to-summarise", "8, 12",
        "The user goes on before the first answer began; the only old turn has no words yet.", "lost 1 turn",
        "After “nothing to summarise” comes a return. A cancelled reply has no output and no usage.",
        (Say("My dog is called Biscuit.", waits=False), Until("response.created"), Say("Tell me a long story."), HOW),
        faults=(Fault("transcript", "late", delay_ms=USUAL_TRANSCRIPT_MS, times=1),),
    ),
    Case(
        "empty-summary", "8", "The summariser answers with an empty text.", "lost 2 turns",
        "Check what comes back before it replaces anything.", TALK, moods=("empty", "well"), most_turns=4,
    ),
    Case(
        "answering-summariser", "peers", "A suggestible summariser answers the last question instead of summarising.",
        "lost 4 turns", "Tell the summariser that it is not spoken to.", (DOG, CAN, HOME, COLOUR, PIANO),
        moods=("suggestible",), most_turns=4,
    ),
    Case(
        "busy-summariser", "11", "The summariser is busy once (HTTP 429).", "hangs",
        "A flag that an exception leaves set is set for ever: one refusal, and the window grows without end.",
        (*TALK, CAN, HOW), moods=("busy", "well"), most_turns=4,
    ),
    Case(
        "turn-during-summary", "10", "The summary takes eight seconds, and the user does not wait.", "drifts",
        "What was copied before an await is old after it: splice by id, into what is there then.",
        (UNTIL_ASKED, CAN, Pause(10)), moods=("slow", "well"),
    ),
    Case(
        "typed-turns", "9, 10", "The user types a turn, and another one while the summary is written.",
        "lost 1 turn", "Typed words have no transcript to wait for: they are the words.",
        (Type("My horse is called Daisy."), UNTIL_ASKED, Type("My name is Alex."), CAN), moods=("slow", "well"),
    ),
    Case(
        "turn-races-splice", "15", "The user begins to speak in the moment in which the summary is there.", "ok",
        "Edits belong between responses; here the naive one is lucky with the order.",
        (UNTIL_ASKED, Pause(1.17), CAN, HOW),
    ),
    Case(
        "refused-insert", "15", "The server refuses the summary item.", "lost 2 turns",
        "Sent is not done: wait for `added` before anything is deleted.", TALK[:4],
        faults=(Fault("request", "refused", event="conversation.item.create", times=1),), most_turns=4,
    ),
    Case(
        "refused-delete", "15", "The server refuses to delete one item.", "drifts",
        "Sent is not done: wait for each `deleted`, try again, and say so when it is in vain.", TALK,
        faults=(Fault("request", "refused", event="conversation.item.delete", times=1),), most_turns=4,
    ),
    Case(
        "id-is-taken", "23", "Yesterday's memory was put back under its old id, sum_001.", "lost 2 turns",
        "A duplicate id is an error: mint a fresh one for each summary.",
        (YESTERDAY, *TALK[:4]), most_turns=4,
    ),
    Case(
        "insert-at-the-front", "20", "Another part of the application puts a note of the user before everything.",
        "drifts", "The server says where an item stands: `previous_item_id` of `added`.",
        (DOG, HOME, Insert("user", "My name is Alex.", "note_1", after="root")),
    ),
    Case(
        "turn-taken-back", "15", "The user takes a turn back, and another part of the application deletes it.",
        "drifts", "Others may delete too: listen to `conversation.item.deleted`.", (DOG, HOME, TakeBack()),
    ),
    Case(
        "tool-calls", "12, 16", "The model calls a tool, then two at once; later the calls grow old.", "hangs",
        "A response may hold calls and no message; a call and its output stay or go together.",
        (Say("What is the weather in Paris?"), DOG, Type("What is the weather in London and in Rome?"), HOME, COLOUR,
         PIANO),
        session={"tools": [WEATHER]}, most_turns=5,
    ),
    Case(
        "text-reply", "12", "The replies are text: the user is on a train.", "hangs",
        "A reply has a transcript only when it was spoken.", (DOG, HOME), session={"output_modalities": ["text"]},
    ),
    Case(
        "interruption", "14", "The user interrupts a long story.", "ok",
        "Nothing is lost, but the naive one starts the story when the user has already stopped it.",
        (Say("Tell me a long story.", waits=False), Until("response.output_audio.delta", 12), DOG, HOME, COLOUR, PIANO),
    ),
    Case(
        "kept-turns-over-trigger", "17", "What is kept is already longer than what sets a summary off.", "ok",
        "Nothing is lost, but without hysteresis every response brings a summary of a summary, and is paid for.",
        (DOG, HOME, COLOUR, PIANO, CAT), trigger_tokens=100,
    ),
    Case(
        "many-summaries", "peers", "The talk goes on for so long that summaries are made of summaries.", "ok",
        "An earlier summary is part of what the next one is made of: a fact of the first must survive them all.",
        (*TALK, CAN, HOW, Say("I live in Paris."), Say("My horse is called Daisy."), Say("I play the violin."),
         Say("Thank you very much.")), most_turns=4,
    ),
    Case(
        "session-expires", "24", "The session reaches the end of its life; the next one is closed with 1001 as well.",
        "hangs", "1001 is no normal end; a new session knows nothing unless it is told.",
        (DOG, HOME, COLOUR, Pause(60), PIANO, Cut(1001), Pause(20), CAT),
        faults=(Fault("connection", "expires", seconds=40),),
    ),
    Case(
        "cut-mid-splice", "peers", "The line is cut after the summary went in, before the old turns are gone.",
        "hangs", "What was said lives on this side too: connect again, put it back, go on.",
        (DOG, HOME, COLOUR, PIANO, Pause(20), CAT),
        faults=(Fault("event", "drop_connection", event="conversation.item.deleted", times=1),),
    ),
    Case(
        "cut-mid-reply", "peers", "The line is cut in the middle of a reply.", "hangs",
        "A new session is an empty one: settings and conversation have to be put back.",
        (DOG, HOME, Say("Tell me a long story.", waits=False), Until("response.output_audio.delta", 12), Cut(),
         Pause(20), COLOUR),
    ),
    Case(
        "strange-frames", "peers", "The server sends events that nobody knows, and one frame arrives broken.",
        "hangs", "Unknown events are harmless. One frame that cannot be read must not end the talk.", TALK,
        faults=(Fault("event", "unknown", event="response.done"),
                Fault("event", "malformed", event="rate_limits.updated", after=1, times=1)),
    ),
)  # fmt: skip
"""In the order of a lesson: words, summaries, edits, replies, lines."""
