"""One model at an OpenAI-compatible address: clients for it, and its failures in words."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import certifi
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AuthenticationError,
    DefaultAsyncHttpxClient,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
    Timeout,
)

from ...errors import WorkshopError

_TIMEOUT = Timeout(120, connect=5)
"""Seconds. A local server may load its model first."""
_RETRIES = 1
_NO_KEY = "no-key-needed"
"""The SDK insists on a key; local servers ignore it."""


@dataclass(frozen=True)
class Endpoint:
    """Where an engine is.

    Attributes:
        base_url: Address, usually ending in `/v1`.
        model: Name of the model there.
        option: The command's option that chose it, for errors.
        key_variable: The environment variable its key comes from.
    """

    base_url: str
    model: str
    option: str
    key_variable: str
    _key: str = field(default="", repr=False)

    @classmethod
    def from_environment(
        cls, base_url: str, model: str, *, option: str, key_variable: str, environ: Mapping[str, str] = os.environ
    ) -> Endpoint:
        """An endpoint with the key of the environment; without one, none is sent that means anything."""
        return cls(base_url.rstrip("/"), model, option, key_variable, environ.get(key_variable, ""))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncOpenAI]:
        """A client for one request: it belongs to no loop and needs no closing later; 0.3 ms.

        Raises:
            WorkshopError: What the engine did wrong while the client was used.
        """
        http = DefaultAsyncHttpxClient(verify=_certificates(), timeout=_TIMEOUT)
        try:
            async with AsyncOpenAI(
                base_url=self.base_url,
                api_key=self._key or _NO_KEY,
                http_client=http,
                timeout=_TIMEOUT,
                max_retries=_RETRIES,
            ) as client:
                yield client
        except OpenAIError as error:
            raise self.in_words(error) from error

    def in_words(self, error: OpenAIError) -> WorkshopError:
        """What went wrong, with the address and without the key."""
        url, word = self.base_url, f"--{self.option} {self.base_url}#MODEL"
        if isinstance(error, APITimeoutError):
            return WorkshopError(
                f"The {self.option} at {url} did not answer in time.", "Look at that server, or choose a smaller model."
            )
        if isinstance(error, APIConnectionError):
            return WorkshopError(
                f"The {self.option} at {url} cannot be reached, or stopped answering.",
                f"Start that server and see that this answers: curl {url}/models",
            )
        if isinstance(error, AuthenticationError | PermissionDeniedError):
            return WorkshopError(
                f"The {self.option} at {url} does not accept the key of {self.key_variable}."
                if self._key
                else f"The {self.option} at {url} wants a key, and {self.key_variable} is not set.",
                f"Set it and start again: export {self.key_variable}=...",
            )
        if isinstance(error, NotFoundError):
            return WorkshopError(
                f"The {self.option} at {url} has no model {self.model!r}, or nothing at this address (HTTP 404): "
                f"{self._said(error)}",
                f"See its models: curl {url}/models  Then name one: {word}",
            )
        status = f" (HTTP {error.status_code})" if isinstance(error, APIStatusError) else ""
        return WorkshopError(
            f"The {self.option} at {url} failed with the model {self.model!r}{status}: {self._said(error)}",
            f"See its log, or name another: {word}",
        )

    def _said(self, error: OpenAIError) -> str:
        body = getattr(error, "body", None)
        message = body.get("message") if isinstance(body, dict) else None
        text = " ".join(str(message or getattr(error, "message", error)).split())
        return (text.replace(self._key, "***") if self._key else text)[:300]


@cache
def _certificates() -> ssl.SSLContext:
    """Made once: it takes 24 ms, most of the making of a client."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
