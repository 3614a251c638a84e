"""What an opened store has of the system: Chroma's client, and the lock of its directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from agentmem_stores.chroma.client import close, embedded
from agentmem_stores.chroma.files.directory import Directory

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = ["Resources"]

# Clients that a fork has inherited; to close one, or to let it be collected, could wait for ever.
_inherited: list[object] = []


class Resources:
    """A client and perhaps a directory, closed together.

    Attributes:
        process: the process that opened them; a fork of it has no use of them.
    """

    def __init__(self, directory: Directory | None = None, client: Client | None = None) -> None:
        self.process = os.getpid()
        self.directory = directory
        self._client = client

    def reopen(self, between: Callable[[Directory], object] = lambda _: None) -> Client:
        """Close the embedded client, if any, and open another; this may be tried again.

        Args:
            between: what is done to the directory while nothing has it open.
        """
        assert self.directory is not None
        self._close_client()
        between(self.directory)
        self._client = client = embedded(self.directory.path)
        return client

    def close(self) -> None:
        """Give both free; doing so twice is allowed."""
        if os.getpid() != self.process:
            _inherited.append(self._client)
            return
        try:
            self._close_client()
        finally:
            if self.directory is not None:
                self.directory.release()

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            close(client)
