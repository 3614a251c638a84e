"""Pages of memories: the newest first page by page, and oldest first within a page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import Rows
from agentmem_retrievers.notebook import html_table
from agentmem_stores import Granularity, InvalidInputError, Memory, Scope
from agentmem_stores.filters import MemoryFilter
from agentmem_stores.store import paginate

__all__ = ["MemoryPage", "list_memories"]

_by_key = attrgetter("key")
# Where a memory stands: said at, written at (seconds since 1970), session, position and id.
_Key = tuple[float, float, str, int, str]


class MemoryPage(list[Memory]):
    """A list of memories, oldest first.

    Attributes:
        next_cursor: pass it as `cursor=` for the page of older memories; None on the last page.
    """

    next_cursor: str | None = None

    def _repr_html_(self) -> str:
        """Return a table for notebooks; texts are escaped."""
        return html_table(
            f"{len(self)} memories",
            ("said at", "kind", "speaker", "text"),
            [
                (f"{m.said_at:%Y-%m-%d %H:%M}", m.granularity.value, m.speaker or m.role, m.text)
                for m in self
            ],
        )


@dataclass(frozen=True)
class _Place:
    """Where in the index a memory is, and where it stands in a listing."""

    key: _Key
    granularity: Granularity

    @property
    def id(self) -> str:
        return self.key[-1]


def list_memories(
    memories: IndexedStore,
    scope: Scope,
    granularities: Sequence[Granularity],
    where: MemoryFilter | None,
    *,
    limit: int | None,
    offset: int = 0,
    cursor: str | None = None,
) -> MemoryPage:
    """Return one page; the store is read for the memories of the page only.

    A cursor names the memory that a page ended with by its place in the order, so whatever is
    written or deleted meanwhile, no memory is missed and none is returned twice.

    Raises:
        InvalidInputError: the cursor is invalid.
    """
    before = None if cursor is None else _parse_cursor(cursor)
    with memories.reading(scope) as index:
        rows = _rows(index, granularities, where, before)
        n_newest = None if limit is None else offset + limit + 1
        places = sorted(_places(index, _newest(index, rows, n_newest)), key=_by_key, reverse=True)
        if before is not None:
            places = [place for place in places if place.key < before]
        wanted = places[offset:] if limit is None else places[offset : offset + limit]
        page = MemoryPage(_read(memories, scope, wanted))
    if limit is not None and len(places) > offset + limit:
        page.next_cursor = _cursor(wanted[-1].key)
    page.reverse()
    return page


def _rows(
    index: ScopeIndex,
    granularities: Sequence[Granularity],
    where: MemoryFilter | None,
    before: _Key | None,
) -> dict[Granularity, Rows]:
    """Return the rows that a page may show, by granularity; some said at the cursor's time may not.

    Only current versions are listed.
    """
    rows = {}
    for granularity in granularities:
        table = index.tables[granularity]
        mask = index.matching(granularity, where) & ~table.column("former")
        if before is not None:
            mask &= table.column("said_at") <= before[0]
        rows[granularity] = np.flatnonzero(mask)
    return rows


def _newest(
    index: ScopeIndex, rows: Mapping[Granularity, Rows], n: int | None
) -> dict[Granularity, Rows]:
    """Return the rows of the `n` newest memories, and all others said when the last of them was."""
    said_at = {g: index.tables[g].column("said_at")[each] for g, each in rows.items()}
    times = np.concatenate(list(said_at.values()))
    if n is None or len(times) <= n:
        return dict(rows)
    oldest = np.partition(times, -n)[-n]
    return {g: each[said_at[g] >= oldest] for g, each in rows.items()}


def _places(index: ScopeIndex, rows: Mapping[Granularity, Rows]) -> Iterator[_Place]:
    for granularity, each in rows.items():
        table = index.tables[granularity]
        columns = [table.column(n)[each].tolist() for n in ("said_at", "written_at", "position")]
        sessions = table.column("session")[each].tolist()
        for row, said_at, written_at, position, session in zip(
            each.tolist(), *columns, sessions, strict=True
        ):
            name = index.session_names[session]
            yield _Place((said_at, written_at, name, position, table.ids[row]), granularity)


def _read(memories: IndexedStore, scope: Scope, places: Sequence[_Place]) -> list[Memory]:
    """Read memories from the store in the order of their places."""
    by_key: dict[tuple[Granularity, str], Memory] = {}
    for granularity in {place.granularity for place in places}:
        ids = [place.id for place in places if place.granularity is granularity]
        for page in paginate(ids):
            read = memories.store.get_memories(scope, granularity, page)
            by_key |= {(granularity, memory.id): memory for memory in read}
    keys = [(place.granularity, place.id) for place in places]
    return [by_key[key] for key in keys if key in by_key]


def _cursor(key: _Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> _Key:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        said_at, written_at, session, position, memory_id = json.loads(raw)
        return float(said_at), float(written_at), str(session), int(position), str(memory_id)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InvalidInputError(
            f"cursor={cursor[:80]!r} must be the next_cursor of an earlier page"
        ) from None
