"""What every store checks before it writes anything."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

import numpy as np

from agentmem_stores.errors import ClosedError, InvalidInputError, MemoryNotFoundError
from agentmem_stores.records import Memory
from agentmem_stores.store import Batch, EmbedderSpec, Vectors, token_code_bytes

__all__ = ["check_batch", "check_patched", "check_queries", "closed"]


def closed(name: str) -> ClosedError:
    """Return the error for a store that is used after close()."""
    return ClosedError(f"this {name} is closed; open another one")


def check_batch(batch: Batch, embedder: EmbedderSpec) -> None:
    """Check all of a batch that can be checked without looking into the store.

    Raises:
        InvalidInputError: a memory belongs to another scope, an id appears twice, or a vector
            has the wrong shape, is not finite or has no length, or words are cut short.
    """
    written: set[str] = set()
    for memory in chain((entry.memory for entry in batch.put), batch.patch):
        if memory.scope != batch.scope:
            raise InvalidInputError(
                f"memory {memory.id!r} belongs to {memory.scope}, the batch to {batch.scope}; "
                "make a batch for each scope"
            )
        if memory.id in written:
            raise InvalidInputError(f"id {memory.id!r} appears twice; merge the two changes")
        written.add(memory.id)
    for _, memory_id in batch.delete:
        if memory_id in written:
            raise InvalidInputError(f"id {memory_id!r} is both written and deleted; choose one")
    for entry in batch.put:
        _check_vectors(entry.vector, (embedder.dimension,), f"vector of {entry.memory.id!r}")
        if len(entry.token_codes) % token_code_bytes(embedder.dimension):
            raise InvalidInputError(
                f"token codes of {entry.memory.id!r} have {len(entry.token_codes)} bytes, which is no "
                f"multiple of {token_code_bytes(embedder.dimension)}; embed with the store's own embedder"
            )


def check_patched(patch: Collection[Memory], known: Collection[tuple[str, str]]) -> None:
    """Check that every patched memory exists.

    Args:
        known: (granularity, id) pairs that the scope holds.

    Raises:
        MemoryNotFoundError: one does not.
    """
    for memory in patch:
        if (memory.granularity, memory.id) not in known:
            raise MemoryNotFoundError(
                f"{memory.scope} has no {memory.granularity} {memory.id!r} to patch; "
                "put it with its vector instead"
            )


def check_queries(vectors: Vectors, n: int, embedder: EmbedderSpec) -> Vectors:
    """Return query vectors as contiguous float32.

    Raises:
        InvalidInputError: they have the wrong shape or are not finite, or `n` is below 1.
    """
    if n < 1:
        raise InvalidInputError(f"n={n} must be at least 1")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    _check_vectors(vectors, (len(vectors) if vectors.ndim else 0, embedder.dimension), "queries")
    return vectors


def _check_vectors(vectors: Vectors, shape: tuple[int, ...], name: str) -> None:
    if np.shape(vectors) != shape:
        raise InvalidInputError(
            f"{name} have shape {np.shape(vectors)}, the store's embedder makes {shape}; "
            "embed with the store's own embedder"
        )
    if not np.isfinite(vectors).all():
        raise InvalidInputError(f"{name} are not finite numbers; check the embedder")
    if not np.any(vectors, axis=-1).all():
        raise InvalidInputError(f"{name} have no length, so no direction; check the embedder")
