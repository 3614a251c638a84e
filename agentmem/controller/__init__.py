"""The memory controller: every verb on memories, one scope at a time."""

from agentmem.controller.controller import MemoryController

__all__ = ["MemoryController"]
