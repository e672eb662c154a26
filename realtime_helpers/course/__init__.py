"""What the notebooks need besides the product: where to connect, somebody to talk, exercises that check themselves."""

from .choosing import choose_server
from .talking import say
from .verdict import Verdict

__all__ = ["Verdict", "choose_server", "say"]
