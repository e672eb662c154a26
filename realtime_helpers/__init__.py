"""Long voice conversations with the OpenAI Realtime API, and a simulator to learn them on.

    from realtime_helpers import RealtimeSession, SummaryPolicy, microphone, speaker

    session = RealtimeSession(memory=SummaryPolicy(trigger_tokens=2_000, keep_turns=2))
    session.start(source=microphone(), sink=speaker())

Importing this package loads no sound, plot or widget library.
"""

from .audio.devices import microphone, speaker
from .audio.recording import StereoRecorder
from .audio.sinks import SilentSink
from .audio.sources import SpeechSource, read_sound_file
from .conversation import PRICES, PRICES_AS_OF, Conversation, Item, Turn, Usage, cost_usd
from .errors import AudioError, MissingPartError, SessionError, SettingsError, WorkshopError
from .memory import Summariser, SummaryPolicy, SummaryRecord, SummaryRequest, SummaryStyle, lost_items
from .session import RealtimeSession, Snapshot, State, conversation_record
from .settings import Settings
from .tracing import EventLog

__all__ = [
    "PRICES",
    "PRICES_AS_OF",
    "AudioError",
    "Conversation",
    "EventLog",
    "Item",
    "MissingPartError",
    "RealtimeSession",
    "SessionError",
    "Settings",
    "SettingsError",
    "SilentSink",
    "Snapshot",
    "SpeechSource",
    "State",
    "StereoRecorder",
    "Summariser",
    "SummaryPolicy",
    "SummaryRecord",
    "SummaryRequest",
    "SummaryStyle",
    "Turn",
    "Usage",
    "WorkshopError",
    "conversation_record",
    "cost_usd",
    "lost_items",
    "microphone",
    "read_sound_file",
    "speaker",
]
