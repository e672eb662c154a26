"""A whole spoken conversation in the terminal, with a summary in the middle: the proof."""

from .run import DemoOptions, run_demo
from .script import ALL_LINES

__all__ = ["ALL_LINES", "DemoOptions", "run_demo"]
