"""Somebody made of software holds a conversation, so that a notebook runs with nobody in the room."""

from __future__ import annotations

from ..audio.sources import SpeechSource
from ..errors import SessionError
from ..session import RealtimeSession, Snapshot


def say(session: RealtimeSession, user: SpeechSource, words: str, *, timeout_s: float = 60.0) -> Snapshot:
    """Say `words` aloud, wait until they were answered, and print what the server heard and what it answered.

    Raises:
        SessionError: Something went wrong meanwhile, also where it did not end the session.
        TimeoutError: No answer came.
    """
    before = session.snapshot
    user.say(words)
    now = session.wait_for_answer(len(before.turns) + 1, timeout_s=timeout_s)
    if news := now.problems[len(before.problems) :]:
        raise SessionError(f"While you said {words!r}: {' '.join(news)}", "Run the cell that starts the session again.")
    turn = now.turns[-1]
    print("you:", turn.user_text)  # noqa: T201 - it is what the cell shows
    print("bot:", turn.assistant_text)  # noqa: T201
    return now
