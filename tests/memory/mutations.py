"""Known mistakes, put into our session one at a time, at the borders between its parts. The machine must see each.

The numbers are those of the project's list of mistakes found in clients that do this job; letters are its second
list, of what other peers do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from realtime_helpers.audio.formats import BYTES_PER_MS
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.conversation import Conversation, Item, Ledger, LedgerEntry, Turn
from realtime_helpers.experiments import lab
from realtime_helpers.memory import (
    Assume,
    Compactor,
    Effect,
    Plan,
    Problem,
    Send,
    SummaryPolicy,
    Write,
    careful,
    compactor,
)
from realtime_helpers.options import SessionOptions
from realtime_helpers.protocol import Event, IdMint, cancel_response, create_response, delete_item, retrieve_item
from realtime_helpers.session import live, words_due
from realtime_helpers.session.answers import Answers
from realtime_helpers.session.configuring import Configuring
from realtime_helpers.session.live import LiveSession
from realtime_helpers.session.memory_work import MemoryWork
from realtime_helpers.session.replies import Replies
from realtime_helpers.session.restore import Remains, Restoration
from realtime_helpers.session.service import LineLostError

from .people import Scribe

Apply = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutation:
    """A mistake.

    Attributes:
        pitfall: Its number in the list.
        name: What the client does wrong.
        apply: Puts it in.
    """

    pitfall: str
    name: str
    apply: Apply


MUTATIONS: list[Mutation] = []


def mistake(pitfall: str, name: str) -> Callable[[Apply], Apply]:
    def note(apply: Apply) -> Apply:
        MUTATIONS.append(Mutation(pitfall, name, apply))
        return apply

    return note


# -- the borders ------------------------------------------------------------------------------------------


def effects(patch: pytest.MonkeyPatch, change: Callable[[MemoryWork, Effect], Iterable[Effect]]) -> None:
    """What the compactor wants done."""
    carry_out = MemoryWork._carry_out
    patch.setattr(
        MemoryWork, "_carry_out",
        lambda self, wanted: carry_out(self, [changed for effect in wanted for changed in change(self, effect)]),
    )  # fmt: skip


def news(patch: pytest.MonkeyPatch, change: Callable[[Conversation, Event], Event | None]) -> None:
    """What the mirror of the conversation is told."""
    apply = Conversation.apply

    def changed_apply(self: Conversation, event: Event) -> None:
        changed = change(self, event)
        if changed is not None:
            apply(self, changed)

    patch.setattr(Conversation, "apply", changed_apply)


def after_news(patch: pytest.MonkeyPatch, kind: str, action: Callable[[LiveSession, Event], None]) -> None:
    """What the session does on top when an event comes."""
    take_in = LiveSession._take_in

    def take_in_and_act(self: LiveSession, event: Event) -> None:
        take_in(self, event)
        if event["type"] == kind:
            action(self, event)

    patch.setattr(LiveSession, "_take_in", take_in_and_act)


def is_delete(effect: Effect) -> bool:
    return isinstance(effect, Send) and effect.event["type"] == "conversation.item.delete"


def is_insert(effect: Effect) -> bool:
    return isinstance(effect, Send) and effect.event["type"] == "conversation.item.create"


def deleted(item_id: str) -> Assume:
    return Assume({"type": "conversation.item.deleted", "item_id": item_id})


# -- in the well-known notebooks --------------------------------------------------------------------------


@mistake("5", "waits for a transcript for ever")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(words_due, "TRANSCRIPT_PATIENCE_S", 1e9)


@mistake("7", "polls for transcripts with retrieve")
def _(patch: pytest.MonkeyPatch) -> None:
    def poll(self: LiveSession, event: Event) -> None:
        if event["item"].get("role") == "user":
            self._send(retrieve_item(event["item"]["id"]))

    after_news(patch, "conversation.item.added", poll)


@mistake("8", "goes on after 'nothing to summarise' and deletes what is old")
def _(patch: pytest.MonkeyPatch) -> None:
    def go_on(self: MemoryWork, effect: Effect) -> Iterable[Effect]:
        yield effect
        if isinstance(effect, Problem) and "nothing to summarise" in effect.message:
            yield from (Send(delete_item(item_id)) for item_id in self._conversation.item_ids[:-1])

    effects(patch, go_on)


@mistake("9", "leaves turns without a transcript out of the summary, and deletes them")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Item, "is_known", property(lambda self: True))
    patch.setattr(Turn, "pending", property(lambda self: ()))


@mistake("10", "forgets turns that arrive while the summary is written")
def _(patch: pytest.MonkeyPatch) -> None:
    at_work: list[object] = []
    write = Scribe.__call__

    async def watched(self: Scribe, request: Any) -> str:
        at_work.append(self)
        try:
            return await write(self, request)
        finally:
            at_work.remove(self)

    patch.setattr(Scribe, "__call__", watched)
    news(patch, lambda _, event: None if at_work and "item" in event else event)


@mistake("11", "stays 'summarising' when the summariser fails")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Compactor, "summary_failed", lambda self, reason: [])


@mistake("12", "takes every response for one message with words")
def _(patch: pytest.MonkeyPatch) -> None:
    def parse(_: Conversation, event: Event) -> Event:
        if event["type"] == "response.done":
            _ = event["response"]["output"][0]["content"][0]
        return event

    news(patch, parse)


@mistake("12", "lets the zero usage of a cancelled response reset the meter")
def _(patch: pytest.MonkeyPatch) -> None:
    record = Ledger.record

    def reset(self: Ledger, entry: LedgerEntry) -> None:
        record(self, entry)
        if not entry.out_of_band:
            self.window_tokens = entry.conversation_tokens

    patch.setattr(Ledger, "record", reset)


@mistake("13", "inserts the summary as the assistant's words")
def _(patch: pytest.MonkeyPatch) -> None:
    def speak(_: MemoryWork, effect: Effect) -> Iterable[Effect]:
        if is_insert(effect):
            assert isinstance(effect, Send)
            text = effect.event["item"]["content"][0]["text"]
            item = {**effect.event["item"], "role": "assistant", "content": [{"type": "output_text", "text": text}]}
            effect = Send({**effect.event, "item": item})
        yield effect

    effects(patch, speak)


@mistake("14", "plays on while the user speaks")
def _(patch: pytest.MonkeyPatch) -> None:
    apply = Replies.apply
    patch.setattr(
        Replies, "apply",
        lambda self, event: None if event["type"] == "input_audio_buffer.speech_started" else apply(self, event),
    )  # fmt: skip


@mistake("15", "takes the summary for inserted without an acknowledgement")
def _(patch: pytest.MonkeyPatch) -> None:
    def believe(_: MemoryWork, effect: Effect) -> Iterable[Effect]:
        yield effect
        if is_insert(effect):
            assert isinstance(effect, Send)
            item = effect.event["item"]
            yield Assume({"type": "conversation.item.added", "item": item, "previous_item_id": None})

    effects(patch, believe)


@mistake("15", "ignores item.deleted")
def _(patch: pytest.MonkeyPatch) -> None:
    news(patch, lambda _, event: None if event["type"] == "conversation.item.deleted" else event)


@mistake("15", "edits in the middle of a turn")
def _(patch: pytest.MonkeyPatch) -> None:
    class Quiet:
        def __init__(self, conversation: Conversation) -> None:
            self._conversation = conversation

        def __getattr__(self, name: str) -> Any:
            return True if name == "is_quiet" else getattr(self._conversation, name)

    send_due: Any = Compactor._send_due
    patch.setattr(Compactor, "_send_due", lambda self, conversation, now_s: send_due(self, Quiet(conversation), now_s))


@mistake("16", "keeps a number of messages, and so divides a question from its answer")
def _(patch: pytest.MonkeyPatch) -> None:
    choose = SummaryPolicy.plan

    def divide(self: SummaryPolicy, conversation: Conversation, *args: Any, **options: Any) -> Plan | None:
        plan = choose(self, conversation, *args, **options)
        if plan is None or not plan.turns:
            return plan
        rest = plan.turns[-1].items[:1]
        return replace(plan, turns=(*plan.turns[:-1], Turn(rest)))

    patch.setattr(SummaryPolicy, "plan", divide)


@mistake("16", "deletes calls but keeps their outputs")
def _(patch: pytest.MonkeyPatch) -> None:
    def keep(self: MemoryWork, effect: Effect) -> Iterable[Effect]:
        if is_delete(effect):
            assert isinstance(effect, Send)
            item = self._conversation.find(effect.event["item_id"])
            if item is not None and item.kind == "function_call_output":
                effect = deleted(item.id)
        yield effect

    effects(patch, keep)


@mistake("17", "summarises at every response")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SummaryPolicy, "is_due", lambda self, conversation: True)
    patch.setattr(SummaryPolicy, "least_saving", property(lambda self: 0))


@mistake("17", "counts instructions, tools and output as conversation")
def _(patch: pytest.MonkeyPatch) -> None:
    record = Ledger.record

    def count_all(self: Ledger, entry: LedgerEntry) -> None:
        usage = entry.usage
        record(self, replace(entry, conversation_tokens=usage.input_tokens + usage.output_tokens))

    patch.setattr(Ledger, "record", count_all)


@mistake("17", "has no limit for a summary")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(careful, "check_summary", lambda *_: None)
    patch.setattr(compactor, "estimate_text_tokens", lambda text: 0)


@mistake("19", "asks for a response while one is active")
def _(patch: pytest.MonkeyPatch) -> None:
    def ask_at_once(self: Answers) -> None:
        if self._is_asked and self._is_ready():
            self._is_asked = False
            self._send(create_response(event_id=self._new_id("event")))

    patch.setattr(Answers, "advance", ask_at_once)


@mistake("20", "ignores previous_item_id")
def _(patch: pytest.MonkeyPatch) -> None:
    def append(self: Conversation, event: Event) -> Event:
        if event["type"] == "conversation.item.added" and self.item_ids:
            return {**event, "previous_item_id": self.item_ids[-1]}
        return event

    news(patch, append)


@mistake("23", "uses one id for all summaries")
def _(patch: pytest.MonkeyPatch) -> None:
    new = IdMint.new
    patch.setattr(IdMint, "new", lambda self, prefix: "sum_001" if prefix == "sum" else new(self, prefix))


@mistake("24", "takes close code 1001 for a normal end")
def _(patch: pytest.MonkeyPatch) -> None:
    receive = lab._ClientEnd.receive

    async def stop_listening(self: Any) -> str:
        try:
            return await receive(self)
        except LineLostError as end:
            if end.code == 1001:
                await asyncio.Event().wait()
            raise

    patch.setattr(lab._ClientEnd, "receive", stop_listening)


# -- in other peers ---------------------------------------------------------------------------------------


@mistake("a", "splices by position")
def _(patch: pytest.MonkeyPatch) -> None:
    def by_position(self: MemoryWork, effect: Effect) -> Iterable[Effect]:
        ids = self._conversation.item_ids
        if is_delete(effect):
            assert isinstance(effect, Send)
            wanted = effect.event["item_id"]
            if wanted in ids and ids.index(wanted) + 1 < len(ids):
                effect = Send({**effect.event, "item_id": ids[ids.index(wanted) + 1]})
        yield effect

    effects(patch, by_position)


@mistake("a", "sends two summary requests on one interruption")
def _(patch: pytest.MonkeyPatch) -> None:
    def twice(self: MemoryWork, effect: Effect) -> Iterable[Effect]:
        yield effect
        if isinstance(effect, Write) and any(e.status == "cancelled" for e in self._conversation.ledger.entries):
            yield effect

    effects(patch, twice)


@mistake("b", "drops the first summary with the second")
def _(patch: pytest.MonkeyPatch) -> None:
    def drop(_: MemoryWork, effect: Effect) -> Iterable[Effect]:
        yield Write(replace(effect.request, previous=None)) if isinstance(effect, Write) else effect

    effects(patch, drop)


@mistake("b", "deletes what came while the summary was written")
def _(patch: pytest.MonkeyPatch) -> None:
    known: dict[MemoryWork, set[str]] = {}

    def sweep(self: MemoryWork, effect: Effect) -> Iterable[Effect]:
        if isinstance(effect, Write):
            known[self] = set(self._conversation.item_ids)
        yield effect
        if is_delete(effect) and self in known:
            before = known.pop(self)
            new = [item.id for item in self._conversation.items if item.id not in before and not item.is_summary]
            yield from (Send(delete_item(item_id)) for item_id in new)

    effects(patch, sweep)


@mistake("b", "skips every delete when there is no transcript")
def _(patch: pytest.MonkeyPatch) -> None:
    def skip(self: MemoryWork, effect: Effect) -> Iterable[Effect]:
        if is_delete(effect):
            assert isinstance(effect, Send)
            item = self._conversation.find(effect.event["item_id"])
            if item is not None and item.spoken:
                effect = deleted(item.id)
        yield effect

    effects(patch, skip)


@mistake("e", "comes back from a lost line without its settings")
def _(patch: pytest.MonkeyPatch) -> None:
    begin, configured = Configuring.begin, set[Configuring]()

    def forget(self: Configuring) -> None:
        if self in configured:
            self._config, self._accepted = {}, SessionOptions()
        configured.add(self)
        begin(self)

    patch.setattr(Configuring, "begin", forget)


@mistake("e", "comes back from a lost line without the history")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Compactor, "carry_over", lambda *_: None)
    patch.setattr(live, "what_remains", lambda *_, **__: Remains((), (), Restoration("amnesia")))


@mistake("e", "forgets a typed turn that was not acknowledged when the line was lost")
def _(patch: pytest.MonkeyPatch) -> None:
    forget_line = LiveSession._forget_line

    def forget(self: LiveSession) -> None:
        forget_line(self)
        self._whole_turns._under_way.clear()

    patch.setattr(LiveSession, "_forget_line", forget)


@mistake("f", "accepts an answer to the user as a summary")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(careful, "check_summary", lambda *_: None)


@mistake("f", "cancels on top of the server's own interruption")
def _(patch: pytest.MonkeyPatch) -> None:
    after_news(patch, "input_audio_buffer.speech_started", lambda self, _: self._send(cancel_response()))


@mistake("f", "lets the clock of truncation run across items")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PlayHead, "heard_ms", lambda self, _: sum(self._heard_bytes.values()) // BYTES_PER_MS)


@mistake("14", "gives the summariser the words of a reply that nobody heard")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Item, "heard_text", property(lambda self: self.text))


@mistake("ours", "leaves its tasks behind")
def _(patch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    patch.setattr(MemoryWork, "_spawn", lambda self, work: kept.append(asyncio.get_running_loop().create_task(work)))
