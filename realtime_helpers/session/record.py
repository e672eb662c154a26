"""The record of a conversation: every turn in its own words, and which summary stands for it now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..conversation import Item
from ..memory import covered_by
from .snapshot import Snapshot


def conversation_record(snapshot: Snapshot) -> dict[str, Any]:
    """A conversation as plain data for JSON.

    Every turn in its own words, also those that left the server; for each item whether it is there now and which
    memory item stands for it; every memory item with what it covers, was written from, holds word for word, and took;
    what became of each call of a tool; what each new connection brought back; the account per response. Costs in USD.
    """
    on_server = frozenset(item.id for item in snapshot.items)
    covered = covered_by(snapshot.summaries, snapshot.items)
    return {
        "turns": [
            {
                "number": number,
                "items": [_item(item, covered.get(item.id), item.id in on_server) for item in turn.items],
            }
            for number, turn in enumerate(snapshot.turns, start=1)
        ],
        "summaries": [
            {
                "id": record.id,
                "text": record.text,
                "covers": list(record.covers),
                "merges": record.merges,
                "occasion": record.occasion,
                "summarised": list(record.summarised),
                "verbatim": list(record.verbatim),
                "model": record.model,
                "usage": {"input": record.usage.input_tokens, "cached": record.usage.cached_tokens,
                          "output": record.usage.output_tokens},
                "left_over": list(record.left_over),
                "is_current": record.id in on_server,
                "window_before": record.window_before,
                "window_after": record.window_after,
            }
            for record in snapshot.summaries
        ],
        "responses": [
            {
                "id": entry.response_id,
                "status": entry.status,
                "conversation_tokens": entry.conversation_tokens,
                "input": {"text": entry.usage.input_text, "audio": entry.usage.input_audio,
                          "cached": entry.usage.cached_tokens},
                "output": {"text": entry.usage.output_text, "audio": entry.usage.output_audio},
            }
            for entry in snapshot.responses
        ],
        "calls": [
            {"id": call.id, "name": call.name, "state": call.state,
             "duration_ms": None if call.duration_ms is None else round(call.duration_ms)}
            for call in snapshot.calls  # without `problem`: the text of an exception may hold a secret
        ],
        "restorations": [asdict(restoration) for restoration in snapshot.restorations],
        "cost_usd": snapshot.cost_usd,
        "summaries_usd": snapshot.summaries_usd,
        "problems": list(snapshot.problems),
    }  # fmt: skip


def _item(item: Item, summary_id: str | None, on_server: bool) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "role": item.role,
        "text": item.text,
        "heard": item.heard_text,
        "spoken": item.spoken,
        "audio_ms": round(item.audio_ms),
        "transcript": item.transcript.value,
        "on_server": on_server,
        "covered_by": summary_id,
    }
