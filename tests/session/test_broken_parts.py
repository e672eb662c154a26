"""A part that fails is named in the problems or in the end of the session; the server is not blamed for it."""

from __future__ import annotations

import pytest

from realtime_helpers import SilentSink, SummaryPolicy
from realtime_helpers.conversation import Conversation
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config
from realtime_helpers.memory import SummaryStyle
from realtime_helpers.session import memory_work
from realtime_helpers.simulator.faults import Fault, Scenario

from .lab import BISCUIT, TALK, run, say, say_aloud, text_session, voice_session


class BrokenSink(SilentSink):
    def play(self, item_id: str, pcm: bytes) -> None:
        raise OSError("device gone")


class BrokenTrigger:
    def is_due(self, conversation: Conversation) -> bool:
        raise KeyError("oops")


def test_a_sink_that_fails_is_named_and_the_talk_goes_on(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, _user = voice_session(MemoryService(lab_config(lab)), BrokenSink())
        await say(session, "Hello.", "Thank you.")
        (problem,) = session.snapshot().problems
        assert problem.startswith("The sink BrokenSink failed: OSError('device gone').")
        assert problem.endswith("session.use(sink=speaker()).")
        await session.stop()

    run(talk, lab)


def test_a_trigger_that_fails_is_named_once_and_the_talk_goes_on(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session = text_session(MemoryService(lab_config(lab)), memory=SummaryPolicy(trigger=BrokenTrigger()))
        await say(session, "Hello.", "Thank you.")
        (problem,) = session.snapshot().problems
        assert problem.startswith("The trigger failed (KeyError('oops'))")
        await session.stop()

    run(talk, lab)


def test_words_that_cannot_be_heard_again_do_not_hold_up_the_memory(
    lab: LabParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(ask: object, item_id: str) -> str:
        raise KeyError("metadata")

    monkeypatch.setattr(memory_work, "hear", broken)

    async def talk(lab: LabParts) -> None:
        untranscribed = Scenario(faults=(Fault("transcript", "failed"),))
        memory = SummaryPolicy(trigger_tokens=20, keep_turns=1, least_saving_tokens=1)
        session, user = voice_session(MemoryService(lab_config(lab, scenario=untranscribed)), memory=memory)
        for _ in range(3):
            await say_aloud(session, user, await lab.voice.clip(BISCUIT))
        now = await session.wait_for(lambda now: not now.is_summarising and len(now.problems) == 7)
        assert sum("KeyError('metadata')" in problem for problem in now.problems) == 2, "the next one was tried too"
        assert now.problems[-1].endswith("they stay in the conversation as audio.")
        await session.stop()

    run(talk, lab)


def test_a_summary_of_the_live_model_that_fails_is_in_the_ledger_only(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        memory = SummaryPolicy(trigger_tokens=150, keep_turns=2)
        style = SummaryStyle(max_words=1)  # no writer is that short
        session = text_session(MemoryService(lab_config(lab)), memory=memory, style=style, summariser="out_of_band")
        await say(session, *TALK)
        now = await session.wait_for(lambda now: bool(now.problems) and not now.is_summarising)
        assert "could not be written" in now.problems[0]
        assert sum(entry.out_of_band for entry in now.responses) == 3
        assert now.summaries_usd == 0
        await session.stop()

    run(talk, lab)
