"""Runs the demo: speaks the script, shows what happens, saves it, and checks everything it claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from rich.console import Console

from ..audio.devices import speaker
from ..audio.files import read_sound_file
from ..audio.probes import probe_speaker
from ..audio.recording import StereoRecorder
from ..audio.sinks import SilentSink
from ..audio.sources import SpeechSource
from ..errors import AudioError, WorkshopError
from ..memory import SummaryPolicy, SummaryStyle, lost_items
from ..options import SessionOptions
from ..session import RealtimeSession, Reconnect, Snapshot, conversation_record
from ..settings import Backend, Settings
from ..speech import Voice
from ..tracing import EventLog
from .child import running_simulator
from .script import (
    ALL_LINES,
    INSTRUCTIONS,
    KEEP_TURNS,
    MEANWHILE,
    OPENING,
    QUESTIONS,
    SUMMARY_LANGUAGE,
    TRIGGER_TOKENS,
    Line,
)
from .stage import Stage

_TURN_PATIENCE_S = 90.0


@dataclass(frozen=True)
class DemoOptions:
    """How to run the demo.

    Attributes:
        backend: `simulator`, `openai` or `azure`.
        url: A simulator that runs already; `None` starts one in a process of its own.
        clips: Folder with recordings `01.wav`, `02.wav`, … of the script in your own voice.
        listen: Play through the speaker, in real time; `None` does so when there is one.
        output: Folder for the recording, the events and the conversation.
    """

    backend: Backend = "simulator"
    url: str | None = None
    clips: Path | None = None
    listen: bool | None = None
    output: Path = Path("demo-output")


@dataclass
class _Outcome:
    """What was said, and what did not hold."""

    said: list[Line] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def check(self, holds: bool, claim: str) -> None:
        if not holds:
            self.failures.append(claim)


def run_demo(options: DemoOptions, console: Console) -> int:
    """Run it; 0 when everything it claims held.

    Raises:
        WorkshopError: It could not be carried out. What was said until then is saved.
    """
    clips = _clips(options)
    audible = probe_speaker().works if options.listen is None else options.listen
    in_real_time = audible or options.backend != "simulator"
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkshopError(
            f"The folder {options.output} cannot be made ({error.strerror}).", "Name another one with --output."
        ) from None
    outcome = _Outcome()
    stage = Stage(console, full_bar_tokens=TRIGGER_TOKENS + 400)
    with ExitStack() as stack:
        settings = stack.enter_context(_settings(options))
        events = stack.enter_context(EventLog(options.output / "events.jsonl"))
        session = RealtimeSession(
            settings=settings,
            memory=SummaryPolicy(TRIGGER_TOKENS, KEEP_TURNS),
            style=SummaryStyle(language=SUMMARY_LANGUAGE),
            options=SessionOptions(instructions=INSTRUCTIONS),
            trace=events,
            reconnect=Reconnect(attempts=3),  # a demo whose server is gone should say so soon
        )
        recorder = StereoRecorder()
        user = SpeechSource(realtime=in_real_time)
        stack.callback(_save, options.output, session, recorder, stage)
        stack.callback(session.stop)
        _introduce(stage, settings, audible)
        sink = speaker() if audible else SilentSink(realtime=in_real_time)
        session.start(source=recorder.user(user), sink=recorder.assistant(sink))
        _talk(session, user, clips, stage, outcome)
        _check_server(session, outcome)
        now = session.snapshot
    return _report(now, outcome, stage, console)


@contextmanager
def _settings(options: DemoOptions) -> Iterator[Settings]:
    settings = Settings.from_environment(options.backend, simulator_url=options.url)
    if settings.base_url is not None:
        yield settings
    else:
        with running_simulator() as url:
            yield Settings.from_environment(options.backend, simulator_url=url)


def _clips(options: DemoOptions) -> dict[str, bytes]:
    """The audio of every line, ready to be spoken."""
    if options.clips is None:
        voice = Voice()
        try:
            return {line.says: voice.speak(line.says).pcm for line in ALL_LINES}
        finally:
            voice.close()
    if not options.clips.is_dir():
        raise AudioError(f"There is no folder {options.clips}.", "Give the folder that holds 01.wav, 02.wav and so on.")
    return {line.says: read_sound_file(options.clips / f"{n:02}.wav") for n, line in enumerate(ALL_LINES, start=1)}


def _introduce(stage: Stage, settings: Settings, audible: bool) -> None:
    stage.title("Realtime Workshop: one long voice conversation, summarised while it goes on")
    if settings.backend == "simulator":
        stage.note(f"Server: the local simulator at {settings.base_url}. It follows rules; it is not a language model.")
        stage.note("It hears and speaks real audio; its waiting times imitate recorded ones of the real service.")
    else:
        stage.note(f"Server: {settings.backend}, model {settings.model}. This run costs money.")
        stage.note("This path needs a key to be tested, and was written without one: please report what you see.")
    how = "through the speaker, in real time" if audible else "without a sound card; listen to the recording afterwards"
    stage.note(f"Playing {how}. A summary is due at {TRIGGER_TOKENS} conversation tokens; {KEEP_TURNS} turns stay.")
    stage.legend()


def _talk(
    session: RealtimeSession, user: SpeechSource, clips: dict[str, bytes], stage: Stage, outcome: _Outcome
) -> None:
    facts: list[str] = []
    for line in OPENING:
        now = _take_turn(line, session, user, clips, stage, outcome)
        if line.fact:
            facts += now.turns[-1].ids
    for line in MEANWHILE:
        if _is_summarised(session.snapshot, facts):
            break
        _take_turn(line, session, user, clips, stage, outcome)
    outcome.check(
        _is_summarised(session.snapshot, facts), "a summary that holds a fact was spliced in before the questions"
    )
    for line in QUESTIONS:
        answer = _take_turn(line, session, user, clips, stage, outcome).turns[-1].assistant_text
        outcome.check(line.is_answered_by(answer), f"the answer to {line.says!r} was right; it was {answer!r}")


def _is_summarised(now: Snapshot, facts: list[str]) -> bool:
    covered = {item_id for record in now.summaries for item_id in record.covers}
    return not now.is_summarising and bool(covered & set(facts))


def _take_turn(
    line: Line, session: RealtimeSession, user: SpeechSource, clips: dict[str, bytes], stage: Stage, outcome: _Outcome
) -> Snapshot:
    """Speak one line and wait until its answer was heard to the end."""
    outcome.said.append(line)
    number = len(outcome.said)
    user.play(clips[line.says])
    with stage.live(session, number):
        now = session.wait_for_answer(number, timeout_s=_TURN_PATIENCE_S)
    stage.turn(number, now.turns[-1], now)
    return now


def _check_server(session: RealtimeSession, outcome: _Outcome) -> None:
    """Ask the server itself: what we believe to be there must be there."""
    now = session.snapshot
    there = session.check_items().result(_TURN_PATIENCE_S)
    missing = [item.id for item in now.items if item.id not in there]
    outcome.check(not missing, f"the server holds every item that counts as verbatim; it lacks {missing}")


def _report(now: Snapshot, outcome: _Outcome, stage: Stage, console: Console) -> int:
    """Check the rest of the claims and print the last line."""
    turns, lost = now.turns, lost_items(now.turns, now.items, now.summaries)
    first = now.summaries[0] if now.summaries else None
    before, after = (first.window_before, first.window_after) if first else (now.window_tokens, None)
    outcome.check(len(turns) >= 8, f"there were at least eight turns; there were {len(turns)}")
    outcome.check(len(turns) == len(outcome.said), f"every line became one turn; {len(outcome.said)} lines were said")
    outcome.check(all(turn.user_text for turn in turns), "every user turn has a transcript")
    outcome.check(
        after is not None and after < before, f"the window fell after the summary; it went {before} -> {after}"
    )
    outcome.check(not lost, f"no turn was lost; lost are {[item.id for item in lost]}")

    stage.title("What was checked")
    stage.note(f"word error rate of the {len(turns)} turns: {_word_error_rate(outcome.said, now):.1%}")
    waits = now.latency.first_audio
    stage.note(f"first audio: median {waits.median or 0:.0f} ms, longest {waits.longest or 0:.0f} ms")
    for failure in outcome.failures:
        console.print(f"NOT TRUE: {failure}", style="bold red", markup=False)
    console.print(
        f"demo: turns={len(turns)} summaries={len(now.summaries)} window={before}->{after} lost={len(lost)}",
        highlight=False,
    )
    return 1 if outcome.failures else 0


def _word_error_rate(said: list[Line], now: Snapshot) -> float:
    import jiwer

    spoken = [_plain(line.says) for line in said]
    heard = [_plain(turn.user_text) for turn in now.turns]
    return float(jiwer.wer(spoken, heard))


def _plain(text: str) -> str:
    return re.sub(r"[^\w' ]", "", text.lower())


def _save(output: Path, session: RealtimeSession, recorder: StereoRecorder, stage: Stage) -> None:
    """Keep what was said, also after a failure; an earlier recording is not overwritten with nothing."""
    if not session.snapshot.turns:
        return
    recorder.save(output / "conversation.wav")
    record = conversation_record(session.snapshot)
    (output / "conversation.json").write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    stage.note(f"Saved in {output}/: conversation.wav ({recorder.duration_s:.0f} s), conversation.json, events.jsonl")
