"""How a session behaves: typed options, checked before anything is sent, and profiles that explain themselves."""

from .parts import CallFunction, RetentionRatio, Tracing, Transcription
from .profiles import PROFILES, Profile
from .session_options import VOICES, SessionOptions
from .turn_detection import PushToTalk, SemanticVAD, ServerVAD, TurnDetection
from .values import SERVER_DEFAULT, nearest
from .wire import changes, contradictions, merged, overlaid

__all__ = [
    "PROFILES",
    "SERVER_DEFAULT",
    "VOICES",
    "CallFunction",
    "Profile",
    "PushToTalk",
    "RetentionRatio",
    "SemanticVAD",
    "ServerVAD",
    "SessionOptions",
    "Tracing",
    "Transcription",
    "TurnDetection",
    "changes",
    "contradictions",
    "merged",
    "nearest",
    "overlaid",
]
