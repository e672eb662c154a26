"""The rules that hold in every stream of server events (reference §3), checked one event at a time."""

from __future__ import annotations

from collections import deque

from .models import Event
from .response import ResponseRules
from .turns import TurnRules

_PADDED = 16


class StreamRules:
    """Sees the events of one session in the order they are sent; an `AssertionError` names the rule that is broken."""

    def __init__(self) -> None:
        self._session: Event | None = None
        self._event_ids: set[str] = set()
        self._items: list[str] = []
        self._added: dict[str, Event] = {}
        self._unfinished: set[str] = set()
        self._ever: set[str] = set()
        self._truncated: set[str] = set()
        self._burst: deque[tuple[str, str]] = deque()
        self._turns = TurnRules()
        self._responses: dict[str, ResponseRules] = {}
        self._response_ids: set[str] = set()
        self._limits_due = 0

    def see(self, event: Event) -> None:
        """One more event."""
        kind = event["type"]
        assert event["event_id"] not in self._event_ids, "event ids are unique"
        self._event_ids.add(event["event_id"])
        assert self._session is not None or kind in ("session.created", "error"), "session.created comes first"
        self._check_burst(event)
        if "obfuscation" in event:
            assert len(event["delta"]) + len(event["obfuscation"]) == max(_PADDED, len(event["delta"]))
        match kind.split("."):
            case ["session", _]:
                self._session_event(event)
            case ["input_audio_buffer", _]:
                if kind.endswith("committed"):
                    self._check_previous(event)
                self._burst.extend(self._turns.buffer(event))
            case ["conversation", "item", "input_audio_transcription", _]:
                self._turns.transcription(event)
            case ["conversation", "item", what]:
                self._item_event(what, event)
            case ["response", "created"]:
                self._created(event)
            case ["response", "done"]:
                self._done(event)
            case ["response", *_]:
                self._inside(event)
            case ["rate_limits", "updated"]:
                assert self._limits_due > 0, "limits follow a response that was not cancelled, once"
                self._limits_due -= 1
                assert [limit["name"] for limit in event["rate_limits"]] == ["tokens"]

    def end(self) -> None:
        """Nothing is left open."""
        assert not self._responses, "every response is done"
        assert not self._unfinished, "every item is done"
        assert not self._burst, "every burst is whole"

    def _check_burst(self, event: Event) -> None:
        if self._burst:
            found = event.get("item_id") or event.get("item", {}).get("id")
            expected = self._burst.popleft()
            assert (event["type"], found) == expected, f"{event['type']} where {expected} belongs"

    def _session_event(self, event: Event) -> None:
        session = event["session"]
        before, self._session = self._session, {name: session.get(name) for name in ("id", "model", "expires_at")}
        if event["type"] == "session.created":
            assert before is None, "a session is created once"
        else:
            assert before == self._session, "id, model and end of a session stay"

    # -- items ----------------------------------------------------------------------------------------

    def _item_event(self, what: str, event: Event) -> None:
        item_id = event["item"]["id"] if "item" in event else event["item_id"]
        match what:
            case "added":
                self._item_added(item_id, event)
            case "done":
                assert item_id in self._unfinished, "an item is done once, after it was added"
                self._unfinished.discard(item_id)
                for rules in self._responses.values():
                    rules.check_closed(item_id)
                assert event["item"].get("status") != "in_progress"
                assert event["previous_item_id"] in (None, self._before(item_id)), "neighbours may have gone, or come"
                assert event["item"]["type"] == self._added[item_id]["type"]
            case "deleted":
                self._items.remove(item_id)
                self._unfinished.discard(item_id)  # also in the middle of its response
                self._turns.forget(item_id)
            case "truncated":
                assert self._added[item_id]["role"] == "assistant", "only what the model said is truncated"
                assert item_id in self._items
                self._truncated.add(item_id)
            case "retrieved":
                assert item_id in self._items

    def _item_added(self, item_id: str, event: Event) -> None:
        assert item_id not in self._items, "an item is added once"
        self._check_previous(event)
        after = event["previous_item_id"]
        self._items.insert(self._items.index(after) + 1 if after is not None else 0, item_id)
        item = event["item"]
        self._added[item_id] = {"type": item["type"], "role": item.get("role"), "previous_item_id": after}
        self._unfinished.add(item_id)
        if item.get("status") != "in_progress" and not self._burst:
            self._burst.append(("conversation.item.done", item_id))

    def _before(self, item_id: str) -> str | None:
        at = self._items.index(item_id)
        return self._items[at - 1] if at else None

    def _check_previous(self, event: Event) -> None:
        assert event["previous_item_id"] in (None, *self._items), "previous_item_id is an item that exists"

    # -- responses ------------------------------------------------------------------------------------

    def _created(self, event: Event) -> None:
        response_id = event["response"]["id"]
        assert response_id not in self._response_ids, "ids of responses are unique"
        self._response_ids.add(response_id)
        rules = ResponseRules(event)
        if rules.is_in_conversation:
            assert not any(other.is_in_conversation for other in self._responses.values()), "one response at a time"
        self._responses[response_id] = rules

    def _inside(self, event: Event) -> None:
        kind, response_id = event["type"], event["response_id"]
        assert response_id in self._responses, f"{kind} outside its response"
        rules = self._responses[response_id]
        if kind == "response.output_item.added":
            item_id = event["item"]["id"]
            assert item_id not in self._ever, "ids of output items are unique"
            self._ever.add(item_id)
            if rules.is_in_conversation:
                self._burst.append(("conversation.item.added", item_id))
        if kind == "response.output_item.done" and rules.is_in_conversation:
            assert event["item"]["id"] not in self._unfinished, "conversation.item.done comes before output_item.done"
        rules.see(event)

    def _done(self, event: Event) -> None:
        response = event["response"]
        assert response["id"] in self._responses, "a response ends once"
        self._responses.pop(response["id"]).end(event, self._truncated)
        if response["status"] != "cancelled":
            self._limits_due += 1
