"""The public class, and the verbs on a whole scope."""

from __future__ import annotations

from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING

from agentmem_stores import Compaction, Scope, require_aware

from ..upkeep import CheckReport, ConsolidationReport, Stats, SweepReport
from ._items import Items
from ._twins import twin
from ._writes import Writes

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["MemoryController"]


class MemoryController(Writes):
    """Writes, associates, fades and finds memories, each call within one scope.

    Every method that touches memories takes `scope=` and falls back to the controller's own;
    without either it raises `InvalidScopeError`, after `close()` it raises `ClosedError`. Each
    has an async twin with the prefix `a`.

    Args:
        store: where memories live; closed with the controller.
        scope: whose memories are meant when a call names no other.
        embeddings: any LangChain embeddings; by default MiniLM, offline.
        model: a chat model that writes summaries and keywords; without one they are extracted.
        clock: returns the current time, aware; by default the system's.
        curve: the parameters of forgetting.
        association: the parameters of linking.
        settings: what a search does and leaves out.
        rng: the source of new ids.
        linger: seconds after which recalls are written when nothing else is; None for never.

    Raises:
        EmbedderMismatchError: the store holds another embedder's vectors.
    """

    def sweep(self, now: datetime | None = None, *, scope: Scope | None = None) -> SweepReport:
        """Archive what has faded below `curve.archive_below`.

        Nothing is deleted but items of a LangGraph store that are past their time to live.

        Args:
            now: the moment to count retention at, aware; by default the clock's.
        """
        owner = self._scope(scope)
        moment = require_aware(now, "now") if now else self.clock()
        with self._lock:
            self._reinforcement.flush()
            Items(self).expire(owner)
            return self._maintenance.sweep(owner, moment)

    def consolidate(self, *, scope: Scope | None = None) -> ConsolidationReport:
        """End the sessions that were left open, and let one memory stand for near-duplicates.

        The session open in this controller is left alone. Running it again changes nothing.
        """
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            current = self._open_sessions.get(owner)
            left = [s for s in self._sessions.unfinished(owner) if s != current]
            for session_id in left:
                self._sessions.end(owner, session_id)
            merged = self._maintenance.merge_duplicates(owner, self.clock())
        return ConsolidationReport(tuple(left), merged)

    def export(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Write a scope to a file of JSON lines; return the number of records.

        Ids, strengths, states, associations and former versions are kept; vectors are not.

        Raises:
            StoreUnavailableError: the file cannot be written.
        """
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            return self._transfer.export(owner, path)

    def import_(self, path: str | PathLike[str], *, scope: Scope | None = None) -> int:
        """Read a file that `export` wrote into a scope; return the number of records.

        Records replace those of the same id, so importing twice changes nothing. The whole file
        is checked before anything is written.

        Raises:
            StoreUnavailableError: the file cannot be read.
            DataFormatError: a line is not what `export` writes; nothing was imported.
        """
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            return self._transfer.import_(owner, path)

    def stats(self, *, scope: Scope | None = None) -> Stats:
        """Count what a scope holds."""
        owner = self._scope(scope)
        self.flush()
        return self._maintenance.stats(owner, self.clock())

    def graph(self, *, scope: Scope | None = None) -> nx.Graph:
        """Return a scope's association graph.

        Nodes are memory ids, with `granularity`, `text`, `session_id`, `said_at`, `state` and
        `retention`; edges have a `weight` in (0, 1]. A memory related to nothing has no edges.
        """
        owner = self._scope(scope)
        self.flush()
        return self._maintenance.graph(owner, self.clock())

    def check(self, *, scope: Scope | None = None) -> CheckReport:
        """Look for what must not be: links to nothing, an index that disagrees with the store."""
        owner = self._scope(scope)
        self.flush()
        return self._maintenance.check(owner)

    def compact(self) -> Compaction:
        """Rewrite the store's files, so that no byte of anything deleted is left in them.

        Needs room on the disk for a second copy meanwhile, and changes no memory of anybody.

        Raises:
            StoreError: the store is on a server, whose files are not ours to rewrite.
        """
        self._require_open()
        with self._lock:
            self._reinforcement.flush()
            return self._store.compact()

    asweep = twin(sweep)
    aconsolidate = twin(consolidate)
    aexport = twin(export)
    aimport_ = twin(import_)
    astats = twin(stats)
    agraph = twin(graph)
    acheck = twin(check)
    acompact = twin(compact)
