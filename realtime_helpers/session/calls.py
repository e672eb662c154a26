"""Calls of functions: each carried out once, its output delivered once, and one reply asked for that has read them.

A call is acted on when its response is done, and nowhere else: the same call is told in four events (reference §3.6).
What a reply has read is decided by the server's order: an output that was added before `response.created` was read,
one that was added after it was not, and a reply to it is still due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..conversation import Conversation
from ..protocol import ErrorKind, Event, classify_error, create_item, function_output
from ..tools import Outcome, Toolbox
from ..tools.toolbox import Ending, as_error
from .failures import refused

MOST_ROUNDS = 8
"""How often in a row the model may call before it must answer in words: every round costs a response."""
_MAX_ATTEMPTS = 5
_NOT_RUN = "Not carried out: the user interrupted before the call was made. Call again if it is still wanted."


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function.

    Attributes:
        id: Ties it to its output.
        name: Of the function.
        arguments: As the model wrote them: JSON text.
        state: `running`; `yours`, of a tool declared in `config`, until `answer_call`; `answered`; `refused` for
            arguments that do not fit; `failed`; `timed out`; `unknown` for a tool that does not exist; `not run` when
            the user interrupted the response that made it; `cancelled` when the session ended while it ran.
        output: What the model is told; `None` while there is nothing.
        duration_ms: How long it took; `None` while it runs.
        problem: What went wrong, for you: the model is not told.
    """

    id: str
    name: str
    arguments: str
    state: Literal["running", "yours", "not run", "cancelled"] | Ending
    output: str | None = None
    duration_ms: float | None = None
    problem: str | None = None


@dataclass(eq=False)
class _Round:
    """The calls of one response; ours are answered together, in their order."""

    mine: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    yours: set[str] = field(default_factory=set)
    wants_reply: bool = True


@dataclass
class _Output:
    """An output on its way, or one that no reply has read yet."""

    item: dict[str, Any]
    event_id: str
    round: _Round
    is_sent: bool = False
    is_there: bool = False
    attempts: int = 0

    @property
    def wants_reply(self) -> bool:
        return self.round.wants_reply


