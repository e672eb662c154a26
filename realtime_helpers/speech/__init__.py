"""A voice and an ear that need no download and no network, each in a process of its own.

Both sides use them: the simulator speaks and hears with them, and a scripted user speaks with the same voice.
"""

from .transcriber import Heard, Transcriber
from .voice import USER_VOICE, Speech, Voice, Word

__all__ = ["USER_VOICE", "Heard", "Speech", "Transcriber", "Voice", "Word"]
