"""PortAudio through sounddevice: what devices there are, how one is opened, and its errors as sentences.

Used inside `device_worker` only: what blocks, crashes or writes to the terminal in there cannot hurt a notebook.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..errors import AudioError, MissingPartError, WorkshopError
from .device_list import WITHOUT_DEVICE, DeviceList, Kind, SoundDevice, choose_device
from .formats import RATE_HZ

_BAD_CHANNELS, _BAD_RATE, _UNAVAILABLE = -9998, -9997, -9985
_DENIED = ("permission denied", "access denied", "e_accessdenied", "0x80070005")
_BUSY = ("resource busy", "in use", "0x8889000a")
PRIVACY = {
    "darwin": "System Settings > Privacy & Security > Microphone: allow the program that runs Python (Terminal, "
    "Visual Studio Code, ...), then start that program again.",
    "win32": "Settings > Privacy & security > Microphone: switch on 'Let desktop apps access your microphone'.",
    "linux": "Let your user use sound devices: sudo usermod -aG audio $USER, then log in again.",
}
"""Where each system keeps its permission for microphones."""


def load() -> ModuleType:
    """sounddevice, with PortAudio ready.

    Raises:
        MissingPartError: The package or the library is not installed.
    """
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise MissingPartError(
            "The package 'sounddevice' is not installed.",
            "In the workshop's folder: pip install -e '.[audio]'",
        ) from None
    except OSError:
        raise MissingPartError(
            "The sound library PortAudio is not installed.",
            "Install it with: sudo apt-get install libportaudio2 (Debian, Ubuntu), or: conda install portaudio",
        ) from None
    module: ModuleType = sounddevice
    return module


def devices(module: ModuleType) -> DeviceList:
    """What there is now."""
    systems = module.query_hostapis()
    microphone, speaker = module.default.device
    return DeviceList(
        SoundDevice(
            number, entry["name"], systems[entry["hostapi"]]["name"], entry["max_input_channels"],
            entry["max_output_channels"], round(entry["default_samplerate"]), number == microphone, number == speaker,
        )
        for number, entry in enumerate(module.query_devices())
    )  # fmt: skip


@dataclass(frozen=True)
class OpenStream:
    """A stream that runs.

    Attributes:
        stream: sounddevice's.
        device: What it was opened on.
        rate_hz: Its rate.
        channels: Its channels.
    """

    stream: Any
    device: SoundDevice
    rate_hz: int
    channels: int

    @property
    def about(self) -> dict[str, Any]:
        """For the process that asked for it."""
        return {
            "device": self.device.name, "rate_hz": self.rate_hz, "channels": self.channels,
            "latency_ms": self.stream.latency * 1000,
        }  # fmt: skip


def open_stream(
    kind: Kind,
    wanted: int | str | None,
    callback: Callable[[int, int], Callable[..., None]],
    *,
    latency_ms: float,
    block_ms: int,
    finished: Callable[[], None],
) -> OpenStream:
    """Open a device at 24 kHz mono, or as near as it can.

    Args:
        kind: Which way.
        wanted: See `choose_device`.
        callback: Makes the stream's callback for a rate and a number of channels.
        latency_ms: How much audio the device may hold.
        block_ms: Audio per callback; 0 lets the device choose.
        finished: Called when the stream ends by itself, in the device's thread.

    Raises:
        MissingPartError: sounddevice or PortAudio is not installed.
        AudioError: No such device, or it cannot be used.
    """
    module = load()
    device = choose_device(devices(module), wanted, kind)
    make = module.RawInputStream if kind == "microphone" else module.RawOutputStream
    problem: Exception | None = None
    for rate_hz, channels in _settings(device, kind):
        stream = None
        try:
            stream = make(
                samplerate=rate_hz, channels=channels, dtype="int16", device=device.number,
                latency=latency_ms / 1000, blocksize=rate_hz * block_ms // 1000,
                callback=callback(rate_hz, channels), finished_callback=finished,
            )  # fmt: skip
            stream.start()
        except (module.PortAudioError, ValueError) as error:
            if stream is not None:
                stream.close()  # some devices do not open a second time while they are held
            problem = problem or error
            if _code(error) not in {_BAD_RATE, _BAD_CHANNELS}:
                problem = error
                break
        else:
            return OpenStream(stream, device, rate_hz, channels)
    assert problem is not None
    raise in_words(kind, device.name, problem)


def _settings(device: SoundDevice, kind: Kind) -> list[tuple[int, int]]:
    """Rates and channels to try, the best first."""
    most = device.inputs if kind == "microphone" else device.outputs
    channels = dict.fromkeys((1, min(2, most), most))
    return [(rate_hz, count) for rate_hz in dict.fromkeys((RATE_HZ, device.rate_hz)) for count in channels]


def _code(error: Exception) -> int | None:
    return error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else None


def in_words(kind: Kind, name: str, error: Exception, platform: str = sys.platform) -> WorkshopError:
    """Why a device cannot be opened, and what to do about it."""
    text = str(error).lower()
    if any(sign in text for sign in _DENIED):
        return AudioError(
            f"The {kind} {name!r} may not be used by this program.", PRIVACY.get(platform, PRIVACY["linux"])
        )
    if _code(error) == _UNAVAILABLE or any(sign in text for sign in _BUSY):
        return AudioError(
            f"The {kind} {name!r} is in use by another program, or was unplugged.",
            f"Close the other program, or name another device: audio_devices() lists them. {WITHOUT_DEVICE}",
        )
    reason = str(error).splitlines()[0] if str(error) else repr(error)
    return AudioError(
        f"The {kind} {name!r} cannot be opened ({reason}).",
        f"Name another device: audio_devices() lists them. {WITHOUT_DEVICE}",
    )


def gone(kind: Kind, name: str) -> AudioError:
    """A device that worked, and does not any more."""
    then = "; then: session.use(source=microphone())" if kind == "microphone" else ""
    return AudioError(
        f"The {kind} {name!r} is gone: it was unplugged, or its sound system stopped.",
        f"Plug it in again, or see what there is with audio_devices(){then}.",
    )
