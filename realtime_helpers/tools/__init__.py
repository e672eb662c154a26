"""Python functions as tools: what the model must be told about them, and how its calls are carried out."""

from .declare import as_tool
from .tool import Tool, ToolError
from .toolbox import Outcome, Toolbox, as_output

__all__ = ["Outcome", "Tool", "ToolError", "Toolbox", "as_output", "as_tool"]
