"""The derived index of a scope equals the store, however it came about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem_retrievers.index.graph import Adjacency
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE, Table
from agentmem_stores import Batch, Edge, Entry, Granularity, InMemoryStore, Memory, Scope, State

ADA = Scope("ada")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TURN = Granularity.TURN


def turn(name: str, session: str = "s", position: int = 0, **fields: object) -> Memory:
    known: dict[str, Any] = {"position": position, **fields}
    return Memory(name, ADA, TURN, f"text of {name}", session, NOW, NOW, **known)


def entry(memory: Memory) -> Entry:
    vector = np.zeros(384, dtype=np.float32)
    vector[0] = 1
    return Entry(memory, vector)


def neighbors(table: Table, name: str, offset: int) -> str | None:
    row = int(table.neighbors(np.array([table.row_of[name]]), offset)[0])
    return None if row == NONE else table.ids[row]


def test_turns_know_their_neighbors_in_any_order_of_writing() -> None:
    store = InMemoryStore()
    index = ScopeIndex.build(store, ADA)
    for name, position in [("c", 2), ("a", 0), ("b", 1)]:
        batch = Batch(ADA, put=[entry(turn(name, position=position))])
        index.apply(batch, store.write(batch))
    table = index.tables[TURN]
    assert [neighbors(table, "b", o) for o in (-2, -1, 1, 2)] == [None, "a", "c", None]
    gone = Batch(ADA, delete=[(TURN, "b")])
    index.apply(gone, store.write(gone))
    assert neighbors(table, "a", 1) == "c"


def test_what_is_visible_follows_every_write_and_the_time() -> None:
    """Which rows are active is computed once for many searches."""
    store = InMemoryStore()
    index = ScopeIndex.build(store, ADA)

    def write(batch: Batch) -> None:
        index.apply(batch, store.write(batch))

    def visible(now: datetime | None = NOW) -> set[str]:
        table = index.tables[TURN]
        return {table.ids[row] for row in np.flatnonzero(table.visible(None, now=now))}

    assert visible() == set()
    expiring = turn("b", position=1, expires_at=NOW + timedelta(hours=1))
    write(Batch(ADA, put=[entry(turn("a")), entry(expiring)]))
    assert visible() == {"a", "b"} == visible(None)
    assert visible(NOW + timedelta(hours=1)) == {"a"}
    assert visible() == {"a", "b"}, "asked for an earlier time"
    write(Batch(ADA, patch=[turn("a", state=State.ARCHIVED, state_changed_at=NOW)]))
    assert visible() == {"b"}
    write(Batch(ADA, patch=[turn("a"), turn("b", position=1)]))
    assert visible(NOW + timedelta(hours=1)) == {"a", "b"}
    write(Batch(ADA, delete=[(TURN, "a")]))
    assert visible() == {"b"}


def test_as_of_shows_what_was_known_and_not_yet_replaced() -> None:
    later = NOW + timedelta(days=9)
    old = replace(turn("m@1"), state=State.SUPERSEDED, state_changed_at=later, version_of="m")
    new = replace(turn("m"), said_at=later, version=2)
    index = ScopeIndex([entry(old), entry(new)], dimension=384, revision="0")
    table = index.tables[TURN]

    def visible_at(moment: datetime | None) -> set[str]:
        return {table.ids[row] for row in np.flatnonzero(table.visible(moment))}

    assert visible_at(None) == {"m"}
    assert visible_at(NOW + timedelta(days=1)) == {"m@1"}
    assert visible_at(NOW - timedelta(days=1)) == set()


names = st.sampled_from("abcdef")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names, st.sampled_from("xy"), st.integers(0, 5), names),
        st.tuples(st.just("patch"), names, st.floats(0.1, 99)),
        st.tuples(st.just("delete"), names),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_an_updated_index_equals_a_rebuilt_one(script: list[tuple[object, ...]]) -> None:
    store = InMemoryStore()
    index = ScopeIndex.build(store, ADA)
    for step in script:
        memories = {m.id: m for m in store.scan(ADA, TURN)}
        batch = as_batch(step, memories)
        if batch:
            index.apply(batch, store.write(batch))
    fresh = ScopeIndex.build(store, ADA)
    assert view(index) == view(fresh)


def as_batch(step: tuple[object, ...], memories: dict[str, Memory]) -> Batch:
    kind, name = step[0], str(step[1])
    if kind == "put":
        _, _, session, position, target = step
        edges = (Edge(str(target), 0.5),) if target in memories and target != name else ()
        return Batch(ADA, put=[entry(turn(name, str(session), int(str(position)), edges=edges))])
    if name not in memories:
        return Batch(ADA)
    if kind == "patch":
        return Batch(ADA, patch=[replace(memories[name], strength=float(str(step[2])))])
    linked = [
        replace(m, edges=tuple(e for e in m.edges if e.target != name))
        for m in memories.values()
        if m.id != name and any(e.target == name for e in m.edges)
    ]
    return Batch(ADA, patch=linked, delete=[(TURN, name)])


def view(index: ScopeIndex) -> dict[str, object]:
    table = index.tables[TURN]
    rows = {name: table.row_of[name] for name in sorted(table.row_of)}
    return {
        "ids": list(rows),
        "strength": [float(table.column("strength")[row]) for row in rows.values()],
        "members": {s: index.members(s, TURN) for s in "xy"},
        "documents": len(table.words),
        "retention": table.retention(NOW + timedelta(days=3))[list(rows.values())].tolist(),
    }


def test_dead_rows_are_bounded() -> None:
    """An index with too many dead rows is rebuilt in place."""
    store = InMemoryStore()
    engine = IndexedStore(store, max_dead_rows=20)
    index = engine.index(ADA)
    for n in range(200):
        engine.write(Batch(ADA, put=[entry(turn(f"m{n % 7}", position=n % 7))]))
        assert index.n_dead_rows <= 27
    assert engine.index(ADA) is index
    assert index.members("s", TURN) == [f"m{n}" for n in range(7)]
    assert index.revision == store.revision(ADA)


def test_edges_that_are_set_again_stay() -> None:
    graph = Adjacency()
    graph.set_edges("a", {"b": 0.5})
    graph.set_edges("a", graph.successors("a"))
    assert graph["b"] == {"a": 0.5}
