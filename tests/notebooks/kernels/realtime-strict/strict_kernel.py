"""A kernel whose cell fails when something failed in the background meanwhile: nbval alone would stay green.

Heard of: tasks whose exception nobody took, threads that raised, destructors that raised, and sessions that have a
problem. A cell that means to make one says so with the comment `# a problem is expected`.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

EXPECTED = "# a problem is expected"


class StrictKernel(IPythonKernel):
    """See above."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._failures: list[str] = []
        self._told: dict[int, int] = {}
        asyncio.BaseEventLoop.default_exception_handler = lambda _loop, context: self._note(context)  # type: ignore[method-assign]
        threading.excepthook = lambda args: self._note({"exception": args.exc_value, "message": f"in {args.thread}"})
        sys.unraisablehook = lambda args: self._note({"exception": args.exc_value, "message": args.err_msg})

    def _note(self, context: dict[str, Any]) -> None:
        self._failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    async def do_execute(self, code: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Run a cell, then look for what failed behind it."""
        reply: dict[str, Any] = await super().do_execute(code, *arguments, **named)
        gc.collect()  # a task that nobody took is told of when it is thrown away
        failures, self._failures = self._failures + self._new_problems(), []
        if not failures or reply["status"] == "error" or EXPECTED in code:
            return reply
        error = {"ename": "BackgroundFailure", "evalue": "; ".join(failures), "traceback": failures}
        self.send_response(self.iopub_socket, "error", error)
        return {**reply, "status": "error", **error}

    def _new_problems(self) -> list[str]:
        facade = sys.modules.get("realtime_helpers.session.facade")
        if facade is None:
            return []
        found: list[str] = []
        # asked by type: others' proxies run code of their own when asked for their class, and may never answer
        for session in [thing for thing in gc.get_objects() if type(thing) is facade.RealtimeSession]:
            now = session.snapshot
            problems = [*now.problems, *([str(now.error)] if now.error else [])]
            found += problems[self._told.get(id(session), 0) :]
            self._told[id(session)] = len(problems)
        return found


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=StrictKernel)
