"""How full the window is, response by response, and what the talk costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..conversation import PRICES_AS_OF, LedgerEntry, RealtimeModel, find_model
from ..memory import AtShareOfWindow, AtTokens, SummaryPolicy, SummaryRecord
from ..session import RealtimeSession, Snapshot
from .in_words import counted, shortened
from .panel import Panel, script

NEWEST_BARS = 60
_LEAST_AUDIO_S = 1.0  # an hour's price out of less says nothing


def gauge_picture(now: Snapshot, model: str) -> dict[str, Any]:
    """What a window gauge shows: tokens against trigger and limit, a bar for each response, boundaries, cost.

    Args:
        now: The session.
        model: Name of its realtime model.
    """
    reading = [entry for entry in now.responses if not entry.out_of_band and entry.usage.input_tokens]
    facts = find_model(model)
    trigger, rule = _trigger(now.memory, facts)
    limit = facts.usable_input_tokens if facts else None
    latest = reading[-1] if reading else None
    prefix = latest.usage.input_tokens - latest.conversation_tokens if latest else 0
    first = max(0, len(reading) - NEWEST_BARS)
    boundaries = [(bar, place) for bar, place in _boundaries(reading, now.summaries) if bar > first]
    picture: dict[str, Any] = {
        "tokens": now.window_tokens,
        "prefix": prefix,
        "trigger": trigger,
        "rule": rule,
        "limit": limit,
        "model": model,
        "bars": [_bar(number, entry) for number, entry in enumerate(reading[first:], first + 1)],
        "earlier": first,
        "boundaries": [_boundary(bar, now.summaries[: place + 1]) for bar, place in boundaries],
        "summaries": sum(record.is_summary for record in now.summaries),
        "undone": sum(record.occasion == "undone" for record in now.summaries),
        "is_summarised_since": bool(now.summaries)
        and now.summaries[-1].window_after is None
        and now.summaries[-1].is_summary,
        **_cost(now, model),
    }
    return {**picture, "sentence": _sentence(picture, latest)}


def _trigger(policy: SummaryPolicy | None, facts: RealtimeModel | None) -> tuple[int | None, str]:
    """The trigger in tokens, where it is one of tokens, and in words."""
    if policy is None:
        return None, "No trigger is set: a summary is made only when you ask for it"
    match policy.starts:
        case AtTokens(tokens):
            return tokens, f"A summary is due at {tokens:,} conversation tokens"
        case AtShareOfWindow(share) if facts is not None:
            tokens = round(share * facts.usable_input_tokens)
            return tokens, f"A summary is due at {share:.0%} of what the model can read, {tokens:,} conversation tokens"
        case other:
            return None, f"A summary is due by a rule of its own, {shortened(repr(other), 120)}"


def _bar(number: int, entry: LedgerEntry) -> list[int]:
    """Number of the response; tokens read fresh as text, audio and images, read from the cache, and all of them."""
    usage = entry.usage
    return [
        number, usage.input_text - usage.cached_text, usage.input_audio - usage.cached_audio,
        usage.input_image - usage.cached_image, usage.cached_tokens, usage.input_tokens,
    ]  # fmt: skip


def _boundaries(reading: Sequence[LedgerEntry], summaries: Sequence[SummaryRecord]) -> list[tuple[int, int]]:
    """Before which bar (from 1) each summary (from 0) stands: between the responses whose windows it says it saw."""
    found: list[tuple[int, int]] = []
    later = len(reading) + 1  # where the summary after this one stands
    for number, record in reversed(tuple(enumerate(summaries))):
        if record.window_after is None:  # no response has read it: the newest, or one that was replaced at once
            found.append((later, number))
            continue
        for place in range(later - 1, 1, -1):
            before, after = reading[place - 2], reading[place - 1]
            if (before.conversation_tokens, after.conversation_tokens) == (record.window_before, record.window_after):
                found.append((place, number))
                later = place
                break
    return found[::-1]


def _boundary(bar: int, until_then: Sequence[SummaryRecord]) -> dict[str, Any]:
    record, number = until_then[-1], sum(record.is_summary for record in until_then)
    at = f"at {record.window_before:,} tokens"
    label, title = {
        "undone": ("U", f"Summary undone {at}"),
        "reconnected": ("R", f"Put back on a new connection {at}"),
    }.get(record.occasion, (f"S{number}", f"Summary {number}, made {at}"))
    if record.window_after is not None:
        title += f"; the next response read {record.window_after:,}"
    elif record.is_summary:
        title += "; the next response will show what it saves"
    return {"before": bar, "label": label, "title": title}


def _cost(now: Snapshot, model: str) -> dict[str, str | None]:
    """Cost so far and per hour, in words; `None` without list prices."""
    if now.cost_usd is None or now.summaries_usd is None:
        who = f"the model {model}" if now.cost_usd is None else "the model that writes summaries"
        return {"cost": None, "per_hour": None, "cost_note": f"Cost unknown: there is no listed price of {who}."}
    usd = now.cost_usd + now.summaries_usd
    spoken_s = sum(
        (item.audio_ms if item.heard_ms is None else min(item.heard_ms, item.audio_ms)) / 1000
        for turn in now.turns for item in turn.items if item.spoken
    )  # fmt: skip
    note = f"List prices of {PRICES_AS_OF}, summaries included: a model, not an invoice."
    if spoken_s < _LEAST_AUDIO_S or not now.responses:
        return {"cost": _usd(usd), "per_hour": None, "cost_note": f"{note} Per hour: too little was said aloud yet."}
    return {
        "cost": _usd(usd),
        "per_hour": _usd(usd / spoken_s * 3600),
        "cost_note": f"{note} Per hour of talk: over the {_length(spoken_s)} of sound so far, yours and what you heard "
        "of the replies; pauses do not count.",
    }


def _usd(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 0.1 else f"${usd:.4f}"


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _sentence(picture: dict[str, Any], latest: LedgerEntry | None) -> str:
    if latest is None:
        return f"No response has read the conversation yet. {picture['rule']}."
    tokens, trigger, limit = picture["tokens"], picture["trigger"], picture["limit"]
    against = [f"{tokens / trigger:.0%} of the trigger of {trigger:,}"] if trigger else []
    against += [f"{(tokens + picture['prefix']) / limit:.0%} of what {picture['model']} can read"] if limit else []
    held = ", ".join([counted(tokens, "conversation token"), " and ".join(against)][: 1 + bool(against)])
    parts = [f"At the latest response the window held {held}."]
    _, text, audio, image, cached, whole = picture["bars"][-1]
    images = f", {image:,} of images" if image else ""
    parts.append(
        f"With instructions and tools it read {whole:,}: {cached:,} from the cache, {text:,} new of "
        f"text, {audio:,} new of audio{images}."
    )
    if trigger is None:
        parts.append(f"{picture['rule']}.")
    if picture["summaries"]:
        newest = f", {picture['undone']} undone" if picture["undone"] else ""
        newest += ", the newest since then" if picture["is_summarised_since"] else ""
        parts.append(f"{counted(picture['summaries'], 'summary', 'summaries')} so far{newest}.")
    if picture["cost"] is None:
        parts.append(picture["cost_note"])
    else:
        hour = f", {picture['per_hour']} per hour of talk" if picture["per_hour"] else ""
        parts.append(f"Cost so far {picture['cost']}{hour}.")
    return " ".join(parts)


class WindowGauge(Panel):
    """Tokens now against trigger and limit, a bar for each response, where summaries were made, and the cost.

    Args:
        session: Whose window is shown.
    """

    _esm = script("panel.js", "views.js", "gauge.js")
    _css = script("panel.css", "views.css")

    def __init__(self, session: RealtimeSession) -> None:
        self._session = session
        super().__init__(session)

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        return gauge_picture(now, self._session.settings.model)
