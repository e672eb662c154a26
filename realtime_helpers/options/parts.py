"""Options that are objects of their own: transcription, truncation, tracing, the function that must be called. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError
from .values import SERVER_DEFAULT, Default, Options, chosen, is_value, number, option, text, understandable

_CODES = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo "
    "es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka "
    "kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng "
    "nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su "
    "sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu".split()
)
_NAMES = {
    "arabic": "ar", "chinese": "zh", "czech": "cs", "danish": "da", "deutsch": "de", "dutch": "nl", "english": "en",
    "español": "es", "finnish": "fi", "français": "fr", "french": "fr", "german": "de", "greek": "el", "hebrew": "he",
    "hindi": "hi", "italian": "it", "japanese": "ja", "korean": "ko", "norwegian": "no", "polish": "pl",
    "portuguese": "pt", "russian": "ru", "spanish": "es", "swedish": "sv", "turkish": "tr", "ukrainian": "uk",
}  # fmt: skip
_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _language(name: str, value: object) -> None:
    if value in _CODES:
        return
    word = value.strip().lower() if isinstance(value, str) else ""
    code = _NAMES.get(word) or (word[:2] if word[:2] in _CODES and re.match(r"..([-_]|$)", word) else "en")
    raise SettingsError(
        f"{is_value(name, value)}: the transcriber knows languages by two letters.",
        f"Use an ISO-639-1 code such as {code}.",
    )


@understandable({})
@dataclass(frozen=True, kw_only=True, repr=False)
class Transcription(Options):
    """The user's words, written down by a model of its own; billed apart (reference §4.3)."""

    model: str | Default = option(
        text(200, "the name of a transcriber"),
        what="which model writes the user's words down",
        good_for="cheaper or better words; whisper-1 and the gpt-4o family end on 2027-02-26",
        allowed="gpt-transcribe, gpt-realtime-whisper, gpt-live-transcribe, whisper-1, gpt-4o-transcribe, "
        "gpt-4o-mini-transcribe, …; on Azure the name of your deployment",
        default="the session's Settings.transcription_model",
        section="§1.6, §5.2, §5.4",
    )
    language: str | Default = option(
        _language,
        what="which language the user speaks",
        good_for="better words and less delay where it is known; leave it out where people mix languages",
        allowed="an ISO-639-1 code such as en",
        default="found out from the sound",
    )
    prompt: str | Default = option(
        text(10_000, "words that help the transcriber"),
        what="words that are likely to occur: names, products, jargon",
        good_for="names that are otherwise misheard",
        allowed="a text, up to 10,000 characters",
        default="none",
    )

    @property
    def wire(self) -> dict[str, Any]:
        """As `session.update` takes it."""
        return chosen(self)


@understandable({})
@dataclass(frozen=True, kw_only=True, repr=False)
class RetentionRatio(Options):
    """No summary at all: the server drops old turns by itself, in big steps. They are lost (reference §4.6)."""

    ratio: float | Default = option(
        number(0.01, 1, "", 0.8, "it is the share that is left after an overflow."),
        what="share of the limit that is left after an overflow",
        good_for="less: fewer, bigger cuts, and more from the cache; 1 cuts anew at every turn, as auto does",
        allowed="0.01 to 1",
        default="0.8 (this package's; the wire requires it)",
        section="§4.6",
    )
    tokens: int | Default = option(
        number(1, 10_000_000, "tokens", 8_000, "it is a number of tokens.", whole=True),
        what="limit of the conversation, instructions and tools not counted",
        good_for="a ceiling for what one reply can cost",
        allowed="1 to 10,000,000 tokens",
        default="the model's window",
        section="§4.6",
    )

    @property
    def wire(self) -> dict[str, Any]:
        """As `session.update` takes it."""
        ratio = 0.8 if self.ratio is SERVER_DEFAULT else self.ratio
        limits = {} if self.tokens is SERVER_DEFAULT else {"token_limits": {"post_instructions": self.tokens}}
        return {"type": "retention_ratio", "retention_ratio": ratio, **limits}


@understandable({"metadata": "Pass it as it is: config={'tracing': {'metadata': {...}}}."})
@dataclass(frozen=True, kw_only=True, repr=False)
class Tracing(Options):
    """Traces of the session in OpenAI's dashboard, under names of your own."""

    workflow_name: str | Default = option(
        text(512, "a name"),
        what="name of the workflow in the dashboard",
        good_for="telling products apart",
        allowed="a text, up to 512 characters",
        default="the server's own",
    )
    group_id: str | Default = option(
        text(512, "an id"),
        what="what this session belongs to",
        good_for="all sessions of one customer, or of one experiment",
        allowed="a text, up to 512 characters",
        default="none",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not chosen(self):
            raise SettingsError("Tracing() names nothing.", "Use Tracing(workflow_name='...'), or tracing='auto'.")

    @property
    def wire(self) -> dict[str, Any]:
        """As `session.update` takes it."""
        return chosen(self)


def _function_name(name: str, value: object) -> None:
    if not isinstance(value, str) or not _FUNCTION_NAME.fullmatch(value):
        raise SettingsError(
            f"{is_value(name, value)}: a function's name has letters, digits, _ and -.",
            "Use the name under which it was declared.",
        )


@understandable({})
@dataclass(frozen=True, kw_only=True, repr=False)
class CallFunction(Options):
    """A `tool_choice`: every response must call this one function."""

    name: str = option(
        _function_name,
        what="name of the declared function",
        good_for="having the model fill in a form, and nothing else",
        allowed="letters, digits, _ and -, up to 64",
        default="must be given",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not chosen(self):
            raise SettingsError("CallFunction() names no function.", "Use CallFunction(name='get_weather').")

    @property
    def wire(self) -> dict[str, Any]:
        """As `session.update` takes it."""
        return {"type": "function", "name": self.name}
