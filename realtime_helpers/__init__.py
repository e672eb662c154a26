"""Long voice conversations with the OpenAI Realtime API, and a simulator to learn them on.

    from realtime_helpers import RealtimeSession, SummaryPolicy, microphone, speaker

    session = RealtimeSession(memory=SummaryPolicy(trigger_tokens=2_000, keep_turns=2))
    session.start(source=microphone(), sink=speaker())

Importing this package loads no sound, plot or widget library.
"""

from .audio.devices import audio_devices, microphone, speaker
from .audio.files import FileSink, read_sound_file, sound_file
from .audio.levels import LevelMeter, metered
from .audio.recording import StereoRecorder
from .audio.sinks import SilentSink
from .audio.sources import SpeechSource
from .audio_choice import AudioChoice, choose_audio
from .conversation import (
    PRICES,
    PRICES_AS_OF,
    TEXT_PRICES,
    Caption,
    CaptionState,
    Conversation,
    CostSplit,
    Item,
    Outlook,
    SpeechRates,
    Strategy,
    Turn,
    Usage,
    best_trigger,
    captions_text,
    cost_usd,
    forecast_cost,
    read_usage,
    split_cost,
)
from .errors import AudioError, MissingPartError, SessionError, SettingsError, WorkshopError
from .memory import (
    BULLETS,
    JSON_RECORD,
    PARAGRAPH,
    CacheAwareTrigger,
    CarefulSummariser,
    ChatSummariser,
    OutOfBandSummariser,
    ResponsesSummariser,
    Summariser,
    SummaryError,
    SummaryPolicy,
    SummaryRecord,
    SummaryRequest,
    SummaryStyle,
    Written,
    lost_items,
)
from .options import (
    PROFILES,
    SERVER_DEFAULT,
    CallFunction,
    Profile,
    PushToTalk,
    RetentionRatio,
    SemanticVAD,
    ServerVAD,
    SessionOptions,
    Tracing,
    Transcription,
)
from .session import Call, EchoGuard, Latency, RealtimeSession, Reconnect, Samples, Snapshot, State, conversation_record
from .settings import Settings
from .telemetry import Telemetry
from .tools import Tool, ToolError, as_tool
from .tracing import EventLog

__all__ = [
    "BULLETS",
    "JSON_RECORD",
    "PARAGRAPH",
    "PRICES",
    "PRICES_AS_OF",
    "PROFILES",
    "SERVER_DEFAULT",
    "TEXT_PRICES",
    "AudioChoice",
    "AudioError",
    "CacheAwareTrigger",
    "Call",
    "CallFunction",
    "Caption",
    "CaptionState",
    "CarefulSummariser",
    "ChatSummariser",
    "Conversation",
    "CostSplit",
    "EchoGuard",
    "EventLog",
    "FileSink",
    "Item",
    "Latency",
    "LevelMeter",
    "MissingPartError",
    "OutOfBandSummariser",
    "Outlook",
    "Profile",
    "PushToTalk",
    "RealtimeSession",
    "Reconnect",
    "ResponsesSummariser",
    "RetentionRatio",
    "Samples",
    "SemanticVAD",
    "ServerVAD",
    "SessionError",
    "SessionOptions",
    "Settings",
    "SettingsError",
    "SilentSink",
    "Snapshot",
    "SpeechRates",
    "SpeechSource",
    "State",
    "StereoRecorder",
    "Strategy",
    "Summariser",
    "SummaryError",
    "SummaryPolicy",
    "SummaryRecord",
    "SummaryRequest",
    "SummaryStyle",
    "Telemetry",
    "Tool",
    "ToolError",
    "Tracing",
    "Transcription",
    "Turn",
    "Usage",
    "WorkshopError",
    "Written",
    "as_tool",
    "audio_devices",
    "best_trigger",
    "captions_text",
    "choose_audio",
    "conversation_record",
    "cost_usd",
    "forecast_cost",
    "lost_items",
    "metered",
    "microphone",
    "read_sound_file",
    "read_usage",
    "sound_file",
    "speaker",
    "split_cost",
]
