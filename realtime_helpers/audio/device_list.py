"""The sound devices of this machine as plain data, and the choice of one by number, name or part of a name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import AudioError
from ..tables import Table

Kind = Literal["microphone", "speaker"]

WITHOUT_DEVICE = "Or go on without: SpeechSource() speaks, and a session without a sink stays silent."


@dataclass(frozen=True)
class SoundDevice:
    """One device, as PortAudio names it.

    Attributes:
        number: Its place in the list; it changes when devices are plugged in.
        name: Its name.
        system: The sound system it belongs to, such as ALSA or Core Audio. One device may appear in several.
        inputs: Channels it records; 0: it is no microphone.
        outputs: Channels it plays; 0: it is no speaker.
        rate_hz: The sample rate it prefers. Another than 24 kHz is converted.
        is_default_microphone: Whether it is used when no microphone is named.
        is_default_speaker: Whether it is used when no speaker is named.
    """

    number: int
    name: str
    system: str
    inputs: int
    outputs: int
    rate_hz: int
    is_default_microphone: bool = False
    is_default_speaker: bool = False

    def is_a(self, kind: Kind) -> bool:
        """Whether it can be used so."""
        return (self.inputs if kind == "microphone" else self.outputs) > 0

    def is_default(self, kind: Kind) -> bool:
        """Whether it is taken when nothing is named."""
        return self.is_default_microphone if kind == "microphone" else self.is_default_speaker

    @property
    def full_name(self) -> str:
        """Name and sound system, which together are rarely ambiguous."""
        return f"{self.name}, {self.system}"


class DeviceList(tuple[SoundDevice, ...]):
    """Devices, shown as a table in a terminal and in a notebook."""

    __slots__ = ()

    @property
    def table(self) -> Table:
        """The same for people."""
        after = "" if self else "No sound device here. In a notebook the browser's microphone and speaker still work."
        rows = [
            (
                str(device.number),
                device.name,
                device.system,
                _role(device.inputs, is_default=device.is_default_microphone),
                _role(device.outputs, is_default=device.is_default_speaker),
                f"{device.rate_hz:,} Hz",
            )
            for device in self
        ]
        return Table(("number", "name", "system", "microphone", "speaker", "own rate"), rows, after)

    def __rich__(self) -> Table:
        return self.table

    def __repr__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _role(channels: int, *, is_default: bool) -> str:
    return ("default" if is_default else "yes") if channels else ""


def named(kind: Kind, device: object) -> int | str | None:
    """What a process is told of the device that is wanted.

    Raises:
        AudioError: It is neither a number, nor a name, nor a `SoundDevice`, nor `None`.
    """
    match device:
        case SoundDevice():
            return device.number
        case int() | str() | None:
            return device
    raise AudioError(
        f"{device!r} names no {kind}.", f"Give a number, a name, or one of the list: {kind}(audio_devices()[0])."
    )


def choose_device(devices: Sequence[SoundDevice], wanted: int | str | None, kind: Kind) -> SoundDevice:
    """The device that is meant.

    Args:
        devices: What there is.
        wanted: Its number, its name, or part of its name with or without its system (capitals do not matter);
            `None` for the default.
        kind: What it is needed for.

    Raises:
        AudioError: None of that name, or several; the message lists what there is.
    """
    usable = [device for device in devices if device.is_a(kind)]
    if not usable:
        raise AudioError(f"There is no {kind} on this machine.", f"Plug one in and try again. {WITHOUT_DEVICE}")
    default = next((device for device in usable if device.is_default(kind)), None)
    if wanted is None:
        if default is None:
            raise _unclear(f"No {kind} is the default here", usable, kind)
        return default
    if isinstance(wanted, int):
        found = [device for device in usable if device.number == wanted]
    else:
        found = _named(usable, wanted)
        if len(found) > 1 and default is not None:  # one device in several sound systems: the default system's
            found = [device for device in found if device.system == default.system] or found
    if len(found) == 1:
        return found[0]
    what = f"{wanted!r} can mean more than one {kind}" if found else f"There is no {kind} {wanted!r}"
    raise _unclear(what, found or usable, kind)


def _named(devices: list[SoundDevice], wanted: str) -> list[SoundDevice]:
    for matches in (
        [device for device in devices if wanted in {device.name, device.full_name}],
        [device for device in devices if wanted.casefold() in device.full_name.casefold()],
    ):
        if matches:
            return matches
    return []


def _unclear(what: str, among: list[SoundDevice], kind: Kind) -> AudioError:
    listed = "; ".join(f"{device.number} = {device.full_name!r}" for device in among)
    return AudioError(f"{what}. To choose from: {listed}.", f"Name one of them: {kind}({among[0].full_name!r}).")
