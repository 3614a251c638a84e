"""From one store to another, while both are open: to a server, back, or on to a larger one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agentmem_stores.batching import parts
from agentmem_stores.errors import EmbedderMismatchError, StoreError
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, MemoryStore

__all__ = ["Copied", "copy_memories"]

PAGE = 500
# How often a scope that is written to meanwhile is gone through before giving up.
ROUNDS = 5


@dataclass(frozen=True)
class Copied:
    """What copying did: how many memories were written, how many deleted, of how many owners."""

    scopes: int
    written: int
    deleted: int


def copy_memories(
    source: MemoryStore,
    target: MemoryStore,
    *,
    scopes: Iterable[Scope] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Copied:
    """Make the memories of owners in one store the same as in another, vectors and all.

    Ids, strengths, states, associations and former versions are kept, and what the target holds
    of an owner and the source does not is deleted there. It may be interrupted, and begun again:
    the result is the same. An owner who is written to meanwhile is gone through once more.

    Args:
        scopes: whose; by default everybody's.
        progress: called with the number of memories written since the last call.

    Raises:
        EmbedderMismatchError: the stores hold different embedders' vectors; nothing was copied.
        StoreError: somebody kept writing to an owner's memories in the source.
    """
    if source.embedder != target.embedder:
        raise EmbedderMismatchError(
            f"vectors of {source.embedder.name} cannot go into a store for {target.embedder.name};"
            " export the memories and import them instead"
        )
    owners = list(source.scopes() if scopes is None else scopes)
    tell = progress or (lambda _: None)
    counts = [_copied(source, target, scope, tell) for scope in owners]
    return Copied(len(owners), sum(w for w, _ in counts), sum(d for _, d in counts))


def _copied(
    source: MemoryStore, target: MemoryStore, scope: Scope, tell: Callable[[int], None]
) -> tuple[int, int]:
    written = deleted = 0
    for _ in range(ROUNDS):
        before = source.revision(scope)
        for granularity in Granularity:
            ids = [memory.id for memory in source.scan(scope, granularity)]
            for part in parts(ids, PAGE):
                entries = source.get(scope, granularity, part)
                target.write(Batch(scope, put=entries))
                written += len(entries)
                tell(len(entries))
            kept = set(ids)
            gone = [m.id for m in target.scan(scope, granularity) if m.id not in kept]
            target.write(Batch(scope, delete=[(granularity, i) for i in gone]))
            deleted += len(gone)
        if source.revision(scope) == before:
            return written, deleted
    raise StoreError(
        f"the memories of {scope} were written to all the while; copy again when nobody does"
    )
