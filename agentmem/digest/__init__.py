"""What a session comes down to: its summary and its keywords."""

from ._digest import Digester

__all__ = ["Digester"]
