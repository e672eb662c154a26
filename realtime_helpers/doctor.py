"""What works on this machine, which way sound will go, and the line that repairs what does not.

In a notebook: `from realtime_helpers.doctor import show`, then `show()`. In a terminal: `realtime-workshop doctor`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .audio.devices import audio_devices
from .audio.probes import Probe, probe_microphone, probe_speaker
from .audio.simpleaudio_speaker import why_not
from .audio_choice import AudioChoice, decide, front_end, has_browser_audio
from .errors import WorkshopError
from .settings import SIMULATOR_URL_VARIABLE
from .tables import Table

if TYPE_CHECKING:
    from rich.console import RenderableType

LIMIT_S = 4.5
"""Whatever has not answered by then is given up on."""


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

    @property
    def mark(self) -> str:
        """The finding at a glance."""
        return "[ OK ]" if self.works else ("[ FIX ]" if self.needed else "[ -- ]")


@dataclass(frozen=True)
class Report:
    """Everything that was found. Shows itself as a table, in a terminal and in a notebook.

    Attributes:
        findings: One by one.
        audio: Which way sound will go.
    """

    findings: Sequence[Finding]
    audio: AudioChoice

    @property
    def is_fit(self) -> bool:
        """Whether the course can run here."""
        return all(finding.works or not finding.needed for finding in self.findings)

    @property
    def table(self) -> Table:
        """The same for people."""
        rows = [(finding.mark, finding.name, finding.detail, finding.repair) for finding in self.findings]
        return Table(("", "what", "how it stands", "next step"), rows, f"Audio: {self.audio.kind}. {self.audio.why}")

    def __rich__(self) -> RenderableType:
        return self.table

    def __repr__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def show() -> Report:
    """Look at everything the course uses: a table, as the last line of a cell. At most five seconds."""
    return examine()


def examine(environ: Mapping[str, str] = os.environ, limit_s: float = LIMIT_S) -> Report:
    """Look at everything the course uses, all at once. It speaks and hears a sentence, and tries the sound devices."""
    looks: list[tuple[str, bool, Callable[[], Finding]]] = [
        ("Python", True, _python),
        *((entry[0], entry[3], partial(_package, *entry)) for entry in _PACKAGES),
        ("voice and recogniser", True, _speech),
        ("sound devices", False, _devices),
        ("microphone", False, partial(_device, "microphone", probe_microphone)),
        ("speaker", False, partial(_device, "speaker", probe_speaker)),
        ("simpleaudio", False, _simpleaudio),
        ("browser audio", False, partial(_browser, environ)),
        ("simulator", True, partial(_simulator, environ)),
        ("API key", False, partial(_key, environ)),
    ]
    findings = _all_at_once(looks, limit_s)
    hears, plays = (_probe(findings, name) for name in ("microphone", "speaker"))
    return Report(findings, decide(hears, plays, front_end(environ), has_browser_audio()))


def _all_at_once(looks: Sequence[tuple[str, bool, Callable[[], Finding]]], limit_s: float) -> list[Finding]:
    """Daemon threads: one that hangs for ever must not hold up the others, nor the end of the program."""
    found: dict[str, Finding] = {}

    def look_at(name: str, needed: bool, look: Callable[[], Finding]) -> None:
        try:
            found[name] = look()
        except WorkshopError as error:
            found[name] = Finding(name, False, error.what, error.next_step, needed)
        except Exception as error:  # noqa: BLE001 - a doctor reports every illness
            found[name] = Finding(name, False, repr(error), "Please report this as a bug.", needed)

    end_s = time.monotonic() + limit_s
    threads = [threading.Thread(target=look_at, args=look, daemon=True) for look in looks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end_s - time.monotonic()))
    # a check that is late says nothing about the machine but that it is busy: it must not be called unfit
    late = f"did not answer within {limit_s:g} seconds"
    again = "Is the machine very busy? Then try again."
    return [found.get(name, Finding(name, False, late, again, needed=False)) for name, _, _ in looks]


def _probe(findings: Sequence[Finding], name: str) -> Probe:
    finding = next(finding for finding in findings if finding.name == name)
    return Probe(finding.works, finding.detail, finding.repair)


_PACKAGES = (
    ("simulator server", "aiohttp", "simulator", True),
    ("text tokens", "bpe_openai", "simulator", True),
    ("voice detection", "webrtcvad", "simulator", True),
    ("notebooks", "jupyterlab", "lab", False),
    ("widgets", "ipywidgets", "lab", False),
    ("figures", "matplotlib", "lab", False),
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
    try:
        heard = transcriber.transcribe(silence(300) + voice.speak(sentence).pcm + silence(500)).text
        return Finding("voice and recogniser", True, f"said {sentence!r}, heard {heard!r}")
    finally:
        voice.close()
        transcriber.close()


def _devices() -> Finding:
    devices = audio_devices()  # PortAudio answers
    if not devices:
        return Finding("sound devices", False, "PortAudio works, and finds no device", needed=False)
    names = ", ".join(dict.fromkeys(repr(device.name) for device in devices))
    return Finding("sound devices", True, f"PortAudio finds {names}", needed=False)


def _device(name: str, probe: Callable[[], Probe]) -> Finding:
    result = probe()
    return Finding(name, result.works, result.detail, result.repair, needed=False)


def _simpleaudio() -> Finding:
    if (error := why_not()) is not None:
        return Finding("simpleaudio", False, error.what, f"Not needed. {error.next_step}", needed=False)
    return Finding("simpleaudio", True, "is installed; only used where you ask for it", needed=False)


def _browser(environ: Mapping[str, str]) -> Finding:
    if not has_browser_audio():
        return Finding("browser audio", False, "anywidget is not installed", "pip install -e '.[lab]'", needed=False)
    where = front_end(environ)
    return Finding("browser audio", True, f"ready, in {where}" if where else "ready, for notebooks", needed=False)


def _simulator(environ: Mapping[str, str]) -> Finding:
    url = environ.get(SIMULATOR_URL_VARIABLE)
    detail = f"sessions use the one at {url}" if url else "sessions start their own"
    return Finding("simulator", True, detail)


def _key(environ: Mapping[str, str]) -> Finding:
    there = [name for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY") if environ.get(name)]
    if there:
        return Finding("API key", True, f"{' and '.join(there)} set (not checked)", needed=False)
    return Finding("API key", False, "none set; the simulator needs none", needed=False)
