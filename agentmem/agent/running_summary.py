"""What stands in a prompt for the turns of a session that no longer fit into it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from agentmem.digest.digest import Digester
from agentmem_stores import Memory, Scope

__all__ = ["RunningSummary"]

_CACHED = 64


class RunningSummary:
    """Summarises the beginnings of sessions, extractively; keeps what it wrote last.

    A summary is written anew when the beginning has grown by an eighth, so that a long session
    costs little more with every turn, and whenever a turn in it has changed or is gone.
    """

    def __init__(self, digester: Digester | None = None) -> None:
        self._digester = digester or Digester()
        self._known: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._lock = Lock()

    def __call__(self, turns: Sequence[Memory]) -> str:
        """Return a few sentences on turns of one session, given from its first on."""
        step = max(1, len(turns) // 8)
        covered = turns[: len(turns) - len(turns) % step]
        key = tuple(f"{turn.id}@{turn.version}" for turn in covered)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        pairs = [(turn.speaker or turn.role, turn.text) for turn in covered]
        summary = self._digester.digest(pairs).summary if pairs else ""
        with self._lock:
            self._known[key] = summary
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return summary

    def forget(self, scope: Scope, gone: Sequence[Memory] | None) -> None:
        """Drop all summaries; those that are needed again are written again."""
        with self._lock:
            self._known.clear()
