"""What sinks have in common whose device is held by a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..errors import AudioError, WorkshopError
from .device_process import WORKER, DeviceProcess
from .playback import PlayHead


class ProcessSink:
    """Opens, watches and closes the process; what is played, and what was heard, is up to the subclass.

    Args:
        request: What the worker shall do.
        worker: The worker's module.
    """

    def __init__(self, request: dict[str, Any], worker: str = WORKER) -> None:
        self.device_name = ""
        """What was opened."""
        self.output_latency_ms = 0.0
        """Audio that the device holds: it sounds so much later than `head` says, and still sounds after a flush."""
        self._request = request
        self._worker = worker
        self._head = PlayHead()
        self._process: DeviceProcess | None = None
        self._error: WorkshopError | None = None

    @property
    def head(self) -> PlayHead:
        """See `Sink.head`."""
        return self._head

    def open(self) -> None:
        """Begin to open the device; what is played before it is open waits for it.

        Raises:
            AudioError: It is open already.
        """
        if self._process is not None:
            raise AudioError("Another session uses this speaker.", "Stop that session first, or make another speaker.")
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[WorkshopError] = loop.create_future()
        self._error = None
        self._head.flush()  # of what a device that vanished had left
        self._start()

    def _start(self) -> None:
        self._process = DeviceProcess(self._request, self._on_block, self._lose, self._worker)

    async def opened(self) -> None:
        """See `DeviceSink.opened`.

        Raises:
            MissingPartError: A package or library is not installed.
            AudioError: The device cannot be used.
        """
        waiting: set[asyncio.Future[Any]] = {self._opened, self._gone}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if self._error is not None:
            raise self._error

    def watch(self, lost: Callable[[WorkshopError], None]) -> None:
        """See `DeviceSink.watch`."""
        self._gone.add_done_callback(lambda gone: None if gone.cancelled() else lost(gone.result()))

    def close(self) -> None:
        """See `Sink.close`. The device is free when it returns."""
        if self._process is not None:
            process, self._process = self._process, None
            process.close()
            self._is_over()
            for future in (self._opened, self._gone):
                future.cancel()

    def _running(self) -> DeviceProcess:
        if self._process is None:
            raise self._error or AudioError("The speaker is not open.", "Call its open() first.")
        return self._process

    def _order(self, header: dict[str, Any], pcm: bytes = b"") -> None:
        self._running().send(header, pcm)

    def _on_block(self, header: dict[str, Any], _payload: bytes) -> None:
        if header["kind"] != "open":
            self._take(header)
        elif not self._opened.done():
            self.device_name, self.output_latency_ms = header["device"], header["latency_ms"]
            self._opened.set_result(None)

    def _lose(self, error: WorkshopError) -> None:
        self._process, self._error = None, error
        self._is_over()
        self._gone.set_result(error)

    def _take(self, header: dict[str, Any]) -> None:
        """News of what is played."""
        raise NotImplementedError

    def _is_over(self) -> None:
        """No more news will come."""
