"""Other minds, voices and ears for the simulator: real models behind a URL or in a process of their own."""

from .choose import choose_ears, choose_responder, choose_voice

__all__ = ["choose_ears", "choose_responder", "choose_voice"]
