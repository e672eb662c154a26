"""Lesson 11: somebody who speaks without being answered, and the check of a bot of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..audio.sources import SpeechSource
from ..errors import SessionError
from ..memory import lost_items
from ..options import PROFILES, SERVER_DEFAULT
from ..session import RealtimeSession, Snapshot
from .verdict import Verdict

_PATIENCE_S = 30.0
_LEAST_LINES = 3


def overhear(session: RealtimeSession, user: SpeechSource, words: str, *, timeout_s: float = 60.0) -> Snapshot:
    """Say `words` aloud to a session that only listens, wait until they were understood, and print them.

    Raises:
        SessionError: Something went wrong meanwhile, also where it did not end the session.
        TimeoutError: Nothing was understood.
    """
    before = session.snapshot
    heard = sum(bool(caption.text) for caption in before.captions)
    user.say(words)
    now = session.wait_for(
        lambda now: (
            sum(bool(caption.text) for caption in now.captions) > heard
            and not any(turn.pending for turn in now.turns[-1:])
        ),
        timeout_s=timeout_s,
    )
    if news := now.problems[len(before.problems) :]:
        raise SessionError(f"While you said {words!r}: {' '.join(news)}", "Run the cell that starts the session again.")
    print("heard:", now.captions[-1].text)  # noqa: T201 - it is what the cell shows
    return now


def check_bot(make: Callable[[], RealtimeSession], lines: Sequence[str]) -> Verdict:
    """Whether a bot has instructions, a tool and a memory of its own: by what its session really did.

    Args:
        make: Makes the session, not started.
        lines: What the check types to it, one turn each.
    """
    is_list = isinstance(lines, list | tuple) and all(isinstance(words, str) for words in lines)
    if not is_list or len(lines) < _LEAST_LINES:
        return Verdict(
            False, f"write a list of at least {_LEAST_LINES} lines that your user says, one of them for your tool."
        )
    try:
        session = make()
        if not isinstance(session, RealtimeSession):
            return Verdict(False, f"my_bot() returned {type(session).__name__}: return a RealtimeSession, not started.")
        if session.settings.backend != "simulator":
            return Verdict(
                False, "this check talks to the simulator only, so that it costs nothing: leave settings= out."
            )
        with session:
            return _judge(session, lines)
    except Exception as error:  # noqa: BLE001 - whatever a learner writes, the notebook goes on
        return Verdict(False, f"your bot raised {type(error).__name__}: {error}")


def _judge(session: RealtimeSession, lines: Sequence[str]) -> Verdict:
    instructions = session.options.instructions
    if instructions is SERVER_DEFAULT:
        return Verdict(
            False, "it has no instructions: SessionOptions(instructions=...), or replace those of a profile."
        )
    if any(instructions == profile.options.instructions for profile in PROFILES.values()):
        return Verdict(False, "its instructions are still those of the profile. Say in your own words what it is for.")
    session.start()
    for number, words in enumerate(lines, start=1):
        session.send_text(words)
        now = session.wait_for_answer(number, timeout_s=_PATIENCE_S)
    if now.options is None or now.options.instructions != instructions:
        return Verdict(
            False, "the server has other instructions in force than you asked for. Are they in `config`, too?"
        )
    answered = [call for call in now.calls if call.state == "answered"]
    if not now.calls:
        return Verdict(
            False,
            "no tool was called. Give it one with tools=[...], and let a line hold a word of the tool's name and a "
            "value for each of its arguments: that is all that the simulator understands.",
        )
    if not answered:
        last = now.calls[-1]
        return Verdict(False, f"{last.name} was called and {last.state}: {last.problem or last.output}")
    memory = now.memory
    if memory is None:
        return Verdict(False, "it has no memory: memory=SummaryPolicy(trigger_tokens=..., keep_turns=...).")
    now = session.wait_for(lambda now: not now.is_summarising, timeout_s=_PATIENCE_S)
    if lost := lost_items(now.turns, now.items, now.summaries):
        return Verdict(False, f"{len(lost)} items are lost. That should never happen: please report it.")
    kept = f"the memory keeps the newest {memory.keep_turns} turn(s) word for word"
    ran = f"{answered[0].name} ran {len(answered)} time(s)"
    return Verdict(
        True, f"your instructions are in force, {ran}, and {kept}. Nothing was lost in {len(now.turns)} turns."
    )
