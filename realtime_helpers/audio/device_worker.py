"""Holds one sound device, in a process of its own. The first block on standard input says which.

In a process whose interpreter does nothing else, the device's thread is always in time: sound has no gaps while
a notebook cell computes, and the device needs only a short buffer. See `docs/devices.md` for the figures.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from dataclasses import asdict
from typing import Any

from ..errors import MissingPartError, WorkshopError
from ..speech.worker import read_block, write_block
from . import portaudio
from .formats import CHUNK_MS, RATE_HZ
from .playback import PlayHead
from .priority import become_a_sound_process
from .resampling import ResampledPull, Resampler

_MICROPHONE_LATENCY_MS = 40
_BEGIN_S = 5.0
"""A device that is open may take so long to begin: wireless ones need two seconds."""
_STALLED_S = 1.5
"""A device that began, and asks for nothing for so long, is gone, whatever it says."""
_MOST_WAITING = 30_000 // CHUNK_MS
"""Chunks kept while nobody reads: a notebook may hold the interpreter for half a minute."""
_REPORT_S = 0.02
_LIST_S = 10.0


class _Out:
    """Standard output, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, header: dict[str, Any], payload: bytes = b"") -> None:
        with self._lock:
            write_block(sys.stdout.buffer, header, payload)


def record(request: dict[str, Any], out: _Out) -> None:
    """Write 40 ms chunks until the process is ended.

    Raises:
        WorkshopError: The device cannot be used, or is gone.
    """
    threading.Thread(target=_end_with_the_parent, daemon=True).start()  # first: a driver may hang in all that follows
    heard: queue.SimpleQueue[tuple[bytes, float] | None] = queue.SimpleQueue()
    lost = 0

    def hear(data: Any, _frames: int, _time: object, status: Any) -> None:
        nonlocal lost
        lost += bool(status.input_overflow)
        if heard.qsize() >= _MOST_WAITING:
            heard.get_nowait()
            lost += 1
        heard.put((bytes(data), time.monotonic()))

    opened = portaudio.open_stream(
        "microphone", request["device"], lambda _rate_hz, _channels: hear, latency_ms=_MICROPHONE_LATENCY_MS,
        block_ms=CHUNK_MS, finished=lambda: heard.put(None),
    )  # fmt: skip
    resampler = Resampler(opened.rate_hz, RATE_HZ, opened.channels)
    out.write({"kind": "open", **opened.about})
    patience_s = _BEGIN_S
    while True:
        try:
            block = heard.get(timeout=patience_s)
        except queue.Empty:
            block = None
        patience_s = _STALLED_S
        if block is None:
            raise portaudio.gone("microphone", opened.device.name)
        data, at_s = block
        if pcm := resampler.convert(data):
            out.write({"kind": "chunk", "lost": lost, "at_s": at_s}, pcm)


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


class _Player:
    """What the device's thread shares with the one that reads orders."""

    def __init__(self, prebuffer_ms: int) -> None:
        self.gaps = 0
        """How often the device itself ran dry: this process was too late."""
        self.moved = threading.Event()
        self.ended = threading.Event()
        self.asked_at_s: float | None = None
        """When the device last asked for more."""
        self._head = PlayHead(prebuffer_ms)
        self._lock = threading.Lock()
        self._total = 0

    def order(self, header: dict[str, Any], pcm: bytes) -> dict[str, Any] | None:
        match header["do"]:
            case "play":
                self._head.push(header["item"], pcm)
            case "end":
                self._head.end(header["item"])
            case "flush":
                with self._lock:
                    self._head.flush()
                return {**self.report(), "kind": "flushed"}
        return None

    def report(self) -> dict[str, Any]:
        with self._lock:
            return {"kind": "played", "total": self._total, "underruns": self._head.underruns, "gaps": self.gaps}

    def _pull(self, size: int) -> bytes:
        with self._lock:
            pcm = self._head.pull(size)
            self._total += len(pcm)
        if pcm:
            self.moved.set()
        return pcm

    def callback(self, rate_hz: int, channels: int) -> Any:
        pull = self._pull if rate_hz == RATE_HZ else ResampledPull(self._pull, rate_hz).pull

        def fill(out: Any, _frames: int, _time: object, status: Any) -> None:
            self.asked_at_s = time.monotonic()
            self.gaps += bool(status.output_underflow)
            pcm = pull(len(out) // channels)
            if channels > 1:
                pcm = _to_all(pcm, channels)
            out[: len(pcm)] = pcm
            out[len(pcm) :] = bytes(len(out) - len(pcm))

        return fill


def _to_all(pcm: bytes, channels: int) -> bytes:
    wide = bytearray(len(pcm) * channels)
    for channel in range(channels):
        for part in (0, 1):
            wide[2 * channel + part :: 2 * channels] = pcm[part::2]
    return bytes(wide)


def play(request: dict[str, Any], out: _Out) -> None:
    """Play what is ordered, and tell how much was, until standard input ends.

    Raises:
        WorkshopError: The device cannot be used, or is gone.
    """
    player = _Player(request["prebuffer_ms"])

    def obey() -> None:
        try:
            while True:
                if reply := player.order(*read_block(sys.stdin.buffer)):
                    out.write(reply)
        finally:
            os._exit(0)

    def tell() -> None:
        while True:
            player.moved.wait()
            player.moved.clear()
            out.write(player.report())
            time.sleep(_REPORT_S)  # whatever moves meanwhile is told at once

    threading.Thread(target=obey, daemon=True).start()  # first: a driver may hang in all that follows
    opened = portaudio.open_stream(
        "speaker", request["device"], player.callback, latency_ms=request["latency_ms"], block_ms=0,
        finished=player.ended.set,
    )  # fmt: skip
    out.write({"kind": "open", **opened.about})
    threading.Thread(target=tell, daemon=True).start()
    open_at_s = time.monotonic()
    while not player.ended.wait(0.25):
        asked_at_s = player.asked_at_s
        gone_at_s = open_at_s + _BEGIN_S if asked_at_s is None else asked_at_s + _STALLED_S
        if time.monotonic() > gone_at_s:
            break
    raise portaudio.gone("speaker", opened.device.name)


def main() -> None:
    """Do what the first block asks: `list`, `microphone` or `speaker`. An error is the last block."""
    become_a_sound_process()
    out = _Out()
    request, _ = read_block(sys.stdin.buffer)
    try:
        match request["do"]:
            case "list":
                watchdog = threading.Timer(_LIST_S, os._exit, (0,))  # whoever asked has long given up, or is gone
                watchdog.daemon = True
                watchdog.start()
                found = portaudio.devices(portaudio.load())
                out.write({"kind": "devices", "devices": [asdict(device) for device in found]})
            case "microphone":
                record(request, out)
            case "speaker":
                play(request, out)
    except WorkshopError as error:
        out.write(
            {"kind": "error", "what": error.what, "next": error.next_step, "missing": type(error) is MissingPartError}
        )
    except Exception as error:  # noqa: BLE001 - standard error is dropped: whatever it is, the parent says it
        name = "sound system" if request["do"] == "list" else request["do"]
        what = f"The {name} cannot be used ({type(error).__name__}: {error})."
        step = "Look at this machine's sound with: realtime-workshop doctor"
        out.write({"kind": "error", "what": what, "next": step, "missing": False})
    sys.stdout.flush()
    os._exit(0)  # closing a device that is gone may block for ever


if __name__ == "__main__":
    main()
