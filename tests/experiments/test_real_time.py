"""A server that takes its time is started only where no other is named, and lets go of its port."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from realtime_helpers import RealtimeSession, SpeechSource
from realtime_helpers.course.streaming import record_reply
from realtime_helpers.experiments.real_time import RealTimeServer
from realtime_helpers.settings import Settings

SIMULATOR = Settings.from_environment("simulator", environ={})


def test_a_reply_comes_at_the_speed_that_it_came_from_the_service() -> None:
    server, user = RealTimeServer(SIMULATOR), SpeechSource()
    events: list[Any] = []
    with RealtimeSession(settings=server.settings) as session:
        session.watch_events(lambda direction, event, at_s: events.append((direction, event, at_s)))
        session.start(source=user)
        user.say("How are you today?")
        session.wait_for_answer(1)
    reply = record_reply(events)
    assert reply.sound_ms > 2_000
    assert reply.done_ms - reply.first_ms > reply.sound_ms / 10, "it came in one burst"
    server.stop()
    server.stop()
    address = urlsplit(server.settings.base_url or "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


def test_nothing_is_started_where_a_server_is_named() -> None:
    elsewhere = replace(SIMULATOR, base_url="http://127.0.0.1:9/v1")
    server = RealTimeServer(elsewhere)
    assert server.settings is elsewhere
    server.stop()
