"""The memory controller: every method on memories, one scope at a time."""

from agentmem.controller.controller import MemoryController

__all__ = ["MemoryController"]
