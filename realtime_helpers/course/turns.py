"""For the lesson on turns: somebody who hesitates, what a server makes of it, and the exercise's check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ..audio.formats import duration_ms, pcm_from_samples, samples_from_pcm, silence
from ..audio.sources import LEAD_MS, SpeechSource
from ..errors import SettingsError
from ..options import SemanticVAD, ServerVAD, SessionOptions
from ..options.turn_detection import TurnDetection
from ..protocol import Event
from ..protocol.frames import base64_to_pcm
from ..session import RealtimeSession, Snapshot
from ..settings import Settings
from ..speech import Voice
from .verdict import Verdict

_SOUND = 0.003
"""Below this share of full scale a synthesised voice is silent."""
_LONGEST_WAIT_MS = 8_000
_USUAL_SILENCE_MS = 500
_MARGIN_MS = 500
_THE_END = "Stop."
_PATIENCE_S = 30.0


def hesitant(*parts: str | int) -> bytes:
    """Speech (PCM16, 24 kHz, mono) with pauses of exactly so many milliseconds: `"I live in", 650, "Lisbon."`.

    Raises:
        MissingPartError: There is no speech engine.
    """
    with closing(Voice()) as voice:
        return b"".join(silence(part) if isinstance(part, int) else _bare(voice.speak(part).pcm) for part in parts)


def quieter(pcm: bytes, by_db: float) -> bytes:
    """The same sound, so many decibels quieter."""
    return pcm_from_samples(samples_from_pcm(pcm) * float(10 ** (-by_db / 20)))


def _bare(pcm: bytes) -> bytes:
    """Without the silence before and after."""
    import numpy as np

    samples = samples_from_pcm(pcm)
    loud = np.flatnonzero(np.abs(samples) > _SOUND)
    return pcm_from_samples(samples[loud[0] : loud[-1] + 1]) if len(loud) else b""


@dataclass(frozen=True)
class HeardTurn:
    """One turn that a server found in a recording.

    Attributes:
        words: What it understood.
        start_ms: Where the turn begins in the recording.
        end_ms: Where the server decided that it is over, with the silence that it waited for.
        reply: What was answered to it.
    """

    words: str
    start_ms: int
    end_ms: int
    reply: str


@dataclass(frozen=True)
class Hearing:
    """What a server made of a recording.

    Attributes:
        turns: In order; none, if it took nothing for speech.
        speech_ms: Where the speaker really stopped.
    """

    turns: tuple[HeardTurn, ...]
    speech_ms: float

    @property
    def waited_ms(self) -> float:
        """Milliseconds of silence between the end of the speech and the end of the last turn."""
        return self.turns[-1].end_ms - self.speech_ms if self.turns else 0.0

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Where each turn begins and ends, in milliseconds."""
        return [(turn.start_ms, turn.end_ms) for turn in self.turns]


def listen(pcm: bytes, detection: TurnDetection, settings: Settings) -> Hearing:
    """Send a recording to a server that detects turns in this way, and tell which turns it found.

    Silence follows the recording, then a word: when that is heard to begin, everything before it was heard.

    Raises:
        SettingsError: The server would not look for turns at all.
        WorkshopError: The session ended before that.
        TimeoutError: Nothing was heard of it.
    """
    if not isinstance(detection, ServerVAD | SemanticVAD):
        raise SettingsError(
            f"{detection!r} leaves it to somebody else to find the turns of a recording.",
            "Use ServerVAD(...) or SemanticVAD(...).",
        )
    user = SpeechSource(pause_ms=_longest_wait_ms(detection) + _MARGIN_MS)
    ends_ms = LEAD_MS + duration_ms(pcm)
    heard = _Heard(ends_ms)
    options = SessionOptions(turn_detection=detection, output_modality="text")
    with RealtimeSession(settings=settings, options=options) as session:
        session.watch_events(heard)
        session.start(source=user)
        user.play(pcm)
        user.play(hesitant(_THE_END))
        now = session.wait_for(heard.is_complete)
    return Hearing(tuple(heard.turns(now)), duration_ms(pcm))


def _longest_wait_ms(detection: TurnDetection) -> int:
    if not isinstance(detection, ServerVAD):
        return _LONGEST_WAIT_MS
    silence_ms = detection.silence_duration_ms
    return silence_ms if isinstance(silence_ms, int) else _USUAL_SILENCE_MS


