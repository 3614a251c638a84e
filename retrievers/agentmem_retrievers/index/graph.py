"""The association graph in memory: weighted edges, navigable in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.index.array_file import ArrayFile

__all__ = ["Adjacency", "IdNumbering"]

Weights = Mapping[str, float]


class IdNumbering:
    """Numbers for ids, computed when first needed.

    Args:
        groups: ids, one group after the other; empty strings get no number. Must not change.
    """

    def __init__(self, *groups: Sequence[str]) -> None:
        self._groups = groups

    @cached_property
    def ids(self) -> list[str]:
        """All ids, by number."""
        return [i for group in self._groups for i in group if i]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each id."""
        return {name: n for n, name in enumerate(self.ids)}


class _Direction:
    """One direction of the graph: rows read from a file, and rows changed since.

    Stored rows are compressed sparse rows (those of a `scipy.sparse.csr_array`), sliced by hand:
    see `inverted_index`.
    """

    def __init__(self) -> None:
        self._changed: dict[str, dict[str, float]] = {}
        self._numbering = IdNumbering()
        self._indptr: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._targets: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._weights: NDArray[np.float64] = np.zeros(0)

    def get(self, node: str) -> Weights:
        changed = self._changed.get(node)
        if changed is not None:
            return changed
        return self._stored(node) if len(self._targets) else {}

    def mutable(self, node: str) -> dict[str, float]:
        if node not in self._changed:
            self._changed[node] = self._stored(node) if len(self._targets) else {}
        return self._changed[node]

    def _stored(self, node: str) -> dict[str, float]:
        number = self._numbering.numbers.get(node)
        if number is None:
            return {}
        start, end = self._indptr[number : number + 2].tolist()
        ids = self._numbering.ids
        targets = [ids[n] for n in self._targets[start:end].tolist()]
        return dict(zip(targets, self._weights[start:end].tolist(), strict=True))

    def __iter__(self) -> Iterator[str]:
        stored = np.flatnonzero(np.diff(self._indptr)).tolist()
        yield from (i for n in stored if (i := self._numbering.ids[n]) not in self._changed)
        yield from (node for node, links in self._changed.items() if links)

    def to_arrays(self, into: ArrayFile, name: str, numbering: IdNumbering) -> None:
        rows = [self.get(node) for node in numbering.ids]
        sizes = np.array([len(row) for row in rows], dtype=np.int64)
        into.arrays[f"{name}.indptr"] = np.concatenate([np.zeros(1, np.int64), sizes.cumsum()])
        targets = [numbering.numbers[i] for i in chain.from_iterable(rows)]
        into.arrays[f"{name}.targets"] = np.array(targets, dtype=np.int32)
        weights = list(chain.from_iterable(row.values() for row in rows))
        into.arrays[f"{name}.weights"] = np.array(weights, dtype=np.float64)

    def from_arrays(self, file: ArrayFile, name: str, numbering: IdNumbering) -> None:
        self._numbering = numbering
        self._indptr = file.arrays[f"{name}.indptr"]
        self._targets = file.arrays[f"{name}.targets"]
        self._weights = file.arrays[f"{name}.weights"]


class Adjacency(Mapping[str, Weights]):
    """Weighted edges; as a mapping, the neighbors of a node in either direction.

    Every edge belongs to its source. Where both ends have an edge to the other, the mapping
    gives the greater weight.

    Example:
        >>> graph = Adjacency()
        >>> graph.set_edges("a", {"b": 0.5})
        >>> graph["b"]
        {'a': 0.5}
    """

    def __init__(self) -> None:
        self._forward, self._backward = _Direction(), _Direction()

    def __getitem__(self, node: str) -> Weights:
        forward, backward = self._forward.get(node), self._backward.get(node)
        if not forward and not backward:
            raise KeyError(node)
        return {i: max(forward.get(i, 0.0), backward.get(i, 0.0)) for i in (*forward, *backward)}

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self.nodes()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def nodes(self) -> Iterator[str]:
        """Yield every id with an edge in either direction; ids with both come twice."""
        return chain(self._forward, self._backward)

    def successors(self, node: str) -> Weights:
        """Return the targets of a node's own edges."""
        return self._forward.get(node)

    def predecessors(self, node: str) -> Weights:
        """Return the sources of the edges to a node."""
        return self._backward.get(node)

    def set_edges(self, node: str, edges: Weights) -> None:
        """Replace a node's own edges."""
        before = self._forward.get(node)
        # Recalls write memories again with the same edges: rows of a file stay in the file.
        if before != edges:
            for target in before:
                self._backward.mutable(target).pop(node, None)
            for target, weight in edges.items():
                self._backward.mutable(target)[node] = weight
            own = self._forward.mutable(node)
            own.clear()
            own.update(edges)

    def remove_node(self, node: str) -> None:
        """Remove all edges of a node, in both directions."""
        self.set_edges(node, {})
        for source in self._backward.get(node):
            self._forward.mutable(source).pop(node, None)
        if self._backward.get(node):
            self._backward.mutable(node).clear()

    def to_arrays(self, into: ArrayFile, name: str, numbering: IdNumbering) -> None:
        """Add all edges to a file; `numbering` must know both ends of each."""
        self._forward.to_arrays(into, f"{name}.forward", numbering)
        self._backward.to_arrays(into, f"{name}.backward", numbering)

    def from_arrays(self, file: ArrayFile, name: str, numbering: IdNumbering) -> None:
        """Read the edges that `to_arrays` wrote."""
        self._forward.from_arrays(file, f"{name}.forward", numbering)
        self._backward.from_arrays(file, f"{name}.backward", numbering)
