"""What an agent caches between exchanges; deleting memories clears it.

Both caches are deletion listeners of the controller, because a cached search result or summary
may hold the words of what was deleted. Both are safe to share between threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from agentmem.digest.digest import Digester
from agentmem.recall.context import Context
from agentmem_stores import Memory, Scope

__all__ = ["SearchCache", "SummaryCache"]

# One entry per session spoken in lately, of at most k hits each.
_MAX_RESULTS = 256
# A summary has at most about 1,000 characters; a process seldom serves more long sessions at once.
_MAX_SUMMARIES = 64


class SearchCache:
    """What was last recalled in each session, to explain why a reply was as it was."""

    def __init__(self, max_size: int = _MAX_RESULTS) -> None:
        self._max_size = max_size
        self._results: OrderedDict[tuple[Scope, str], Context] = OrderedDict()
        self._lock = Lock()

    def put(self, scope: Scope, session_id: str, result: Context) -> None:
        """Keep a context in place of the session's former one."""
        with self._lock:
            self._results[scope, session_id] = result
            self._results.move_to_end((scope, session_id))
            while len(self._results) > self._max_size:
                self._results.popitem(last=False)

    def last(self, scope: Scope | None, session_id: str | None = None) -> Context | None:
        """Return the last context of a session, by default of the scope's latest session."""
        with self._lock:
            for (owner, session), result in reversed(self._results.items()):
                if owner == scope and session_id in (None, session):
                    return result
        return None

    def forget(self, scope: Scope, deleted: Sequence[Memory] | None) -> None:
        """Drop the contexts that contain a deleted memory or whose query repeats its words."""
        ids = None if deleted is None else {memory.id for memory in deleted}
        texts = [memory.text for memory in deleted or ()]
        with self._lock:
            for key, result in list(self._results.items()):
                memory_ids = {i for item in result.items for i in (item.memory.id, *item.turn_ids)}
                memory_ids.update(hit.memory.id for hit in result.hits)
                contains = ids is None or not ids.isdisjoint(memory_ids)
                if key[0] == scope and (contains or any(text in result.query for text in texts)):
                    del self._results[key]


class SummaryCache:
    """Extractive summaries of the beginnings of sessions that no longer fit into a prompt.

    A summary is renewed when the beginning has grown by an eighth, so that the cost per turn
    stays about constant in a long session, and when one of its turns has changed.
    """

    def __init__(self, digester: Digester | None = None) -> None:
        self._digester = digester or Digester()
        self._summaries: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._lock = Lock()

    def __call__(self, turns: Sequence[Memory]) -> str:
        """Return a few sentences about turns of one session, which start with its first."""
        step = max(1, len(turns) // 8)
        covered = turns[: len(turns) - len(turns) % step]
        key = tuple(f"{turn.id}@{turn.version}" for turn in covered)
        with self._lock:
            if key in self._summaries:
                self._summaries.move_to_end(key)
                return self._summaries[key]
        pairs = [(turn.speaker or turn.role, turn.text) for turn in covered]
        summary = self._digester.digest(pairs).summary if pairs else ""
        with self._lock:
            self._summaries[key] = summary
            while len(self._summaries) > _MAX_SUMMARIES:
                self._summaries.popitem(last=False)
        return summary

    def forget(self, scope: Scope, deleted: Sequence[Memory] | None) -> None:
        """Drop all summaries; those needed again are computed again."""
        with self._lock:
            self._summaries.clear()