class _Heard:
    """Turns by the id of their item, as the server tells of them.

    Args:
        ends_ms: Where the recording ends: what begins behind it is none of it.
    """

    def __init__(self, ends_ms: float) -> None:
        self._ends_ms = ends_ms
        self._starts: dict[str, int] = {}
        self._stops: dict[str, int] = {}
        self._is_over = False

    def __call__(self, _direction: str, event: Event, _at_s: float) -> None:
        match event["type"]:
            case "input_audio_buffer.speech_started" if event["audio_start_ms"] >= self._ends_ms:
                self._is_over = True
            case "input_audio_buffer.speech_started":
                self._starts[event["item_id"]] = event["audio_start_ms"]
            case "input_audio_buffer.speech_stopped" if event["item_id"] in self._starts:
                self._stops[event["item_id"]] = event["audio_end_ms"]
            case _:
                pass

    def is_complete(self, now: Snapshot) -> bool:
        """Whether the recording is over, and the words of every turn are known, or never will be."""
        known = {item.id for turn in now.turns for item in turn.items if item not in turn.pending}
        return self._is_over and known >= self._stops.keys()

    def turns(self, now: Snapshot) -> Iterator[HeardTurn]:
        """The turns, in order."""
        for item_id, end_ms in self._stops.items():
            turn = next(turn for turn in now.turns if item_id in turn.ids)
            words = next(item.text for item in turn.items if item.id == item_id)
            start_ms = max(0, self._starts[item_id] - LEAD_MS)
            yield HeardTurn(words, start_ms, end_ms - LEAD_MS, turn.assistant_text)


@dataclass(frozen=True)
class ServerItem:
    """An item as the server has it.

    Attributes:
        audio_ms: Length of its sound in milliseconds.
        transcript: Its words; `None` where the server has none.
    """

    audio_ms: float
    transcript: str | None


def item_on_server(session: RealtimeSession, item_id: str) -> ServerItem:
    """Ask the server for what it has of a spoken item.

    Raises:
        SessionError: The session is not running.
        ValueError: The server has no such item.
    """
    found: list[Event] = []

    def look(_direction: str, event: Event, _at_s: float) -> None:
        if event["type"] == "conversation.item.retrieved" and event["item"]["id"] == item_id:
            found.append(event["item"])

    forget = session.watch_events(look)
    session.check_items().result(_PATIENCE_S)
    forget()
    if not found:
        raise ValueError(f"The server has no item {item_id}.")
    (part,) = found[-1]["content"]
    return ServerItem(duration_ms(base64_to_pcm(part.get("audio") or "")), part.get("transcript"))


def check_patience(hearings: object, *, most_wait_ms: float) -> Verdict:
    """Whether hesitant speakers were heard as one turn each, and answered quickly.

    Args:
        hearings: One for each speaker.
        most_wait_ms: How long may be waited behind the end of their speech.
    """
    if not isinstance(hearings, list) or not hearings or not all(isinstance(heard, Hearing) for heard in hearings):
        return Verdict(
            False, "there is nothing to look at. Leave speakers and hearings as they are: change yours only."
        )
    for number, heard in enumerate(hearings, start=1):
        if not heard.turns:
            why = f"speaker {number} was not heard at all."
            return Verdict(False, f"{why} Is the threshold too high?")
        if len(heard.turns) > 1:
            first, second = heard.turns[:2]
            why = (
                f"speaker {number} was cut into {len(heard.turns)} turns: {first.words!r} was answered before "
                f"{second.words!r} was said."
            )
            return Verdict(False, f"{why} Their longest pause is longer than your silence_duration_ms.")
    longest = max((heard.waited_ms for heard in hearings), default=0.0)
    if longest > most_wait_ms:
        why = (
            f"nobody was cut off, but a turn ends {longest:.0f} ms after its last word, not {most_wait_ms:.0f} at most."
        )
        return Verdict(False, f"{why} Every single reply of the talk waits so long: use less silence.")
    return Verdict(True, f"nobody was cut off, and the longest wait for the end of a turn is {longest:.0f} ms.")
