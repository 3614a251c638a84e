"""Summaries over sessions: one of each topic, and one of each day."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from agentmem.digest.digest import Digester
from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.topics import MIN_ROWS, NEXT_WEIGHT, communities
from agentmem.provenance import derived_provenance
from agentmem.writing.sessions import ITEM_PREFIX, is_item_session
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.table import NONE
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryStore, Scope, State, Vectors
from agentmem_stores.locks import ScopeLocks

__all__ = ["Summaries", "SummarySpec", "exclude_from_topics"]

# Key in the metadata of a turn whose topic a user deleted; it is assigned to no topic again.
UNGROUPED = "ungrouped"

# Topics are clustered again when turns have grown by this share, so that their ids stay stable
# from one consolidation to the next.
GROWTH = 0.1
# Weights of a turn and of its neighbors in the session when turns are clustered: a short turn
# such as "Yes, twice." has its topic from what is said around it.
_CONTEXT_WEIGHTS = {0: 1.0, -1: 0.7, 1: 0.5}
# Namespace of the ids, which derive from the turns: the same turns get the same id.
_NAMESPACE = uuid.UUID("8f1f0f6e-64a3-4a0e-9f54-2f8a5a1a5d0e")


@dataclass(frozen=True)
class SummarySpec:
    """A summary that should exist.

    Attributes:
        turns: ids of the turns to summarize, in the order in which they were said.
        metadata: metadata of the memory, beside its keywords.
    """

    granularity: Granularity
    id: str
    turns: tuple[str, ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    def matches(self, memory: Memory | None) -> bool:
        """Return whether a memory is the summary that this asks for."""
        return (
            memory is not None
            and memory.sources == self.turns
            and self.metadata.items() <= memory.metadata.items()
        )


@dataclass(frozen=True)
class Summaries:
    """Plans which topic and day summaries should exist, and writes them one at a time.

    The plan follows from the turns alone, so an interrupted run is completed by the next one.
    Archived turns stay in their summaries: the gist outlives the details.

    An edited topic keeps its turns, and the turns of a deleted topic are not clustered again, so
    that consolidation undoes neither.
    """

    store: MemoryStore
    memories: IndexedStore
    embedder: Embedder
    digester: Digester
    curve: ForgettingCurve
    clock: Callable[[], datetime]
    locks: ScopeLocks

    def existing(self, scope: Scope, granularity: Granularity) -> dict[str, Memory]:
        """Return the summaries of a granularity by id, except for edited topics."""
        return {
            memory.id: memory
            for memory in self.store.scan(scope, granularity)
            if memory.version_of is None and not _is_edited_topic(memory)
        }

    def plan_topics(self, scope: Scope) -> list[SummarySpec] | None:
        """Return the topics that should exist; None if the existing ones are current enough."""
        with self.locks.hold(scope):
            turns = self._turns_to_cluster(scope)
            if self._topics_are_current(scope, set(turns)):
                return None
            if len(turns) < MIN_ROWS:
                return []
            vectors = self.context_vectors(scope, turns)
            edges = self.topic_edges(scope, turns)
        labels = communities(edges, vectors)
        clusters = [
            tuple(turns[i] for i in np.flatnonzero(labels == label)) for label in np.unique(labels)
        ]
        # Identifies the clustering, by which a later run sees whether all of its topics exist.
        digest = hashlib.sha256("\n".join(sorted(turns)).encode()).hexdigest()[:16]
        metadata = {"among": digest, "topics": len(clusters), "turns": len(turns)}
        return [
            SummarySpec(Granularity.TOPIC, _new_id("topic", *ids), ids, metadata)
            for ids in sorted(clusters, key=lambda ids: (-len(ids), ids))
        ]

    def _turns_to_cluster(self, scope: Scope) -> list[str]:
        topics = self.store.scan(scope, Granularity.TOPIC)
        in_edited = {i for memory in topics if _is_edited_topic(memory) for i in memory.sources}
        return [
            memory.id
            for memory in self._turns(scope)
            if memory.id not in in_edited and memory.metadata.get(UNGROUPED) is not True
        ]

    def _topics_are_current(self, scope: Scope, turns: set[str]) -> bool:
        topics = list(self.existing(scope, Granularity.TOPIC).values())
        if not topics:
            return len(turns) < MIN_ROWS
        clusterings = {topic.metadata.get("among") for topic in topics}
        is_complete = len(clusterings) == 1 and len(topics) == topics[0].metadata.get("topics")
        covered = {source for topic in topics for source in topic.sources}
        has_grown = len(turns - covered) > GROWTH * len(covered)
        return is_complete and covered <= turns and not has_grown

    def context_vectors(self, scope: Scope, turns: Sequence[str]) -> Vectors:
        """Return the unit vectors of turns in their context, shape (turns, dimension)."""
        table = self.memories.index(scope).tables[Granularity.TURN]
        rows = np.array([table.row_of[i] for i in turns], dtype=np.intp)
        total = np.zeros((len(rows), self.embedder.spec.dimension), dtype=np.float32)
        for offset, weight in _CONTEXT_WEIGHTS.items():
            total += np.float32(weight) * table.vectors(table.neighbors(rows, offset))
        lengths = np.linalg.norm(total, axis=1, keepdims=True)
        return np.asarray(total / np.maximum(lengths, 1e-9), dtype=np.float32)

    def topic_edges(self, scope: Scope, turns: Sequence[str]) -> list[tuple[int, int, float]]:
        """Return the associations between turns, by number, and edges between consecutive ones."""
        index = self.memories.index(scope)
        table = index.tables[Granularity.TURN]
        number = {turn: n for n, turn in enumerate(turns)}
        edges = [
            (n, number[target], weight)
            for turn, n in number.items()
            for target, weight in index.edges.successors(turn).items()
            if target in number
        ]
        rows = np.array([table.row_of[turn] for turn in turns], dtype=np.intp)
        for n, row in enumerate(table.neighbors(rows, 1).tolist()):
            if row != NONE and table.ids[row] in number:
                edges.append((n, number[table.ids[row]], NEXT_WEIGHT))
        return edges

    def plan_days(self, scope: Scope) -> list[SummarySpec]:
        """Return the days that should exist: those with turns in sessions that have ended."""
        turns: dict[str, list[str]] = {}
        with self.locks.hold(scope):
            index = self.memories.index(scope)
            for memory in self._turns(scope):
                if index.is_digested(memory.session_id):
                    turns.setdefault(f"{memory.said_at:%Y-%m-%d}", []).append(memory.id)
        return [
            SummarySpec(Granularity.DAY, _new_id("day", date), tuple(ids), {"date": date})
            for date, ids in sorted(turns.items())
        ]

    def _turns(self, scope: Scope) -> list[Memory]:
        """Return the turns of conversations in the order in which they were said."""
        turns = [
            memory
            for memory in self.store.scan(scope, Granularity.TURN)
            if memory.state is not State.SUPERSEDED and not is_item_session(memory.session_id)
        ]
        return sorted(turns, key=lambda m: (m.said_at, m.session_id, m.position, m.id))

    def write(self, scope: Scope, spec: SummarySpec) -> None:
        """Write a summary, unless one of its turns changes or is deleted meanwhile."""
        with self.locks.hold(scope):
            turns = self._read_turns(scope, spec)
            if not turns or self._update_metadata(scope, spec):
                return
        # Outside of the lock, because a chat model may take long.
        digest = self.digester.digest([(turn.speaker or turn.role, turn.text) for turn in turns])
        memory = self._memory(spec, turns, digest.summary, digest.keywords)
        [vector] = self.embedder.documents([memory.text])
        with self.locks.hold(scope):
            current = self._read_turns(scope, spec)
            if [(t.id, t.version) for t in current] == [(t.id, t.version) for t in turns]:
                self.memories.write(Batch(scope, put=[Entry(memory, vector)]))

    def _read_turns(self, scope: Scope, spec: SummarySpec) -> list[Memory]:
        """Return the turns to summarize; none if one of them was deleted."""
        entries = self.store.get(scope, Granularity.TURN, spec.turns)
        return [entry.memory for entry in entries] if len(entries) == len(spec.turns) else []

    def _update_metadata(self, scope: Scope, spec: SummarySpec) -> bool:
        """Reuse the existing summary of the same turns; return whether there is one."""
        for entry in self.store.get(scope, spec.granularity, [spec.id]):
            if entry.memory.sources == spec.turns:
                metadata = {**entry.memory.metadata, **spec.metadata}
                self.memories.write(Batch(scope, patch=[replace(entry.memory, metadata=metadata)]))
                return True
        return False

    def _memory(
        self, spec: SummarySpec, turns: Sequence[Memory], summary: str, keywords: Sequence[str]
    ) -> Memory:
        date = spec.metadata.get("date")
        return Memory(
            id=spec.id,
            scope=turns[0].scope,
            granularity=spec.granularity,
            text=f"{date}: {summary}" if date else summary,
            session_id=f"{ITEM_PREFIX}{spec.granularity.value}",
            said_at=max(turn.said_at for turn in turns),
            written_at=self.clock(),
            role="system",
            # Average surprise: what is derived from turns is not new.
            strength=self.curve.initial_strength(0.5),
            sources=spec.turns,
            metadata={
                **spec.metadata,
                **derived_provenance(turns),
                "keywords": list(keywords),
            },
        )

    def delete_others(
        self, scope: Scope, granularity: Granularity, specs: Iterable[SummarySpec]
    ) -> None:
        """Delete the summaries of a granularity that are not among the planned ones."""
        outdated = self.existing(scope, granularity).keys() - {spec.id for spec in specs}
        self.memories.write(Batch(scope, delete=[(granularity, i) for i in sorted(outdated)]))


def _is_edited_topic(memory: Memory) -> bool:
    return memory.granularity is Granularity.TOPIC and memory.version > 1


def exclude_from_topics(
    memories: Iterable[Memory], read_turns: Callable[[Sequence[str]], Sequence[Memory]]
) -> list[Memory]:
    """Return the turns of deleted topics, marked so that they are not clustered again.

    Args:
        memories: the memories that a user deletes; those that are not topics are ignored.
        read_turns: returns turns by their ids.
    """
    sources = (i for m in memories if m.granularity is Granularity.TOPIC for i in m.sources)
    turns = read_turns(list(dict.fromkeys(sources)))
    return [replace(turn, metadata={**turn.metadata, UNGROUPED: True}) for turn in turns]


def _new_id(*parts: str) -> str:
    return uuid.uuid5(_NAMESPACE, "\n".join(parts)).hex
