"""Commands to the memory while the connection is being made again: what the user kept must reach the new server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from realtime_helpers import State, SummaryPolicy
from realtime_helpers.experiments.lab import BuiltinWriter, LabParts, MemoryService, lab_config
from realtime_helpers.memory import SummaryStyle
from realtime_helpers.session.live import LiveSession

from .lab import TALK, assert_nothing_is_lost, run, say, server_texts, snap, text_session

POLICY = SummaryPolicy(trigger_tokens=150, keep_turns=2)
WORDY = SummaryPolicy(trigger_tokens=150, keep_turns=2, verbatim_tokens=1000)
SMALLER = SummaryPolicy(trigger_tokens=10, keep_turns=1, least_saving_tokens=1)

COMMANDS: dict[str, Callable[[LiveSession], None]] = {
    "undo": LiveSession.undo_summary,
    "summarise": LiveSession.summarise_now,
    "smaller memory": lambda session: session.set_memory(SMALLER),
}


def is_configured(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "session.update")


def is_memory(event: dict[str, Any]) -> bool:
    return event["type"] == "conversation.item.create" and event["item"]["role"] == "system"


@pytest.mark.parametrize("moment", [None, is_configured, is_memory], ids=["no line", "configured", "memory sent"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("delay_s", [0.0, 2.0], ids=["quick writer", "slow writer"])
def test_a_command_while_connecting_again_loses_nothing(
    lab: LabParts, command: str, moment: Callable[[dict[str, Any]], bool] | None, delay_s: float
) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        given: list[str] = []

        def trace(direction: str, event: dict[str, Any], _at_s: float) -> None:
            if len(service.lines) == 2 and direction == "sent" and moment is not None and moment(event) and not given:
                given.append(command)
                asyncio.get_running_loop().call_soon(COMMANDS[command], session)

        session = text_session(
            service,
            memory=WORDY if command == "smaller memory" else POLICY,
            trace=trace,
            summariser=BuiltinWriter(SummaryStyle(), delay_s),
        )
        await say(session, *TALK)
        await session.wait_for(lambda now: now.is_quiet and not now.is_summarising)
        if command == "summarise":
            session.undo_summary()  # its words stand again, and can be summarised
            await session.wait_for(lambda now: now.is_quiet and not now.is_summarising)
        snap(service)
        if moment is None:
            await session.wait_for(lambda now: now.state is State.RECONNECTING)
            given.append(command)
            COMMANDS[command](session)
        await session.wait_for(lambda now: bool(now.restorations) and now.state is State.LISTENING)
        await asyncio.sleep(200)  # what the command began is over by now
        assert given == [command]
        assert_nothing_is_lost(session, service)
        texts = " ".join(server_texts(service))
        assert "Pepper" in texts
        assert "Thank you." in texts
        await session.stop()

    run(talk, lab)
