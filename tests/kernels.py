"""Ports for the kernels of tests that are run side by side.

Jupyter asks the system for a free port, lets go of it, and tells the kernel to take it. Two processes that start
kernels at the same moment may be told the same port, and one of the kernels dies. So each worker has ports of its own,
below those that systems give away.
"""

from __future__ import annotations

import os
import random
import socket

from jupyter_client.connect import LocalPortCache

_FIRST, _EACH = 20_000, 500


def use_own_ports() -> None:
    """Let kernels that this process starts from now on use the ports of its worker."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
    first = _FIRST + worker * _EACH
    LocalPortCache.find_available_port = lambda cache, ip: _next_free(cache, ip, range(first, first + _EACH))


def _next_free(cache: LocalPortCache, ip: str, ports: range) -> int:
    for port in random.sample(ports, len(ports)):  # another run of the tests may be at the first ones
        if port not in cache.currently_used_ports:
            with socket.socket() as probe:
                try:
                    probe.bind((ip, port))
                except OSError:
                    continue
            cache.currently_used_ports.add(port)
            return port
    raise OSError(f"None of the ports {ports.start} to {ports.stop - 1} is free.")
