"""The memory controller: every verb on memories, one scope at a time."""

from .._timeline import Event
from ._controller import MemoryController
from ._deletes import Deletion

__all__ = ["Deletion", "Event", "MemoryController"]
