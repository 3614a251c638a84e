"""The vectors of one scope side by side, to be compared one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from agentmem_stores.store import Neighbor, Vectors

__all__ = ["Matrix"]


class Matrix:
    """Ids and their vectors; finds nearest neighbours exactly.

    Args:
        ids: one for each row.
        vectors: float32 of shape (ids, dimension); none of length zero.
    """

    def __init__(self, ids: Sequence[str], vectors: Vectors) -> None:
        self._ids = list(ids)
        self._row_of = {memory_id: row for row, memory_id in enumerate(self._ids)}
        self._units = _unit(vectors)

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Add vectors, or replace those of known ids."""
        new = [memory_id for memory_id in ids if memory_id not in self._row_of]
        for memory_id in new:
            self._row_of[memory_id] = len(self._ids)
            self._ids.append(memory_id)
        if len(self._ids) > len(self._units):
            # Room for as many again, so that adding one by one does not copy all each time.
            spare = np.zeros((2 * len(self._ids), vectors.shape[1]), dtype=np.float32)
            spare[: len(self._units)] = self._units
            self._units = spare
        self._units[[self._row_of[memory_id] for memory_id in ids]] = _unit(vectors)

    def delete(self, ids: Iterable[str]) -> None:
        """Take ids out; the last row moves into each gap."""
        for memory_id in ids:
            row = self._row_of.pop(memory_id, None)
            if row is None:
                continue
            last = self._ids.pop()
            if last != memory_id:
                self._ids[row] = last
                self._row_of[last] = row
                self._units[row] = self._units[len(self._ids)]
            # Nothing of a deleted vector is to be left, not even in memory.
            self._units[len(self._ids)] = 0.0

    def nearest(self, vectors: Vectors, n: int) -> list[list[Neighbor]]:
        """Return up to `n` neighbours of each row of `vectors`, best first; ties by id."""
        size = len(self._ids)
        if not size:
            return [[] for _ in vectors]
        similarities = np.clip(_unit(vectors) @ self._units[:size].T, -1.0, 1.0)
        if n < size:
            best = np.argpartition(-similarities, n - 1, axis=1)[:, :n]
        else:
            best = np.broadcast_to(np.arange(size), similarities.shape)
        return [
            sorted(
                (Neighbor(self._ids[j], float(row[j])) for j in chosen),
                key=lambda found: (-found.similarity, found.id),
            )
            for row, chosen in zip(similarities, best, strict=True)
        ]


def _unit(vectors: Vectors) -> Vectors:
    """Scale rows to unit length."""
    lengths: Vectors = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths
