"""Who decides when the user has finished: silence, sense, or a button. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .values import Default, Options, choice, chosen, flag, number, option, or_none, understandable

Eagerness = Literal["low", "medium", "high", "auto"]

_CREATE = {
    "what": "whether each finished turn is answered by itself",
    "good_for": "False: only listen, or ask for the reply yourself",
    "allowed": "True, False",
    "default": "True",
}
_INTERRUPT = {
    "what": "whether speech of the user stops the reply that is under way",
    "good_for": "False: announcements that must be heard to the end, or open speakers without echo cancellation",
    "allowed": "True, False",
    "default": "True",
}
_FLAG = flag("it is a switch.")
_OF_SERVER_VAD = ("threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms")


@understandable({"eagerness": "Only SemanticVAD has an eagerness; here, use silence_duration_ms."})
@dataclass(frozen=True, kw_only=True, repr=False)
class ServerVAD(Options):
    """The server ends a turn after some silence. Quick and predictable: a pause is a pause, whatever was said."""

    threshold: float | Default = option(
        number(0, 1, "", 0.5, "it is the share of certainty that counts as speech."),
        what="how sure the server must be that it hears speech",
        good_for="more in noisy rooms, so that noise starts no turn; less for quiet voices",
        allowed="0 to 1",
        default="0.5",
    )
    prefix_padding_ms: int | Default = option(
        number(0, 10_000, "milliseconds", 300, "it is a length of audio.", whole=True),
        what="how much audio before the detected begin belongs to the turn",
        good_for="more where first syllables are cut off",
        allowed="0 to 10,000 ms",
        default="300 ms",
    )
    silence_duration_ms: int | Default = option(
        number(0, 60_000, "milliseconds", 500, "it is a length of silence.", whole=True),
        what="how much silence ends the turn",
        good_for="less for quick replies, more for people who think while they speak: every reply waits this long",
        allowed="0 to 60,000 ms",
        default="500 ms on the 2.x models, 200 ms on gpt-realtime and -mini",
        section="§1.5, §1.6",
    )
    idle_timeout_ms: int | Default | None = option(
        or_none(
            number(
                5_000, 30_000, "milliseconds", 10_000, "shorter silence is a pause, longer is a hang-up.", whole=True
            )
        ),
        what="after how much silence behind a reply the server asks whether somebody is there",
        good_for="telephones and kiosks; each time costs a short turn of silent audio and a system item",
        allowed="5,000 to 30,000 ms; None: never",
        default="never",
        section="§1.6, §3.9",
    )
    create_response: bool | Default = option(_FLAG, **_CREATE)
    interrupt_response: bool | Default = option(_FLAG, **_INTERRUPT)

    @property
    def wire(self) -> dict[str, Any]:
        """As `session.update` takes it."""
        return {"type": "server_vad", **chosen(self)}


@understandable(
    {
        **dict.fromkeys(
            _OF_SERVER_VAD, "Only ServerVAD has it; semantic VAD takes eagerness='low', 'medium' or 'high'."
        ),
        "idle_timeout_ms": "The service has an idle time-out with ServerVAD only (reference §1.6): use ServerVAD(...).",
    }
)
@dataclass(frozen=True, kw_only=True, repr=False)
class SemanticVAD(Options):
    """The server ends a turn when what was said sounds finished. Patient with pauses, quick behind a whole sentence."""

    eagerness: Eagerness | Default = option(
        choice(("low", "medium", "high", "auto"), "it says how long an unfinished sentence is waited for."),
        what="how long an unfinished sentence is waited for",
        good_for="low for learners and slow speakers, high for quick exchanges",
        allowed="low (8 s at most), medium (4 s), high (2 s), auto (as medium)",
        default="auto",
    )
    create_response: bool | Default = option(_FLAG, **_CREATE)
    interrupt_response: bool | Default = option(_FLAG, **_INTERRUPT)

    @property
    def wire(self) -> dict[str, Any]:
        """As `session.update` takes it."""
        return {"type": "semantic_vad", **chosen(self)}


@understandable(
    {"*": "It takes none: nobody listens for speech, so nothing is detected, answered or interrupted by itself."}
)
@dataclass(frozen=True, kw_only=True, repr=False)
class PushToTalk(Options):
    """Nobody detects turns: your program says where one begins and ends. The wire's word for it is null."""

    @property
    def wire(self) -> None:
        """As `session.update` takes it."""
        return


TurnDetection = ServerVAD | SemanticVAD | PushToTalk
