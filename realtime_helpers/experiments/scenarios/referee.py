"""The referee: looks at the server's truth and at the record of what the user said, and at nobody's opinion of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...simulator.items import Item
from ...simulator.words import words_of
from .writer import Summary


@dataclass(frozen=True)
class Verdict:
    """What became of a conversation.

    Attributes:
        word: `ok`, `hangs`, `drifts`, or `lost N turns`.
        why: What the referee saw.
    """

    word: str
    why: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.word == "ok"


def judge(
    said: Sequence[str],
    items: Sequence[Item],
    written: Sequence[Summary],
    known_ids: Sequence[str],
    stuck: str | None,
    most_turns: int | None = None,
) -> Verdict:
    """Judge a conversation that has come to rest.

    The gravest finding counts: hanging, then losing, then drifting.

    Args:
        said: What the user said and did not take back.
        items: What stands on the server.
        written: What the summariser wrote.
        known_ids: Which items the client believes to be there.
        stuck: Why the script could not be played to its end.
        most_turns: More verbatim turns than these mean that the client has stopped summarising.
    """
    if stuck is not None:
        return Verdict("hangs", stuck)
    verbatim = [item for item in items if item.role == "user"]
    if most_turns is not None and len(verbatim) > most_turns:
        return Verdict("hangs", f"it summarises no more: {len(verbatim)} turns stand on the server")
    lost = lost_words(said, items, written)
    if lost:
        turns = "turn" if len(lost) == 1 else "turns"
        return Verdict(f"lost {len(lost)} {turns}", "nothing is left of " + ", ".join(f"“{words}”" for words in lost))
    there = [item.id for item in items]
    if there != list(known_ids):
        extra, missing = set(known_ids) - set(there), set(there) - set(known_ids)
        ways = [f"{len(missing)} unknown to the client"] * bool(missing)
        ways += [f"{len(extra)} only in the client's mind"] * bool(extra)
        return Verdict("drifts", f"items: {', '.join(ways) or 'the same, in another order'}")
    return Verdict("ok")


def lost_words(said: Sequence[str], items: Sequence[Item], written: Sequence[Summary]) -> list[str]:
    """What the user said that no item and no summary on the server stands for.

    Words are safe when an item of the user holds them, a summary or another text that the client put there repeats
    them, or a summary that stands there was written from them.
    """
    texts = [_plain(text) for item in items if (text := _trusted_text(item))]
    texts += [_plain(source) for summary in written if _stands(summary, items) for source in _sources(summary, written)]
    return [words for words in said if not any(_plain(words) in text for text in texts)]


def _trusted_text(item: Item) -> str:
    """Words that an item keeps: what the assistant says of them is no record of them, unless it is a summary."""
    line = item.as_line()
    if line is None or (line.role == "assistant" and not item.id.startswith("sum_")):
        return ""
    return line.text


def _stands(summary: Summary, items: Sequence[Item]) -> bool:
    return summary.is_real and any(item.role != "user" and summary.text in item.text for item in items)


def _sources(summary: Summary, written: Sequence[Summary]) -> list[str]:
    """What a summary was written from, and what earlier summaries in it were written from."""
    found = [summary.material]
    for earlier in written[: written.index(summary)]:
        if earlier.is_real and earlier.text in summary.material:
            found += _sources(earlier, written)
    return found


def _plain(text: str) -> str:
    return f" {' '.join(words_of(text))} "
