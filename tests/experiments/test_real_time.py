"""A server that takes its time is started only where no other is named, and lets go of its port."""

from __future__ import annotations

import socket
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from realtime_helpers import RealtimeSession, SpeechSource
from realtime_helpers.experiments.real_time import RealTimeServer
from realtime_helpers.settings import Settings

SIMULATOR = Settings.from_environment("simulator", environ={})


def test_a_reply_takes_the_time_that_it_took_the_service() -> None:
    server, user = RealTimeServer(SIMULATOR), SpeechSource()
    with RealtimeSession(settings=server.settings) as session:
        session.start(source=user)
        user.say("Thank you.")
        now = session.wait_for_answer(1)
        assert now.latency.first_audio.ms[0] > 250
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
