"""For open loudspeakers: the model does not hear itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingsError


@dataclass(frozen=True)
class EchoGuard:
    """Deafens the microphone while a reply sounds: for loudspeakers beside a microphone, without echo cancellation.

    Without it the model hears its own reply, takes it for the user, and interrupts itself. **The price: nobody can
    interrupt a reply by speaking**, not even by shouting; `session.interrupt()` on a button still does. So first try
    headphones, the browser's audio (which cancels echo) or `noise_reduction`, and take this where none of them helps.

    What the microphone brings meanwhile is replaced by silence of the same length, so the server's offsets keep in
    step. Push-to-talk needs no guard: there the button silences the reply before the microphone opens.

    Attributes:
        tail_ms: How long after the last sound to stay deaf, in milliseconds: the way through the loudspeaker, the
            room, and the microphone.

    Raises:
        SettingsError: A tail below zero.
    """

    tail_ms: int = 300

    def __post_init__(self) -> None:
        if self.tail_ms < 0:
            raise SettingsError(f"An echo guard cannot have a tail of {self.tail_ms} ms.", "Use 0 or more.")


class GuardedEar:
    """Applies an `EchoGuard` to audio on its way up.

    Args:
        guard: How long to stay deaf; `None` never is.
    """

    def __init__(self, guard: EchoGuard | None) -> None:
        self._guard = guard
        self._last_sound_s: float | None = None

    def hear(self, pcm: bytes, now_s: float, *, is_sounding: bool) -> bytes:
        """The audio, or silence of the same length.

        Args:
            pcm: What the microphone brought.
            now_s: Any clock, in seconds.
            is_sounding: Whether a reply is still being played.
        """
        if self._guard is None:
            return pcm
        if is_sounding:
            self._last_sound_s = now_s
        is_deaf = self._last_sound_s is not None and now_s - self._last_sound_s <= self._guard.tail_ms / 1000
        return bytes(len(pcm)) if is_deaf else pcm
