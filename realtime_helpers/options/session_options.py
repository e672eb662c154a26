"""`SessionOptions`: how a session behaves, in values that people can read. Refused here, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..conversation import find_model
from ..errors import SettingsError
from .instructions import MOST_CHARACTERS, check_instructions, read_instructions
from .parts import CallFunction, RetentionRatio, Tracing, Transcription
from .show import html_table, option_rows, text_table
from .turn_detection import PushToTalk, SemanticVAD, ServerVAD, TurnDetection
from .values import (
    SERVER_DEFAULT,
    Default,
    Options,
    choice,
    chosen,
    flag,
    is_value,
    nearest,
    number,
    one_of,
    option,
    or_none,
    unchecked,
    understandable,
)
from .wire import options_in, session_fields

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
OWN_VOICE = "voice_"
"""How the id of a voice of one's own begins."""

Voice = Literal["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]
Format = Literal["pcm16", "g711_ulaw", "g711_alaw"]
Effort = Literal["minimal", "low", "medium", "high", "xhigh"]

_FORMATS = ("pcm16", "g711_ulaw", "g711_alaw")
_FORMAT_WHY = "PCM16 is always 24,000 Hz here and G.711 always 8,000 Hz, both mono; other rates are resampled before."


def _voice(name: str, value: object) -> None:
    is_own = isinstance(value, str) and value.startswith(OWN_VOICE) and len(value) > len(OWN_VOICE)
    if value not in VOICES and not is_own:
        raise SettingsError(f"{is_value(name, value)}: the service has no such voice.", nearest(value, VOICES))


def _max_output_tokens(name: str, value: object) -> None:
    if value != "inf":
        number(1, 4_096, "tokens (or 'inf')", 1_024, "that is no limit for a response.", whole=True)(name, value)


_OLD_NAMES = {
    "model": "The model belongs to the connection: Settings.from_environment(model=...).",
    "temperature": "It was removed from the API with GA (reference §1.6): leave it out.",
    "tools": "Tools are Python functions, given to the session: RealtimeSession(tools=[...]).",
    "modalities": "Use output_modality='audio' or output_modality='text'.",
    "output_modalities": "Use output_modality='audio' or output_modality='text'.",
    "input_audio_format": "Use input_format='pcm16', 'g711_ulaw' or 'g711_alaw'.",
    "output_audio_format": "Use output_format='pcm16', 'g711_ulaw' or 'g711_alaw'.",
    "input_audio_transcription": "Use transcription=Transcription(...).",
    "max_response_output_tokens": "Use max_output_tokens.",
    "prompt": "Prompt objects end on 2026-11-30 (reference §5.4): use instructions=Path('...md').",
    "reasoning": "Use reasoning_effort.",
}


@understandable(_OLD_NAMES)
@dataclass(frozen=True, kw_only=True, repr=False)
class SessionOptions(Options):
    """How a session behaves. What is left out is not sent: the server does what it does by default.

    Shown in a notebook, it is a table of what will be sent; `print` shows the same. Each option with its range, its
    default and what it is good for: `docs/options.md`.

    Attributes:
        instructions: What the model should be: a text, or the `Path` of a Markdown file.
        voice: Voice of the assistant.
        speed: How fast it speaks; 1 is normal.
        output_modality: Whether replies are spoken or written.
        input_format: Encoding of the user's audio.
        output_format: Encoding of the assistant's audio.
        turn_detection: Who decides when the user has finished. `None`, the wire's word for it, becomes `PushToTalk()`.
        transcription: How the user's words are written down; `None`: not at all.
        noise_reduction: Which kind of noise is filtered before anything listens; `None`: none.
        max_output_tokens: Longest reply.
        truncation: What the server does by itself when the conversation is too long.
        tool_choice: Whether tools may or must be called.
        reasoning_effort: How long a reasoning model thinks.
        parallel_tool_calls: Whether a reasoning model may call several tools at once.
        tracing: Whether OpenAI keeps a trace; `None`: no.

    Raises:
        SettingsError: A value that the server would refuse, or a name that does not exist; it says what is allowed.

    Example:
        SessionOptions(voice="cedar", turn_detection=ServerVAD(silence_duration_ms=700))
    """

    instructions: str | Path | Default = option(
        check_instructions,
        what="what the model should be, and how it speaks",
        good_for="everything; short ones, since every response reads them again",
        allowed=f"a text up to {MOST_CHARACTERS:,} characters, or the Path of a Markdown file",
        default="its own, about 110 tokens",
        section="§1.5",
    )
    voice: Voice | str | Default = option(
        _voice,
        what="voice of the assistant; fixed once it has been heard",
        good_for="one voice whatever the model; marin and cedar are the newest",
        allowed=f"{', '.join(VOICES)}; or the id of a voice of your own, voice_…",
        default="marin on the 2.x models, alloy on gpt-realtime and -mini",
        section="§1.5, §1.6, §2.4",
    )
    speed: float | Default = option(
        number(0.25, 1.5, "", 1.0, "1 is the normal speed; beyond this range speech cannot be understood."),
        what="how fast the assistant speaks; changes between turns",
        good_for="less for learners, more for people who know what comes",
        allowed="0.25 to 1.5 times the normal speed",
        default="1.0",
    )
    output_modality: Literal["audio", "text"] | Default = option(
        choice(
            ("audio", "text"), "one of the two; spoken replies come with their words anyway, so both are not needed."
        ),
        what="whether replies are spoken (with their words) or written",
        good_for="text: notes, chat, tests; a fraction of the price",
        allowed="audio, text",
        default="audio",
    )
    input_format: Format | Default = option(
        choice(_FORMATS, _FORMAT_WHY),
        what="encoding of the user's audio on the wire",
        good_for="G.711: telephone lines, a sixth of the bytes, and what was above 4 kHz is gone",
        allowed="pcm16 (24,000 Hz), g711_ulaw, g711_alaw (8,000 Hz); mono",
        default="pcm16",
    )
    output_format: Format | Default = option(
        choice(_FORMATS, _FORMAT_WHY),
        what="encoding of the assistant's audio on the wire",
        good_for="G.711: telephone lines",
        allowed="as input_format",
        default="pcm16",
    )
    turn_detection: TurnDetection | Default | None = option(
        one_of((ServerVAD, SemanticVAD, PushToTalk), "ServerVAD(...), SemanticVAD(...) or PushToTalk()"),
        what="who decides when the user has finished",
        good_for="see below: silence is quick, sense is patient, a button is never wrong",
        allowed="ServerVAD(...), SemanticVAD(...), PushToTalk() or None",
        default="ServerVAD()",
        section="§1.5, §1.6, §3.3",
    )
    transcription: Transcription | Default | None = option(
        or_none(one_of((Transcription,), "Transcription(...), or None to switch it off")),
        what="how the user's words are written down",
        good_for="None saves its price; but captions, history and summaries need the user's words",
        allowed="Transcription(...), None: off",
        default="off, but a RealtimeSession switches it on",
    )
    noise_reduction: Literal["near_field", "far_field"] | Default | None = option(
        or_none(choice(("near_field", "far_field"), "it names where the microphone is.")),
        what="which noise is filtered before turn detection and model hear it",
        good_for="near_field: headset, handset; far_field: laptop, room; fewer false starts of turns",
        allowed="near_field, far_field, None: off",
        default="off",
    )
    max_output_tokens: int | Literal["inf"] | Default = option(
        _max_output_tokens,
        what="longest reply: words, sound (20 tokens a second) and thoughts together",
        good_for="a ceiling for the price of a reply; one that reaches it breaks off in mid-sentence",
        allowed="1 to 4,096 tokens, 'inf'",
        default="inf: the model's own limit",
        section="§1.6, §4.1",
    )
    truncation: Literal["auto", "disabled"] | RetentionRatio | Default = option(
        one_of(
            (RetentionRatio,),
            "'auto', 'disabled' or RetentionRatio(ratio=0.8, tokens=8_000)",
            choice(("auto", "disabled"), "it says what the server may drop by itself."),
        ),
        what="what the server drops by itself when the conversation is too long",
        good_for="a comparison with summaries: what is dropped is lost, and nobody is told",
        allowed="auto, disabled (an error instead), RetentionRatio(...)",
        default="auto",
        section="§4.6",
    )
    tool_choice: Literal["auto", "none", "required"] | CallFunction | Default = option(
        one_of(
            (CallFunction,),
            "'auto', 'none', 'required' or CallFunction(name='...')",
            choice(("auto", "none", "required"), "it says whether tools are called; one tool: CallFunction(name=...)."),
        ),
        what="whether tools may or must be called",
        good_for="none: a conversation without side effects",
        allowed="auto, none, required, CallFunction(name=...)",
        default="auto",
    )
    reasoning_effort: Effort | Default = option(
        choice(("minimal", "low", "medium", "high", "xhigh"), "it says how long the model thinks."),
        what="how long a reasoning model thinks before it speaks",
        good_for="minimal: quickest first sound; thoughts are billed as output",
        allowed="minimal, low, medium, high, xhigh; models of the gpt-realtime-2 family only",
        default="the model's own",
    )
    parallel_tool_calls: bool | Default = option(
        flag("it is a switch."),
        what="whether a reasoning model may call several tools in one response",
        good_for="False: one step after the other",
        allowed="True, False; models of the gpt-realtime-2 family only",
        default="the model's own",
        section="§1.6, §3.6",
    )
    tracing: Literal["auto"] | Tracing | Default | None = option(
        or_none(
            one_of((Tracing,), "'auto', Tracing(workflow_name='...') or None", choice(("auto",), "it names no trace."))
        ),
        what="whether OpenAI keeps a trace of the session; fixed once it is on",
        good_for="looking at a session in the dashboard",
        allowed="auto, Tracing(...), None: off",
        default="off",
    )

    def __post_init__(self) -> None:
        if self.turn_detection is None:
            object.__setattr__(self, "turn_detection", PushToTalk())
        super().__post_init__()

    def but(self, **changes: Any) -> SessionOptions:
        """The same with other values; `SERVER_DEFAULT` takes a choice back.

        Raises:
            SettingsError: See the class.
        """
        checked = SessionOptions(**changes)
        return unchecked(SessionOptions, **{**self.chosen, **{name: getattr(checked, name) for name in changes}})

    @property
    def chosen(self) -> dict[str, Any]:
        """What was chosen, by name."""
        return chosen(self)

    @classmethod
    def found_in(cls, session: Mapping[str, Any]) -> SessionOptions:
        """The options in the `session` of a server's `session.created` or `session.updated`."""
        return options_in(session, cls)

    @property
    def wire(self) -> dict[str, Any]:
        """The `session` of a `session.update`: what was chosen, and nothing else. Reads instructions from their file.

        Raises:
            SettingsError: The file with the instructions cannot be used.
        """
        return session_fields(self.loaded())

    def loaded(self) -> SessionOptions:
        """The same with instructions read from their file.

        Raises:
            SettingsError: The file cannot be used.
        """
        if not isinstance(self.instructions, Path):
            return self
        return self.but(instructions=read_instructions(self.instructions))

    def check_model(self, model: str) -> None:
        """Refuse what a model cannot do. Of a model that is not listed, nothing is known.

        Raises:
            SettingsError: Reasoning options on a model that does not reason.
        """
        known = find_model(model)
        for name in ("reasoning_effort", "parallel_tool_calls"):
            if getattr(self, name) is not SERVER_DEFAULT and known is not None and not known.reasons:
                raise SettingsError(
                    f"{name} is for models that reason, and {model} does not.",
                    "Leave it out, or use a model such as gpt-realtime-2.1-mini.",
                )

    def __str__(self) -> str:
        return text_table(option_rows(self))

    def _repr_html_(self) -> str:
        return html_table(option_rows(self))
