"""What works on this machine, and the line that repairs what does not."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import AudioError, MissingPartError, WorkshopError
from .settings import SIMULATOR_URL_VARIABLE


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        works: Whether it can be used here.
        detail: How it stands.
        repair: The exact next step; empty when nothing is to be done.
        needed: Whether the course cannot run without it.
    """

    name: str
    works: bool
    detail: str
    repair: str = ""
    needed: bool = True


def examine(environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Look at everything the course uses. Takes about two seconds: it speaks and hears a sentence."""
    return [
        _python(),
        *(_package(*entry) for entry in _PACKAGES),
        _speech(),
        _speaker(),
        _simulator(environ),
        _key(environ),
    ]


_PACKAGES = (
    ("simulator server", "aiohttp", "simulator", True),
    ("text tokens", "bpe_openai", "simulator", True),
    ("voice detection", "webrtcvad", "simulator", True),
    ("notebooks", "jupyterlab", "lab", False),
    ("widgets", "ipywidgets", "lab", False),
)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info < (3, 14)
    return Finding("Python", good, version, "" if good else "Install Python 3.11, 3.12 or 3.13.")


def _package(name: str, module: str, extra: str, needed: bool) -> Finding:
    found = importlib.util.find_spec(module) is not None
    repair = "" if found else f"pip install -e '.[{extra}]'"
    return Finding(name, found, f"{module} {'is' if found else 'is not'} installed", repair, needed)


def _speech() -> Finding:
    """Speak a sentence and hear it again: voice and recogniser in one look."""
    from .audio.formats import silence
    from .speech import Transcriber, Voice

    sentence = "how are you today"
    voice, transcriber = Voice(), Transcriber([sentence])

    def loop() -> str:
        heard = transcriber.transcribe(silence(300) + voice.speak(sentence).pcm + silence(500)).text
        return f"said {sentence!r}, heard {heard!r}"

    try:
        return _try("voice and recogniser", loop)
    finally:
        voice.close()
        transcriber.close()


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except WorkshopError as error:
        return Finding(name, False, error.what, error.next_step)
    except Exception as error:  # noqa: BLE001 - a doctor reports every illness
        return Finding(name, False, repr(error), "Please report this as a bug.")


def _speaker() -> Finding:
    from .audio.devices import speaker

    device = speaker()
    try:
        device.open()
    except MissingPartError as error:
        return Finding("speaker", False, error.what, error.next_step, needed=False)
    except AudioError:
        repair = "Not needed: listen to the recordings instead."
        return Finding("speaker", False, "no sound device here", repair, needed=False)
    finally:
        device.close()
    return Finding("speaker", True, "sound can be played", needed=False)


def _simulator(environ: Mapping[str, str]) -> Finding:
    url = environ.get(SIMULATOR_URL_VARIABLE)
    detail = f"sessions use the one at {url}" if url else "sessions start their own"
    return Finding("simulator", True, detail)


def _key(environ: Mapping[str, str]) -> Finding:
    there = [name for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY") if environ.get(name)]
    if there:
        return Finding("API key", True, f"{' and '.join(there)} set (not checked)", needed=False)
    return Finding("API key", False, "none set; the simulator needs none", needed=False)
