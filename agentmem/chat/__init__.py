"""A chatbot in the terminal that remembers."""

from ._app import main, run
from ._commands import obey
from ._talk import Talk

__all__ = ["Talk", "main", "obey", "run"]
