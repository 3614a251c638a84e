"""The searches that clients may still give feedback on."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from agentmem_retrievers import SearchResult
from agentmem_stores import Memory, MemoryNotFoundError, Scope

__all__ = ["RecentSearches"]

# A result contains its memories, so only the latest results are kept.
_MAX = 256


@dataclass(eq=False)
class RecentSearches:
    """The latest results by id, each for its owner only.

    It is a deletion listener: results with deleted memories are dropped.
    """

    _results: OrderedDict[str, tuple[Scope, SearchResult]] = field(
        default_factory=OrderedDict, init=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def keep(self, scope: Scope, result: SearchResult) -> str:
        """Store a result and return its id."""
        search_id = secrets.token_hex(8)
        with self._lock:
            self._results[search_id] = (scope, result)
            while len(self._results) > _MAX:
                self._results.popitem(last=False)
        return search_id

    def get(self, scope: Scope, search_id: str) -> SearchResult:
        """Return a result.

        Raises:
            MemoryNotFoundError: there is none, or it is another owner's.
        """
        with self._lock:
            owner, result = self._results.get(search_id, (None, None))
        if owner != scope or result is None:
            raise MemoryNotFoundError(f"no recent search {search_id!r}; search again")
        return result

    def forget(self, scope: Scope, deleted: Sequence[Memory] | None, /) -> None:
        """Drop the results of an owner some of whose memories were deleted."""
        with self._lock:
            for search_id in [i for i, (owner, _) in self._results.items() if owner == scope]:
                del self._results[search_id]
