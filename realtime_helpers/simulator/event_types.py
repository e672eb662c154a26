"""Types of events the GA protocol knows, so that a misspelt one is found before it silently matches nothing."""

from __future__ import annotations

WEBSOCKET_CLIENT_EVENTS: tuple[str, ...] = (
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "conversation.item.create", "conversation.item.truncate", "conversation.item.delete",
    "conversation.item.retrieve", "response.create", "response.cancel",
)  # fmt: skip
"""What a client may send over a WebSocket, in the order of the service's own list (reference §2.1)."""

CLIENT_EVENTS: tuple[str, ...] = (*WEBSOCKET_CLIENT_EVENTS, "output_audio_buffer.clear")  # the last over WebRTC only

SERVER_EVENTS: tuple[str, ...] = (
    "conversation.created", "conversation.item.added", "conversation.item.created", "conversation.item.deleted",
    "conversation.item.done", "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.delta", "conversation.item.input_audio_transcription.failed",
    "conversation.item.input_audio_transcription.segment", "conversation.item.retrieved",
    "conversation.item.truncated", "error", "input_audio_buffer.cleared", "input_audio_buffer.committed",
    "input_audio_buffer.dtmf_event_received", "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped", "input_audio_buffer.timeout_triggered", "mcp_list_tools.completed",
    "mcp_list_tools.failed", "mcp_list_tools.in_progress", "output_audio_buffer.cleared",
    "output_audio_buffer.started", "output_audio_buffer.stopped", "rate_limits.updated",
    "response.content_part.added", "response.content_part.done", "response.created", "response.done",
    "response.function_call_arguments.delta", "response.function_call_arguments.done",
    "response.mcp_call.completed", "response.mcp_call.failed", "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta", "response.mcp_call_arguments.done", "response.output_audio.delta",
    "response.output_audio.done", "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done", "response.output_item.added", "response.output_item.done",
    "response.output_text.delta", "response.output_text.done", "session.created", "session.updated",
)  # fmt: skip
