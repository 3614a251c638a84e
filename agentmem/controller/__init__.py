"""The memory controller: every verb on memories, one scope at a time."""

from ._controller import MemoryController

__all__ = ["MemoryController"]
