"""The tools of a session: declared once, and called so that every call ends with an output the model can use."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import orjson

from ..errors import SettingsError
from .declare import as_tool
from .threads import OwnThread, on_tools_loop
from .tool import ArgumentsError, Tool, ToolError

_log = logging.getLogger(__name__)

Ending = Literal["answered", "refused", "failed", "timed out", "unknown"]
_ERROR_KINDS = (Exception, SystemExit, KeyboardInterrupt)  # the last two would end the loop they are raised on


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    Attributes:
        ending: `refused` are arguments that do not fit, `unknown` is a tool that does not exist.
        output: What the model is told.
        problem: What went wrong, for the developer.
    """

    ending: Ending
    output: str
    problem: str | None = None


class Toolbox:
    """Tools by name.

    Args:
        tools: Functions, or tools made by hand.
        run_async: Where async tools are awaited.

    Raises:
        SettingsError: One of them cannot be a tool, or two have one name.
    """

    def __init__(
        self,
        tools: Sequence[Tool | Callable[..., Any]] = (),
        run_async: Callable[[Coroutine[Any, Any, Outcome]], Awaitable[Outcome]] = on_tools_loop,
    ) -> None:
        given: object = tools
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise SettingsError(f"tools cannot be of the kind {type(tools).__name__}.", "Use a list of functions.")
        self._run_async = run_async
        self._tools: dict[str, Tool] = {}
        for entry in tools:
            tool = entry if isinstance(entry, Tool) else as_tool(entry)
            if tool.name in self._tools:
                raise _twice(tool.name)
            self._tools[tool.name] = tool

    def __bool__(self) -> bool:
        return bool(self._tools)

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def declared_in(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Session fields with these tools before those that stand there already.

        Raises:
            SettingsError: One of those has the name of one of these.
        """
        own = config.get("tools") or []
        for tool in own:
            if tool.get("name") in self._tools:
                raise _twice(tool["name"])
        declared = [*(tool.wire for tool in self._tools.values()), *own]
        return {**config, "tools": declared} if declared else dict(config)

    async def call(self, name: str, arguments: str) -> Outcome:
        """Carry a call out. Never raises; ends within the tool's time.

        Args:
            name: Of the tool.
            arguments: JSON text, as the model wrote it.
        """
        tool = self._tools.get(name)
        if tool is None:
            return _ended(
                "unknown", f"There is no tool {name}. There are: {', '.join(self._tools)}.",
                f"The model called a tool {name!r}, which does not exist.",
            )  # fmt: skip
        try:
            async with asyncio.timeout(tool.timeout_s):
                return await self._carry_out(tool, arguments)
        except TimeoutError:
            kept = "" if _is_async(tool.call) else " Its thread cannot be ended; what it still brings is ignored."
            return _ended(
                "timed out",
                f"{name} gave no answer within {tool.timeout_s:g} seconds, and nobody waits for it any more. "
                "Whether it took effect is not known. Tell the user.",
                f"The tool {name} did not end within {tool.timeout_s:g} seconds.{kept}",
            )

    async def _carry_out(self, tool: Tool, arguments: str) -> Outcome:
        if _is_async(tool.call):
            return await self._run_async(_call_async(tool, arguments))
        begin = partial(contextvars.copy_context().run, _begin, tool, arguments)
        begun = await asyncio.get_running_loop().run_in_executor(OwnThread(), begin)
        return begun if isinstance(begun, Outcome) else await self._run_async(_finish(tool, begun))


def as_output(result: object) -> str:
    """A result as text for the model: a text as it is, everything else as JSON.

    Raises:
        ValueError: It cannot be written as JSON.
    """
    if isinstance(result, str):
        return result.encode(errors="replace").decode()  # half of a surrogate pair cannot be sent
    from pydantic_core import to_json

    return to_json(result).decode(errors="replace")


def _is_async(call: Callable[..., Any]) -> bool:
    inner = call.func if isinstance(call, partial) else call
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)


async def _call_async(tool: Tool, arguments: str) -> Outcome:
    begun = _begin(tool, arguments)
    return begun if isinstance(begun, Outcome) else await _finish(tool, begun)


def _begin(tool: Tool, text: str) -> Outcome | Awaitable[Any]:
    """Call the function: how it ended, or what is to be awaited."""
    try:
        values = tool.validate(_read(text))
    except ArgumentsError as error:
        return _ended(
            "refused", f"The arguments of {tool.name} do not fit. {error}. Call it again with arguments that do.",
            f"The model called {tool.name} with arguments that do not fit: {error}.",
        )  # fmt: skip
    except _ERROR_KINDS as error:  # a validator of the user's own
        return _failed(tool, error)
    try:
        result = tool.call(**values)
        return result if inspect.isawaitable(result) else _answered(tool, result)
    except (*_ERROR_KINDS, asyncio.CancelledError) as error:
        return _failed(tool, error)


async def _finish(tool: Tool, work: Awaitable[Any]) -> Outcome:
    try:
        return _answered(tool, await work)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # nobody waits for it any more
        return _failed(tool, error)
    except _ERROR_KINDS as error:
        return _failed(tool, error)


def _read(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}  # some models write nothing for a function without parameters
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentsError(f"They are no JSON ({error})") from None
    if not isinstance(arguments, dict):
        raise ArgumentsError("They must be one JSON object, with the arguments by name")
    return arguments


def _answered(tool: Tool, result: object) -> Outcome:
    try:
        text = as_output(result)
    except Exception as error:  # noqa: BLE001 - pydantic's kinds of errors, and those of the user's own serialisers
        _log.info("The tool %s gave a result that is no JSON.", tool.name, exc_info=error)
        return _ended(
            "failed", f"{tool.name} gave a result that cannot be shown. Tell the user that it did not work.",
            f"The tool {tool.name} gave a {type(result).__name__}, which cannot be written as JSON.",
        )  # fmt: skip
    if len(text) <= tool.max_characters:
        return Outcome("answered", text)
    note = f"[Cut: only the first {tool.max_characters} of {len(text)} characters are shown. Ask for less.]"
    problem = f"A result of the tool {tool.name} was cut from {len(text)} to {tool.max_characters} characters."
    return Outcome("answered", f"{text[: tool.max_characters]}\n{note}", problem)


def _failed(tool: Tool, error: BaseException) -> Outcome:
    kind = type(error).__name__
    if isinstance(error, ToolError) and str(error):
        return Outcome("failed", as_error(str(error)))  # said on purpose: nothing is wrong with the tool
    _log.info("The tool %s failed.", tool.name, exc_info=error)
    if isinstance(error, asyncio.CancelledError):
        return _ended("failed", f"{tool.name} was cancelled. Tell the user.", f"The tool {tool.name} was cancelled.")
    # the text of an exception may hold a key, a path, a query: the model learns the kind alone
    return _ended(
        "failed",
        f"{tool.name} failed ({kind}). Tell the user that it did not work; the same call again will hardly help.",
        f"The tool {tool.name} failed: {error!r}",
    )


def _ended(ending: Ending, message: str, problem: str) -> Outcome:
    return Outcome(ending, as_error(message), problem)


def as_error(message: str) -> str:
    """An error as the model reads it."""
    return orjson.dumps({"error": message.encode(errors="replace").decode()}).decode()


def _twice(name: str) -> SettingsError:
    return SettingsError(f"Two tools are called {name}.", "Name one of them anew: as_tool(function, name='...').")
