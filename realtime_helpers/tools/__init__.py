"""Python functions as tools: what the model must be told about them, and how its calls are carried out."""

from typing import TYPE_CHECKING, Any

from .declare import as_tool
from .tool import Tool, ToolError
from .toolbox import Outcome, Toolbox, as_output

if TYPE_CHECKING:
    from .examples import example_tools

__all__ = ["Outcome", "Tool", "ToolError", "Toolbox", "as_output", "as_tool", "example_tools"]


def __getattr__(name: str) -> Any:
    if name == "example_tools":  # only then: it loads pydantic
        from .examples import example_tools

        return example_tools
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
