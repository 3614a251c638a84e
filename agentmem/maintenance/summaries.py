"""What many turns come down to: a summary of a topic, and of a day."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from agentmem.digest.digest import Digester
from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.topics import FEWEST, partition
from agentmem.writing.sessions import ITEM_PREFIX, is_item_session
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope, State, Vectors

__all__ = ["Gist", "Summaries", "ungrouped"]

# In a turn's metadata: that a topic of it was deleted, and that it is to make none again.
UNGROUPED = "ungrouped"

# Topics stand until this share of turns has come to those that they were found among.
GROWTH = 0.1
# What surrounds a turn says what it is about, where the turn itself is short.
_AROUND = {0: 1.0, -1: 0.7, 1: 0.5}
_IDS = uuid.UUID("8f1f0f6e-64a3-4a0e-9f54-2f8a5a1a5d0e")


@dataclass(frozen=True)
class Gist:
    """A memory that is to be derived from turns.

    Attributes:
        turns: their ids, in the order in which they were said.
        metadata: what the memory says of itself beside its text.
    """

    granularity: Granularity
    id: str
    turns: tuple[str, ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    def is_written(self, memory: Memory | None) -> bool:
        """Whether a memory is what this one would become."""
        return (
            memory is not None
            and memory.sources == self.turns
            and self.metadata.items() <= (memory.metadata.items())
        )


@dataclass(frozen=True)
class Summaries:
    """Says which topics and days are missing, and writes them one at a time.

    What is wanted follows from the turns alone, so whatever an interruption leaves out is found
    missing by the next run. Turns that were archived stay in what they were summed up in: the
    gist of things outlives their details.

    A topic that somebody has put in other words keeps its turns, and those of one that somebody
    has deleted are grouped no more, so that neither is undone.
    """

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    digester: Digester
    curve: ForgettingCurve
    clock: Callable[[], datetime]
    lock: AbstractContextManager[Any]

    def held(self, scope: Scope, granularity: Granularity) -> dict[str, Memory]:
        """The gists that there are, by id, but for what somebody else has written of topics."""
        return {
            memory.id: memory
            for memory in self.store.scan(scope, granularity)
            if memory.version_of is None and not _is_edited(memory)
        }

    def topics(self, scope: Scope) -> list[Gist] | None:
        """The topics there should be; None where those that there are will do."""
        with self.lock:
            turns = self._grouped(scope)
            if self._will_do(scope, set(turns)):
                return None
            if len(turns) < FEWEST:
                return []
            vectors = self._vectors(scope, turns)
        numbers = partition(vectors)
        members = [
            tuple(turns[i] for i in np.flatnonzero(numbers == n)) for n in np.unique(numbers)
        ]
        among = {"among": _signature(turns), "topics": len(members), "turns": len(turns)}
        return [
            Gist(Granularity.TOPIC, _id("topic", *ids), ids, among)
            for ids in sorted(members, key=lambda ids: (-len(ids), ids))
        ]

    def _grouped(self, scope: Scope) -> list[str]:
        """The turns that topics are to be found among, in the order in which they were said."""
        topics = self.store.scan(scope, Granularity.TOPIC)
        taken = {i for memory in topics if _is_edited(memory) for i in memory.sources}
        return [
            memory.id
            for memory in self._turns(scope)
            if memory.id not in taken and memory.metadata.get(UNGROUPED) is not True
        ]

    def _will_do(self, scope: Scope, turns: set[str]) -> bool:
        held = list(self.held(scope, Granularity.TOPIC).values())
        if not held:
            return len(turns) < FEWEST
        [first, *rest] = [memory.metadata for memory in held]
        covered = {source for memory in held for source in memory.sources}
        same = all(m.get("among") == first.get("among") for m in rest)
        whole = same and len(held) == first.get("topics")
        fresh = len(turns - covered)
        return whole and covered <= turns and fresh <= GROWTH * len(covered)

    def _vectors(self, scope: Scope, turns: Sequence[str]) -> Vectors:
        table = self.memories.index(scope).tables[Granularity.TURN]
        rows = np.array([table.row_of[i] for i in turns], dtype=np.intp)
        near = sum(w * table.vectors(table.neighbors(rows, o)) for o, w in _AROUND.items())
        assert isinstance(near, np.ndarray)
        return np.asarray(near / np.maximum(np.linalg.norm(near, axis=1, keepdims=True), 1e-9))

    def days(self, scope: Scope) -> list[Gist]:
        """The days there should be: all on which something was said in sessions that have ended."""
        said: dict[str, list[str]] = {}
        with self.lock:
            index = self.memories.index(scope)
            for memory in self._turns(scope):
                if index.is_digested(memory.session_id):
                    said.setdefault(f"{memory.said_at:%Y-%m-%d}", []).append(memory.id)
        return [
            Gist(Granularity.DAY, _id("day", date), tuple(ids), {"date": date})
            for date, ids in sorted(said.items())
        ]

    def _turns(self, scope: Scope) -> list[Memory]:
        """What can be summed up, in the order in which it was said."""
        turns = [
            memory
            for memory in self.store.scan(scope, Granularity.TURN)
            if memory.state is not State.SUPERSEDED and not is_item_session(memory.session_id)
        ]
        return sorted(turns, key=lambda m: (m.said_at, m.session_id, m.position, m.id))

    def write(self, scope: Scope, gist: Gist) -> None:
        """Write one, unless a turn of it has changed or gone meanwhile.

        The summary is made outside of the lock: a chat model may take its time.
        """
        with self.lock:
            turns = self._sources(scope, gist)
            if not turns or self._kept(scope, gist):
                return
        digest = self.digester.digest([(t.speaker or t.role, t.text) for t in turns])
        memory = self._memory(gist, turns, digest.summary, digest.keywords)
        [vector] = self.embedder.documents([memory.text])
        with self.lock:
            now = self._sources(scope, gist)
            if [(t.id, t.version) for t in now] == [(t.id, t.version) for t in turns]:
                self.memories.write(Batch(scope, put=[Entry(memory, vector)]))

    def _sources(self, scope: Scope, gist: Gist) -> list[Memory]:
        """The turns of a gist; none where one of them is gone."""
        found = self.store.get(scope, Granularity.TURN, gist.turns)
        return [entry.memory for entry in found] if len(found) == len(gist.turns) else []

    def _kept(self, scope: Scope, gist: Gist) -> bool:
        """Go on with the memory that is there of the same turns, where there is one."""
        for entry in self.store.get(scope, gist.granularity, [gist.id]):
            if entry.memory.sources == gist.turns:
                metadata = {**entry.memory.metadata, **gist.metadata}
                self.memories.write(Batch(scope, patch=[replace(entry.memory, metadata=metadata)]))
                return True
        return False

    def _memory(
        self, gist: Gist, turns: Sequence[Memory], summary: str, keywords: Sequence[str]
    ) -> Memory:
        date = gist.metadata.get("date")
        return Memory(
            id=gist.id,
            scope=turns[0].scope,
            granularity=gist.granularity,
            text=f"{date}: {summary}" if date else summary,
            session_id=f"{ITEM_PREFIX}{gist.granularity.value}",
            said_at=max(turn.said_at for turn in turns),
            written_at=self.clock(),
            role="system",
            strength=self.curve.initial_strength(0.5),
            sources=gist.turns,
            metadata={**gist.metadata, "keywords": list(keywords)},
        )

    def discard(self, scope: Scope, granularity: Granularity, kept: Iterable[Gist]) -> None:
        """Delete the gists that there should no longer be."""
        gone = self.held(scope, granularity).keys() - {gist.id for gist in kept}
        self.memories.write(Batch(scope, delete=[(granularity, i) for i in sorted(gone)]))


def _is_edited(memory: Memory) -> bool:
    return memory.granularity is Granularity.TOPIC and memory.version > 1


def ungrouped(
    topics: Iterable[Memory], turns: Callable[[Sequence[str]], Sequence[Memory]]
) -> list[Memory]:
    """Return the turns of topics that somebody deletes, so marked that they make none again.

    Args:
        topics: memories; those that are no topics are passed over.
        turns: reads turns by their ids.
    """
    sources = (i for m in topics if m.granularity is Granularity.TOPIC for i in m.sources)
    found = turns(list(dict.fromkeys(sources)))
    return [replace(turn, metadata={**turn.metadata, UNGROUPED: True}) for turn in found]


def _id(*parts: str) -> str:
    return uuid.uuid5(_IDS, "\n".join(parts)).hex


def _signature(ids: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
