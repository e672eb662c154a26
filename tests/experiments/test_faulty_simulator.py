"""A simulator that fails on purpose, met by a session like any other server."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from realtime_helpers import RealtimeSession, SessionOptions, Settings, WorkshopError, lost_items
from realtime_helpers.audio.sinks import SilentSink
from realtime_helpers.experiments.faulty_simulator import simulator_with


def test_a_cut_line_is_made_again_and_the_conversation_goes_on() -> None:
    with simulator_with("dropped-line") as url:
        settings = Settings.from_environment(simulator_url=url)
        with RealtimeSession(settings=settings, options=SessionOptions(output_modality="text")) as session:
            session.start(sink=SilentSink())
            session.send_text("My dog is called Biscuit.")
            session.wait_for_answer(1)
            session.send_text("Tell me a quick story.")
            session.wait_for(lambda now: now.restorations)
            now = session.wait_for_answer(2)
            assert now.restorations[0].lost == 0
            assert not lost_items(now.turns, now.items, now.summaries)
    address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=5)


def test_an_unknown_scenario_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(WorkshopError, match="dropped-line"), simulator_with("nonsense"):
        pass