class Calls:
    """The calls of one session.

    Args:
        conversation: What is in the conversation.
        toolbox: The tools that are called here; others are the user's.
        send: Sends an event.
        is_ready: Whether the conversation stands.
        new_id: Mints ids from a prefix.
        tell: Tells the user of a problem.
        went_on: Something is different now; a reply may be due.
        is_silenced: Whether a response was interrupted here; the server may not know it yet.
    """

    def __init__(
        self,
        conversation: Conversation,
        toolbox: Toolbox,
        send: Callable[[Event], None],
        is_ready: Callable[[], bool],
        new_id: Callable[[str], str],
        tell: Callable[[str], None],
        went_on: Callable[[], None],
        is_silenced: Callable[[str], bool],
    ) -> None:
        self.log: tuple[Call, ...] = ()
        self._conversation = conversation
        self._toolbox = toolbox
        self._send = send
        self._is_ready = is_ready
        self._new_id = new_id
        self._tell = tell
        self._went_on = went_on
        self._is_silenced = is_silenced
        self._places: dict[str, int] = {}  # in the log, by call id
        self._rounds: dict[str, _Round] = {}  # by call id, while the call is open
        self._outputs: dict[str, _Output] = {}  # by item id
        self._tasks: set[asyncio.Task[None]] = set()
        self._rounds_in_a_row = 0
        self._times_asked = 0

    # -- looking --------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a reply to what tools bring, or brought, is still to come."""
        return self.owes_reply or any(one.running and one.wants_reply for one in self._rounds.values())

    @property
    def owes_reply(self) -> bool:
        """Whether there is an output that no reply has read, and that wants one."""
        return any(output.wants_reply for output in self._outputs.values())

    @property
    def is_reply_due(self) -> bool:
        """Whether a reply should be asked for as soon as no other runs."""
        return any(one.wants_reply and one.is_sent and not one.round.yours for one in self._outputs.values())

    def reply_options(self) -> dict[str, Any] | None:
        """What a `response.create` must say: a tool that must be called would be called again and again."""
        if self.is_reply_due:
            self._times_asked += 1
        if not self._outputs and not self._answers_outputs():
            return None
        if self._rounds_in_a_row >= MOST_ROUNDS:
            return {"tool_choice": "none"}
        choice = self._conversation.session.get("tool_choice", "auto")
        return None if choice in ("auto", "none") else {"tool_choice": "auto"}

    def _answers_outputs(self) -> bool:
        """Whether what comes last in the conversation is the output of a call."""
        for item in reversed(self._conversation.items):
            if item.role in ("user", "assistant"):
                return False
            if item.kind == "function_call_output":
                return True
        return False

    # -- what happens ---------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take in a server event that the conversation has already taken in."""
        match event["type"]:
            case "response.done" if event["response"].get("conversation_id") is not None:
                response = event["response"]
                calls = [item for item in response.get("output") or () if item.get("type") == "function_call"]
                self._begin(
                    [
                        Call(item["call_id"], item["name"], item.get("arguments") or "", "running")
                        for item in calls
                        if (item.get("status") or "completed") == "completed"
                    ],
                    is_interrupted=response["status"] == "cancelled" or self._is_silenced(response["id"]),
                )
            case "response.created" if event["response"].get("conversation_id") is not None:
                self._times_asked = 0
                self._outputs = {key: output for key, output in self._outputs.items() if not output.is_there}
            case "conversation.item.added":
                self._on_added(event["item"])

    def was_refused(self, error: dict[str, Any]) -> bool:
        """Whether an error is about an output; then it is dealt with."""
        event_id = error.get("event_id")
        output = next((one for one in self._outputs.values() if event_id and one.event_id == event_id), None)
        if output is None:
            self._give_up_asking(error)
            return False
        if classify_error(error.get("code")) is ErrorKind.BENIGN:
            self._on_added(output.item)  # the id is ours alone: an earlier try arrived
        elif output.attempts >= _MAX_ATTEMPTS:
            del self._outputs[output.item["id"]]
            self._tell(f"The output of a tool was not accepted. {refused(error)}")
        else:
            output.is_sent = False
            self._flush()
        return True

    def _give_up_asking(self, error: dict[str, Any]) -> None:
        if self._times_asked >= _MAX_ATTEMPTS:
            self._times_asked = 0
            self._outputs = {key: output for key, output in self._outputs.items() if not output.is_there}
            self._tell(f"The reply to what tools brought was not given. {refused(error)}")

    def _on_added(self, item: dict[str, Any]) -> None:
        if item.get("role") == "user":
            self._rounds_in_a_row = 0
        if item.get("type") != "function_call_output":
            return
        if (output := self._outputs.get(item["id"])) is not None:
            output.is_there = True
            if not output.wants_reply:
                del self._outputs[item["id"]]
        elif (one := self._rounds.get(item["call_id"])) is not None and item["call_id"] in one.yours:
            self._note(item["call_id"], state="answered", output=item.get("output"))  # by other means
            self._close(item["call_id"])

    # -- calling --------------------------------------------------------------------------------------

    def _begin(self, calls: list[Call], *, is_interrupted: bool = False) -> bool:
        """Begin with the calls that are new; whether a reply to them will be asked for."""
        calls = [call for call in calls if call.id not in self._places]
        one, not_run = _Round(), []
        for call in calls:
            self._places[call.id] = len(self.log)
            self.log = (*self.log, call)
            if self._is_yours(call.name):
                one.yours.add(call.id)
                self._rounds[call.id] = one
                self._note(call.id, state="yours")
            elif is_interrupted:
                not_run.append(call.id)
                self._note(call.id, state="not run", output=as_error(_NOT_RUN), duration_ms=0.0)
            else:
                one.mine.append(call.id)
                one.running.add(call.id)
                self._rounds[call.id] = one
        self._queue(_Round(wants_reply=False), not_run)
        if one.running or one.yours:
            self._rounds_in_a_row += 1
            if self._rounds_in_a_row == MOST_ROUNDS:
                self._tell(f"The model called tools {MOST_ROUNDS} times in a row; now it is asked to answer without.")
        for call_id in one.mine:
            task = asyncio.get_running_loop().create_task(self._carry_out(self._find(call_id)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(one.running)

    def _is_yours(self, name: str) -> bool:
        """Whether a tool was declared, but not to us: then whoever declared it carries its calls out."""
        if name in self._toolbox:
            return False
        declared = {tool.get("name") for tool in self._conversation.session.get("tools") or ()}
        return name in declared or not self._toolbox

    async def _carry_out(self, call: Call) -> None:
        began_s = _now_s()
        outcome = await self._toolbox.call(call.name, call.arguments)
        self._finish(call.id, outcome, (_now_s() - began_s) * 1000)

    def _finish(self, call_id: str, outcome: Outcome, duration_ms: float) -> None:
        self._note(
            call_id, state=outcome.ending, output=outcome.output, duration_ms=duration_ms, problem=outcome.problem
        )
        if outcome.problem:  # the text of an exception may hold a secret, and problems are written to records
            failed = f"The tool {self._find(call_id).name} failed; snapshot.calls says why."
            self._tell(failed if outcome.ending == "failed" else outcome.problem)
        one = self._close(call_id)
        if not one.running:
            self._queue(one, one.mine)
        self._went_on()

    def answer(self, call_id: str, output: str) -> None:
        """Answer a call of a tool that was declared in `config`; a reply is asked for when all of its round are."""
        one = self._rounds.get(call_id)
        if one is None or call_id not in one.yours:
            self._tell(f"There is no open call {call_id!r} to answer.")
        else:
            self._close(call_id)
            self._note(call_id, state="answered", output=output)
            self._queue(one, [call_id])
        self._went_on()

    def _close(self, call_id: str) -> _Round:
        one = self._rounds.pop(call_id)
        one.running.discard(call_id)
        one.yours.discard(call_id)
        return one

    def _find(self, call_id: str) -> Call:
        return self.log[self._places[call_id]]

    def _note(self, call_id: str, **changes: Any) -> None:
        place = self._places[call_id]
        self.log = (*self.log[:place], replace(self.log[place], **changes), *self.log[place + 1 :])

    # -- answering ------------------------------------------------------------------------------------

    def silence(self) -> None:
        """The user wants to hear nothing: tools run on, and what they bring is read with whatever is asked next."""
        for one in self._rounds.values():
            one.wants_reply = False
        for output in self._outputs.values():
            output.round.wants_reply = False
        self._outputs = {key: output for key, output in self._outputs.items() if not output.is_there}

    def _queue(self, one: _Round, call_ids: list[str]) -> None:
        for call_id in call_ids:
            item = function_output(call_id, self._find(call_id).output or "", item_id=self._new_id("item"))
            self._outputs[item["id"]] = _Output(item, self._new_id("event"), one)
        self._flush()

    def _flush(self) -> None:
        for output in self._outputs.values():
            if not output.is_sent and not output.is_there and self._is_ready():
                output.is_sent = True
                output.attempts += 1
                self._send(create_item(output.item, event_id=output.event_id))

    # -- a new connection -----------------------------------------------------------------------------

    def line_lost(self) -> bool:
        """The server's conversation is gone. Tools run on; what was not acknowledged is sent again.

        Returns:
            Whether the response that was cut had called: then the reply comes when those calls are answered.
        """
        for output in self._outputs.values():
            output.is_sent = output.is_there
        self._times_asked = 0
        whole = [item for item in self._conversation.items if item.is_whole_call and item.call_id is not None]
        active = self._conversation.active_response_id
        return self._begin(
            [Call(str(item.call_id), item.name or "", item.text, "running") for item in whole],
            is_interrupted=active is not None and self._is_silenced(active),
        )

    def back_online(self) -> None:
        """The conversation stands again, with every call in it that has no output yet."""
        self._flush()

    def end(self) -> None:
        """End every call. A thread cannot be ended: what it still brings is ignored."""
        for task in self._tasks:
            task.cancel()
        for call in self.log:
            if call.state == "running":
                self._note(call.id, state="cancelled")

    async def ended(self) -> None:
        """Wait until nothing is left of them."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
