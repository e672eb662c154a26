"""Errors written for the person who reads them: what happened, why, and what to do next."""

from __future__ import annotations


class WorkshopError(Exception):
    """An error with a next step.

    Args:
        what: One sentence: what happened and, where known, why.
        next_step: The exact thing to do about it.
    """

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}"

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: IPython asks for this. A wall of traceback would hide the sentence that helps."""
        return [f"{type(self).__name__}: {self.what}", f"What to do: {self.next_step}"]


class MissingPartError(WorkshopError):
    """An optional package or system library is not installed."""


class AudioError(WorkshopError):
    """A sound file or device cannot be used."""


class SettingsError(WorkshopError):
    """A setting or an environment variable has a value that cannot work."""


class SessionError(WorkshopError):
    """The connection to the server could not be made, or was lost."""
