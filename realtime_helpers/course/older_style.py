"""For a learner who brings code in the older style: `asyncio.run(...)` in a cell.

Nothing in this package needs it. A session runs on a loop of its own (`runtime.py`), and a cell can `await` whatever it
likes. But a kernel's main thread runs a loop already, so `asyncio.run` refuses to start another one in it. Older
notebooks got around that with nest-asyncio.
"""

from __future__ import annotations

import asyncio

from ..errors import MissingPartError, SettingsError


def allow_asyncio_run() -> None:
    """Let `asyncio.run(...)` and `loop.run_until_complete(...)` work in cells, until the kernel is restarted.

    It has nest-asyncio replace the tasks of asyncio, and the step of the event loop, in this whole process: by
    slower ones, written in Python. That package is archived, and nobody repairs it. In new code, `await main()`.

    Raises:
        MissingPartError: nest-asyncio is not installed.
        SettingsError: It cannot change the loop that runs here.
    """
    try:
        import nest_asyncio
    except ModuleNotFoundError:
        raise MissingPartError(
            "The package 'nest-asyncio' is not installed, and asyncio.run(...) cannot work in a cell without it.",
            "Write await main() instead of asyncio.run(main()); or, in the workshop's folder: pip install -e '.[lab]'",
        ) from None
    try:
        nest_asyncio.apply()
    except ValueError:
        kind = type(asyncio.get_event_loop()).__module__.partition(".")[0]
        raise SettingsError(
            f"nest-asyncio cannot change the event loop of {kind} that runs here.",
            "Write await main() instead of asyncio.run(main()).",
        ) from None
    print("asyncio.run(...) works in cells now, until you restart the kernel. In new code, write: await main()")  # noqa: T201 - it is what the cell shows
