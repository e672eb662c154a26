"""`python -m realtime_helpers`: the command line without its script on the PATH."""

from .cli import app

app(prog_name="realtime-workshop")
