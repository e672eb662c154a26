"""What filters of the event log must show: the same cases for Python and for the page."""

from __future__ import annotations

from typing import Any

ROWS: list[tuple[int, float, str, dict[str, Any]]] = [
    (1, 0.0, "sent", {"type": "input_audio_buffer.append", "audio": "AAAA"}),
    (2, 0.1, "sent", {"type": "conversation.item.create", "item": {"id": "i", "role": "user"}}),
    (3, 0.2, "received", {"type": "response.output_audio.delta", "delta": "AAAA"}),
    (4, 0.3, "received", {"type": "error", "error": {"message": "no"}}),
    (5, 0.4, "received", {"type": "conversation.item.input_audio_transcription.failed", "error": {"message": "no"}}),
    (6, 0.5, "received", {"type": "response.done", "response": {"status": "failed"}}),
    (7, 0.6, "received", {"type": "response.done", "response": {"status": "completed"}}),
    (8, 0.7, "received", {"type": "conversation.item.added", "item": {"id": "i", "role": "user"}}),
]
ALL = {"direction": "both", "text": "", "errors_only": False, "pieces": False}
CASES: list[tuple[str, dict[str, Any], list[int]]] = [
    ("everything but pieces", ALL, [2, 4, 5, 6, 7, 8]),
    ("pieces, too", ALL | {"pieces": True}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ("sent", ALL | {"direction": "sent"}, [2]),
    ("received", ALL | {"direction": "received"}, [4, 5, 6, 7, 8]),
    ("by type, in any case", ALL | {"text": " Item "}, [2, 5, 8]),
    ("errors", ALL | {"errors_only": True}, [4, 5, 6]),
    ("all together", {"direction": "received", "text": "done", "errors_only": True, "pieces": True}, [6]),
    ("nothing", ALL | {"text": "<script>"}, []),
]
