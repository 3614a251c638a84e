"""What a session comes down to: its summary and its keywords."""

from ._digest import Digester
from ._sentences import split

__all__ = ["Digester", "split"]
