"""What the notebooks need besides the product: where to connect, somebody to talk, exercises that check themselves."""

from .choosing import choose_server
from .older_style import allow_asyncio_run
from .progress import progress
from .talking import say
from .verdict import Verdict

__all__ = ["Verdict", "allow_asyncio_run", "choose_server", "progress", "say"]
