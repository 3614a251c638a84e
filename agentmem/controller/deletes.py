"""The verbs that forget for good: a memory goes with everything that was made from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from agentmem.controller.knowledge import Knowledge
from agentmem.controller.to_async import to_async
from agentmem.maintenance.summaries import ungrouped
from agentmem.writing.sessions import DERIVED, is_derived
from agentmem_stores import Batch, Entry, Granularity, Memory, MemoryNotFoundError, Scope, State

__all__ = ["Deletes", "Deletion"]

# The cosine of two embeddings of one text, whatever was rounded on the way.
_SAME = 0.999


@dataclass(frozen=True)
class Deletion:
    """What deleting did, in ids.

    Attributes:
        deleted: what was asked for, with its former versions.
        derived: what had been made from it and is gone too.
        rewritten: what was made anew from what is left, some of it under a former id.
        unlinked: memories that were associated with it and are no longer.
    """

    deleted: tuple[str, ...]
    derived: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()


class Deletes(Knowledge):
    """Deleting memories, conversations and whole scopes."""

    def delete(self, memory_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a memory, its former versions, its associations and what it is derived into.

        What was made from it is removed before this returns, and what other turns of its session
        have a share in, such as the summary, is made anew from them. A turn that stands for others
        which say the same, since `consolidate`, takes them with it, and a fact those whose place
        it has taken; a fact that was deleted is not found again in the turn that told it, and the
        turns of a topic that was deleted make none again.

        Raises:
            MemoryNotFoundError: the scope has no such memory.
        """
        owner = self._scope(scope)
        with self._lock:
            versions = self.history(memory_id, scope=owner)
            doomed = [*versions, *self._stood_for(owner, versions[-1])]
            told = self._facts.not_again(owner, doomed)
            grouped = ungrouped(doomed, partial(self._read, owner))
            self._memories.write(Batch(owner, patch=[*told, *grouped]))
            return self._erase(owner, doomed)

    def delete_session(self, session_id: str, *, scope: Scope | None = None) -> Deletion:
        """Delete a conversation, and with it everything that was made from it.

        Raises:
            MemoryNotFoundError: the scope has no such session.
        """
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            index = self._memories.index(owner)
            held = self._read(owner, [i for g in Granularity for i in index.records(session_id, g)])
            if not held:
                raise MemoryNotFoundError(f"{owner} has no session {session_id!r}")
            if self._open_sessions.get(owner) == session_id:
                del self._open_sessions[owner]
            return self._erase(owner, held)

    def _erase(self, scope: Scope, doomed: Sequence[Memory], put: Sequence[Entry] = ()) -> Deletion:
        """Delete memories, or put others in their place, and undo what was made from them."""
        index = self._memories.index(scope)
        replaced = {entry.memory.id for entry in put}
        derived = self._derived_from(scope, {m.id for m in doomed} | replaced)
        derived += self._asked_like(scope, doomed, {m.id for m in derived})
        made_of = dict.fromkeys(m.session_id for m in derived if m.granularity in DERIVED)
        ended = [session for session in made_of if index.is_digested(session)]
        gone = {m.id for m in (*derived, *doomed)} - replaced
        patch = self._unlinked(scope, gone, replaced)
        # First of all: a crash must not leave what was made from something that is gone, nor a
        # link to it.
        self._memories.write(Batch(scope, patch=patch, delete=_rows(derived)))
        self._memories.write(Batch(scope, put=put, delete=_rows(doomed)))
        self._forgotten(scope, [*doomed, *derived])
        changed = (*doomed, *derived, *(entry.memory for entry in put))
        if any(memory.granularity is Granularity.FACT for memory in changed):
            self._facts.settle(scope)
        left = [session for session in ended if index.members(session, Granularity.TURN)]
        rewritten = [memory.id for memory in self._sessions.end_or_leave(scope, left)]
        return Deletion(
            deleted=tuple(m.id for m in doomed),
            derived=tuple(m.id for m in derived),
            rewritten=tuple(rewritten),
            unlinked=tuple(m.id for m in patch),
        )

    def _stood_for(self, scope: Scope, memory: Memory) -> list[Memory]:
        """The turns that say the same as one that stands for them, with their versions."""
        found: dict[str, Memory] = {memory.id: memory}
        frontier = [memory]
        while frontier:
            near = {i for m in frontier for i in _beneath(m)} - found.keys()
            held = [m for m in self._read(scope, sorted(near)) if m.state is State.SUPERSEDED]
            frontier = [m for m in held if m.granularity is memory.granularity]
            found |= {m.id: m for m in frontier}
        del found[memory.id]
        return [version for i in found for version in self.history(i, scope=scope)]

    def _derived_from(self, scope: Scope, ids: Collection[str]) -> list[Memory]:
        """Everything made from these memories, and from what was made from them."""
        index = self._memories.index(scope)
        found: dict[str, Memory] = {}
        frontier = set(ids)
        while frontier:
            near = {d for i in frontier for d in index.derived_from(i)} - found.keys() - set(ids)
            made = {
                memory.id: memory
                for memory in self._read(scope, sorted(near))
                if is_derived(memory) and not frontier.isdisjoint(memory.sources)
            }
            found |= made
            frontier = set(made)
        return list(found.values())

    def _asked_like(self, scope: Scope, doomed: Sequence[Memory], known: set[str]) -> list[Memory]:
        """What was learned from questions in the very words of something that is to go.

        Citations keep of a question its embedding, and nothing by which to know whose it was.
        """
        kind = Granularity.CITATION
        held = len(self._memories.index(scope).tables[kind])
        if not held or not doomed:
            return []
        vectors = [
            entry.vector
            for g in Granularity
            for entry in self._store.get(scope, g, [m.id for m in doomed if m.granularity is g])
        ]
        near = self._store.nearest(scope, kind, np.stack(vectors), held)
        same = {n.id for found in near for n in found if n.similarity > _SAME} - known
        gone = same - {m.id for m in doomed}
        return [entry.memory for entry in self._store.get(scope, kind, sorted(gone))]

    def _unlinked(self, scope: Scope, gone: set[str], replaced: set[str]) -> list[Memory]:
        """The memories that point at ids about to go, without those edges and sources."""
        index = self._memories.index(scope)
        pointing = {n for i in gone for n in index.pointing_at(i)} - gone - replaced
        return [
            replace(
                memory,
                edges=tuple(e for e in memory.edges if e.target not in gone),
                sources=tuple(s for s in memory.sources if s not in gone),
            )
            for memory in self._read(scope, sorted(pointing))
        ]

    def delete_all(self, *, scope: Scope | None = None) -> int:
        """Delete everything of a scope; return how many records there were."""
        owner = self._scope(scope)
        with self._lock:
            self._reinforcement.flush()
            tables = self._memories.index(owner).tables
            # Derived memories first, so that a crash leaves none without its sources.
            records = [(g, i) for g in reversed(Granularity) for i in tables[g].row_of]
            self._memories.write(Batch(owner, delete=records))
            self._memories.drop(owner)
            self._open_sessions.pop(owner, None)
            self._forgotten(owner)
        return len(records)

    def reset(self, *, scope: Scope | None = None) -> None:
        """Start a scope anew, as if nobody had ever said anything in it.

        Unlike mem0's verb of this name it never reaches beyond one scope.
        """
        self.delete_all(scope=scope)

    adelete = to_async(delete)
    adelete_session = to_async(delete_session)
    adelete_all = to_async(delete_all)
    areset = to_async(reset)


def _beneath(memory: Memory) -> Iterable[str]:
    """What a memory may stand for: turns that say the same, or facts that held before."""
    if memory.granularity is Granularity.FACT:
        return [edge.target for edge in memory.edges]
    return memory.sources


def _rows(memories: Iterable[Memory]) -> list[tuple[Granularity, str]]:
    return [(memory.granularity, memory.id) for memory in memories]
