"""A simulator as its users start it, and the sentences that are spoken to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from realtime_helpers.audio.formats import silence
from realtime_helpers.speech import Voice
from tests.served import PATIENCE_S, serving

__all__ = ["PATIENCE_S", "Clips"]

_PAUSE = silence(5_000)  # semantic VAD may wait 4 s before it takes a turn for ended


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """`http://127.0.0.1:PORT/v1`."""
    with serving() as url:
        yield url


@dataclass(frozen=True)
class SecureServer:
    """A simulator behind TLS.

    Attributes:
        base_url: `https://127.0.0.1:PORT/v1`.
        authority: Certificate (PEM) of the authority that a client has to trust.
    """

    base_url: str
    authority: Path


@pytest.fixture(scope="session")
def secure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, trusted = folder / "certificate.pem", folder / "key.pem", folder / "authority.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    with serving("--tls-cert", str(certificate), "--tls-key", str(key)) as url:
        yield SecureServer(url, trusted)


@dataclass(frozen=True)
class Clips:
    """Spoken sentences, PCM16 24 kHz, each with the silence that ends a turn."""

    how_are_you: bytes
    weather: bytes


@pytest.fixture(scope="session")
def clips() -> Iterator[Clips]:
    voice = Voice()
    try:
        yield Clips(
            how_are_you=voice.speak("How are you today?").pcm + _PAUSE,
            weather=voice.speak("What is the weather in Lisbon?").pcm + _PAUSE,
        )
    finally:
        voice.close()
