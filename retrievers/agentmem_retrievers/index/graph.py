"""Who is linked to whom, both ways: read from a file where they were kept, changed in memory."""

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
    """Ids by number, and their numbers; brought together when somebody asks for links.

    Args:
        groups: ids one after the other, without those that are empty; not to be changed.
    """

    def __init__(self, *groups: Sequence[str]) -> None:
        self._groups = groups

    @cached_property
    def ids(self) -> list[str]:
        """All ids."""
        return [i for group in self._groups for i in group if i]

    @cached_property
    def number(self) -> dict[str, int]:
        """The number of each id."""
        return {name: n for n, name in enumerate(self.ids)}


class _Way:
    """One direction: what each id leads to. Kept as compressed sparse rows, in order of names."""

    def __init__(self) -> None:
        self._changed: dict[str, dict[str, float]] = {}
        self._names = IdNumbering()
        self._starts: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._ends: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._weights: NDArray[np.float64] = np.zeros(0)

    def get(self, one: str) -> Weights:
        found = self._changed.get(one)
        return self._kept(one) if found is None else found

    def change(self, one: str) -> dict[str, float]:
        if one not in self._changed:
            self._changed[one] = self._kept(one)
        return self._changed[one]

    def _kept(self, one: str) -> dict[str, float]:
        number = self._names.number.get(one)
        if number is None:
            return {}
        start, end = self._starts[number : number + 2].tolist()
        ids = self._names.ids
        ends = [ids[n] for n in self._ends[start:end].tolist()]
        return dict(zip(ends, self._weights[start:end].tolist(), strict=True))

    def __iter__(self) -> Iterator[str]:
        kept = np.flatnonzero(np.diff(self._starts)).tolist()
        yield from (i for n in kept if (i := self._names.ids[n]) not in self._changed)
        yield from (one for one, held in self._changed.items() if held)

    def to_arrays(self, into: ArrayFile, name: str, names: IdNumbering) -> None:
        held = [self.get(one) for one in names.ids]
        sizes = np.array([len(h) for h in held], dtype=np.int64)
        into.arrays[f"{name}.starts"] = np.concatenate([np.zeros(1, np.int64), sizes.cumsum()])
        ends = chain.from_iterable(held)
        into.arrays[f"{name}.ends"] = np.array([names.number[i] for i in ends], dtype=np.int32)
        weights = chain.from_iterable(h.values() for h in held)
        into.arrays[f"{name}.weights"] = np.array(list(weights), dtype=np.float64)

    def from_arrays(self, frozen: ArrayFile, name: str, names: IdNumbering) -> None:
        self._names = names
        self._starts = frozen.arrays[f"{name}.starts"]
        self._ends = frozen.arrays[f"{name}.ends"]
        self._weights = frozen.arrays[f"{name}.weights"]


class Adjacency(Mapping[str, Weights]):
    """Weighed links, each brought by one of its ends; as a mapping, seen from both.

    Where both ends brought one, the greater weight counts.
    """

    def __init__(self) -> None:
        self._out, self._back = _Way(), _Way()

    def __getitem__(self, one: str) -> Weights:
        brought, back = self._out.get(one), self._back.get(one)
        if not brought and not back:
            raise KeyError(one)
        return {i: max(brought.get(i, 0.0), back.get(i, 0.0)) for i in (*brought, *back)}

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self.ends()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def ends(self) -> Iterator[str]:
        """Every id that links itself to another, or is linked to; some of them twice."""
        return chain(self._out, self._back)

    def brought_by(self, one: str) -> Weights:
        """What an id links itself to."""
        return self._out.get(one)

    def leading_to(self, one: str) -> Weights:
        """Who links itself to an id."""
        return self._back.get(one)

    def bring(self, one: str, links: Weights) -> None:
        """Put links in place of those that an id has brought so far."""
        before = self._out.get(one)
        if before or links:
            for other in before:
                self._back.change(other).pop(one, None)
            for other, weight in links.items():
                self._back.change(other)[one] = weight
            mine = self._out.change(one)
            mine.clear()
            mine.update(links)

    def cut(self, one: str) -> None:
        """Take out all links of an id, and to it."""
        self.bring(one, {})
        for other in self._back.get(one):
            self._out.change(other).pop(one, None)
        if self._back.get(one):
            self._back.change(one).clear()

    def to_arrays(self, into: ArrayFile, name: str, names: IdNumbering) -> None:
        """Write down all links; `names` are those of all their ends."""
        self._out.to_arrays(into, f"{name}.out", names)
        self._back.to_arrays(into, f"{name}.back", names)

    def from_arrays(self, frozen: ArrayFile, name: str, names: IdNumbering) -> None:
        """Take over what was written down."""
        self._out.from_arrays(frozen, f"{name}.out", names)
        self._back.from_arrays(frozen, f"{name}.back", names)
