"""The verbs that read memories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentmem.controller.core import Core
from agentmem.controller.to_async import to_async
from agentmem.rerank.refiner import refined
from agentmem_retrievers import Query, SearchResult
from agentmem_stores import (
    EmptyTextError,
    Granularity,
    InvalidInputError,
    Memory,
    MemoryNotFoundError,
    Scope,
    State,
    require_aware,
)

if TYPE_CHECKING:
    from agentmem_retrievers import MemoryRetriever

__all__ = ["Reads"]


class Reads(Core):
    """Searching, getting and listing."""

    def search(
        self,
        query: str,
        *,
        k: int = 5,
        scope: Scope | None = None,
        granularity: Granularity = Granularity.TURN,
        as_of: datetime | None = None,
        include_archived: bool = False,
        explain: bool = False,
        reinforce: bool = True,
        hops: int = 1,
    ) -> SearchResult:
        """Find the memories that answer a question, best first.

        Args:
            k: how many; fewer come back only where the scope holds fewer.
            granularity: what is ranked: turns, or whole sessions by one of their derived forms.
            as_of: answer as the memory stood then, aware.
            include_archived: also find what has faded; being found makes it active again.
            explain: say for each hit what every part contributed to its score.
            hops: follow threads of this many memories, each found by what the one before it
                adds; a hit's `path` says how it was reached.
            reinforce: let the memories found be strengthened, behind this call. A search
                `as_of` the past strengthens nothing.

        Raises:
            EmptyTextError, NaiveDatetimeError, InvalidInputError: an argument cannot be taken.
            EmbeddingError: the embedder failed.
        """
        owner = self._scope(scope)
        if not query.strip():
            raise EmptyTextError("the query is empty; ask for something")
        if k < 1:
            raise InvalidInputError(f"k={k} must be at least 1")
        if granularity is Granularity.CITATION:
            raise InvalidInputError("citations are nothing to be found; see learned()")
        if hops < 1:
            raise InvalidInputError(f"hops={hops} must be at least 1, which follows nothing")
        question = Query(
            text=query,
            embed=self._embedder.query,
            words=self._embedder.query_words,
            now=self.clock(),
            k=max([k, *(refiner.candidates for refiner in self._refiners)]),
            granularity=Granularity(granularity),
            as_of=require_aware(as_of, "as_of") if as_of else None,
            include_archived=include_archived,
            explain=explain,
            hops=hops,
        )
        recall = refined(self._engine.search(owner, question), self._refiners, k)
        if reinforce and as_of is None:
            self._reinforcement.note(owner, recall)
        return recall

    def get(self, memory_id: str, *, scope: Scope | None = None) -> Memory:
        """Return one memory.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
            InvalidInputError: `memory_id` is no string.
        """
        owner = self._scope(scope)
        if not isinstance(memory_id, str):
            raise InvalidInputError(f"memory_id={memory_id!r} must be a string")
        self.flush()
        found = self._read(owner, [memory_id])
        if not found:
            raise MemoryNotFoundError(f"{owner} has no memory {memory_id!r}")
        return found[0]

    def _read(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        index = self._memories.index(scope)
        kinds = {i: index.granularity_of(i) for i in ids}
        return [
            entry.memory
            for g in Granularity
            for entry in self._store.get(scope, g, [i for i in ids if kinds[i] is g])
        ]

    def get_all(
        self,
        *,
        scope: Scope | None = None,
        limit: int | None = 100,
        granularity: Granularity | None = None,
        session_id: str | None = None,
    ) -> list[Memory]:
        """Return the newest `limit` memories, in the order in which they were said.

        Archived and superseded memories are among them, former versions are not: see `history`.

        Args:
            limit: at least 1; None for all.
            granularity: only this one; by default all but citations.
            session_id: only this session's.
        """
        owner = self._scope(scope)
        if limit is not None and limit < 1:
            raise InvalidInputError(f"limit={limit} must be at least 1, or None for all")
        self.flush()
        all_kinds = [g for g in Granularity if g is not Granularity.CITATION]
        wanted = [Granularity(granularity)] if granularity else all_kinds
        held = [
            memory
            for g in wanted
            for memory in self._held(owner, g, session_id)
            if memory.version_of is None
        ]
        held.sort(key=lambda m: (m.said_at, m.session_id, m.position, m.id))
        return held if limit is None else held[-limit:]

    def _held(
        self, scope: Scope, granularity: Granularity, session_id: str | None
    ) -> Iterable[Memory]:
        if session_id is None:
            return self._store.scan(scope, granularity)
        ids = self._memories.index(scope).members(session_id, granularity)
        return [entry.memory for entry in self._store.get(scope, granularity, ids)]

    def history(self, memory_id: str, *, scope: Scope | None = None) -> list[Memory]:
        """Return every version of a memory, oldest first; the last is the current one.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
        """
        owner = self._scope(scope)
        current = self.get(memory_id, scope=owner)
        former = self._read(owner, [f"{memory_id}@{n}" for n in range(1, current.version)])
        return [*sorted(former, key=lambda m: m.version), current]

    def topics(
        self, query: str | None = None, *, k: int | None = None, scope: Scope | None = None
    ) -> list[Memory]:
        """Return what has been talked about, as `consolidate` has summed it up.

        Args:
            query: the topics nearest to it come first; by default those with the most turns.
            k: at most so many; by default all of them.
        """
        owner = self._scope(scope)
        self.flush()
        held = [m for m in self._held(owner, Granularity.TOPIC, None) if m.state is State.ACTIVE]
        if query is None or not held:
            return sorted(held, key=lambda m: (-len(m.sources), m.id))[:k]
        found = self.search(
            query, k=k or len(held), scope=owner, granularity=Granularity.TOPIC, reinforce=False
        )
        return [hit.memory for hit in found]

    def as_retriever(self, *, k: int = 5, **options: Any) -> MemoryRetriever:
        """Return a LangChain retriever over this controller; `options` are those of `search`."""
        from agentmem_retrievers import MemoryRetriever

        return MemoryRetriever(memory=self, k=k, search_options=options)

    asearch = to_async(search)
    aget = to_async(get)
    aget_all = to_async(get_all)
    ahistory = to_async(history)
    atopics = to_async(topics)
