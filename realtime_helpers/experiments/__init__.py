"""Experiments: whole conversations at full speed, many of them, in one loop without a socket."""
