"""A Python function becomes a tool: its type hints become a JSON schema, its docstring the description."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from ..errors import SettingsError
from .docstrings import read_docstring
from .tool import LONGEST_OUTPUT, PATIENCE_S, ArgumentsError, Tool

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_MOST_PROBLEMS = 5
_LATER: Any = object()
"""The function comes when the decorator is applied."""
_NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


@overload
def as_tool(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = PATIENCE_S,
    max_characters: int = LONGEST_OUTPUT,
) -> Tool: ...


@overload
def as_tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = PATIENCE_S,
    max_characters: int = LONGEST_OUTPUT,
) -> Callable[[Callable[..., Any]], Tool]: ...


def as_tool(
    function: Callable[..., Any] = _LATER,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float = PATIENCE_S,
    max_characters: int = LONGEST_OUTPUT,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a function, sync or async, that has type hints and a docstring.

    A decorator, too: `@as_tool`, or `@as_tool(timeout_s=3)`.

    Types are those that pydantic can describe in JSON: `Literal`, `Enum`, `Optional`, lists, dates, models,
    dataclasses, `Annotated[int, Field(ge=1, description="...")]`. Parameters are described there, or under `Args:` of
    the docstring. What `functools.partial` has filled in is not shown to the model.

    Args:
        function: What to call; a bound method or an object with `__call__` will do.
        name: Its name for the model; by default its own.
        description: Its description for the model; by default its docstring up to the first section.
        timeout_s: Seconds until the model is told that no answer came.
        max_characters: Longest result that the model is given whole.

    Raises:
        SettingsError: It cannot become a tool; the message says why.
    """
    if function is _LATER:
        return functools.partial(
            as_tool, name=name, description=description, timeout_s=timeout_s, max_characters=max_characters
        )
    if inspect.isclass(function) or not _can_be_called(function):
        raise SettingsError(
            f"A {type(function).__name__} cannot be a tool.", "Use a function with type hints and a docstring."
        )
    inner, filled = _inner(function)
    own_name = str(name or getattr(function, "__name__", None) or getattr(inner, "__name__", type(inner).__name__))
    said, notes = read_docstring(_docstring(function, inner))
    adapters, required, properties, definitions = _describe(function, inner, filled, own_name)
    for parameter, note in notes.items():
        if parameter in properties and "description" not in properties[parameter]:
            properties[parameter]["description"] = note
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Tool(
        own_name, description or said, schema | definitions, function, timeout_s, max_characters,
        functools.partial(_validated, adapters, frozenset(required)),
    )  # fmt: skip


def _can_be_called(function: object) -> bool:
    return callable(function)


def _inner(function: Callable[..., Any]) -> tuple[Callable[..., Any], frozenset[str]]:
    """The function that somebody wrote, and the names of parameters that are filled in already."""
    if isinstance(function, functools.partial):
        return function.func, frozenset(function.keywords)
    return function, frozenset()


def _docstring(function: Callable[..., Any], inner: Callable[..., Any]) -> str:
    own = vars(function).get("__doc__") if isinstance(function, functools.partial) else None
    if not inspect.isroutine(inner) and not own:
        own = inspect.getdoc(type(inner).__call__) if type(inner).__call__.__doc__ else type(inner).__doc__
    return inspect.cleandoc(own or inspect.getdoc(inner) or "")


def _describe(
    function: Callable[..., Any], inner: Callable[..., Any], filled: frozenset[str], name: str
) -> tuple[dict[str, TypeAdapter[Any]], list[str], dict[str, dict[str, Any]], dict[str, Any]]:
    """For each parameter how it is validated and its schema; those that are required; definitions they share."""
    from pydantic import TypeAdapter
    from pydantic.fields import FieldInfo

    adapters: dict[str, TypeAdapter[Any]] = {}
    defaults: dict[str, Any] = {}
    hints = _hints(inner, name)
    for parameter in _parameters(function, name):
        if parameter.name in filled:
            continue
        if parameter.kind not in _NAMED:
            raise SettingsError(
                f"The parameter {parameter} of {name} has no name of its own for the model to fill in.",
                "Use plain parameters, without *, ** and /.",
            )
        if parameter.name not in hints:
            raise SettingsError(
                f"The parameter {parameter.name} of {name} has no type hint.",
                f"Write {parameter.name}: str, or int ...",
            )
        if isinstance(parameter.default, FieldInfo):
            raise SettingsError(
                f"The default of {parameter.name} of {name} is a Field.",
                f"Write {parameter.name}: Annotated[int, Field(...)] = 1.",
            )
        adapters[parameter.name] = _adapter(hints[parameter.name], f"{parameter.name} of {name}")
        if parameter.default is not parameter.empty:
            defaults[parameter.name] = parameter.default
    schemas, definitions = TypeAdapter.json_schemas(
        [(key, "validation", adapter) for key, adapter in adapters.items()], ref_template="#/$defs/{model}"
    )
    properties = {key: dict(schemas[key, "validation"]) for key in adapters}
    for key, default in defaults.items():
        properties[key].update(_default(default))
    required = [key for key in adapters if key not in defaults]
    return adapters, required, properties, definitions


def _parameters(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:
        raise SettingsError(f"Python does not know the parameters of {name}.", "Wrap it in a function.") from None


def _hints(inner: Callable[..., Any], name: str) -> dict[str, Any]:
    holder = inner if inspect.isroutine(inner) else type(inner).__call__
    try:
        return typing.get_type_hints(holder, include_extras=True)
    except (NameError, TypeError) as error:
        raise SettingsError(
            f"A type hint of {name} cannot be read: {error}.",
            "Define or import its type above the function, not in it.",
        ) from None


def _adapter(hint: Any, where: str) -> TypeAdapter[Any]:
    from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        adapter.json_schema()
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
        shown = getattr(hint, "__name__", None) or str(hint)
        raise SettingsError(
            f"The type {shown} of the parameter {where} cannot be described in JSON.",
            "Use str, int, float, bool, Literal, Enum, list, a dataclass or a pydantic model.",
        ) from error
    return adapter


def _default(value: Any) -> dict[str, Any]:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return {"default": to_jsonable_python(value)}
    except (PydanticSerializationError, ValueError):
        return {}  # the model leaves it out, and Python fills it in


def _validated(
    adapters: dict[str, TypeAdapter[Any]], required: frozenset[str], arguments: dict[str, Any]
) -> dict[str, Any]:
    from pydantic import ValidationError

    problems = [f"{key}: there is no such argument" for key in arguments if key not in adapters]
    problems += [f"{key}: it is missing" for key in adapters if key in required and key not in arguments]
    values = {}
    for key in adapters.keys() & arguments.keys():
        try:
            values[key] = adapters[key].validate_python(arguments[key])
        except ValidationError as error:
            problems += [
                f"{'.'.join(map(str, (key, *one['loc'])))}: {one['msg']}"
                for one in error.errors(include_url=False, include_context=False, include_input=False)
            ]
    if problems:
        raise ArgumentsError("; ".join(problems[:_MOST_PROBLEMS]))
    return values
