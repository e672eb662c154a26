"""espeak-ng, driven through ctypes from the `espeakng-loader` wheel. Runs as its own process.

espeak keeps its state in C globals and is not thread-safe: one process is one engine. Synchronous mode calls
us back in the thread that asked for speech.
"""

from __future__ import annotations

import ctypes
import os
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import espeakng_loader

from .worker import serve

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_RATE_PARAMETER = 1
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1
_SEED = 1

Result = TypeVar("Result")


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """One engine. Collects the audio and the word marks of one utterance at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_SetSynthCallback.restype = None
        self._callback = _CALLBACK(self._collect)  # kept: C holds only a pointer to it
        data_path = str(espeakng_loader.get_data_path()).encode()
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 60, data_path, _DONT_EXIT)
        if self.rate_hz <= 0:
            raise RuntimeError(f"espeak-ng did not start (code {self.rate_hz}).")
        self._library.espeak_SetSynthCallback(self._callback)
        self._home = os.getpid()
        self._pcm = bytearray()
        self._words: list[tuple[int, int, int]] = []

    def _collect(self, wave: Any, count: int, events: Any) -> int:
        index = 0
        while (event := events[index]).type != _EVENT_END_OF_LIST:
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.length, event.audio_position))
            index += 1
        if wave and count > 0:
            self._pcm += ctypes.string_at(wave, count * 2)
        return int(self._home not in (os.getpid(), os.getppid()))  # 1 stops a fork whose parent was ended

    def speak(self, text: str, voice: str, words_per_minute: int) -> tuple[bytes, list[tuple[int, int, int]]]:
        """PCM16 at `rate_hz`, and for each word (offset and length in characters, start in ms)."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        self._library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))  # else the second it started in is heard
        self._pcm.clear()
        self._words.clear()
        data = text.encode()
        code = self._library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0, _UTF8, None, None)
        if code != 0:
            raise RuntimeError(f"espeak-ng refused the text (code {code}).")
        return bytes(self._pcm), list(self._words)


def afresh(work: Callable[[], Result]) -> Result:
    """Do `work` in a fork of this process: espeak keeps traces of what it said, which are heard in what comes next.

    Windows cannot fork; there the work is done here.

    Raises:
        RuntimeError: The engine crashed.
    """
    if not hasattr(os, "fork"):
        return work()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        for stream in (0, 1):  # whoever waits for the parent must see it end
            os.close(stream)
        try:
            outcome: tuple[Any, Exception | None] = (work(), None)
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            outcome = (None, error)
        try:
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(outcome, pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError("espeak-ng crashed.")
    result, problem = pickle.loads(answer)
    if problem is not None:
        raise problem
    spoken: Result = result
    return spoken


def main() -> None:
    """Answer `{text, voice, words_per_minute}` with `{rate_hz, words}` and PCM16."""
    engine = Espeak()

    def answer(request: dict[str, Any], _payload: bytes) -> tuple[dict[str, Any], bytes]:
        pcm, words = afresh(lambda: engine.speak(request["text"], request["voice"], request["words_per_minute"]))
        return {"rate_hz": engine.rate_hz, "words": words}, pcm

    serve(answer)


if __name__ == "__main__":
    main()
