"""The last recall of each session, for those who ask why a reply was as it was."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from agentmem_retrievers import SearchResult
from agentmem_stores import Memory, Scope

__all__ = ["RecallLog"]


class RecallLog:
    """Keeps the last recall of the sessions spoken in last; safe to share between threads."""

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._recalls: OrderedDict[tuple[Scope, str], SearchResult] = OrderedDict()
        self._lock = Lock()

    def note(self, scope: Scope, session_id: str, recall: SearchResult) -> None:
        """Keep a recall in place of the session's former one."""
        with self._lock:
            self._recalls[scope, session_id] = recall
            self._recalls.move_to_end((scope, session_id))
            while len(self._recalls) > self._kept:
                self._recalls.popitem(last=False)

    def last(self, scope: Scope | None, session_id: str | None = None) -> SearchResult | None:
        """Return the last recall of a session, or of the session a scope spoke in last."""
        with self._lock:
            for (owner, session), recall in reversed(self._recalls.items()):
                if owner == scope and session_id in (None, session):
                    return recall
        return None

    def forget(self, scope: Scope, gone: Sequence[Memory] | None) -> None:
        """Drop the recalls that found, or asked with the words of, what was deleted."""
        ids = None if gone is None else {memory.id for memory in gone}
        texts = [memory.text for memory in gone or ()]
        with self._lock:
            for key, recall in list(self._recalls.items()):
                touched = ids is None or any(hit.memory.id in ids for hit in recall)
                if key[0] == scope and (touched or any(text in recall.query for text in texts)):
                    del self._recalls[key]
