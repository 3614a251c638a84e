"""Copying memories between two open stores, such as from a directory to a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agentmem_stores.errors import EmbedderMismatchError, StoreError
from agentmem_stores.records import Granularity, Scope
from agentmem_stores.store import Batch, MemoryStore, paginate

__all__ = ["CopyResult", "copy_memories"]

# How often a scope is copied again if another client writes to it meanwhile.
MAX_ROUNDS = 5


@dataclass(frozen=True)
class CopyResult:
    """The number of scopes copied, of memories written and of memories deleted in the target."""

    scopes: int
    written: int
    deleted: int


def copy_memories(
    source: MemoryStore,
    target: MemoryStore,
    *,
    scopes: Iterable[Scope] | None = None,
    progress: Callable[[int], None] | None = None,
) -> CopyResult:
    """Make the memories of scopes in one store equal to those in another, with their vectors.

    Ids, strengths, states, associations and former versions stay the same. Memories of a scope
    that only the target has are deleted there. An interrupted copy may be started again. A scope
    that another client writes to meanwhile is copied again.

    Args:
        source: where to read.
        target: where to write.
        scopes: whose memories; all by default.
        progress: called with the number of memories written since the last call.

    Raises:
        EmbedderMismatchError: the stores have vectors of different embedders.
        StoreError: a scope kept changing in the source.

    >>> from agentmem_stores import InMemoryStore
    >>> copy_memories(InMemoryStore(), InMemoryStore())
    CopyResult(scopes=0, written=0, deleted=0)
    """
    if source.embedder != target.embedder:
        raise EmbedderMismatchError(
            f"vectors of {source.embedder.name} cannot be copied to a store for "
            f"{target.embedder.name}; export the memories and import them instead"
        )
    n_scopes = written = deleted = 0
    for scope in list(source.scopes() if scopes is None else scopes):
        scope_written, scope_deleted = _copy_scope(source, target, scope, progress)
        n_scopes += 1
        written += scope_written
        deleted += scope_deleted
    return CopyResult(n_scopes, written, deleted)


def _copy_scope(
    source: MemoryStore, target: MemoryStore, scope: Scope, progress: Callable[[int], None] | None
) -> tuple[int, int]:
    written = deleted = 0
    for _ in range(MAX_ROUNDS):
        before = source.revision(scope)
        for granularity in Granularity:
            ids = [memory.id for memory in source.scan(scope, granularity)]
            for page in paginate(ids):
                entries = source.get(scope, granularity, page)
                target.write(Batch(scope, put=entries))
                written += len(entries)
                if progress is not None:
                    progress(len(entries))
            in_source = set(ids)
            in_target = [memory.id for memory in target.scan(scope, granularity)]
            extra = [(granularity, i) for i in in_target if i not in in_source]
            target.write(Batch(scope, delete=extra))
            deleted += len(extra)
        if source.revision(scope) == before:
            return written, deleted
    raise StoreError(
        f"the memories of {scope} kept changing while they were copied; "
        "copy again when no other client writes"
    )
