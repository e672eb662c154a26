"""A whole spoken conversation in the terminal, with a summary in the middle: the proof."""

from .run import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
