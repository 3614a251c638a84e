"""`Client`: the methods of `MemoryController`, over a server.

It imports neither torch nor chromadb.
"""

from __future__ import annotations

from agentmem.client.client import Client, connect

__all__ = ["Client", "connect"]
