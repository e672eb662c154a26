"""Parts by the words of the command line: `builtin`, a URL, `faster-whisper[:MODEL]`, `piper:PATH`."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...errors import SettingsError
from ..parts import BuiltinEars, BuiltinVoice, Ears, Responder, Voice
from ..responder import BuiltinResponder
from ..shared_ears import SharedEars


def choose_responder(word: str, seed: int = 0) -> Responder:
    """A mind: `builtin` (which takes the seed) or `URL#MODEL`.

    Raises:
        SettingsError: There is none of that name.
    """
    if word == "builtin":
        return BuiltinResponder(seed)
    if _is_url(word):
        from .openai_compatible import ChatResponder

        return ChatResponder(*_url_and_model(word))
    raise _unknown("responder", word, "builtin, or URL#MODEL such as http://localhost:11434/v1#llama3.2")


def choose_voice(word: str) -> Voice:
    """A voice: `builtin`, `URL#MODEL` or `piper:PATH`.

    Raises:
        SettingsError: There is none of that name.
        MissingPartError: It needs a package or a file that is not there.
    """
    kind, _, rest = word.partition(":")
    if word == "builtin":
        return BuiltinVoice()
    if kind == "piper":
        from .piper import PiperVoice

        return PiperVoice(rest)
    if _is_url(word):
        from .openai_compatible import SpeechEndpointVoice

        return SpeechEndpointVoice(*_url_and_model(word))
    raise _unknown("voice", word, "builtin, piper:PATH of a model, or URL#MODEL such as http://localhost:8880/v1#tts-1")


def choose_ears(word: str, *, at_once: int = 1) -> Ears:
    """Ears: `builtin`, `URL#MODEL` or `faster-whisper[:MODEL]`.

    Args:
        word: Which.
        at_once: How many built-in recognisers may work at the same time.

    Raises:
        SettingsError: There are none of that name.
        MissingPartError: They need a package that is not there.
    """
    kind, _, rest = word.partition(":")
    if word == "builtin":
        if at_once == 1:
            return BuiltinEars()
        return SharedEars([BuiltinEars() for _ in range(at_once)])
    if kind == "faster-whisper":
        from .faster_whisper import DEFAULT_MODEL, FasterWhisperEars

        return FasterWhisperEars(rest or DEFAULT_MODEL)
    if _is_url(word):
        from .openai_compatible import TranscriptionEndpointEars

        return TranscriptionEndpointEars(*_url_and_model(word))
    raise _unknown(
        "ears",
        word,
        "builtin, faster-whisper, faster-whisper:MODEL, or URL#MODEL such as http://localhost:8000/v1#whisper-1",
    )


def _is_url(word: str) -> bool:
    return word.startswith(("http://", "https://"))


def _url_and_model(word: str) -> tuple[str, str]:
    url, _, model = word.partition("#")
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password or parts.query:
        raise SettingsError(
            "An engine's address is a plain URL: no user, no password, no query.",
            "Name it as in http://localhost:11434/v1#llama3.2; its key belongs in the environment: docs/engines.md.",
        )
    if not model:
        raise SettingsError(
            f"The address {url} names no model.", f"Add one: {url}#MODEL (see which there are: curl {url}/models)."
        )
    return url, model


def _unknown(part: str, word: str, choices: str) -> SettingsError:
    return SettingsError(f"--{part} {word!r} is not known.", f"Choose {choices}.")
