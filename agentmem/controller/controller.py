"""The public class, and the verbs on a whole scope."""

from __future__ import annotations

from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING

from agentmem.controller.to_async import to_async
from agentmem.controller.uses import Uses
from agentmem.items.items import Items
from agentmem.maintenance.check import CheckReport
from agentmem.maintenance.consolidation import ConsolidationReport
from agentmem.maintenance.overview import Stats, SweepReport
from agentmem.progress import Progress
from agentmem_stores import Compaction, Granularity, InvalidInputError, Scope, require_aware

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["MemoryController"]


class MemoryController(Uses):
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
        refiners: stages after the search, such as a `Reranker`, in this order; none by default.
        rng: the source of new ids.
        linger: seconds after which recalls are written when nothing else is; None for never.
        consolidate_after_session: how many pieces of work `consolidate` does in the background
            when a session has ended; None for none.
        before_write: sees every text before it is stored, as a `Draft`, and returns what is to
            be stored in its place, or None for nothing; see docs/guarantees.md. If it raises,
            nothing is written, and the call raises `WriteHookError`.

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

    def consolidate(
        self,
        *,
        budget: int | None = None,
        keep: int | None = None,
        progress: Progress | None = None,
        scope: Scope | None = None,
    ) -> ConsolidationReport:
        """Put what was said in order, as far as a budget goes.

        The sessions that were left open are ended, but for the one open in this controller; of
        turns that say the same the newest stands for all, with the others as its sources; topics
        and days are summed up in memories of their own (`topics`, `Granularity.DAY`); and of more
        turns than are to be kept, the weak, unused and redundant are archived.

        It may be interrupted anywhere, and the next call goes on. Running it again changes
        nothing. No turn is ever deleted.

        Args:
            budget: how many pieces of work are done at most, each the ending of a session, a
                merge or a summary; by default all there are.
            keep: how many turns stay active at most; by default none is archived.
            progress: hears how far it is.
        """
        owner = self._scope(scope)
        for name, value in (("budget", budget), ("keep", keep)):
            if value is not None and value < 0:
                raise InvalidInputError(f"{name}={value} must not be negative")
        return self._consolidated(owner, budget=budget, keep=keep, progress=progress)

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
        is checked before anything is written. Where `before_write` changes a text or keeps it out,
        what was made of it is left out, and summaries are made anew.

        Raises:
            StoreUnavailableError: the file cannot be read.
            DataFormatError: a line is not what `export` writes; nothing was imported.
        """
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            imported = self._transfer.import_(owner, path)
            for session_id in imported.undigested_sessions:
                if self._memories.index(owner).members(session_id, Granularity.TURN):
                    self._sessions.end(owner, session_id)
        return imported.records

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

    def check(self, *, repair: bool = False, scope: Scope | None = None) -> CheckReport:
        """Look for what must not be; reads everything of the scope, and the store's files.

        Every record is whole, with a finite vector of unit length; links, sources and versions
        lead to memories that exist; the index says what the store does; the files are undamaged.

        Args:
            repair: make anew what is derived: lost vectors from their texts, summaries whose
                sources are gone from what is left, links without those to nothing, the index.
                What people said is never touched.
        """
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            if repair:
                return self._repair.run(owner)
            return CheckReport(self._check.problems(owner))

    def compact(self) -> Compaction:
        """Rewrite the store's files, so that no byte of anything deleted is left in them.

        Needs room on the disk for a second copy meanwhile, and changes no memory of anybody. Other
        threads may go on searching; what they write waits. See docs/guarantees.md.

        Raises:
            StoreError: the store is on a server, whose files are not ours to rewrite.
        """
        self._require_open()
        with self._lock:
            self._reinforcement.flush()
            return self._store.compact()

    asweep = to_async(sweep)
    aconsolidate = to_async(consolidate)
    aexport = to_async(export)
    aimport_ = to_async(import_)
    astats = to_async(stats)
    agraph = to_async(graph)
    acheck = to_async(check)
    acompact = to_async(compact)
